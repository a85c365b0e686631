"""The report in a real browser without a window: it works, offline, for everybody.

Skipped where playwright or a Chromium is missing; any Chromium that is installed will do.
"""

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mfa
from mfa.report import report

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

HOSTILE = "</script><b onclick=alert(1)>bold"
WIDTHS = {"wide": (1280, 900), "narrow": (390, 844)}


@dataclass
class Opened:
    """A page of the browser, and what it asked for and complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def choose(self, title: str) -> None:
        self.page.select_option("#scenario", label=title)
        self.page.wait_for_timeout(150)

    def year(self, year: int) -> None:
        self.page.locator("#year").fill(str(year))
        self.page.wait_for_timeout(350)


ORDER = ("reference", "eu_battery_regulation", "vehicle_reference", "hostile", "few")


@pytest.fixture(scope="module")
def folder(report_results: Path) -> Path:
    return report_results


@pytest.fixture(scope="module")
def file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("page") / "report.html"
    return report([folder / name for name in ORDER], target)[0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as started:
        try:
            found = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        except sync_api.Error as error:
            pytest.skip(f"{CHROMIUM} does not start: {str(error).splitlines()[0]}")
        yield found
        found.close()


@pytest.fixture(scope="module")
def pages(browser: Any, file: Path) -> Iterator[dict[str, Opened]]:
    """The page at each width, opened once: to unpack it takes longer than most tests."""
    found = {}
    for name, (width, height) in WIDTHS.items():
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
        opened = found[name] = Opened(context.new_page())
        context.on("request", lambda request, own=opened: own.requests.append(request.url))
        opened.page.on("console", lambda said, own=opened: own.complaints.append(said.text))
        opened.page.on("pageerror", lambda error, own=opened: own.complaints.append(str(error)))
        opened.page.goto(file.as_uri())
        opened.page.wait_for_selector("body.ready", timeout=60_000)
    yield found
    for opened in found.values():
        opened.page.context.close()


@pytest.fixture(params=[*WIDTHS])
def opened(
    request: pytest.FixtureRequest, pages: dict[str, Opened], file: Path
) -> Iterator[Opened]:
    yield from _as_new(pages[request.param], file)


@pytest.fixture
def wide(pages: dict[str, Opened], file: Path) -> Iterator[Opened]:
    yield from _as_new(pages["wide"], file)


def _as_new(found: Opened, file: Path) -> Iterator[Opened]:
    page = found.page
    page.select_option("#scenario", value="0")
    page.select_option("#mineral", label="Co")
    page.locator("#search").fill("")
    found.year(2035)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    yield found
    page.emulate_media(media="screen")
    assert found.requests == [file.as_uri()]
    assert found.complaints == []


def drawn(opened: Opened) -> dict[str, float]:
    """Return the width of every link of the Sankey, by its first flow."""
    return dict(
        opened.page.evaluate(
            "[...document.querySelectorAll('#sankey path.link')].map(p => [p.dataset.flow, +p.getAttribute('stroke-width')])"
        )
    )


def test_the_slider_moves_and_the_sankey_is_to_scale(opened: Opened, folder: Path) -> None:
    result = mfa.load(folder / "reference").sel(material="Co")
    assert opened.page.locator("#year-shown").inner_text() == "2035"
    shown = {}
    for year in (2035, 2020):
        opened.year(year)
        widths = drawn(opened)
        amounts = {name: float(result[name].sel(year=year).sum()) for name in widths}
        scale = widths["metal_to_fabricate"] / amounts["metal_to_fabricate"]
        for name, width in widths.items():
            assert width == pytest.approx(max(0.8, amounts[name] * scale), abs=0.02)
        shown[year] = widths
    assert shown[2035] != shown[2020]
    opened.page.locator("#year").focus()
    opened.page.keyboard.press("ArrowRight")
    opened.page.keyboard.press("ArrowRight")
    opened.page.wait_for_timeout(350)
    assert opened.page.locator("#year-shown").inner_text() == "2022"
    assert drawn(opened) not in (shown[2035], shown[2020])
    assert "Sankey of Co, 2022" in opened.page.locator("#sankey-canvas").get_attribute("aria-label")


def test_pickers_switch_and_each_system_has_its_panels(opened: Opened) -> None:
    page = opened.page
    told = page.locator("#demand-caption").inner_text()
    assert told.startswith("Co: demand")
    assert "all demand was met in every year" in page.locator("#shortage").inner_text()
    page.select_option("#mineral", label="Li")
    page.wait_for_timeout(150)
    assert page.locator("#demand-caption").inner_text().startswith("Li: demand")
    opened.choose("EU battery regulation (eu_battery_regulation)")
    assert page.locator("#title").inner_text() == "EU battery regulation"
    assert "eu recycled content" in page.locator("#indicators").inner_text()
    assert page.locator("#mineral option:checked").inner_text() == "Li"
    opened.choose("Minerals in electric cars, reference (vehicle_reference)")
    assert page.locator("#mineral option").count() == 16
    assert "No trade between places of origin" in page.locator("#risk").inner_text()
    assert set(drawn(opened)) == {"supply_to_batteries", "batteries_to_scrap"}
    opened.choose("Bulk metals, reference (bulk_reference)")
    assert "No capacity was limited" in page.locator("#shortage").inner_text()
    assert "needs them all: run it with --keep all" in page.locator("#flows").inner_text()
    assert "medians; bands hold 50 and 90 %" in page.locator("#demand-caption").inner_text()
    bands = "document.querySelector('#demand-canvas').data.filter(t => t.fill === 'tonexty').length"
    assert page.evaluate(bands) == 6


def test_a_title_is_text(wide: Opened) -> None:
    wide.page.select_option("#scenario", value="3")
    wide.page.wait_for_timeout(150)
    assert wide.page.locator("#title").inner_text() == HOSTILE
    assert wide.page.locator("b[onclick]").count() == 0


READABLE = """() => {
  const small = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !parent.getClientRects().length) continue;
    if (parent.closest('script, style, noscript')) continue;
    const size = parseFloat(getComputedStyle(parent).fontSize);
    if (size < 12) small.push([size, walk.currentNode.textContent.trim().slice(0, 40)]);
  }
  const over = [...document.querySelectorAll('body *')].filter(e => !e.closest('.wide') && !e.closest('.skip')
    && e.getBoundingClientRect().right > innerWidth + 1 && e.getClientRects().length
    && !e.closest('svg')).map(e => e.tagName + '#' + e.id);
  return {small, over, width: document.documentElement.scrollWidth, page: innerWidth};
}"""

OVERLAPS = """(figure) => {
  const boxes = [...document.querySelectorAll(`#${figure} text.label`)].map(t => [t.textContent, t.getBoundingClientRect()]);
  const svg = document.querySelector(`#${figure} svg`).getBoundingClientRect();
  const out = boxes.filter(([, b]) => b.left < svg.left - 1 || b.right > svg.right + 1 || b.bottom > svg.bottom + 1).map(([t]) => t);
  const found = [];
  boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
    const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (across > 3 && down > 4) found.push([a, b]);
  }));
  return {out, found, count: boxes.length};
}"""


def test_the_page_is_readable(opened: Opened) -> None:
    for title in ("Reference (reference)", "Bulk metals, reference (bulk_reference)"):
        opened.choose(title)
        for summary in opened.page.locator("summary:visible").all():
            summary.click()
        found = opened.page.evaluate(READABLE)
        assert found["small"] == [] and found["over"] == []
        assert found["width"] <= found["page"]


@pytest.mark.parametrize("mineral", ["Co", "Ni", "Li"])
def test_names_in_drawings_do_not_overlap(opened: Opened, mineral: str) -> None:
    opened.page.select_option("#mineral", label=mineral)
    for year in (1990, 2035, 2050):
        opened.year(year)
        found = opened.page.evaluate(OVERLAPS, "sankey")
        assert found["count"] > 10
        assert found["found"] == [] and found["out"] == [], year
    found = opened.page.evaluate(OVERLAPS, "system")
    assert found["found"] == [] and found["out"] == []


def test_everything_is_reached_with_the_keyboard(wide: Opened) -> None:
    page = wide.page
    first = page.evaluate("document.querySelector('a, button, input, select, summary').className")
    assert first == "skip"
    page.locator(".skip").focus()
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "[document.activeElement.id || document.activeElement.textContent, getComputedStyle(document.activeElement).outlineStyle]"
        )
        if page.evaluate("document.activeElement === document.body"):
            break  # past the last
        assert outline != "none", name
        reached.append(name)
    order = [
        "scenario",
        "mineral",
        "year",
        "Flows",
        "sankey-download",
        "demand-download",
        "share-download",
        "rates-download",
        "concentration-download",
        "system-download",
        "search",
        "assumption-download",
    ]
    places = [reached.index(name) for name in order]
    assert places == sorted(places)


def test_everything_has_a_name(wide: Opened) -> None:
    names = wide.page.evaluate(
        "[...document.querySelectorAll('[role=img]')].map(e => e.getAttribute('aria-label'))"
    )
    assert len(names) >= 8 and all(len(name) > 20 for name in names)
    unnamed = wide.page.evaluate(
        """[...document.querySelectorAll('button, input, select, [tabindex="0"], a, summary')]
           .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || (e.labels && e.labels.length)))
           .map(e => e.outerHTML)"""
    )
    assert unnamed == []
    levels = wide.page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].map(h => +h.tagName[1])"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


CONTRAST = """() => {
  const light = (c) => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const low = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !parent.getClientRects().length || parent.closest('script, style')) continue;
    const style = getComputedStyle(parent);
    const ink = rgb(parent.closest('svg') ? style.fill : style.color);
    let back = [255, 255, 255];
    for (let e = parent; e; e = e.parentElement) {
      const own = rgb(getComputedStyle(e).backgroundColor);
      if (own.length === 3 || own[3] > 0) { back = own.slice(0, 3); break; }
    }
    const [a, b] = [light(ink.slice(0, 3)), light(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push([walk.currentNode.textContent.trim().slice(0, 30), ratio]);
  }
  return low;
}"""


def test_texts_stand_out(wide: Opened) -> None:
    assert wide.page.evaluate(CONTRAST) == []


def test_a_quantity_has_one_colour_in_all_figures(wide: Opened) -> None:
    colours: dict[str, set[str]] = {}
    for title in ("Reference (reference)", "Bulk metals, reference (bulk_reference)"):
        wide.choose(title)
        for name, colour in wide.page.evaluate(
            """[...document.querySelectorAll('.canvas.js-plotly-plot')].flatMap(c => c.data.filter(t => t.name && t.line.width > 0).map(t => [t.name, t.line.color]))"""
        ):
            colours.setdefault(name, set()).add(colour)
    assert len(colours) > 12 and all(len(own) == 1 for own in colours.values())


def test_downloads_hold_the_data(wide: Opened, folder: Path, tmp_path: Path) -> None:
    result = mfa.load(folder / "reference").sel(material="Co")
    wanted = result.demand.sel(year=slice(1975, None)).sum("region") / 1e3
    saved = _saved(wide, "demand", tmp_path)
    assert saved[0][:2] == ["year", "demand [kt/yr]"]
    np.testing.assert_allclose([float(row[1]) for row in saved[1:]], wanted, rtol=1e-5)
    flows = _saved(wide, "sankey", tmp_path)
    assert flows[0] == ["from", "to", "kind", "flow in 2035 [t/yr]"]
    mined = float(result.mine_to_ore.sel(year=2035).sum())
    (row,) = [row for row in flows if row[:2] == ["mine", "refine"]]
    assert float(row[3]) == pytest.approx(mined, rel=1e-5)
    rows = _saved(wide, "assumption", tmp_path)
    assert rows[0][0] == "parameter" and len(rows) > 300
    wide.page.locator("#search").fill("vehicle_sales")
    assert wide.page.locator("#assumption-count").inner_text().startswith("1 of ")


def _saved(opened: Opened, name: str, folder: Path) -> list[list[str]]:
    with opened.page.expect_download() as waiting:
        opened.page.locator(f"#{name}-download").click()
    target = folder / waiting.value.suggested_filename
    waiting.value.save_as(target)
    with target.open(newline="", encoding="utf-8") as file:
        return [*csv.reader(file)]


def test_a_printed_page_has_no_controls_that_do_nothing(wide: Opened) -> None:
    wide.page.emulate_media(media="print")
    assert (
        wide.page.locator("nav").is_hidden() and wide.page.locator("#demand-download").is_hidden()
    )
    assert wide.page.locator("#demand-canvas").is_visible()

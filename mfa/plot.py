"""Figures with units, a source line and colours that everybody can tell apart (matplotlib only)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import xarray as xr

from mfa.areas import cohorts as cohorts
from mfa.areas import stacked as stacked
from mfa.credits import credit
from mfa.drawing import COLOURS as COLOURS
from mfa.drawing import MOST, palette
from mfa.fit_figures import s_curve as s_curve
from mfa.many_lines import lines as lines
from mfa.many_lines import multiples as multiples
from mfa.panels import flows_panel, lean, stocks_panel, words
from mfa.panels import lines as flow_lines
from mfa.risk_figures import criticality as criticality
from mfa.risk_figures import risk_map as risk_map
from mfa.sankey_figures import sankey as sankey
from mfa.supply_figures import demand as demand
from mfa.supply_figures import supply as supply
from mfa.tornadoes import tornado as tornado
from mfa.waterfalls import waterfall as waterfall

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = (
    "sankey",
    "demand",
    "supply",
    "lines",
    "stacked",
    "multiples",
    "cohorts",
    "s_curve",
    "criticality",
    "risk_map",
    "waterfall",
    "tornado",
)
"""The figures, each a function of this room that returns matplotlib Axes."""

DPI = 120
"""Of the figures that are saved with every result, 960 × 540 pixels."""


# ----------------------------------------------------------------- overview


def overview(result: xr.Dataset) -> dict[str, Figure]:
    """Draw the figures that are saved with every result.

    Parameters
    ----------
    result : Dataset
        Of :func:`mfa.run` or :func:`mfa.run_batch`, or read from a file.

    Returns
    -------
    dict of name to Figure
        For each scenario and material ``flows_…`` (eight flows that
        :mod:`mfa.panels` chooses, world totals from the first reported year)
        and ``stocks_…``; a flow or stock has one colour in all of them.
    """
    figures: dict[str, Figure] = {}
    for page in _pages(result):
        figures[page.name] = _sheet()
        page.draw(figures[page.name])
    return figures


def write(result: xr.Dataset, folder: Path) -> list[str]:
    """Draw the figures of :func:`overview` into a folder, as PNG; return their names.

    All are drawn on one sheet, which takes half the time of a figure for each.
    """
    names, sheet = [], _sheet()
    for page in _pages(result):
        page.draw(sheet)
        _save(sheet, folder / f"{page.name}.png")
        names.append(page.name)
    return names


def _save(sheet: Figure, path: Path) -> None:
    """Write a sheet as PNG of 256 colours, which takes a third of the time and the space."""
    from PIL import Image

    canvas: Any = sheet.canvas
    canvas.draw()
    drawn = canvas.buffer_rgba()
    size = (drawn.shape[1], drawn.shape[0])
    whole = Image.frombytes("RGB", size, drawn, "raw", "RGBX")
    few = whole.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    colours, paper = few.getpalette() or [], few.getpixel((0, 0))
    assert isinstance(paper, int)
    colours[3 * paper : 3 * paper + 3] = [255, 255, 255]  # quantised it is not quite white
    few.putpalette(colours)
    few.save(path, compress_level=3, dpi=(DPI, DPI))


@dataclass(frozen=True)
class _Page:
    """One figure: its name, what is drawn, in which colours, and the line at its foot."""

    name: str
    panel: xr.DataArray
    areas: bool
    colours: Mapping[str, str]
    source: str

    def draw(self, sheet: Figure) -> None:
        """Draw on a sheet, in the place of what was drawn on it before."""
        (ax,), (foot,) = sheet.axes, sheet.texts
        for artist in [*ax.lines, *ax.collections, *ax.artists, *ax.texts]:
            artist.remove()
        ax.relim()
        ax.autoscale(enable=True)
        if self.areas:
            by = next(str(dim) for dim in self.panel.dims if dim != "year")
            stacked(self.panel, by, ax, colours=self.colours)
        else:
            lines(self.panel, ax=ax, colours=self.colours)
        foot.set_text(self.source)


def _sheet() -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from mfa.sheets import Canvas

    figure = Figure(figsize=(8.0, 4.5), dpi=DPI)
    Canvas(figure)
    ax = figure.add_axes((0.09, 0.165, 0.62, 0.725))
    ax.yaxis.set_label_coords(-0.095, 0.5)  # else it is found from the boxes of all tick labels
    ax.xaxis.set_label_coords(0.5, -0.1)
    for axis in (ax.xaxis, ax.yaxis):  # few: numbers are what takes longest to draw
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    figure.text(0.01, 0.015, "", fontsize=6, color="#666666")
    return figure


def _pages(result: xr.Dataset) -> Iterator[_Page]:
    batch = "scenario" in result.dims
    first = int(result.attrs.get("report_from", result["year"].values[0]))
    late = lean(result).sel(year=slice(first, None))
    flows = dict([*flow_lines(late).items()][:MOST])
    sha = str(result.attrs.get("scenario_sha256", ""))[:8]
    source = (
        f"{result.attrs.get('source', 'mfa')}, scenario {sha}, contained mass, all places together"
    )
    source += "".join(f"\n{line}" for line in fill(credit(result.attrs), 170).splitlines())
    for name, title in _titles(result).items():
        one = late.sel(scenario=name) if batch else late
        materials = [str(m) for m in one["material"].values] if "material" in one.dims else [""]
        for number, material in enumerate(materials):
            part = one.isel(material=number) if material else one
            ending = "_".join(filter(None, (material, name if batch else "")))
            for what, (panel, every) in {
                "flows": (flows_panel(part, flows), list(flows)),
                "stocks": stocks_panel(part),
            }.items():
                if panel is None:
                    continue
                head = ": ".join(filter(None, (title, material)))
                panel = panel.assign_attrs(long_name=f"{head}, {panel.attrs['long_name']}")
                key = f"{what}_{ending}".rstrip("_")
                yield _Page(key, panel, what == "stocks", palette(every), source)


def _titles(result: xr.Dataset) -> dict[str, str]:
    """Return the title of every scenario of a result, or its name where titles are not known."""
    titles = str(result.attrs.get("title", "")).split("; ")
    run = str(result.attrs.get("scenario_name", "")).split(", ")
    known_titles = dict(zip(run, titles, strict=True)) if len(run) == len(titles) else {}
    names = [str(name) for name in result["scenario"].values] if "scenario" in result.dims else run
    if "scenario" not in result.dims and len(run) > 1:
        names = [", ".join(run)]
    return {name: _short(known_titles.get(name) or words(name)) for name in names}


def _short(text: str, most: int = 56) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"

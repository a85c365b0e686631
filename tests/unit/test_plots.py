"""Every figure shows its data, says whose they are, and has a picture in the documentation."""

from __future__ import annotations

import inspect
import runpy
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import mfa
from mfa import demand, plot
from mfa.credits import credit, sources
from mfa.errors import MfaError

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"


@pytest.fixture(scope="module")
def reference() -> xr.Dataset:
    return mfa.run(mfa.read_scenario(SCENARIOS / "reference.yaml"))


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(7.5, 4.2)).add_subplot()


def areas(ax: Axes) -> list[np.ndarray]:
    """Return the heights of the areas of a figure, from below."""
    found = []
    for path in ax.collections[0].get_paths():
        edge = path.vertices[:-1]
        half = len(edge) // 2
        found.append(edge[:half, 1] - edge[half:][::-1, 1])
    return found


def foot(ax: Axes) -> str:
    figure = ax.figure.get_figure(root=True)
    assert figure is not None
    return str(figure.get_supxlabel())


# ------------------------------------------------------------- pictures and room


def test_every_figure_has_a_picture_and_every_picture_a_figure() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "figures.py"), run_name="figures")
    assert tuple(script["FIGURES"]) == plot.FIGURES
    assert sorted(p.stem for p in (ROOT / "docs" / "figures").glob("*.png")) == sorted(plot.FIGURES)
    for name in plot.FIGURES:
        function = getattr(plot, name)
        assert inspect.signature(function).return_annotation == "Axes", name
        assert "Raises" in inspect.getdoc(function), name


def test_every_figure_of_a_result_can_name_its_sources() -> None:
    without = {"s_curve"}  # a fit has no sources of its own
    for name in plot.FIGURES:
        assert name in without or "result" in inspect.signature(getattr(plot, name)).parameters


# --------------------------------------------------------------- figures, data


def test_demand_is_drawn_by_end_use(reference: xr.Dataset, ax: Axes) -> None:
    plot.demand(reference, material="Co", ax=ax)
    asked = reference.metal_to_fabricate.sel(material="Co", year=slice(1975, None)).sum("region")
    drawn = areas(ax)
    assert np.sum(drawn, axis=0) == pytest.approx(asked.sum("end_use").values / 1e3)
    assert drawn[0] == pytest.approx(asked.sel(end_use="electric vehicles").values / 1e3)
    assert ax.get_ylabel() == "kt/yr"
    assert ax.get_title(loc="left") == "Reference: Co, demand by end use"
    assert "IEA 2025" in foot(ax) and "mfa 0.1.0 · reference" in foot(ax)


def test_supply_is_what_is_mined_and_what_is_recycled(reference: xr.Dataset, ax: Axes) -> None:
    plot.supply(reference, material="Ni", ax=ax)
    late = reference.sel(material="Ni", year=slice(1975, None))
    mined = late.mine_to_ore.sum("mine_country") + late.synthetic_to_refine.sum("refine_country")
    whole = mined + late.secondary_supply.sum("region")
    assert np.sum(areas(ax), axis=0) == pytest.approx(whole.values / 1e6)
    assert "5 others" in [t.get_text() for t in ax.texts] or len(ax.texts) == len(areas(ax))


def test_one_mineral_and_one_scenario_have_to_be_chosen(reference: xr.Dataset) -> None:
    with pytest.raises(MfaError, match=r"demand shows one material of Co, Cu.*material='Co'"):
        plot.demand(reference)
    with pytest.raises(MfaError, match="no label 'cobalt'"):
        plot.supply(reference, material="cobalt")
    with pytest.raises(MfaError, match="no dimension 'use'"):
        plot.demand(reference, "use", material="Co")
    with pytest.raises(MfaError, match="no market"):
        plot.demand(xr.Dataset())


def test_lines_of_samples_have_bands(ax: Axes) -> None:
    values = np.arange(101.0)[:, None] + np.array([0.0, 100.0])
    data = xr.DataArray(values, {"sample": range(101), "year": [2020, 2030]}, ("sample", "year"))
    plot.lines(data, ax=ax)
    assert ax.lines[0].get_ydata() == pytest.approx([50, 150])
    wide, narrow = (band.get_paths()[0].vertices[:, 1] for band in ax.collections[:2])
    assert (wide.min(), wide.max(), narrow.min(), narrow.max()) == pytest.approx((5, 195, 25, 175))
    assert foot(ax) == "line: median; bands: 5–95 %, 25–75 % of 101 samples"


def test_lines_of_quantiles_are_those_of_their_samples(ax: Axes) -> None:
    data = xr.Dataset({"x": (("sample", "year"), np.arange(20.0).reshape(10, 2))}, {"year": [1, 2]})
    other = Figure().add_subplot()
    plot.lines(data.x, ax=ax)
    plot.lines(mfa.quantiles(data).x, ax=other)
    bands = [[band.get_paths()[0].vertices for band in own.collections[:2]] for own in (ax, other)]
    for own, theirs in zip(*bands, strict=True):
        assert own == pytest.approx(theirs)
    assert ax.lines[0].get_ydata() == pytest.approx(other.lines[0].get_ydata())


def test_small_multiples_have_a_panel_for_each_label(ax: Axes) -> None:
    data = xr.DataArray(
        np.arange(12.0).reshape(2, 3, 2) * 1e3,
        {"year": [2020, 2030], "material": ["Co", "Li", "Ni"], "scenario": ["a", "b"]},
        ("year", "material", "scenario"),
        attrs={"units": "t/yr"},
    )
    panels = plot.multiples(data, "material", ax=ax).child_axes
    assert [panel.get_title() for panel in panels] == ["Co", "Li", "Ni"]
    for panel, label in zip(panels, data.material.values, strict=True):
        for line, name in zip(panel.lines, data.scenario.values, strict=True):
            own = data.sel(material=label, scenario=name) / 1e3
            assert line.get_ydata() == pytest.approx(own.values)
    with pytest.raises(MfaError, match="30 small figures cannot be read"):
        plot.multiples(xr.DataArray(np.ones((1, 30)), dims=("year", "place")), "place")


def test_cohorts_are_added_by_five_years_of_entry(ax: Axes) -> None:
    years = np.arange(2018, 2031)
    data = xr.DataArray(np.tri(13), {"year": years, "cohort": years}, ("year", "cohort"))
    plot.cohorts(data, ax)
    heights = [area.get_paths()[0].vertices for area in ax.collections]
    tops = [float(v[v[:, 0] == 2030][:, 1].max()) for v in heights]
    assert tops == pytest.approx([2.0, 7.0, 12.0, 13.0])
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["2030", "2025–2029", "2020–2024", "2018–2019"]
    with pytest.raises(MfaError, match="the data have year, cohort, region"):
        plot.cohorts(data.expand_dims(region=["EU"], axis=2))


def test_an_s_curve_shows_points_curve_and_critical_points(ax: Axes) -> None:
    x = np.linspace(0.0, 20.0, 40)
    y = demand.logistic(x, saturation=10.0, midpoint=8.0, rate=0.6) + 0.1 * (-1.0) ** np.arange(40)
    fit = demand.fit("logistic", x, y)
    plot.s_curve(fit, ax)
    curve, points = ax.lines[0], ax.lines[1]
    assert points.get_xydata() == pytest.approx(np.column_stack([x, y]))
    mid = fit.predict(xr.DataArray(np.asarray(curve.get_xdata()), dims="x"))[1]
    assert np.asarray(curve.get_ydata()) == pytest.approx(mid.values)
    turning = float(fit.critical_points().turning)
    assert any(line.get_xdata()[0] == pytest.approx(turning) for line in ax.lines[2:])
    with pytest.raises(MfaError, match="does not hold its data"):
        plot.s_curve(demand.Fit.from_mapping(fit.to_mapping()))


def test_the_matrix_marks_what_is_critical_by_the_methods_own_limits(ax: Axes) -> None:
    labels = {"material": ["Co", "Cu", "W", "X"]}
    importance = xr.DataArray([6.8, 4.0, 8.7, 1.0], labels)
    supply_risk = xr.DataArray([2.8, 0.1, 1.2, np.nan], labels)
    plot.criticality(importance, supply_risk, ax, limits=(2.8, 1.0))
    points = ax.collections[0]
    assert np.asarray(points.get_offsets()) == pytest.approx(
        np.array([[6.8, 2.8], [4.0, 0.1], [8.7, 1.2]])
    )
    colours = [to_hex(colour).upper() for colour in points.get_facecolors()]
    assert colours == [plot.COLOURS[1], plot.COLOURS[0], plot.COLOURS[1]]
    assert foot(ax) == "not evaluable: X"


def test_a_heat_map_holds_the_values_by_year(ax: Axes) -> None:
    data = xr.DataArray(
        [[0.1, 0.4], [0.2, np.nan]],
        {"year": [2020, 2021], "material": ["Li", "Co"]},
        ("year", "material"),
    )
    plot.risk_map(data, ax=ax, highest=1.0)
    mesh = ax.collections[0]
    assert np.ma.filled(mesh.get_array(), -1.0) == pytest.approx(
        np.array([[0.1, 0.2], [0.4, -1.0]])
    )
    assert mesh.get_clim() == (0.0, 1.0)
    with pytest.raises(MfaError, match="wanted are year and one more"):
        plot.risk_map(data.expand_dims(region=["EU"]))


# ---------------------------------------------------------------------- sources


def test_a_figure_of_no_result_claims_no_source(ax: Axes) -> None:
    plot.lines(xr.DataArray([1.0, 2.0], {"year": [2020, 2021]}), ax=ax, result=xr.Dataset())
    assert foot(ax) == ""


def test_every_source_of_the_run_is_named_once(reference: xr.Dataset) -> None:
    lines = reference.attrs["references"].split("\n")
    named = sources(lines)
    assert len(named) == len(set(named)) <= len(lines)
    years = [
        year for line in lines for year in line.split("): ")[0].split("(")[-1:] if year.isdigit()
    ]
    told = credit(reference.attrs)
    assert all(year in told for year in years)
    assert credit({"references": "none cited", "source": "other 3"}) == ""


# --------------------------------------------------------------------- accessor


def test_the_accessor_is_there_whatever_is_imported_first(
    reference: xr.Dataset, tmp_path: Path
) -> None:
    mfa.save(reference, tmp_path / "one")
    path = tmp_path / "one" / "result.nc"
    text = f"""
import sys
FIRST
assert "xarray" not in sys.modules or "FIRST".startswith("import xarray")
import xarray as xr
result = xr.open_dataset({str(path)!r}, engine="h5netcdf")
ax = result.mfa.sankey(2035, material="Co")
assert len(ax.patches) > 20
assert "worst residual" in result.mfa._repr_html_()
assert not any(type(finder).__name__ == "_Waiting" for finder in sys.meta_path)
"""
    for first in ("import mfa", "import xarray; import mfa"):
        run = subprocess.run(
            [sys.executable, "-c", text.replace("FIRST", first)], capture_output=True, text=True,
            env={"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg", "PATH": ""}, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr


def test_the_accessor_draws_every_figure_and_signs_it(reference: xr.Dataset, ax: Axes) -> None:
    shown = reference.primary_supply.sum("region").sel(
        year=slice(2000, None), material=["Co", "Li"]
    )
    reference.mfa.plot.lines(shown.assign_attrs(units="t/yr"), ax=ax)
    assert "sources: " in foot(ax)
    assert dir(reference.mfa.plot) == sorted(plot.FIGURES)
    with pytest.raises(AttributeError, match=r"no figure 'sanky'\. Did you mean \"sankey\""):
        reference.mfa.plot.sanky(2035)


# ------------------------------------------------------------------------ cards


class Checked(HTMLParser):
    """Reads HTML: whether it is closed in order, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def read(html: str) -> Checked:
    parser = Checked()
    parser.feed(html)
    assert parser.open == []
    assert not parser.tags & {"script", "link", "img", "iframe", "object"}
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    return parser


def test_cards_are_sound_html_without_script_or_network(reference: xr.Dataset) -> None:
    scenario = mfa.read_scenario(SCENARIOS / "circular.yaml")
    cards = {
        "scenario": read(scenario._repr_html_()),
        "system": read(scenario.system._repr_html_()),
        "plan": read(mfa.plan(scenario.system)._repr_html_()),
    }
    for name, seen in cards.items():
        assert "svg" in seen.tags and f"mfa {name}" in seen.text
        for process in scenario.system.processes:
            assert process.split("_")[0] in seen.text, (name, process)
    told = reference.mfa._repr_html_().replace("https://", "")
    seen = read(told)
    for text in ("Reference", "1913–2050", "3.4e-16", "2050", "657 kt/yr", "USGS 2018"):
        assert text in seen.text, text


def test_cards_escape_what_users_write() -> None:
    evil = "<script>alert(1)</script>"
    system = mfa.System(
        title=evil, about=evil, parameters={"d": {"dims": ["year"], "unit": "t/yr"}},
        processes={"mine": {"rule": "source"}, "use": {"rule": "sink", "takes": "d", "from": "mine"}},
    )  # fmt: skip
    result = xr.Dataset(
        {"a": ("year", [1.0], {"kind": "flow", "source": evil, "target": "b"})},
        {"year": [2020]}, attrs={"title": evil, "comment": evil, "references": evil},
    )  # fmt: skip
    for html in (system._repr_html_(), mfa.plan(system)._repr_html_(), result.mfa._repr_html_()):
        assert evil not in html
        assert "alert(1)" in read(html).text


def test_any_dataset_has_a_card(tmp_path: Path) -> None:
    assert "no title" in xr.Dataset().mfa._repr_html_()
    assert "0 flows" in repr(xr.Dataset({"x": 1.0}).mfa)

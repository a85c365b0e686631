"""The Sankey diagram: every tonne is in it, loops return beneath, any system can be drawn."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa.arranging import BAR
from mfa.errors import MfaError
from mfa.sankey_figures import COLOURS
from mfa.sankeys import Sankey, layout
from mfa.stages import returning, stages, two_rows

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture(scope="module")
def reference() -> xr.Dataset:
    return mfa.run(mfa.read_scenario(SCENARIOS / "reference.yaml"))


def result_of(*flows: tuple[str, str, float], stocks: tuple[str, ...] = ()) -> xr.Dataset:
    """Return a result of one year with these flows, as any system could have them."""
    found = {
        f"{u}_to_{v}_{n}": ("year", [amount], {"kind": "flow", "source": u, "target": v})
        for n, (u, v, amount) in enumerate(flows)
    }
    for name in stocks:
        told = {"kind": "stock", "process": name, "rule": "stock"}
        found[f"{name}_stock"] = ("year", [1.0], told)
    return xr.Dataset(found, {"year": [2030]})


def check(drawn: Sankey, total: float) -> None:
    """Check that every tonne is drawn, that nothing overlaps and that bands fit their boxes."""
    nodes = {node.name: node for node in drawn.nodes}
    inside = {flow for link in drawn.links for flow in link.flows}
    assert len(nodes) == len(drawn.nodes)
    for link in drawn.links:
        assert link.width == pytest.approx(link.value * drawn.scale)
        assert sum(link.parts.values()) == pytest.approx(link.value)
        corners = link.outline()
        half = len(corners) // 2
        for first, last, name in ((0, -1, link.source), (half - 1, half, link.target)):
            (x, y), (other_x, other_y) = corners[first], corners[last]
            box = nodes[name]
            assert x == pytest.approx(other_x)
            assert x == pytest.approx(box.x) or x == pytest.approx(box.x + BAR)
            assert abs(y - other_y) == pytest.approx(link.width)
            assert abs((y + other_y) / 2 - box.y) <= (box.height - link.width) / 2 + 1e-9
    for node in drawn.nodes:
        into = sum(link.value for link in drawn.links if link.target == node.name)
        out = sum(link.value for link in drawn.links if link.source == node.name)
        assert (into, out) == (pytest.approx(node.inflow), pytest.approx(node.outflow))
        assert node.height == pytest.approx(max(into, out) * drawn.scale)
    for one, other in combinations(drawn.nodes, 2):
        if one.stage == other.stage and one.lower == other.lower:
            apart = abs(one.y - other.y) - (one.height + other.height) / 2
            assert apart > 0, (one.name, other.name)
    assert total == pytest.approx(sum(link.value for link in drawn.links), rel=1e-9)
    assert inside.isdisjoint(drawn.zero)


def test_every_tonne_of_cobalt_is_drawn_once(reference: xr.Dataset) -> None:
    drawn = layout(reference, 2035, material="Co", gather=0)
    own = {
        n: float(reference[n].sel(year=2035, material="Co").sum())
        for n in reference.flows.split(", ")
    }
    check(drawn, sum(own.values()))
    for link in drawn.links:
        assert link.value == pytest.approx(sum(own[name] for name in link.flows))
    assert {name for link in drawn.links for name in link.flows} == {n for n, v in own.items() if v}
    assert set(drawn.zero) == {name for name, value in own.items() if not value}


def test_what_is_gathered_keeps_its_tonnes_and_its_names(reference: xr.Dataset) -> None:
    whole = layout(reference, 2035, material="Co", gather=0)
    drawn = layout(reference, 2035, material="Co")
    assert len(drawn.nodes) < len(whole.nodes) - 5
    named = [member for node in drawn.nodes for member in node.members] + list(drawn.passing)
    assert sorted(named) == sorted(node.name for node in whole.nodes)
    for kind in ("source", "sink"):
        assert sum(n.value for n in drawn.nodes if n.kind == kind) == pytest.approx(
            sum(n.value for n in whole.nodes if n.kind == kind)
        )
    assert drawn.returned == pytest.approx(whole.returned)
    stored = sum(node.to_stock for node in whole.nodes)
    assert sum(node.to_stock for node in drawn.nodes) == pytest.approx(stored)


def test_the_stages_of_cobalt_run_to_the_right_and_recycling_back(reference: xr.Dataset) -> None:
    drawn = layout(reference, 2035, material="Co")
    stage = {node.name: node.stage for node in drawn.nodes}
    for link in drawn.links:
        lower = {node.name: node.lower for node in drawn.nodes}
        if not link.returns and not lower[link.source] and not lower[link.target]:
            assert stage[link.source] < stage[link.target], link
        if lower[link.source] and lower[link.target]:
            assert stage[link.source] > stage[link.target], link
    back = {(link.source, link.target) for link in drawn.links if link.returns}
    routes = ("scrap", "rejects", "hydrometallurgy", "pyrometallurgy", "remelting")
    assert back == {(name, "metal") for name in routes}
    order = ["mine", "refine", "metal", "fabricate", "assemble", "vehicles"]
    assert [stage[name] for name in order] == sorted(stage[name] for name in order)


def test_all_materials_are_strips_of_one_band(reference: xr.Dataset) -> None:
    drawn = layout(reference, 2035)
    assert drawn.materials == tuple(reference["material"].values)
    link = next(link for link in drawn.links if link.source == "mine")
    own = reference.mine_to_ore.sel(year=2035).sum("mine_country")
    assert link.parts == pytest.approx({m: float(own.sel(material=m)) for m in drawn.materials})


@pytest.mark.parametrize("count", [3, 60])
def test_chains_with_a_loop_of_any_length_are_drawn(count: int) -> None:
    names = [f"p{n}" for n in range(count)]
    chain = [(names[n], names[n + 1], 5.0 + (n > 0)) for n in range(count - 2)]
    flows = [*chain, (names[-2], names[-1], 5.0), (names[-2], names[1], 1.0)]
    drawn = layout(result_of(*flows), 2030, gather=0)
    check(drawn, sum(value for *_, value in flows))
    assert [(k.source, k.target) for k in drawn.links if k.returns] == (
        [(names[-2], names[1])] if count > 3 else [("p1", "p1")]
    )


@pytest.mark.parametrize("seed", range(12))
def test_random_systems_with_loops_are_drawn_whole(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(3, 40))
    names = [f"process number {n}" for n in range(count)]
    pairs = {tuple(random.choice(count, 2, replace=False)) for _ in range(2 * count)}
    flows = [(names[u], names[v], float(random.lognormal(0, 2))) for u, v in sorted(pairs)]
    stocks = tuple(name for name in names if random.random() < 0.2)
    result = result_of(*flows, stocks=stocks)
    check(layout(result, 2030, gather=0), sum(value for *_, value in flows))
    some = layout(result, 2030)
    members = [m for node in some.nodes for m in node.members] + list(some.passing)
    assert len(members) == len({name for u, v, _ in flows for name in (u, v)})


def test_a_ring_of_two_a_self_loop_and_two_components() -> None:
    flows = [("a", "b", 1.0), ("b", "a", 2.0), ("c", "c", 3.0), ("d", "e", 4.0)]
    drawn = layout(result_of(*flows), 2030)
    check(drawn, 10.0)
    assert {(k.source, k.target) for k in drawn.links if k.returns} == {("b", "a"), ("c", "c")}


def test_names_of_arrows_that_return_follow_from_the_system_alone() -> None:
    ring = [("a", "b"), ("b", "c"), ("c", "a")]
    assert returning(["a", "b", "c"], ring, [("b", "c")]) == {("b", "c")}
    assert stages(["a", "b", "c"], ring, {("c", "a")}) == {"a": 0, "b": 1, "c": 2}
    _, lower = two_rows(["a", "b", "c"], ring, {("c", "a")}, ["b"])
    assert lower == {"c"}


def test_samples_are_averaged_and_told_as_a_range() -> None:
    told = {"kind": "flow", "source": "mine", "target": "use"}
    result = xr.Dataset(
        {"mine_to_use": (("sample", "year"), np.linspace(1.0, 3.0, 21)[:, None], told)},
        {"year": [2030], "sample": range(21)},
    )
    node = layout(result, 2030).nodes[0]
    assert (node.value, node.low, node.high) == pytest.approx((2.0, 1.1, 2.9))


def test_what_cannot_be_drawn_is_said(reference: xr.Dataset) -> None:
    with pytest.raises(MfaError, match="no year 1800 in the result; its years are 1913–2050"):
        layout(reference, 1800)
    with pytest.raises(MfaError, match="material has no label 'cobalt'"):
        layout(reference, 2035, material="cobalt")
    with pytest.raises(MfaError, match="has no dimension 'region'"):
        layout(reference, 2035, region="Europe")
    with pytest.raises(MfaError, match="nothing moves in 1913"):
        layout(reference, 1913, material="Li")
    with pytest.raises(MfaError, match="1 of 53 flows of the run are missing"):
        layout(reference.drop_vars("mine_to_ore"), 2035)
    with pytest.raises(MfaError, match="no flows to draw"):
        layout(reference[["vehicle_sales"]].drop_attrs(), 2035)
    both = xr.concat([reference] * 2, "scenario", coords="minimal", compat="override")
    both = both.assign_coords(scenario=["a", "b"])
    with pytest.raises(MfaError, match=r"2 scenarios \(a, b\).*sankey\(2035, scenario='a'\)"):
        layout(both, 2035)
    assert layout(both, 2035, material="Co", scenario="b").at["scenario"] == "b"


def test_the_figure_shows_the_layout(reference: xr.Dataset) -> None:
    import matplotlib.pyplot as plt

    drawn = layout(reference, 2035, material="Co")
    ax = mfa.plot.sankey(reference, 2035, material="Co")
    patches = {str(patch.get_gid()): patch for patch in ax.patches if patch.get_gid()}
    for link in drawn.links:
        patch = patches[f"{link.source} → {link.target}: {link.role}"]
        assert patch.get_facecolor()[:3] == pytest.approx(_rgb(COLOURS[link.role]))
        edge = patch.get_path().vertices[:1], patch.get_path().vertices[len(link.outline()) - 1]
        assert abs(edge[0][0][1] - edge[1][1]) == pytest.approx(link.value * drawn.scale)
    for node in drawn.nodes:
        assert patches[node.name].get_height() == pytest.approx(node.value * drawn.scale)
        assert patches[node.name].get_width() == BAR
    texts = [text.get_text() for text in ax.texts]
    assert any(text.startswith("Reference: Co, 2035. 456 kt/yr enter") for text in texts)
    assert any("USGS 2018" in text and "mfa 0.1.0 · reference" in text for text in texts)
    assert any("residue, slag, lost rejects" in text for text in texts)
    plt.close(ax.figure)


def test_what_a_stock_keeps_stands_where_no_band_leaves(reference: xr.Dataset) -> None:
    drawn = layout(reference, 2035, material="Co")
    (cars,) = (node for node in drawn.nodes if node.name == "vehicles")
    (out,) = (link for link in drawn.links if link.source == "vehicles")
    top = max(y for x, y in (out.outline()[0], out.outline()[-1]))
    left_over = cars.y + cars.height / 2 - top
    assert left_over == pytest.approx(cars.to_stock * drawn.scale)
    kept = reference.vehicles_stock.sel(material="Co").sum("region").diff("year").sel(year=2035)
    assert cars.to_stock == pytest.approx(float(kept))


def _rgb(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def test_texts_of_the_figure_do_not_cover_each_other(reference: xr.Dataset) -> None:
    import matplotlib.pyplot as plt
    from matplotlib.text import Text

    ax = mfa.plot.sankey(reference, 2035, material="Co")
    ax.figure.canvas.draw()
    labels = [t for t in ax.texts if isinstance(t, Text) and "\n" in t.get_text()]
    boxes = {t.get_text(): t.get_window_extent() for t in labels}
    for one, other in combinations(boxes, 2):
        shared = boxes[one].intersection(boxes[one], boxes[other])
        area = 0.0 if shared is None else shared.width * shared.height
        assert area < 40, (one, other)  # dots: halves of a letter
    plt.close(ax.figure)

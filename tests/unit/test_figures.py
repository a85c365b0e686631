"""Figures: the same flow is drawn everywhere, in the same colour, and the title says what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import mfa
from mfa import panels, plot
from mfa.sheets import Canvas

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def names(figure: Figure) -> dict[str, str]:
    """Return the colour of every name at the right end of a figure."""
    return {text.get_text(): to_hex(str(text.get_color())) for text in figure.axes[0].texts}


def title(figure: Figure) -> str:
    return figure.axes[0].get_title(loc="left")


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    scenarios = [
        mfa.read_scenario(SCENARIOS / f"{name}.yaml") for name in ("reference", "circular")
    ]
    return plot.overview(mfa.run_batch(scenarios))


def test_a_flow_or_stock_has_one_colour_in_all_figures(figures: dict[str, Figure]) -> None:
    for what in ("flows", "stocks"):
        seen: dict[str, str] = {}
        for name, figure in figures.items():
            if name.startswith(what):
                for label, colour in names(figure).items():
                    assert seen.setdefault(label, colour.lower()) == colour.lower(), (name, label)
        assert len(set(seen.values())) == len(seen)


def test_demand_mining_and_recycling_are_in_every_figure(figures: dict[str, Figure]) -> None:
    for name, figure in figures.items():
        if name.startswith("flows"):
            wanted = {"metal → fabricate", "mine → ore → refine", "secondary → metal"}
            assert wanted <= names(figure).keys(), name


def test_the_title_is_that_of_the_scenario_and_counts_what_is_drawn(
    figures: dict[str, Figure],
) -> None:
    assert title(figures["flows_Co_circular"]) == "Circular economy: Co, 13 of 53 flows"
    assert title(figures["stocks_Co_reference"]) == "Reference: Co, stocks in use"
    shown = names(figures["flows_Co_circular"])
    assert "secondary → metal" in shown  # six flows, added
    assert sum(label.count("→") for label in shown) - 1 + 6 == 13


def test_the_choice_of_flows_follows_from_the_system_alone() -> None:
    result = mfa.run(mfa.read_scenario(SCENARIOS / "reference.yaml"))
    chosen = panels.chains(result)
    assert panels.chains(result.sel(material="graphite") * 0) == chosen
    assert sorted(flow for chain in chosen for flow in chain) == sorted(
        name for name, data in result.data_vars.items() if data.attrs["kind"] == "flow"
    )


def test_colours_of_areas_follow_the_order_of_labels_not_of_sizes() -> None:
    def areas(first: float, second: float) -> list[str]:
        data = xr.DataArray(
            [[first, second]] * 2, {"year": [2020, 2021], "use": ["cars", "cans"]}, ("year", "use")
        )
        ax: Axes = plot.stacked(data, "use", Figure().add_subplot())
        return sorted(f"{t.get_text()} {to_hex(str(t.get_color()))}" for t in ax.texts)

    assert areas(1.0, 2.0) == areas(2.0, 1.0) == ["cans #d55e00", "cars #0072b2"]


def test_many_areas_are_told_apart_and_the_rest_is_one() -> None:
    labels = [f"use {i}" for i in range(12)]
    data = xr.DataArray(
        [[float(i + 1) for i in range(12)]] * 2,
        {"year": [2020, 2021], "use": labels},
        ("year", "use"),
    )
    ax = plot.stacked(data, "use", Figure().add_subplot())
    colours = [to_hex(str(text.get_color())) for text in ax.texts]
    assert len(colours) == len(set(colours)) == plot.MOST
    assert "5 others" in [text.get_text() for text in ax.texts]


def test_a_figure_does_not_depend_on_what_was_drawn_on_its_sheet_before(
    figures: dict[str, Figure], tmp_path: Path
) -> None:
    scenarios = [
        mfa.read_scenario(SCENARIOS / f"{name}.yaml") for name in ("reference", "circular")
    ]
    names = plot.write(mfa.run_batch(scenarios), tmp_path)
    assert names == [*figures]
    for name in names:
        plot._save(figures[name], tmp_path / "alone.png")
        written = (tmp_path / f"{name}.png").read_bytes()
        assert written == (tmp_path / "alone.png").read_bytes(), name


def test_a_text_is_copied_where_matplotlib_would_draw_it() -> None:
    def drawn(canvas: type[FigureCanvasAgg], *places: tuple[float, float]) -> Any:
        figure = Figure(figsize=(4.0, 1.0), dpi=100)
        canvas(figure)
        for x, y in places:  # whole pixels
            figure.text(x, y, "refine → supply", color="#D55E00", fontsize=8.5)
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba(), dtype=int)  # type: ignore[attr-defined]

    places = ((0.05, 0.5), (0.5, 0.25), (0.62, 0.81))  # the last leaves the sheet on the right
    own, theirs = drawn(Canvas, *places), drawn(FigureCanvasAgg, *places)
    assert (theirs < 200).any() and np.abs(own - theirs).max() <= 2
    assert (drawn(Canvas, *places) == own).all()
    assert np.abs(own - drawn(FigureCanvasAgg, places[0])).max() > 100

"""Draw one picture of every figure of mfa.plot for the documentation.

    python docs/figures.py [NAME…]

writes ``docs/figures/NAME.png``; ``tests/unit/test_plots.py`` keeps the list and the room the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import mfa
from mfa import demand, lifetime, plot, stocks
from mfa.indicators import risk

HERE = Path(__file__).parent
SCENARIOS = HERE.parent / "scenarios"
DPI = 100


@cache
def reference() -> xr.Dataset:
    return mfa.run(mfa.read_scenario(SCENARIOS / "reference.yaml"))


@cache
def batch() -> xr.Dataset:
    names = ("reference", "circular", "narrow_slow_close")
    return mfa.run_batch([mfa.read_scenario(SCENARIOS / f"{name}.yaml") for name in names])


@cache
def sampled(name: str) -> xr.Dataset:
    return mfa.run(mfa.read_scenario(SCENARIOS / f"{name}.yaml"), samples=400, seed=1)


def sankey() -> Axes:
    return reference().mfa.sankey(2035, material="Co")


def demand_of_cobalt() -> Axes:
    return reference().mfa.plot.demand(material="Co")


def supply() -> Axes:
    return reference().mfa.plot.supply(material="Co")


def lines() -> Axes:
    years, names = slice(2010, None), ["reference", "circular"]
    own = [sampled(n).secondary_supply.sel(material="Co", year=years) for n in names]
    shown = xr.concat(own, "scenario", coords="minimal").assign_coords(scenario=names)
    shown.attrs = {"units": "t/yr", "long_name": "Cobalt recycled"}
    return plot.lines(shown, result=batch().sel(scenario=names))


def stacked() -> Axes:
    result = reference()
    shown = result.vehicles_stock.sel(material="Co", year=slice(2010, None))
    shown.attrs = {"units": "t", "long_name": "Cobalt in electric cars, by region"}
    return result.mfa.plot.stacked(shown, "region")


def multiples() -> Axes:
    result = batch()
    shown = result.primary_supply.sel(year=slice(2010, None)).sum("region")
    shown.attrs = {"units": "t/yr", "long_name": "Primary supply"}
    return result.mfa.plot.multiples(shown, "material")


def cohorts() -> Axes:
    years = mfa.years(2005, 2050)
    sales = demand.logistic(
        years, saturation=mfa.array(90e6, "vehicle/yr"), midpoint=2033, rate=0.28
    )
    stock = stocks.by_cohort(sales, lifetime.weibull(years, mean=12, shape=3.5)).stock
    return plot.cohorts(stock.assign_attrs(units="vehicle", long_name="Electric cars in use"))


def s_curve() -> Axes:
    from hindcast import steel

    one = steel().sel(region="Brazil")
    fit = demand.fit(
        "gompertz", one.gdp_per_capita, one.used, x_dim="year", noise="relative", missing="drop"
    )
    return plot.s_curve(fit, up_to=2.2)


def criticality() -> Axes:
    rows = pd.read_csv(SCENARIOS / "data" / "eu_criticality.csv").dropna(subset="value")
    wide = rows.pivot_table(index="commodity", columns="score", values="value").dropna()
    wide = wide[wide["supply risk"] >= 1.3]
    of = {name: xr.DataArray(wide[name], dims="commodity", name=name) for name in wide.columns}
    labels = {"commodity": wide.index.values.astype(str)}
    importance = of["economic importance"].assign_coords(labels)
    ax = plot.criticality(importance, of["supply risk"].assign_coords(labels), limits=(2.8, 1.0))
    ax.set_title("Supply risk of 1.3 and more, European Commission 2023", loc="left", fontsize=11)
    return ax


def risk_map() -> Axes:
    result = reference()
    mined = result.mine_to_ore.sel(year=slice(1990, None))
    share = risk.shares(mined.rename(mine_country="country"), "country")
    index = risk.herfindahl(share, "country")
    index.attrs = {"units": "1", "long_name": "Concentration of mining, Herfindahl–Hirschman index"}
    return result.mfa.plot.risk_map(index, highest=1.0)


def waterfall() -> Axes:
    close = mfa.read_scenario(SCENARIOS / "close.yaml")
    at = {"material": "Li"}
    parts = mfa.decompose(close, of="primary_supply", year=2050, at=at, sum=["region"])
    return plot.waterfall(parts, result=reference())


def tornado() -> Axes:
    result = sampled("reference")
    at = {"material": "Co"}
    found = mfa.sensitivity(result, "primary_supply", year=2040, at=at)
    return plot.tornado(found, measure="rank_correlation", result=result)


FIGURES: dict[str, Callable[[], Axes]] = {
    "sankey": sankey,
    "demand": demand_of_cobalt,
    "supply": supply,
    "lines": lines,
    "stacked": stacked,
    "multiples": multiples,
    "cohorts": cohorts,
    "s_curve": s_curve,
    "criticality": criticality,
    "risk_map": risk_map,
    "waterfall": waterfall,
    "tornado": tornado,
}
"""The picture of each figure, by the name of its function in mfa.plot."""


def main(names: list[str]) -> None:
    """Draw the figures of these names, or all."""
    sys.path.append(str(SCENARIOS))
    (HERE / "figures").mkdir(exist_ok=True)
    for name in names or FIGURES:
        figure = FIGURES[name]().figure
        assert isinstance(figure, Figure)
        figure.savefig(HERE / "figures" / f"{name}.png", dpi=DPI, facecolor="white")
        print(f"docs/figures/{name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])

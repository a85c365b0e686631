"""Supply risk of the shipped statistics, and of a scenario, by the same functions.

    python scenarios/supply_risk.py

writes ``results/summary/supply_risk.csv``: concentration of mining and refining in 2024, trade
exposure of the United States 2017–2025, what can be computed of the score of the U.S. Geological
Survey, and how risk moves in the reference and the circular scenario.
``tests/scenarios/test_supply_risk.py`` makes the table again, and
``notebooks/09_supply_risk.ipynb`` shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import spearmanr

import mfa
from mfa.indicators import risk

HERE = Path(__file__).parent
DATA = HERE / "data"
SUMMARY = HERE.parent / "results" / "summary" / "supply_risk.csv"
REST = "Rest of World"
SCORED_YEAR = {"production": 2021, "reliance": 2018, "governance": 2018}
"""The first years with figures of (nearly) all commodities; the published scores are of 2015 to 2018."""


def rows_of(name: str, **where: Any) -> pd.DataFrame:
    """Return the rows of a shipped table in which columns have these values."""
    rows = pd.read_csv(DATA / f"{name}.csv", keep_default_na=False)
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.assign(value=pd.to_numeric(rows["value"]))


def table(name: str, dims: Iterable[str], **where: Any) -> xr.DataArray:
    """Return a shipped table as an array; what is withheld or has no row is NaN."""
    rows = rows_of(name, **where)
    found: xr.DataArray = rows.set_index(list(dims))["value"].to_xarray()
    return found.assign_attrs(units=str(rows["unit"].iloc[0]))


# ---------------------------------------------------------- concentration


def mined(year: int) -> xr.DataArray:
    """Return mine production (material, country) [t/yr]; withheld, or no row, is 0."""
    found = table("mine_production_by_country", ("material", "mine_country"), year=year)
    return found.fillna(0.0).assign_attrs(units="t/yr").rename(mine_country="country")


def refined(year: int = 2024) -> xr.DataArray:
    """Return refining (material, country) [t/yr] of the IEA, without its world total."""
    where = {"year": year, "stage": "refining"}
    found = table("iea_mining_refining_2024", ("material", "country"), **where)
    return found.drop_sel(country="World").fillna(0.0).assign_attrs(units="t/yr")


def concentration(amounts: xr.DataArray) -> xr.Dataset:
    """Return the HHI with the rest of the world as one producer, and the bounds of dividing it."""
    share = risk.shares(amounts, "country")
    bounds = risk.herfindahl_bounds(share, "country", REST)
    index = risk.herfindahl(share, "country")
    return xr.Dataset(
        {"index": index, "bounds": bounds, "largest": risk.largest_share(share, "country")}
    )


def us_lithium(year: int) -> float:
    """Return the most that the United States can have mined [t/yr].

    Net import reliance of more than r says: production < net imports · (1 − r) / r,
    but for stocks.
    """
    reliance = float(
        table("us_import_reliance", ("year", "commodity")).sel(year=year, commodity="lithium")
    )
    flows = table("us_supply", ("flow",), year=year, material="Li")
    net = float(flows.sel(flow="imports") - flows.sel(flow="exports"))
    return net * (1 - reliance) / reliance


# ------------------------------------------------------------ trade exposure


def us_trade_exposure() -> xr.DataArray:
    """Return the trade exposure of the United States (bound, year, material), low and high.

    Releases from stocks are what stocks fell by; where they are not in the data, what
    balances apparent consumption.  Lithium: production is withheld; the consumption that
    is printed with one digit, and the reliance that is printed as more than a share,
    bound it.
    """
    flows = table("us_supply", ("year", "material", "flow"))
    reliance = rows_of("us_import_reliance", commodity="lithium").set_index("year")
    found = []
    for material in flows["material"].values.tolist():
        part = flows.sel(material=material).to_pandas()
        for year, own in part.iterrows():
            before = part["stocks"].get(year - 1, np.nan)
            low_high = _exposure(own, before, material, reliance["value"].get(year, 0.0))
            found.append((year, material, *low_high))
    frame = pd.DataFrame(found, columns=["year", "material", "low", "high"])
    both = frame.set_index(["year", "material"]).to_xarray().to_dataarray("bound")
    return both.assign_attrs(units="1")


def _exposure(own: pd.Series, before: float, material: str, at_least: float) -> tuple[float, float]:
    traded = {"imports": own["imports"], "exports": own["exports"]}
    net = own["imports"] - own["exports"]
    secondary = 0.0 if np.isnan(own["secondary"]) else own["secondary"]
    if material == "Li":
        mined_low = mined_high = np.nan
        if not np.isnan(own["apparent consumption"]):
            mined_low, mined_high = (
                max(own["apparent consumption"] + d - net, 0.0) for d in (-500, 500)
            )
        limits = mfa.array([0.0, 1e12], "1", bound=["low", "high"])
        primary = limits.copy(data=[0.0 if np.isnan(mined_low) else mined_low, mined_high])
        bounds = risk.trade_exposure_bounds(
            **traded, stock_release=0.0, primary=primary, secondary=0.0
        )
        low, high = bounds.values.tolist()
        return max(low, at_least), high
    primary = 0.0 if np.isnan(own["primary"]) else own["primary"]
    release = before - own["stocks"]
    if np.isnan(release):
        release = own["apparent consumption"] - primary - secondary - net
    found = risk.trade_exposure(
        **traded, stock_release=release, primary=primary, secondary=secondary
    )
    return found, found


# ---------------------------------------------------- score of the USGS, in part


def governance(year: int, countries: Iterable[str]) -> xr.DataArray:
    """Return the rating of countries, 0 (good) to 10 (bad).

    New Caledonia has the rating of France; the rest of the world, and who is not rated,
    the mean of all countries in the table.  Both are assumptions.
    """
    estimate = table("governance", ("country",), year=year, indicator="mean of six")
    rating = risk.scale_governance(estimate)
    known = {str(name): float(rating.sel(country=name)) for name in rating["country"].values}
    known["New Caledonia"] = known["France"]
    rest = float(rating.mean())
    names = list(map(str, countries))
    return mfa.array([known.get(name, rest) for name in names], "1", country=names)


def partial_scores() -> xr.Dataset:
    """Return what can be computed of the score of the USGS, beside what it published.

    Disruption potential × trade exposure, as a geometric mean of two: producers but the
    United States, weighted by governance where the survey weighs by ability (Policy
    Perception Index) and willingness (ties of trade, shared values, defence), for which there
    are no data.  **Economic vulnerability is missing**, and the years are others: production
    of 2021, reliance and governance of 2018.
    """
    share = table("production_share", ("commodity", "country"), year=SCORED_YEAR["production"])
    share = share.fillna(0.0)
    rating = governance(SCORED_YEAR["governance"], share["country"].values) / 10
    foreign = share.where(share["country"] != "United States", 0.0)
    potential = risk.disruption_potential(foreign, rating, rating, "country")
    rows = rows_of("us_import_reliance", year=SCORED_YEAR["reliance"]).set_index("commodity")
    published = table("us_supply_risk", ("commodity",))
    names = [
        name
        for name in potential["commodity"].values.tolist()
        if name in rows.index and name in published["commodity"]
    ]
    low = rows["value"].where(~rows["status"].str.contains("upper"), 0.0)
    high = rows["value"].where(~rows["status"].str.contains("lower"), 1.0)
    exposure = xr.DataArray(
        [low[names], high[names]], {"bound": ["low", "high"], "commodity": names}
    )
    potential = potential.sel(commodity=names)
    return xr.Dataset(
        {
            "potential": potential,
            "exposure": exposure,
            "score": (risk.normalise(potential) * exposure) ** 0.5,
            "published": published.sel(commodity=names),
        }
    )


def rank_correlation(scores: xr.Dataset) -> pd.DataFrame:
    """Return Spearman's correlation of the partial score, and of its parts, with the published.

    Once with the least and once with the most trade exposure that the printed bounds allow.
    """
    found = {}
    for name in ("score", "potential", "exposure"):
        for bound in ("low", "high"):
            part = scores[name].sel(bound=bound) if "bound" in scores[name].dims else scores[name]
            answer = spearmanr(part, scores["published"])
            found[name, bound] = (float(answer.statistic), float(answer.pvalue))
    return pd.DataFrame(found, index=["correlation", "p_value"]).T


# ---------------------------------------------------------------- scenarios


def risk_of(result: xr.Dataset, rating_year: int = 2023) -> xr.Dataset:
    """Return the indicators of risk of a run, by year and material.

    ``mining`` and ``refining`` are HHIs; ``risk_mining`` and ``risk_refining`` those weighted by
    governance times what recycling does not supply, (1 − EoL-RIR): the supply risk of the EU for
    somebody who imports everything, without substitutes.  Governance stays as it was.
    """
    old, new, primary = (
        result[name].sum("region")
        for name in ("old_scrap_supply", "new_scrap_supply", "primary_supply")
    )
    rir = risk_rate(old, old + new + primary)
    found = {"eol_rir": rir}
    for stage, flow in (("mining", result.mine_to_ore), ("refining", result.refine_to_supply)):
        place = next(str(dim) for dim in flow.dims if str(dim).endswith("_country"))
        share = risk.shares(flow.rename({place: "country"}), "country")
        rating = governance(rating_year, share["country"].values)
        weighted = risk.governance_weighted_herfindahl(share, rating, "country")
        found[stage] = risk.herfindahl(share, "country")
        found[f"risk_{stage}"] = risk.supply_risk_eu(weighted, np.nan, 1.0, rir, 1.0)
    return xr.Dataset(found).assign_attrs(title=str(result.attrs.get("title", "")))


def risk_rate(old_scrap: xr.DataArray, total: xr.DataArray) -> xr.DataArray:
    """Return the end-of-life recycling input rate; 0 where nothing is made yet."""
    from mfa.indicators import circularity

    units = {"units": "t/yr"}
    rate = circularity.eol_recycling_input_rate(
        old_scrap.assign_attrs(units), total.assign_attrs(units)
    )
    return rate.fillna(0.0).clip(0, 1)


def run(name: str) -> xr.Dataset:
    """Run a shipped scenario."""
    return mfa.run(mfa.read_scenario(HERE / f"{name}.yaml"))


# ------------------------------------------------------------------ summary


def summary() -> pd.DataFrame:
    """Return the whole table: what, of what, year, value, and between which values it lies."""
    rows: list[tuple[Any, ...]] = []
    for stage, amounts in (("mining", mined(2024)), ("refining", refined())):
        found = concentration(amounts)
        for material in found["material"].values.tolist():
            one = found.sel(material=material)
            low, high = (float(one.bounds.sel(bound=b)) for b in ("low", "high"))
            rows.append((f"HHI of {stage}", material, 2024, float(one["index"]), low, high))
    with_us = mined(2024).sel(material="Li")
    added = with_us.where(with_us["country"] != "United States", us_lithium(2024))
    index = float(risk.herfindahl(risk.shares(added, "country"), "country"))
    rows.append(("HHI of mining, US at its most", "Li", 2024, index, np.nan, np.nan))
    exposure = us_trade_exposure()
    for material in exposure["material"].values.tolist():
        for year in exposure["year"].values.tolist():
            low, high = exposure.sel(material=material, year=year).values.tolist()
            value = low if low == high else np.nan
            rows.append(("US trade exposure", material, year, value, low, high))
    scores = partial_scores()
    for name in scores["commodity"].values.tolist():
        one = scores.sel(commodity=name)
        low, high = one.score.values.tolist()
        rows.append(("USGS score published", name, 2018, float(one.published), np.nan, np.nan))
        rows.append(("USGS score in part", name, 2018, low if low == high else np.nan, low, high))
    for (part, bound), (value, p) in rank_correlation(scores).iterrows():
        rows.append((f"rank correlation, {part}", f"{bound} exposure", 2018, value, np.nan, np.nan))
        rows.append((f"its p-value, {part}", f"{bound} exposure", 2018, p, np.nan, np.nan))
    for name in ("reference", "circular"):
        found = risk_of(run(name))
        for year in (2024, 2030, 2040, 2050):
            for indicator in ("mining", "refining", "risk_mining", "risk_refining"):
                for material in ("Li", "Co", "Ni"):
                    value = float(found[indicator].sel(year=year, material=material))
                    rows.append((f"{name}: {indicator}", material, year, value, np.nan, np.nan))
    columns = ["what", "of", "year", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    written = summary()
    written.to_csv(SUMMARY, index=False, float_format="%.4f", lineterminator="\n")
    print(f"wrote {len(written)} rows to results/summary/supply_risk.csv")

"""Depletion, cost blocks, mines, markets and emissions against closed forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import mfa
from mfa import availability
from mfa.indicators import environment

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "cases" / "supply.json").read_text("utf-8"))[
        "cases"
    ]
}


def agrees(label: str, **found: Any) -> None:
    case = CASES[label]
    assert set(found) == set(case["expected"])
    for name, value in found.items():
        wanted = np.array(case["expected"][name], dtype=float)  # null is NaN
        np.testing.assert_allclose(value, wanted, case["rtol"], 1e-9, err_msg=f"{label} {name}")


def test_logistic_depletion() -> None:
    given = CASES["SUP-01"]["inputs"]
    found = availability.hubbert(
        [2010, 2030, 2050], ultimate=given["URR"], rate=given["k"], peak=given["t_peak"]
    )
    early, middle, late = (found.isel(year=i) for i in range(3))
    agrees(
        "SUP-01",
        peak_rate=middle.production,
        cumulative_2050=late.cumulative_production,
        rate_2050=late.production,
        cumulative_2010=early.cumulative_production,
    )


def test_blocks_in_order_of_merit() -> None:
    given = CASES["SUP-03"]["inputs"]
    found = availability.clear(given["blocks"], given["demands"])
    agrees(
        "SUP-03",
        available_at_price=availability.available(given["blocks"], given["price"]),
        marginal_cost=found.marginal_cost,
        total_cost_of_45=found.total_cost[0],
    )


def test_pipeline_of_mines() -> None:
    given = CASES["SUP-07"]["inputs"]
    found = availability.pipeline(
        given["projects"], given["years"], base=given["base"],
        lead=given["lead_years"], ramp=given["ramp_years"],
    )  # fmt: skip
    agrees("SUP-07", capacity=found.capacity)


def test_market_after_a_loss_of_supply() -> None:
    given = CASES["POL-03"]["inputs"]
    found = availability.market_balance(
        1.0, 1.0 + given["supply_shift"],
        demand_elasticity=given["demand_elasticity"], supply_elasticity=given["supply_elasticity"],
    )  # fmt: skip
    agrees("POL-03", price_ratio=found.price_index, quantity_ratio=found.quantity)


def test_emissions_of_a_mixture_and_what_more_recycling_saves() -> None:
    given = CASES["ENE-01"]["inputs"]
    routes = ["primary", "secondary"]
    factors = mfa.array([given["ef_primary"], given["ef_secondary"]], route=routes)

    def emitted(share: float) -> float:
        shares = mfa.array([1 - share, share], route=routes)
        return float(environment.emissions(given["supply"], environment.route_mix(shares, factors)))

    first, second = emitted(given["share0"]), emitted(given["share1"])
    more = given["supply"] * (given["share1"] - given["share0"])
    saved = environment.avoided_emissions(more, given["ef_primary"], given["ef_secondary"])
    agrees("ENE-01", emissions0=first, emissions1=second, saving=saved)
    np.testing.assert_allclose(first - second, saved)

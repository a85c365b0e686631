"""Trade that sends on: arrivals by origin to destinations, which read theirs as their own region."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import MfaError

YEARS = [2020, 2021, 2022, 2023]
PLACES = ["N", "S"]
SHARES = np.array([[0.25, 0.75], [0.0, 1.0]])
"""Of what leaves the north a quarter stays there; all that leaves the south stays."""


def system(**changed: Any) -> mfa.System:
    processes: dict[str, Any] = {
        "scrapyard": {"rule": "source", "gives": "used", "to": "export"},
        "export": {"rule": "trade", "to": "fleet", "shares": "destination"},
        "fleet": {
            "rule": "stock",
            "sum": ["region"],
            "as": {"used_region": "region"},
            "to": "pile",
            "lifetime": {"law": "fixed", "mean": "2 yr", "inflow_at": "end"},
        },
        "pile": {"rule": "sink"},
    }
    for name, fields in changed.items():
        processes[name] = {**processes.get(name, {}), **fields}
        processes[name] = {k: v for k, v in processes[name].items() if v is not None}
    return mfa.System(
        title="Used cars",
        conserves="material",
        dimensions={"region": PLACES, "used_region": {"like": "region"}, "material": ["Li", "Co"]},
        parameters={
            "used": {"dims": ["year", "region", "material"], "unit": "t/yr"},
            "destination": {"dims": ["region", "used_region"]},
            "half": {},
        },
        processes=processes,
    )


def run(made: mfa.System, shares: np.ndarray = SHARES) -> xr.Dataset:
    used = np.arange(1.0, 17).reshape(4, 2, 2)
    parameters = xr.Dataset(
        {
            "used": (("year", "region", "material"), used),
            "destination": (("region", "used_region"), shares),
            "half": ((), 0.5),
        },
        coords={"year": YEARS, "region": PLACES, "used_region": PLACES, "material": ["Li", "Co"]},
    )
    return mfa.simulate(made, parameters)


def test_each_destination_gets_its_share_of_each_origin() -> None:
    result = run(system())
    flow = result.export_to_fleet
    assert flow.dims == ("year", "region", "used_region", "material")
    expected = result.scrapyard_to_export.values[:, :, None, :] * SHARES[None, :, :, None]
    np.testing.assert_allclose(flow.values, expected, rtol=1e-15)


def test_the_destination_is_the_region_of_the_receiver() -> None:
    """What arrived along used_region leaves two years later along region."""
    result = run(system())
    arrived = result.export_to_fleet.sum("region").rename(used_region="region")
    left = result.fleet_to_pile.transpose("year", "region", "material")
    assert not left.values[:2].any()
    np.testing.assert_allclose(left.values[2:], arrived.values[:2], rtol=1e-15)
    held = arrived.cumsum("year") - left.cumsum("year")
    np.testing.assert_allclose(result.fleet_stock, held.transpose(*result.fleet_stock.dims))


def test_balances_close_in_every_region_and_notice_a_swap() -> None:
    result = run(system())
    kept = mfa.balance(result)
    assert kept.fleet.dims == ("year", "region", "material")
    assert kept.attrs["balance_residual"] <= 1e-12
    swapped = result.copy()
    swapped["fleet_to_pile"] = result.fleet_to_pile.copy(
        data=result.fleet_to_pile.sel(region=["S", "N"]).values
    )
    assert mfa.balance(swapped).attrs["balance_residual"] > 0.1


def test_the_reading_is_told_in_plan_drawing_and_result() -> None:
    plan = mfa.plan(system())
    assert "fleet (stock) [year, region, material], reads used_region as region" in str(plan)
    assert "export_to_fleet = destination · (scrapyard_to_export)" in str(plan)
    assert '-->|"region, used_region as region, material"|' in plan.mermaid()
    assert run(system()).export_to_fleet.attrs["as_target"] == "used_region=region"


def test_origins_may_be_summed_by_the_trade_instead() -> None:
    made = system(export={"sum": ["region"]}, fleet={"sum": None})
    summed, whole = run(made), run(system())
    assert summed.export_to_fleet.dims == ("year", "used_region", "material")
    np.testing.assert_allclose(summed.fleet_stock, whole.fleet_stock, rtol=1e-15)
    assert mfa.balance(summed).attrs["balance_residual"] <= 1e-12


def test_a_split_market_and_sink_read_it_too() -> None:
    """Not only stocks: what arrives in a sink lies where it went to."""
    made = system(
        fleet={"rule": "sink", "to": None, "lifetime": None},
        pile={"rule": "source", "gives": "used", "to": "heap"},
        heap={"rule": "sink"},
    )
    result = run(made)
    arrived = result.export_to_fleet.sum("region").cumsum("year").rename(used_region="region")
    np.testing.assert_allclose(result.fleet_stock, arrived.transpose(*result.fleet_stock.dims))
    assert mfa.balance(result).attrs["balance_residual"] <= 1e-12


def test_arrivals_that_come_round_in_a_loop_are_solved_by_region() -> None:
    """Half of what is received is sent on again: the loop couples regions, x = T x + u."""
    made = system(
        gate={"rule": "split", "sum": None, "shares": {"export": "rest"}},
        scrapyard={"to": "gate"},
        fleet={
            "rule": "split",
            "to": None,
            "lifetime": None,
            "shares": {"gate": "half", "pile": "rest"},
        },
    )
    result = run(made)
    used = np.arange(1.0, 17).reshape(4, 2, 2)
    gate = np.linalg.solve(np.eye(2) - 0.5 * SHARES.T, used.transpose(1, 0, 2).reshape(2, -1))
    found = result.gate_to_export.transpose("region", "year", "material").values.reshape(2, -1)
    np.testing.assert_allclose(found, gate, rtol=1e-13)
    assert mfa.balance(result).attrs["balance_residual"] <= 1e-12


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "origin not summed": (
        {"fleet": {"sum": None}},
        "process 'fleet' reads a dimension of flow 'export_to_fleet' as 'region', which the flow has "
        "too; write 'sum: [region]' there if what it has is where it came from",
    ),
    "nothing to read": (
        {
            "export": {"rule": "split", "to": None, "shares": {"fleet": "rest"}},
            "fleet": {"sum": None},
        },
        "process 'fleet' reads 'used_region' as 'region', but nothing that it is sent or asked for "
        "(export_to_fleet) has 'used_region'; take 'as:' out",
    ),
    "unknown dimension": (
        {"fleet": {"as": {"used_regin": "region"}}},
        "process 'fleet': unknown dimension 'used_regin'. Did you mean \"used_region\"?",
    ),
    "other labels": (
        {"fleet": {"as": {"used_region": "material"}}},
        "process 'fleet': 'used_region' and 'material' have different labels, so one cannot be read as "
        "the other; declare used_region: {like: material}",
    ),
    "summed and read": (
        {"fleet": {"sum": ["used_region"]}},
        "process 'fleet': 'used_region' is summed or read as itself; take it out of 'as'",
    ),
    "from and to": (
        {"export": {"from": "scrapyard"}},
        "process 'export': has both 'from' and 'to'; either it asks for what is taken from it, or it "
        "sends on",
    ),
    "neither from nor to": (
        {"export": {"to": None}},
        "process 'export': needs 'from' (who is asked for it) or 'to' (who receives what arrives)",
    ),
    "nothing arrives": (
        {"scrapyard": {"to": "pile"}},
        "process 'export' (trade) receives nothing: no process sends to it",
    ),
    "no destination": (
        {"export": {"shares": "kept"}},
        "process 'export': unknown parameter 'kept'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what: str) -> None:
    changed, message = REFUSED[what]
    with pytest.raises(MfaError) as caught:
        mfa.plan(system(**changed))
    assert message in str(caught.value)


def test_shares_that_lose_mass_are_refused() -> None:
    with pytest.raises(
        MfaError, match=r"do not sum to 1 over used_region at region=S \(off by 0.1\)"
    ):
        run(system(), SHARES - [[0, 0], [0, 0.1]])

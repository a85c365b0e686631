"""Second life: what retires from one stock and still serves lowers what another demands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import MfaError

YEARS = list(range(2000, 2012))
PLACES, KINDS, METALS = ["N", "S"], ["a", "b"], ["Li", "Co"]
DIMENSIONS = {"region": PLACES, "use": ["car", "grid"], "kind": KINDS, "metal": METALS}
SPECS: dict[str, dict[str, Any]] = {
    "cars": {"dims": ["year", "region"], "unit": "kWh/yr"},
    "grid": {"dims": ["year", "region"], "unit": "kWh/yr"},
    "share": {"dims": ["year", "kind"]},
    "grid_share": {"dims": ["kind"]},
    "content": {"dims": ["kind", "metal"], "unit": "t/kWh"},
    "life": {"dims": ["kind"], "unit": "yr"},
    "reuse": {"dims": ["use"]},
    "fade": {"dims": ["region"]},
}


def processes(**changed: dict[str, Any]) -> dict[str, Any]:
    fixed = {"law": "fixed", "mean": "life", "inflow_at": "end"}
    found: dict[str, Any] = {
        "maker": {"rule": "source"},
        "vehicles": {
            "rule": "stock",
            "at": {"use": "car"},
            "from": "maker",
            "to": "pile",
            "inflow": "cars * share",
            "content": "content",
            "sum": ["kind"],
            "lifetime": fixed,
        },
        "storage": {
            "rule": "stock",
            "at": {"use": "grid"},
            "from": "maker",
            "to": "pile",
            "inflow": "grid * grid_share",
            "content": "content",
            "sum": ["kind"],
            "reused": {"from": "vehicles", "usable": "reuse * fade"},
            "lifetime": fixed,
        },
        "pile": {"rule": "sink"},
    }
    for name, fields in changed.items():
        found[name] = {k: v for k, v in {**found.get(name, {}), **fields}.items() if v is not None}
    return found


def system(specs: dict[str, Any] | None = None, **changed: dict[str, Any]) -> mfa.System:
    return mfa.System(
        title="Batteries",
        conserves="metal",
        dimensions=DIMENSIONS,
        parameters={**SPECS, **(specs or {})},
        processes=processes(**changed),
    )


def values() -> dict[str, Any]:
    years = np.arange(12.0)
    return {
        "cars": np.stack([10 + 5 * years, 4 + years], axis=1),
        "grid": np.full((12, 2), 30.0),
        "share": np.stack([np.linspace(1, 0, 12), np.linspace(0, 1, 12)], axis=1),
        "grid_share": np.array([0.75, 0.25]),
        "content": np.array([[1.0, 0.0], [2.0, 3.0]]),
        "life": np.array([3.0, 5.0]),
        "reuse": np.array([0.5, 0.25]),
        "fade": np.array([0.8, 0.5]),
    }


def run(made: mfa.System, **changed: Any) -> xr.Dataset:
    arrays = {**values(), **changed}
    labels = {"year": YEARS, **DIMENSIONS}
    variables = {n: (spec.dims, arrays[n]) for n, spec in made.parameters.items()}
    used = {d for spec in made.parameters.values() for d in spec.dims}
    return mfa.simulate(
        made, xr.Dataset(variables, coords={d: own for d, own in labels.items() if d in used})
    )


def by_hand() -> np.ndarray:
    """Demand of the grid that is left for new units, (year, region): kWh, loops, no kernels."""
    told = values()
    left = told["grid"].copy()
    for t in range(12):
        for r in range(2):
            for k, life in enumerate((3, 5)):
                if t >= life:
                    retired = told["cars"][t - life, r] * told["share"][t - life, k]
                    left[t, r] -= retired * told["reuse"][0] * told["fade"][r]
    return np.maximum(left, 0.0)


def test_retired_units_that_serve_are_not_demanded_anew() -> None:
    """In kWh, with the fade of capacity; the share is read where the vehicles stand (car)."""
    left = by_hand()
    assert left[-1, 0] < left[0, 0] == 30.0
    told = values()
    result = run(system())
    expected = np.einsum("tr,k,km->trm", left, told["grid_share"], told["content"])
    found = result.maker_to_storage.transpose("year", "region", "metal")
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert mfa.balance(result).attrs["balance_residual"] <= 1e-12


def test_mass_does_not_fade() -> None:
    """What leaves vehicles is the same mass, reused or not: capacity fades, tonnes do not."""
    plain = run(system(storage={"reused": None}))
    xr.testing.assert_equal(plain.vehicles_to_pile, run(system()).vehicles_to_pile)


def test_demand_never_falls_below_zero() -> None:
    result = run(system(), grid=np.full((12, 2), 1.0))
    inflow = result.maker_to_storage.sel(region="N")
    assert float(inflow.min()) == 0.0
    assert not inflow.sel(year=slice(2005, None)).values.any()
    assert result.attrs["balance_residual"] <= 1e-12


def test_a_share_of_zero_changes_nothing() -> None:
    none = run(system(), reuse=np.zeros(2))
    plain = run(system(storage={"reused": None}))
    for name in ("maker_to_storage", "storage_stock", "storage_to_pile"):
        np.testing.assert_array_equal(none[name], plain[name])


def test_kinds_keep_their_shares_of_what_is_demanded() -> None:
    """Cobalt is in kind b alone: its share of the inflow is that of the demand, reuse or not."""
    plain, reusing = run(system(storage={"reused": None})), run(system())
    ratio = [
        one.maker_to_storage.sel(metal="Co") / one.maker_to_storage.sel(metal="Li")
        for one in (plain, reusing)
    ]
    np.testing.assert_allclose(ratio[0], ratio[1], rtol=1e-13)


WAYS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "content changes over the years": (
        {"content": {"dims": ["year", "kind", "metal"], "unit": "t/kWh"}},
        {},
        {"content": np.broadcast_to(np.array([[1.0, 0.0], [2.0, 3.0]]), (12, 2, 2))},
    ),
    "vehicles are driven by their stock": (
        {"fleet": {"dims": ["year", "region"], "unit": "kWh"}},
        {"vehicles": {"inflow": None, "stock": "fleet", "shares": "share"}},
        {"fleet": None},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_units_are_counted_however_cohorts_are_followed(way: str) -> None:
    specs, changed, more = WAYS[way]
    told = values()
    if "fleet" in more:
        alive = np.zeros((12, 2))
        for t in range(12):
            for k, life in enumerate((3, 5)):
                for c in range(max(0, t - life + 1), t + 1):
                    alive[t] += told["cars"][c] * told["share"][c, k]
        more = {"fleet": alive}
    result = run(system(specs, **changed), **more)
    expected = np.einsum("tr,k,km->trm", by_hand(), told["grid_share"], told["content"])
    found = result.maker_to_storage.transpose("year", "region", "metal")
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_chain_of_reuse_is_computed_in_order() -> None:
    """Cabins reuse what storage retires, storage what vehicles retire; the order of names is irrelevant."""
    cabins = {**processes()["storage"], "reused": {"from": "storage", "usable": "reuse"}}
    result = run(system(a_cabins=cabins), grid=np.full((12, 2), 300.0))
    told, left = values(), by_hand() - 30.0 + 300.0
    served = np.zeros((12, 2))
    for t in range(12):
        for k, life in enumerate((3, 5)):
            if t >= life:
                served[t] += left[t - life] * told["grid_share"][k] * told["reuse"][1]
    expected = np.einsum("tr,k,km->trm", 300.0 - served, told["grid_share"], told["content"])
    found = result.maker_to_a_cabins.transpose("year", "region", "metal")
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_equation_says_it() -> None:
    text = str(mfa.plan(system()))
    assert (
        "maker_to_storage = Σ_kind grid * grid_share * content − reuse * fade · units that leave "
        "vehicles (never below 0)"
    ) in text


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no such process": (
        {},
        {"storage": {"reused": {"from": "vehicle", "usable": "reuse"}}},
        "process 'storage': there is no process 'vehicle' to reuse units of. Did you mean \"vehicles\"?",
    ),
    "no units": (
        {},
        {"storage": {"reused": {"from": "pile", "usable": "reuse"}}},
        "process 'storage': 'pile' (sink) has no units that retire; reused takes those of a stock with "
        "'inflow' or 'stock'",
    ),
    "of itself": (
        {},
        {"storage": {"reused": {"from": "storage", "usable": "reuse"}}},
        "the stocks 'storage' reuse units of each other in a ring (or of themselves), so none can be "
        "computed first; let the units enter a stock of their own",
    ),
    "of each other": (
        {},
        {"vehicles": {"reused": {"from": "storage", "usable": "reuse"}}},
        "the stocks 'storage', 'vehicles' reuse units of each other in a ring (or of themselves), so "
        "none can be computed first; let the units enter a stock of their own",
    ),
    "other places": (
        {},
        {"storage": {"sum": ["kind", "region"]}},
        "process 'storage': it demands units by (none), 'vehicles' retires them by (region); what is "
        "summed at each of them ('sum:') has to leave the same dimensions",
    ),
    "other units": (
        {
            "cars": {"dims": ["year", "region"], "unit": "vehicle/yr"},
            "size": {"unit": "kWh/vehicle"},
        },
        {"vehicles": {"content": "size * content"}},
        "process 'storage': it demands units in kWh/yr, 'vehicles' retires them in vehicle/yr; reused "
        "units have to be of one kind",
    ),
    "a dimension too many": (
        {},
        {"storage": {"reused": {"from": "vehicles", "usable": "content"}}},
        "process 'storage': usable (content) has the dimension metal, which the units of 'vehicles' "
        "(region, kind) do not have",
    ),
    "not a share": (
        {},
        {"storage": {"reused": {"from": "vehicles", "usable": "life"}}},
        "process 'storage': reused (life) is in yr, it must be in 1",
    ),
    "an unknown parameter": (
        {},
        {"storage": {"reused": {"from": "vehicles", "usable": "resue"}}},
        "process 'storage': unknown parameter 'resue'. Did you mean \"reuse\"?",
    ),
    "a misspelt key": (
        {},
        {"storage": {"reused": {"from": "vehicles", "usabel": "reuse"}}},
        "unknown key 'usabel'. Did you mean \"usable\"?",
    ),
    "no demand": (
        {"fleet": {"dims": ["year", "region"], "unit": "kWh"}},
        {"storage": {"inflow": None, "stock": "fleet", "shares": "grid_share"}},
        "process 'storage': reused units lower what it demands, so it needs 'inflow': its demand",
    ),
    "lifetime by what is held": (
        {"life": {"dims": ["metal"], "unit": "yr"}},
        {},
        "process 'vehicles': its lifetime varies over metal, which the units of its driver do not; so "
        "the units that leave it, which another stock reuses, cannot be counted",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what: str) -> None:
    specs, changed, message = REFUSED[what]
    with pytest.raises(MfaError) as caught:
        mfa.plan(system(specs, **changed))
    assert message in str(caught.value)


@pytest.mark.parametrize(("value", "said"), [(1.5, "1.2"), (-0.5, "-0.4")])
def test_more_than_what_retires_cannot_serve(value: float, said: str) -> None:
    with pytest.raises(MfaError) as caught:
        run(system(), reuse=np.array([value, 0.0]))
    assert f"usable (reuse * fade) is {said} at region=N, use=car; it is the share" in str(
        caught.value
    )

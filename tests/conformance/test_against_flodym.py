"""Random stocks by mfa and by flodym, through the public interface of each.

Where flodym is not installed (``pip install "mfa[peers]"``) this is skipped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfa import lifetime, stocks
from mfa.dims import years

flodym = pytest.importorskip("flodym")

LIFETIMES = {
    "fixed": (flodym.FixedLifetime, ("mean",)),
    "normal": (flodym.NormalLifetime, ("mean", "std")),
    "folded_normal": (flodym.FoldedNormalLifetime, ("mean", "std")),
    "lognormal": (flodym.LogNormalLifetime, ("mean", "std")),
    "weibull": (flodym.WeibullLifetime, ("shape", "scale")),
}
LETTERS = {"cohort": "t", "region": "r", "product": "p"}


@st.composite
def systems(draw: Any) -> dict[str, Any]:
    """A law, its parameters over any dimensions, a number of years and a convention."""
    law = draw(st.sampled_from(sorted(LIFETIMES)))
    sizes = {
        "cohort": draw(st.integers(3, 40)),  # flodym fails on fewer years
        "region": draw(st.integers(1, 3)),
        "product": draw(st.integers(1, 3)),
    }
    own = [d for d in sizes if draw(st.booleans())]
    number = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = [sizes[d] for d in own]
    mean = number.uniform(2.0, 30.0, shape)
    values = {
        "mean": mean,
        "std": mean * number.uniform(0.1, 0.6, shape),
        "shape": number.uniform(0.8, 5.0, shape),
        "scale": mean,
    }
    return {
        "law": law,
        "moment": draw(st.sampled_from(["start", "middle", "end"])),
        "own": own,
        "sizes": sizes,
        "parameters": {name: values[name] for name in LIFETIMES[law][1]},
        "inflow": number.uniform(0.0, 100.0, list(sizes.values())) ** draw(st.integers(1, 3)),
    }


def labels(told: dict[str, Any]) -> dict[str, list[Any]]:
    sizes = told["sizes"]
    return {
        "cohort": list(range(2000, 2000 + sizes["cohort"])),
        "region": [f"region {i}" for i in range(sizes["region"])],
        "product": [f"product {i}" for i in range(sizes["product"])],
    }


def ours(told: dict[str, Any]) -> tuple[xr.DataArray, xr.DataArray]:
    """Return inflow and survival with labels."""
    named = labels(told)
    given = {
        name: xr.DataArray(values, dims=told["own"], coords={d: named[d] for d in told["own"]})
        for name, values in told["parameters"].items()
    }
    span = years(2000, named["cohort"][-1])
    survival = getattr(lifetime, told["law"])(span, inflow_at=told["moment"], **given)
    inflow = xr.DataArray(told["inflow"], dims=list(named), coords=named).rename(cohort="year")
    return inflow, survival


def theirs(told: dict[str, Any], kind: Any, key: str, values: Any) -> Any:
    """Return a stock of flodym, computed from its inflow or from its level."""
    named = labels(told)
    dims = flodym.DimensionSet(
        dim_list=[
            flodym.Dimension(name=d, letter=LETTERS[d], items=items, dtype=type(items[0]))
            for d, items in named.items()
        ]
    )
    model = LIFETIMES[told["law"]][0](dims=dims, time_letter="t", inflow_at=told["moment"])
    prefix = "weibull_" if told["law"] == "weibull" else ""
    own = dims.get_subset(tuple(LETTERS[d] for d in told["own"]))
    for name, array in told["parameters"].items():
        setattr(model, prefix + name, flodym.Parameter(dims=own, values=array))
    stock = kind(
        dims=dims,
        name="use",
        process=flodym.Process(name="use", id=1),
        time_letter="t",
        lifetime_model=model,
    )
    getattr(stock, key).values[...] = values
    stock.compute()
    return stock


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(systems())
def test_two_hundred_random_stocks_agree_both_ways(told: dict[str, Any]) -> None:
    """CONVENTIONS §10: the same conventions give the same numbers, to 1e-9."""
    inflow, survival = ours(told)
    use = stocks.from_inflow(inflow, survival)
    peer = theirs(told, flodym.InflowDrivenDSM, "inflow", told["inflow"])
    order = ("year", "region", "product")
    size = np.abs(peer.stock.values).max()
    for mine, other in ((use.stock, peer.stock), (use.outflow, peer.outflow)):
        found = mine.transpose(*order).values
        np.testing.assert_allclose(found, other.values, rtol=1e-9, atol=1e-9 * size)
    if float(survival.isel(age=0).min()) < 0.2:  # noise grows with 1 / survival[0] in both
        return
    back = stocks.from_stock(use.stock, survival, on_decline="allow")
    peer = theirs(told, flodym.StockDrivenDSM, "stock", use.stock.transpose(*order).values)
    size = np.abs(told["inflow"]).max()
    for mine, other in ((back.inflow, peer.inflow), (back.outflow, peer.outflow)):
        found = mine.transpose(*order).values
        np.testing.assert_allclose(found, other.values, rtol=1e-9, atol=1e-9 * size)
    np.testing.assert_allclose(
        back.inflow.transpose(*order).values, told["inflow"], rtol=1e-9, atol=1e-9 * size
    )

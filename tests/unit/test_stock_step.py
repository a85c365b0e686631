"""A stock inside a system gives what mfa.stocks gives outside it, and balances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import lifetime, stocks
from mfa.dims import years
from mfa.errors import MfaError

COUNT = 40
SPAN = years(1990, 1989 + COUNT)
LABELS = {"region": ["N", "S"], "technology": ["LFP", "NMC"], "material": ["Co", "Ni", "Li"]}
FLEET = np.abs(np.sin(np.linspace(0.1, 6.0, COUNT)))[:, None] * np.array([100.0, 40.0])
SHARE = np.linspace(0.1, 0.9, COUNT)
DECLARED = {
    "fleet": {"dims": ["year", "region"], "unit": "vehicle"},
    "share": {"dims": ["year", "technology"]},
    "life": {"dims": ["technology"], "unit": "yr"},
    "content": {"dims": ["technology", "material"], "unit": "t/vehicle"},
    "lightening": {"dims": ["year"]},
}
NUMBERS = {
    "fleet": (("year", "region"), FLEET),
    "share": (("year", "technology"), np.stack([SHARE, 1.0 - SHARE], axis=1)),
    "life": ("technology", [7.0, 12.0]),
    "content": (("technology", "material"), [[0.0, 0.0, 0.1], [0.2, 0.6, 0.1]]),
    "lightening": ("year", np.linspace(1.0, 0.5, COUNT)),
}


def run(numbers: dict[str, Any] | None = None, **fields: Any) -> xr.Dataset:
    use = {
        "rule": "stock",
        "from": "mine",
        "to": "scrap",
        "stock": "fleet",
        "shares": "share",
        "content": "content",
        "lifetime": {"law": "normal", "mean": "life", "std": "3 yr"},
        "on_decline": "retire_early",
        **fields,
    }
    system = mfa.System(
        title="Fleet",
        conserves="material",
        dimensions=LABELS,
        parameters=DECLARED,
        processes={
            "mine": {"rule": "source"},
            "use": {key: value for key, value in use.items() if value is not None},
            "scrap": {"rule": "sink"},
        },
    )
    data = xr.Dataset({**NUMBERS, **(numbers or {})}, coords={"year": SPAN.values, **LABELS})
    result = mfa.simulate(system, data)
    assert result.attrs["balance_residual"] <= 1e-9
    return result


def vehicles(below_zero: str = "leaves") -> tuple[stocks.StockFlow, xr.Dataset]:
    """The same fleet outside a system."""
    data = xr.Dataset(NUMBERS, coords={"year": SPAN.values, **LABELS})
    survival = lifetime.normal(SPAN, mean=data.life, std=3.0, below_zero=below_zero)
    use = stocks.from_stock(data.fleet, survival, on_decline="retire_early", shares=data.share)
    return use, data


def close(ours: xr.DataArray, expected: xr.DataArray) -> None:
    expected = expected.transpose(*ours.dims)
    size = float(np.abs(expected).max())
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12 * size)


@pytest.mark.parametrize("below_zero", ["leaves", "truncate"])
def test_types_share_a_falling_stock(below_zero: str) -> None:
    use, data = vehicles(below_zero)
    lifetime_told = {"law": "normal", "mean": "life", "std": "3 yr", "below_zero": below_zero}
    result = run(lifetime=lifetime_told)
    assert (use.inflow.sum("technology") == 0).any()  # early retirement has happened
    close(result.mine_to_use, use.inflow * data.content)
    close(result.use_stock, use.stock * data.content)
    close(result.use_to_scrap, use.outflow * data.content)


def test_types_summed_after_they_have_retired() -> None:
    use, data = vehicles()
    result = run(sum=["technology"])
    close(result.use_stock, (use.stock * data.content).sum("technology"))
    close(result.use_to_scrap, (use.outflow * data.content).sum("technology"))


def test_content_of_the_year_of_entry_is_kept_when_cohorts_retire_early() -> None:
    use, data = vehicles()
    result = run(content="content * lightening")
    content = data.content * data.lightening
    survival = lifetime.normal(SPAN, mean=data.life, std=3.0)
    table = stocks.by_cohort(use.inflow, survival, stock=use.stock)
    entry = content.rename(year="cohort")
    close(result.mine_to_use, use.inflow * content)
    close(result.use_stock, (table.stock * entry).sum("cohort"))
    close(result.use_to_scrap, (table.outflow * entry).sum("cohort"))


def test_one_type_needs_no_shares() -> None:
    data = xr.Dataset(NUMBERS, coords={"year": SPAN.values, **LABELS})
    survival = lifetime.weibull(SPAN, mean=9.0, shape=2.0)
    use = stocks.from_stock(data.fleet, survival, on_decline="retire_early")
    content = data.content.isel(technology=1, drop=True)
    told = {"law": "weibull", "mean": "9 yr", "shape": 2.0}
    dims = {"material": LABELS["material"], "region": LABELS["region"]}
    system = mfa.System(
        title="Fleet",
        conserves="material",
        dimensions=dims,
        parameters={
            "fleet": DECLARED["fleet"],
            "content": {"dims": ["material"], "unit": "t/vehicle"},
        },
        processes={
            "mine": {"rule": "source"},
            "use": {
                "rule": "stock",
                "from": "mine",
                "to": "scrap",
                "stock": "fleet",
                "content": "content",
                "lifetime": told,
                "on_decline": "retire_early",
            },
            "scrap": {"rule": "sink"},
        },
    )
    result = mfa.simulate(system, xr.Dataset({"fleet": data.fleet, "content": content}))
    close(result.mine_to_use, use.inflow * content)
    close(result.use_to_scrap, use.outflow * content)


REFUSED = {
    "shares without a driving stock": (
        {"stock": None, "inflow": "fleet", "on_decline": "raise"},
        "process 'use': shares divide what a driving 'stock' needs among types; multiply them into",
    ),
    "a decline of something that is not driven by its stock": (
        {"stock": None, "inflow": "fleet", "shares": None},
        "process 'use': on_decline is for a process driven by its 'stock'",
    ),
    "shares without types": (
        {"shares": "lightening"},
        r"shares \(lightening\) have no dimension that the driving stock \(region\) lacks",
    ),
    "a lifetime of types that do not share": (
        {"shares": None},
        "the lifetime varies over technology, the driving stock does not; if these types share it",
    ),
    "an unknown way below zero": (
        {"lifetime": {"law": "normal", "mean": "life", "std": "3 yr", "below_zero": "cut"}},
        "below_zero",
    ),
    "a field that the law has not": (
        {"lifetime": {"law": "weibull", "mean": "life", "shape": 2, "survival": [1, 0]}},
        "process 'use': law 'weibull' has no 'survival'",
    ),
    "a table with a mean": (
        {"lifetime": {"law": "table", "mean": "life", "survival": [1, 0]}},
        "process 'use': law 'table' has no 'mean'",
    ),
    "a table that is not numbers": (
        {"lifetime": {"law": "table", "survival": [1, float("nan"), 0]}},
        "law 'table' needs 'survival'",
    ),
    "a cut that the law does not know": (
        {"lifetime": {"law": "weibull", "mean": "life", "shape": 2, "below_zero": "truncate"}},
        "process 'use': weibull: below_zero is an option of the law 'normal' only",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_stock_refuses(what: str) -> None:
    fields, message = REFUSED[what]
    with pytest.raises(MfaError, match=message):
        run(**fields)


def test_shares_of_types_sum_to_one() -> None:
    short = {"share": (("year", "technology"), np.full((COUNT, 2), 0.45))}
    with pytest.raises(
        MfaError,
        match=r"must be 0 or more and sum to 1 over technology \(off by 0\.1 at year=1990\)",
    ):
        run(short)

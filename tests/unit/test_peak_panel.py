"""The panel test of intensity peaks: exact slopes, honest errors, both signs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mfa.demand.peak_panel import observed_peak, panel_test, take_off_year
from mfa.errors import MfaError

REGIONS = {"region": ["GB", "US", "DE", "FR", "IT", "JP", "AR", "BR", "IN"]}
TAKE_OFF = xr.DataArray(
    [1840.0, 1870.0, 1885.0, 1890.0, 1915.0, 1925.0, 1905.0, 1955.0, 2005.0], REGIONS
)


@settings(max_examples=30, deadline=None)
@given(lower=st.floats(-0.02, 0.02), later=st.floats(-0.02, 0.02), seed=st.integers(0, 999))
def test_the_slope_is_that_of_linear_regression_with_its_small_sample_t(
    lower: float, later: float, seed: int
) -> None:
    noise = 0.1 * np.random.default_rng(seed).standard_normal((2, 9))
    height = np.exp(1 - lower * (TAKE_OFF - 1900) + noise[0])
    position = np.exp(1 + later * (TAKE_OFF - 1900) + noise[1])
    told = panel_test(TAKE_OFF, height, position, level=0.9)
    for claim, sign, data in (("lower", -1, height), ("later", 1, position)):
        one = told.sel(claim=claim)
        peer = stats.linregress(TAKE_OFF.values, np.log(data.values))
        assert one.b.item() == pytest.approx(sign * peer.slope, rel=1e-9, abs=1e-12)
        assert one.standard_error.item() == pytest.approx(peer.stderr, rel=1e-9)
        assert one.confidence.item() == pytest.approx(1 - peer.pvalue / 2, abs=1e-9)
        half = stats.t.ppf(0.95, 7) * peer.stderr
        assert (one.high - one.low).item() == pytest.approx(2 * half)
        assert one.sign.item() == np.sign(sign * peer.slope)


def test_the_confidence_is_wrong_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    runs = [
        panel_test(TAKE_OFF, *np.exp(xr.DataArray(rng.standard_normal((2, 9)),
                                                  {"which": [0, 1], **REGIONS})))
        for _ in range(400)
    ]  # fmt: skip
    inside = np.mean([(run.low < 0) & (run.high > 0) for run in runs])
    assert inside == pytest.approx(0.95, abs=0.025)
    assert np.mean([run.confidence > 0.9 for run in runs]) == pytest.approx(0.2, abs=0.05)


def test_a_peak_at_the_edge_of_the_data_is_not_passed() -> None:
    years = np.arange(1990, 2011)
    income = xr.DataArray(np.linspace(1, 10, 21), {"year": years})
    rising = xr.DataArray(np.linspace(1, 2, 21), {"year": years})
    hill = 5 - 0.05 * (income - 5.5) ** 2
    both = xr.concat([rising, hill], xr.DataArray(["IN", "US"], dims="region", name="region"))
    peak = observed_peak(both, income)
    assert peak.passed.values.tolist() == [False, True]
    assert peak.year.values.tolist() == [2008, 2000]
    assert peak.income.sel(region="US").item() == pytest.approx(5.5)


def test_take_off_is_unknown_where_it_lies_before_or_after_the_data() -> None:
    years = np.arange(1950, 1955)
    gdp = xr.DataArray(
        [[5.0, 6, 7, 8, 9], [1, 3, 2, 4, 5], [1, 1, 2, 1, 1], [1, 1, 1, 1, 4]],
        {"region": ["US", "JP", "IN", "CN"], "year": years},
    )
    np.testing.assert_array_equal(take_off_year(gdp, 2.5), [np.nan, 1953, np.nan, 1954])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.where(d.region != "JP"), "height: a value is NaN"),
        (lambda d: -d, "height: must be above 0"),
        (lambda d: d.assign_coords(region=REGIONS["region"][::-1]), "stand in another order"),
        (lambda d: d.expand_dims(year=[1]), "needs one dimension, the countries"),
    ],
)
def test_what_cannot_be_tested_is_refused(change: Any, says: str) -> None:
    with pytest.raises(MfaError) as caught:
        panel_test(TAKE_OFF, change(TAKE_OFF), TAKE_OFF)
    assert says in str(caught.value)


def test_few_or_simultaneous_countries_are_refused() -> None:
    two = TAKE_OFF[:2]
    with pytest.raises(MfaError, match="4 or more countries"):
        panel_test(two, two, two)
    with pytest.raises(MfaError, match="must be known and differ"):
        panel_test(TAKE_OFF * 0 + 1900, TAKE_OFF, TAKE_OFF)

"""Intensity of use peaks once where elasticity is one; inverted U, waves, shifting peaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st

from mfa import demand
from mfa.demand.curves import CURVES
from mfa.dims import array
from mfa.errors import MfaError

INCOME = np.linspace(1e3, 40e3, 40)
STEEL = {"saturation": 500.0, "midpoint": 9e3, "rate": 5e-4}


def elasticity(law: str, at: float, scale: str, given_: dict[str, float]) -> float:
    def log(y: float) -> float:
        return float(np.log(CURVES[law].law(y, **given_, scale=scale)))

    step = 1e-5
    return (log(at * np.exp(step)) - log(at * np.exp(-step))) / (2 * step)


@given(
    law=st.sampled_from(["logistic", "gompertz", "richards"]),
    bent=st.floats(1.2, 40.0),
    asymmetry=st.floats(0.05, 6.0),
    scale=st.sampled_from(["linear", "log"]),
)
def test_intensity_peaks_where_elasticity_is_one(
    law: str, bent: float, asymmetry: float, scale: str
) -> None:
    shape = {"logistic": 1.0, "gompertz": 0.0}.get(law, asymmetry)
    rate = bent + shape if scale == "log" else (bent + shape) / 9e3
    given_ = {"saturation": 500.0, "midpoint": 9e3, "rate": rate}
    given_ |= {"asymmetry": asymmetry} if law == "richards" else {}
    peak = demand.intensity_peak(law, scale=scale, **given_)
    assert elasticity(law, peak.x, scale, given_) == pytest.approx(1.0, abs=1e-5)
    higher = CURVES[law].law(peak.x * np.array([0.99, 1.01]), **given_, scale=scale)
    assert (higher / (peak.x * np.array([0.99, 1.01])) < peak.intensity).all()


@given(bent=st.floats(2.05, 30.0))
def test_the_logistic_peaks_once_above_its_midpoint(bent: float) -> None:
    given_ = STEEL | {"rate": bent / 9e3}
    peak = demand.intensity_peak("logistic", **given_)
    assert peak.x > 9e3
    assert given_["rate"] * peak.x * (
        1 - demand.logistic(peak.x, **given_) / 500.0
    ) == pytest.approx(1.0, rel=1e-6)
    beyond = np.linspace(peak.x, 20 * peak.x, 400)
    assert (np.diff(demand.logistic(beyond, **given_) / beyond) < 0).all()


def test_where_the_take_off_is_too_early_intensity_only_falls() -> None:
    falling = STEEL | {"rate": 1.9 / 9e3}
    assert np.isnan(demand.intensity_peak("logistic", **falling).x)
    seen = demand.logistic(INCOME, **falling) / INCOME
    assert (np.diff(seen) < 0).all()
    assert np.isnan(demand.intensity_peak("logistic", **(STEEL | {"rate": 0.9}), scale="log").x)


def test_a_very_steep_law_peaks_just_after_its_rise() -> None:
    peak = demand.intensity_peak("gompertz", **(STEEL | {"rate": 1.0}))
    assert elasticity("gompertz", peak.x, "linear", STEEL | {"rate": 1.0}) == pytest.approx(
        1, abs=5e-3
    )


def test_the_modified_exponential_peaks_by_the_same_formula() -> None:
    given_ = {"saturation": 500.0, "start": 2e3, "rate": 1e-4}
    peak = demand.intensity_peak(demand.modified_exponential, **given_)
    assert elasticity("modified_exponential", peak.x, "linear", given_) == pytest.approx(
        1.0, abs=1e-6
    )


@pytest.mark.parametrize(("begin", "early"), [(9.5e3, True), (30e3, False)])
def test_a_decline_moves_the_peak_only_if_it_has_begun(begin: float, early: bool) -> None:
    lost = {"decline": 0.5, "decline_rate": 1e-4, "decline_from": begin}
    plain = demand.intensity_peak("logistic", **STEEL)
    found = demand.intensity_peak("rise_and_decline", **STEEL, **lost)
    assert (found.x < plain.x * (1 - 1e-6)) == early
    at = np.linspace(1e3, 60e3, 590_001)
    seen = demand.rise_and_decline(at, **STEEL, **lost) / at
    seen[at < 4e3] = 0.0
    assert found.x == pytest.approx(at[np.argmax(seen)], abs=1.0)


def test_labels_and_units_of_a_peak() -> None:
    level = array([0.5, 0.8], "t", country=["China", "Japan"])
    peak = demand.intensity_peak(
        "logistic", **(STEEL | {"saturation": level, "midpoint": array(9e3, "USD")})
    )
    assert peak.intensity.dims == ("country",)
    assert peak.intensity.attrs["units"] == "t/(USD)"
    assert float(peak.intensity[1] / peak.intensity[0]) == pytest.approx(1.6)
    fit = demand.fit("logistic", INCOME, demand.logistic(INCOME, **STEEL))
    assert demand.intensity_peak(fit).x == pytest.approx(
        demand.intensity_peak("logistic", **STEEL).x
    )


def test_countries_that_share_a_shape_peak_at_one_income() -> None:
    income = array(np.linspace(1e3, 3e4, 40), "USD/person", year=np.arange(1980, 2020))
    level = array([300.0, 500.0], "t/(person yr)", region=["Canada", "France"])
    steel = demand.gompertz(income, saturation=level, midpoint=8e3, rate=3e-4)
    peak = demand.intensity_peak(demand.fit("gompertz", income, steel, x_dim="year"))
    alone = demand.intensity_peak("gompertz", saturation=300.0, midpoint=8e3, rate=3e-4)
    assert peak.x.dims == () and float(peak.x) == pytest.approx(alone.x, rel=1e-6)
    assert float(peak.intensity.sel(region="Canada")) == pytest.approx(alone.intensity, rel=1e-6)
    assert (peak.x.units, peak.intensity.units) == ("USD/person", "t/person/yr/(USD/person)")


@pytest.mark.parametrize("form", ["quadratic", "log_quadratic"])
def test_an_inverted_u_is_found_with_its_top_inside_the_interval(form: str) -> None:
    held = 0
    for seed in range(60):
        noise = np.random.default_rng(seed).normal(0, 0.05, 40)
        if form == "quadratic":
            y, top = 0.5 + 4e-4 * INCOME - 1.6e-8 * INCOME**2 + noise * 3, 12500.0
        else:
            y = np.exp(-40 + 9.2 * np.log(INCOME) - 0.5 * np.log(INCOME) ** 2 + noise)
            top = np.exp(9.2)
        found = demand.inverted_u(INCOME, y, form=form)
        assert found.holds and found.low < found.at < found.high
        held += found.low <= top <= found.high
    assert 48 <= held <= 60


def test_coefficients_of_an_inverted_u_are_those_of_the_raw_polynomial() -> None:
    y = 0.5 + 4e-4 * INCOME - 1.6e-8 * INCOME**2 + np.random.default_rng(0).normal(0, 0.1, 40)
    found = demand.inverted_u(INCOME, y)
    best, covariance = np.polyfit(INCOME, y, 2, cov=True)
    np.testing.assert_allclose(found.coefficients, best[::-1], rtol=1e-6)
    np.testing.assert_allclose(found.covariance, covariance[::-1, ::-1], rtol=1e-5)


@pytest.mark.parametrize("part", [slice(0, 9), slice(25, 40)])
def test_half_of_an_inverted_u_is_none(part: slice) -> None:
    x = INCOME[part]
    y = 0.5 + 4e-4 * x - 1.6e-8 * x**2 + np.random.default_rng(0).normal(0, 0.02, len(x))
    assert not demand.inverted_u(x, y).holds


def test_a_u_that_opens_upwards_has_no_top() -> None:
    found = demand.inverted_u(INCOME, 1e-8 * (INCOME - 2e4) ** 2)
    assert np.isnan(found.at) and found.p == 1.0 and not found.holds


def test_waves_come_in_the_order_of_zero_growth_with_symmetric_overlap() -> None:
    metals = {"aluminium": 16e3, "steel": 8e3, "copper": 14e3}
    fits = {}
    for i, (name, midpoint) in enumerate(metals.items()):
        y = demand.logistic(INCOME, saturation=10.0, midpoint=midpoint, rate=4e-4)
        fits[name] = demand.fit("logistic", INCOME, y + np.random.default_rng(i).normal(0, 0.3, 40))
    found = demand.waves(fits)
    assert found.mineral.values.tolist() == ["steel", "copper", "aluminium"]
    assert list(np.diag(found.overlap)) == [1.0] * 3
    np.testing.assert_array_equal(found.overlap, found.overlap.values.T)
    assert (found.overlap >= 0).all() and (found.overlap <= 1).all()
    assert float(found.overlap.sel(mineral="copper", other="aluminium")) > 0.3
    assert float(found.later.sel(mineral="aluminium", other="steel")) > 0.999
    swapped = demand.waves(dict(reversed(fits.items())))
    assert swapped.mineral.values.tolist() == found.mineral.values.tolist()


def test_rises_that_do_not_meet_do_not_overlap() -> None:
    rises = {"a": {"take_off": 1.0, "zero_growth": 2.0}, "b": {"take_off": 3.0, "zero_growth": 4.0}}
    found = demand.waves(rises)
    assert float(found.overlap.sel(mineral="a", other="b")) == 0.0
    assert "later" not in found


@given(slope=st.floats(-0.03, 0.03), seed=st.integers(0, 50))
def test_a_shift_of_peaks_is_found_with_its_sign(slope: float, seed: int) -> None:
    assume(abs(slope) > 0.008)
    years = np.linspace(1850, 1990, 9)
    noise = np.random.default_rng(seed).normal(0, 0.05, 9)
    found = demand.peak_shift(years, np.exp(2 + slope * (years - 1900) + noise))
    assert np.sign(found.slope) == np.sign(slope)
    assert (found.p < 0.01) == (slope < 0)
    assert (found.p_tau < 0.01) == (slope < 0)
    other = demand.peak_shift(years, np.exp(2 + slope * (years - 1900) + noise), expected="rises")
    assert other.p == pytest.approx(1 - found.p, abs=1e-9)


def test_growth_that_never_stops_has_no_zero_growth() -> None:
    x = np.arange(30.0)
    assert np.isnan(demand.zero_growth_seen(x, x, midpoint=10.0, saturation=20.0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: demand.intensity_peak("bass", market=1.0), "not one over income"),
        (lambda: demand.inverted_u([1, 2, 3], [1, 2, 3]), "4 or more pairs"),
        (lambda: demand.inverted_u([1, 1, 2, 2], [1, 2, 3, 4]), "three different incomes"),
        (lambda: demand.inverted_u(INCOME, -INCOME, form="log_quadratic"), "values above 0"),
        (lambda: demand.inverted_u(INCOME, INCOME, form="log"), "form 'log'"),
        (lambda: demand.waves({"x": {"take_off": 1.0, "zero_growth": np.nan}}), "its law has no wave"),
        (lambda: demand.peak_shift([1, 2], [1, 2]), "4 or more countries"),
        (lambda: demand.peak_shift([1, 1, 1, 1], [1, 2, 3, 4]), "must be known and differ"),
        (lambda: demand.peak_shift([1, 2, 3, 4], [1, 2, 3, 4], expected="up"), "'falls' or 'rises'"),
        (lambda: demand.zero_growth_seen([1, 2, 2], [1, 2, 3], midpoint=1, saturation=1), "x must rise"),
    ],
)  # fmt: skip
def test_impossible_questions_are_refused_in_words(call: Any, message: str) -> None:
    with pytest.raises(MfaError, match=message):
        call()


FLAT = xr.DataArray(np.ones(20), {"year": np.arange(20)})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: demand.intensity_peak("logistic", saturation=1.0),
            "needs the parameter 'midpoint'",
        ),
        (
            lambda: demand.intensity_peak("logistic", saturation=1.0, midpoint=2, rate=3, foo=3),
            "no parameter 'foo'",
        ),
        (lambda: demand.waves({}), "a mapping of minerals"),
        (lambda: demand.waves(["Cu"]), "a mapping of minerals"),
        (lambda: demand.waves({"Cu": {"take_off": 1.0}}), "Cu lacks 'zero_growth'"),
        (
            lambda: demand.zero_growth_seen([1.0], [1.0], midpoint=0, saturation=1),
            "midpoint must be a number above 0, found 0",
        ),
        (
            lambda: demand.zero_growth_seen([1.0, 2.0], [1.0], midpoint=1, saturation=1),
            "2 x stand beside 1 y",
        ),
        (lambda: demand.take_off_year(FLAT, "5000"), "income must be a number, found '5000'"),
        (lambda: demand.observed_peak(FLAT, FLAT, window=5.0), "window must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(call, message):
    with pytest.raises(MfaError, match=message):
        call()

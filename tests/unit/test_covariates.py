"""Covariates shift the saturation of a law: found again, tested for, refused where they say nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from mfa import demand
from mfa.errors import MfaError

INCOME = np.linspace(1e3, 40e3, 60)
TOWNS = np.random.default_rng(3).uniform(0.3, 0.9, 60)
INDUSTRY = np.random.default_rng(4).uniform(10.0, 40.0, 60)
LAW = {"midpoint": 15e3, "rate": 3e-4}


def used(effect: float, noise: float = 0.0, seed: int = 0, law: Any = demand.logistic) -> Any:
    level = 500.0 * np.exp(effect * (TOWNS - TOWNS.mean()))
    return law(INCOME, saturation=level, **LAW) + np.random.default_rng(seed).normal(0, noise, 60)


def panel() -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Two countries with one shape, saturations of 500 and 300, and one effect of towns."""
    random = np.random.default_rng(1)
    labels = {"country": ["A", "B"], "year": np.arange(1960, 2000)}
    x = xr.DataArray(np.linspace([1e3, 2e3], [40e3, 30e3], 40).T, labels)
    towns = xr.DataArray(random.uniform(0.3, 0.9, (2, 40)), labels)
    top = xr.DataArray([500.0, 300.0], {"country": ["A", "B"]})
    level = top * np.exp(0.8 * (towns - towns.mean()))
    return x, demand.logistic(x, saturation=level, **LAW).transpose("country", "year"), towns


@pytest.mark.parametrize("law", ["logistic", "gompertz"])
def test_noiseless_data_return_parameters_and_effects(law: str) -> None:
    y = used(0.8, law=getattr(demand, law))
    found = demand.fit(law, INCOME, y, covariates={"towns": TOWNS})
    told = found.parameters | found.effects
    assert told == pytest.approx({"saturation": 500.0, **LAW, "towns": 0.8}, rel=1e-6)
    assert found.identified


def test_two_covariates_in_their_own_units_and_logs() -> None:
    y = used(0.8) * np.exp(-0.01 * (INDUSTRY - INDUSTRY.mean()))
    industry = xr.DataArray(INDUSTRY, dims="point", attrs={"units": "%"})
    for noise in ("additive", "relative"):
        found = demand.fit(
            "logistic", INCOME, y, noise=noise, covariates={"towns": TOWNS, "industry": industry}
        )
        assert found.effects == pytest.approx({"towns": 0.8, "industry": -0.01}, rel=1e-6)
    assert found.sample(2).industry.attrs["units"] == "1/%"


def test_effects_do_not_depend_on_the_unit_of_a_covariate() -> None:
    y = used(0.8, 5.0)
    one = demand.fit("logistic", INCOME, y, covariates={"towns": TOWNS})
    other = demand.fit("logistic", INCOME, y, covariates={"towns": 100 * TOWNS + 7})
    assert other.effects["towns"] == pytest.approx(one.effects["towns"] / 100, rel=1e-6)
    assert other.standard_error["towns"] == pytest.approx(one.standard_error["towns"] / 100)
    assert other.parameters == pytest.approx(one.parameters, rel=1e-6)


def test_the_standard_error_of_an_effect_is_that_of_repeated_samples() -> None:
    fits = [
        demand.fit("logistic", INCOME, used(0.3, 15.0, seed), covariates={"towns": TOWNS}, starts=4)
        for seed in range(150)
    ]
    found = np.array([fit.effects["towns"] for fit in fits])
    told = np.mean([fit.standard_error["towns"] for fit in fits])
    assert found.mean() == pytest.approx(0.3, abs=3 * told / 150**0.5)
    assert told == pytest.approx(found.std(), rel=0.2)


def test_the_nested_test_asks_for_a_covariate_only_where_it_acts() -> None:
    for effect, needed in ((0.8, True), (0.0, False)):
        y = used(effect, 8.0, seed=1)
        plain = demand.fit("logistic", INCOME, y)
        shifted = demand.fit("logistic", INCOME, y, covariates={"towns": TOWNS})
        test = demand.nested_test(plain, shifted)
        assert test["degrees"] == 1
        assert (test["p"] < 1e-6) == needed
        assert (test["p"] > 0.05) == (not needed)


def test_the_nested_test_is_right_where_nothing_acts() -> None:
    """Under the null p is uniform: 5 % of the tests reject at 5 %."""
    found = []
    for seed in range(200):
        y = used(0.0, 10.0, seed)
        fits = [
            demand.fit("logistic", INCOME, y, covariates=c, starts=3) for c in ({}, {"t": TOWNS})
        ]
        found.append(demand.nested_test(*fits)["p"])
    assert 0.01 < np.mean(np.array(found) < 0.05) < 0.11
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_predictions_stand_at_values_of_the_covariates() -> None:
    found = demand.fit("logistic", INCOME, used(0.8, 5.0), covariates={"towns": TOWNS})
    low, mid, high = found.predict(INCOME, covariates={"towns": TOWNS})
    assert float(((low < used(0.8)) & (used(0.8) < high)).mean()) == 1.0
    np.testing.assert_allclose(mid, used(0.8), atol=15)
    flat = found.predict([40e3], covariates={"towns": TOWNS.mean()})[1]
    at_mean = demand.logistic(40e3, **found.parameters)
    assert float(flat[0]) == pytest.approx(at_mean, rel=1e-9)
    twice = found.predict([40e3], covariates={"towns": TOWNS.mean() + 1})[1]
    assert float(twice[0] / flat[0]) == pytest.approx(np.exp(found.effects["towns"]), rel=1e-9)
    assert float(found.point(40e3, covariates={"towns": TOWNS.mean()})) == pytest.approx(at_mean)


def test_samples_stand_at_covariates_or_show_the_effects() -> None:
    found = demand.fit("logistic", INCOME, used(0.8, 5.0), covariates={"towns": TOWNS})
    plain = found.sample(500, seed=1)
    at = found.sample(500, seed=1, covariates={"towns": 0.9})
    assert set(plain) == {"saturation", "midpoint", "rate", "towns"}
    told = plain.saturation * np.exp(plain.towns * (0.9 - TOWNS.mean()))
    np.testing.assert_allclose(at.saturation, told)
    ensemble = demand.logistic(20e3, **dict(at))
    assert ensemble.dims == ("sample",)
    path = xr.DataArray([0.5, 0.6], {"year": [2020, 2030]})
    moving = found.sample(3, covariates={"towns": path})
    assert moving.saturation.sizes == {"sample": 3, "year": 2}


def test_groups_keep_their_saturations_and_share_the_effect() -> None:
    x, y, towns = panel()
    found = demand.fit("logistic", x, y, x_dim="year", covariates={"towns": towns})
    np.testing.assert_allclose(found.parameters["saturation"], [500.0, 300.0], rtol=1e-6)
    assert found.effects["towns"] == pytest.approx(0.8, rel=1e-6)
    mid = found.predict(x, covariates={"towns": towns})[1]
    np.testing.assert_allclose(mid.transpose(*y.dims), y, rtol=1e-5)
    by_country = xr.DataArray([0.5, 0.6], {"country": ["A", "B"]})
    steady = found.predict(x, covariates={"towns": by_country})[1]
    one = found.predict(x, covariates={"towns": 0.6})[1]
    np.testing.assert_allclose(steady.sel(country="B"), one.sel(country="B"))


def test_a_fit_with_covariates_goes_through_its_file_and_a_bootstrap() -> None:
    found = demand.fit("logistic", INCOME, used(0.8, 5.0), covariates={"towns": TOWNS})
    again = demand.Fit.from_mapping(found.to_mapping())
    assert again.effects == found.effects
    told = found.predict([2e4], covariates={"towns": 0.7})
    for one, other in zip(told, again.predict([2e4], covariates={"towns": 0.7}), strict=True):
        np.testing.assert_array_equal(one, other)
    drawn = found.bootstrap(400).sample(2000).towns
    assert float(drawn.std()) == pytest.approx(found.standard_error["towns"], rel=0.25)
    low = demand.fit("logistic", INCOME[:12], used(0.8, 5.0)[:12], covariates={"towns": TOWNS[:12]})
    assert not low.identified and low.method == "profile"
    assert set(low.sample(10)) == {"saturation", "midpoint", "rate", "towns"}


def test_an_effect_may_be_bounded() -> None:
    found = demand.fit(
        "logistic",
        INCOME,
        used(-0.4, 5.0),
        covariates={"towns": TOWNS},
        bounds={"towns": (0, np.inf)},
    )
    assert found.effects["towns"] == pytest.approx(0.0, abs=1e-6) and not found.interior


FITTED = demand.fit("logistic", INCOME, used(0.8, 5.0), covariates={"towns": TOWNS})
YEARS = xr.DataArray(INCOME[:40], {"year": np.arange(1960, 2000)})


def of(**changed: Any) -> Any:
    return demand.fit("logistic", INCOME, used(0.8, 5.0), **changed)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: of(covariates={"towns": 0.5}), "covariate 'towns' does not vary: nothing can be said"),
        (lambda: of(covariates={"towns": 0 * TOWNS}), "covariate 'towns' does not vary"),
        (lambda: of(covariates={"a": TOWNS, "b": 2 * TOWNS + 1}), "covariates a, b cannot be told apart"),
        (lambda: of(covariates={"rate": TOWNS}), "cannot have the name 'rate', which is taken"),
        (lambda: of(covariates={"towns": TOWNS[:9]}), "9 values of .* stand beside 60"),
        (lambda: of(covariates={"towns": np.where(TOWNS > 0.8, np.nan, TOWNS)}), "covariate 'towns' is missing"),
        (lambda: of(covariates=TOWNS), "covariates must be a mapping"),
        (lambda: demand.fit("fisher_pry", AGES, SHARE, covariates={"z": AGES**2}), "has no saturation that"),
        (lambda: demand.fit("logistic", *panel()[:2], covariates={"country": panel()[2]}), "cannot have the name 'country'"),
        (lambda: FITTED.predict(2e4, covariates=0.5), "must be a mapping of names to values"),
        (lambda: FITTED.predict(2e4), "say at which value, predict"),
        (lambda: FITTED.predict(2e4, covariates={"town": 1}), 'Did you mean "towns"'),
        (lambda: FITTED.predict(2e4, covariates={"towns": np.nan}), "is NaN or infinite"),
        (lambda: FITTED.predict([2e4, 3e4], covariates={"towns": [0.1, 0.2, 0.3]}), "differ in length"),
        (lambda: FITTED.predict(2e4, covariates={"towns": [0.1, 0.2]}), "which x has not"),
        (lambda: FITTED.sample(3, covariates={"towns": [0.1, 0.2]}), "give a DataArray"),
        (lambda: of().predict(2e4, covariates={"towns": 1}), "no covariate 'towns'"),
        (lambda: demand.nested_test(of(covariates={"a": TOWNS}), of(covariates={"b": TOWNS, "c": INDUSTRY})), "lacks the covariate 'a'"),
        (lambda: demand.nested_test(of(), demand.fit("richards", INCOME, used(0.8, 5.0), scale="log")), "over ln x"),
        (lambda: demand.nested_test(of(), demand.fit("rise_and_decline", INCOME, used(0.8, 4.0))), "of the same data"),
    ],
)  # fmt: skip
def test_what_says_nothing_is_refused(call: Any, message: str) -> None:
    with pytest.raises(MfaError, match=message):
        call()


AGES = np.arange(0.0, 31.0)
SHARE = demand.fisher_pry(AGES, midpoint=12.0, rate=0.4)


def test_what_differs_between_groups_only_is_no_covariate_of_own_saturations() -> None:
    x, y, _ = panel()
    climate = xr.DataArray([5.0, 20.0], {"country": ["A", "B"]})
    with pytest.raises(MfaError, match="does not vary within any group"):
        demand.fit("logistic", x, y, x_dim="year", covariates={"climate": climate})
    shared = demand.fit("logistic", x, y, x_dim="year", own=[], covariates={"climate": climate})
    assert shared.effects["climate"] == pytest.approx(np.log(300 / 500) / 15, rel=0.3)


def test_a_name_need_not_be_text() -> None:
    assert of(covariates={5: TOWNS}).effects["5"] == pytest.approx(FITTED.effects["towns"])

"""Least squares beside scipy and beside formulas written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mfa.demand.regression import error_paths, ols
from mfa.errors import MfaError

RNG = np.random.default_rng(7)
X = np.column_stack([np.ones(40), RNG.standard_normal(40), np.linspace(0, 1e4, 40)])
Y = X @ [1.0, -2.0, 3e-4] + RNG.standard_normal(40)
NAMES = ["constant", "price", "income"]


def test_plain_covariance_is_the_textbook_formula() -> None:
    fit = ols(X, Y, NAMES)
    inverse = np.linalg.inv(X.T @ X)
    np.testing.assert_allclose(fit.coefficients, inverse @ X.T @ Y, rtol=1e-9)
    residuals = Y - X @ fit.coefficients
    np.testing.assert_allclose(fit.covariance, inverse * (residuals @ residuals) / 37, rtol=1e-9)
    line = stats.linregress(X[:, 1], Y)
    pair = ols(X[:, :2], Y, NAMES[:2])
    np.testing.assert_allclose(pair.standard_error, [line.intercept_stderr, line.stderr])


def test_newey_west_is_the_double_sum_written_out() -> None:
    fit = ols(X, Y, NAMES, "newey_west")
    inverse = np.linalg.inv(X.T @ X)
    u = Y - X @ fit.coefficients
    lags = int(4 * 0.4 ** (2 / 9))
    middle = sum(
        (1 - abs(s - t) / (lags + 1)) * u[s] * u[t] * np.outer(X[s], X[t])
        for s in range(40)
        for t in range(40)
        if abs(s - t) <= lags
    )
    np.testing.assert_allclose(fit.covariance, inverse @ middle @ inverse * 40 / 37, rtol=1e-8)


def test_draws_have_the_mean_and_the_spread_of_the_estimates() -> None:
    fit = ols(X, Y, NAMES)
    draws = fit.draws(40_000, np.random.default_rng(0))
    np.testing.assert_allclose(draws.mean(0), fit.coefficients, atol=4e-3)
    size = np.outer(fit.standard_error, fit.standard_error)
    np.testing.assert_allclose(np.cov(draws.T) / size, fit.covariance / size * 37 / 35, atol=0.03)


def test_ar1_paths_have_the_variance_of_an_ar1_process() -> None:
    rng = np.random.default_rng(0)
    u = np.zeros(4000)
    for t in range(1, 4000):
        u[t] = 0.8 * u[t - 1] + rng.standard_normal()
    expected, noise = error_paths(u, 3998, "ar1", 12, 20_000, rng)
    np.testing.assert_allclose(expected[1:] / expected[:-1], 0.8, atol=0.03)
    theory = (1 - 0.8 ** (2 * np.arange(1, 13))) / (1 - 0.64)
    np.testing.assert_allclose(noise.var(0), theory, rtol=0.08)


def test_a_walk_keeps_the_last_error_and_its_variance_grows_by_the_year() -> None:
    steps = np.random.default_rng(0).standard_normal(2000)
    expected, noise = error_paths(np.cumsum(steps), 1999, "walk", 6, 20_000, RNG)
    np.testing.assert_allclose(expected, steps.sum())
    np.testing.assert_allclose(noise.var(0), np.arange(1, 7), rtol=0.08)


def test_a_drift_may_go_on_growing_by_what_the_past_cannot_exclude() -> None:
    """Var = s² (h + h²/n): the walk, and its mean step known with the error s/√n."""
    steps = np.random.default_rng(0).standard_normal(50)
    expected, noise = error_paths(np.cumsum(steps), 49, "drift", 10, 40_000, RNG)
    np.testing.assert_allclose(expected, steps.sum())
    ahead, size = np.arange(1, 11), (steps[1:] ** 2).sum() / 49
    theory = size * (ahead + ahead**2 / 49) * 49 / 47  # t with 49 degrees of freedom
    np.testing.assert_allclose(noise.var(0), theory, rtol=0.04)


def test_terms_that_say_the_same_are_named() -> None:
    twice = np.column_stack([X, 2 * X[:, 2]])
    with pytest.raises(MfaError, match="the terms income, gdp cannot be told apart"):
        ols(twice, Y, [*NAMES, "gdp"])
    with pytest.raises(MfaError, match="3 observations cannot give 3 coefficients"):
        ols(X[:3], Y[:3], NAMES)
    with pytest.raises(MfaError, match="'price' is 0 in all years"):
        ols(X * [1, 0, 1], Y, NAMES)

"""Calibration against cases that have an answer in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa.errors import MfaError

N = 40_000


def prior(mean: float, spread: float, years: int = 1) -> tuple[xr.Dataset, np.ndarray]:
    """Return a result whose logarithm is normal, and that logarithm."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    u = qmc.LatinHypercube(1, rng=4).random(N)[:, 0]
    log = mean + spread * ndtri(u)
    values = np.repeat(np.exp(log)[:, None], years, axis=1)
    coords = {"sample": np.arange(N), "year": 2000 + np.arange(years)}
    return xr.Dataset({"y": (("sample", "year"), values, {"units": "t/yr"})}, coords), log


def seen(values: list[float], first: int = 2000, unit: str = "t/yr") -> xr.DataArray:
    years = first + np.arange(len(values))
    return xr.DataArray(values, {"year": years}, "year", attrs={"units": unit})


def test_one_observation_gives_the_posterior_of_a_normal() -> None:
    result, log = prior(np.log(100), 0.3)
    found = mfa.weights(result, {"y": seen([130.0])}, error=0.2)
    precision = 1 / 0.3**2 + 1 / 0.2**2
    mean = (np.log(100) / 0.3**2 + np.log(130) / 0.2**2) / precision
    assert float(found.sum()) == pytest.approx(1)
    assert float((found.values * log).sum()) == pytest.approx(mean, abs=2e-3)
    variance = float((found.values * (log - mean) ** 2).sum())
    assert variance == pytest.approx(1 / precision, rel=0.01)
    band = mfa.quantiles(result, "y", [0.05, 0.5, 0.95], weights=found)["y"][:, 0].values
    expected = np.exp(mean + np.array([-1.6449, 0, 1.6449]) / np.sqrt(precision))
    np.testing.assert_allclose(band, expected, rtol=5e-3)
    assert found.attrs["effective_samples"] == pytest.approx(1 / (found.values**2).sum())
    assert N / 4 < found.attrs["effective_samples"] < N


def test_correlated_errors_count_as_fewer_observations() -> None:
    result, log = prior(0.0, 1.0, years=5)
    values = [1.1, 1.3, 0.9, 1.2, 1.0]
    for kept in (0.0, 0.8):
        found = mfa.weights(result, {"y": seen(values)}, error=0.3, correlation=kept)
        distance = abs(np.subtract.outer(np.arange(5), np.arange(5)))
        inverse = np.linalg.inv(0.09 * (kept**distance if kept else np.eye(5)))
        precision = 1 + inverse.sum()
        mean = inverse.sum(axis=0) @ np.log(values) / precision
        assert float((found.values * log).sum()) == pytest.approx(mean, abs=3e-3)
        variance = float((found.values * (log - mean) ** 2).sum())
        assert variance == pytest.approx(1 / precision, rel=0.02)


def test_years_that_were_not_observed_are_bridged() -> None:
    result, log = prior(0.0, 1.0, years=5)
    found = mfa.weights(
        result, {"y": seen([1.1, np.nan, np.nan, 1.3, 0.9])}, error=0.3, correlation=0.5
    )
    there = np.array([0, 3, 4])
    inverse = np.linalg.inv(0.09 * 0.5 ** abs(np.subtract.outer(there, there)))
    mean = inverse.sum(axis=0) @ np.log([1.1, 1.3, 0.9]) / (1 + inverse.sum())
    assert float((found.values * log).sum()) == pytest.approx(mean, abs=3e-3)


def test_without_information_all_samples_count_alike() -> None:
    result, _ = prior(0.0, 0.1)
    found = mfa.weights(result, {"y": seen([1.0])}, error=1e6)
    assert found.attrs["effective_samples"] == pytest.approx(N)


@pytest.mark.parametrize(
    ("observed", "how", "message"),
    [
        ({"z": seen([1.0])}, {}, "there is no 'z' with samples"),
        ({"y": seen([1.0], unit="kt/yr")}, {}, "observed in kt/yr, the result has t/yr"),
        ({"y": seen([1.0], first=1990)}, {}, "year=1990 is observed, not computed"),
        ({"y": seen([-1.0])}, {}, "observations are positive"),
        ({"y": seen([1.0])}, {"error": 0.0}, "its error is a positive number"),
        ({"y": seen([1.0])}, {"error": {"x": 0.1}}, "its error is a positive number"),
        ({"y": seen([1.0])}, {"correlation": 1.0}, "correlation lies from 0 to below 1"),
        ({}, {}, "nothing is observed"),
    ],
)
def test_what_is_refused(
    observed: dict[str, xr.DataArray], how: dict[str, float], message: str
) -> None:
    result, _ = prior(0.0, 0.1)
    with pytest.raises(MfaError, match=message):
        mfa.weights(result, observed, **how)
    other = xr.DataArray([1.0], {"sample": [0]}, "sample")
    with pytest.raises(MfaError, match="weights are of other samples"):
        mfa.quantiles(result, "y", weights=other)

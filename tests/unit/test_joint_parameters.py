"""Whoever has only the file of a fit draws its parameters together, as the fit would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from mfa import demand
from mfa.demand.fit_files import write
from mfa.errors import MfaError

INCOME = np.linspace(1e3, 40e3, 60)
LAW = {"saturation": 500.0, "midpoint": 15e3, "rate": 3e-4}
REST = np.random.default_rng(0).normal(0, 10, 60)
USED = demand.logistic(INCOME, **LAW) + REST


@pytest.fixture(scope="module")
def wide() -> demand.Fit:
    return demand.fit("logistic", INCOME, USED)


@pytest.fixture(scope="module")
def short() -> demand.Fit:
    """Data that end before the turning point."""
    return demand.fit("logistic", INCOME[:20], USED[:20])


@pytest.fixture(scope="module")
def pooled() -> demand.Fit:
    y = xr.DataArray([USED, 0.6 * USED], dims=("country", "year"))
    labels = {"country": ["A", "B [north]"], "year": np.arange(60)}
    x = xr.DataArray(INCOME, {"year": labels["year"]})
    return demand.fit("logistic", x, y.assign_coords(labels), x_dim="year")


def test_names_values_and_covariance_come_from_the_file(tmp_path: Path, pooled: demand.Fit) -> None:
    write(pooled, tmp_path / "fit.yaml")
    found = demand.fit_parameters(tmp_path / "fit.yaml")
    assert found.names == ("saturation[A]", "saturation[B [north]]", "midpoint", "rate")
    assert found.fields[1:3] == (("saturation", "B [north]"), ("midpoint", ""))
    told = [*pooled.parameters["saturation"].values, pooled.parameters["midpoint"]]
    np.testing.assert_allclose(found.values[:3], told, rtol=1e-12)
    np.testing.assert_allclose(found.covariance, pooled.covariance.values, rtol=1e-9)
    assert found.identified == (True, True, True, True) and found.method == "covariance"
    np.testing.assert_array_equal(found.draw(5, 3), demand.fit_parameters(pooled).draw(5, 3))


@pytest.mark.parametrize("kind", ["wide", "short", "bootstrap"])
def test_draws_are_those_of_the_fit_with_the_same_seed(
    kind: str, wide: demand.Fit, short: demand.Fit
) -> None:
    fit = {"wide": wide, "short": short, "bootstrap": wide.bootstrap(50)}[kind]
    found = demand.fit_parameters(fit.to_mapping())
    assert found.method == {"wide": "covariance", "short": "profile"}.get(kind, "bootstrap")
    drawn, sampled = found.draw(400, seed=7), fit.sample(400, seed=7)
    for column, name in enumerate(found.names):
        np.testing.assert_allclose(drawn[:, column], sampled[name], rtol=1e-12)
    assert not (found.draw(400, seed=8) == drawn).all()


def test_joint_draws_have_the_joint_covariance(wide: demand.Fit) -> None:
    found = demand.fit_parameters(wide)
    spread = np.cov(found.draw(20_000, 1), rowvar=False)
    size = np.sqrt(np.outer(np.diag(found.covariance), np.diag(found.covariance)))
    np.testing.assert_allclose(spread / size, found.covariance / size, atol=0.05)


def test_the_others_go_with_a_parameter_that_is_given(wide: demand.Fit) -> None:
    """As if it had been known at the fit: the same means and smaller spreads."""
    found = demand.fit_parameters(wide)
    level = wide.parameters["saturation"] * 1.005
    drawn = found.draw(20_000, 1, given={"saturation": level})
    assert (drawn[:, 0] == level).all()
    held = demand.fit("logistic", INCOME, USED, bounds={"saturation": (level, level * (1 + 1e-9))})
    assert drawn[:, 1].mean() == pytest.approx(held.parameters["midpoint"], rel=1e-3)
    free = found.draw(20_000, 1)
    assert (drawn[:, 1:].std(axis=0) < 0.9 * free[:, 1:].std(axis=0)).all()


def test_a_saturation_that_is_told_draws_the_curves_that_go_with_it(short: demand.Fit) -> None:
    """Along the profile: every drawn curve with the told saturation still fits the data."""
    found = demand.fit_parameters(short)
    assert found.identified == (False, True, True)
    drawn = found.draw(500, 1, given={"saturation": 600.0})
    assert (drawn[:, 0] == 600.0).all()
    curves = demand.logistic(
        INCOME[:20, None], saturation=600.0, midpoint=drawn[:, 1], rate=drawn[:, 2]
    )
    away = np.sqrt(((curves - USED[:20, None]) ** 2).mean(axis=0))
    assert float(np.quantile(away, 0.95)) < 1.6 * REST[:20].std()


@pytest.mark.parametrize(
    ("given", "count", "message"),
    [
        ({"saturatoin": 1.0}, 5, 'Did you mean "saturation"'),
        ({"saturation": -1.0}, 5, "lies outside the law"),
        ({"saturation": "big"}, 5, "must be a number"),
        ({}, 2.5, "count must be a whole number"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    wide: demand.Fit, given: dict[str, float], count: int, message: str
) -> None:
    with pytest.raises(MfaError, match=message):
        demand.fit_parameters(wide).draw(count, given=given)


def test_a_file_that_is_no_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MfaError, match="there is no file"):
        demand.fit_parameters(tmp_path / "none.yaml")
    (tmp_path / "other.yaml").write_text("law: logistic\n", "utf-8")
    with pytest.raises(MfaError, match=r"other\.yaml:1:1: .*is no fit"):
        demand.fit_parameters(tmp_path / "other.yaml")

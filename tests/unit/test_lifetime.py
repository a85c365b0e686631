"""Laws of survival: bounds, the steady state of CONVENTIONS §10, and kind errors."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mfa import kernels, lifetime
from mfa.dims import years
from mfa.errors import MfaError
from mfa.lifetime_laws import LAWS
from mfa.survival import FIRST_AGE, survival_values

SPAN = years(2000, 2030)
MOMENT_LAWS = ("normal", "folded_normal", "lognormal", "weibull", "gamma", "logistic", "gompertz")
MEANS = st.floats(0.01, 200.0)
VARIATIONS = st.floats(0.01, 0.95)


@settings(deadline=None)
@given(
    law=st.sampled_from(MOMENT_LAWS),
    mean=MEANS,
    variation=VARIATIONS,
    moment=st.sampled_from(list(FIRST_AGE)),
)
def test_survival_lies_in_bounds_and_never_rises(
    law: str, mean: float, variation: float, moment: str
) -> None:
    values = survival_values(law, 60, moment, mean=mean, std=mean * variation)
    assert np.isfinite(values).all()
    assert values.max() <= 1.0
    assert values.min() >= 0.0
    assert (np.diff(values) <= 0).all()


@settings(deadline=None)
@given(
    law=st.sampled_from(["lognormal", "weibull", "gamma", "gompertz"]),
    mean=MEANS,
    variation=VARIATIONS,
)
def test_steady_state_is_inflow_times_mean(law: str, mean: float, variation: float) -> None:
    """CONVENTIONS §10, spread: Σ survival = mean lifetime, short lifetimes included."""
    values = survival_values(law, 400 + int(1000 * mean), mean=mean, std=mean * variation)
    np.testing.assert_allclose(values.sum(), mean, rtol=1e-9)
    constant = kernels.stock_from_inflow(np.full(400, 3.0), values)
    np.testing.assert_allclose(constant[-1], 3.0 * values[:400].sum(), rtol=1e-12)


@settings(deadline=None)
@given(mean=MEANS, shape=st.floats(0.3, 1000.0))
def test_steady_state_of_steep_and_flat_weibulls(mean: float, shape: float) -> None:
    values = survival_values("weibull", 200_000, mean=mean, shape=shape)
    law = LAWS["weibull"]
    own = law.accepts[("mean", "shape")](np.array([mean]), np.array([shape]))
    left = law.beyond(np.array([200_000.0]), *own)
    np.testing.assert_allclose(values.sum() + left, mean, rtol=1e-9)


@settings(deadline=None)
@given(mean=st.floats(0.0, 50.0))
def test_steady_state_of_fixed_and_exponential(mean: float) -> None:
    assert abs(survival_values("fixed", 60, mean=mean).sum() - mean) < 1e-12
    if mean > 0.01:
        total = survival_values("exponential", 4000, mean=mean).sum()
        np.testing.assert_allclose(total, mean, rtol=1e-9)


@pytest.mark.parametrize(("moment", "offset"), [("start", -0.5), ("middle", 0.0), ("end", 0.5)])
@pytest.mark.parametrize("law", ["lognormal", "weibull", "gamma"])
def test_steady_state_of_other_moments(law: str, moment: str, offset: float) -> None:
    """Euler–Maclaurin: Σ S(k + h) = mean + ½ − h, nearly, for smooth lifetimes."""
    total = survival_values(law, 2000, moment, mean=12.0, std=4.0).sum()
    np.testing.assert_allclose(total, 12.0 + offset, rtol=3e-3)


@pytest.mark.parametrize("variation", [0.3, 0.9])
@pytest.mark.parametrize("mean", [900.0, 1100.0, 1e4, 1e9, 1e14, 1e18, 1e100])
def test_lifetimes_of_many_years_keep_their_digits(mean: float, variation: float) -> None:
    """R(a) − R(a + 1) cancels there: a year is nothing against what is left."""
    from scipy import stats

    sigma = np.sqrt(np.log1p(variation**2))
    scale = mean * variation * np.sqrt(3) / np.pi
    pairs = {
        "normal": stats.norm(mean, mean * variation),
        "logistic": stats.logistic(mean, scale),
        "folded_normal": stats.foldnorm(1 / variation, scale=mean * variation),
        "lognormal": stats.lognorm(sigma, scale=mean * np.exp(-(sigma**2) / 2)),
        "gamma": stats.gamma(1 / variation**2, scale=mean * variation**2),
    }
    for law, distribution in pairs.items():
        ours = survival_values(law, 31, mean=mean, std=mean * variation)
        theirs = lifetime.from_distribution(SPAN, distribution)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12, err_msg=law)
    assert (survival_values("fixed", 31, mean=mean) == 1.0).all()
    ages = (np.arange(31.0) + 0.5) / mean
    exponential = survival_values("exponential", 31, mean=mean)
    np.testing.assert_allclose(
        exponential, np.exp(-ages), rtol=0, atol=1e-7 if mean < 1e4 else 1e-9
    )
    for law in ("weibull", "gompertz"):
        ours = survival_values(law, 31, mean=mean, std=mean * variation)
        own = LAWS[law].accepts[("mean", "std")](np.array(mean), np.array(mean * variation))
        fine = LAWS[law].alive((np.arange(31_000.0) + 0.5) / 1000, *own).reshape(31, 1000)
        np.testing.assert_allclose(
            ours, fine.mean(axis=1), rtol=0, atol=1e-6 if mean < 1e4 else 1e-8
        )


@pytest.mark.parametrize(
    ("shape", "scale"), [(0.05, 5.0), (0.07, 300.0), (0.1, 300.0), (0.005, 5.0), (0.2, 1e6)]
)
def test_flat_weibulls_equal_quadrature_of_scipy(shape: float, scale: float) -> None:
    from scipy import stats

    ours = survival_values("weibull", 31, shape=shape, scale=scale)
    theirs = lifetime.from_distribution(SPAN, stats.weibull_min(shape, scale=scale))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_histograms_and_steps_are_followed_to_their_edges() -> None:
    """The integral of a broken line is that of its trapezoids, of a step that of its rectangles."""
    from scipy import stats

    bins = np.array([0.0, 1.3, 2.9, 7.25, 20.0])
    histogram = stats.rv_histogram((np.array([3.0, 1.0, 5.0, 2.0]), bins), density=False)()
    edges = np.union1d(bins, np.arange(32.0))
    heights = histogram.sf(edges)
    trapezoids = np.diff(edges) * (heights[1:] + heights[:-1]) / 2
    expected = np.bincount(edges[:-1].astype(int), weights=trapezoids)
    told = lifetime.from_distribution(SPAN, histogram)
    np.testing.assert_allclose(told, expected, rtol=0, atol=1e-12)
    steps = lifetime.from_distribution(years(2000, 2005), stats.randint(2, 5, loc=0.3))
    expected = np.array([1.0, 1.0, 0.3 + 1.4 / 3, 0.2 + 0.7 / 3, 0.1, 0.0])
    np.testing.assert_allclose(steps, expected, rtol=0, atol=1e-11)


def test_a_wide_law_keeps_half_at_its_mean() -> None:
    for law in ("normal", "logistic"):
        np.testing.assert_allclose(survival_values(law, 3, mean=5, std=1e100), 0.5, rtol=1e-12)
    both = survival_values("normal", 3, mean=[5.0, 5.0], std=[1e100, 1.0])
    np.testing.assert_array_equal(both[1], survival_values("normal", 3, mean=5.0, std=1.0))
    steep = survival_values("logistic", 7, mean=5.5, std=5e-324)
    assert steep.tolist() == [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0]


@settings(deadline=None)
@given(mean=st.floats(0.1, 80.0), variation=st.floats(0.05, 1.5))
def test_closed_forms_equal_quadrature_of_scipy(mean: float, variation: float) -> None:
    from scipy import stats

    std = mean * variation
    sigma = np.sqrt(np.log1p(variation**2))
    pairs = {
        "gamma": stats.gamma(1 / variation**2, scale=mean * variation**2),
        "lognormal": stats.lognorm(sigma, scale=mean * np.exp(-(sigma**2) / 2)),
        "normal": stats.norm(mean, std),
        "logistic": stats.logistic(mean, std * np.sqrt(3) / np.pi),
        "folded_normal": stats.foldnorm(1 / variation, scale=std),
    }
    for law, distribution in pairs.items():
        for moment in FIRST_AGE:
            ours = survival_values(law, SPAN.size, moment, mean=mean, std=std)
            theirs = lifetime.from_distribution(SPAN, distribution, inflow_at=moment)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@settings(deadline=None)
@given(shape=st.floats(0.3, 20.0), scale=st.floats(0.1, 60.0))
def test_weibull_and_gompertz_equal_quadrature_of_scipy(shape: float, scale: float) -> None:
    from scipy import stats

    pairs = {
        "weibull": stats.weibull_min(shape, scale=scale),
        "gompertz": stats.gompertz(shape, scale=scale),
    }
    for law, distribution in pairs.items():
        ours = survival_values(law, SPAN.size, shape=shape, scale=scale)
        theirs = lifetime.from_distribution(SPAN, distribution)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@settings(deadline=None)
@given(mean=MEANS, variation=st.floats(0.005, 0.99))
def test_gompertz_and_weibull_have_the_moments_asked_for(mean: float, variation: float) -> None:
    """E L² = 2 ∫ x S(x) dx, by the trapezoid rule on a fine grid of x / mean."""
    x = np.linspace(0.0, 60.0, 600_001) * mean
    for name in ("gompertz", "weibull"):
        law = LAWS[name]
        own = law.accepts[("mean", "std")](np.array(mean), np.array(mean * variation))
        second = 2.0 * np.trapezoid(x * law.alive(x, *own), x)
        np.testing.assert_allclose(second, mean**2 * (1 + variation**2), rtol=1e-6)


def test_fine_ages_are_averages_over_coarse_years() -> None:
    """In units of a tenth of a year, ten steps of spread make one year's mean."""
    fine = survival_values("weibull", 300, mean=50.0, shape=2.5)
    coarse = survival_values("weibull", 30, mean=5.0, shape=2.5)
    np.testing.assert_allclose(fine.reshape(30, 10).mean(axis=1), coarse, rtol=0, atol=1e-13)


def test_parameters_broadcast_and_cohorts_come_before_ages() -> None:
    mean = np.array([[5.0], [9.0]])
    shape = np.array([2.0, 3.0, 4.0])
    values = survival_values("weibull", 7, mean=mean, shape=shape)
    assert values.shape == (2, 3, 7)
    one = survival_values("weibull", 7, mean=9.0, shape=4.0)
    np.testing.assert_array_equal(values[1, 2], one)


def test_labelled_dims_and_attrs() -> None:
    mean = xr.DataArray(
        np.full((2, 31), 9.0),
        dims=("region", "cohort"),
        coords={"region": ["A", "B"], "cohort": SPAN.values},
    )
    survival = lifetime.normal(SPAN, mean=mean, std=2, inflow_at="middle")
    assert survival.dims == ("cohort", "age", "region")
    assert survival.attrs == {"units": "1", "law": "normal", "inflow_at": "middle"}
    constant = lifetime.normal(SPAN, mean=9, std=2, inflow_at="middle")
    xr.testing.assert_equal(survival.isel(cohort=3, region=1, drop=True), constant)


def test_constant_parameter_by_year_changes_nothing() -> None:
    mean = xr.DataArray(np.full(31, 9.0), dims="year", coords={"year": SPAN.values})
    shape = xr.DataArray(np.full(31, 2.0), dims="cohort", coords={"cohort": SPAN.values})
    plain = lifetime.weibull(SPAN, mean=9, shape=2)
    for given_shape in (2.0, shape):
        chained = lifetime.weibull(SPAN, mean=mean, shape=given_shape)
        assert chained.dims == ("cohort", "age")
        np.testing.assert_allclose(chained[5], plain, rtol=1e-12)


def test_longer_life_from_a_year_on_reaches_all_cohorts() -> None:
    """S_c(t) = S_c(t−1) · F_t(a) / F_t(a−1): only the ratios from that year on change."""
    mean = xr.DataArray(np.where(SPAN < 2010, 5.0, 10.0), dims="year", coords={"year": SPAN.values})
    survival = lifetime.exponential(SPAN, mean=mean, inflow_at="end")
    ratio = survival.sel(cohort=2000)[1:].values / survival.sel(cohort=2000)[:-1].values
    expected = np.exp(-1.0 / mean.values[1:])
    np.testing.assert_allclose(ratio, expected, rtol=1e-12)


def test_hazard_and_survival_tables() -> None:
    survival = lifetime.table(years(2020, 2023), hazard=[0.1, 0.2, 0.5, 1.0])
    np.testing.assert_allclose(survival, [0.9, 0.72, 0.36, 0.0], atol=1e-15)
    short = lifetime.table(years(2020, 2023), survival=[1.0, 0.0])
    assert short.values.tolist() == [1.0, 0.0, 0.0, 0.0]


REGIONS = xr.DataArray([3.0, -1.0], dims="region", coords={"region": ["EU", "US"]})


def from_scipy(name: str, *parameters: Any, **choices: str) -> xr.DataArray:
    from scipy import stats

    law = getattr(stats, name)
    return lifetime.from_distribution(SPAN, law(*parameters) if parameters else law, **choices)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lifetime.normal(SPAN, mean=REGIONS, std=1), "mean must be above 0.*region US"),
        (lambda: lifetime.gamma(SPAN, mean=5, std=REGIONS), "std must be above 0.*region US"),
        (lambda: lifetime.weibull(SPAN, mean=5, shape=0), "shape must be above 0, not 0.0"),
        (lambda: lifetime.fixed(SPAN, mean=-1), "mean must be 0 or more"),
        (lambda: lifetime.fixed(SPAN, mean=np.nan), "not nan"),
        (lambda: lifetime.weibull(SPAN, mean=5), "takes mean and shape or mean and std or shape"),
        (lambda: lifetime.weibull(SPAN, mean=5, std=5000), "no Weibull shape"),
        (lambda: lifetime.gompertz(SPAN, mean=5, std=6), "between 0.0043 and 0.9997"),
        (
            lambda: lifetime.weibull(SPAN, mean=abs(REGIONS), shape=0.001),
            r"cannot follow .*mean 3, shape 0.001 \(region EU\)",
        ),
        (lambda: lifetime.gamma(SPAN, mean=5, std=1e-160), "cannot follow .*mean 5, std 1e-160"),
        (lambda: lifetime.gamma(SPAN, mean=5, std=1e300), "cannot follow"),
        (lambda: lifetime.gamma(SPAN, mean=1e-251, std=1e-26, inflow_at="end"), "cannot follow"),
        (lambda: lifetime.gamma(SPAN, shape=1e306, scale=1e-149), "cannot follow"),
        (lambda: lifetime.gamma(SPAN, mean=5, std=1e160, inflow_at="end"), "cannot follow"),
        (lambda: lifetime.lognormal(SPAN, mean=5, std=1e160), "cannot follow"),
        (lambda: lifetime.gompertz(SPAN, shape=1e-310, scale=0.1), "cannot follow"),
        (
            lambda: survival_values("gamma", 3, mean=5, std=[1, 1e200]),
            r"std 1e\+200 at cell \(1,\)",
        ),
        (lambda: lifetime.fixed(SPAN, mean=5, inflow_at="midle"), 'Did you mean "middle"'),
        (lambda: lifetime.table(SPAN, survival=[1.0, 0.5]), "does not end at 0"),
        (lambda: lifetime.table(SPAN, survival=[0.9, 0.5, 0.6]), r"never rise.* \(age 2\)"),
        (lambda: lifetime.table(SPAN, hazard=[0.5, 1.5]), "between 0 and 1"),
        (lambda: lifetime.table(SPAN, survival=[]), r"one value per age.*shape \(0,\)"),
        (lambda: lifetime.table(SPAN, survival=[[1.0, 0.0]]), r"not 2 of shape \(1, 2\)"),
        (
            lambda: lifetime.fixed(SPAN, mean=np.array([3.0, 4.0])),
            "mean must be a number or.*ndarray",
        ),
        (lambda: lifetime.fixed(SPAN, mean=[3.0, 4.0]), r"mean must be a number or.*\[3.0, 4.0\]"),
        (lambda: lifetime.fixed(SPAN, mean="long"), "mean must be a number or.*str: 'long'"),
        (lambda: lifetime.fixed(np.arange(2000, 2005), mean=3), "as those of mfa.dims.years"),
        (lambda: from_scipy("norm"), "with its parameters.*not <scipy"),
        (lambda: from_scipy("norm", 3, -1), r"not a number; parameters: \[3, -1"),
        (lambda: from_scipy("norm", np.nan, 1, inflow_at="end"), r"parameters: \[nan, 1"),
        (lambda: from_scipy("norm", [3, 4], 1), "parameters must be numbers"),
        (lambda: lifetime.table(SPAN), "takes survival or hazard"),
        (
            lambda: lifetime.fixed(SPAN, mean=REGIONS.assign_attrs(units="month")),
            "is in 'month', not in 'yr'",
        ),
        (
            lambda: lifetime.fixed(SPAN, mean=REGIONS.rename(region="cohort")),
            "needs the cohort labels 2000 to 2030",
        ),
        (
            lambda: lifetime.normal(SPAN, mean=abs(REGIONS), std=abs(REGIONS[::-1])),
            "another order",
        ),
        (lambda: survival_values("weibul", 3, mean=1), 'Did you mean "weibull"'),
        (
            lambda: survival_values("gamma", 3, mean=[[1, 1], [1, -2]], std=1),
            r"mean must be above 0, not -2.0 at cell \(1, 1\)",
        ),
        (
            lambda: survival_values("gamma", 3, below_zero="truncate", mean=1, std=1),
            "'normal' only",
        ),
    ],
)
def test_errors_name_the_cell_and_what_is_known(call: Any, message: str) -> None:
    with pytest.raises(MfaError, match=message):
        call()


@pytest.mark.parametrize("moment", list(FIRST_AGE))
def test_a_survival_that_is_not_a_number_is_an_error(
    monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def lost(x: Any, mean: Any) -> Any:
        return np.where(mean > 4.0, np.nan, 0.5) + 0.0 * x

    monkeypatch.setitem(LAWS, "fixed", LAWS["fixed"]._replace(alive=lost, beyond=lost))
    with pytest.raises(MfaError, match="fixed: the numbers of a computer cannot follow"):
        survival_values("fixed", 5, moment, mean=[3.0, 5.0])
    by_cohort = xr.DataArray(np.full(31, 5.0), {"cohort": SPAN.values}, ("cohort",))
    with pytest.raises(MfaError, match="the numbers of a computer cannot follow"):
        np.array(lifetime.fixed(SPAN, mean=by_cohort, inflow_at=moment))


def test_truncated_normal_starts_whole() -> None:
    survival = lifetime.normal(SPAN, mean=2, std=2, inflow_at="end", below_zero="truncate")
    assert float(survival[0]) == 1.0
    leaves = lifetime.normal(SPAN, mean=2, std=2, inflow_at="end")
    np.testing.assert_allclose(survival, leaves / leaves[0], rtol=1e-14)


def test_import_needs_no_scipy() -> None:
    code = "import sys, mfa.lifetime, mfa.stocks; sys.exit('scipy.stats' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

"""Fits return what made the data, say what data cannot tell, and carry their uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from mfa import demand
from mfa.demand.batch_fits import solve
from mfa.demand.curves import BOX, CURVES, Scaling
from mfa.demand.fitted import Fit
from mfa.errors import MfaError

INCOME = np.linspace(1e3, 40e3, 60)
AGES = np.arange(0.0, 31.0)
TRUE: dict[str, dict[str, float]] = {
    "logistic": {"saturation": 500.0, "midpoint": 15e3, "rate": 3e-4},
    "gompertz": {"saturation": 500.0, "midpoint": 12e3, "rate": 2e-4},
    "richards": {"saturation": 500.0, "midpoint": 15e3, "rate": 3e-4, "asymmetry": 2.5},
    "modified_exponential": {"saturation": 500.0, "start": 800.0, "rate": 1e-4},
    "rise_and_decline": {
        "saturation": 500.0, "midpoint": 9e3, "rate": 5e-4,
        "decline": 0.4, "decline_rate": 1e-4, "decline_from": 20e3,
    },
    "bass": {"innovation": 0.01, "imitation": 0.4, "market": 90.0},
    "fisher_pry": {"midpoint": 12.0, "rate": 0.4},
}  # fmt: skip
POOR: dict[str, dict[str, float]] = {
    "logistic": {"saturation": 5000.0, "midpoint": 38e3, "rate": 2e-5},
    "gompertz": {"saturation": 200.0, "midpoint": 35e3, "rate": 2e-3},
    "richards": {"saturation": 2000.0, "midpoint": 2e3, "rate": 3e-3, "asymmetry": 0.05},
    "modified_exponential": {"saturation": 5000.0, "start": -9e3, "rate": 5e-6},
    "rise_and_decline": {"saturation": 1500.0, "midpoint": 30e3, "rate": 5e-5, "decline": 0.9},
    "bass": {"innovation": 0.5, "imitation": 0.01, "market": 9e3},
    "fisher_pry": {"midpoint": 60.0, "rate": 0.02},
}
LOGISTIC = TRUE["logistic"]


def points(law: str, x: Any = None) -> tuple[Any, Any]:
    at = x if x is not None else AGES if law in ("bass", "fisher_pry") else INCOME
    return at, CURVES[law].law(at, **TRUE[law])


def noisy(x: Any, noise: float, seed: int = 0, **changed: float) -> Any:
    y = demand.logistic(x, **(LOGISTIC | changed))
    return y + np.random.default_rng(seed).normal(0.0, noise, np.shape(x))


@pytest.mark.parametrize("law", CURVES)
def test_derivatives_of_every_law_are_right_and_scaling_undoes_itself(law: str) -> None:
    curve = CURVES[law]
    u = np.linspace(0.01, 1.0, 7)
    working = np.random.default_rng(0).uniform(-0.5, 0.8, (4, len(curve.names)))

    def value(at: Any) -> Any:
        return curve.evaluate(u, [at[:, j, None] for j in range(at.shape[1])])[0]

    _, parts = curve.evaluate(u, [working[:, j, None] for j in range(working.shape[1])])
    for j, part in enumerate(parts):
        step = 1e-6 * np.eye(len(curve.names))[j]
        np.testing.assert_allclose(
            part, (value(working + step) - value(working - step)) / 2e-6, atol=1e-6
        )
    scaling = Scaling("linear", 0.0 if curve.by_age else 3.0, 2.0, 5.0 if curve.level else 1.0)
    natural = scaling.natural(curve, list(working[0]))
    at = scaling.shift + scaling.width * u
    np.testing.assert_allclose(curve.law(at, **natural), scaling.level * value(working)[0])
    for j, (name, kind) in enumerate(curve.kinds.items()):
        found = scaling.working(kind, natural[name], working[0, 1])
        assert found == pytest.approx(working[0, j], abs=1e-9)


@pytest.mark.parametrize("law", CURVES)
def test_noiseless_data_return_their_parameters_from_a_poor_start(law: str) -> None:
    x, y = points(law)
    found = demand.fit(law, x, y, start=POOR[law])
    for name, value in TRUE[law].items():
        assert found.parameters[name] == pytest.approx(value, rel=1e-6), name
    assert found.identified is True
    assert found.criteria["aic"] < -500


@pytest.mark.parametrize("law", ["logistic", "gompertz", "richards"])
@pytest.mark.parametrize("seed", range(4))
def test_noiseless_data_over_the_logarithm_of_income(law: str, seed: int) -> None:
    true = TRUE[law] | {"rate": 2.5}
    y = CURVES[law].law(INCOME, **true, scale="log")
    found = demand.fit(law, INCOME, y, scale="log", seed=seed, starts=8)
    for name, value in true.items():
        assert found.parameters[name] == pytest.approx(value, rel=1e-5), name


@settings(max_examples=30)
@given(
    level=st.floats(1e-6, 1e9),
    place=st.floats(0.2, 0.7),
    speed=st.floats(4.0, 25.0),
    width=st.floats(1e-2, 1e6),
)
def test_units_do_not_matter(level: float, place: float, speed: float, width: float) -> None:
    true = {"saturation": level, "midpoint": 1950 + place * width, "rate": speed / width}
    x = 1950 + np.linspace(0.0, width, 40)
    found = demand.fit("logistic", x, demand.logistic(x, **true), starts=8)
    assert found.parameters["saturation"] == pytest.approx(level, rel=1e-5)
    assert found.parameters["rate"] == pytest.approx(speed / width, rel=1e-4)


def test_covariance_is_that_of_scipy() -> None:
    y = noisy(INCOME, 15.0)
    found = demand.fit("logistic", INCOME, y)

    def curve(x: Any, k: float, m: float, r: float) -> Any:
        return k / (1 + np.exp(-r * (x - m)))

    best, covariance = curve_fit(curve, INCOME, y, p0=list(LOGISTIC.values()), xtol=1e-12)
    np.testing.assert_allclose(list(found.parameters.values()), best, rtol=1e-6)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-3)
    np.testing.assert_allclose(
        list(found.standard_error.values()), np.sqrt(np.diag(covariance)), rtol=1e-3
    )
    assert found.method == "covariance"


def test_sample_has_the_joint_covariance_along_sample() -> None:
    found = demand.fit("logistic", INCOME, noisy(INCOME, 5.0))
    drawn = found.sample(20_000, seed=3)
    assert drawn.sizes == {"sample": 20_000}
    flat = np.stack([drawn[name].values for name in found.parameters])
    np.testing.assert_allclose(
        np.corrcoef(flat),
        found.covariance / np.outer(*[list(found.standard_error.values())] * 2),
        atol=0.03,
    )
    np.testing.assert_allclose(flat.std(axis=1), list(found.standard_error.values()), rtol=0.03)
    xr.testing.assert_identical(found.sample(7, seed=5), found.sample(7, seed=5))
    years = xr.DataArray(INCOME[:3], dims="year")
    assert demand.logistic(years, **found.sample(7)).sizes == {"year": 3, "sample": 7}


def test_prediction_band_holds_new_observations() -> None:
    held = []
    for seed in range(60):
        found = demand.fit("logistic", INCOME, noisy(INCOME, 20.0, seed), starts=5)
        low, middle, high = found.predict(INCOME, level=0.8)
        new = noisy(INCOME, 20.0, seed + 1000)
        held.append(((low <= new) & (new <= high)).mean())
        assert (low < middle).all() and (middle < high).all()
    assert np.mean(held) == pytest.approx(0.8, abs=0.03)


def covered(sets: int, law: str, seed: int = 0) -> tuple[float, float]:
    """Share of sets below the inflection that say so, and whose band holds the truth."""
    random = np.random.default_rng(seed)
    x, ahead = np.linspace(1e3, 0.75 * TRUE[law]["midpoint"], 40), np.array([20e3, 30e3, 60e3])
    curve, truth = CURVES[law].law(x, **TRUE[law]), CURVES[law].law(ahead, **TRUE[law])
    honest, held = 0, 0
    for _ in range(sets):
        found = demand.fit(law, x, curve + random.normal(0.0, 0.03 * curve.max(), x.shape))
        low, _, high = found.predict(ahead, level=0.9, noise=False)
        honest += not found.identified
        held += bool(((low <= truth) & (truth <= high)).all())
    return honest / sets, held / sets


def test_below_the_inflection_a_fit_says_so_and_its_band_holds_the_truth() -> None:
    honest, held = covered(40, "logistic")
    assert honest == 1.0
    assert held >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize("law", ["logistic", "gompertz"])
def test_coverage_in_500_simulated_sets(law: str) -> None:
    honest, held = covered(500, law, seed=1)
    assert honest == 1.0
    assert 0.85 <= held <= 0.99


def test_a_saturation_that_is_not_identified_gives_no_bare_point() -> None:
    x = INCOME[INCOME < 12e3]
    found = demand.fit("logistic", x, noisy(x, 5.0))
    assert found.identified is False
    assert found.method == "profile"
    with pytest.raises(
        MfaError, match=r"not identified .*before the turning point.*gives the band"
    ):
        found.point(30e3)
    low, middle, high = found.predict(30e3)
    assert float(low) < float(middle) < float(high)
    assert middle.attrs["identified"] == 0
    assert float(high) / float(low) > 3
    spread = found.critical_points()
    assert spread.attrs["identified"] == 0
    assert float(spread.zero_growth_high) > 1.5 * float(spread.zero_growth_low)
    with_data = demand.fit("logistic", INCOME, noisy(INCOME, 5.0))
    assert with_data.identified is True
    assert repr(with_data).startswith("Fit(logistic, saturation=5")
    assert float(with_data.point(30e3)) == pytest.approx(494.5, rel=0.02)


def test_data_that_never_bend_leave_the_saturation_open_to_its_bound() -> None:
    x = np.linspace(0.0, 10.0, 30)
    y = np.exp(0.3 * x) * np.exp(np.random.default_rng(0).normal(0, 0.02, 30))
    found = demand.fit("logistic", x, y, noise="relative")
    assert not found.identified
    assert found.relative_error[0] > 1
    assert float(found.predict(40.0)[2]) > 100 * y.max()


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy"])
def test_a_robust_loss_survives_ten_per_cent_of_gross_outliers(loss: str) -> None:
    random = np.random.default_rng(2)
    x = np.linspace(1e3, 40e3, 100)
    y = noisy(x, 5.0)
    y[random.choice(100, 10, replace=False)] += random.choice([-1, 1], 10) * 400.0
    robust = demand.fit("logistic", x, y, loss=loss)
    plain = demand.fit("logistic", x, y)
    clean = demand.fit("logistic", x, noisy(x, 5.0))
    for name in LOGISTIC:
        away = abs(robust.parameters[name] - clean.parameters[name])
        assert away < 0.02 * LOGISTIC[name], name
        assert away < abs(plain.parameters[name] - clean.parameters[name]) / 3, name
        assert away < 3 * robust.standard_error[name], name
    assert robust.sigma == pytest.approx(5.0, rel=0.35)
    assert robust.identified


def test_a_robust_fit_is_that_of_scipy() -> None:
    from scipy.optimize import least_squares

    y = noisy(INCOME, 20.0)
    y[7] = 900.0
    found = demand.fit("logistic", INCOME, y, loss="soft_l1", loss_scale=20.0)

    def rest(p: Any) -> Any:
        return p[0] / (1 + np.exp(-p[2] * (INCOME / 1e3 - p[1]))) - y

    best = least_squares(rest, [500, 15, 0.3], loss="soft_l1", f_scale=20.0, xtol=1e-14, ftol=1e-14)
    wanted = best.x * [1, 1e3, 1e-3]
    np.testing.assert_allclose(list(found.parameters.values()), wanted, rtol=1e-5)


def test_weights_are_inverse_variances() -> None:
    y = noisy(INCOME, 5.0)
    y[10] = 5000.0
    weights = np.ones(60)
    weights[10] = 0.0
    kept = np.arange(60) != 10
    left_out = demand.fit("logistic", INCOME[kept], y[kept])
    weighted = demand.fit("logistic", INCOME, y, weights=weights)
    assert weighted.parameters == pytest.approx(left_out.parameters)
    twice = demand.fit(
        "logistic", np.r_[INCOME, INCOME[:9]], np.r_[noisy(INCOME, 5.0), noisy(INCOME, 5.0)[:9]]
    )
    weights = np.ones(60)
    weights[:9] = 2.0
    double = demand.fit("logistic", INCOME, noisy(INCOME, 5.0), weights=weights)
    assert double.parameters == pytest.approx(twice.parameters, rel=1e-6)


def test_bounds_hold_and_an_optimum_on_one_is_not_identified() -> None:
    found = demand.fit(
        "logistic", INCOME, noisy(INCOME, 5.0), bounds={"saturation": (100.0, 400.0)}
    )
    assert found.parameters["saturation"] == pytest.approx(400.0, rel=1e-4)
    assert not found.interior
    assert found.identified is False
    inside = demand.fit(
        "logistic", INCOME, noisy(INCOME, 5.0), bounds={"saturation": (450.0, 600.0)}
    )
    assert inside.identified is True


def panel(noise: float = 4.0, short: float = 40e3) -> tuple[xr.DataArray, xr.DataArray]:
    """Four countries of one shape; the last one's data end early."""
    names, tops = ["China", "Japan", "US", "India"], [600.0, 550.0, 450.0, 520.0]
    ends = [40e3, 36e3, 38e3, short]
    years = np.arange(1950, 1990)
    x = np.stack([np.linspace(1e3, end, 40) for end in ends])
    y = demand.logistic(x, **(LOGISTIC | {"saturation": np.array(tops)[:, None]}))
    y = y + np.random.default_rng(5).normal(0, noise, y.shape)
    coords = {"country": names, "year": years}
    dims = ("country", "year")
    units = {"units": "USD"}
    return (
        xr.DataArray(x, coords, dims, attrs=units),
        xr.DataArray(y, coords, dims, attrs={"units": "kg"}),
    )


def test_a_pooled_fit_shares_the_shape_and_leaves_each_its_saturation() -> None:
    x, y = panel(noise=0.0)
    found = demand.fit("logistic", x, y, x_dim="year")
    assert found.parameters["saturation"].sel(country="US") == pytest.approx(450.0, rel=1e-6)
    assert found.parameters["saturation"].attrs == {"units": "kg"}
    assert found.parameters["rate"] == pytest.approx(3e-4, rel=1e-6)
    assert found.identified.all() and found.identified.dims == ("country",)
    assert list(found.covariance.parameter.values)[:2] == ["saturation[China]", "saturation[Japan]"]
    _, middle, _ = found.predict(x)
    np.testing.assert_allclose(middle.transpose(*y.dims), y, rtol=1e-6)
    assert middle.attrs["units"] == "kg"
    turning = found.critical_points()
    assert turning.turning.attrs["units"] == "USD"


def test_a_pooled_fit_lends_its_shape_to_a_country_whose_data_end_early() -> None:
    x, y = panel(short=13e3)
    alone = demand.fit("logistic", x.sel(country="India"), y.sel(country="India"))
    pooled = demand.fit("logistic", x, y, x_dim="year")
    assert alone.identified is False
    assert bool(pooled.identified.sel(country="India"))
    assert pooled.parameters["saturation"].sel(country="India") == pytest.approx(520.0, rel=0.05)
    drawn = pooled.sample(50)
    assert drawn.saturation.sizes == {"sample": 50, "country": 4}
    assert drawn.rate.sizes == {"sample": 50}


def test_partial_pooling_shrinks_what_the_own_data_do_not_say() -> None:
    x, y = panel(noise=12.0, short=7e3)
    free = demand.fit("logistic", x, y, x_dim="year")
    shrunk = demand.fit("logistic", x, y, x_dim="year", pooling="partial")
    mean = np.exp(np.log(shrunk.parameters["saturation"]).mean())

    def away(found: Fit, name: str) -> float:
        return abs(float(np.log(found.parameters["saturation"].sel(country=name) / mean)))

    moved = {n: away(free, n) - away(shrunk, n) for n in ("China", "US", "India")}
    assert moved["India"] > 3 * max(abs(moved["China"]), abs(moved["US"]), 1e-4)
    smaller = shrunk.standard_error["saturation"] < free.standard_error["saturation"]
    assert bool(smaller.sel(country="India"))


def test_own_parameters_may_be_chosen() -> None:
    x, y = panel()
    found = demand.fit("logistic", x, y, x_dim="year", own=["saturation", "midpoint"])
    assert found.parameters["midpoint"].dims == ("country",)
    assert isinstance(found.parameters["rate"], float)
    test = demand.nested_test(demand.fit("logistic", x, y, x_dim="year"), found)
    assert test["degrees"] == 3
    assert test["p"] > 0.01


def test_nested_test_finds_the_needed_parameter_only_where_it_is_needed() -> None:
    random = np.random.default_rng(1)
    bent = demand.richards(INCOME, **(TRUE["richards"] | {"asymmetry": 5.0})) + random.normal(
        0, 4, 60
    )
    for y, needed in ((bent, True), (noisy(INCOME, 4.0), False)):
        small, large = demand.fit("logistic", INCOME, y), demand.fit("richards", INCOME, y)
        p = demand.nested_test(small, large)["p"]
        assert (p < 0.001) == needed
        assert (large.criteria["bic"] < small.criteria["bic"]) == needed
        assert small.criteria["aicc"] > small.criteria["aic"]


def test_bootstrap_agrees_with_the_covariance_and_blocks_widen_correlated_noise() -> None:
    found = demand.fit("logistic", INCOME, noisy(INCOME, 10.0))
    again = found.bootstrap(1000, seed=1)
    assert again.method == "bootstrap"
    for name, error in found.standard_error.items():
        assert again.standard_error[name] == pytest.approx(error, rel=0.2)
    random = np.random.default_rng(3)
    steps = random.normal(0, 8, 60)
    for i in range(1, 60):
        steps[i] += 0.8 * steps[i - 1]
    series = demand.fit("logistic", INCOME, demand.logistic(INCOME, **LOGISTIC) + steps)
    plain, blocks = series.bootstrap(500), series.bootstrap(500, block=8)
    assert blocks.standard_error["saturation"] > 1.2 * plain.standard_error["saturation"]


def test_a_batch_gives_the_answers_of_single_fits() -> None:
    x = np.linspace(0.0, 1.0, 60)
    curve = CURVES["logistic"]
    true = demand.logistic(x, saturation=1.0, midpoint=0.5, rate=8.0)
    y = true + np.random.default_rng(0).normal(0, 0.03, (50, 60))
    bounds = np.array([[BOX[k][0], BOX[k][3]] for k in curve.kinds.values()]).T
    start = np.tile([0.0, 0.5, np.log(8.0)], (50, 1))
    found = solve(curve.evaluate, x, y, start, *bounds).parameters
    for row, series in zip(found, y, strict=True):
        best, _ = curve_fit(
            lambda x, k, m, r: k / (1 + np.exp(-r * (x - m))), x, series, p0=[1, 0.5, 8]
        )
        np.testing.assert_allclose([np.exp(row[0]), row[1], np.exp(row[2])], best, rtol=1e-5)


def test_critical_points_have_intervals_that_hold_the_truth() -> None:
    truth = demand.critical_points("logistic", **LOGISTIC)
    held = dict.fromkeys(truth, 0)
    for seed in range(30):
        found = demand.fit(
            "logistic", INCOME, noisy(INCOME, 15.0, seed), starts=4
        ).critical_points()
        for name in truth:
            held[name] += float(found[f"{name}_low"]) <= truth[name] <= float(found[f"{name}_high"])
    assert all(23 <= count <= 30 for count in held.values()), held


@pytest.mark.parametrize("case", ["identified", "below", "pooled", "bootstrap"])
def test_a_fit_goes_through_plain_numbers_and_back(case: str) -> None:
    import io

    from ruamel.yaml import YAML

    x, y = panel() if case == "pooled" else (INCOME, noisy(INCOME, 8.0))
    if case == "below":
        x, y = x[x < 11e3], y[x < 11e3]
    found = demand.fit("logistic", x, y, x_dim="year" if case == "pooled" else None)
    found = found.bootstrap(50) if case == "bootstrap" else found
    written = io.StringIO()
    YAML().dump(found.to_mapping(), written)
    again = Fit.from_mapping(YAML(typ="safe").load(written.getvalue()))
    assert again.to_mapping() == found.to_mapping()
    for ours, theirs in zip(found.predict(50e3), again.predict(50e3), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    xr.testing.assert_allclose(again.sample(20, seed=1), found.sample(20, seed=1))
    with pytest.raises(MfaError, match="no data to resample"):
        again.bootstrap(10)


def test_a_damaged_file_of_a_fit_is_refused() -> None:
    given_ = demand.fit("logistic", INCOME, noisy(INCOME, 8.0)).to_mapping()
    with pytest.raises(MfaError, match=r'no field \'sigmaa\'. Did you mean "sigma"'):
        Fit.from_mapping(given_ | {"sigmaa": 1})
    with pytest.raises(MfaError, match="format 9 of a fit is unknown"):
        Fit.from_mapping(given_ | {"format": 9})
    with pytest.raises(MfaError, match="the fit lacks working"):
        Fit.from_mapping({k: v for k, v in given_.items() if k != "working"})


def test_the_data_are_told_by_their_hash() -> None:
    first = demand.fit("logistic", INCOME, noisy(INCOME, 8.0))
    assert first.data_sha256 == demand.fit("gompertz", INCOME, noisy(INCOME, 8.0)).data_sha256
    other = noisy(INCOME, 8.0)
    other[0] += 1e-9
    assert first.data_sha256 != demand.fit("logistic", INCOME, other).data_sha256


def test_same_seed_same_fit_and_arguments_are_left_alone() -> None:
    x, y = INCOME.copy(), noisy(INCOME, 8.0)
    kept = y.copy()
    first, second = (demand.fit("logistic", x, y, loss="huber") for _ in range(2))
    assert first.parameters == second.parameters
    np.testing.assert_array_equal(y, kept)
    np.testing.assert_array_equal(x, INCOME)


def missing_cell() -> Any:
    x, y = panel()
    y = y.copy()
    y.loc[{"country": "US", "year": 1960}] = np.nan
    return demand.fit("logistic", x, y, x_dim="year")


def test_a_bare_array_takes_the_labels_of_y() -> None:
    x, y = panel()
    one = y.sel(country="US")
    bare = demand.fit("logistic", x.sel(country="US").values, one)
    assert bare.parameters == demand.fit("logistic", x.sel(country="US"), one).parameters
    assert bare.x_dim == "year"


def test_missing_values_may_be_dropped_in_words() -> None:
    x, y = panel()
    y = y.copy()
    y.loc[{"country": "US", "year": slice(1950, 1960)}] = np.nan
    assert demand.fit("logistic", x, y, x_dim="year", missing="drop").count == 160 - 11


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: demand.fit("logistik", INCOME, INCOME), 'Did you mean "logistic"'),
        (lambda: demand.fit("logistic", INCOME, INCOME, loss="l1"), "loss 'l1' is unknown"),
        (lambda: demand.fit("logistic", INCOME, INCOME, noise="log"), "noise 'log' is unknown"),
        (lambda: demand.fit("logistic", INCOME, INCOME, pooling="all"), "pooling 'all' is unknown"),
        (lambda: demand.fit("logistic", INCOME, INCOME, pooling="partial"), "needs a dimension of groups"),
        (lambda: demand.fit("logistic", INCOME, INCOME, scale="lg"), "scale 'lg' is unknown"),
        (lambda: demand.fit("logistic", -INCOME, INCOME, scale="log"), "needs values above 0"),
        (lambda: demand.fit("logistic", INCOME, -INCOME, noise="relative"), "observations above 0"),
        (lambda: demand.fit("logistic", INCOME[:3], INCOME[:3]), "3 points cannot tell 3 parameters"),
        (lambda: demand.fit("logistic", INCOME * 0, INCOME), "x does not vary"),
        (lambda: demand.fit("logistic", INCOME, INCOME * 0), "all y are 0"),
        (lambda: demand.fit("logistic", INCOME, INCOME, bounds={"rat": (0, 1)}), 'mean "rate"'),
        (lambda: demand.fit("logistic", INCOME, INCOME, bounds={"rate": (2, 1)}), "not in order"),
        (lambda: demand.fit("logistic", INCOME, INCOME, start={"rat": 1}), 'mean "rate"'),
        (lambda: demand.fit("logistic", INCOME, INCOME, start={"rate": -1}), "outside the law"),
        (lambda: demand.fit("logistic", INCOME, INCOME, own=["level"]), "own parameter 'level'"),
        (lambda: demand.fit("logistic", INCOME, INCOME, weights=-1.0), "not be negative"),
        (lambda: demand.fit("logistic", INCOME, INCOME, starts=0), "starts must be a whole number, 1 or more, found 0"),
        (lambda: demand.fit("logistic", INCOME, INCOME, missing="skip"), "missing='skip' is unknown"),
        (lambda: demand.fit("logistic", np.ones((2, 3)), np.ones((2, 3))), "needs labels"),
        (lambda: demand.fit("logistic", INCOME[:9], INCOME), "9 values of .* stand beside 60"),
        (missing_cell, r"missing \(NaN\) at country=US, year=1960, 1 in all"),
        (lambda: demand.fit("logistic", panel()[0].isel(country=slice(2)), panel()[1], x_dim="year"), "labels of dimension 'country' differ"),
        (lambda: demand.fit("logistic", *panel(), x_dim="time"), "y has no dimension 'time'"),
        (lambda: demand.fit("logistic", INCOME, INCOME, own="saturation"), r"own must be a list of parameters, such as \['saturation'\]"),
        (lambda: demand.fit("logistic", ["a"] * 60, INCOME), "x must be numbers, found values of type str"),
        (lambda: demand.fit("logistic", None, INCOME), "x must be numbers, found None"),
        (lambda: demand.fit("logistic", INCOME, INCOME + 1j), "y must be numbers, found values of type complex"),
        (lambda: demand.fit("logistic", INCOME, INCOME, weights="equal"), "weights must be numbers"),
        (lambda: demand.fit("logistic", INCOME, -INCOME), "is of values above 0, and those of y sum up to"),
        (lambda: demand.fit("bass", np.arange(1990, 2020), np.arange(30.0)), "x = 1990 is not: subtract the year"),
        (lambda: demand.fit("fisher_pry", AGES, xr.DataArray(AGES / 99, dims="year", attrs={"units": "%"})), "y is in %: divide it"),
        (lambda: demand.fit("rise_and_decline", INCOME, INCOME, start={"decline_from": 2e4}), "needs one of 'midpoint'"),
        (lambda: demand.Fit.from_mapping(5), "a fit is a mapping of its fields, found 5"),
        (lambda: demand.fit_parameters(None), "given by the path of its file, found None"),
        (lambda: demand.nested_test(1, 2), "compares two fits"),
        (lambda: demand.fit("logistic", *(v.isel(country=[0]) for v in panel()), x_dim="year", pooling="partial"), "two or more"),
        (lambda: demand.fit("logistic", *(v.rename(year="time") for v in panel())), "say which one is that of the points"),
        (lambda: demand.fit("logistic", *(v.isel(country=[0, 0]) for v in panel()), x_dim="year"), "stands there twice"),
        (lambda: demand.fit("fisher_pry", AGES, 2 * AGES), "shares between 0 and 1, found 2; per cent"),
        (lambda: demand.fit("fisher_pry", AGES, -AGES), "shares between 0 and 1, found -1"),
        (lambda: demand.fit("logistic", INCOME, INCOME, own=["rate"]), "need a second dimension of y"),
        (lambda: demand.fit("logistic", INCOME, INCOME, starts=2.5), "starts must be a whole number, 1 or more, found 2.5"),
        (lambda: demand.fit("logistic", INCOME, INCOME, seed="a"), "seed must be a whole number, 0 or more, found 'a'"),
        (lambda: demand.fit("logistic", INCOME, INCOME, seed=-1), "seed must be a whole number, 0 or more, found -1"),
        (lambda: demand.fit("logistic", INCOME, INCOME, loss="huber", loss_scale=0), "loss_scale must be a number above 0, found 0"),
        (lambda: demand.fit("logistic", INCOME, INCOME, loss="huber", loss_scale="1"), "loss_scale must be a number above 0, found '1'"),
        (lambda: demand.fit("logistic", INCOME, INCOME, loss_scale=2.0), "that of a robust loss"),
        (lambda: demand.fit("logistic", INCOME, INCOME, bounds={"rate": 3}), r"bounds of 'rate' must be a pair \(low, high\), found 3"),
        (lambda: demand.fit("logistic", INCOME, INCOME, bounds={"rate": "ab"}), "must be a pair"),
        (lambda: demand.fit("logistic", INCOME, INCOME, bounds={"rate": (-2, -1)}), "lie outside the law"),
        (lambda: demand.fit("logistic", INCOME, INCOME, bounds=(0, 1)), "bounds must be a mapping"),
        (lambda: demand.fit("logistic", INCOME, INCOME, start=5), "start must be a mapping"),
        (lambda: demand.fit("logistic", INCOME, INCOME, start={"rate": "fast"}), "start of 'rate' must be a number"),
        (lambda: demand.fit("logistic", INCOME, INCOME, weights=0 * INCOME), "no point is left to fit"),
        (lambda: demand.fit("logistic", INCOME, INCOME * np.nan, missing="drop"), "no point is left to fit"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_in_words(call: Any, message: str) -> None:
    with pytest.raises(MfaError, match=message):
        call()


def test_labels_of_another_group_and_levels_beyond_one_are_refused() -> None:
    x, y = panel()
    found = demand.fit("logistic", x, y, x_dim="year")
    with pytest.raises(MfaError, match="other labels of 'country'"):
        found.predict(x.isel(country=slice(2)))
    with pytest.raises(MfaError, match="between 0 and 1, found 90"):
        found.predict(x, level=90)
    with pytest.raises(MfaError, match="x must be numbers, found a Dataset"):
        found.predict(x.to_dataset(name="x"))
    with pytest.raises(MfaError, match="x must be numbers, found values of type str"):
        found.predict(["a"])
    with pytest.raises(MfaError, match="block must lie within 1 and 40"):
        found.bootstrap(10, block=41)
    with pytest.raises(MfaError, match=r"count must be a whole number, 2 or more, found 10\.5"):
        found.bootstrap(10.5)
    with pytest.raises(MfaError, match=r"count must be a whole number, 1 or more, found 10\.5"):
        found.sample(10.5)
    with pytest.raises(MfaError, match="seed must be a whole number"):
        found.sample(10, seed="a")
    with pytest.raises(MfaError, match="level must lie between 0 and 1, found 2"):
        found.critical_points(level=2)


def test_data_that_run_into_a_bound_have_an_open_saturation() -> None:
    """Steeper than exponential: the best saturation is the largest that is allowed."""
    x = np.linspace(0.0, 1.0, 40)
    found = demand.fit("logistic", x, np.exp(3 * x**2) - 0.99, bounds={"rate": (0.5, 6.0)})
    assert not found.interior
    assert np.isinf(found.relative_error[0])
    assert found.identified is False
    with pytest.raises(MfaError, match="lies on a bound"):
        found.point(2.0)


def test_a_robust_loss_bears_a_history_of_zeros() -> None:
    x = np.linspace(0.0, 30.0, 60)
    y = np.where(x < 20, 0.0, demand.logistic(x, saturation=5.0, midpoint=24.0, rate=1.5))
    found = demand.fit("logistic", x, y, loss="soft_l1")
    assert found.sigma > 0
    assert found.parameters["saturation"] == pytest.approx(5.0, rel=0.02)


def test_draws_stay_within_the_bounds_and_every_law_gives_intervals() -> None:
    x, y = points("rise_and_decline")
    found = demand.fit("rise_and_decline", x, y + np.random.default_rng(0).normal(0, 25, len(y)))
    drawn = found.sample(2000)
    assert (drawn.decline >= 0).all() and (drawn.decline <= 1).all()
    assert (drawn.decline_from >= drawn.midpoint).all()
    spread = found.critical_points(level=0.98)
    assert float(spread.turning_low) < 9e3 < float(spread.turning_high)


@pytest.mark.parametrize("seed", [9, 72, 91, 92])
def test_data_without_the_rise_do_not_fix_the_saturation_by_a_step(seed: int) -> None:
    """Data that only rise slowly look like a plateau behind a step that nobody saw."""
    x = np.linspace(15e3, 42e3, 47)
    noise = np.exp(0.13 * np.random.default_rng(seed).standard_normal(47))
    y = demand.gompertz(x, saturation=900.0, midpoint=22e3, rate=2e-5) * noise
    found = demand.fit("gompertz", x, y, noise="relative")
    assert found.interior and found.past_turning.all()
    assert found.identified is False and found.method == "profile"
    low, _, high = found.predict(60e3)
    truth = demand.gompertz(60e3, saturation=900.0, midpoint=22e3, rate=2e-5)
    assert low < truth < high


def test_a_curve_that_does_not_move_has_a_profile_without_overflow() -> None:
    """Warnings are errors in these tests: information of 1e-310 has no inverse."""
    x = np.linspace(15e3, 42e3, 47)
    noise = np.exp(0.13 * np.random.default_rng(56).standard_normal(47))
    y = demand.gompertz(x, saturation=900.0, midpoint=22e3, rate=2e-5) * noise
    found = demand.fit("gompertz", x, y, noise="relative")
    assert np.isfinite(found.sample(10).to_array()).all()


def test_observations_that_do_not_vary_identify_nothing() -> None:
    with pytest.raises(MfaError, match="y does not vary"):
        demand.fit("logistic", np.linspace(1.0, 30.0, 30), np.full(30, 5.0))


def test_a_bootstrap_stays_within_the_bounds_of_its_fit() -> None:
    """Draws of a bounded fit do not leave what the user has said is possible."""
    bounds = {"saturation": (490.0, 505.0)}
    found = demand.fit("logistic", INCOME, noisy(INCOME, 40.0), bounds=bounds).bootstrap(200)
    drawn = found.sample(500).saturation
    assert float(drawn.min()) >= 490.0 - 1e-6 and float(drawn.max()) <= 505.0 + 1e-6
    assert float(drawn.std()) > 0


def test_x_in_another_unit_is_not_taken_for_the_own() -> None:
    """2,030 is no income: a year, or thousands of dollars, is refused where its unit says so."""
    x = xr.DataArray(INCOME, dims="year", attrs={"units": "USD/person"})
    found = demand.fit("logistic", x, noisy(INCOME, 5.0))
    assert found.sample(2).rate.attrs["units"] == "person/USD"
    years = xr.DataArray([2030.0], dims="year", attrs={"units": "year"})
    with pytest.raises(MfaError, match="x is in year, the fit is one over USD/person"):
        found.predict(years)
    assert found.predict(2e4)[1] == found.predict(x[:1] * 0 + 2e4)[1][0]


@pytest.mark.parametrize("size", [1e-250, 1e250])
def test_very_small_and_very_large_units_do_no_harm(size: float) -> None:
    y = noisy(INCOME, 5.0)
    found = demand.fit("logistic", INCOME, y * size)
    plain = demand.fit("logistic", INCOME, y)
    assert found.parameters["saturation"] == pytest.approx(
        size * plain.parameters["saturation"], rel=1e-6
    )
    told = found.criteria["aic"] - plain.criteria["aic"]
    assert told == pytest.approx(2 * 60 * np.log(size), rel=1e-9)


def test_a_law_without_critical_points_has_none_and_does_not_warn() -> None:
    found = demand.fit("modified_exponential", INCOME, points("modified_exponential")[1])
    told = found.critical_points()
    assert all(np.isnan(float(told[name])) for name in told)


def test_points_run_over_years_however_a_panel_lies() -> None:
    """The first dimension was taken once: 40 saturations of years instead of those of countries."""
    x, y = panel()
    wanted = demand.fit("logistic", x, y, x_dim="year").parameters["saturation"]
    for dims in (("country", "year"), ("year", "country")):
        found = demand.fit("logistic", x.transpose(*dims), y.transpose(*dims))
        np.testing.assert_allclose(found.parameters["saturation"], wanted, rtol=1e-6)


def test_labels_that_are_numbers_are_labels() -> None:
    x, y = (v.assign_coords(country=np.arange(v.sizes["country"])) for v in panel())
    found = demand.fit("logistic", x, y)
    plain = demand.fit("logistic", *panel()).predict(panel()[0])[1]
    np.testing.assert_allclose(found.predict(x)[1].values, plain.values, rtol=1e-9)


def test_a_bare_x_is_not_run_along_the_samples() -> None:
    """Sixty points beside sixty draws gave the diagonal, one draw for each point."""
    ensemble = dict(demand.fit("logistic", INCOME, noisy(INCOME, 5.0)).sample(60))
    with pytest.raises(MfaError, match="x is a bare array beside saturation, midpoint, rate"):
        demand.logistic(INCOME, **ensemble)
    labelled = xr.DataArray(INCOME, dims="x")
    assert demand.logistic(labelled, **ensemble).sizes == {"x": 60, "sample": 60}
    assert demand.logistic(2e4, **ensemble).sizes == {"sample": 60}


def test_a_band_of_shares_stays_between_none_and_all() -> None:
    y = np.clip(points("fisher_pry")[1] + np.random.default_rng(0).normal(0, 0.03, 31), 0, 1)
    low, mid, high = demand.fit("fisher_pry", AGES, y).predict([-20.0, 12.0, 60.0])
    assert float(low.min()) == 0.0 and float(high.max()) == 1.0
    assert (low <= mid).all() and (mid <= high).all()


def test_two_fits_may_be_compared_and_kept_in_a_set() -> None:
    one, other = (demand.fit("logistic", INCOME, noisy(INCOME, 5.0)) for _ in range(2))
    assert one == one and one != other and len({one, other}) == 2
    assert one.parameters == other.parameters

"""Laws of growth and diffusion: values, limits, labels, critical points."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from mfa import demand
from mfa.dims import array
from mfa.errors import MfaError

LEVEL = {"saturation": 12.0, "midpoint": 9000.0, "rate": 0.0006}
DECLINING = {"decline": 0.4, "decline_rate": 2e-4, "decline_from": 14000.0}
X = np.linspace(0.0, 40e3, 201)

rates = st.floats(0.05, 20.0)
places = st.floats(-50.0, 50.0)
shapes = st.floats(0.02, 30.0)


def test_richards_with_shape_one_is_logistic_and_towards_zero_gompertz() -> None:
    np.testing.assert_allclose(
        demand.richards(X, **LEVEL, asymmetry=1.0), demand.logistic(X, **LEVEL), rtol=1e-13
    )
    np.testing.assert_allclose(
        demand.richards(X, **LEVEL, asymmetry=1e-7),
        demand.gompertz(X, **LEVEL),
        rtol=1e-4,
        atol=1e-20,
    )


@pytest.mark.parametrize("asymmetry", [0.1, 1.0, 4.0])
def test_richards_turns_where_and_as_steeply_as_published(asymmetry: float) -> None:
    def curve(x: float) -> float:
        return float(demand.richards(x, **LEVEL, asymmetry=asymmetry))

    at = LEVEL["midpoint"]
    share = (1 + asymmetry) ** (-1 / asymmetry)
    assert curve(at) == pytest.approx(LEVEL["saturation"] * share)
    slope = LEVEL["rate"] * LEVEL["saturation"] * (1 + asymmetry) ** (-1 - 1 / asymmetry)
    assert (curve(at + 1) - curve(at - 1)) / 2 == pytest.approx(slope, rel=1e-6)


@given(midpoint=places, rate=rates, asymmetry=shapes)
def test_outer_zeros_of_the_third_derivative(
    midpoint: float, rate: float, asymmetry: float
) -> None:
    """C''' changes sign at take-off and zero growth, C'' at the turning point."""
    given_ = {"saturation": 1.0, "midpoint": midpoint, "rate": rate, "asymmetry": asymmetry}
    found = demand.critical_points("richards", **given_)
    step = 0.02 / rate

    def third(x: float) -> float:
        at = x + step * np.array([-2, -1, 1, 2])
        value = demand.richards(at, **given_)
        return float(value @ [-0.5, 1.0, -1.0, 0.5])

    for name, signs in {"take_off": (1, -1), "zero_growth": (-1, 1)}.items():
        at, far = float(found[name]), 0.2 / rate
        assert np.sign(third(at - far)) == signs[0]
        assert np.sign(third(at + far)) == signs[1]
    assert float(found.turning) == midpoint
    reach = midpoint - float(found.take_off)
    assert float(found.zero_growth) - midpoint == pytest.approx(reach, rel=1e-9)


def test_critical_points_on_a_log_axis_are_those_of_the_logarithm() -> None:
    plain = demand.critical_points("gompertz", saturation=1.0, midpoint=np.log(9e3), rate=2.0)
    logged = demand.critical_points("gompertz", saturation=1.0, midpoint=9e3, rate=2.0, scale="log")
    for name in plain:
        assert float(logged[name]) == pytest.approx(np.exp(float(plain[name])))


@pytest.mark.parametrize("speed", [1e-4, 2e-4, 5e-4])
def test_an_s_with_decline_stops_growing_at_its_maximum(speed: float) -> None:
    given_ = LEVEL | DECLINING | {"decline_rate": speed}
    top = float(demand.critical_points("rise_and_decline", **given_).zero_growth)
    fine = np.linspace(5e3, 6e4, 550_001)
    highest = fine[np.argmax(demand.rise_and_decline(fine, **given_))]
    assert top == pytest.approx(highest, abs=0.11)


def test_a_decline_that_never_wins_has_no_zero_growth_and_a_strong_one_begins_at_once() -> None:
    late = LEVEL | {"decline": 0.1, "decline_rate": 0.01, "decline_from": 9000.0}
    assert float(demand.critical_points("rise_and_decline", **late).zero_growth) == 9000.0
    weak = LEVEL | {"decline": 0.01, "decline_rate": 0.0007, "decline_from": 9000.0}
    assert np.isnan(demand.critical_points("rise_and_decline", **weak).zero_growth)
    none = LEVEL | {"decline": 0.0, "decline_rate": 1e-4, "decline_from": 9000.0}
    assert np.isnan(demand.critical_points("rise_and_decline", **none).zero_growth)


def test_the_modified_exponential_has_no_critical_points() -> None:
    found = demand.critical_points("modified_exponential", saturation=1.0, start=2.0, rate=1.0)
    assert all(np.isnan(found[name]) for name in found)


def test_labels_and_units_go_in_and_come_out() -> None:
    income = array([1e3, 1e4], "USD", country=["China", "Japan"])
    level = array([0.5, 0.8], "t", country=["China", "Japan"])
    found = demand.logistic(income, saturation=level, midpoint=1e4, rate=1e-4)
    assert found.dims == ("country",)
    assert found.attrs == {"units": "t"}
    assert float(found.sel(country="Japan")) == pytest.approx(0.4)
    points = demand.critical_points("logistic", saturation=level, midpoint=income, rate=1e-4)
    assert points.turning.attrs == {"units": "USD"}
    assert points.turning.values.tolist() == [1e3, 1e4]


@pytest.mark.parametrize("law", [demand.logistic, demand.gompertz])
def test_labels_that_differ_are_refused_not_dropped(law: object) -> None:
    income = array([1e3, 1e4], country=["China", "Japan"])
    level = array([0.5, 0.8], country=["Japan", "Korea"])
    with pytest.raises(MfaError, match="'country' differ between x and saturation"):
        law(income, saturation=level, midpoint=1e4, rate=1e-4)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: demand.logistic(0.0, saturation=1, midpoint=2, rate=1, scale="log"), "above 0, found 0"),
        (lambda: demand.logistic(1.0, saturation=1, midpoint=2, rate=1, scale="lin"), 'mean "linear"'),
        (lambda: demand.richards(1.0, saturation=1, midpoint=2, rate=1, asymmetry=0), "above 0, found 0"),
        (lambda: demand.rise_and_decline(1.0, **(LEVEL | DECLINING | {"decline": 1.2})), "within 0 and 1"),
        (lambda: demand.rise_and_decline(1.0, **(LEVEL | DECLINING | {"decline_from": 1.0})), "before the midpoint"),
        (lambda: demand.critical_points("bass", market=1.0), "no critical points"),
        (lambda: demand.bass(1.0, innovation=0.0, imitation=0.3, market=1.0), "innovation must be above 0"),
        (lambda: demand.technology_shares(1.0, midpoint=1.0, rate=1.0), "has the dimension 'technology'"),
    ],
)  # fmt: skip
def test_impossible_input_is_refused_in_words(call: object, message: str) -> None:
    with pytest.raises(MfaError, match=message):
        call()  # type: ignore[operator]


def test_far_from_the_midpoint_nothing_overflows() -> None:
    far = np.array([-1e9, 1e9])
    for law in (demand.logistic, demand.gompertz):
        np.testing.assert_allclose(
            law(far, saturation=2.0, midpoint=0, rate=1.0), [0, 2], atol=1e-300
        )
    np.testing.assert_allclose(
        demand.richards(far, saturation=2.0, midpoint=0, rate=1.0, asymmetry=5.0),
        [0, 2],
        atol=1e-60,
    )


@given(p=st.floats(0.001, 0.2), q=st.floats(0.0, 0.8))
def test_bass_sales_are_the_slope_of_adoption_and_peak_where_told(p: float, q: float) -> None:
    given_ = {"innovation": p, "imitation": q, "market": 100.0}
    t = np.linspace(0.5, 30.0, 60)
    slope = (demand.bass(t + 1e-4, **given_) - demand.bass(t - 1e-4, **given_)) / 2e-4
    np.testing.assert_allclose(demand.bass_rate(t, **given_), slope, atol=1e-6)
    peak = demand.bass_peak(**given_)
    assert demand.bass(peak.time, **given_) == pytest.approx(peak.cumulative, abs=1e-9)
    assert (demand.bass_rate(t, **given_) <= peak.rate * (1 + 1e-12)).all()


def test_nothing_is_adopted_before_the_launch() -> None:
    given_ = {"innovation": 0.03, "imitation": 0.4, "market": 1.0}
    assert demand.bass(-3.0, **given_) == 0.0
    assert demand.bass_rate(np.array([-3.0]), **given_).tolist() == [0.0]


def test_fisher_pry_takes_ln_81_over_k_from_ten_to_ninety_per_cent() -> None:
    half = np.log(81) / 0.3 / 2
    np.testing.assert_allclose(
        demand.fisher_pry(np.array([2030 - half, 2030 + half]), midpoint=2030, rate=0.3), [0.1, 0.9]
    )


@given(st.lists(st.tuples(st.floats(0.1, 90.0), st.floats(-9.0, 9.0)), min_size=1, max_size=6))
def test_shares_of_technologies_sum_to_one(drawn: list[tuple[float, float]]) -> None:
    names = [f"kind {i}" for i in range(len(drawn))]
    midpoint = array([at for at, _ in drawn], technology=names)
    rate = array([speed for _, speed in drawn], technology=names)
    years = xr.DataArray(np.arange(1.0, 60.0), dims="year")
    for scale in ("linear", "log"):
        found = demand.technology_shares(years, midpoint=midpoint, rate=rate, scale=scale)
        np.testing.assert_allclose(found.sum("technology"), 1.0, rtol=1e-12)
        assert (found >= 0).all()


@pytest.mark.parametrize(
    "law",
    [
        lambda x: demand.logistic(x, saturation=9.0, midpoint=2.0, rate=1.0),
        lambda x: demand.gompertz(x, saturation=9.0, midpoint=2.0, rate=1.0),
        lambda x: demand.richards(x, saturation=9.0, midpoint=2.0, rate=1.0, asymmetry=2.0),
        lambda x: demand.modified_exponential(x, saturation=9.0, start=0.0, rate=1.0),
        lambda x: demand.arctangent(x, saturation=9.0, midpoint=2.0, rate=1.0),
        lambda x: demand.fisher_pry(x, midpoint=2.0, rate=1.0),
        lambda x: demand.growth(x, start=0.0, level=1.0, rate=0.1),
        lambda x: demand.bass(x, innovation=0.1, imitation=0.2, market=3.0),
    ],
)
def test_a_plain_list_is_as_good_as_an_array(law):
    np.testing.assert_array_equal(law([1.0, 2.0, 3.0]), law(np.array([1.0, 2.0, 3.0])))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: demand.growth(2020.0, start=2000, level=1.0, rate=-1.5), "rate must be above -1"),
        (lambda: demand.critical_points("logistic", midpoint=1.0), "need the parameter 'rate'"),
        (
            lambda: demand.critical_points("rise_and_decline", midpoint=1.0, rate=1.0),
            "need the parameter 'decline'",
        ),
    ],
)
def test_parameters_that_lack_or_make_no_sense_are_named(call, message):
    with pytest.raises(MfaError, match=message):
        call()

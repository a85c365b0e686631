"""Quantile functions and designs: known quantiles and moments, numbers that belong to their sample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mfa.designs import Design
from mfa.distributions import Distribution, dirichlet, lognormal, quantile_table
from mfa.errors import MfaError

PLACES = np.array([1e-6, 0.01, 0.25, 0.5, 0.8, 0.99, 1 - 1e-6])

SIGMA = math.sqrt(math.log1p(0.3**2))
PAIRS = {
    "normal": (Distribution("normal", (10.0, 2.0)), stats.norm(10, 2)),
    "lognormal": (
        Distribution("lognormal", (4.0, 0.3)),
        stats.lognorm(SIGMA, scale=4.0 * math.exp(-(SIGMA**2) / 2)),
    ),
    "uniform": (Distribution("uniform", (2.0, 5.0)), stats.uniform(2, 3)),
    "triangular": (Distribution("triangular", (1.0, 2.0, 5.0)), stats.triang(0.25, 1, 4)),
    "triangular, top at the end": (
        Distribution("triangular", (1.0, 5.0, 5.0)),
        stats.triang(1.0, 1, 4),
    ),
    "pert": (Distribution("pert", (0.0, 1.0, 4.0)), stats.beta(2, 4, 0, 4)),
    "beta": (Distribution("beta", (2.0, 3.0)), stats.beta(2, 3)),
    "beta over a range": (Distribution("beta", (2.0, 3.0, -1.0, 4.0)), stats.beta(2, 3, -1, 5)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_quantiles_and_shares_are_those_of_scipy(name: str) -> None:
    own, theirs = PAIRS[name]
    np.testing.assert_allclose(own.quantile(PLACES), theirs.ppf(PLACES), rtol=1e-9, atol=1e-12)
    for x in theirs.ppf([0.01, 0.3, 0.9]):
        assert own.below(float(x)) == pytest.approx(theirs.cdf(x), rel=1e-9)
    assert own.below(-100.0) == 0.0 and own.below(1e9) == 1.0


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_cut_keeps_its_shape_within(name: str) -> None:
    own, theirs = PAIRS[name]
    low, high = (float(x) for x in theirs.ppf([0.2, 0.7]))
    cut = Distribution(own.kind, own.numbers, lowest=low, highest=high)
    np.testing.assert_allclose(cut.quantile(PLACES), theirs.ppf(0.2 + 0.5 * PLACES), rtol=1e-9)
    assert cut.support == (low, high)
    assert cut.below(float(theirs.ppf(0.45))) == pytest.approx(0.5)


def test_a_table_of_quantiles_is_linear_between_them() -> None:
    table = Distribution("empirical", table=((0.0, 1.0), (0.5, 2.0), (1.0, 6.0)))
    assert table.quantile([0.25, 0.5, 0.75]).tolist() == [1.5, 2.0, 4.0]
    assert table.below(4.0) == 0.75 and table.support == (1.0, 6.0)
    with pytest.raises(MfaError, match="two observations"):
        quantile_table([1.0])


def test_rec_07_a_flow_times_a_transfer_coefficient() -> None:
    """First order gives 3.3541; sampling the exact 3.3575, the root of (5·0.3)² + (100·0.03)² + (5·0.03)²."""
    design, n = Design(seed=1), range(400_000)
    flow = Distribution("normal", (100.0, 5.0)).quantile(design.uniforms("flow", n))
    share = Distribution("normal", (0.3, 0.03)).quantile(design.uniforms("share", n))
    product = flow * share
    assert math.hypot(5 * 0.3, 100 * 0.03) == pytest.approx(3.35410196625)
    exact = math.sqrt(0.3**2 * 25 + 100**2 * 0.03**2 + 25 * 0.03**2)
    assert exact == pytest.approx(3.3575, abs=5e-5)
    assert product.mean() == pytest.approx(30.0, abs=4 * exact / math.sqrt(len(n)))
    assert product.std() == pytest.approx(exact, rel=4 / math.sqrt(2 * len(n)))


def test_rec_09_a_product_of_lognormals() -> None:
    design, n = Design(seed=3), range(100_000)
    product = lognormal(design.uniforms("a", n), 50.0, 0.2) * lognormal(
        design.uniforms("b", n), 0.4, 0.3
    )
    assert product.mean() == pytest.approx(20.0, rel=1e-2)
    assert product.std() / product.mean() == pytest.approx(0.36551333765, rel=1e-2)
    assert np.median(product) == pytest.approx(18.7845189191, rel=1e-2)


@pytest.mark.parametrize("cv", [0.01, 0.3, 2.0])
def test_a_lognormal_has_its_mean_and_its_coefficient_of_variation(cv: float) -> None:
    sigma = math.sqrt(math.log1p(cv**2))
    scores, weights = np.polynomial.hermite_e.hermegauss(60)
    values = lognormal(stats.norm.cdf(scores), 7.0, cv)
    keep = np.isfinite(values)
    weights = weights / weights.sum()
    mean = (weights * values)[keep].sum()
    assert mean == pytest.approx(7.0, rel=1e-6)
    deviation = math.sqrt((weights * (values - 7.0) ** 2)[keep].sum()) / 7.0
    assert deviation == pytest.approx(cv, rel=1e-3), sigma


numbers = st.floats(-1e3, 1e3)


@given(
    kind=st.sampled_from(["normal", "lognormal", "uniform", "triangular", "pert", "beta"]),
    low=numbers,
    width=st.floats(1e-3, 1e3),
    part=st.floats(0.0, 1.0),
    cut=st.tuples(st.floats(0.0, 0.45), st.floats(0.55, 1.0)),
    places=st.lists(st.floats(1e-9, 1 - 1e-9), min_size=2, max_size=6),
)
def test_larger_uniforms_give_larger_values_within_the_support(
    kind: str, low: float, width: float, part: float, cut: tuple[float, float], places: list[float]
) -> None:
    told = {
        "normal": (low, width),
        "lognormal": (abs(low) + 1e-3, width / 1e3),
        "uniform": (low, low + width),
        "beta": (0.5 + 4 * part, 1.5, low, low + width),
    }.get(kind, (low, low + part * width, low + width))
    whole = Distribution(kind, told)
    first, last = whole.quantile(np.array(cut).clip(1e-6, 1 - 1e-6))
    for some in (whole, Distribution(kind, told, lowest=float(first), highest=float(last))):
        drawn = some.quantile(np.sort(places))
        assert (np.diff(drawn) >= -1e-9 * width).all()
        assert (drawn >= some.support[0]).all() and (drawn <= some.support[1]).all()
        for u, x in zip(np.sort(places), drawn, strict=True):
            assert some.below(float(x)) == pytest.approx(u, abs=1e-6)


# ------------------------------------------------------------------- shares


@given(
    shares=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12).filter(lambda x: sum(x) > 1e-3),
    concentration=st.floats(1e-3, 1e4),
    seed=st.integers(0, 2**32),
)
def test_drawn_shares_keep_their_sum_and_none_is_negative(
    shares: list[float], concentration: float, seed: int
) -> None:
    shares_ = np.array(shares) / np.sum(shares)
    u = np.random.default_rng(seed).uniform(1e-16, 1, (20, len(shares)))
    drawn = dirichlet(u, shares_, concentration)
    assert (drawn >= 0).all() and np.isfinite(drawn).all()
    assert (drawn[:, shares_ == 0] == 0).all()
    whole = math.fsum(shares_)
    assert max(abs(math.fsum([*row, -whole])) for row in drawn) <= 4 * np.spacing(1.0)
    assert np.abs(drawn.sum(axis=1) - shares_.sum()).max() <= 4 * np.spacing(1.0)


def test_dirichlet_has_the_means_and_variances_of_its_shares() -> None:
    shares, concentration, n = np.array([0.5, 0.3, 0.2]), 10.0, 200_000
    u = np.stack([Design(seed=5).uniforms(str(i), range(n)) for i in range(3)], axis=1)
    drawn = dirichlet(u, shares, concentration)
    variance = shares * (1 - shares) / (concentration + 1)
    assert np.abs(drawn.mean(axis=0) - shares).max() < 4 * math.sqrt(variance.max() / n)
    np.testing.assert_allclose(drawn.var(axis=0), variance, rtol=0.02)
    covariance = np.cov(drawn[:, 0], drawn[:, 1])[0, 1]
    assert covariance == pytest.approx(-0.5 * 0.3 / (concentration + 1), rel=0.03)


def test_shares_too_small_to_be_numbers_go_to_the_largest() -> None:
    drawn = dirichlet([[1e-9, 2e-9, 1e-12]], [0.4, 0.4, 0.2], 1e-3)
    assert drawn.tolist() == [[0.0, 1.0, 0.0]]


# ------------------------------------------------------------------ designs

COLUMNS = ("a", "b", "c")
DESIGNS = [Design(7), Design(7, "lhs", 1000), Design(7, "sobol", columns=COLUMNS)]


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
@given(first=st.integers(0, 990), size=st.integers(1, 10))
def test_a_number_does_not_depend_on_the_others_drawn(
    design: Design, first: int, size: int
) -> None:
    for name in COLUMNS:
        whole = design.uniforms(name, range(1000))
        part = range(first, min(first + size, 1000))
        assert design.uniforms(name, part).tolist() == whole[list(part)].tolist()
        mixed = [first, 3, 999]
        assert design.uniforms(name, mixed).tolist() == whole[mixed].tolist()


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
def test_numbers_are_uniform_and_columns_are_not_correlated(design: Design) -> None:
    drawn = np.stack([design.uniforms(name, range(1000)) for name in COLUMNS])
    assert ((drawn > 0) & (drawn < 1)).all()
    assert stats.kstest(drawn[0], "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(drawn) - np.eye(3)).max() < 0.11


def test_random_numbers_stay_what_they_are() -> None:
    """The draws of a seed are part of a result: these four numbers may not change."""
    found = Design(seed=42).uniforms("lifetime", range(4))
    expected = [0.8683504541664796, 0.6268916450764365, 0.6898208294524667, 0.45126372299615547]
    assert found.tolist() == expected


def test_a_million_samples_are_reached_without_drawing_them() -> None:
    far = Design(seed=1).uniforms("a", [10**15])
    assert 0 < far[0] < 1


def test_a_hypercube_has_one_sample_in_each_part() -> None:
    drawn = Design(3, "lhs", 500).uniforms("a", range(500))
    assert sorted((drawn * 500).astype(int).tolist()) == list(range(500))


def test_sobol_fills_two_dimensions_more_evenly_than_chance() -> None:
    n = 4096
    design = Design(1, "sobol", columns=COLUMNS)
    x, y = design.uniforms("a", range(n)), design.uniforms("c", range(n))
    counts = np.histogram2d(x, y, bins=16, range=[[0, 1], [0, 1]])[0]
    assert counts.min() == counts.max() == n / 256
    assert (x * y).mean() == pytest.approx(0.25, abs=2e-4)


def test_seed_name_and_stream_give_other_numbers() -> None:
    designs = [Design(1), Design(2), Design(1, stream="other")]
    drawn = [tuple(d.uniforms("a", range(5))) for d in designs] + [
        tuple(Design(1).uniforms("b", range(5)))
    ]
    assert len(set(drawn)) == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Design(1, "sobel"), 'Did you mean "sobol"?'),  # type: ignore[arg-type]
        (lambda: Design(1.5), "seed is a whole number"),  # type: ignore[arg-type]
        (lambda: Design(1, "lhs"), "needs the number of all samples"),
        (lambda: Design(1, "sobol", columns=("b", "a")), "sorted names"),
        (lambda: Design(1, "lhs", 5).uniforms("a", [5]), "not among 5 samples"),
        (lambda: Design(1).uniforms("a", [-1]), "0 or more"),
        (lambda: DESIGNS[2].uniforms("d", [1]), "no column 'd'"),
    ],
)
def test_what_is_refused(make: object, message: str) -> None:
    with pytest.raises(MfaError) as caught:
        make()  # type: ignore[operator]
    assert message in str(caught.value)

"""Kernels: every structure and both variants give the same numbers, to the accuracy told."""

from __future__ import annotations

import math
import time
import tracemalloc
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mfa import compiled, kernels, lifetime, stocks
from mfa.cohort_survival import CohortSurvival
from mfa.dims import years
from mfa.errors import MfaError
from mfa.lifetime_laws import LEAST
from mfa.survival import survival_values

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use compiled loops for work of any size."""
    monkeypatch.setattr(compiled, "WORTH_COMPILING", 0)
    monkeypatch.delenv("MFA_NUMBA", raising=False)


def in_both(monkeypatch: pytest.MonkeyPatch, work: Any) -> tuple[Any, Any]:
    monkeypatch.setenv("MFA_NUMBA", "0")
    plain = work()
    monkeypatch.setenv("MFA_NUMBA", "1")
    return plain, work()


def exact(inflow: Any, alive: Any) -> list[Fraction]:
    """Sum rational numbers: no rounding at all."""
    terms = [Fraction(value) for value in inflow], [Fraction(value) for value in alive]
    return [
        sum((terms[0][c] * terms[1][t - c] for c in range(t + 1)), Fraction())
        for t in range(len(inflow))
    ]


SHAPES = [
    ((), ()),
    ((4,), (4,)),
    ((7,), ()),
    ((), (7,)),
    ((2, 5, 3), (1, 5, 1)),
    ((2, 5, 3), (2, 1, 3)),
    ((1, 5, 2), (4, 5, 1)),
    ((3, 1), (2,)),
    ((2, 1, 6), (1, 5, 6)),
    ((0, 3), (3,)),
]


@needs_numba
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 33, 70])
@pytest.mark.parametrize(("series", "lives"), SHAPES)
def test_compiled_equals_numpy_in_every_structure(
    monkeypatch: pytest.MonkeyPatch, count: int, series: Any, lives: Any
) -> None:
    draw = np.random.default_rng(count)
    inflow = draw.uniform(0.0, 5.0, (*series, count)) * 10.0 ** draw.integers(-9, 9, (*series, 1))
    means = draw.uniform(2.0, 30.0, (*lives, count))
    laws: list[tuple[Any, bool]] = [
        (survival_values("normal", count, mean=means[..., 0], std=means[..., 0] / 3), False)
    ]
    for moment, shape in (("middle", 2.5), ("end", means / 9 + 0.5), ("spread", 2.5)):
        law = {"shape": shape, "scale": means}
        laws.append((CohortSurvival("weibull", count, moment, "leaves", law), True))
    laws.append((np.asarray(laws[1][0]), True))
    for alive, by_cohort in laws:
        stock, same = in_both(
            monkeypatch, lambda a=alive, b=by_cohort: kernels.stock_from_inflow(inflow, a, b)
        )
        assert stock.shape == (*np.broadcast_shapes(series, lives), count)
        np.testing.assert_allclose(same, stock, rtol=1e-12)
        new, same = in_both(
            monkeypatch, lambda a=alive, b=by_cohort, s=stock: kernels.inflow_from_stock(s, a, b)
        )
        size = np.abs(stock).max(axis=-1, keepdims=True, initial=0.0)
        assert (np.abs(same - new) <= 1e-12 * size).all()
        tables, same = in_both(
            monkeypatch, lambda a=alive, b=by_cohort: kernels.tables_by_cohort(inflow, a, b)
        )
        np.testing.assert_allclose(same[0], tables[0], rtol=1e-12)
        np.testing.assert_allclose(same[0].sum(axis=-1), stock, rtol=1e-12)
        assert (np.abs(same[1] - tables[1]) <= 1e-12 * size[..., np.newaxis]).all()


@needs_numba
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 33, 70])
@pytest.mark.parametrize(("series", "lives"), SHAPES)
@pytest.mark.parametrize("least", [0.0, -5.0])
def test_stock_and_outflow_in_one_go_are_those_made_apart(
    count: int, series: Any, lives: Any, least: float
) -> None:
    draw = np.random.default_rng(count)
    inflow = draw.uniform(least, 5.0, (*series, count))
    means = draw.uniform(2.0, 30.0, lives)
    alive = survival_values("normal", count, mean=means, std=means / 3)
    stock, leaving = kernels.stock_and_outflow(inflow, alive)
    assert np.array_equal(stock, kernels.stock_from_inflow(inflow, alive))
    assert np.array_equal(leaving, kernels.outflow(inflow, stock))


@needs_numba
@pytest.mark.usefixtures("eager")
@settings(deadline=None)
@given(
    shape=st.floats(0.2, 12.0),
    scale=st.floats(0.05, 300.0),
    moment=st.sampled_from(["start", "middle", "end"]),
)
def test_compiled_survival_equals_that_of_numpy(shape: float, scale: float, moment: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "WORTH_COMPILING", 0)
        law = {"shape": np.array([shape, shape]), "scale": np.array([scale, 1.5 * scale])}
        plain, same = in_both(patch, lambda: survival_values("weibull", 90, moment, **law))
    np.testing.assert_allclose(same, plain, rtol=1e-11, atol=2 * LEAST)
    near = plain > 1e-100
    np.testing.assert_allclose(same[near], plain[near], rtol=1e-12)
    assert (np.diff(same) <= 0).all()


@needs_numba
def test_powers_of_two_are_right_to_the_last_place() -> None:
    from mfa.vectors import LANES, compiled, half_to, load, store

    @compiled
    def all_of(x: Any, out: Any) -> None:
        for i in range(0, x.size, LANES):
            store(out, i, half_to(load(x, i)))

    draw = np.random.default_rng(4)
    x = np.concatenate([draw.uniform(-width, width, 4000) for width in (1e-9, 0.5, 3.0, 999.0)])
    x[:8] = [0.0, -0.5, 0.5, 1.0, -1.0, 999.0, -999.0, 0.25]
    out = np.empty(x.size)
    all_of(x, out)
    exact = np.exp2(-x.astype(np.longdouble))
    assert float(np.abs(out / exact - 1).max()) < 2.0**-52
    assert (out[:8][[0, 3, 4, 5]] == [1.0, 0.5, 2.0, 2.0**-999]).all()


@needs_numba
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("rows", [1, 7, 8, 9, 25])
@pytest.mark.parametrize("years_first", [False, True])
def test_layout_in_memory_changes_no_number(
    monkeypatch: pytest.MonkeyPatch, rows: int, years_first: bool
) -> None:
    draw = np.random.default_rng(rows)
    for count in (1, 5, 8, 16, 21):
        inflow = draw.uniform(0.0, 5.0, (rows, count))
        alive = survival_values("normal", count, mean=draw.uniform(3.0, 9.0, rows), std=2.0)
        given = np.asfortranarray(inflow) if years_first else inflow
        stock, same = in_both(monkeypatch, lambda i=given, a=alive: kernels.stock_from_inflow(i, a))
        np.testing.assert_allclose(same, stock, rtol=1e-13)
        assert same.flags.f_contiguous or not years_first
        new = kernels.inflow_from_stock(same, alive)
        np.testing.assert_allclose(new, inflow, rtol=0, atol=1e-13 * float(stock.max()))


def test_weibull_survival_of_many_lifetimes_is_that_of_each() -> None:
    """Many are a product of matrices, one is a power: equal, long lives and steep ones too."""
    shape, scale = np.array([0.3, 1.0, 2.5, 12.0] * 4), np.geomspace(0.05, 300.0, 16)
    for moment in ("start", "middle", "end"):
        many = survival_values("weibull", 120, moment, shape=shape, scale=scale)
        each = [
            survival_values("weibull", 120, moment, shape=k, scale=s)
            for k, s in zip(shape, scale, strict=True)
        ]
        np.testing.assert_allclose(many, each, rtol=1e-11, atol=2 * LEAST)
        near = many > 1e-100
        np.testing.assert_allclose(many[near], np.array(each)[near], rtol=1e-12)


def hard_inflows(count: int) -> list[Any]:
    pulse = np.full(count, 1e-6)
    pulse[7] = 1e12
    grown = 1e-3 * 10.0 ** (6.0 * np.arange(count) / count)
    return [pulse, grown, grown[::-1].copy(), 1e-6 * np.ones(count)]


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("switch", ["0", pytest.param("1", marks=needs_numba)])
@pytest.mark.parametrize("shared", [False, True])
def test_each_stock_is_exact_to_its_own_last_digits(
    monkeypatch: pytest.MonkeyPatch, switch: str, shared: bool
) -> None:
    """A pulse of 1e12 beside 1e-6, and growth over six decades, err by below 1e-14 pointwise."""
    monkeypatch.setenv("MFA_NUMBA", switch)
    inflow = np.stack(hard_inflows(80))
    own = 15.0 if shared else np.array([3.0, 8.0, 15.0, 40.0])
    alive = survival_values("weibull", 80, "middle", shape=np.full(np.shape(own), 3.0), scale=own)
    stock = kernels.stock_from_inflow(inflow, alive)
    by_cohort = np.broadcast_to(alive[..., np.newaxis, :], (*alive.shape[:-1], 80, 80))
    again = kernels.stock_from_inflow(inflow, by_cohort, True)
    for row, series in enumerate(inflow):
        for told in (stock, again):
            for value, true in zip(
                told[row], exact(series, alive if shared else alive[row]), strict=True
            ):
                assert abs(Fraction(float(value)) - true) <= Fraction(1e-14) * true
    assert stock[0, 79] == pytest.approx(
        math.fsum(inflow[0] * (alive if shared else alive[0])[::-1]), rel=1e-14
    )


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("switch", ["0", pytest.param("1", marks=needs_numba)])
@pytest.mark.parametrize("law", ["fixed", "weibull"])
@pytest.mark.parametrize("members", [1, 6])
def test_solved_inflow_makes_its_stock(
    monkeypatch: pytest.MonkeyPatch, switch: str, law: str, members: int
) -> None:
    """The renewal of a fixed lifetime of 15 years echoes for ever and does not grow."""
    monkeypatch.setenv("MFA_NUMBA", switch)
    draw = np.random.default_rng(5)
    rows = [*hard_inflows(150)[1:2], draw.uniform(1.0, 2.0, 150), 1e-6 + draw.random(150)]
    inflow = np.stack(rows)[:, np.newaxis] * np.linspace(1.0, 2.0, members)[:, np.newaxis]
    mean, more = np.array([[15.0], [15.0], [22.0]]), {} if law == "fixed" else {"shape": 3.0}
    alive = survival_values(law, 150, "middle", mean=mean, **more)
    stock = kernels.stock_from_inflow(inflow, alive)
    new = kernels.inflow_from_stock(stock, alive)
    for row in range(3):
        made = exact(new[row, 0], alive[row, 0])
        most = 0.0
        for value, level in zip(made, stock[row, 0], strict=True):
            most = max(most, float(level))
            assert abs(value - Fraction(float(level))) <= Fraction(5e-15) * Fraction(most)
    size = np.maximum.accumulate(stock, axis=-1)
    assert (np.abs(new - inflow) <= 1e-13 * size).all()


def test_nothing_enters_before_its_cohort() -> None:
    inflow = np.zeros((6, 90))
    inflow[:, 50] = 1e12
    alive = survival_values("weibull", 90, "middle", mean=20.0, shape=2.0)
    assert (kernels.stock_from_inflow(inflow, alive)[:, :50] == 0).all()
    some = np.ones((6, 90))
    some[::2] = inflow[::2]
    stock = kernels.stock_from_inflow(some, np.stack([alive] * 6))
    assert (stock[::2, :50] == 0).all()


@pytest.mark.parametrize("law", ["weibull", "gamma", "normal", "lognormal", "exponential"])
@pytest.mark.parametrize("moment", ["middle", "spread"])
def test_tails_are_no_denormals(law: str, moment: str) -> None:
    std = {} if law == "exponential" else {"std": np.array([0.4, 1.0, 3.0])}
    values = survival_values(law, 2000, moment, mean=np.array([2.0, 2.2, 6.0]), **std)
    assert not ((values > 0) & (values < LEAST)).any()
    assert law in ("lognormal", "exponential") or (values[..., -1] == 0).all()


def test_tails_do_not_slow_the_sums() -> None:
    """The same sum over lifetimes that end within the run and beyond it; denormals cost twofold."""
    inflow = np.random.default_rng(1).uniform(0.5, 1.0, (300, 150))

    def seconds(scale: float) -> float:
        alive = survival_values(
            "weibull", 150, "middle", shape=np.full(300, 3.0), scale=np.full(300, scale)
        )
        found = []
        for _ in range(15):
            start = time.perf_counter()
            kernels.stock_from_inflow(inflow, alive)
            found.append(time.perf_counter() - start)
        return min(found)

    assert seconds(12.0) < 1.7 * seconds(300.0)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("switch", ["0", pytest.param("1", marks=needs_numba)])
@pytest.mark.parametrize("by_cohort", [False, True])
def test_memory_beside_the_results(
    monkeypatch: pytest.MonkeyPatch, switch: str, by_cohort: bool
) -> None:
    """Inputs and results apart 5 MiB at most, where a table by cohort would take 104."""
    monkeypatch.setenv("MFA_NUMBA", switch)
    count, size = 151, 600
    span = years(1950, 1950 + count - 1)
    coords = {"cohort": span.values, "series": np.arange(size)}
    scale = xr.DataArray(
        np.linspace(8.0, 40.0, count * size).reshape(count, size), coords, ("cohort", "series")
    )
    scale = scale if by_cohort else scale[0].drop_vars("cohort")
    inflow = xr.DataArray(np.ones((count, size)), {"year": span.values, "series": coords["series"]})

    def run() -> Any:
        alive = lifetime.weibull(span, shape=2.5, scale=scale, inflow_at="middle")
        return alive, stocks.from_inflow(inflow, alive)

    run()
    tracemalloc.start()
    kept = run()
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept[1].stock.shape == (count, size)
    assert peak - now <= 5 * 2**20


def test_small_work_leaves_numba_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled.loops(compiled.WORTH_COMPILING - 1) is None
    monkeypatch.setenv("MFA_NUMBA", "0")
    assert compiled.loops(10**12) is None
    monkeypatch.delenv("MFA_NUMBA")
    assert (compiled.loops(10**12) is not None) == (find_spec("numba") is not None)


def by_cohort_survival() -> Any:
    span = years(2000, 2029)
    mean = xr.DataArray(
        np.linspace(4.0, 20.0, 60).reshape(30, 2),
        {"cohort": span.values, "region": ["CN", "EU"]},
        ("cohort", "region"),
    )
    return lifetime.weibull(span, mean=mean, shape=2.0, inflow_at="middle")


def test_survival_by_cohort_is_an_array_to_xarray() -> None:
    survival = by_cohort_survival()
    assert isinstance(survival.data, CohortSurvival)
    assert survival.dims == ("cohort", "age", "region")
    assert isinstance(survival.transpose("region", "age", "cohort").data, CohortSurvival)
    whole = survival.copy(data=np.array(survival))
    for change in (
        lambda s: s.transpose("region", "age", "cohort"),
        lambda s: s.sel(cohort=2004, region="EU"),
        lambda s: s.isel(age=slice(0, 5)),
        lambda s: 1.0 - s,
        lambda s: s.sum("age"),
        lambda s: s.astype("float32"),
        lambda s: xr.concat([s, s], "twice"),
        lambda s: s.where(s > 0.5),
        lambda s: s.copy(deep=True),
        lambda s: s.round(3),
        lambda s: s.T,
        lambda s: s.transpose(),
        lambda s: xr.apply_ufunc(lambda x: x.sum(-1), s, input_core_dims=[["age"]]),
    ):
        xr.testing.assert_identical(change(survival).compute(), change(whole).compute())
    assert "weibull, inflow_at 'middle', shape (30, 30, 2): computed when" in repr(survival)
    assert "weibull, computed when asked" in repr(survival.to_dataset(name="survival"))
    assert survival.nbytes == whole.nbytes
    assert survival.item(7) == whole.item(7)
    assert survival.data.max() == whole.max()
    assert isinstance(survival.data.T, CohortSurvival)
    assert survival.data.transpose(None).shape == survival.data.transpose(2, 1, 0).shape
    assert not hasattr(survival.data, "chunks")
    with pytest.raises(TypeError, match=r"change a copy of its values"):
        survival[0, 0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        survival.values[0, 0, 0] = 1.0


def test_survival_by_cohort_takes_no_arithmetic_in_place() -> None:
    survival = by_cohort_survival()
    same = survival.copy()
    with pytest.raises(TypeError, match=r"change a copy of its values"):
        same *= 2.0
    for change in (
        lambda s: np.add(s.data, 1.0, out=s.data),
        lambda s: np.add(np.ones(s.shape), 1.0, out=s.data),
        lambda s: np.sum(s.data, axis=0, out=s.data),
    ):
        with pytest.raises(TypeError, match=r"change a copy of its values"):
            change(survival)


def test_survival_by_cohort_keeps_no_view_of_what_was_given() -> None:
    mean = np.full(30, 8.0)
    by_cohort = xr.DataArray(mean, {"cohort": np.arange(2000, 2030)}, ("cohort",))
    for law, more in (("fixed", {}), ("normal", {"std": 2.0})):
        survival = getattr(lifetime, law)(years(2000, 2029), mean=by_cohort, **more)
        before = np.array(survival)
        mean[:] = 3.0
        np.testing.assert_array_equal(survival, before)
        mean[:] = 8.0


def test_streamed_survival_gives_the_stocks_of_its_table() -> None:
    survival = by_cohort_survival()
    table = survival.copy(data=np.array(survival))
    inflow = xr.DataArray(
        np.random.default_rng(2).uniform(1.0, 2.0, (30, 2)),
        {"year": np.arange(2000, 2030), "region": ["CN", "EU"]},
    )
    use, same = (stocks.from_inflow(inflow, alive) for alive in (survival, table))
    xr.testing.assert_allclose(use.stock, same.stock, rtol=1e-13)
    for choice in ("raise", "retire_early"):
        back = stocks.from_stock(use.stock, survival, on_decline=choice)
        xr.testing.assert_allclose(back.inflow, inflow, rtol=1e-11)
    cohorts = stocks.by_cohort(inflow, survival)
    xr.testing.assert_allclose(cohorts.stock.sum("cohort"), use.stock, rtol=1e-13)


@pytest.mark.parametrize("labels", [[2000, 2001, 2002, 2005, 2010], [2000, 2005, 2010, 2015, 2020]])
def test_uneven_and_longer_steps_are_refused(labels: list[int]) -> None:
    """flodym takes them and loses mass, or gives a fifth of the cohorts; a step is a year here."""
    series = xr.DataArray(np.ones(5), coords={"year": labels})
    survival = lifetime.weibull(years(2000, 2004), mean=3.0, shape=2.0)
    for call in (stocks.from_inflow, stocks.from_stock, stocks.by_cohort):
        with pytest.raises(MfaError, match="contiguous"):
            call(series, survival)
    with pytest.raises(MfaError, match="contiguous"):
        lifetime.weibull(series["year"], mean=3.0, shape=2.0)

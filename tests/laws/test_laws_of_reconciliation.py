"""Laws that every reconciliation obeys, on random balances and on random systems."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_systems import Case, cases

import mfa
from mfa.reconciliation import adjust, gaussian, quantity

few = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
many = settings(few, max_examples=100)


def network(random: np.random.Generator, boxes: int, arrows: int) -> np.ndarray:
    """Return the balances of random arrows among boxes and their surroundings."""
    matrix = np.zeros((boxes, arrows))
    for arrow in range(arrows):
        source, target = random.choice(boxes + 1 + boxes // 3, 2, replace=False)
        if source < boxes:
            matrix[source, arrow] -= 1
        if target < boxes:
            matrix[target, arrow] += 1
    return matrix


def truth(random: np.random.Generator, matrix: np.ndarray) -> np.ndarray:
    """Return values that satisfy the balances."""
    _, singular, turned = np.linalg.svd(matrix)
    null = turned[int((singular > 1e-9).sum()) :]
    found = random.normal(size=len(null)) @ null * 100.0
    return np.where(np.abs(found) < 1e-9, 0.0, found)


@st.composite
def problems(draw: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.random.Generator]:
    """Draw balances, data (some not measured) and uncertainties (some exact, over six orders)."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    boxes = draw(st.integers(1, 8))
    matrix = network(random, boxes, draw(st.integers(1, 16)))
    true = truth(random, matrix)
    sd = 10.0 ** random.uniform(-3, draw(st.sampled_from([-3, 0, 3])), len(true))
    exact = random.random(len(true)) < draw(st.sampled_from([0.0, 0.15]))
    sd[exact] = 0.0
    data = true + sd * random.normal(size=len(true))
    data[random.random(len(true)) < draw(st.sampled_from([0.0, 0.3, 0.7]))] = np.nan
    return matrix, data, sd, random


def full(matrix: np.ndarray, found: Any) -> np.ndarray:
    """Return the imbalance of every row whose quantities are all known, relative to what went in."""
    value = np.nan_to_num(found.value)
    known = ~(matrix[:, np.isnan(found.value)] != 0).any(axis=1)
    size = np.abs(matrix[known]) @ (np.abs(value) + np.abs(np.nan_to_num(found.adjustment)))
    return np.abs(matrix[known] @ value) / np.maximum(size, 1e-300)


@many
@given(problems())
def test_balances_hold_and_uncertainties_never_grow(problem: Any) -> None:
    matrix, data, sd, _ = problem
    found = adjust(matrix, data, sd)
    assert (full(matrix, found) <= 1e-9).all()
    measured = ~np.isnan(data)
    grown = found.standard_uncertainty[measured] - sd[measured]
    assert (grown <= 1e-9 * sd[measured]).all()
    assert (found.adjustment[measured & (sd == 0)] == 0).all()


@many
@given(problems())
def test_consistent_data_are_unchanged(problem: Any) -> None:
    matrix, data, sd, random = problem
    true = truth(random, matrix)
    found = adjust(matrix, np.where(np.isnan(data), np.nan, true), sd)
    known = ~np.isnan(found.value)
    np.testing.assert_allclose(found.value[known], true[known], rtol=1e-9, atol=1e-9)
    assert found.chi2 == pytest.approx(0.0, abs=1e-9)


@many
@given(problems(), st.floats(1e-3, 1e3))
def test_scaling_all_uncertainties_changes_no_value(problem: Any, factor: float) -> None:
    matrix, data, sd, _ = problem
    one, other = adjust(matrix, data, sd), adjust(matrix, data, factor * sd)
    scale = np.nanmax(np.abs(data), initial=1.0)
    np.testing.assert_allclose(one.value, other.value, rtol=1e-9, atol=1e-9 * scale)
    np.testing.assert_allclose(
        other.standard_uncertainty, factor * one.standard_uncertainty, rtol=1e-5, atol=1e-9 * factor
    )
    assert other.chi2 * factor**2 == pytest.approx(float(one.chi2), rel=1e-6, abs=1e-9)


@many
@given(problems())
def test_permutation_changes_nothing(problem: Any) -> None:
    matrix, data, sd, random = problem
    order, rows = random.permutation(len(data)), random.permutation(len(matrix))
    one = adjust(matrix, data, sd)
    other = adjust(matrix[rows][:, order], data[order], sd[order])
    scale = np.nanmax(np.abs(data), initial=1.0)
    np.testing.assert_allclose(other.value, one.value[order], rtol=1e-9, atol=1e-9 * scale)
    assert (other.status == one.status[order]).all()


@many
@given(problems())
def test_gaussian_prior_with_exact_balances_is_the_same(problem: Any) -> None:
    matrix, data, sd, _ = problem
    assume(not np.isnan(data).any() and (sd > 1e-2).all())
    found = adjust(matrix, data, sd, covariance=True)
    posterior = gaussian(data, sd, matrix, np.zeros(len(matrix)))
    scale = np.abs(data).max()
    np.testing.assert_allclose(posterior.mean, found.value, rtol=1e-6, atol=1e-6 * scale)
    np.testing.assert_allclose(posterior.covariance, found.covariance, atol=1e-6 * (sd**2).max())


@many
@given(problems())
def test_many_at_once_is_one_after_the_other(problem: Any) -> None:
    matrix, data, sd, random = problem
    sets = data + np.where(sd > 0, sd, 0.0) * random.normal(size=(5, len(data)))
    sets[1] = np.where(sd > 0, np.nan, sets[1])
    together = adjust(matrix, sets, sd)
    for number, own in enumerate(sets):
        one = adjust(matrix, own, sd)
        np.testing.assert_allclose(together.value[number], one.value, rtol=1e-8, atol=1e-8)
        assert (together.code[number] == one.code).all()


def test_truth_is_covered_at_the_nominal_rate() -> None:
    """2,000 noisy sets of one system with gaps: 95 % intervals, χ² and p are what they say."""
    random = np.random.default_rng(9)
    matrix = network(random, 12, 40)
    true = truth(random, matrix)
    sd = random.uniform(1, 30, 40)
    data = true + sd * random.normal(size=(2000, 40))
    data[:, random.random(40) < 0.3] = np.nan
    found = adjust(matrix, data, sd)
    known = ~np.isnan(found.value[0]) & (found.standard_uncertainty[0] > 0)
    off = (found.value - true)[:, known] / found.standard_uncertainty[:, known]
    inside = (np.abs(off) < 1.959964).mean()
    assert known.sum() >= 25
    assert inside == pytest.approx(0.95, abs=0.006)
    assert off.std() == pytest.approx(1.0, abs=0.02)
    degrees = int(found.degrees_of_freedom[0])
    assert found.chi2.mean() == pytest.approx(degrees, rel=0.04)
    assert (found.p_value < 0.05).mean() == pytest.approx(0.05, abs=0.015)


@few
@given(cases(), st.integers(0, 2**32 - 1))
def test_a_run_with_noise_comes_back_into_balance(case: Case, seed: int) -> None:
    """Flows of a random system, disturbed, reconciled on the system: its own check accepts them."""
    result = case.run()
    random = np.random.default_rng(seed)
    observed = {}
    for name, data in result.data_vars.items():
        if data.attrs["kind"] == "flow" and random.random() < 0.7:
            sd = 0.1 * float(abs(data).max()) + 1e-3
            noisy = data + sd * random.normal(size=data.shape)
            observed[str(name)] = (noisy.clip(0.0), sd)
    assume(observed)
    plan = mfa.plan(case.system())
    found = mfa.reconcile(plan, observed)
    assert set(observed) <= set(found["quantity"].values)
    values = {f: quantity(found, f)["value"] for f in plan.flows}
    assume(not any(bool(v.isnull().any()) for v in values.values()))
    scale = max(float(abs(v).max()) for v in values.values())
    for name, process in case.processes.items():
        if process["rule"] in ("source", "sink", "stock"):
            continue
        into, out = (
            [v for f, v in values.items() if getattr(plan.flows[f], side) == name]
            for side in ("target", "source")
        )
        common = set.intersection(*({*v.dims} for v in (*into, *out)))
        total: Any = 0.0
        for sign, side in ((1.0, into), (-1.0, out)):
            for v in side:
                total = total + sign * v.sum([d for d in v.dims if d not in common])
        assert float(abs(xr.DataArray(total)).max()) <= 1e-9 * scale * 50, name

"""Sensitivity: indices against functions whose indices are known, and of runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

import mfa
from mfa.designs import Design, inputs_of
from mfa.errors import MfaError
from tests.unit.test_kept import ROLES, written
from tests.unit.test_sampling import SCENARIO, SYSTEM

Array = NDArray[np.float64]
N = 2**14


def ishigami(u: Array) -> Array:
    """Ishigami and Homma (1990), a = 7, b = 0.1, on (-π, π)³."""
    x = np.pi * (2 * u - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


WEIGHTS = np.array([0.0, 1.0, 4.5, 9.0, 99.0])


def sobol_g(u: Array) -> Array:
    """Saltelli and Sobol' (1995), the G-function."""
    return np.prod((np.abs(4 * u - 2) + WEIGHTS) / (1 + WEIGHTS), axis=1)


def known_ishigami() -> tuple[Array, Array]:
    a, b = 7, 0.1
    v = a**2 / 8 + b * np.pi**4 / 5 + b**2 * np.pi**8 / 18 + 0.5
    first = np.array([(1 + b * np.pi**4 / 5) ** 2 / 2, a**2 / 8, 0.0]) / v
    both = b**2 * np.pi**8 * (1 / 18 - 1 / 50) / v
    return first, first + np.array([both, 0, both])


def known_sobol_g() -> tuple[Array, Array]:
    own = 1 / 3 / (1 + WEIGHTS) ** 2
    v = np.prod(1 + own) - 1
    return own / v, own * np.prod(1 + own) / (1 + own) / v


CASES = pytest.mark.parametrize(
    ("function", "known", "dims"), [(ishigami, known_ishigami, 3), (sobol_g, known_sobol_g, 5)]
)


def sampled(function: Callable[[Array], Array], dims: int, kind: str, count: int) -> xr.Dataset:
    names = tuple(f"x{i}" for i in range(dims))
    joint = names if kind in ("sobol", "saltelli") else ()
    design = Design(5, kind, count, joint)  # type: ignore[arg-type]
    u = np.stack([design.uniforms(name, range(count)) for name in names], axis=-1)
    attrs = {"seed": 5, "design": kind, "design_samples": count, "design_columns": "; ".join(names)}
    return xr.Dataset({"y": ("sample", function(u))}, {"sample": np.arange(count)}, attrs)


@CASES
def test_first_and_total_indices_of_known_functions(
    function: Callable[[Array], Array], known: Callable[[], tuple[Array, Array]], dims: int
) -> None:
    result = sampled(function, dims, "saltelli", N * (dims + 2))
    found = mfa.sensitivity(result, "y")
    first, total = known()
    np.testing.assert_allclose(found.first_order, first, atol=0.02)
    np.testing.assert_allclose(found.total_order, total, atol=0.02)
    for name, right in (("first_order", first), ("total_order", total)):
        low, high = found[f"{name}_low"].values, found[f"{name}_high"].values
        assert (low <= right + 1e-3).all() and (right - 1e-3 <= high).all()
        assert (high - low < 0.1).all()


@CASES
@pytest.mark.parametrize("kind", ["random", "lhs", "sobol"])
def test_first_indices_from_any_samples(
    function: Callable[[Array], Array],
    known: Callable[[], tuple[Array, Array]],
    dims: int,
    kind: str,
) -> None:
    found = mfa.sensitivity(sampled(function, dims, kind, N), "y")
    np.testing.assert_allclose(found.first_order, known()[0], atol=0.02)
    assert "total_order" not in found


def test_limits_hold_the_right_index_about_as_often_as_they_say() -> None:
    inside = []
    for seed in range(60):
        names = ("x0", "x1", "x2")
        design = Design(seed, "random")
        u = np.stack([design.uniforms(name, range(2000)) for name in names], axis=-1)
        attrs = {"seed": seed, "design": "random", "design_columns": "x0; x1; x2"}
        data = xr.Dataset({"y": ("sample", ishigami(u))}, {"sample": np.arange(2000)}, attrs)
        found = mfa.sensitivity(data, "y")
        right = known_ishigami()[0][:2]
        low, high = found.first_order_low.values[:2], found.first_order_high.values[:2]
        inside += [*((low <= right) & (right <= high))]
    assert 0.85 <= np.mean(inside) <= 1.0


def test_ranks_and_a_threshold() -> None:
    names = ("down", "none", "up")
    design = Design(1, "lhs", 4000)
    u = {name: design.uniforms(name, range(4000)) for name in names}
    y = np.exp(3 * u["up"]) * (1 - 0.3 * u["down"])
    attrs = {"seed": 1, "design": "lhs", "design_samples": 4000, "design_columns": "; ".join(names)}
    result = xr.Dataset({"y": ("sample", y)}, {"sample": np.arange(4000)}, attrs)
    found = mfa.sensitivity(result, "y", above=float(np.median(y)))
    from scipy.stats import ks_2samp, spearmanr

    for name in names:
        one = found.sel(input=name)
        assert one.rank_correlation.item() == pytest.approx(spearmanr(u[name], y)[0], abs=1e-12)
        high = y > np.median(y)
        expected = ks_2samp(u[name][high], u[name][~high], method="asymp")
        assert one.above_distance.item() == pytest.approx(expected.statistic, abs=1e-12)
        assert one.above_p_value.item() == pytest.approx(expected.pvalue, rel=0.05, abs=1e-6)
    assert found.above_distance.idxmax("input").item() == "up"
    never = mfa.sensitivity(result, "y", above=1e9)
    assert bool(never.above_distance.isnull().all())


def test_of_a_run_with_years_and_metals(tmp_path: Path) -> None:
    scenario = written(
        tmp_path,
        SYSTEM.replace("demand", "wanted") + ROLES,
        SCENARIO.replace("demand", "wanted"),
    )
    result = mfa.run(scenario, samples=8 * 64, seed=3, design="saltelli")
    columns = result.attrs["design_columns"].split("; ")
    inputs = inputs_of(columns)
    assert len(columns) > 100 and len(inputs) == 6 and "collection" in inputs
    found = mfa.sensitivity(result, "secondary_supply")
    assert found.first_order.dims == ("input", "year", "material")
    last = found.sel(year=2030, material="Cu")
    strongest = last["input"].values[np.argsort(-last.total_order.values)[:2]]
    assert {*strongest} == {"wanted", "collection"}
    demand = mfa.sensitivity(result, "demand", year=2030, at={"material": "Cu"})
    assert demand.total_order.dims == ("input",)
    assert demand.total_order.sel(input="collection").item() == pytest.approx(0, abs=1e-12)
    assert demand.first_order.sel(input="wanted").item() == pytest.approx(0.95, abs=0.15)
    assert np.isnan(found.rank_correlation.sel(input="collection")).all()  # one draw for each year
    ax = mfa.plot.tornado(demand)
    assert ax.get_xlabel() and ax.get_yticklabels()[0].get_text() == "wanted"


def test_saltelli_samples_belong_to_their_number_alone() -> None:
    design = Design(2, "saltelli", columns=("a", "b 2030", "b 2031"))
    whole = {name: design.uniforms(name, range(40)) for name in design.columns}
    for name in design.columns:
        some = design.uniforms(name, [37, 6, 7])
        np.testing.assert_array_equal(some, whole[name][[37, 6, 7]])
    rows = {name: own.reshape(10, 4) for name, own in whole.items()}
    assert (rows["a"][:, 2] == rows["a"][:, 1]).all() and (rows["a"][:, 3] == rows["a"][:, 0]).all()
    for name in ("b 2030", "b 2031"):  # one input: they change together
        assert (rows[name][:, 2] == rows[name][:, 0]).all()
        assert (rows[name][:, 3] == rows[name][:, 1]).all()
    assert all((own[:, 0] != own[:, 1]).all() for own in rows.values())


def test_what_is_refused() -> None:
    result = sampled(ishigami, 3, "random", 100)
    with pytest.raises(MfaError, match=r"there is no 'z' with samples\. \(variables: y\)"):
        mfa.sensitivity(result, "z")
    with pytest.raises(MfaError, match="y has no year=2030"):
        mfa.sensitivity(result, "y", year=2030)
    with pytest.raises(MfaError, match="wants a result with samples"):
        mfa.sensitivity(result.isel(sample=0), "y")
    with pytest.raises(MfaError, match="ask for 5 × 256 samples or more"):
        mfa.sensitivity(sampled(ishigami, 3, "saltelli", 9), "y")
    with pytest.raises(MfaError, match="does not say how its samples were drawn"):
        mfa.sensitivity(result.drop_attrs(), "y")


def test_convergence_tells_the_error_of_what_is_known() -> None:
    design = Design(8, "random")
    y = design.uniforms("x", range(N))
    result = xr.Dataset({"y": ("sample", y)}, {"sample": np.arange(N)})
    found = mfa.convergence(result, "y", quantile=0.9)
    assert found.sizes["samples"] == 20 and found["samples"].values[-1] == N
    error = np.sqrt(1 / 12 / found["samples"])
    np.testing.assert_allclose(found.mean_error, error, rtol=0.05)
    assert (abs(found["mean"] - 0.5) < 4 * error).all()
    spread = np.sqrt(0.9 * 0.1 / found["samples"])  # the density is 1
    np.testing.assert_allclose(found.quantile_error, spread, rtol=0.6)
    assert float((found.quantile_error / spread).median()) == pytest.approx(1, abs=0.15)
    assert (abs(found["quantile"] - 0.9) < 4 * spread).all()

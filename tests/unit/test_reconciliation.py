"""Reconciliation on declared systems: what is known, what it says when it is not, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import reconciliation
from mfa.reconciliation import Observation, adjust, classify, coefficients, draws, quantity
from mfa.reconciliation import least_squares as core
from mfa.reconciliation.bounded import within

YEARS = [2020, 2021, 2022]
SHIPPED = Path(__file__).parents[2] / "scenarios"


def system() -> mfa.System:
    """Metal is refined with a loss, used, collected and split; a second chain hangs on nothing."""
    return mfa.System(
        title="Two chains",
        parameters={
            "demand": {"dims": ["year"], "unit": "t/yr"},
            "other": {"dims": ["year"], "unit": "t/yr"},
            "yield_of_refining": {},
            "collected": {},
        },
        processes={
            "mine": {"rule": "source"},
            "refine": {"rule": "make", "from": "mine", "yield": "yield_of_refining", "loss_to": "tailings"},
            "use": {
                "rule": "stock", "from": "refine", "to": "waste", "inflow": "demand",
                "lifetime": {"law": "fixed", "mean": "5 yr"},
            },
            "waste": {"rule": "split", "shares": {"recycled": "collected", "landfill": "rest"}},
            "recycled": {"rule": "sink"},
            "landfill": {"rule": "sink"},
            "tailings": {"rule": "sink"},
            "sea": {"rule": "source", "gives": "other", "to": "harbour"},
            "harbour": {"rule": "split", "shares": {"inland": "rest"}},
            "inland": {"rule": "sink"},
        },
    )  # fmt: skip


def regional() -> mfa.System:
    return mfa.System(
        title="Places",
        dimensions={"origin": ["A", "B", "C"], "metal": ["Ni", "Co"]},
        conserves="metal",
        parameters={
            "demand": {"dims": ["year", "metal"], "unit": "t/yr"},
            "origin_share": {"dims": ["origin", "metal"]},
        },
        processes={
            "mine": {"rule": "source"},
            "trade": {"rule": "trade", "from": "mine", "shares": "origin_share"},
            "use": {"rule": "sink", "takes": "demand", "from": "trade"},
        },
    )


def series(values: Any, unit: str = "t/yr") -> xr.DataArray:
    return mfa.array(values, unit, year=YEARS)


def one(found: xr.Dataset, name: str) -> tuple[float, float, str]:
    own = quantity(found, name)
    return float(own.value), float(own.standard_uncertainty), str(own.status.values)


# -------------------------------------------------------------- what is known


def test_every_kind_of_knowledge_is_told_apart() -> None:
    found = mfa.reconcile(
        system(), {"use_to_waste": (100, 5), "collected": (0.3, 0.03), "sea_to_harbour": (7, 0)}
    )
    status = dict(zip(found["item"].values.tolist(), found.status.values.tolist(), strict=True))
    assert status == {
        "use_to_waste": "not checkable", "collected": "not checkable",
        "waste_to_recycled": "determinable", "waste_to_landfill": "determinable",
        "sea_to_harbour": "exact", "harbour_to_inland": "determinable",
        "mine_to_refine": "undeterminable", "refine_to_use": "undeterminable",
        "refine_to_tailings": "undeterminable", "use_stock_change": "undeterminable",
    }  # fmt: skip
    assert one(found, "waste_to_recycled")[:2] == pytest.approx((30, 3.3541019662))
    assert one(found, "harbour_to_inland")[:2] == (7.0, 0.0)
    assert found.attrs["degrees_of_freedom"] == 0
    assert np.isnan(found.attrs["p_value"])


def test_nothing_measured_leaves_everything_open() -> None:
    found = mfa.reconcile(system(), {}, intervals=True)
    assert set(found.status.values.tolist()) == {"undeterminable"}
    assert found.value.isnull().all()
    flows = found.kind == "flow"
    assert (found.lowest.where(flows, drop=True) == 0).all()
    assert np.isinf(found.highest.values).all()


def test_intervals_are_what_the_balances_leave() -> None:
    table = classify(system(), {"use_to_waste": (100, 5)}).set_index("item")
    assert table.loc["waste_to_recycled", ["lowest", "highest"]].tolist() == [0.0, 100.0]
    assert table.loc["use_to_waste", ["lowest", "highest"]].tolist() == [100.0, 100.0]
    assert table.loc["use_stock_change", "lowest"] == -100.0


def test_a_yield_is_reconciled_with_its_flows() -> None:
    observed = {
        "mine_to_refine": (100, 5),
        "refine_to_use": (80, 4),
        "yield_of_refining": (0.9, 0.02),
    }
    found = mfa.reconcile(system(), observed)
    into, out, share = (one(found, n)[0] for n in observed)
    assert out == pytest.approx(share * into, rel=1e-12)
    # the optimum: no other values on the curve are nearer
    best = found.attrs["chi2"]
    for a in (into * 0.999, into, into * 1.001):
        for s in (share * 0.999, share, share * 1.001):
            near = ((a - 100) / 5) ** 2 + ((a * s - 80) / 4) ** 2 + ((s - 0.9) / 0.02) ** 2
            assert near >= best - 1e-9
    assert found.attrs["degrees_of_freedom"] == 1


def test_one_yield_for_all_years_ties_them() -> None:
    flows = {
        "mine_to_refine": (series([10.0, 20, 30]), "3 %"),
        "refine_to_use": (series([9.0, 17, 28]), "3 %"),
    }
    found = mfa.reconcile(system(), {**flows, "yield_of_refining": (0.9, 0.5)})
    assert found["value"].dims == ("item",)
    ratio = quantity(found, "refine_to_use").value / quantity(found, "mine_to_refine").value
    np.testing.assert_allclose(ratio, one(found, "yield_of_refining")[0], rtol=1e-9)
    apart = mfa.reconcile(system(), flows)
    assert apart["value"].dims == ("year", "item")


def test_stock_levels_tie_years() -> None:
    observed = {
        "refine_to_use": (series([10.0, 12, 14]), 1.0),
        "use_to_waste": (series([5.0, 5, 5]), 1.0),
        "use_stock": (series([100.0, 110, 120], "t"), 1.0),
    }
    found = mfa.reconcile(system(), observed)
    level, into, out = (
        quantity(found, n).value.values for n in ("use_stock", "refine_to_use", "use_to_waste")
    )
    np.testing.assert_allclose(np.diff(level), (into - out)[1:], rtol=1e-9)
    # nothing is known of the stock before the first year, so its flows are not checked
    assert quantity(found, "refine_to_use").status.values.tolist() == [
        "not checkable",
        "redundant",
        "redundant",
    ]


def test_two_sources_of_one_flow_and_a_total() -> None:
    mined = mfa.array(
        [[50.0, 5], [30, 3], [10, 1]], "t/yr", origin=["A", "B", "C"], metal=["Ni", "Co"]
    )
    total = mfa.array([100.0, 9.0], "t/yr", metal=["Ni", "Co"])
    found = mfa.reconcile(
        regional(),
        {
            "mine_to_trade": (mined, "10 %"),
            "world, another source": Observation(total, "2 %", of="mine_to_trade", sum=("origin",)),
            "A, another source": Observation(60.0, 6.0, of="mine_to_trade", at={"origin": "A", "metal": "Ni"}),
        },
    )  # fmt: skip
    mine, world = quantity(found, "mine_to_trade"), quantity(found, "world, another source")
    np.testing.assert_allclose(
        mine.value.sum("origin").sel(metal=["Ni", "Co"]),
        world.value.sel(metal=["Ni", "Co"]),
        rtol=1e-9,
    )
    own = mine.value.sel(origin="A", metal="Ni")
    assert 50 < float(own) < 60
    assert found.attrs["degrees_of_freedom"] == 3
    assert (mine.standard_uncertainty <= mine.measured_uncertainty).all()


def test_labels_that_are_left_out_are_not_measured() -> None:
    part = mfa.array([50.0, 30.0], "t/yr", origin=["C", "A"]).expand_dims(metal=["Ni"])
    found = mfa.reconcile(regional(), {"mine_to_trade": (part, 5.0)})
    mine = quantity(found, "mine_to_trade")
    assert found.sizes["metal"] == 1
    assert mine.measured.sel(origin="C").item() == 50.0
    assert mine.status.sel(origin="B").item() == "undeterminable"


def test_a_shipped_system_with_places_is_reconciled_by_metal_and_year() -> None:
    scenario = mfa.read_scenario(SHIPPED / "reference.yaml")
    run = mfa.run(scenario).sel(year=[2020, 2021])
    names = (
        "mine_to_ore",
        "ore_to_refine",
        "refine_to_supply",
        "refine_to_tailings",
        "supply_to_metal",
    )
    random = np.random.default_rng(0)
    observed = {
        n: ((run[n] * random.normal(1, 0.03, run[n].shape)).clip(0), 0.05 * abs(run[n]) + 1)
        for n in names
    }
    found = mfa.reconcile(scenario, observed)
    assert found["value"].dims == ("year", "material", "item")
    values = {n: quantity(found, n).value for n in names}
    mined, traded = (
        values[n].sum(d)
        for n, d in (("mine_to_ore", "mine_country"), ("ore_to_refine", "refine_country"))
    )
    np.testing.assert_allclose(mined, traded, rtol=1e-9)
    implied = coefficients(scenario, found)
    truth = run.mine_to_ore / run.mine_to_ore.sum("mine_country")
    off = (implied.mine_share - truth).where(run.mine_to_ore > 1e3)
    assert float(abs(off).max()) < 0.1
    np.testing.assert_allclose(implied.mine_share.sum("mine_country"), 1.0, rtol=1e-9)


# -------------------------------------------------------------- gross errors


def test_a_gross_error_is_found_and_left_out() -> None:
    observed = {
        "use_to_waste": (100, 2),
        "waste_to_recycled": (40, 2),
        "waste_to_landfill": (60, 2),
        "twice": Observation(80, 2, of="use_to_waste"),
        "thrice": Observation(101, 2, of="use_to_waste"),
    }
    found = mfa.reconcile(system(), observed)
    assert found.attrs["suspect"] == "twice"
    cleaned = mfa.reconcile(system(), observed, eliminate=True)
    assert cleaned.eliminated.item() == "twice"
    assert one(cleaned, "twice")[2] == "eliminated"
    assert one(cleaned, "use_to_waste")[0] == pytest.approx(100, abs=1)
    assert quantity(cleaned, "twice").adjustment > 18
    assert cleaned.attrs["p_value"] > 0.05
    assert cleaned.attrs["suspect"] == ""


@pytest.mark.parametrize("eliminate", [False, True])
def test_two_that_stand_together_cannot_be_told_apart(eliminate: bool) -> None:
    observed = {"sea_to_harbour": (5, 0.1), "harbour_to_inland": (6, 0.1)}
    found = mfa.reconcile(system(), observed, eliminate=eliminate)
    assert found.attrs["suspect"] == "cannot be told: harbour_to_inland; sea_to_harbour"
    assert one(found, "sea_to_harbour")[0] == pytest.approx(5.5)
    if eliminate:
        assert found.eliminated.item() == ""


# -------------------------------------------------------------- other laws of the data


def test_lognormal_data_stay_above_zero_and_consistent_ones_unchanged() -> None:
    wide = Observation(10, 8, distribution="lognormal")
    found = mfa.reconcile(system(), {"sea_to_harbour": wide, "harbour_to_inland": (10, 2)})
    assert one(found, "sea_to_harbour")[0] == pytest.approx(10)
    pulled = mfa.reconcile(system(), {"sea_to_harbour": wide, "harbour_to_inland": (1, 0.5)})
    x = one(pulled, "sea_to_harbour")[0]
    s2 = np.log(1 + 0.8**2)
    assert np.log(x / 10) / s2 / x + (x - 1) / 0.25 == pytest.approx(0, abs=1e-8)  # the slope of χ²
    assert x > 0


def test_correlated_data_share_their_error() -> None:
    pair = {"sea_to_harbour": (100, 10), "harbour_to_inland": (110, 10)}
    names = ("sea_to_harbour", "harbour_to_inland")
    found = mfa.reconcile(system(), pair, correlation={names: 0.5})
    assert one(found, names[0])[:2] == pytest.approx((105, np.sqrt(75)))
    assert found.attrs["chi2"] == pytest.approx(1.0)
    free = mfa.reconcile(system(), pair)
    assert one(free, names[0])[1] < one(found, names[0])[1]


def test_a_common_error_of_all_places() -> None:
    mined = mfa.array([50.0, 30.0, 10.0], "t/yr", origin=["A", "B", "C"]).expand_dims(metal=["Ni"])
    observed = {
        "mine_to_trade": (mined, 5.0),
        "world": Observation(
            mfa.array([100.0], "t/yr", metal=["Ni"]), 0.0, of="mine_to_trade", sum="origin"
        ),
    }
    apart = quantity(mfa.reconcile(regional(), observed), "mine_to_trade")
    linked = {("mine_to_trade", "mine_to_trade"): 0.9}
    joint = quantity(mfa.reconcile(regional(), observed, correlation=linked), "mine_to_trade")
    for found in (apart, joint):
        np.testing.assert_allclose(found.adjustment, 10 / 3)
    assert (joint.standard_uncertainty < 0.5 * apart.standard_uncertainty).all()


# -------------------------------------------------------------- bounds


def test_bounds_keep_flows_at_zero_and_balances_exact() -> None:
    observed = {"use_to_waste": (10, 5), "waste_to_recycled": (20, 2), "waste_to_landfill": (1, 5)}
    free = mfa.reconcile(system(), observed)
    assert free.attrs["outside_bounds"] == 1
    found = mfa.reconcile(system(), observed, bounds=True)
    assert one(found, "waste_to_landfill")[0] == 0.0
    assert one(found, "use_to_waste")[0] == pytest.approx((10 / 25 + 20 / 4) / (1 / 25 + 1 / 4))
    assert one(found, "use_to_waste")[0] == pytest.approx(
        one(found, "waste_to_recycled")[0], rel=1e-12
    )
    assert found.attrs["chi2"] > free.attrs["chi2"]


def test_bounds_of_what_nobody_measured_and_of_shares() -> None:
    found = mfa.reconcile(
        system(), {"use_to_waste": (10, 5), "waste_to_recycled": (20, 2)}, bounds=True
    )
    assert one(found, "waste_to_landfill")[0] == pytest.approx(0.0, abs=1e-9)
    share = mfa.reconcile(
        system(),
        {"use_to_waste": (10, 1), "waste_to_recycled": (20, 2), "collected": (0.9, 0.1)},
        bounds=True,
    )
    assert one(share, "collected")[0] == pytest.approx(1.0)
    assert one(share, "use_to_waste")[0] == pytest.approx(12.0)


def test_bounds_are_the_optimum_of_a_general_solver() -> None:
    """Random balances whose free answer is negative: the same sum of squares as SLSQP finds."""
    from scipy.optimize import minimize

    random = np.random.default_rng(4)
    reached = 0
    for _ in range(20):
        matrix = random.choice([-1.0, 0.0, 1.0], (3, 8), p=[0.25, 0.5, 0.25])
        data, sd = random.uniform(0, 3, (1, 8)), random.uniform(0.5, 3, (1, 8))
        low, high = np.zeros(8), np.full(8, np.inf)
        free = adjust(matrix, data, sd)
        found = within(free, matrix, data, sd, low, high)
        reached += bool((free.value < 0).any())
        assert (found.value >= 0).all()
        assert np.abs(matrix @ found.value[0]).max() < 1e-9

        def square(x: Any, data: Any = data, sd: Any = sd) -> float:
            return float((((x - data[0]) / sd[0]) ** 2).sum())

        best = minimize(
            square, np.maximum(free.value[0], 0), method="SLSQP", bounds=[(0, None)] * 8,
            constraints={"type": "eq", "fun": lambda x, m=matrix: m @ x}, options={"ftol": 1e-12},
        )  # fmt: skip
        assert found.chi2[0] <= best.fun * (1 + 1e-6) + 1e-8
    assert reached >= 5


def test_bounds_are_those_of_osqp() -> None:
    """With gaps, so that bounds of what nobody measured count: OSQP finds no smaller sum of squares."""
    osqp = pytest.importorskip("osqp")
    from scipy import sparse

    random = np.random.default_rng(8)
    for _ in range(15):
        matrix = random.choice([-1.0, 0.0, 1.0], (6, 16), p=[0.15, 0.7, 0.15])
        data, sd = random.uniform(0, 3, 16), random.uniform(0.5, 3, 16)
        data[random.random(16) < 0.4] = np.nan
        low, high = np.zeros(16), np.full(16, np.inf)
        found = within(
            adjust(matrix, [data], sd), matrix, data[None], np.tile(sd, (1, 1)), low, high
        )
        weight = np.where(np.isnan(data), 0.0, sd**-2.0)
        solver = osqp.OSQP()
        solver.setup(
            sparse.diags(weight, format="csc"), -weight * np.nan_to_num(data),
            sparse.csc_matrix(np.vstack([matrix, np.eye(16)])), np.zeros(22),
            np.concatenate([np.zeros(6), high]), verbose=False, eps_abs=1e-9, eps_rel=1e-9,
            max_iter=100_000, polishing=True,
        )  # fmt: skip
        x = solver.solve(raise_error=True).x
        theirs = np.nansum(((x - data) / sd) ** 2)
        assert found.chi2[0] == pytest.approx(theirs, rel=1e-5, abs=1e-6)
        known = ~np.isnan(found.value[0])
        assert (found.value[0][known] >= 0).all()


def flows_between(random: Any, processes: int, flows: int) -> Any:
    """Return balances of flows that lead from process to process or beyond them."""
    matrix = np.zeros((processes, flows))
    for flow in range(flows):
        source, target = random.choice(processes + 4, 2, replace=False)
        if source < processes:
            matrix[source, flow] -= 1
        if target < processes:
            matrix[target, flow] += 1
    return matrix


@pytest.mark.parametrize("kind", ["few at a bound", "many", "none", "all but one is 0", "ties"])
def test_bounds_meet_the_conditions_of_kuhn_and_tucker(kind: str) -> None:
    """(x − d) / s² = A' f + z with z ≥ 0 at a bound, 0 inside: to 1e-8, degenerate ones too."""
    from scipy.optimize import lsq_linear

    random = np.random.default_rng(5)
    for _ in range(8):
        matrix = flows_between(random, 7, 24)
        truth = random.uniform(1, 10, 24) * (random.random(24) < (0.4 if kind == "many" else 0.9))
        sd = 10.0 ** random.uniform(-1, 1, 24)
        data = np.maximum(truth + sd * random.normal(size=24), 0.0)
        if kind == "none":
            loop = np.linalg.svd(matrix)[2][-10:]  # flows that balance, and far from 0
            data = 100 + np.abs(loop).sum(axis=0)
            data, sd = adjust(matrix, data, np.ones(24)).value, np.full(24, 0.01)
            data = np.maximum(data, 0.0)
        elif kind == "all but one is 0":
            data = np.where(np.arange(24) == 0, 5.0, 0.0)
        elif kind == "ties":
            data, sd = np.round(data), np.ones(24)
        low, high = np.zeros(24), np.full(24, np.inf)
        free = adjust(matrix, data[None], sd)
        found = within(free, matrix, data[None], sd[None], low, high)
        x = found.value[0]
        size = max(float(x.max()), 1e-9)
        assert (x >= 0).all() and np.abs(matrix @ x).max() <= 1e-11 * size
        pull = (x - data) / sd**2
        at = x <= 1e-12 * size
        system = np.hstack([matrix.T, np.eye(24)[:, at]]) * sd[:, None]
        least = np.concatenate([np.full(7, -np.inf), np.zeros(int(at.sum()))])
        left = lsq_linear(system, pull * sd, (least, np.inf), method="bvls", tol=1e-15)
        assert np.abs(left.fun).max() < 1e-8 * max(1.0, np.abs(pull * sd).max())


def test_forces_and_the_interior_point_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two methods that share nothing but the problem; cells in one call, entries few or all."""
    from mfa.reconciliation import bounded, dual_newton

    random = np.random.default_rng(11)
    matrix = flows_between(random, 12, 40)
    data, sd = random.uniform(0, 4, (30, 40)), random.uniform(0.5, 3, (30, 40))
    low, high = np.zeros(40), np.full(40, 6.0)
    free = adjust(matrix, data, sd)
    arguments = (free, matrix, data, sd, low, high)
    forces = within(*arguments)
    assert ((forces.value == 0).sum(axis=1) > 0).all() and (forces.value <= 6).all()
    monkeypatch.setattr(dual_newton, "LARGE", 0)
    few = within(*arguments)
    np.testing.assert_allclose(few.value, forces.value, rtol=1e-9, atol=1e-10)
    monkeypatch.setattr(bounded, "forced", lambda *_: None)
    interior = within(*arguments)
    np.testing.assert_allclose(interior.chi2, forces.chi2, rtol=1e-8)
    np.testing.assert_allclose(interior.value, forces.value, atol=1e-4)
    assert (forces.chi2 <= interior.chi2 * (1 + 1e-9)).all()


def test_what_is_within_its_bounds_is_left_alone() -> None:
    """Unmeasured flows whose bounds cannot be missed do not send the rest through the program."""
    from mfa.reconciliation import reduction

    matrix = np.array([[1.0, -1, -1, 0, 0], [0, 1, 0, -1, -1]])
    data, sd = np.array([[10.0, 6, 5, np.nan, np.nan]]), np.ones((1, 5))
    free = adjust(matrix, data, sd[0])
    bounds = np.zeros(5), np.full(5, np.inf)
    assert within(free, matrix, data, sd, *bounds) is not free
    np.testing.assert_array_equal(within(free, matrix, data, sd, *bounds).value, free.value)
    small = reduction.reduced(matrix, np.zeros(2), ~np.isnan(data[0]), *bounds)
    assert small.rows.tolist() == [0] and not small.slack.size


def test_two_unmeasured_outlets_leave_no_less_than_nothing() -> None:
    """a + b leave c + d, which nobody measured: b may not fall below −a."""
    matrix = np.array([[1.0, -1, -1, -1]])  # in, seen out, two unseen out
    data, sd = np.array([[10.0, 14, np.nan, np.nan]]), np.array([[1.0, 1, 0, 0]])
    free = adjust(matrix, data, sd[0])
    found = within(free, matrix, data, sd, np.zeros(4), np.full(4, np.inf))
    np.testing.assert_allclose(found.value[0, :2], 12.0, atol=1e-6)
    assert float(found.chi2[0]) == pytest.approx(8.0, rel=1e-6)
    assert np.isnan(found.value[0, 2:]).all()


def test_what_no_values_can_satisfy_is_refused() -> None:
    with pytest.raises(mfa.MfaError, match="no values within the bounds"):
        mfa.reconcile(
            system(), {"use_to_waste": (10, 0), "waste_to_recycled": (20, 0)}, bounds=True
        )


# -------------------------------------------------------------- handing over


def test_draws_satisfy_the_balances_and_have_the_covariance() -> None:
    observed = {
        "use_to_waste": (100, 5),
        "waste_to_recycled": (40, 4),
        "waste_to_landfill": (50, 3),
    }
    found = mfa.reconcile(system(), observed, covariance=True)
    sample = draws(found, 4000, seed=1)
    into, left, right = (quantity(sample, n).value for n in observed)
    np.testing.assert_allclose(into, left + right, rtol=1e-9)
    assert float(into.std()) == pytest.approx(one(found, "use_to_waste")[1], rel=0.05)
    share = coefficients(system(), sample).collected
    assert share.dims == ("sample",)
    middle = coefficients(system(), found).collected
    assert float(share.mean()) == pytest.approx(float(middle), rel=0.01)


def test_a_scenario_starts_from_reconciled_coefficients() -> None:
    scenario = mfa.read_scenario(SHIPPED / "reference.yaml")
    run = mfa.run(scenario).sel(year=[2021, 2022])
    names = ("recycle_to_hydrometallurgy", "hydrometallurgy_to_metal", "hydrometallurgy_to_residue")
    observed = {n: (run[n], 0.1 * abs(run[n]) + 1) for n in names}
    implied = coefficients(scenario, mfa.reconcile(scenario, observed))
    assert "hydrometallurgy_yield" in implied
    np.testing.assert_allclose(
        implied.hydrometallurgy_yield,
        scenario_value(scenario, "hydrometallurgy_yield", implied),
        atol=1e-9,
    )


def scenario_value(scenario: Any, name: str, like: xr.Dataset) -> xr.DataArray:
    whole = mfa.build_parameters(scenario)[name]
    return whole.sel(year=like.year).transpose(*like[name].dims)


# -------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("observed", "message"),
    [
        ({"mine_to_refin": (1, 1)}, 'Did you mean "mine_to_refine"'),
        ({"mine_to_refine": 5}, "mine_to_refine: a int is no observation; write (value, standard uncertainty)"),
        ({"mine_to_refine": (-5, 1)}, "mine_to_refine: -5; a flow has one direction"),
        ({"mine_to_refine": (5, -1)}, "mine_to_refine: -1; a standard uncertainty is 0 (exact) or more"),
        ({"mine_to_refine": (5, np.inf)}, "a standard uncertainty is 0 (exact) or more, and finite"),
        ({"mine_to_refine": (np.nan, 1)}, "say missing='unmeasured'"),
        ({"mine_to_refine": ("5", 1)}, "it has to be a number or a labelled array"),
        ({"mine_to_refine": (0, "5 %")}, "a relative uncertainty would make it exact"),
        ({"mine_to_refine": (5, "5 kt")}, "as a text an uncertainty is relative"),
        ({"collected": (1.5, 0.1)}, "collected: 1.5; a share lies between 0 and 1"),
        ({"demand": (5, 1)}, "'demand' is a parameter that no split, make or trade uses"),
        ({"sea_to_harbour": (5, 0), "harbour_to_inland": (6, 0)}, "contradict a balance: 'harbour_to_inland' = 6, 'sea_to_harbour' = 5, off by 1"),
        ({"mine_to_refine": (5, 1), "refine_to_use": (mfa.array([1.0], "t/yr", year=[2020]), 1)}, "mine_to_refine: has no year, while others have"),
        ({"use_stock": (mfa.array([1.0, 2.0], "t", year=[2020, 2022]), 1)}, "broken after [2020]"),
        ({"use_stock": (mfa.array([1.0], "t/yr", year=[2020]), 1)}, "use_stock: is in t/yr, wanted is t"),
        ({"mine_to_refine": (mfa.array([1.0], "t/yr", region=["A"]), 1)}, "has the dimension 'region'"),
        ({"mine_to_refine": Observation(0, 1, distribution="lognormal")}, "a lognormal value is above 0"),
        ({"mine_to_refine": Observation(1, 1, distribution="weibull")}, "(known: lognormal, normal)"),
        ({"mine_to_refine": Observation(1, 1, sum=("region",))}, "needs a name of its own"),
        ({"x": Observation(1, 1, of="nope")}, "is what 'x' is observed of"),
        ({"use_to_waste": Observation(1, 1, of="mine_to_refine")}, "is a name of the system; call it otherwise"),
    ],
)  # fmt: skip
def test_refuses_with_one_message(observed: Any, message: str) -> None:
    with pytest.raises(mfa.MfaError) as told:
        mfa.reconcile(system(), observed)
    assert message in str(told.value)


def test_refuses_totals_that_are_not_said_to_be() -> None:
    total = mfa.array([90.0], "t/yr", metal=["Ni"])
    with pytest.raises(mfa.MfaError, match=r"lacks the dimension origin; if it is a total over it"):
        mfa.reconcile(regional(), {"mine_to_trade": (total, 5)})
    wrong = mfa.array([[90.0]], "t/yr", metal=["Ni"], origin=["D"])
    with pytest.raises(mfa.MfaError, match="dimension 'origin' has no label 'D'"):
        mfa.reconcile(regional(), {"mine_to_trade": (wrong, 5)})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 95}, "between 0 and 1"),
        ({"missing": "drop"}, "(known: raise, unmeasured)"),
        ({"correlation": {("sea_to_harbour", "nope"): 0.5}}, "nothing is called 'nope'"),
        ({"correlation": {("sea_to_harbour", "harbour_to_inland"): 2}}, "not in [−1, 1]"),
        ({"correlation": {("sea_to_harbour", "harbour_to_inland"): 1.0}}, "correlated by 1 or −1"),
    ],
)
def test_refuses_options(options: Any, message: str) -> None:
    observed = {"sea_to_harbour": (5, 1), "harbour_to_inland": (6, 1)}
    with pytest.raises(mfa.MfaError) as told:
        mfa.reconcile(system(), observed, **options)
    assert message in str(told.value)


def test_refuses_what_is_no_system_or_no_result() -> None:
    with pytest.raises(mfa.MfaError, match="wants a System, a Plan or a Scenario"):
        mfa.reconcile("system.yaml", {})  # type: ignore[arg-type]
    found = mfa.reconcile(system(), {"sea_to_harbour": (5, 1)})
    with pytest.raises(mfa.MfaError, match="nothing was reconciled as 'sea'"):
        quantity(found, "sea")
    with pytest.raises(mfa.MfaError, match="need the covariance"):
        draws(found, 3, seed=1)
    with pytest.raises(mfa.MfaError, match="do not fit a matrix"):
        adjust([[1, -1]], [1, 2, 3], [1, 1, 1])
    with pytest.raises(mfa.MfaError, match="hang together"):
        mfa.reconcile(large(), {"rate": (0.5, 0.1)})


def large() -> mfa.System:
    """One coefficient for everything ties all places, goods and colours to each other."""
    dims = {"place": [str(i) for i in range(80)], "good": [str(i) for i in range(60)]}
    return mfa.System(
        title="Large",
        dimensions=dims,
        parameters={
            "gives": {"dims": ["year", *dims], "unit": "t/yr"},
            "rate": {},
        },
        processes={
            "mine": {"rule": "source", "gives": "gives", "to": "split"},
            "split": {"rule": "split", "shares": {"left": "rate", "right": "rest"}},
            "left": {"rule": "sink", "sum": ["good"]},
            "right": {"rule": "sink"},
        },
    )


def test_few_entries_and_all_entries_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    matrix = np.zeros((30, 70))
    for arrow in range(70):
        a, b = random.choice(34, 2, replace=False)
        if a < 30:
            matrix[a, arrow] -= 1
        if b < 30:
            matrix[b, arrow] += 1
    data = random.uniform(1, 100, (25, 70))
    data[:, ::9] = np.nan
    sd = random.uniform(1, 10, 70)
    dense = adjust(matrix, data, sd)
    monkeypatch.setattr(core, "LARGE", 0)
    sparse = adjust(matrix, data, sd)
    for name in ("value", "standard_uncertainty", "standardised", "chi2", "p_value"):
        np.testing.assert_allclose(
            getattr(sparse, name), getattr(dense, name), rtol=1e-7, atol=1e-9
        )


def test_the_posterior_of_a_split_is_conjugate() -> None:
    prior = reconciliation.Dirichlet([2.0, 3.0, 5.0])
    after = prior.update([10, 0, 30])
    assert after.alpha.tolist() == [12.0, 3.0, 35.0]
    drawn = after.sample(20_000, seed=1)
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0)
    np.testing.assert_allclose(drawn.mean(axis=0), after.shares, atol=0.003)
    np.testing.assert_allclose(drawn.std(axis=0), after.standard_deviation, rtol=0.03)
    with pytest.raises(mfa.MfaError, match="two or more numbers above 0"):
        reconciliation.Dirichlet([1.0, 0.0])
    with pytest.raises(mfa.MfaError, match="counts are 3 numbers"):
        prior.update([1, -1, 2])


def test_what_is_sent_abroad_arrives_abroad() -> None:
    """A receiver that reads one place as another balances there (CONVENTIONS: trade that sends)."""
    system = mfa.System(
        title="Used cars",
        dimensions={"region": ["A", "B"], "to_region": ["A", "B"]},
        parameters={
            "retired": {"dims": ["year", "region"], "unit": "t/yr"},
            "where": {"dims": ["region", "to_region"], "sums": "to_region"},
        },
        processes={
            "fleet": {"rule": "source", "gives": "retired", "to": "export"},
            "export": {"rule": "trade", "to": "yard", "shares": "where"},
            "yard": {
                "rule": "split",
                "sum": ["region"],
                "as": {"to_region": "region"},
                "shares": {"scrap": "rest"},
            },
            "scrap": {"rule": "sink"},
        },
    )
    years = [2020]
    flows = {
        "fleet_to_export": (["year", "region"], [[10.0, 4.0]]),
        "export_to_yard": (["year", "region", "to_region"], [[[1.0, 9.0], [0.0, 4.0]]]),
        "yard_to_scrap": (["year", "region"], [[1.0, 14.0]]),
    }
    coords = {"year": years, "region": ["A", "B"], "to_region": ["A", "B"]}
    data = xr.Dataset(flows).assign_coords(coords).map(lambda v: v.assign_attrs(units="t/yr"))
    seen = {name: (data[name], 0.1 + 0 * data[name]) for name in data.data_vars}
    found = mfa.reconcile(system, seen)
    left, arrived = (quantity(found, name)["value"] for name in ("export_to_yard", "yard_to_scrap"))
    np.testing.assert_allclose(
        left.sum("region").transpose("year", ...), arrived.transpose("year", ...), atol=1e-9
    )
    assert float(arrived.sel(region="B").squeeze()) < 14.0  # 13 left for B, 14 came

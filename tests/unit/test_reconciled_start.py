"""A scenario that starts from reconciled data: joint draws, a file, the manifest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import reconciliation
from mfa.reconciliation import coefficients, draws


def mines(folder: Any) -> Any:
    """Return a scenario of three mines, of which two feed a refinery that loses some."""
    (folder / "system.yaml").write_text(
        "title: Mines\n"
        "dimensions: {origin: [A, B, C], metal: [Ni, Co]}\n"
        "parameters:\n"
        "  demand: {dims: [year, metal], unit: t/yr}\n"
        "  mine_share: {dims: [origin, metal], unit: 1, min: 0, max: 1, sums: origin}\n"
        "  refining_yield: {dims: [metal], unit: 1, min: 0, max: 1}\n"
        "processes:\n"
        "  mine: {rule: source}\n"
        "  ore: {rule: trade, from: mine, shares: mine_share}\n"
        "  refine: {rule: make, from: ore, sum: [origin], yield: refining_yield, loss_to: tailings}\n"
        "  tailings: {rule: sink}\n"
        "  use: {rule: sink, takes: demand, from: refine}\n"
    )
    (folder / "base.yaml").write_text(
        "title: Base\nsystem: system.yaml\nyears: [2020, 2022]\nset:\n"
        "  demand: 90 t/yr\n  mine_share: {A: 0.5, B: 0.3, C: rest}\n  refining_yield: 0.9\n"
    )
    return mfa.read_scenario(folder / "base.yaml")


def seen_at_mines() -> dict[str, Any]:
    labels = {"origin": ["A", "B", "C"], "metal": ["Ni", "Co"]}
    mined = mfa.array([[60.0, 55], [30, 35], [20, 8]], "t/yr", **labels)
    one = {"metal": ["Ni", "Co"]}
    return {
        "mine_to_ore": (mined, mfa.array([[4.0, 3], [2, 3], [2, 1.5]], "t/yr", **labels)),
        "refine_to_use": (mfa.array([92.0, 85.0], "t/yr", **one), 3.0),
        "refine_to_tailings": (mfa.array([12.0, 9.0], "t/yr", **one), 1.0),
    }


def drawn_values(parameters: Any, names: Any) -> Any:
    """Return the draws of names such as a[b=c, d=e], (draw, sample)."""
    found = []
    for name in names:
        parameter, _, inner = name.rstrip("]").partition("[")
        found.append(parameters[parameter].sel(dict(p.split("=") for p in inner.split(", "))))
    return np.array([one.values for one in found])


def test_ensembles_start_from_the_joint_covariance_of_reconciled_data(tmp_path: Any) -> None:
    scenario = mines(tmp_path)
    found = mfa.reconcile(scenario, seen_at_mines(), covariance=True)
    begun = reconciliation.start(scenario, found)
    assert {n.partition("[")[0] for n in begun.names} == {"mine_share", "refining_yield"}
    sd = np.sqrt(np.diag(begun.covariance))
    wanted = begun.covariance / np.outer(sd, sd)
    assert np.abs(wanted - np.eye(len(sd))).max() > 0.2  # they do hang together

    # first order against draws of the flows themselves, turned into coefficients
    flows = coefficients(scenario, draws(found, 10_000, seed=2))
    exact = drawn_values(flows, begun.names)
    np.testing.assert_allclose(exact.std(axis=1), sd, rtol=0.06)
    np.testing.assert_allclose(np.corrcoef(exact), wanted, atol=0.05)
    np.testing.assert_allclose(exact.mean(axis=1), begun.values, atol=0.05 * sd.max())

    # and what a run draws
    changed = begun.scenario()
    parameters = mfa.build_parameters(changed, samples=10_000, seed=1)
    ours = drawn_values(parameters, begun.names)
    np.testing.assert_allclose(ours.std(axis=1), sd, rtol=0.03)
    np.testing.assert_allclose(np.corrcoef(ours), wanted, atol=0.03)
    shares = parameters.mine_share
    np.testing.assert_allclose(shares.sum("origin"), 1.0, atol=1e-12)
    assert float(shares.min()) >= 0
    run = mfa.run(changed, samples=50, seed=1)
    assert float(run.mine_to_ore.std("sample").max()) > 0


def test_a_start_is_a_file_and_stands_in_the_manifest(tmp_path: Any) -> None:
    scenario = mines(tmp_path)
    found = mfa.reconcile(scenario, seen_at_mines(), covariance=True)
    begun = reconciliation.start(scenario, found)
    begun.write(tmp_path / "begun.yaml", "base")
    read = mfa.read_scenario(tmp_path / "begun.yaml")
    one, other = (mfa.run(s, samples=40, seed=3) for s in (begun.scenario("begun"), read))
    np.testing.assert_allclose(one.mine_to_ore, other.mine_to_ore, rtol=1e-9)
    mfa.save(one, tmp_path / "out")
    again = mfa.read_scenario(tmp_path / "out" / "manifest.yaml")
    assert again.correlation is not None and again.correlation.of == begun.names
    xr.testing.assert_equal(mfa.run(again, samples=40, seed=3).mine_to_ore, one.mine_to_ore)


def test_a_start_refuses_what_it_cannot_hand_over(tmp_path: Any) -> None:
    scenario = mines(tmp_path)
    found = mfa.reconcile(scenario, seen_at_mines(), covariance=True)
    with pytest.raises(mfa.MfaError, match=r"'mine_shar' is no coefficient .*mine_share"):
        reconciliation.start(scenario, found, "mine_shar")
    with pytest.raises(mfa.MfaError, match="takes the covariance"):
        reconciliation.start(scenario, mfa.reconcile(scenario, seen_at_mines()))
    begun = reconciliation.start(scenario, found)
    with pytest.raises(mfa.MfaError, match="a correlation of its own"):
        reconciliation.start(begun.scenario(), found).scenario()
    years = {
        name: (value.expand_dims(year=[2020, 2021]), sd)
        for name, (value, sd) in seen_at_mines().items()
    }
    yearly = mfa.reconcile(scenario, years, covariance=True)
    with pytest.raises(mfa.MfaError, match=r"choose one: result.sel\(year=2024\)"):
        reconciliation.start(scenario, yearly)
    assert len(reconciliation.start(scenario, yearly.sel(year=2021)).names) == len(begun.names)


def test_a_share_beyond_its_bounds_is_not_handed_over(tmp_path: Any) -> None:
    scenario = mines(tmp_path)
    observed = seen_at_mines() | {
        "mine_to_ore": (
            mfa.array(
                [[90.0, 90], [90, 90], [1, 1]], "t/yr", origin=["A", "B", "C"], metal=["Ni", "Co"]
            ),
            mfa.array(
                [[1.0, 1], [1, 1], [90, 90]], "t/yr", origin=["A", "B", "C"], metal=["Ni", "Co"]
            ),
        )
    }
    found = mfa.reconcile(scenario, observed, covariance=True)
    with pytest.raises(mfa.MfaError, match="which no share is: reconcile with bounds=True"):
        reconciliation.start(scenario, found)


def test_a_yield_at_its_bound_is_drawn_on_one_side_of_it(tmp_path: Any) -> None:
    scenario = mines(tmp_path)
    labels = {"metal": ["Ni", "Co"]}
    seen = seen_at_mines() | {
        "refine_to_use": (mfa.array([130.0, 120.0], "t/yr", **labels), 1.0),
        "refine_to_tailings": (mfa.array([1.0, 1.0], "t/yr", **labels), 1.0),
    }
    found = mfa.reconcile(scenario, seen, covariance=True, bounds=True)
    begun = reconciliation.start(scenario, found)
    told = begun.written["refining_yield"]["metal"]["Co"]
    assert told["value"] > 1 - 1e-6 and told["normal"][1] > 1e-3
    run = mfa.run(begun.scenario(), samples=40, seed=1)
    made = mfa.build_parameters(begun.scenario(), samples=40, seed=1).refining_yield
    assert float(made.max()) <= 1 and float(made.sel(metal="Co").std()) > 0
    assert run.attrs["balance_residual"] < 1e-9


def test_a_start_from_something_else_is_refused(tmp_path: Any) -> None:
    with pytest.raises(mfa.MfaError, match="starts from the Dataset"):
        reconciliation.start(mines(tmp_path), None)  # type: ignore[arg-type]

"""Reconciliation: one system of 60 processes, and the shipped system over all years and minerals.

python -m tests.bench.reconciliation
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import mfa
from mfa.reconciliation import adjust
from mfa.reconciliation.bounded import within

from .fits import Row, seconds

SCENARIO = Path(__file__).parents[2] / "scenarios" / "reference.yaml"
SUPPLY = ("mine_to_ore", "ore_to_refine", "refine_to_supply", "refine_to_tailings")
USE = ("metal_to_fabricate", "fabricate_to_products", "fabricate_to_assemble", "scrap_to_metal")


def network(processes: int, flows: int) -> tuple[Any, Any, Any]:
    """Return random balances, data of which a fifth is missing, and uncertainties."""
    random = np.random.default_rng(0)
    matrix = np.zeros((processes, flows))
    for flow in range(flows):
        source, target = random.choice(processes + 20, 2, replace=False)
        if source < processes:
            matrix[source, flow] -= 1
        if target < processes:
            matrix[target, flow] += 1
    data = random.uniform(1, 100, flows)
    data[random.random(flows) < 0.2] = np.nan
    return matrix, data, np.full(flows, 5.0)


def observed(names: Any) -> tuple[Any, dict[str, Any]]:
    """Return the shipped system and its reference run, 1975 to 2050, disturbed by 5 %."""
    scenario = mfa.read_scenario(SCENARIO)
    run = mfa.run(scenario).sel(year=slice(1975, 2050))
    random = np.random.default_rng(1)
    found = {}
    for name in names:
        value = run[name]
        sd = 0.05 * abs(value) + 10
        found[name] = ((value + sd * random.normal(size=value.shape)).clip(0), sd)
    return mfa.plan(scenario), found


def rows() -> Iterator[Row]:
    """Yield what was measured, as found, limit, and whether it holds."""
    (one,) = seconds(lambda: adjust(*network(60, 200)), rounds=15)
    (built,) = seconds(lambda: network(60, 200), rounds=15)
    one -= built
    yield "reconcile: 60 processes, 200 flows", f"{one * 1e3:.1f} ms", "10 ms", one <= 0.010
    matrix, gaps, sd = network(60, 200)
    random = np.random.default_rng(3)
    whole = np.where(np.isnan(gaps), 5.0, gaps)
    little = np.abs(random.normal(0, 10, 200))
    low, high = np.zeros(200), np.full(200, np.inf)
    for label, data in {
        "a fifth not measured": gaps,
        "all measured": whole,
        "all measured, most near 0": little,
    }.items():

        def plain_one(data: Any = data) -> Any:
            return adjust(matrix, data[None], sd)

        def held_one(data: Any = data) -> Any:
            return within(plain_one(data), matrix, data[None], sd[None], low, high)

        at = int((held_one().value == 0).sum())
        plain, held = seconds(plain_one, held_one, rounds=15)
        told = f"    with bounds, {label}: {at} of 200 at 0"
        yield told, f"{held / plain:.1f} x", "50 ms", held <= 0.050
    plan = observed(())[0]
    cases = {
        "eight flows of the shipped system": (*SUPPLY, *USE),
        "all its flows": tuple(plan.flows),
    }
    for label, names in cases.items():
        system, data = observed(names)

        def free(system: Any = system, data: Any = data) -> Any:
            return mfa.reconcile(system, data)

        def bounded(system: Any = system, data: Any = data) -> Any:
            return mfa.reconcile(system, data, bounds=True)

        plain, held = seconds(free, bounded, rounds=3)
        yield f"  {label}, 76 years × 6 minerals", f"{plain:.2f} s", "1 s", plain <= 1.0
        yield "    with bounds", f"{held / plain:.1f} x", "5 x", held <= 5 * plain


if __name__ == "__main__":
    for what, found, limit, holds in rows():
        verdict = "" if holds is None else "holds" if holds else "MISSED"
        print(f"{what:<58}{found:>16}{limit:>12}  {verdict}")

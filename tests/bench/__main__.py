"""Print the table: ratios of medians, all measured in this run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import mfa

REPOSITORY = Path(__file__).parents[2]
ROUNDS = 40


def medians(*works: Callable[[], Any], rounds: int = ROUNDS) -> list[float]:
    """Return the median seconds of each piece of work, done in turns."""
    for work in works:
        work()
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, own in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work()
            own.append(time.perf_counter() - start)
    return [median(own) for own in seconds]


def row(what: str, found: str, limit: str = "", holds: bool | None = None) -> None:
    verdict = "" if holds is None else "holds" if holds else "MISSED"
    print(f"{what:<58}{found:>16}{limit:>12}  {verdict}")


def closed_cycle() -> None:
    try:
        from tests.bench import closed_cycle as cycle
    except ModuleNotFoundError as missing:
        row("closed cycle against flodym", f"no {missing.name}")
        return
    numbers = cycle.parameters()
    plan = mfa.plan(cycle.system())
    peers = [cycle.flodym_cycle(kind, numbers) for kind in (cycle.Cycle, cycle.LeanCycle)]
    worst = max(
        cycle.difference(mfa.simulate(plan, numbers), cycle.run_flodym(peer)) for peer in peers
    )
    row("closed cycle: worst difference from flodym", f"{worst:.1e}", "1e-9", worst <= 1e-9)
    own, same, lean = medians(
        lambda: mfa.simulate(plan, numbers),
        *(lambda peer=peer: cycle.run_flodym(peer) for peer in peers),
    )
    row("closed cycle: mfa, balance checked, labelled", f"{own * 1e3:.1f} ms")
    row("  flodym, the same system, by element", f"{same / own:.1f} x", "15 x", same >= 15 * own)
    row("  flodym, cohorts of products only", f"{lean / own:.1f} x", "15 x", lean >= 15 * own)


def cohorts() -> None:
    """Print the table of cohort stocks: times flodym, in numpy and compiled, bare and labelled."""
    try:
        from tests.bench import cohorts as table
    except ModuleNotFoundError as missing:
        row("cohort stocks against flodym", f"no {missing.name}")
        return
    variants = {"numpy": "0"} | ({"numba": "1"} if find_spec("numba") else {})
    print(
        f"\n{'cohort stocks, 151 years × 600 series: times flodym':<58}{'kernel':>20}{'labelled':>20}"
    )
    for work in [*table.many(), table.single(), table.samples()]:
        theirs = work.flodym()
        slow = 3 if work.name.startswith("10,000") else 9
        peer = [seconds(work.flodym) for _ in range(slow)]
        print(f"{work.name:<38}{'flodym':>20}{median(peer) * 1e3:>18.0f} ms")
        for place, (name, switch) in enumerate(variants.items()):
            os.environ["MFA_NUMBA"] = switch
            off = max(table.worst(ours(), theirs) for ours in (work.kernel, work.labelled))
            assert off <= 1e-12, f"{work.name}, {name}: differs from flodym by {off:.1e}"
            bare, named = medians(work.kernel, work.labelled)
            peer += [seconds(work.flodym)] if slow > 3 else []
            found = [
                (median(peer) / own, work.limits[place + 2 * i])
                for i, own in enumerate((bare, named))
            ]
            cells = "".join(
                f"{ratio:>9.0f}x {f'(≥ {limit})' if limit else '':<7}"
                + {None: "  ", True: "  ", False: " !"}[limit and ratio >= limit]
                for ratio, limit in found
            )
            peak = table.peak_beyond_results(work.labelled)
            print(f"    {name:<54}{cells}  peak beyond results {peak:.1f} MiB")
    del os.environ["MFA_NUMBA"]


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def reference() -> None:
    path = REPOSITORY / "scenarios" / "reference.yaml"
    (read,) = medians(lambda: mfa.read_scenario(path), rounds=3)
    scenario = mfa.read_scenario(path)
    parameters, plan = mfa.build_parameters(scenario), mfa.plan(scenario)

    def whole() -> None:
        mfa.simulate(mfa.plan(scenario), mfa.build_parameters(scenario))

    build, compiled, simulated, warm, run = medians(
        lambda: mfa.build_parameters(scenario),
        lambda: mfa.plan(scenario),
        lambda: mfa.simulate(plan, parameters),
        whole,
        lambda: mfa.run(scenario),
        rounds=15,
    )
    row("reference: read", f"{read * 1e3:.0f} ms")
    row("reference: build parameters", f"{build * 1e3:.1f} ms")
    row("reference: plan", f"{compiled * 1e3:.1f} ms")
    row("reference: simulate and check", f"{simulated * 1e3:.1f} ms", "20 ms", simulated <= 0.020)
    row("reference: build, plan, simulate, check", f"{warm * 1e3:.1f} ms", "150 ms", warm <= 0.150)
    row("reference: mfa.run, with provenance", f"{run * 1e3:.1f} ms")


def imports() -> None:
    def fresh(*words: str) -> Callable[[], Any]:
        return lambda: subprocess.run(
            [sys.executable, *words], cwd=REPOSITORY, check=True, capture_output=True
        )

    bare, package, used, labels, help_text = medians(
        fresh("-c", "pass"),
        fresh("-c", "import mfa"),
        fresh("-c", "import mfa; mfa.run"),
        fresh("-c", "import xarray"),
        fresh("-c", "from mfa.cli import main; main(['--help'])"),
        rounds=5,
    )
    row("import xarray", f"{labels * 1e3:.0f} ms")
    row("  python -c pass / import xarray", f"{bare / labels:.2f} x")
    row(
        "  import mfa / import xarray",
        f"{package / labels:.2f} x",
        "1.10 x",
        package <= 1.1 * labels,
    )
    row("  import mfa; mfa.run / import xarray", f"{used / labels:.2f} x")
    row("  mfa --help / import xarray", f"{help_text / labels:.2f} x")


if __name__ == "__main__":
    print(f"{'work':<58}{'found':>16}{'limit':>12}")
    closed_cycle()
    cohorts()
    reference()
    imports()

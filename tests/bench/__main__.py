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

import numpy as np

import mfa

REPOSITORY = Path(__file__).parents[2]
ROUNDS = 40


def medians(*works: Callable[[], Any], rounds: int = ROUNDS) -> list[float]:
    """Return the median seconds of each piece of work, warm, done in turns."""
    for work in works:
        work()
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, own in zip(works, seconds, strict=True):
            work()  # the one before it has taken the caches
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
    head = "cohort stocks, 151 years × 600 series: times flodym, best of many"
    print(f"\n{head:<66}{'kernel':>8}{'labelled':>21}{'MiB beside results':>29}")
    for work in [*table.many(), table.single(), table.samples()]:
        theirs = work.flodym()
        best = dict.fromkeys([(name, i) for name in variants for i in (0, 1)], np.inf)
        peer, peak = np.inf, {}
        for turn in range(2 if work.name.startswith("10,000") else 10):  # all in turns
            peer = min(peer, seconds(work.flodym))
            for name, switch in variants.items():
                os.environ["MFA_NUMBA"] = switch
                for i, ours in enumerate((work.kernel, work.labelled)):
                    if not turn:
                        off = table.worst(ours(), theirs)
                        assert off <= 1e-12, f"{work.name}, {name}: off flodym by {off:.1e}"
                        peak[name] = table.peak_beyond_results(work.labelled)
                    best[name, i] = min(best[name, i], *(seconds(ours) for _ in range(5)))
        print(f"{work.name:<58}{peer * 1e3:>9.0f} ms by flodym")
        for place, name in enumerate(variants):
            cells = ""
            for i in (0, 1):
                ratio, limit = peer / best[name, i], work.limits[place + 2 * i]
                verdict = "" if limit is None else f"≥ {limit}" + " MISSED" * (ratio < limit)
                cells += f"{ratio:>8.0f}x {verdict:<12}"
            print(f"    {name:<54}{cells}{peak[name]:>19.1f}")
    os.environ.pop("MFA_NUMBA", None)


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def reference() -> None:
    path = REPOSITORY / "scenarios" / "reference.yaml"
    (read,) = medians(lambda: mfa.read_scenario(path), rounds=3)
    scenario = mfa.read_scenario(path)
    parameters, plan = mfa.build_parameters(scenario), mfa.plan(scenario)

    result = mfa.simulate(plan, parameters).assign(parameters.data_vars)

    def whole() -> None:
        own, numbers = mfa.plan(scenario), mfa.build_parameters(scenario)
        mfa.assess(own, mfa.simulate(own, numbers).assign(numbers.data_vars))

    build, compiled, simulated, assessed, warm, run = medians(
        lambda: mfa.build_parameters(scenario),
        lambda: mfa.plan(scenario),
        lambda: mfa.simulate(plan, parameters),
        lambda: mfa.assess(plan, result),
        whole,
        lambda: mfa.run(scenario),
        rounds=15,
    )
    row("reference: read", f"{read * 1e3:.0f} ms")
    row("reference: build parameters", f"{build * 1e3:.1f} ms")
    row("reference: plan", f"{compiled * 1e3:.1f} ms")
    row("reference: simulate and check", f"{simulated * 1e3:.1f} ms", "20 ms", simulated <= 0.020)
    row("reference: assess", f"{assessed * 1e3:.1f} ms", "10 ms", assessed <= 0.010)
    row("reference: all of these", f"{warm * 1e3:.1f} ms", "150 ms", warm <= 0.150)
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


def growth_laws() -> None:
    from tests.bench import fits

    for measured in fits.rows():
        row(*measured)


def indicators() -> None:
    from tests.bench import indicators as table

    for measured in table.rows():
        row(*measured)


def samples() -> None:
    """Print what a sample costs: the reference, and the closed cycle against flodym in a loop."""
    try:
        from tests.bench import samples as table
    except ModuleNotFoundError as missing:
        row("samples against flodym", f"no {missing.name}")
        return
    for measured in table.rows():
        row(*measured)


def sample_costs() -> None:
    """Print cost against samples, years, series and processes, and a large model on paper."""
    from tests.bench import samples as table

    for measured in table.cost_rows():
        row(*measured)


def reconciliation() -> None:
    from tests.bench import reconciliation as table

    for measured in table.rows():
        row(*measured)


def shortages() -> None:
    from tests.bench import shortages as table

    for measured in table.rows():
        row(*measured)


PARTS = (
    closed_cycle,
    cohorts,
    growth_laws,
    indicators,
    reconciliation,
    reference,
    samples,
    shortages,
    imports,
)

if __name__ == "__main__":
    parts = (*PARTS, sample_costs) if "sample_costs" in sys.argv[1:] else PARTS
    print(f"{'work':<58}{'found':>16}{'limit':>12}")
    for part in parts:
        if len(sys.argv) == 1 or part.__name__ in sys.argv[1:]:
            part()

"""What capacities cost: a run in which they bind beside the same run without shock, in processor seconds.

python -m tests.bench.shortages
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import mfa
from mfa.runs import computed

Row = tuple[str, str, str, bool | None]
SCENARIOS = Path(__file__).parents[2] / "scenarios"
LIMIT = 5.0
NAMES = (
    "spare_mines", "cobalt_shock", "cobalt_shock_stockpile", "cobalt_shock_recycling",
    "indonesia_nickel",
)  # fmt: skip


def ratio(above: Callable[[], Any], below: Callable[[], Any], rounds: int = 7) -> float:
    """Return the median ratio of processor seconds, both done in turns, warm."""

    def seconds(work: Callable[[], Any]) -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    above()
    below()
    return median(seconds(above) / seconds(below) for _ in range(rounds))


def rows() -> Iterator[Row]:
    """Yield lines of the table: what, found, limit, whether it holds."""
    plain = mfa.read_scenario(SCENARIOS / "reference.yaml")
    compiled = mfa.plan(plain)
    for name in NAMES:
        shock = mfa.read_scenario(SCENARIOS / f"{name}.yaml")
        found = ratio(lambda shock=shock: computed(shock), lambda: computed(plain))
        yield (
            f"{name}: a run beside the reference",
            f"{found:.1f} x",
            f"{LIMIT:g} x",
            found <= LIMIT,
        )
        given, free = mfa.build_parameters(shock), mfa.build_parameters(plain)
        found = ratio(
            lambda given=given: mfa.simulate(compiled, given),
            lambda free=free: mfa.simulate(compiled, free),
        )
        what = f"  flows and stocks alone ({name})"
        yield what, f"{found:.1f} x", f"{LIMIT:g} x", found <= LIMIT


if __name__ == "__main__":
    for what, found, limit, holds in rows():
        print(f"{what:<58}{found:>10}{limit:>8}  {'' if holds is None else holds}")

"""The order of steps: what has to be known before what, and where a loop is cut open."""

from __future__ import annotations

from dataclasses import dataclass

from mfa.errors import MfaError
from mfa.steps import Step
from mfa.system import System


@dataclass(frozen=True)
class Part:
    """Steps that are executed together: one step, a loop, or a component by year."""

    kind: str
    steps: tuple[Step, ...]
    tears: tuple[str, ...] = ()


def components(compiled: list[Step]) -> list[list[Step]]:
    """Return the strongly connected groups of steps, first things first (Tarjan 1972)."""
    writer = {name: step for step in compiled for name in (*step.writes, *step.offers)}
    before = {
        step.name: sorted({writer[n].name for n in (*step.reads, *step.needs) if n in writer})
        for step in compiled
    }
    by_name = {step.name: step for step in compiled}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[Step]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in before[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            members = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            groups.append([by_name[member] for member in members])

    for name in sorted(by_name):
        if name not in index:
            visit(name)
    return groups


def part_of(group: list[Step], system: System) -> Part:
    _refuse_mutual_reuse(group, system)
    if len(group) == 1 and not set(group[0].reads) & set(group[0].writes):
        return Part("all years", tuple(group))
    ordered, tears = _tear(group)
    memory = [step for step in group if step.memory]
    names = ", ".join(step.name for step in ordered)
    crooked = [step for step in group if not step.linear]
    if crooked and not memory:
        flow = crooked[0].writes[0]
        raise MfaError(
            f"flow {flow!r} closes a loop within one year ({names}) through the market "
            f"{crooked[0].name!r}: its max(0, …) makes the loop impossible to solve exactly; put a "
            "stock into the loop, or a rule without max",
            system.place("processes", crooked[0].name),
        )
    return Part("by year" if memory else "loop", tuple(ordered), tuple(tears))


def _refuse_mutual_reuse(group: list[Step], system: System) -> None:
    """Raise if stocks reuse each other's units: none of them could be computed first."""
    offered = {name for step in group for name in step.offers}
    circular = [step for step in group if offered & {*step.needs}]
    if circular:
        names = ", ".join(repr(step.name) for step in circular)
        raise MfaError(
            f"the stocks {names} reuse units of each other in a ring (or of themselves), so none can "
            "be computed first; let the units enter a stock of their own",
            system.place("processes", circular[0].name, "reused"),
        )


def _tear(group: list[Step]) -> tuple[list[Step], list[str]]:
    """Order the steps of a loop so that few flows have to be known before they are computed."""
    best: tuple[list[Step], list[str]] | None = None
    readers = {step.name: [s for s in group if set(s.reads) & set(step.writes)] for step in group}
    for first in sorted(group, key=lambda step: (not step.memory, step.name)):
        seen: list[Step] = []

        def visit(step: Step, seen: list[Step] = seen) -> None:
            if step not in seen:
                seen.append(step)
                for reader in sorted(readers[step.name], key=lambda s: s.name):
                    visit(reader)

        visit(first)
        order = _settle_order(seen, first)
        torn = [
            flow
            for i, step in enumerate(order)
            for flow in step.reads
            if any(flow in later.writes for later in order[i:])
        ]
        torn = sorted(set(torn))
        if best is None or len(torn) < len(best[1]):
            best = order, torn
    assert best is not None
    return best


def _settle_order(seen: list[Step], first: Step) -> list[Step]:
    """Depth-first postorder turned round, starting with the first step."""
    done: list[Step] = []
    visited: set[str] = set()

    def visit(step: Step) -> None:
        visited.add(step.name)
        for reader in sorted(seen, key=lambda s: s.name):
            if set(reader.reads) & set(step.writes) and reader.name not in visited:
                visit(reader)
        done.append(step)

    visit(first)
    return done[::-1]

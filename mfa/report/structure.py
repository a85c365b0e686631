"""Where the processes of a system stand in a drawing: stages from left to right, recycling back below.

The drawing has two lanes.  In the upper one metal flows to the right, from sources through a
market into use and on to whatever keeps it.  In the lower one it flows to the left: processes
whose metal can only return to a market or be lost.  Everything follows from the structure of the
system, so that a process keeps its place in all years, minerals and scenarios.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

from mfa.flows import connect
from mfa.panels import words
from mfa.report.reading import Case
from mfa.schema import Market

Json = dict[str, Any]

PASSING = "passing"
"""The rule of what is no process, but room that an arrow takes in a column."""

SWEEPS = 4
"""How often processes are put in the order of their neighbours, there and back."""


@dataclass(frozen=True)
class Arrow:
    """A flow, or several in a row through processes that only pass it on."""

    flows: tuple[str, ...]
    source: str
    target: str
    returns: bool = False


@dataclass(frozen=True)
class Network:
    """Processes with their rules, and the arrows between them."""

    rules: Mapping[str, str]
    arrows: tuple[Arrow, ...]

    def out_of(self, name: str) -> list[Arrow]:
        return [arrow for arrow in self.arrows if arrow.source == name]

    def into(self, name: str) -> list[Arrow]:
        return [arrow for arrow in self.arrows if arrow.target == name]


def network(case: Case) -> Network:
    """Return the system of a scenario; from the flows of its result where the manifest is missing."""
    if case.scenario is not None:
        system = case.scenario.system
        rules = {name: process.rule for name, process in system.processes.items()}
        arrows = []
        for flow in connect(system.processes, system.place).values():
            into = system.processes[flow.target]
            returns = isinstance(into, Market) and flow.source != into.from_[-1]
            arrows.append(Arrow((flow.name,), flow.source, flow.target, returns))
        return Network(rules, _without_rings(rules, arrows))
    kinds = {str(n): v.attrs for n, v in case.data.data_vars.items()}
    arrows = [
        Arrow((name,), a["source"], a["target"], a.get("role") == "secondary")
        for name, a in kinds.items()
        if a.get("kind") == "flow"
    ]
    rules = {end: "process" for arrow in arrows for end in (arrow.source, arrow.target)}
    rules |= {
        a["process"]: a.get("rule", "stock") for a in kinds.values() if a.get("kind") == "stock"
    }
    return Network(rules, _without_rings(rules, arrows))


def _without_rings(rules: Iterable[str], arrows: Sequence[Arrow]) -> tuple[Arrow, ...]:
    """Say of one arrow in every ring that it returns, so that the others lead from left to right."""
    state: dict[str, int] = {}
    back: set[Arrow] = set()

    def visit(start: str) -> None:
        path = [(start, iter([a for a in arrows if a.source == start and not a.returns]))]
        state[start] = 1
        while path:
            name, onward = path[-1]
            arrow = next(onward, None)
            if arrow is None:
                state[name] = 2
                path.pop()
            elif state.get(arrow.target) == 1:
                back.add(arrow)
            elif arrow.target not in state:
                state[arrow.target] = 1
                further = [a for a in arrows if a.source == arrow.target and not a.returns]
                path.append((arrow.target, iter(further)))

    fed = {arrow.target for arrow in arrows if not arrow.returns}
    for name in [*(n for n in rules if n not in fed), *rules]:
        if name not in state:
            visit(name)
    return tuple(Arrow(a.flows, a.source, a.target, a.returns or a in back) for a in arrows)


def shortened(given: Network) -> Network:
    """Leave out processes that pass on what they get: one arrow in, one out, no stock.

    >>> ring = Network({"mine": "source", "ore": "trade", "use": "stock"},
    ...                (Arrow(("a",), "mine", "ore"), Arrow(("b",), "ore", "use")))
    >>> shortened(ring).arrows
    (Arrow(flows=('a', 'b'), source='mine', target='use', returns=False),)
    """
    found = given
    for name, rule in given.rules.items():
        into, out = found.into(name), found.out_of(name)
        if rule in ("stock", "sink", "source") or len(into) != 1 or len(out) != 1:
            continue
        first, last = into[0], out[0]
        if first.source == last.target:
            continue
        joined = Arrow(
            first.flows + last.flows, first.source, last.target, first.returns or last.returns
        )
        kept = [joined if a is first else a for a in found.arrows if a is not last]
        rules = {n: r for n, r in found.rules.items() if n != name}
        found = Network(rules, tuple(kept))
    return found


def drawing(given: Network) -> Json:
    """Return the places of all processes and the kinds of all arrows.

    Returns
    -------
    dict
        ``nodes``: name, label, rule, column (from 0 at the left), lane (``forth`` or ``back``),
        in the order from top to bottom, and among them the room that links take in the columns
        between their ends; ``links``: flows, source, target, the names of that room, kind
        (``primary``, ``made``, ``used``, ``secondary`` or ``lost``) and whether it returns.
    """
    lanes = _lanes(given)
    columns = _columns(given, lanes)
    kinds = _kinds(given, lanes)
    ways = {arrow: _way(arrow, columns, lanes) for arrow in given.arrows}
    for way in ways.values():
        columns |= {name: column for name, _, column in way}
        lanes |= {name: lane for name, lane, _ in way}
    rules = {**given.rules, **{name: PASSING for way in ways.values() for name, _, _ in way}}
    order = _order(rules, ways, columns, lanes)
    return {
        "nodes": [
            {
                "name": name,
                "label": words(name),
                "rule": rules[name],
                "column": columns[name],
                "lane": lanes[name],
            }
            for name in order
        ],
        "links": [
            {
                "flows": list(arrow.flows),
                "source": arrow.source,
                "target": arrow.target,
                "via": [name for name, _, _ in ways[arrow]],
                "kind": kinds[arrow],
                "returns": arrow.returns,
            }
            for arrow in given.arrows
        ],
    }


def _way(
    arrow: Arrow, columns: Mapping[str, int], lanes: Mapping[str, str]
) -> list[tuple[str, str, int]]:
    """Return the room that an arrow takes in the columns between its ends: name, lane, column."""
    start, stop = columns[arrow.source], columns[arrow.target]
    way = lanes[arrow.source], lanes[arrow.target]
    if way == ("forth", "forth"):
        between = range(start + 1, stop)
    elif way[0] == "back":
        between = range(start - 1, stop, -1)
    else:
        between = range(start + 1, stop + 1)
    return [(f"{arrow.flows[0]} {column}", way[0], column) for column in between]


def _reached(given: Network, starts: Iterable[str], stop: str = "") -> set[str]:
    """Return what arrows that do not return lead to, and not on from processes of one rule."""
    found: set[str] = set()
    todo = [*starts]
    while todo:
        for arrow in given.out_of(todo.pop()):
            if not arrow.returns and arrow.target not in found:
                found.add(arrow.target)
                if given.rules[arrow.target] != stop:
                    todo.append(arrow.target)
    return found


def _lanes(given: Network) -> dict[str, str]:
    """Say which processes lie on the way back: their metal can return, and reaches no stock before."""
    lanes = {}
    for name, rule in given.rules.items():
        reached = _reached(given, [name])
        returns = any(a.returns for n in (name, *reached) for a in given.out_of(n))
        moving = rule not in ("stock", "source", "sink")
        kept = any(given.rules[n] == "stock" for n in reached)
        fed = any(not a.returns for a in given.into(name))
        lanes[name] = "back" if returns and moving and fed and not kept else "forth"
    for name, rule in given.rules.items():
        sources = [a.source for a in given.into(name)]
        if rule == "sink" and sources and all(lanes[source] == "back" for source in sources):
            lanes[name] = "back"
    return lanes


def _columns(given: Network, lanes: Mapping[str, str]) -> dict[str, int]:
    onward = [arrow for arrow in given.arrows if not arrow.returns]
    columns = dict.fromkeys(given.rules, 0)
    for _ in given.rules:  # the longest way from a source
        for arrow in onward:
            if lanes[arrow.target] == lanes[arrow.source] == "forth":
                columns[arrow.target] = max(columns[arrow.target], columns[arrow.source] + 1)
    back = [n for n in given.rules if lanes[n] == "back" and given.rules[n] != "sink"]
    for name in back:  # beside what it returns to, at least where its metal comes from
        ends = [columns[a.target] + 1 for a in given.out_of(name) if a.returns]
        starts = [columns[a.source] for a in given.into(name) if lanes[a.source] == "forth"]
        columns[name] = max([*ends, min(starts, default=0)])
    for _ in back:  # each to the right of what it hands on to
        for arrow in onward:
            if arrow.source in back and arrow.target in back:
                columns[arrow.source] = max(columns[arrow.source], columns[arrow.target] + 1)
    for name, rule in given.rules.items():
        if lanes[name] == "back" and rule == "sink":
            columns[name] = max(0, min(columns[a.source] for a in given.into(name)) - 1)
    return columns


def _order(
    rules: Mapping[str, str],
    ways: Mapping[Arrow, Sequence[tuple[str, str, int]]],
    columns: Mapping[str, int],
    lanes: Mapping[str, str],
) -> list[str]:
    """Return processes from top to bottom, each near those that it is joined with; sinks last."""
    height = {name: float(i) for i, name in enumerate(rules)}
    near: dict[str, list[str]] = {name: [] for name in rules}
    for arrow, way in ways.items():
        path = [arrow.source, *(name for name, _, _ in way), arrow.target]
        for one, other in pairwise(path):
            if lanes[one] == lanes[other]:
                near[one].append(other)
                near[other].append(one)
    places = sorted(
        {(lanes[n], columns[n]) for n in rules}, key=lambda place: (place[0] == "back", place[1])
    )
    for sweep in range(2 * SWEEPS):
        for place in places if sweep % 2 == 0 else places[::-1]:
            own = [n for n in rules if (lanes[n], columns[n]) == place]
            wish = {n: fmean(height[m] for m in near[n]) if near[n] else height[n] for n in own}
            own.sort(key=lambda n: (rules[n] == "sink", wish[n]))
            for position, name in enumerate(own):
                height[name] = (position + 0.5) / len(own)
    return sorted(rules, key=lambda n: (lanes[n] == "back", columns[n], height[n]))


def _kinds(given: Network, lanes: Mapping[str, str]) -> dict[Arrow, str]:
    """Say what flows in each arrow: from mines, in making, in used products, recycled, lost."""
    stocks = [name for name, rule in given.rules.items() if rule == "stock"]
    discarded = _reached(given, stocks) | {*stocks}
    markets = [name for name, rule in given.rules.items() if rule == "market"]
    markets += [arrow.target for arrow in given.arrows if arrow.returns]
    made = _reached(given, markets) | {*markets}
    kinds = {}
    for arrow in given.arrows:
        if given.rules[arrow.target] == "sink":
            kinds[arrow] = "lost"
        elif arrow.returns or (lanes[arrow.source] == "back" and arrow.source not in discarded):
            kinds[arrow] = "secondary"
        elif arrow.source in discarded:
            kinds[arrow] = "used"
        elif arrow.source in made:
            kinds[arrow] = "made"
        else:
            kinds[arrow] = "primary"
    return kinds

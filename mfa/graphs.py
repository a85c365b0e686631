"""Nodes and links of a diagram, and how they are made fewer without losing a tonne."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mfa.stages import reached, two_rows

Array = NDArray[np.float64]

PLAIN = 12
"""A system of so few processes is drawn whole."""

COLUMN = 8
"""More processes than this do not stand above each other."""

NEARLY_ALL = 0.85
"""Two processes of which one hands this share of all it has to the other are drawn as one."""


@dataclass
class Edge:
    """All flows from one node to another: ``amount`` is (sample, material) [t/yr]."""

    source: str
    target: str
    flows: tuple[str, ...]
    amount: Array
    role: str
    returns: bool

    @property
    def total(self) -> float:
        return float(self.amount.mean(axis=0).sum())


@dataclass
class Graph:
    """What is drawn: nodes with the processes that they stand for and their kinds, and the links."""

    members: dict[str, tuple[str, ...]]
    edges: list[Edge]
    kinds: dict[str, str]

    def __post_init__(self) -> None:
        self.kinds = {name: self.kinds[name] for name in self.members}
        self._add()

    def simplified(self, gather: float) -> list[str]:
        """Join what only passes on, what is nearly one and what is small; return what only passes on."""
        passing = []
        if len(self.members) > PLAIN:
            passing = self._pass_on()
            self._join()
        self._gather(gather)
        return passing

    def stages(self) -> tuple[dict[str, int], set[str]]:
        """Return the stage of each node, from 0, and those of the lower row, which run back."""
        arrows = list(dict.fromkeys((edge.source, edge.target) for edge in self.edges))
        back = {(edge.source, edge.target) for edge in self.edges if edge.returns}
        stocks = {name for name in self.members if self.kinds[name] == "stock"}
        return two_rows(list(self.members), arrows, back, stocks)

    def through(self, name: str) -> float:
        """Return the larger of what enters a node and what leaves it, the mean of samples [t/yr]."""
        into, out = self.sides(name)
        return float(max(into.mean(axis=0).sum(), out.mean(axis=0).sum()))

    def sides(self, name: str) -> tuple[Array, Array]:
        """Return what enters a node and what leaves it, (sample, material) [t/yr]."""
        none = np.zeros_like(self.edges[0].amount)
        into = [edge.amount for edge in self.edges if edge.target == name]
        out = [edge.amount for edge in self.edges if edge.source == name]
        return np.sum([none, *into], axis=0), np.sum([none, *out], axis=0)

    def _add(self) -> None:
        """Add links between the same two nodes; of two roles the larger one is told."""
        found: dict[tuple[str, str, bool], list[Edge]] = {}
        for edge in self.edges:
            found.setdefault((edge.source, edge.target, edge.returns), []).append(edge)
        self.edges = [
            replace(
                max(same, key=lambda edge: edge.total),
                flows=tuple(dict.fromkeys(flow for edge in same for flow in edge.flows)),
                amount=np.sum([edge.amount for edge in same], axis=0),
            )
            for same in found.values()
        ]

    def _pass_on(self) -> list[str]:
        """Join the link into a process that only passes on with the one out of it."""
        gone = []
        for name in list(self.members):
            into = [edge for edge in self.edges if edge.target == name]
            out = [edge for edge in self.edges if edge.source == name]
            if self.kinds[name] != "process" or len(into) != 1 or len(out) != 1:
                continue
            (first,), (last,) = into, out
            if first.returns or first.source == last.target:
                continue
            joined = replace(last, source=first.source, flows=(*first.flows, *last.flows))
            self.edges = [edge for edge in self.edges if edge is not first and edge is not last]
            self.edges.append(joined)
            del self.members[name], self.kinds[name]
            gone.append(name)
        self._add()
        return gone

    def _join(self) -> None:
        """Draw two processes as one where nearly all that either has goes from one to the other."""
        for edge in sorted(self.edges, key=lambda edge: -edge.total):
            source, target = edge.source, edge.target
            if not {source, target} <= self.members.keys() or edge.returns:
                continue
            if any(other.returns for other in self.edges if other.source == target):
                continue  # by which ways metal returns is what readers look for
            size = max(self.through(source), self.through(target))
            if {self.kinds[source], self.kinds[target]} != {"process"}:
                continue
            if edge.total >= NEARLY_ALL * size and not self._other_way(source, target):
                self.edges = [e for e in self.edges if (e.source, e.target) != (source, target)]
                self._unite([source, target], f"{source}, {target}", "process")

    def _other_way(self, source: str, target: str) -> bool:
        after: dict[str, list[str]] = {name: [] for name in self.members}
        for edge in self.edges:
            if not edge.returns and (edge.source, edge.target) != (source, target):
                after[edge.source].append(edge.target)
        return target in reached([source], after)

    def _gather(self, least: float) -> None:
        """Put the small nodes of a stage and a kind together, and what is too many for a stage."""
        through = {name: self.through(name) for name in self.members}
        largest = max(through.values())
        stage, lower = self.stages()
        groups: dict[tuple[int, bool, str], list[str]] = {}
        for name in sorted(self.members, key=lambda name: -through[name]):
            kind = self.kinds[name]
            kind = "process" if kind == "market" else kind
            groups.setdefault((stage[name], name in lower, kind), []).append(name)
        for (_, _, kind), names in groups.items():
            most = COLUMN if kind in ("process", "stock") else COLUMN // 2
            small = [n for i, n in enumerate(names) if through[n] < least * largest or i >= most]
            if len(small) > 1:
                what = {"sink": "losses", "stock": "stocks", "source": "sources"}.get(
                    kind, "others"
                )
                self._unite(small, f"{len(small)} {what}", kind)

    def _unite(self, names: Sequence[str], name: str, kind: str) -> None:
        while name in self.members and name not in names:
            name += " "
        united = tuple(member for own in names for member in self.members[own])
        for own in names:
            del self.members[own], self.kinds[own]
        self.members[name], self.kinds[name] = united, kind

        def now(end: str) -> str:
            return name if end in names else end

        self.edges = [
            replace(edge, source=now(edge.source), target=now(edge.target)) for edge in self.edges
        ]
        self._add()

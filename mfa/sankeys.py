"""The Sankey diagram of one year: what is drawn, and where, as plain numbers.

:func:`layout` reads the system from the result itself (each flow says its source and its target)
and works for any system.  :mod:`mfa.sankey_figures` draws it, and so can other programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.arranging import BAR, Band, Box, arrange, outline
from mfa.errors import MfaError, known
from mfa.stages import reached, returning, stages

Array = NDArray[np.float64]

GATHERED = 0.01
"""Processes that move less than this share of the largest are drawn together."""

PLAIN = 12
"""A system of so few processes is drawn whole."""

COLUMN = 9
"""More processes than this do not stand above each other."""

BODY = 3.4
"""Inches for the bands of the fullest column."""

LINE = 0.135
"""Inches that a line of text takes."""

LETTERS = 16
"""Letters in a line of text."""

ROLES = ("primary", "in use", "recycled", "lost")


@dataclass(frozen=True)
class Node:
    """A process, or several small ones together.

    Parameters
    ----------
    name : str
    label : str
        What is written: the name in at most sixteen letters a line.
    kind : str
        ``source`` (nothing comes in), ``stock``, ``sink`` (nothing leaves), ``market`` or ``process``.
    stage : int
        The column, from the left, from 0.
    members : tuple of str
        The processes that it stands for.
    inflow, outflow : float, [t/yr]
    parts : mapping of str to float, [t/yr]
        The larger of inflow and outflow by material.
    x, y, height : float, [inch]
        The left side, the middle and the height of the box.
    low, high : float, [t/yr]
        5th and 95th percentile of :attr:`value` over samples; both NaN without samples.
    """

    name: str
    label: str
    kind: str
    stage: int
    members: tuple[str, ...]
    inflow: float
    outflow: float
    parts: Mapping[str, float]
    x: float = 0.0
    y: float = 0.0
    height: float = 0.0
    low: float = float("nan")
    high: float = float("nan")

    @property
    def value(self) -> float:
        """Return what goes through, the larger of inflow and outflow [t/yr]."""
        return max(self.inflow, self.outflow)

    @property
    def to_stock(self) -> float:
        """Return what a stock gains in the year, or loses [t/yr]."""
        return self.inflow - self.outflow if self.kind == "stock" else 0.0


@dataclass(frozen=True)
class Link:
    """All flows from one node to another.

    Parameters
    ----------
    source, target : str
        Names of nodes.
    value : float, [t/yr]
        Summed over places; the mean of samples.
    role : str
        ``primary`` (before a market), ``in use`` (into stocks), ``recycled`` or ``lost`` (into sinks).
    returns : bool
        From right to left, beneath.
    flows : tuple of str
        Names of the flows of the result that are added, with those of processes that only pass on.
    parts : mapping of str to float, [t/yr]
        By material.
    points : tuple of (x, y), [inch]
        Where its middle is level.
    width : float, [inch]
    """

    source: str
    target: str
    value: float
    role: str
    returns: bool
    flows: tuple[str, ...]
    parts: Mapping[str, float]
    points: tuple[tuple[float, float], ...] = ()
    width: float = 0.0

    def outline(self, low: float = 0.0, high: float = 1.0) -> list[tuple[float, float]]:
        """Return the polygon (x, y) [inch] of the link, or of a strip of it: ``low`` to ``high`` of its width."""
        return outline(self.points, self.width, self.returns, low, high)


@dataclass(frozen=True)
class Sankey:
    """The diagram of one year (frozen).

    Parameters
    ----------
    nodes : tuple of Node
        From left to right, in each stage from below.
    links : tuple of Link
    year : int
    at : mapping of str to str
        What was chosen: material, scenario.
    materials : tuple of str
        What is added up; one if it was chosen.
    entering, returned : float, [t/yr]
        What comes from sources, and what returns beneath.
    zero : tuple of str
        Flows that carry nothing in the year, which are not drawn.
    passing : tuple of str
        Processes that pass on what they get and are part of a link.
    left, right, bottom, top : float, [inch]
        The page; texts of the last stage end at ``right``.
    scale : float, [inch per t/yr]
    """

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    year: int
    at: Mapping[str, str]
    materials: tuple[str, ...]
    entering: float
    returned: float
    zero: tuple[str, ...]
    passing: tuple[str, ...]
    left: float
    right: float
    bottom: float
    top: float
    scale: float


def layout(result: xr.Dataset, year: int, *, gather: float = GATHERED, **at: str | int) -> Sankey:
    """Return the Sankey diagram of one year: boxes in stages, bands between them, loops beneath.

    Parameters
    ----------
    result : Dataset
        Of :func:`mfa.run` or :func:`mfa.simulate`, or read from a file: its flows have the attributes
        ``source`` and ``target``.
    year : int
    gather : float
        Processes that move less than this share of the largest are put together where there is more
        than one in a stage.  With 0 nothing is, and processes that only pass on are shown too.
    **at : label of a dimension
        ``material="Co"``, ``scenario="circular"``.  All materials are added up without; of
        several scenarios one has to be chosen.

    Returns
    -------
    Sankey
        Places are added up, samples are averaged.  Every tonne of every flow is in one link; the width
        of a link is ``scale`` · value everywhere.  Which links return and in which stage a process
        stands follows from the system alone and is the same in all years.

    Raises
    ------
    MfaError
        If there are no flows, the year or a label is unknown, a scenario has to be chosen, a flow
        lacks a dimension of ``at``, or nothing moves in the year.

    Examples
    --------
    >>> def flow(source, target, value):
    ...     return ("year", [value], {"kind": "flow", "source": source, "target": target})
    >>> result = xr.Dataset({"mine_to_use": flow("mine", "use", 3.0),
    ...     "use_to_mill": flow("use", "mill", 2.0), "mill_to_use": flow("mill", "use", 1.0),
    ...     "mill_to_slag": flow("mill", "slag", 1.0)}, {"year": [2030]})
    >>> drawn = layout(result, 2030)
    >>> [(node.name, node.stage, node.value) for node in drawn.nodes]
    [('mine', 0, 3.0), ('use', 1, 4.0), ('mill', 2, 2.0), ('slag', 3, 1.0)]
    >>> [(link.source, link.target, link.returns) for link in drawn.links if link.returns]
    [('mill', 'use', True)]
    """
    flows = {
        str(name): result[name]
        for name in result.data_vars
        if result[name].attrs.get("kind") == "flow" and "source" in result[name].attrs
    }
    if not flows:
        raise MfaError(
            "there are no flows to draw: a Sankey wants the whole result of mfa.run or mfa.load, in "
            "which every flow says its source and its target"
        )
    year, at = _chosen(result, flows, year, at)
    materials = _materials(result, at)
    amounts = {name: _amount(data, year, at) for name, data in flows.items()}
    ends = {name: (str(d.attrs["source"]), str(d.attrs["target"])) for name, d in flows.items()}
    names = list(dict.fromkeys(end for pair in ends.values() for end in pair))
    arrows = list(dict.fromkeys(ends.values()))
    secondary = {ends[n] for n, data in flows.items() if data.attrs.get("role") == "secondary"}
    back = returning(names, arrows, secondary)
    stage = stages(names, arrows, back)
    kinds = _kinds(result, names, arrows)
    roles = _roles(names, arrows, back, secondary, kinds)
    moving = {name: own for name, own in amounts.items() if own.mean(axis=0).sum() > 0}
    if not moving:
        chosen = ", ".join([str(year), *map(str, at.values())])
        raise MfaError(f"nothing moves in {chosen}: all {len(flows)} flows are zero")
    graph = _Graph(
        {name: (name,) for name in names if any(name in ends[f] for f in moving)},
        [_Edge(*ends[f], (f,), own, roles[ends[f]], ends[f] in back) for f, own in moving.items()],
    )
    graph.added()
    passing: list[str] = []
    if gather > 0:
        if len(graph.members) > PLAIN:
            passing = graph.passed_on(kinds)
        stage = _without_gaps({name: stage[name] for name in graph.members})
        graph.gathered(gather, stage, kinds)
    stage = _without_gaps({name: stage[name] for name in graph.members})
    entering = sum(
        edge.total
        for edge in graph.edges
        if all(kinds.get(m) == "source" for m in graph.members[edge.source])
    )
    return _placed(
        graph,
        stage,
        kinds,
        Sankey(
            (), (), year, {d: str(v) for d, v in at.items()}, materials, entering,
            sum(edge.total for edge in graph.edges if edge.returns),
            tuple(name for name in flows if name not in moving), tuple(passing),
            0.0, 0.0, 0.0, 0.0, 0.0,
        ),
    )  # fmt: skip


# ------------------------------------------------------------- what is chosen


def _chosen(
    result: xr.Dataset, flows: Mapping[str, xr.DataArray], year: int, at: Mapping[str, str | int]
) -> tuple[int, dict[str, str | int]]:
    years = [int(y) for y in np.atleast_1d(result["year"].values)] if "year" in result else []
    if year not in years:
        span = f"{years[0]}–{years[-1]}" if years else "none"
        raise MfaError(f"there is no year {year!r} in the result; its years are {span}")
    found = dict(at)
    if "scenario" in result.dims and "scenario" not in at:
        labels = [str(label) for label in result["scenario"].values]
        if len(labels) > 1:
            told = ", ".join(labels[:6]) + (", …" if len(labels) > 6 else "")
            raise MfaError(
                f"the result has {len(labels)} scenarios ({told}) and a Sankey shows one: "
                f"sankey({year}, scenario={labels[0]!r})"
            )
        found["scenario"] = labels[0]
    for dim, label in at.items():
        if dim not in result.dims:
            raise MfaError(
                f"there is no dimension {dim!r}. {known(dim, map(str, result.dims), 'dimensions')}"
            )
        if label not in result[dim].values:
            labels = [str(own) for own in result[dim].values]
            raise MfaError(f"{dim} has no label {label!r}. {known(str(label), labels, 'labels')}")
        if without := [name for name, data in flows.items() if dim not in data.dims]:
            raise MfaError(
                f"{without[0]!r} has no dimension {dim!r}, so the flows of {label!r} alone would not "
                "balance; a Sankey adds up places"
            )
    return year, found


def _materials(result: xr.Dataset, at: Mapping[str, str | int]) -> tuple[str, ...]:
    if "material" in at:
        return (str(at["material"]),)
    if "material" in result.dims:
        return tuple(str(label) for label in result["material"].values)
    return (str(result["material"].values),) if "material" in result.coords else ("",)


def _amount(data: xr.DataArray, year: int, at: Mapping[str, str | int]) -> Array:
    """Return a flow of one year, (sample, material), all places together."""
    one = data.sel(year=year) if "year" in data.dims else data
    one = one.sel({dim: label for dim, label in at.items() if dim in one.dims})
    kept = [dim for dim in ("sample", "material") if dim in one.dims]
    summed = one.sum([dim for dim in one.dims if dim not in kept]).transpose(*kept)
    values = np.asarray(summed.values, dtype=float)
    if "material" not in kept:
        values = values[..., None]
    return values if "sample" in kept else values[None]


def _kinds(
    result: xr.Dataset, names: Sequence[str], arrows: Sequence[tuple[str, str]]
) -> dict[str, str]:
    into, out = {v for _, v in arrows}, {u for u, _ in arrows}
    kept = {
        str(data.attrs["process"]): str(data.attrs.get("rule", "stock"))
        for data in result.data_vars.values()
        if data.attrs.get("kind") == "stock" and "process" in data.attrs
    }
    markets = {data.attrs.get("market") for data in result.data_vars.values()}

    def kind(name: str) -> str:
        if name not in into:
            return "source"
        if kept.get(name, "sink") != "sink":
            return "stock"
        if name not in out:
            return "sink"
        return "market" if name in markets else "process"

    return {name: kind(name) for name in names}


def _roles(
    names: Sequence[str],
    arrows: Sequence[tuple[str, str]],
    back: set[tuple[str, str]],
    secondary: set[tuple[str, str]],
    kinds: Mapping[str, str],
) -> dict[tuple[str, str], str]:
    """Return what each arrow is: before the first market, into use, back to it, or lost."""
    after: dict[str, list[str]] = {name: [] for name in names}
    before: dict[str, list[str]] = {name: [] for name in names}
    for source, target in arrows:
        if (source, target) not in back:
            after[source].append(target)
            if kinds[target] != "stock":
                before[target].append(source)
    markets = [name for name in names if kinds[name] == "market"]
    used = reached([name for name in names if kinds[name] == "stock"], after)
    made = reached(markets, after) | used
    scrap = {u for u, v in arrows if (u, v) in back or (u, v) in secondary}
    giving_back = reached(scrap, before)
    only_back = {
        name
        for name in names
        if name in scrap
        and all((name, v) in back or kinds[v] == "sink" for u, v in arrows if u == name)
    }

    def role(source: str, target: str) -> str:
        if kinds[target] == "sink":
            return "lost"
        if (source, target) in back or (source, target) in secondary or target in only_back:
            return "recycled"
        if kinds[source] == "source" or (source not in made and markets):
            return "primary"
        if kinds[target] == "stock":
            return "in use"
        if source in used:
            return "recycled" if target in giving_back else "lost"
        return "in use"

    return {(source, target): role(source, target) for source, target in arrows}


# ---------------------------------------------------------- what is put together


@dataclass
class _Edge:
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
class _Graph:
    """What is drawn: nodes with the processes that they stand for, and the links between them."""

    members: dict[str, tuple[str, ...]]
    edges: list[_Edge]

    def added(self) -> None:
        """Add links between the same two nodes, of one role."""
        found: dict[tuple[str, str, str, bool], _Edge] = {}
        for edge in self.edges:
            key = (edge.source, edge.target, edge.role, edge.returns)
            if key in found:
                same = found[key]
                found[key] = replace(
                    same,
                    flows=tuple(dict.fromkeys([*same.flows, *edge.flows])),
                    amount=same.amount + edge.amount,
                )
            else:
                found[key] = edge
        self.edges = list(found.values())

    def passed_on(self, kinds: Mapping[str, str]) -> list[str]:
        """Join the link into a process that only passes on with the one out of it."""
        gone: list[str] = []
        for name in list(self.members):
            into = [edge for edge in self.edges if edge.target == name]
            out = [edge for edge in self.edges if edge.source == name]
            if kinds[name] in ("stock", "market") or len(into) != 1 or len(out) != 1:
                continue
            (first,), (last,) = into, out
            if first.returns or first.source == last.target:
                continue
            joined = replace(last, source=first.source, flows=(*first.flows, *last.flows))
            self.edges = [e for e in self.edges if e is not first and e is not last]
            self.edges.append(joined)
            del self.members[name]
            gone.append(name)
        self.added()
        return gone

    def gathered(self, least: float, stage: dict[str, int], kinds: dict[str, str]) -> None:
        """Put the small nodes of a stage together, sinks and others apart."""
        through = {name: self.through(name).mean(axis=0).sum() for name in self.members}
        largest = max(through.values())
        groups: dict[tuple[int, bool, bool], list[str]] = {}
        for name in sorted(self.members, key=lambda n: -through[n]):
            own = kinds[name]
            groups.setdefault((stage[name], own == "sink", own == "stock"), []).append(name)
        for (at, sink, stock), names in groups.items():
            most = COLUMN // 2 if sink or stock else COLUMN
            small = [n for i, n in enumerate(names) if through[n] < least * largest or i >= most]
            if len(small) < 2:
                continue
            together = f"{len(small)} {'losses' if sink else 'stocks' if stock else 'others'}"
            while together in self.members:
                together += " "
            kinds[together] = "sink" if sink else "stock" if stock else "process"
            if all(kinds[n] == "source" for n in small):
                kinds[together] = "source"
            stage[together] = at
            self.members[together] = tuple(small)
            for name in small:
                del self.members[name]
            new = {name: together for name in small}
            self.edges = [
                replace(e, source=new.get(e.source, e.source), target=new.get(e.target, e.target))
                for e in self.edges
            ]
        self.added()

    def through(self, name: str) -> Array:
        into, out = self.sides(name)
        return np.where(into.sum(-1, keepdims=True) >= out.sum(-1, keepdims=True), into, out)

    def sides(self, name: str) -> tuple[Array, Array]:
        none = np.zeros_like(self.edges[0].amount)
        into = sum((e.amount for e in self.edges if e.target == name), none)
        out = sum((e.amount for e in self.edges if e.source == name), none)
        return np.asarray(into), np.asarray(out)


def _without_gaps(stage: Mapping[str, int]) -> dict[str, int]:
    """Return stages of which none is empty.

    >>> _without_gaps({"mine": 0, "use": 3})
    {'mine': 0, 'use': 1}
    """
    used = {own: number for number, own in enumerate(sorted(set(stage.values())))}
    return {name: used[own] for name, own in stage.items()}


# ----------------------------------------------------------------- where it is


def _placed(
    graph: _Graph, stage: Mapping[str, int], kinds: Mapping[str, str], told: Sankey
) -> Sankey:
    nodes = {name: _node(graph, name, stage[name], kinds[name], told) for name in graph.members}
    scale = _scale(nodes)
    boxes = {
        name: Box(node.stage, node.value * scale, _text(node), _rank(graph, name, kinds))
        for name, node in nodes.items()
    }
    bands = [Band(e.source, e.target, e.total * scale, e.returns) for e in graph.edges]
    left, bottom, top = arrange(boxes, bands)
    links = tuple(
        Link(
            edge.source, edge.target, edge.total, edge.role, edge.returns, edge.flows,
            dict(zip(told.materials, edge.amount.mean(axis=0).tolist(), strict=True)),
            band.points, band.width,
        )
        for edge, band in zip(graph.edges, bands, strict=True)
    )  # fmt: skip
    placed = [
        replace(node, x=boxes[name].x, y=boxes[name].y, height=boxes[name].height)
        for name, node in nodes.items()
    ]
    right = max(node.x for node in placed) + BAR + LETTERS * 0.07
    right = max([right, *(x for link in links for x, _ in link.points)])
    return replace(
        told, nodes=tuple(sorted(placed, key=lambda node: (node.stage, node.y))), links=links,
        left=left, right=right, bottom=bottom, top=top, scale=scale,
    )  # fmt: skip


def _node(graph: _Graph, name: str, stage: int, kind: str, told: Sankey) -> Node:
    into, out = graph.sides(name)
    through = np.maximum(into.sum(-1), out.sum(-1))
    mean_in, mean_out = into.mean(axis=0), out.mean(axis=0)
    larger = mean_in if mean_in.sum() >= mean_out.sum() else mean_out
    low, high = np.quantile(through, [0.05, 0.95]) if len(through) > 1 else (np.nan, np.nan)
    return Node(
        name, "\n".join(wrap(name.strip().replace("_", " "), LETTERS)) or name, kind, stage,
        graph.members[name], float(mean_in.sum()), float(mean_out.sum()),
        dict(zip(told.materials, larger.tolist(), strict=True)),
        low=float(low), high=float(high),
    )  # fmt: skip


def _text(node: Node) -> float:
    """Return the height of what is written at a node: its name, its value, its range, its stock."""
    lines = node.label.count("\n") + 2 + (node.low == node.low) + (node.to_stock != 0)
    return LINE * lines


def _rank(graph: _Graph, name: str, kinds: Mapping[str, str]) -> int:
    """Return 2 for what stands on top, sinks, and 0 for what is below, near the loops."""
    if kinds[name] == "sink":
        return 2
    leaving = [edge for edge in graph.edges if edge.source == name]
    back = sum(edge.total for edge in leaving if edge.returns)
    return 0 if back > sum(edge.total for edge in leaving) / 2 else 1


def _scale(nodes: Mapping[str, Node]) -> float:
    """Return inches per t/yr, so that the column that is fullest has the height of the page."""
    columns: dict[int, float] = {}
    texts: dict[int, float] = {}
    for node in nodes.values():
        columns[node.stage] = columns.get(node.stage, 0.0) + node.value
        texts[node.stage] = texts.get(node.stage, 0.0) + _text(node)
    body = max(BODY, 0.7 * max(texts.values()))
    return body / max(columns.values())

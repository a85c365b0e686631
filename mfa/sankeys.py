"""The Sankey diagram of one year: what is drawn, and where, as plain numbers.

:func:`layout` reads the system from the result itself (each flow says its source and its target)
and works for any system.  :mod:`mfa.sankey_figures` draws it, and so can other programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import wrap

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.arranging import BAR, Band, Box, Piece, arrange, outline
from mfa.errors import MfaError, known
from mfa.flow_roles import kinds_of, roles_of
from mfa.graphs import Edge, Graph
from mfa.stages import returning

Array = NDArray[np.float64]

GATHERED = 0.01
"""Processes that move less than this share of the largest are drawn together."""

BODY = 2.6
"""Inches for the bands of the fullest column."""

LINE = 0.135
"""Inches that a line of text takes."""

LETTERS = 16
"""Letters in a line of text."""


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
    lower : bool
        In the lower row, which runs back to the left.
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
    lower: bool
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

    @property
    def keeps(self) -> bool:
        """Say whether a stock gains or loses more than a thousandth of what goes through."""
        return abs(self.to_stock) > 1e-3 * self.value


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
    pieces : tuple of (kind, numbers), [inch]
        The way of its middle, as :mod:`mfa.arranging` has it; :meth:`outline` is what is drawn.
    width : float, [inch]
    """

    source: str
    target: str
    value: float
    role: str
    returns: bool
    flows: tuple[str, ...]
    parts: Mapping[str, float]
    pieces: tuple[Piece, ...] = ()
    width: float = 0.0

    def outline(self, low: float = 0.0, high: float = 1.0) -> list[tuple[float, float]]:
        """Return the polygon (x, y) [inch] of the link, or of a strip of it: ``low`` to ``high`` of its width."""
        return outline(self.pieces, self.width, low, high)


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

    nodes: tuple[Node, ...] = ()
    links: tuple[Link, ...] = ()
    year: int = 0
    at: Mapping[str, str] = field(default_factory=dict)
    materials: tuple[str, ...] = ()
    entering: float = 0.0
    returned: float = 0.0
    zero: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()
    left: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    top: float = 0.0
    scale: float = 0.0


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
        of a link is ``scale`` · value everywhere.  Which links return follows from the system alone and
        is the same in all years.  In the upper row stages run to the right, in the lower one back.

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
    [('slag', 0, 1.0), ('mine', 0, 3.0), ('mill', 1, 2.0), ('use', 1, 4.0)]
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
            "which every flow says its source and its target; of samples all flows have to be kept: "
            "mfa.run(…, samples=…, keep='all')"
        )
    listed = [name for name in str(result.attrs.get("flows", "")).split(", ") if name]
    if missing := [name for name in listed if name not in result.data_vars]:
        told = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        raise MfaError(
            f"{len(missing)} of {len(listed)} flows of the run are missing ({told}), so the others alone "
            "would not balance; draw the whole result, of samples one with keep='all'"
        )
    year, at = _chosen(result, flows, year, at)
    materials = _materials(result, at)
    amounts = {name: _amount(data, year, at) for name, data in flows.items()}
    ends = {name: (str(d.attrs["source"]), str(d.attrs["target"])) for name, d in flows.items()}
    names = list(dict.fromkeys(end for pair in ends.values() for end in pair))
    arrows = list(dict.fromkeys(ends.values()))
    secondary = {ends[n] for n, data in flows.items() if data.attrs.get("role") == "secondary"}
    back = returning(names, arrows, secondary)
    kinds = _kinds(result, names, arrows)
    roles = roles_of(names, arrows, back, secondary, kinds)
    moving = {name: own for name, own in amounts.items() if own.mean(axis=0).sum() > 0}
    if not moving:
        chosen = ", ".join([str(year), *map(str, at.values())])
        raise MfaError(f"nothing moves in {chosen}: all {len(flows)} flows are zero")
    graph = Graph(
        {name: (name,) for name in names if any(name in ends[f] for f in moving)},
        [Edge(*ends[f], (f,), own, roles[ends[f]], ends[f] in back) for f, own in moving.items()],
        kinds,
    )
    passing = graph.simplified(gather) if gather > 0 else []
    empty = Sankey(
        year=year,
        at={dim: str(label) for dim, label in at.items()},
        materials=materials,
        entering=sum(e.total for e in graph.edges if graph.kinds[e.source] == "source"),
        returned=sum(edge.total for edge in graph.edges if edge.returns),
        zero=tuple(name for name in flows if name not in moving),
        passing=tuple(passing),
    )
    return _placed(graph, empty)


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
    told = [data.attrs for data in result.data_vars.values()]
    stocks = {
        str(attrs["process"])
        for attrs in told
        if attrs.get("kind") == "stock" and "process" in attrs and attrs.get("rule") != "sink"
    }
    return kinds_of(names, arrows, stocks, {attrs["market"] for attrs in told if "market" in attrs})


# ----------------------------------------------------------------- where it is


def _placed(graph: Graph, told: Sankey) -> Sankey:
    stage, lower = graph.stages()
    nodes = {name: _node(graph, name, stage[name], name in lower, told) for name in graph.members}
    scale = _scale(nodes)
    boxes = {
        name: Box(node.stage, node.value * scale, _text(node), _rank(node), node.lower, node.keeps)
        for name, node in nodes.items()
    }
    bands = [Band(edge.source, edge.target, edge.total * scale) for edge in graph.edges]
    left, right, bottom, top = arrange(boxes, bands)
    links = tuple(
        Link(
            edge.source, edge.target, edge.total, edge.role, edge.returns, edge.flows,
            dict(zip(told.materials, edge.amount.mean(axis=0).tolist(), strict=True)),
            band.pieces, band.width,
        )
        for edge, band in zip(graph.edges, bands, strict=True)
    )  # fmt: skip
    placed = [
        replace(node, x=boxes[name].x, y=boxes[name].y, height=boxes[name].height)
        for name, node in nodes.items()
    ]
    texts = [node.x + BAR + 0.05 + 0.068 * _letters(node) for node in placed]
    return replace(
        told, nodes=tuple(sorted(placed, key=lambda node: (node.stage, node.y))), links=links,
        left=left, right=max(right, *texts), bottom=bottom, top=top, scale=scale,
    )  # fmt: skip


def _node(graph: Graph, name: str, stage: int, lower: bool, told: Sankey) -> Node:
    into, out = graph.sides(name)
    through = np.maximum(into.sum(-1), out.sum(-1))
    mean_in, mean_out = into.mean(axis=0), out.mean(axis=0)
    larger = mean_in if mean_in.sum() >= mean_out.sum() else mean_out
    low, high = np.quantile(through, [0.05, 0.95]) if len(through) > 1 else (np.nan, np.nan)
    return Node(
        name, _label(name), graph.kinds[name], stage, lower, graph.members[name],
        float(mean_in.sum()), float(mean_out.sum()),
        dict(zip(told.materials, larger.tolist(), strict=True)),
        low=float(low), high=float(high),
    )  # fmt: skip


def _label(name: str) -> str:
    return "\n".join(wrap(name.strip().replace("_", " "), LETTERS)) or name


def _letters(node: Node) -> int:
    return max(10, *map(len, node.label.split("\n")))


def _text(node: Node) -> float:
    """Return the height of what is written at a node: its name, its value, its range, its stock."""
    lines = node.label.count("\n") + 2 + (node.low == node.low) + node.keeps
    return LINE * lines


def _rank(node: Node) -> int:
    """Return where a node stands in its row: what is lost outside, what is made or returned inside."""
    if node.kind == "sink":
        return 0 if node.lower else 2
    return 1


def _scale(nodes: Mapping[str, Node]) -> float:
    """Return inches per t/yr, so that the column that is fullest has the height of the page."""
    columns: dict[tuple[int, bool], float] = {}
    for node in nodes.values():
        key = node.stage, node.lower
        columns[key] = columns.get(key, 0.0) + node.value
    return BODY / max(columns.values())

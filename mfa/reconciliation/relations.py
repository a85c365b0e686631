"""Coefficients of a system: a flow is a product of shares times what a process handles.

Every relation is  flow − Σ coefficient · … · flow = 0; its slope is known, so
that balances and relations can be solved together by linearising again and again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mfa.accounts import read_at
from mfa.balances import End
from mfa.flows import flow_name
from mfa.plans import Plan
from mfa.reconciliation.elimination import Array, Index
from mfa.reconciliation.items import Dims, Items, Rows
from mfa.schema import Make, Split, Trade
from mfa.system import factors, placement
from mfa.trade_steps import TradeStep


@dataclass(frozen=True)
class Relations:
    """Relations  linear · x − Σ (product of coefficients) · x[flow] = 0.

    Attributes
    ----------
    linear : array (relation, column)
    row, flow : arrays of int (term,)
        The relation of each term, and the column of its flow.
    shares : array of int (term, factor)
        Columns of its coefficients; −1 where a term has fewer than others.
    """

    linear: Array
    row: Index
    flow: Index
    shares: Index

    def __len__(self) -> int:
        return len(self.linear)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Return by how much the relations are missed, and the slopes, at x (column,)."""
        count = len(self.linear)
        extended = np.append(x, 1.0)  # what −1 points at
        shares = extended[self.shares]
        product = shares.prod(axis=1)
        missed = self.linear @ x - np.bincount(self.row, product * x[self.flow], count)
        slope = self.linear.copy()
        np.add.at(slope, (self.row, self.flow), -product)
        for k in range(self.shares.shape[1]):
            others = np.delete(shares, k, axis=1).prod(axis=1) * x[self.flow]
            own = self.shares[:, k] >= 0
            np.add.at(slope, (self.row[own], self.shares[own, k]), -others[own])
        return missed, slope


@lru_cache(maxsize=16)
def used_by(compiled: Plan) -> dict[str, list[tuple[str, ...]]]:
    """Return, for every parameter that is a share or a yield, the products it stands in."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for _, text, _, _ in coefficients_of(compiled):
        for name in factors(text):
            found.setdefault(name, []).append(factors(text))
    return found


def coefficients_of(compiled: Plan) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """Yield (process, coefficient, flows it gives, flows whose sum it is a share of)."""
    for name, process in compiled.system.processes.items():
        into = [f for f, flow in compiled.flows.items() if flow.target == name]
        out = [f for f, flow in compiled.flows.items() if flow.source == name]
        match process:
            case Split():
                for target, text in process.shares.items():
                    if text != "rest":
                        yield name, text, [flow_name(name, target)], into
            case Make():
                recipe = process.from_ if isinstance(process.from_, dict) else {}
                for source, text in recipe.items():
                    if text != "rest":
                        yield name, text, [flow_name(source, name)], into
                if process.yield_:
                    loss = flow_name(name, str(process.loss_to))
                    yield name, process.yield_, [f for f in out if f != loss], into
            case Trade():
                given, whole = (out, into) if process.to else (into, out)
                yield name, process.shares, given, whole


def relations_of(
    compiled: Plan, items: Items, coefficients: Sequence[str], timed: bool
) -> Relations:
    """Return the relations in which these coefficients stand."""
    rows = Rows(items)
    terms: list[tuple[Index, Index, list[Index]]] = []
    for process, text, given, whole in coefficients_of(compiled):
        if not {*factors(text)} & {*coefficients}:
            continue
        _relate(rows, terms, compiled, process, factors(text), given, whole, timed)
    dense = np.zeros((rows.count, items.count))
    for row, column, factor in rows.entries:
        np.add.at(dense, (row, column), factor)
    most = max((len(shares) for _, _, shares in terms), default=1)
    padded = [
        np.stack([*shares, *([np.full_like(row, -1)] * (most - len(shares)))], axis=1)
        for row, _, shares in terms
    ]
    nothing = np.zeros(0, dtype=np.intp)
    return Relations(
        dense,
        np.concatenate([row for row, _, _ in terms]) if terms else nothing,
        np.concatenate([flow for _, flow, _ in terms]) if terms else nothing,
        np.concatenate(padded) if terms else np.zeros((0, 1), dtype=np.intp),
    )


def _relate(
    rows: Rows,
    terms: list[tuple[Index, Index, list[Index]]],
    compiled: Plan,
    process: str,
    names: Sequence[str],
    given: Sequence[str],
    whole: Sequence[str],
    timed: bool,
) -> None:
    """Add the relations of one coefficient: given flows = coefficient · sum of the whole."""
    items, system = rows.items, compiled.system
    step = next(s for s in compiled.steps if s.name == process)
    year = ["year"] if timed else []
    inside = step.all_dims if isinstance(step, TradeStep) else step.dims
    every, _ = items.grid([*inside, *year])
    kept, size = items.grid([*step.dims, *year])
    first = rows.block(size)

    def end(flow: str) -> End:
        return End(
            flow,
            read_at(compiled, flow, process),
            placement(system, compiled.flows[flow], process),
        )

    for flow in given:
        row, column = items.into(kept, end(flow))
        rows.add(first + row, column, 1.0)
    asked = step.gathered_dims if isinstance(step, TradeStep) else step.dims
    total, count = items.grid([*asked, *year])
    shape = [len(items.labels[d]) for d in every]
    cells = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    by_total: list[list[int]] = [[] for _ in range(count)]
    for flow in whole:
        row, column = items.into(total, end(flow))
        for r, c in zip(row.tolist(), column.tolist(), strict=True):
            by_total[r].append(c)
    position = _project(items, every, total, cells.shape)
    chosen = [np.array(by_total[p], dtype=np.intp) for p in position]
    repeats = np.array([len(c) for c in chosen])
    row = np.repeat(first + _project(items, every, kept, cells.shape), repeats)
    shares = [
        np.repeat(
            items.columns(name).reshape(-1)[_project(items, every, items.inner[name], cells.shape)],
            repeats,
        )
        for name in names
    ]
    if len(row):
        terms.append((row, np.concatenate(chosen), shares))


def _project(items: Items, dims: Dims, onto: Dims, shape: Sequence[int]) -> Index:
    """Return for every cell over dims the number of the cell over fewer dims, flat."""
    number = np.zeros(tuple(shape), dtype=np.intp)
    stride = 1
    for dim in reversed(onto):
        size = len(items.labels[dim])
        own = [size if d == dim else 1 for d in dims]
        number = number + stride * np.arange(size).reshape(own)
        stride *= size
    return number.reshape(-1)


def first_guess(relations: Relations, x: Array, passes: int = 20) -> Array:
    """Return x with its unknowns (NaN) filled, as far as single relations tell them."""
    x = x.copy()
    middle = 0.5 * np.nanmax(np.abs(x), initial=1.0)
    for _ in range(passes):
        before = np.isnan(x).sum()
        for number in range(len(relations)):
            _solve_one(relations, number, x)
        if np.isnan(x).sum() in (0, before):
            break
    shares = np.unique(relations.shares[relations.shares >= 0])
    for column in shares[np.isnan(x[shares])]:
        x[column] = 0.5
    x[np.isnan(x)] = middle
    return x


def _solve_one(relations: Relations, number: int, x: Array) -> None:
    """Fill the one unknown of a relation, if it has one and is linear in it."""
    own = relations.row == number
    given = np.flatnonzero(relations.linear[number])
    shares, flows = relations.shares[own], relations.flow[own]
    columns = np.unique([*given, *shares[shares >= 0], *flows])
    unknown = columns[np.isnan(x[columns])]
    if len(unknown) != 1:
        return
    (column,) = unknown
    at_zero, at_one = x.copy(), x.copy()
    at_zero[column], at_one[column] = 0.0, 1.0
    low = _missed(relations, number, at_zero)
    slope = _missed(relations, number, at_one) - low
    if slope:
        x[column] = -low / slope


def _missed(relations: Relations, number: int, x: Array) -> float:
    own = relations.row == number
    extended = np.append(x, 1.0)
    product = extended[relations.shares[own]].prod(axis=1) * x[relations.flow[own]]
    given = relations.linear[number]
    used = np.flatnonzero(given)
    return float(given[used] @ x[used] - product.sum())

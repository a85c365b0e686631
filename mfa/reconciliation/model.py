"""A declared system and what was observed of it, as one problem of least squares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mfa.accounts import accounts
from mfa.balances import Account, End
from mfa.dims import order, require_contiguous
from mfa.errors import MfaError, known
from mfa.plans import Plan
from mfa.reconciliation.elimination import Array
from mfa.reconciliation.items import Dims, Group, Items, Rows
from mfa.reconciliation.observed import Seen
from mfa.reconciliation.relations import Relations, relations_of, used_by
from mfa.schema import Sink
from mfa.units import canonical

CHANGE = "_change"
"""What a stock grows by in a year is named as the stock, with this behind it."""


@dataclass(frozen=True)
class Model:
    """One problem: columns, balances, relations of coefficients, and the data.

    ``value`` and ``uncertainty`` have the dimensions of the batch, and the columns last.
    """

    items: Items
    balances: Array
    relations: Relations
    value: Array
    uncertainty: Array
    lognormal: Any
    low: Array
    high: Array


def build(compiled: Plan, seen: Mapping[str, Seen]) -> Model:
    """Return the problem that a system and observations of it are.

    Raises
    ------
    MfaError
        If an observation is of nothing in the system, or its dimensions, labels
        or unit are not those of the system.
    """
    _refuse_unknown(compiled, seen)
    timed = any("year" in one.dims for one in seen.values())
    levels = [s for s in compiled.stocks if _is_observed(s, seen)]
    groups = _groups(compiled, seen, levels, timed)
    labels = _labels(compiled, seen, groups, bool(levels))
    apart = {d for one in seen.values() for d in (*one.sum, *one.at)}
    for process in (
        compiled.system.processes.values()
    ):  # a place that is read as another is no place of its own
        apart |= {*process.as_, *process.as_.values()}
    axes = order({"year", *compiled.system.axes}, tuple(compiled.system.dimensions))
    apart |= {"year"} if levels else set()
    items = Items(groups, axes, labels, apart, compiled.dims)
    rows = Rows(items)
    for account in accounts(compiled):
        _balance(rows, account, compiled, timed)
    for stock in levels:
        if timed:
            _level(rows, stock)
    for one in seen.values():
        if one.of is not None:
            _tie(rows, one)
    coefficients = [g.name for g in groups if g.kind == "coefficient"]
    relations = relations_of(compiled, items, coefficients, timed)
    value, uncertainty, lognormal = _data(items, seen, compiled)
    low, high = _bounds(items, compiled)
    return Model(items, rows.matrix(), relations, value, uncertainty, lognormal, low, high)


def _is_observed(name: str, seen: Mapping[str, Seen]) -> bool:
    return any(name == key or name in (one.of or ()) for key, one in seen.items())


@lru_cache(maxsize=16)
def _known_dims(compiled: Plan) -> dict[str, tuple[str, Dims]]:
    """Return the kind and the dimensions, but for the year, of all that can be observed."""
    found: dict[str, tuple[str, Dims]] = {f: ("flow", compiled.dims[f]) for f in compiled.flows}
    steps = {step.name: step for step in compiled.steps}
    for stock, process in compiled.stocks.items():
        found[stock] = ("stock", steps[process].stock_dims)
        found[stock + CHANGE] = ("stock change", steps[process].stock_dims)
    for name in used_by(compiled):
        found[name] = ("coefficient", compiled.system.parameters[name].dims)
    return found


def _refuse_unknown(compiled: Plan, seen: Mapping[str, Seen]) -> None:
    there = _known_dims(compiled)
    for name, one in seen.items():
        wanted = [name] if one.of is None else list(one.of)
        for each in wanted:
            if each in there:
                continue
            if each in compiled.system.parameters:
                raise MfaError(
                    f"{each!r} is a parameter that no split, make or trade uses as a share or yield; "
                    "only such coefficients can be reconciled"
                )
            hint = known(each, there, "flows, stocks and coefficients")
            what = "is observed" if one.of is None else f"is what {name!r} is observed of"
            raise MfaError(f"{each!r} {what}, but the system has none of that name. {hint}")
        if one.of is not None and name in there:
            raise MfaError(
                f"{name!r} says of what it is observed, but that is a name of the system; call it otherwise"
            )
        if one.of is None and (one.sum or one.at):
            raise MfaError(
                f"{name!r} is summed or selected, so it needs a name of its own: write it as "
                f"{{'my name': Observation(…, of={name!r}, …)}}"
            )
        if one.of is not None:
            _fits_together(compiled, one)


def _fits_together(compiled: Plan, one: Seen) -> None:
    """Raise unless what is added up has, after sums and selections, the same dimensions."""
    there = _known_dims(compiled)
    left: dict[str, set[str]] = {}
    for each in one.of or ():
        dims = {*there[each][1]}
        for dim in (*one.sum, *one.at):
            if dim not in dims:
                raise MfaError(
                    f"{one.name}: {each!r} has no dimension {dim!r}. {known(dim, dims, 'dimensions')}"
                )
        for dim, label in one.at.items():
            _require_label(compiled, one.name, dim, label)
        left[each] = dims - {*one.sum, *one.at} - {"year"}
    if len({frozenset(dims) for dims in left.values()}) > 1:
        told = "; ".join(f"{each} ({', '.join(sorted(d)) or 'none'})" for each, d in left.items())
        raise MfaError(f"{one.name}: adding never broadcasts, and what it adds has {told}")


def _require_label(compiled: Plan, name: str, dim: str, label: Any) -> None:
    labels = compiled.system.dimensions[dim]
    if str(label) not in labels:
        hint = known(label, labels, "labels")
        raise MfaError(f"{name}: dimension {dim!r} has no label {str(label)!r}. {hint}")


def _groups(
    compiled: Plan, seen: Mapping[str, Seen], levels: Sequence[str], timed: bool
) -> list[Group]:
    there, year = _known_dims(compiled), ("year",) if timed else ()
    found = [Group(f, "flow", (*year, *compiled.dims[f])) for f in compiled.flows]
    for stock, process in compiled.stocks.items():
        change = stock + CHANGE
        looked_at = stock in levels or _is_observed(change, seen)
        if looked_at or not isinstance(compiled.system.processes[process], Sink):
            found.append(Group(change, "stock change", (*year, *there[change][1])))
        if stock in levels:
            found.append(Group(stock, "stock", (*year, *there[stock][1])))
    wanted = {
        n for n, (kind, _) in there.items() if kind == "coefficient" and _is_observed(n, seen)
    }
    for expression in used_by(compiled).values():
        for product in expression:
            if wanted & {*product}:
                wanted |= {*product}
    for name in sorted(wanted):
        dims = tuple(d for d in there[name][1] if timed or d != "year")
        found.append(Group(name, "coefficient", dims))
    own = {group.name: group.dims for group in found}
    for name, one in seen.items():
        if one.of is not None:
            first = own[next(iter(one.of))]
            dims = tuple(d for d in first if d not in one.sum and d not in one.at)
            found.append(Group(name, "observation", dims))
            own[name] = dims
    for name, one in seen.items():
        _require_dims(one, own[name], timed)
    return found


def _require_dims(one: Seen, wanted: Dims, timed: bool) -> None:
    if {*one.dims} == {*wanted}:
        return
    extra, lacking = sorted({*one.dims} - {*wanted}), sorted({*wanted} - {*one.dims})
    if extra:
        raise MfaError(
            f"{one.name}: has the dimension {extra[0]!r}, which it does not have in the system "
            f"({', '.join(wanted) or 'none'})"
        )
    if lacking == ["year"]:
        raise MfaError(f"{one.name}: has no year, while others have; say for which years it holds")
    raise MfaError(
        f"{one.name}: lacks the dimension {', '.join(lacking)}; if it is a total over it, write "
        f"Observation(…, of={one.name!r}, sum={tuple(lacking)!r}) under a name of its own"
    )


def _labels(
    compiled: Plan, seen: Mapping[str, Seen], groups: Iterable[Group], contiguous: bool
) -> dict[str, tuple[Any, ...]]:
    """Return the labels of every dimension; those that all quantities have need only be observed."""
    found: dict[str, tuple[Any, ...]] = dict(compiled.system.dimensions)
    used: dict[str, set[Any]] = {}
    for one in seen.values():
        for dim in one.dims:
            own = one.value.get_index(dim)
            if dim != "year":
                for label in own:
                    _require_label(compiled, one.name, dim, label)
                own = own.map(str)
            elif own.dtype.kind not in "iu":
                raise MfaError(f"{one.name}: years are whole numbers, like 2020, not {own.dtype}")
            used.setdefault(dim, set()).update(own.tolist())
    everywhere = set.intersection(*({*group.dims} for group in groups))
    for dim in everywhere & {*used} - {"year"}:
        found[dim] = tuple(label for label in found[dim] if label in used[dim])
    if "year" in used:
        found["year"] = tuple(sorted(used["year"]))
        if contiguous:
            require_contiguous(np.array(found["year"]))
    return found


def _balance(rows: Rows, account: Account, compiled: Plan, timed: bool) -> None:
    items = rows.items
    ends = [(end, 1.0) for end in account.inputs] + [(end, -1.0) for end in account.outputs]
    if account.stock is not None:
        change = account.stock.name + CHANGE
        if change in items.groups:
            ends.append((End(change, account.stock.dims), -1.0))
        elif isinstance(compiled.system.processes[account.process], Sink):
            return  # what arrives stays
    common = set.intersection(*({*end.dims} | {d for d, _ in end.placed} for end, _ in ends))
    dims, size = items.grid([*common, *(["year"] if timed else [])])
    first = rows.block(size)
    for end, sign in ends:
        row, column = items.into(dims, end)
        rows.add(first + row, column, sign)


def _level(rows: Rows, stock: str) -> None:
    """Level − level of the year before − change = 0; before the first year nothing is known."""
    items = rows.items
    level, change = items.columns(stock), items.columns(stock + CHANGE)
    axis = items.inner[stock].index("year")
    level, change = np.moveaxis(level, axis, 0), np.moveaxis(change, axis, 0)
    now = level[1:].reshape(-1)
    row = rows.block(len(now)) + np.arange(len(now))
    rows.add(row, now, 1.0)
    rows.add(row, level[:-1].reshape(-1), -1.0)
    rows.add(row, change[1:].reshape(-1), -1.0)


def _tie(rows: Rows, one: Seen) -> None:
    """An observed sum minus what it is a sum of = 0."""
    items = rows.items
    dims, size = items.grid(items.groups[one.name].dims)
    first = rows.block(size)
    row, column = items.into(dims, End(one.name, ()))
    rows.add(first + row, column, 1.0)
    for name, factor in (one.of or {}).items():
        inner = items.inner[name]
        chosen = tuple(
            items.labels[d].index(str(one.at[d])) if d in one.at else slice(None) for d in inner
        )
        row, column = items.into(dims, End(name, ()))
        keep = items.columns(name)[chosen].reshape(-1)
        known_row = dict(zip(column.tolist(), row.tolist(), strict=True))
        rows.add(first + np.array([known_row[c] for c in keep.tolist()]), keep, -float(factor))


def _data(items: Items, seen: Mapping[str, Seen], compiled: Plan) -> tuple[Array, Array, Any]:
    value = np.full((*items.batch_shape, items.count), np.nan)
    uncertainty, lognormal = np.zeros_like(value), np.zeros(items.count, dtype=bool)
    for name, one in seen.items():
        _require_unit(one, items, compiled)
        dims = (*items.batch, *items.inner[name])
        columns = items.columns(name).reshape(-1)
        shape = [len(items.labels[d]) for d in dims]
        places = np.ix_(*(_places(one, d, items.labels[d]) for d in dims))
        turn = [one.dims.index(d) for d in dims]
        for target, data in ((value, one.value), (uncertainty, one.uncertainty)):
            whole = np.full(shape, np.nan)
            whole[places] = data.values.transpose(turn)
            target[..., columns] = whole.reshape(*items.batch_shape, -1)
        lognormal[columns] = one.lognormal
        _refuse_values(one, items.groups[name], compiled)
    return value, np.nan_to_num(uncertainty), lognormal


def _places(one: Seen, dim: str, labels: Sequence[Any]) -> list[int]:
    """Return where the labels of an observation stand among all."""
    at = {label: i for i, label in enumerate(labels)}
    own = one.value.get_index(dim).tolist()
    return [at[label if dim == "year" else str(label)] for label in own]


def _require_unit(one: Seen, items: Items, compiled: Plan) -> None:
    said = one.value.attrs.get("units")
    if said is None:
        return
    own = one.name if one.of is None else next(iter(one.of))
    kind = items.groups[own].kind
    wanted = "t" if kind == "stock" else "t/yr"
    if kind == "coefficient":
        wanted = canonical(compiled.system.parameters[own].unit)[1]
    if canonical(str(said)) != (1.0, wanted):
        raise MfaError(
            f"{one.name}: is in {said}, wanted is {wanted}; mfa.array(values, unit, …) converts"
        )


def _refuse_values(one: Seen, group: Group, compiled: Plan) -> None:
    low, high, why = -np.inf, np.inf, ""
    if group.kind in ("flow", "stock"):
        low, why = 0.0, "a flow has one direction and a stock is 0 or more: turn the sign"
    elif group.kind == "coefficient":
        low, high = 0.0, 1.0
        why = "a share lies between 0 and 1"
    wrong = (one.value < low) | (one.value > high)
    if bool(wrong.any()):
        cell = np.argwhere(wrong.values)[0]
        where = ", ".join(
            f"{d}={one.value[d].values[i]}" for d, i in zip(one.dims, cell, strict=True)
        )
        bad = float(one.value.values[tuple(cell)])
        raise MfaError(f"{one.name}: {bad:g}{' at ' if where else ''}{where}; {why}")


def _bounds(items: Items, compiled: Plan) -> tuple[Array, Array]:
    low, high = np.full(items.count, -np.inf), np.full(items.count, np.inf)
    for name, group in items.groups.items():
        columns = items.columns(name).reshape(-1)
        if group.kind in ("flow", "stock", "coefficient"):
            low[columns] = 0.0
        if group.kind == "coefficient":
            high[columns] = 1.0
    return low, high

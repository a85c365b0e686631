"""How a stock makes its numbers in one cell: which cohorts are in it, leave it and enter it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfa.reuse import share_left
from mfa.steps import spread, sum_over
from mfa.stock_step import StockStep
from mfa.trace_nodes import Cell, Made, Part, number, spot
from mfa.trace_numbers import Numbers, gathered, lifetimes
from mfa.trace_origins import Origin

Array = NDArray[np.float64]


class Cohorts(NamedTuple):
    """What entered in each year up to one, what of it is still there and what leaves in that year."""

    entered: Array
    there: Array
    leaving: Array


def cohorts(run: Numbers, step: StockStep, cell: Cell, year: int) -> Cohorts:
    """Return the cohorts of a stock in one cell, each (cohort,), from the first year to this one."""
    now, count = year - run.first, year - run.first + 1
    arrays, by_cohort = run.bound[step.name].arrays, run.bound[step.name].by_cohort
    content = arrays.get("content")
    dims = step.unit_dims if content is not None else step.carried
    if step.driver:
        units = arrays["inflow"]
        if step.reuse is not None:
            left = step.reuse.left(run.values, arrays)
            units = units * spread(left, step.reuse.dims, dims)
        entered = run.at(units, dims, cell)
    else:
        came = gathered(run, step.arrivals, cell, year)
        entered = np.sum([run.series(flow, own) for flow, own, _ in came], axis=0)
        dims = ()
    entered = entered[..., :count]
    alive = run.at(arrays["survival"], dims if step.driver else step.inner, cell)
    ages = np.arange(now, -1, -1)
    if by_cohort:
        left_now = alive[..., np.arange(count), ages]
        before = alive[..., np.arange(count), np.maximum(ages - 1, 0)]
    else:
        left_now, before = alive[..., ages], alive[..., np.maximum(ages - 1, 0)]
    before = np.where(ages == 0, 1.0, before)
    if "kept" in arrays:
        kept = run.at(arrays["kept"], dims, cell)
        if kept.shape[-1] == 1:
            kept = np.broadcast_to(kept, (*kept.shape[:-1], count))
        kept = kept[..., :count]
        later = np.flip(np.cumprod(np.flip(kept, -1), -1), -1)  # Π from each year to this one
        ones = np.ones_like(later[..., :1])
        left_now = left_now * np.concatenate([later[..., 1:], ones], -1)
        until = np.flip(np.cumprod(np.flip(kept[..., :-1], -1), -1), -1)
        before = before * np.concatenate([until[..., 1:], ones, ones], -1)[..., :count]
    found = (entered * np.ones_like(left_now), entered * left_now, entered * (before - left_now))
    weigh = _weights(run, step, content, dims, cell)
    return Cohorts(*(weigh(np.asarray(one)) for one in found))


def _weights(
    run: Numbers, step: StockStep, content: Array | None, dims: tuple[str, ...], cell: Cell
) -> Callable[[Array], Array]:
    """Return what turns units or masses (free dims…, cohort) into masses (cohort,)."""
    free = tuple(d for d in dims if d not in cell)
    if content is None:
        return lambda array: np.asarray(array.reshape(-1, array.shape[-1]).sum(axis=0))
    inner = tuple(d for d in step.inner if d not in cell)
    held = run.at(content, step.inner, cell)

    def weighed(array: Array) -> Array:
        mass = spread(array, free, inner) * held
        return np.asarray(mass.reshape(-1, mass.shape[-1]).sum(axis=0))

    return weighed


def _law(step: StockStep, origins: tuple[Origin, ...]) -> str:
    told = ", ".join(f"{one.parameter} {number(one.value)}" for one in origins)
    return f"{step.lifetime.law} lifetimes{f' ({told})' if told else ''}"


def _lifetimes(run: Numbers, step: StockStep, cell: Cell, year: int) -> tuple[Origin, ...]:
    """Return the parameters of a lifetime; where it differs along what is summed, of the first label."""
    labels = run.plan.system.dimensions
    more = {d: labels[d][0] for d in step.lifetime_dims if d not in cell}
    return tuple(lifetimes(run, step, {**cell, **more}, year))


def _of_cohorts(
    run: Numbers, step: StockStep, cell: Cell, year: int, entered: Array, amounts: Array
) -> Iterator[Part]:
    """Yield what each cohort adds, and the flow by which it entered."""
    for index in np.flatnonzero(amounts):
        then = run.first + int(index)
        share = amounts[index] / entered[index] if entered[index] else 0.0
        came = (
            [(str(step.inflow), dict(cell), float(entered[index]))]
            if step.driver
            else list(gathered(run, step.arrivals, cell, then))
        )
        for flow, own, amount in came:
            age = f"{year - then} years before" if then < year else "the same year"
            text = f"{100 * share:.3g} % of {flow} of {then} ({age}, {number(amount)} t/yr)"
            yield Part(text, share * amount, spot(flow, own, then))


def outflow_made(run: Numbers, step: StockStep, cell: Cell, year: int) -> Made:
    """Return how what leaves a stock is made: of the cohorts that reach their age."""
    entered, _, leaving = cohorts(run, step, cell, year)
    origins = _lifetimes(run, step, cell, year)
    return Made(
        run.value(step.outflow, cell, year),
        "t/yr",
        f"sum over cohorts of what ends its life in {year}: {_law(step, origins)}"
        f"{', or retires early' if 'kept' in run.bound[step.name].arrays else ''}",
        tuple(_of_cohorts(run, step, cell, year, entered, leaving)),
        origins,
    )


def stock_made(run: Numbers, step: StockStep, cell: Cell, year: int) -> Made:
    """Return how a stock is made: of the cohorts that are still there."""
    entered, there, _ = cohorts(run, step, cell, year)
    origins = _lifetimes(run, step, cell, year)
    return Made(
        run.value(str(step.stock), cell, year),
        "t",
        f"sum over cohorts of what is still in use at the end of {year}: {_law(step, origins)}",
        tuple(_of_cohorts(run, step, cell, year, entered, there)),
        origins,
    )


def inflow_made(run: Numbers, step: StockStep, cell: Cell, year: int) -> Made:
    """Return how the inflow of a driven stock is made: of its driver, its types and their content."""
    text = " * ".join(filter(None, (step.driver, step.shares, step.content)))
    labels = run.plan.system.dimensions
    free = [d for d in step.summed if d in step.inner]
    terms: list[tuple[dict[str, str], float]] = []
    for chosen in product(*(labels[d] for d in free)):
        more = dict(zip(free, chosen, strict=True))
        terms.append((more, run.product(text, {**cell, **more}, year)))
    largest = max(terms, key=lambda one: abs(one[1]))[0]
    origins = [*run.origins(text, {**cell, **largest}, year)]
    value = run.value(str(step.inflow), cell, year)
    over = f"sum over {', '.join(free)} of " if free else ""
    if step.by_stock:
        return _keeping(run, step, cell, year, f"{over}{text}", value, origins)
    parts = [Part(", ".join(more.values()), amount) for more, amount in terms] if free else []
    said = f"{over}{text}"
    if step.reuse is not None:
        left = _left(run, step, cell, year)
        said += f", times {number(left)}: units that leave {step.reuse.source} and still serve meet the others"
        parts = [Part(part.text, part.amount * left) for part in parts]
        origins += run.origins(step.reuse.usable, {**cell, **step.reuse.other.at, **largest}, year)
    return Made(value, "t/yr", said, tuple(parts), tuple(origins))


def _left(run: Numbers, step: StockStep, cell: Cell, year: int) -> float:
    """Return the share of the demanded units that new ones meet."""
    assert step.reuse is not None
    arrays, now = run.bound[step.name].arrays, year - run.first
    serving = sum_over(
        run.values[step.reuse.name] * arrays["usable"], step.reuse.unit_dims, step.reuse.dims
    )
    left = run.at(share_left(arrays["demanded"], serving), step.reuse.dims, cell)
    return float(left[now if left.shape[-1] > 1 else 0])


def _keeping(
    run: Numbers,
    step: StockStep,
    cell: Cell,
    year: int,
    text: str,
    value: float,
    origins: list[Origin],
) -> Made:
    """An inflow that keeps a stock as its driver says: what left comes back, and the stock grows."""
    gone = run.value(step.outflow, cell, year)
    stock = run.series(str(step.stock), cell)
    now = year - run.first
    grown = float(stock[now] - (stock[now - 1] if now else 0.0))
    parts = (
        Part(f"{step.outflow}: what left is replaced", gone, spot(step.outflow, cell, year)),
        Part(f"growth of {step.stock} to {number(float(stock[now]))} t", grown),
    )
    said = f"the inflow that keeps {text}: what left + growth of the stock"
    return Made(value, "t/yr", said, parts, tuple(origins))

"""Shortage: how much of each demand is met where capacities bind, found round the ordinary plan.

What cannot be supplied does not flow.  The plan is run with demands scaled by
their share that is met, F ≤ 1, and with the origins that trades then have, so
every balance is closed by ordinary code.  F is a fixed point: asks at F = 1
walk up to the capacities, what these let through walks down
(:mod:`mfa.shortage_walks`), and since that depends on how much scrap there is,
and this on F, all is repeated until asks fit the capacities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mfa.capacities import Place
from mfa.errors import MfaError
from mfa.execution import execute
from mfa.later_years import LaterYears
from mfa.plans import Plan
from mfa.shortage_demands import Demand
from mfa.shortage_walks import Walks
from mfa.steps import Array, Bound, Dims, sum_over

TOLERANCE = 1e-11
"""Largest share by which asks may exceed a capacity, and F change, at the end."""

ROUNDING = 1e-13
"""Part of the largest flow below which what a capacity of 0 is still asked for is rounding."""

MOST = 500
"""Times the plan is run at most."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Flows and stocks of a run with capacities, and what was not delivered (frozen).

    Attributes
    ----------
    values : flows and stocks, (..., year)
    demands : with the share of each that is met
    iterations : how often the plan was run again; 0 where nothing binds
    residual : by which share asks exceed a capacity, or the demand met still changes, at the end
    """

    values: dict[str, Array]
    demands: tuple[Demand, ...]
    iterations: int
    residual: float = 0.0


def solve(
    plan: Plan, bound: Mapping[str, Bound], parameter: Callable[[str, Dims], Array], years: range
) -> Outcome:
    """Return the flows and stocks of a plan whose capacities bind, and what stays unmet.

    Parameters
    ----------
    plan : Plan
        With capacities.
    bound : mapping of the steps' parameters
    parameter : function of an expression and dims
    years : range

    Raises
    ------
    MfaError
        If no share of the demands is found that fits the capacities.
    """
    limits = plan.scarcity
    assert limits is not None
    values = execute(plan, bound, years)
    most = {name: place.bind(parameter, years) for name, place in limits.places.items()}
    dust = ROUNDING * max((float(values[f].max(initial=0.0)) for f in plan.flows), default=0.0)
    over = excess(plan, most, values, dust)
    if over.max(initial=-1.0) <= TOLERANCE:
        return Outcome(values, (), 0)
    demands = tuple(Demand(step, bound[step.name], parameter, years) for step in limits.demands)
    bound = {**bound, **{one.step.name: one.bound for one in demands}}
    changing = {*limits.steps} & {*limits.between} | {one.name for one in limits.buffers}
    changing |= {one.name for one in limits.demands}
    later = LaterYears(plan, bound, values, changing, int(np.argmax(over > TOLERANCE)))
    most = {name: [later.since(array) for array in arrays] for name, arrays in most.items()}
    wanted = tuple(one.since(later) for one in demands)
    walks = Walks(plan, later.bound, most, wanted, later.years)
    found, beyond, moved = later.values, np.inf, np.inf
    for number in range(1, MOST + 1):
        changed, moved = walks.once(found)
        found = later.run(changed)
        beyond = float(excess(plan, most, found, dust).max(initial=-1.0))
        if beyond <= TOLERANCE and moved <= TOLERANCE:
            values = later.whole(found)
            told = zip(demands, wanted, strict=True)
            met = tuple(one.over_all(own, values) for one, own in told)
            return Outcome(values, met, number, max(beyond, moved, 0.0))
    raise MfaError(
        f"{plan.system.title}: after {MOST} runs the demand that the capacities allow still changes by "
        f"{moved:.3g}, and asks exceed a capacity by {beyond:.3g} of it. Two shortages drive each other; "
        "raise one of the capacities, or let the years between them pass more gradually",
        plan.system.place("processes"),
    )


def excess(
    plan: Plan, most: Mapping[str, list[Array]], flows: Mapping[str, Array], dust: float
) -> Array:
    """Return by which share of it asks exceed a capacity at worst, (year,); 0 or less where none does.

    Asks of a market are what is left after arrivals, so where a capacity is 0 they are known to
    rounding of those (`dust`, t/yr) only.
    """
    limits = plan.scarcity
    assert limits is not None
    worst = np.full(1, -1.0)
    for name, place in limits.places.items():
        capacity = place.capacity(most[name], flows, plan.dims)
        if np.isinf(capacity).all():
            continue
        asked = asks_of(plan, place, flows)
        floor = 1e-12 * asked.max(initial=0.0) or 1.0
        bounded = np.isfinite(capacity)
        over = np.where(bounded, asked - np.where(bounded, capacity, 0.0) - dust, -1.0)
        over = over / np.maximum(np.where(bounded, capacity, 1.0), floor)
        axes = tuple(range(over.ndim - 1))
        worst = np.maximum(worst, over.max(axis=axes, initial=-1.0))
    return worst


def asks_of(plan: Plan, place: Place, flows: Mapping[str, Array]) -> Array:
    """Return what a place is asked for, over its cells with axes of length one elsewhere."""
    if place.step is None:
        array, dims = place.asks(flows), place.dims
    else:
        array, dims = flows[place.step.writes[0]], place.step.dims
    found = sum_over(array, dims, place.cells)
    return found[(*(slice(None) if d in place.cells else None for d in place.dims), ...)]

"""What a result says of shortage: unmet demand, what demand gave up, the price index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mfa.errors import MfaError
from mfa.execution import execute
from mfa.plans import Plan
from mfa.schema import Response, Sink, Stock
from mfa.shortage_demands import Demand
from mfa.shortages import Outcome, solve
from mfa.steps import Array, Bound, Dims, Step, at_worst, over_years, spread

UNMET, RESPONSE, PRICE = "unmet_demand", "demand_response", "price_index"

LIMITING = 1e-9
"""A material limits a product if its level is within this share of the lowest."""


def supplied(
    plan: Plan, bound: Mapping[str, Bound], parameter: Callable[[str, Dims], Array], years: range
) -> Outcome:
    """Return the flows and stocks of a plan, and what says how short demand was.

    The latter stands in ``values`` beside flows and stocks, (*dims, year), as
    :func:`shortage_frame` says; a plan without capacities has none of it.
    """
    if plan.scarcity is None:
        return Outcome(execute(plan, bound, years), (), 0)
    found = solve(plan, bound, parameter, years)
    found.values.update(_indicators(plan, found.demands, parameter, years))
    return found


def shortage_frame(plan: Plan) -> dict[str, tuple[Dims, dict[str, str]]]:
    """Return the dimensions and attributes of what a result says of shortage, by name."""
    if plan.scarcity is None:
        return {}
    common = {"kind": "indicator"}
    dims = _dims(plan)
    mass = {"units": "t/yr", "cell_methods": "year: sum"}
    found = {
        UNMET: (
            dims,
            {
                **common,
                **mass,
                "long_name": "demand of use that capacities left unmet, contained mass",
            },
        )
    }
    if plan.scarcity.responding:
        words = "demand of use given up because of the price, contained mass"
        found[RESPONSE] = (dims, {**common, **mass, "long_name": words})
        words = "highest price over that without shortage at which a customer gave up demand"
        attrs = {"units": "1", "cell_methods": "year: point", "long_name": words}
        found[PRICE] = (_price_dims(plan), {**common, **attrs})
    return found


def _dims(plan: Plan) -> Dims:
    """Return the dimensions that all demands have, or stand at a label of."""
    assert plan.scarcity is not None
    each = [{*step.dims, *step.process.at} for step in plan.scarcity.demands]
    common = set.intersection(*each) if each else set()
    return tuple(d for d in plan.system.axes if d in common)


def _price_dims(plan: Plan) -> Dims:
    kept = ("sample", plan.system.conserves)
    return tuple(d for d in _dims(plan) if d in kept)


def _indicators(
    plan: Plan, demands: tuple[Demand, ...], parameter: Callable[[str, Dims], Array], years: range
) -> dict[str, Array]:
    dims, price_dims = _dims(plan), _price_dims(plan)
    size = {d: len(labels) for d, labels in plan.system.dimensions.items()}
    unmet = np.zeros((*(size[d] for d in dims), len(years)))
    given_up = np.zeros_like(unmet)
    price = np.ones((*(size[d] for d in price_dims), len(years)))
    for demand in demands:
        step = demand.step
        met = np.asarray(demand.met)
        if (met >= 1.0).all():
            continue
        process = step.process
        assert isinstance(process, Stock | Sink)
        index, kept = np.ones(1), np.ones(1)
        if process.response:
            index = _price(step, process.response, met, demand.inner, parameter, years)
            elasticity = parameter(process.response.elasticity, demand.inner)
            kept = np.where(met < 1.0, np.maximum(index**elasticity, met), 1.0)
            response = demand.to_flow(demand.asked * (1.0 - kept))
            _add(plan, given_up, dims, step, response)
            limiting = (demand.level <= met * (1 + LIMITING)) & (met < 1.0) & (demand.asked > 0)
            shown = np.where(limiting, index, 1.0)
            axes = tuple(i for i, d in enumerate(demand.inner) if d not in price_dims)
            price = np.maximum(price, shown.max(axis=axes))
        _add(plan, unmet, dims, step, demand.to_flow(demand.asked * np.maximum(kept - met, 0.0)))
    assert plan.scarcity is not None
    found = {UNMET: unmet}
    if plan.scarcity.responding:
        found |= {RESPONSE: given_up, PRICE: price}
    return found


def _price(
    step: Step,
    told: Response,
    met: Array,
    dims: Dims,
    parameter: Callable[[str, Dims], Array],
    years: range,
) -> Array:
    """Return p = min(highest, F^(1/elasticity)), the price at which demand is what can be met."""
    place = step.signature.system.place("processes", step.name, "response")
    elasticity = over_years(parameter(told.elasticity, dims), years)
    if elasticity.max(initial=-1.0) >= 0:
        raise MfaError(
            f"process {step.name!r}: elasticity ({told.elasticity}) is {elasticity.max():g} "
            f"{at_worst(step, dims, years, elasticity)}; demand falls with the price: it is below 0",
            place,
        )
    highest = np.full((1,) * (len(dims) + 1), np.inf)
    if told.highest_price:
        highest = parameter(told.highest_price, dims)
        if highest.min(initial=1.0) < 1:
            raise MfaError(
                f"process {step.name!r}: highest_price ({told.highest_price}) is {highest.min():g} "
                f"{at_worst(step, dims, years, -highest)}; it is an index, 1 without shortage, so 1 or more",
                place,
            )
    with np.errstate(divide="ignore", over="ignore"):
        index = np.minimum(highest, met ** (1.0 / elasticity))
    if not np.isfinite(index).all():
        wrong = np.broadcast_to(~np.isfinite(index), np.broadcast_shapes(index.shape, met.shape))
        raise MfaError(
            f"process {step.name!r}: nothing can be met {at_worst(step, dims, years, wrong * 1.0)}, so no "
            "price clears the market; give 'highest_price' in its response",
            place,
        )
    return np.asarray(index)


def _add(plan: Plan, total: Array, dims: Dims, step: Step, mass: Array) -> None:
    """Add what a step says to a total, at the label where it stands."""
    labels = plan.system.dimensions
    over = tuple(i for i, d in enumerate(step.dims) if d not in dims)
    mass = mass.sum(axis=over) if over else mass
    own = tuple(d for d in step.dims if d in dims)
    where: tuple[Any, ...] = tuple(
        slice(n := labels[d].index(step.process.at[d]), n + 1) if d not in own else slice(None)
        for d in dims
    )
    total[where] += spread(mass, own, dims)

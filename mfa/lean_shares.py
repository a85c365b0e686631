"""Which steps are computed from products, and what a linear one multiplies to make a flow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np

from mfa.contractions import Array
from mfa.process_steps import MakeStep, MarketStep, SinkStep, SourceStep, SplitStep
from mfa.steps import Dims, Gather, Step, spread
from mfa.stock_step import StockStep
from mfa.trade_steps import TradeStep


def share_of(step: Step, name: str, arrays: Mapping[str, Array], axes: Dims) -> Array:
    """Return the share that a flow has of what is gathered at a linear step.

    Parameters
    ----------
    step : MakeStep, SplitStep or TradeStep
    name : str
        A flow that it writes; a loss has the share of what the yield leaves.
    arrays : mapping of str to array
        Parameters to which the step is bound.
    axes : tuple of str
        Those of the plan.

    Returns
    -------
    array, shape (*axes, year)
        With axes of length 1 where it is constant.
    """
    if isinstance(step, TradeStep):
        return spread(arrays["shares"], step.all_dims, axes)
    told = {key: spread(array, step.dims, axes) for key, array in arrays.items()}
    one = np.ones((1,) * (len(axes) + 1))
    if isinstance(step, SplitStep):
        shares, ends = step.shares, dict(zip(step.shares, step.writes, strict=True))
    else:
        assert isinstance(step, MakeStep)
        shares, ends = step.recipe, step.inputs
    given = {key: told[key] for key, text in shares.items() if text != "rest"}
    key = next((key for key, flow in ends.items() if flow == name), None)
    if key in given:
        found = given[key]
    else:
        rest = reduce(np.subtract, given.values(), one)
        found = rest if key else one if "rest" in shares.values() else one - rest
    if "yield" in told:
        found = found / told["yield"]
    return found if key else found - one


def gather_of(step: Step) -> Gather:
    """Return what a linear step multiplies with its shares."""
    if isinstance(step, TradeStep):
        return step.gathered
    return step.arrivals if isinstance(step, SplitStep) else step.asks  # type: ignore[attr-defined]


def is_driven(step: Step) -> bool:
    """Whether a step is bound where it is computed: what drives it need not be multiplied out."""
    return isinstance(step, SourceStep | StockStep) or (
        isinstance(step, SinkStep) and bool(step.takes)
    )


def is_lean(step: Step) -> bool:
    lean = (SourceStep, SinkStep, MakeStep, SplitStep, MarketStep, TradeStep)
    return isinstance(step, lean) or (isinstance(step, StockStep) and not step.by_stock)

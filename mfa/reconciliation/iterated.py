"""Relations that are not linear: linearised at the last answer until nothing changes.

min (x − d)' S⁻¹ (x − d)  subject to  A x = 0, g(x) = 0: with g linearised at xₖ,
A x = 0 and G x = G xₖ − g(xₖ) are linear balances, G being the slope.  Where the
answers stop moving, they are the answer of the whole problem.  A lognormal
quantity, ln x ~ N(ln d, s²), is for this the measurement xₖ (1 + ln d − ln xₖ)
with the standard uncertainty s xₖ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from mfa.errors import MfaError
from mfa.reconciliation.elimination import UNDETERMINABLE, Array
from mfa.reconciliation.least_squares import Adjusted
from mfa.reconciliation.relations import Relations, first_guess

CONVERGED = 1e-10
"""Largest relative change of the last iteration."""

HELD = 1e-8
"""The same where bounds are reached: an interior point is not surer than that."""

ITERATIONS = 200

Linear = Callable[..., Adjusted]
"""Reconciles under linear balances: matrix, value, uncertainty, right, scale → Adjusted."""

Hold = Callable[..., Adjusted]
"""Brings a result within its bounds: found, matrix, value, uncertainty, right → Adjusted."""


def iterate(
    balances: Array,
    relations: Relations | None,
    value: Array,
    sd: Array,
    lognormal: Any,
    linear: Linear,
    hold: Hold | None = None,
) -> Adjusted:
    """Reconcile data (cell, column) under linear balances and relations.

    Parameters
    ----------
    balances : array (balance, column)
    relations : Relations, or None
    value, sd : arrays (cell, column)
    lognormal : array of bool (column,)
    linear : function
        Reconciles under linear balances.
    hold : function, optional
        Brings a linear result within its bounds.

    Raises
    ------
    MfaError
        If the answers go on moving.
    """
    curved = np.asarray(lognormal, dtype=bool)
    if relations is None or not len(relations):
        if not curved.any():
            found = linear(balances, value, sd)
            return found if hold is None else hold(found, balances, value, sd)
        return _until_still(balances, None, value, sd, curved, linear, hold)
    cells = [
        _until_still(balances, relations, value[i : i + 1], sd[i : i + 1], curved, linear, hold)
        for i in range(len(value))
    ]
    return joined(cells)


def joined(parts: Sequence[Adjusted]) -> Adjusted:
    """Put results of several cells behind each other."""
    arrays: dict[str, Any] = {}
    for one in fields(Adjusted):
        own = [getattr(part, one.name) for part in parts]
        arrays[one.name] = None if own[0] is None else np.concatenate(own)
    return Adjusted(**arrays)


def _until_still(
    balances: Array,
    relations: Relations | None,
    value: Array,
    sd: Array,
    lognormal: Any,
    linear: Linear,
    hold: Hold | None,
) -> Adjusted:
    """Linearise until nothing moves; only if that is out of bounds, go on within them."""
    x = linear(balances, value, sd).value if not lognormal.any() else value.copy()
    scale = None
    if relations is not None:
        start = np.where(np.isnan(value[0]), x[0], value[0])
        x = first_guess(relations, start)[None]
        scale = _sizes(x[0])
    logs = lognormal & ~np.isnan(value) & (sd > 0)
    x = np.where(logs, value, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        narrow = np.sqrt(np.log1p((sd / value) ** 2))
        middle = np.log(value)
    held, close = False, CONVERGED
    for number in range(ITERATIONS):
        data, spread = value, sd
        if logs.any():
            at = np.where(logs, x, 1.0)
            data = np.where(logs, at * (1 + middle - np.log(at)), value)
            spread = np.where(logs, narrow * at, sd)
        if relations is None:
            matrix, more = balances, {}
        else:
            missed, slope = relations(x[0])
            matrix = np.vstack([balances, slope])
            right = np.concatenate([np.zeros(len(balances)), slope @ x[0] - missed])
            more = {"right": right, "scale": scale}
        found = linear(matrix, data, spread, **more)
        if held and hold is not None:
            found = hold(found, matrix, data, spread, keep=True, **more)
        new = np.where(np.isnan(found.value), x, found.value)
        new = np.where(logs & (new <= 0), 0.1 * x, new)
        told = found.code != UNDETERMINABLE
        moved = np.max(np.abs(new - x) / _sizes(x), where=told, initial=0.0)
        x = new
        if moved < close and number:
            if hold is None or held:
                sure = np.where(told, found.value, np.nan)
                return replace(found, value=sure, adjustment=sure - value)
            inside = hold(found, matrix, data, spread, **more)
            if np.array_equal(inside.value, found.value, equal_nan=True):
                return replace(found, adjustment=found.value - value)
            held, close = True, HELD
    raise MfaError(
        f"the coefficients do not settle: after {ITERATIONS} iterations the largest change is still "
        f"{moved:.2g} of its quantity; give a coefficient or a flow near them a value"
    )


def _sizes(x: Array) -> Array:
    """Return the usual size of each quantity, never 0."""
    largest = float(np.nanmax(np.abs(x), initial=0.0)) or 1.0
    return np.asarray(np.maximum(np.abs(np.nan_to_num(x)), 1e-9 * largest))

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
from mfa.reconciliation.elimination import Array
from mfa.reconciliation.least_squares import Adjusted
from mfa.reconciliation.relations import Relations, first_guess

CONVERGED = 1e-10
"""Largest relative change of the last iteration."""

ITERATIONS = 200

Linear = Callable[..., Adjusted]
"""Reconciles under linear balances: matrix, value, uncertainty, right, scale → Adjusted."""


def iterate(
    balances: Array,
    relations: Relations | None,
    value: Array,
    sd: Array,
    lognormal: Any,
    linear: Linear,
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

    Raises
    ------
    MfaError
        If the answers go on moving.
    """
    curved = np.asarray(lognormal, dtype=bool)
    if relations is None or not len(relations):
        if not curved.any():
            return linear(balances, value, sd)
        return _until_still(balances, None, value, sd, curved, linear)
    cells = [
        _until_still(balances, relations, value[i : i + 1], sd[i : i + 1], curved, linear)
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
) -> Adjusted:
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
    found: Adjusted | None = None
    for number in range(ITERATIONS):
        data, spread = value, sd
        if logs.any():
            at = np.where(logs, x, 1.0)
            data = np.where(logs, at * (1 + middle - np.log(at)), value)
            spread = np.where(logs, narrow * at, sd)
        if relations is None:
            found = linear(balances, data, spread)
        else:
            missed, slope = relations(x[0])
            matrix = np.vstack([balances, slope])
            right = np.concatenate([np.zeros(len(balances)), slope @ x[0] - missed])
            found = linear(matrix, data, spread, right=right, scale=scale)
        new = np.where(np.isnan(found.value), x, found.value)
        new = np.where(logs & (new <= 0), 0.1 * x, new)
        moved = np.nanmax(np.abs(new - x) / _sizes(x), initial=0.0)
        x = new
        if moved < CONVERGED and number:
            return replace(found, adjustment=found.value - value)
    raise MfaError(
        f"the coefficients do not settle: after {ITERATIONS} iterations the largest change is still "
        f"{moved:.2g} of its quantity; give a coefficient or a flow near them a value"
    )


def _sizes(x: Array) -> Array:
    """Return the usual size of each quantity, never 0."""
    largest = float(np.nanmax(np.abs(x), initial=0.0)) or 1.0
    return np.asarray(np.maximum(np.abs(np.nan_to_num(x)), 1e-9 * largest))

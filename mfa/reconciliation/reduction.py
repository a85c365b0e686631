"""What nobody has measured, taken out of a problem with bounds where that changes nothing.

An unmeasured quantity that stands in one balance only takes what the others leave.  If it may
be anything, the balance limits nothing; if it is 0 or more, the balance says that the others
leave no less than 0; if two such pull both ways, again nothing.  What is left over says when
some values within the bounds exist for all that was taken out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa.reconciliation.elimination import Array, Index


@dataclass(frozen=True)
class Reduced:
    """A problem in fewer balances and columns, with the same answers for what is in it.

    Attributes
    ----------
    rows, columns : arrays of int
        Balances and columns that are left.
    slack : array of int
        Balances among those left in which the others leave 0 or more …
    sign : array (slack,)
        … to a column of which this is the entry.
    """

    rows: Index
    columns: Index
    slack: Index
    sign: Array

    def matrix(self, whole: Array) -> Array:
        """Return the balances that are left; columns of slack stand last."""
        extra = np.zeros((len(whole), len(self.slack)))
        extra[self.slack, np.arange(len(self.slack))] = self.sign
        return np.hstack([whole[:, self.columns], extra])[self.rows]

    def slacks(self, whole: Array, right: Array, value: Array) -> Array:
        """Return what values (cell, column) leave to each slack, (cell, slack)."""
        own = whole[np.ix_(self.slack, self.columns)]
        return np.asarray((right[self.slack] - value[:, self.columns] @ own.T) * self.sign)


def everything(matrix: Array) -> Reduced:
    """Return a problem from which nothing is taken out."""
    rows, columns = (np.arange(n) for n in matrix.shape)
    return Reduced(rows, columns, np.zeros(0, dtype=np.intp), np.zeros(0))


def reduced(matrix: Array, right: Array, measured: Any, low: Array, high: Array) -> Reduced:
    """Return the problem A x = b, low ≤ x ≤ high without what can be taken out.

    Parameters
    ----------
    matrix : array (balance, column)
    right : array (balance,)
    measured : array of bool (column,)
        Measured columns stay.
    low, high : arrays (column,)
        Bounds, ±inf for none.

    Examples
    --------
    What is mined, a, goes to b, c and a stock d that may also shrink; b goes on as e.
    Nobody measured c, d and e:

    >>> balances = np.array([[1.0, -1, -1, -1, 0], [0, 1, 0, 0, -1]])
    >>> low, high = np.array([0, 0, 0, -np.inf, 0]), np.full(5, np.inf)
    >>> found = reduced(balances, np.zeros(2), np.array([True, True, False, False, False]), low, high)
    >>> found.rows.tolist(), found.columns.tolist()
    ([], [0, 1])
    """
    entry = matrix != 0
    rows, kept = entry.any(axis=1), np.ones(matrix.shape[1], dtype=bool)
    open_ = ~np.asarray(measured, dtype=bool)
    free = np.isinf(low) & np.isinf(high)
    upward = (low == 0) & np.isinf(high)
    gives, takes = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    changed = True
    while changed:
        changed = False
        count = entry[rows].sum(axis=0)
        kept &= ~(open_ & (count == 0))
        for column in np.flatnonzero(open_ & kept & (count == 1) & (free | upward)):
            own = np.flatnonzero(entry[:, column] & rows)
            kept[column], changed = False, True
            if not own.size:
                continue
            (row,) = own
            if free[column]:
                rows[row] = False
                continue
            (gives if matrix[row, column] > 0 else takes)[row] = True
            rows[row] = not (gives[row] and takes[row])
        for row in np.flatnonzero(rows & (gives | takes)):
            if _always(matrix[row], right[row], entry[row] & kept, bool(gives[row]), low, high):
                rows[row], changed = False, True
    slack = np.flatnonzero(rows & (gives | takes))
    return Reduced(
        np.flatnonzero(rows), np.flatnonzero(kept), slack, np.where(gives[slack], 1.0, -1.0)
    )


def _always(
    row: Array, right: float, own: NDArray[np.bool_], gives: bool, low: Array, high: Array
) -> bool:
    """Say whether the bounds of the others alone leave 0 or more to the slack of a balance."""
    entries = row[own] if gives else -row[own]
    most = np.where(entries > 0, high[own], low[own])
    with np.errstate(invalid="ignore"):
        return bool((entries * most).sum() <= (right if gives else -right))

"""Gauss–Jordan elimination of balances: what can be checked, what can be worked out.

Balances A x = 0 are reduced with those quantities as pivots that nobody has
measured.  What is left over holds measured quantities only: these are the
checks.  A row with one unmeasured quantity determines it; a quantity that
stands in no such row is undeterminable.  Entries 0, 1 and −1 stay exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]

NOTHING = 1e-11
"""An entry this small, in a row whose largest is 1, is rounding."""

REDUNDANT, UNCHECKED, EXACT, DETERMINABLE, UNDETERMINABLE, ELIMINATED, ABSENT = range(7)

STATUS = (
    "redundant",
    "not checkable",
    "exact",
    "determinable",
    "undeterminable",
    "eliminated",
    "absent",
)
"""What a quantity is, by its code."""


@dataclass(frozen=True)
class Structure:
    """What balances say of quantities of which some are measured.

    Attributes
    ----------
    uncertain, exact : arrays of int
        Columns that are measured, with and without an uncertainty.
    checks : array (check, column)
        Independent combinations of the balances with measured columns only.
    pivots : array of int (check,)
        The column with entry 1 in its check and 0 in every other.
    contradictable : array (row, column)
        Combinations with exact columns only: they hold or the data are wrong.
    determinable : array of int
        Unmeasured columns that follow from the measured: x = −recipe · x.
    recipe : array (determinable, column)
    undeterminable : array of int
    """

    uncertain: Index
    exact: Index
    checks: Array
    pivots: Index
    contradictable: Array
    determinable: Index
    recipe: Array
    undeterminable: Index

    @property
    def status(self) -> NDArray[np.int8]:
        """Return the code of every column."""
        found = np.full(self.checks.shape[1], UNCHECKED, dtype=np.int8)
        found[(self.checks != 0).any(axis=0)] = REDUNDANT
        found[self.exact] = EXACT
        found[self.determinable] = DETERMINABLE
        found[self.undeterminable] = UNDETERMINABLE
        return found


def structure_of(matrix: Any, measured: Any, exact: Any, weight: Any = None) -> Structure:
    """Return what the balances A x = 0 say.

    Parameters
    ----------
    matrix : array (balance, column)
    measured, exact : arrays of bool (column,)
        Exact columns are measured ones.
    weight : array (column,), optional
        Among measured columns those with the largest weight (their uncertainty)
        become pivots.

    Examples
    --------
    >>> balances = [[1, -1, -1, 0], [0, 0, 1, -1]]  # a = b + c, c = d
    >>> found = structure_of(balances, [True, True, False, True], [False] * 4)
    >>> found.checks.tolist(), found.determinable.tolist()
    ([[1.0, -1.0, 0.0, -1.0]], [2])
    """
    work = np.array(matrix, dtype=float)
    known, fixed = np.asarray(measured, dtype=bool), np.asarray(exact, dtype=bool)
    largest = np.abs(work).max(axis=1, initial=0.0)
    work = work[largest > 0] / largest[largest > 0, None]
    heavy = np.ones(work.shape[1]) if weight is None else np.asarray(weight, dtype=float)
    free = np.flatnonzero(~known)
    free = free[np.argsort((work[:, free] != 0).sum(axis=0), kind="stable")]
    uncertain = np.flatnonzero(known & ~fixed)
    by_weight = uncertain[np.argsort(-heavy[uncertain], kind="stable")]
    rows = np.ones(len(work), dtype=bool)
    first = _reduce(work, free, rows)
    rest, unused = work[rows], np.ones(int(rows.sum()), dtype=bool)
    second = _reduce(rest, by_weight, unused)
    checks, pivots = rest[list(second.values())], np.array(list(second), dtype=np.intp)
    left = rest[unused]
    left = left[(left != 0).any(axis=1)]
    certain = {
        column: row
        for column, row in first.items()
        if np.count_nonzero(work[row, free]) == 1  # itself
    }
    determinable = np.array(sorted(certain), dtype=np.intp)
    recipe = work[[certain[c] for c in determinable]]
    recipe[np.arange(len(determinable)), determinable] = 0.0
    return Structure(
        uncertain=uncertain,
        exact=np.flatnonzero(fixed),
        checks=checks,
        pivots=pivots,
        contradictable=left,
        determinable=determinable,
        recipe=recipe,
        undeterminable=np.setdiff1d(free, determinable),
    )


def _reduce(work: Array, columns: Index, rows: NDArray[np.bool_]) -> dict[int, int]:
    """Make a pivot of each column that can be one; return its row, by column."""
    pivots: dict[int, int] = {}
    filled = (work != 0).sum(axis=1)
    for column in columns:
        entries = np.abs(work[:, column])
        own = np.flatnonzero(rows & (entries > 0))
        if not own.size:
            continue
        large = own[entries[own] >= 0.5 * entries[own].max()]
        row = large[np.argmin(filled[large])]
        rows[row] = False
        pivots[int(column)] = int(row)
        work[row] /= work[row, column]
        touched = np.flatnonzero(entries > 0)
        touched = touched[touched != row]
        if touched.size:
            used = np.flatnonzero(work[row])
            block = np.ix_(touched, used)
            changed = work[block] - work[touched, column][:, None] * work[row, used]
            changed[np.abs(changed) < NOTHING] = 0.0
            work[block] = changed
            work[touched, column] = 0.0
            filled[touched] = (work[touched] != 0).sum(axis=1)
    return pivots

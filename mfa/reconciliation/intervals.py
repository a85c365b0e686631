"""What balances leave to a quantity that nobody has measured and that nothing determines."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfa.reconciliation.elimination import Array


def intervals(matrix: Any, value: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Return the smallest and the largest value that A x = 0 leaves to unknown quantities.

    Parameters
    ----------
    matrix : array (balance, column)
    value : array (column,)
        NaN for what is unknown; the others satisfy the balances.
    low, high : arrays (column,)
        Bounds of the unknown, ±inf for none.

    Returns
    -------
    lowest, highest : arrays (column,)
        The value itself where it is known; ±inf where nothing limits it.

    Examples
    --------
    Ten tonnes go on to two places; neither was measured:

    >>> lowest, highest = intervals([[1, -1, -1]], np.array([10, np.nan, np.nan]), *np.array([[0] * 3, [99] * 3]))
    >>> lowest.tolist(), highest.tolist()
    ([10.0, 0.0, 0.0], [10.0, 10.0, 10.0])
    """
    from scipy.optimize import linprog

    work = np.asarray(matrix, dtype=float)
    unknown = np.flatnonzero(np.isnan(value))
    lowest, highest = value.astype(float), value.astype(float)
    if not unknown.size:
        return lowest, highest
    rows = (work[:, unknown] != 0).any(axis=1)
    own = work[np.ix_(rows, unknown)]
    given = -work[rows] @ np.nan_to_num(value)
    box = list(zip(low[unknown], high[unknown], strict=True))
    for place, column in enumerate(unknown):
        for sign, target in ((1.0, lowest), (-1.0, highest)):
            goal = np.zeros(len(unknown))
            goal[place] = sign
            found = linprog(goal, A_eq=own, b_eq=given, bounds=box, method="highs")
            if found.status == 0:
                target[column] = sign * found.fun
            elif found.status == 3:
                target[column] = -sign * np.inf
            else:  # no values within the bounds: reconciled without them
                target[column] = np.nan
    return lowest, highest

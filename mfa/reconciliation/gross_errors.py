"""Which observation is suspect, when that cannot be told, and leaving suspects out.

The global test compares χ² with its law.  If it fails, the local test names the
observation with the largest standardised adjustment z.  Observations that stand
together in every balance have equal ones, and leaving either out lowers χ² by as
much, z² (of independent data): then nothing tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mfa.reconciliation.elimination import ELIMINATED, Array
from mfa.reconciliation.least_squares import Adjusted

ALIKE = 1.0
"""Difference in z² up to which two suspects cannot be told apart."""


def fails(found: Adjusted, level: float) -> NDArray[np.bool_]:
    """Return which cells fail the global test at a level, like 0.95."""
    with np.errstate(invalid="ignore"):
        return np.asarray(found.p_value < 1 - level)


def most_suspect(standardised: Array) -> NDArray[np.intp]:
    """Return the columns with the largest standardised adjustment (column,), all that are alike.

    >>> most_suspect(np.array([2.0, -3.0, 3.0, np.nan])).tolist()
    [1, 2]
    """
    size = np.nan_to_num(np.abs(standardised))
    top = size.max(initial=0.0)
    alike = (size > 0) & (size**2 >= top**2 * (1 - 1e-9) - ALIKE)
    return np.flatnonzero(alike)


def suspects(found: Adjusted, level: float, names: Sequence[str]) -> list[str]:
    """Say for every cell which observation is suspect, "" where the test is passed."""
    told = []
    for failed, row in zip(fails(found, level), found.standardised, strict=True):
        own = most_suspect(row).tolist() if failed else []
        listed = "; ".join(names[i] for i in own[:8]) + ("; …" if len(own) > 8 else "")
        told.append(f"cannot be told: {listed}" if len(own) > 1 else listed)
    return told


def leave_out(
    found: Adjusted,
    value: Array,
    sd: Array,
    solve: Callable[[Array, Array], Adjusted],
    level: float,
) -> tuple[Adjusted, list[list[int]]]:
    """Leave out the most suspect observation of every failing cell, until none fails.

    Parameters
    ----------
    found : Adjusted
        Of data (cell, column).
    value, sd : arrays (cell, column)
    solve : function of value and sd
    level : float

    Returns
    -------
    Adjusted, and the columns left out of each cell, in this order
        A cell stays as it is when its suspects cannot be told apart.
    """
    out: list[list[int]] = [[] for _ in value]
    kept = value.copy()
    stuck = np.zeros(len(value), dtype=bool)
    while (cells := np.flatnonzero(fails(found, level) & ~stuck)).size:
        for cell in cells:
            own = most_suspect(found.standardised[cell])
            if len(own) == 1:
                out[cell].append(int(own[0]))
                kept[cell, own[0]] = np.nan
            else:
                stuck[cell] = True
        again = cells[~stuck[cells]]
        if again.size:
            found = _replaced(found, again, solve(kept[again], sd[again]))
    code, moved = found.code.copy(), found.adjustment.copy()
    for row, columns in enumerate(out):
        code[row, columns] = ELIMINATED
        moved[row, columns] = found.value[row, columns] - value[row, columns]
    return replace(found, code=code, adjustment=moved), out


def _replaced(found: Adjusted, cells: NDArray[np.intp], new: Adjusted) -> Adjusted:
    """Put new results of some cells in place of the old."""
    arrays = {}
    for name in Adjusted.__dataclass_fields__:
        old = getattr(found, name)
        if old is not None:
            old = old.copy()
            old[cells] = getattr(new, name)
        arrays[name] = old
    return Adjusted(**arrays)

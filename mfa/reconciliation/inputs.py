"""What goes into least squares: arrays of fitting shapes, finite, with uncertainties of 0 or more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mfa.errors import MfaError
from mfa.reconciliation.elimination import Array


def checked(
    matrix: Any, value: Any, uncertainty: Any, names: Sequence[str] | None
) -> tuple[Array, Array, Array]:
    """Return matrix, values and uncertainties as arrays of fitting shapes."""
    dense = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    work = np.asarray(dense, dtype=float)
    data, given = np.asarray(value, dtype=float), np.asarray(uncertainty, dtype=float)
    if work.ndim != 2 or not data.ndim or data.shape[-1] != work.shape[1]:
        raise MfaError(
            f"values of shape {data.shape} do not fit a matrix of shape {work.shape}: "
            "the last dimension of the values is that of the columns"
        )
    if not np.isfinite(work).all():
        raise MfaError("the matrix of balances holds NaN or an infinite number")
    try:
        sd = np.broadcast_to(given, data.shape)
    except ValueError:
        raise MfaError(
            f"uncertainties of shape {given.shape} do not fit values of shape {data.shape}"
        ) from None
    measured = ~np.isnan(data)
    for wrong, why in (
        (np.isinf(data), "is infinite"),
        (measured & np.isnan(sd), "has the uncertainty NaN; 0 says that it is exact"),
        (measured & (sd < 0), "has a negative uncertainty"),
        (measured & np.isinf(sd), "has an infinite uncertainty; NaN as value says: not measured"),
    ):
        if wrong.any():
            column = int(np.argwhere(wrong)[0][-1])
            raise MfaError(f"the value of {name_of(names, column)} {why}")
    return work, data, np.where(measured, sd, 0.0)


def name_of(names: Sequence[str] | None, column: int) -> str:
    """Return how a message calls a column."""
    return repr(names[column]) if names is not None else f"column {column}"


def with_constants(
    work: Array, flat: Array, sds: Array, right: Any, lead: tuple[int, ...]
) -> tuple[Array, Array, Array]:
    """Return A x = b as [A, −1] (x, b) = 0, b being known exactly."""
    given = np.asarray(right, dtype=float)
    if given.shape[-1:] != (len(work),) or not np.isfinite(given).all():
        raise MfaError(
            f"right has the shape {given.shape}; it needs one finite number for each of the "
            f"{len(work)} balances"
        )
    each = np.broadcast_to(given, (*lead, len(work))).reshape(-1, len(work))
    used = np.flatnonzero((each != 0).any(axis=0))
    columns = np.zeros((len(work), len(used)))
    columns[used, np.arange(len(used))] = -1.0
    return (
        np.hstack([work, columns]),
        np.hstack([flat, each[:, used]]),
        np.hstack([sds, np.zeros((len(flat), len(used)))]),
    )


def linked_by(correlation: Any, columns: int, wanted: int) -> Array | None:
    """Return a correlation over all columns, constants among them; None for independent data."""
    if correlation is None:
        return None
    given = np.asarray(correlation, dtype=float)
    if given.shape != (columns, columns) or not np.allclose(given, given.T, atol=1e-12):
        raise MfaError(
            f"the correlation has the shape {given.shape}; it is symmetric, ({columns}, {columns})"
        )
    if not np.allclose(np.diag(given), 1.0) or np.linalg.eigvalsh(given).min() < -1e-9:
        raise MfaError(
            "no data can be correlated like this: on its diagonal a correlation has 1, and none of "
            "its eigenvalues is negative"
        )
    linked = np.eye(wanted)
    linked[:columns, :columns] = given
    return linked

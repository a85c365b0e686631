"""A matrix that agrees with its margins: biproportional (RAS) or by least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import linprog

from mfa.dims import order, require_same_labels
from mfa.errors import MfaError
from mfa.indicators.quantities import labelled, masses, refuse, require_units
from mfa.indicators.shares import require_dim
from mfa.trade.matrices import Array

MARGIN = 1e-9
"""Sums of rows and of columns agree within this share of their total."""

SWEEPS = 20_000


def ras(
    matrix: xr.DataArray, rows: xr.DataArray, columns: xr.DataArray, *, tolerance: float = 1e-10
) -> xr.DataArray:
    """Return the matrix scaled by rows and by columns until it has the sums that are known (RAS).

    X = diag(a) · Z · diag(b): proportions between the cells of two rows and two
    columns stay as they are, and what is 0 stays 0.  Any further dimensions
    that all three share are balanced each for itself.

    Parameters
    ----------
    matrix : array (…, row, column) [t/yr]
        What is known of the pattern, 0 or more.
    rows : array (…, row) [t/yr]
        Sums over the columns: exports by origin.
    columns : array (…, column) [t/yr]
        Sums over the rows: imports by destination.
    tolerance : float
        The largest error of a sum, over the largest sum.

    Returns
    -------
    array with the dimensions of the matrix [t/yr]

    Raises
    ------
    MfaError
        If labels or units differ, a number is NaN or negative, the sums of rows and columns
        disagree, or the zeros of the matrix leave no matrix with these sums.

    References
    ----------
    Deming, Stephan (1940), On a Least Squares Adjustment of a Sampled Frequency Table When the Expected
    Marginal Totals Are Known, doi:10.1214/aoms/1177731829; Bacharach (1970), Biproportional Matrices and
    Input-Output Change

    Examples
    --------
    >>> import mfa
    >>> mine, refine = ["CD", "ID"], ["CN", "FI"]
    >>> pattern = mfa.array([[1, 1], [1, 1]], "t/yr", origin=mine, destination=refine)
    >>> out = mfa.array([80, 20], "t/yr", origin=mine)
    >>> into = mfa.array([90, 10], "t/yr", destination=refine)
    >>> ras(pattern, out, into).values.round(9).tolist()
    [[72.0, 8.0], [18.0, 2.0]]
    """
    data, dims = _margins(matrix, rows, columns)
    found = [_scaled(z, r, c, tolerance, dims, at) for z, r, c, at in _cells(data, dims)]
    return _assembled(found, data["matrix"], dims, matrix)


def least_squares(
    matrix: xr.DataArray,
    rows: xr.DataArray,
    columns: xr.DataArray,
    *,
    uncertainty: xr.DataArray | float = 0.1,
) -> xr.Dataset:
    """Return the matrix nearest to what was reported that has the sums that are known.

    min Σ (x − z)² / σ² with the sums of rows and columns, x ≥ 0.  A cell with
    σ = 0 stays as it is.  Unlike with RAS a 0 may become more than 0 where its
    σ allows it, and reports of different quality count differently.

    Parameters
    ----------
    matrix, rows, columns : arrays
        As :func:`ras`.
    uncertainty : array (…, row, column) [t/yr], or a number
        Standard uncertainty of the cells; a number is a share of each cell.

    Returns
    -------
    Dataset: ``value`` and ``standard_uncertainty`` [t/yr], the latter of the cells above 0 and
    without their correlations

    Raises
    ------
    MfaError
        As :func:`ras`, and if an uncertainty is NaN or negative.

    References
    ----------
    Stone, Champernowne, Meade (1942), The Precision of National Income Estimates, doi:10.2307/2967664

    Examples
    --------
    >>> import mfa
    >>> place, other = ["CD", "ID"], ["CN", "FI"]
    >>> told = mfa.array([[70, 10], [20, 10]], "t/yr", origin=place, destination=other)
    >>> out = mfa.array([80, 20], "t/yr", origin=place)
    >>> into = mfa.array([90, 10], "t/yr", destination=other)
    >>> least_squares(told, out, into, uncertainty=told * 0 + 1).value.values.round(9).tolist()
    [[72.5, 7.5], [17.5, 2.5]]
    """
    data, dims = _margins(matrix, rows, columns)
    if isinstance(uncertainty, xr.DataArray):
        sigma = masses(uncertainty=uncertainty)["uncertainty"]
        require_units("matrix", "uncertainty", matrix=data["matrix"], uncertainty=sigma)
    else:
        sigma = masses(uncertainty=uncertainty)["uncertainty"] * data["matrix"]
    require_same_labels(matrix=data["matrix"], uncertainty=sigma)
    data["uncertainty"] = sigma.broadcast_like(data["matrix"])
    solved = [_nearest(z, r, c, s, dims, at) for z, r, c, s, at in _cells(data, dims)]
    values, errors = zip(*solved, strict=True)
    return xr.Dataset(
        {
            "value": _assembled(list(values), data["matrix"], dims, matrix),
            "standard_uncertainty": _assembled(list(errors), data["matrix"], dims, matrix),
        }
    )


def _margins(
    matrix: Any, rows: Any, columns: Any
) -> tuple[dict[str, xr.DataArray], tuple[str, str]]:
    """Return checked inputs on all further dimensions, and the names of row and column."""
    labelled(matrix=matrix, rows=rows, columns=columns)
    data = masses(matrix=matrix, rows=rows, columns=columns)
    require_units(*data, **data)
    own = set(data["matrix"].dims)
    across, down = (own - set(data[name].dims) for name in ("columns", "rows"))
    if len(across) != 1 or len(down) != 1 or across == down:
        raise MfaError(
            f"matrix has the dimensions {list(data['matrix'].dims)}, rows {list(data['rows'].dims)}, "
            f"columns {list(data['columns'].dims)}: rows are the sums over one dimension of the "
            "matrix, columns those over another"
        )
    extra = {d for each in data.values() for d in each.dims} - own
    if extra:
        raise MfaError(f"rows or columns have {sorted(map(str, extra))}, which the matrix has not")
    row, column = str(across.pop()), str(down.pop())
    for dim in (row, column):
        require_dim("matrix", data["matrix"], dim)
    total_rows, total_columns = data["rows"].sum(row), data["columns"].sum(column)
    wide = abs(total_rows - total_columns) > MARGIN * np.maximum(total_rows, total_columns)
    if wide.any():
        away = float(abs(total_rows / total_columns - 1).where(wide).max())
        refuse(
            wide, "rows, summed up", total_rows,
            f"the columns add up to something else, by up to {100 * away:.3g} %: scale the less "
            "certain of the two first",
        )  # fmt: skip
    return data, (row, column)


def _cells(data: dict[str, xr.DataArray], dims: tuple[str, str]) -> list[tuple[Any, ...]]:
    """Return matrix, rows, columns (and more) as plain arrays, one for each further label."""
    row, column = dims
    rest = [d for d in data["matrix"].dims if d not in dims]
    shape = {"rows": [row], "columns": [column]}
    sizes = data["matrix"].sizes
    plain = []
    for name, each in data.items():
        inner = shape.get(name, [row, column])
        values = each.transpose(*rest, *inner).values
        plain.append(values.reshape(-1, *(sizes[d] for d in inner)))
    labels = [
        ", ".join(f"{d}={data['matrix'][d].values[i]}" for d, i in zip(rest, at, strict=True))
        for at in np.ndindex(*(sizes[d] for d in rest))
    ]
    return list(zip(*plain, labels, strict=True))


def _assembled(
    found: list[Array], like: xr.DataArray, dims: tuple[str, str], given: xr.DataArray
) -> xr.DataArray:
    rest = [d for d in like.dims if d not in dims]
    wide = like.transpose(*rest, *dims)
    values = np.array(found).reshape(wide.shape)
    result = wide.copy(data=values).transpose(*order(given.dims, [str(d) for d in given.dims]))
    return result.rename(None).assign_attrs(given.attrs)


def _scaled(
    z: Array, r: Array, c: Array, tolerance: float, dims: tuple[str, str], where: str
) -> Array:
    """Scale rows and columns in turns until both have their sums."""
    largest = max(float(r.max(initial=0.0)), float(c.max(initial=0.0)))
    if not largest:
        return np.zeros_like(z)
    b = np.ones_like(c)
    for sweep in range(SWEEPS):
        a = np.divide(r, z @ b, out=np.zeros_like(r), where=z @ b > 0)
        sums = a @ z
        b = np.divide(c, sums, out=np.zeros_like(c), where=sums > 0)
        x = a[:, None] * z * b
        error = max(np.abs(x.sum(1) - r).max(), np.abs(x.sum(0) - c).max()) / largest
        if error <= tolerance:
            return x
        if sweep == 200 and not _feasible(z > 0, r, c):
            break
    raise MfaError(_no_matrix(z > 0, r, c, dims, where))


def _feasible(free: Any, r: Array, c: Array, fixed: Array | None = None) -> bool:
    """Say whether any matrix of 0 or more, 0 where it has to be, has these sums."""
    r, c = (r, c) if fixed is None else (r - fixed.sum(1), c - fixed.sum(0))
    i, j = np.nonzero(free)
    if not len(i):
        return bool(np.allclose(r, 0) and np.allclose(c, 0))
    scale = max(float(np.abs(r).max()), float(np.abs(c).max()), 1e-300)
    sums = np.zeros((len(r) + len(c), len(i)))
    sums[i, np.arange(len(i))] = 1
    sums[len(r) + j, np.arange(len(i))] = 1
    found = linprog(np.zeros(len(i)), A_eq=sums, b_eq=np.concatenate([r, c]) / scale)
    return bool(found.status == 0)


def _no_matrix(free: Any, r: Array, c: Array, dims: tuple[str, str], where: str) -> str:
    at = f" at {where}" if where else ""
    row, column = dims
    empty = {
        row: np.flatnonzero((r > 0) & ~free.any(1)),
        column: np.flatnonzero((c > 0) & ~free.any(0)),
    }
    told = [
        f"{dim} no. {[int(n) + 1 for n in which]}" for dim, which in empty.items() if len(which)
    ]
    if told:
        return f"matrix{at}: nothing but zeros in {' and '.join(told)}, whose sum is above 0"
    if not _feasible(free, r, c):
        return (
            f"matrix{at}: its zeros leave no matrix with these sums of {row!r} and {column!r}; give "
            "a small number where trade is possible, or use least_squares with an uncertainty there"
        )
    return (
        f"matrix{at}: not balanced after {SWEEPS} sweeps; its zeros nearly contradict the sums: "
        "give a small number where trade is possible, or use least_squares"
    )


def _nearest(
    z: Array, r: Array, c: Array, sigma: Array, dims: tuple[str, str], where: str
) -> tuple[Array, Array]:
    """Solve the quadratic programme through its dual: x = max(0, z + σ² (u + v))."""
    weight = sigma**2
    n = len(r)
    free = weight > 0
    scale = max(float(r.max(initial=0.0)), float(c.max(initial=0.0)))
    if not scale:
        return np.zeros_like(z), np.zeros_like(z)
    if not _feasible(free, r, c, np.where(free, 0.0, z)):
        at = f" at {where}" if where else ""
        raise MfaError(
            f"matrix{at}: no matrix of 0 or more has these sums of {dims[0]!r} and {dims[1]!r} if cells "
            "without uncertainty stay as they are; give them an uncertainty"
        )
    size = float(weight.max()) / scale if free.any() else 1.0
    weight = weight / size  # the multipliers are then about as large as shares
    dual = np.zeros(n + len(c))

    def primal(at: Array) -> Array:
        return np.where(free, np.maximum(0.0, z + weight * (at[:n, None] + at[n:])), z)

    def residual(x: Array) -> Array:
        return np.concatenate([r - x.sum(1), c - x.sum(0)])

    def value(at: Array) -> float:
        x = primal(at)
        half = np.divide(
            x**2 - np.where(free, 0, x**2), 2 * weight, out=np.zeros_like(z), where=free
        )
        return float(
            half.sum()
            - at[:n] @ (r - np.where(free, 0, z).sum(1))
            - at[n:] @ (c - np.where(free, 0, z).sum(0))
        )

    for _ in range(500):
        x = primal(dual)
        short = residual(x)
        if np.abs(short).max() <= 1e-12 * scale:
            break
        active = np.where(free & (x > 0), weight, 0.0)
        system = _normal_matrix(active) + 1e-12 * np.eye(len(dual)) * max(active.max(), 1e-300)
        step = np.linalg.lstsq(system, short, rcond=None)[0]
        now, slope, length = value(dual), float(short @ step), 1.0
        while length > 1e-10 and value(dual + length * step) > now - 1e-4 * length * slope:
            length /= 2
        dual = dual + length * step
    else:
        x = primal(dual)
    if np.abs(residual(x)).max() > 1e-8 * scale:
        raise MfaError(f"matrix{f' at {where}' if where else ''}: least squares did not converge")
    active = np.where(free & (x > 0), weight, 0.0) * size
    inverse = np.linalg.pinv(_normal_matrix(active), hermitian=True)
    rows, columns = inverse[:n, :n], inverse[n:, n:]
    taken = np.diag(rows)[:, None] + np.diag(columns) + 2 * inverse[:n, n:]
    variance = active - active**2 * taken
    return x, np.sqrt(variance.clip(min=0))


def _normal_matrix(weight: Array) -> Array:
    """Return A W Aᵀ for the sums A of rows and columns."""
    top = np.hstack([np.diag(weight.sum(1)), weight])
    return np.vstack([top, np.hstack([weight.T, np.diag(weight.sum(0))])])

"""What indicators of risk take in: shares, scores and ratings, checked for their bounds.

NaN in a share or a rating is an error (CONVENTIONS §4), but shares that are NaN
for every producer say that nothing was produced: what follows from them is
undefined, NaN.  A score that is NaN could not be evaluated, and neither can
what is made of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, known
from mfa.indicators.quantities import all_within, answer, labelled, masses, ratio, refuse
from mfa.indicators.registry import indicator

SUM_OF_SHARES = 1e-6
"""Shares add up to 1 within this."""

NOT_EVALUABLE = "not evaluable"
"""The class of a score that is NaN."""

PER_CENT = "it lies within 0 and 1; if it is in per cent, divide it by 100"


@indicator()
def shares(amounts: xr.DataArray, dim: str) -> xr.DataArray:
    """Return the share of each producer, or each origin, in the sum of all.

    a_k / Σ_k a_k, within [0, 1].  Shares are of the sum of the rows, not of a
    printed world total, which is rounded and need not agree.

    Parameters
    ----------
    amounts : array (…, dim) [any unit]
    dim : str
        The dimension of the producers.

    Returns
    -------
    array (…, dim) [1]; NaN where nothing is produced at all

    Raises
    ------
    MfaError
        If there is no such dimension, it is empty, or an amount is NaN or negative.

    References
    ----------
    Rhoades (1993), The Herfindahl-Hirschman Index, Federal Reserve Bulletin 79

    Examples
    --------
    >>> import mfa
    >>> capacity = mfa.array([567, 59, 52, 37, 30], "GWh", country=["CN", "US", "EU", "KR", "JP"])
    >>> round(float(shares(capacity, "country").sel(country="CN")), 3)
    0.761
    """
    data = masses(amounts=amounts)["amounts"]
    require_dim("amounts", data, dim)
    found = ratio(data, data.sum(dim))
    return answer(found, "shares", "1", amounts)  # type: ignore[no-any-return]


def require_dim(name: str, data: xr.DataArray, dim: str) -> None:
    """Raise unless an array has a dimension, with at least one label.

    >>> require_dim("shares", xr.DataArray([1.0], dims="country"), "country")
    """
    if dim not in data.dims:
        raise MfaError(
            f"{name} has no dimension {dim!r} to reduce. {known(dim, data.dims, 'it has')}"
        )
    if not data.sizes[dim]:
        raise MfaError(f"{name}: dimension {dim!r} has no labels; give one or more")
    if dim in data.coords and not (labels := data.get_index(dim)).is_unique:
        twice = sorted(set(labels[labels.duplicated()].astype(str)))
        raise MfaError(
            f"{name}: {', '.join(twice)} stands twice in {dim!r}; add up what belongs together"
        )


def numbers(what: str, values: Any, count: int) -> list[float]:
    """Return so many finite numbers, of any sequence that has them.

    >>> numbers("limits", (0.1, 0.18), 2)
    [0.1, 0.18]
    """
    found = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else []
    numeric = [isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in found]
    if len(found) != count or not all(numeric) or not np.isfinite(found).all():
        raise MfaError(f"{what}: {values!r} has to be {count} numbers")
    return [float(v) for v in found]


def require_choice(what: str, choice: Any, names: Iterable[str]) -> None:
    """Raise unless a word is one of those that are known."""
    if choice not in (known_names := list(names)):
        raise MfaError(f"{what} {choice!r}. {known(choice, known_names)}")


def require_shares(name: str, data: xr.DataArray, dim: str, *, whole: bool = True) -> None:
    """Raise unless shares lie within 0 and 1 and add up to 1, or with ``whole=False`` to no more.

    >>> require_shares("shares", xr.DataArray([0.7, 0.3], dims="country"), "country")
    """
    require_dim(name, data, dim)
    if not all_within(data.values, 0.0, 1.0):
        present = data.notnull()
        nothing = ~present.any(dim)
        gap = "it is missing beside others; give a number, 0 for none"
        refuse(~(present | nothing), name, data, gap)
        refuse((data < 0) | (data > 1 + SUM_OF_SHARES), name, data, PER_CENT)
    total = data.sum(dim, skipna=False)
    away = total - 1 if not whole else abs(total - 1)
    wrong = away > SUM_OF_SHARES  # False where nothing is produced
    limit = "1" if whole else "no more than 1"
    advice = "risk.shares(amounts, dim) makes shares of amounts"
    refuse(wrong, f"{name}, summed over {dim!r}", total, f"they add up to {limit}: {advice}")


def scores(
    inputs: Mapping[str, Any],
    low: float = 0.0,
    high: float = 1.0,
    *,
    missing: bool = True,
    why: str = PER_CENT,
) -> dict[str, xr.DataArray]:
    """Return labelled inputs within bounds; NaN, what could not be evaluated, only if it may be.

    >>> list(scores({"hazard": 0.3, "exposure": 1}))
    ['hazard', 'exposure']
    """
    arrays = labelled(**inputs)
    for name, data in arrays.items():
        if all_within(data.values, low, high):
            continue
        if not missing:
            refuse(data.isnull(), name, data, "absent is not zero: give a number")
        above, below = (1e-9 * abs(end) if np.isfinite(end) else 0.0 for end in (high, low))
        refuse((data < low - max(below, 1e-12)) | (data > high + above), name, data, why)
        refuse(abs(data) == np.inf, name, data, why)
    return arrays


def geometric_mean(name: str, inputs: dict[str, Any]) -> Any:
    """Return the geometric mean of scores within [0, 1], NaN where one of them is."""
    arrays = scores(inputs)
    product = xr.ones_like(next(iter(arrays.values())))
    for data in arrays.values():
        product = product * data
    root = np.cbrt if len(arrays) == 3 else lambda x: x ** (1 / len(arrays))
    found = xr.apply_ufunc(root, product).clip(0, 1)
    return answer(found, name, "1", *inputs.values())


def classed(*cases: tuple[xr.DataArray, str], otherwise: str) -> xr.DataArray:
    """Return the word of the first case that holds, by cell.

    >>> classed((xr.DataArray([True, False]), "high"), otherwise="low").values.tolist()
    ['high', 'low']
    """
    found: xr.DataArray = xr.apply_ufunc(
        lambda *held: np.select(held, [np.asarray(word) for _, word in cases], otherwise),
        *(held for held, _ in cases),
    )
    return found


def sum_of_squares(
    data: xr.DataArray, dim: str, *weights: xr.DataArray, name: str = "shares", whole: bool = True
) -> xr.DataArray:
    """Check shares as :func:`require_shares` does and return Σ_k s_k² · w_k; NaN where all are NaN.

    >>> float(sum_of_squares(xr.DataArray([0.5, 0.3, 0.2], dims="country"), "country"))
    0.38
    """
    require_dim(name, data, dim)
    quick = _in_blocks(data, dim, *weights)
    if quick is not None:
        squares, totals = quick
        away = np.abs(totals - 1) if whole else totals - 1
        if away.max() <= SUM_OF_SHARES:
            rest = [d for d in data.dims if d != dim]
            coords = {d: data[d] for d in rest if d in data.coords}
            return xr.DataArray(squares, coords, rest)
    require_shares(name, data, dim, whole=whole)
    found: xr.DataArray = xr.dot(data, data, *weights, dim=dim)
    return found


BLOCK = 2**16
"""Numbers that are read once and used three times: few enough to stay in the cache."""


def _in_blocks(data: xr.DataArray, dim: str, *weights: xr.DataArray) -> tuple[Any, Any] | None:
    """Return sums of squares and sums of a large array within [0, 1]; None if it is not such a one."""
    values, axis = data.values, data.dims.index(dim)
    weight = np.ones(values.shape[axis])
    for each in weights:
        if set(each.dims) - {dim}:
            return None
        weight = weight * each.values
    if values.size < 16 * BLOCK or axis == 0:
        return None
    rest = [i for i in range(values.ndim) if i != axis]
    shape = [values.shape[i] for i in rest]
    squares, totals = np.empty(shape), np.empty(shape)
    step = max(1, BLOCK * len(values) // values.size)
    axes = list(range(values.ndim))
    for start in range(0, len(values), step):
        block = values[start : start + step]
        if not all_within(block, 0.0, 1.0):
            return None
        at = slice(start, start + step)
        totals[at] = np.einsum(block, axes, rest)
        if weights:
            squares[at] = np.einsum(block, axes, block, axes, weight, [axis], rest)
        else:
            squares[at] = np.einsum(block, axes, block, axes, rest)
    return squares, totals

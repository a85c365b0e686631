"""The usual names of dimensions, their order, and the guards of CONVENTIONS.md."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError

FIRST = ("scenario", "sample", "year", "cohort", "age")
"""Dimensions that come first in every saved array, in this order."""

LAST = ("product", "technology", "material")
"""Dimensions that come last in every saved array, in this order."""

MOST_CELLS = 2**28
"""A parameter or a flow with more cells than this (2 GiB) is refused."""


def order(names: Iterable[Hashable], declared: Sequence[str] = ()) -> tuple[str, ...]:
    """Sort dimension names into the order of every saved array.

    First ``scenario sample year cohort age``, then places and whatever else a
    system declares (in the order of the declaration), last ``product
    technology material``.

    >>> order({"material", "region", "year"}, declared=["region", "material"])
    ('year', 'region', 'material')
    """

    def rank(name: str) -> tuple[int, int, str]:
        if name in FIRST:
            return 0, FIRST.index(name), name
        if name in LAST:
            return 2, LAST.index(name), name
        return 1, declared.index(name) if name in declared else len(declared), name

    return tuple(sorted((str(name) for name in set(names)), key=rank))


def years(first: int, last: int) -> xr.DataArray:
    """Return the calendar years from first to last, both included.

    Parameters
    ----------
    first, last : int
        Calendar years, ``first <= last``.

    Returns
    -------
    DataArray, shape (year,), integer, its own coordinate

    Raises
    ------
    MfaError
        If a year is not a whole number, or the last lies before the first.

    Examples
    --------
    >>> years(2020, 2022).values.tolist()
    [2020, 2021, 2022]
    """
    for year in (first, last):
        if isinstance(year, bool) or not isinstance(year, int | np.integer):
            raise MfaError(f"{year!r} is not a calendar year; give a whole number, like 2020")
    if last < first:
        raise MfaError(f"the last year {last} lies before the first year {first}")
    values = np.arange(int(first), int(last) + 1)
    return xr.DataArray(
        values, dims="year", coords={"year": values}, name="year", attrs={"units": "year"}
    )


def array(values: Any, unit: str = "1", **coords: Any) -> xr.DataArray:
    """Return a labelled array with a unit, converted to the canonical one.

    Parameters
    ----------
    values : number or array_like
        Shape as given by the labels, in the order in which they are written.
    unit : str
        Unit of the values, e.g. ``"Mt/yr"``; converted to the canonical unit
        of its kind (t, t/yr, yr, USD, vehicle, kWh).
    **coords
        One sequence of labels for each dimension.

    Returns
    -------
    DataArray with ``attrs["units"]``

    Raises
    ------
    MfaError
        If the unit is unknown, a value is NaN or a shape does not fit.

    Examples
    --------
    >>> array([1.0, 2.0], "kt/yr", year=[2020, 2021]).values.tolist()
    [1000.0, 2000.0]
    >>> array(90e6, "vehicle/yr").attrs["units"]
    'vehicle/yr'
    """
    from mfa.units import canonical

    factor, name = canonical(unit)
    data = np.asarray(values, dtype=float) * factor
    if np.isnan(data).any():
        raise MfaError("a value is NaN; absent is not zero: leave the label out or give a number")
    labels = {dim: np.asarray(getattr(c, "values", c)) for dim, c in coords.items()}
    shape = tuple(len(c) for c in labels.values())
    if data.shape != shape:
        raise MfaError(
            f"values of shape {data.shape} do not fit labels {dict(zip(labels, shape, strict=True))}"
        )
    return xr.DataArray(data, dims=tuple(labels), coords=labels, attrs={"units": name})


def require_same_labels(**arrays: xr.DataArray) -> None:
    """Raise unless shared dimensions carry identical labels in the same order (CONVENTIONS §1).

    >>> a = array([1.0, 2.0], region=["CN", "DE"])
    >>> require_same_labels(a=a, b=a.rename(None))
    """
    seen: dict[Hashable, tuple[str, Any]] = {}
    for name, data in arrays.items():
        for dim in data.dims:
            if dim not in data.coords:
                raise MfaError(f"{name}: dimension {dim!r} has no labels; give it coordinates")
            labels = data.get_index(dim)
            other_name, other = seen.setdefault(dim, (name, labels))
            if other is not labels and not other.equals(labels):
                shown = (np.asarray(each) for each in (other, labels))
                raise MfaError(_difference(str(dim), other_name, next(shown), name, next(shown)))


def labelled(
    values: Any, dims: tuple[str, ...], labels: Mapping[str, Any], attrs: Mapping[str, Any]
) -> xr.DataArray:
    """Return an array with labels; an index that has been made once is not made again."""
    frame = _frame(dims, tuple(tuple(np.asarray(labels[dim]).tolist()) for dim in dims))
    found = frame.copy(deep=False, data=values)
    found.attrs = dict(attrs)
    return found


@lru_cache(maxsize=64)
def _frame(dims: tuple[str, ...], labels: tuple[tuple[Any, ...], ...]) -> xr.DataArray:
    empty = np.broadcast_to(np.zeros(()), [len(own) for own in labels])
    return xr.DataArray(empty, dict(zip(dims, map(list, labels), strict=True)), dims)


def _difference(dim: str, name_a: str, a: Any, name_b: str, b: Any) -> str:
    missing, extra = sorted(set(a) - set(b), key=str), sorted(set(b) - set(a), key=str)
    if not missing and not extra:
        detail = "the same labels stand in another order"
    else:
        detail = f"only in {name_a}: {missing}; only in {name_b}: {extra}"
    return (
        f"labels of dimension {dim!r} differ between {name_a} and {name_b} ({detail}); "
        "select or reindex one of them first: nothing is matched by accident"
    )


def require_contiguous(values: Any, name: str = "year") -> None:
    """Raise unless the years are whole numbers, one step apart (CONVENTIONS §5)."""
    labels = np.asarray(values)
    if not labels.size:
        raise MfaError(f"dimension {name!r} has no years; give one or more")
    if not np.issubdtype(labels.dtype, np.integer):
        raise MfaError(
            f"dimension {name!r} must be calendar years as whole numbers, like 2020, not {labels.dtype}"
        )
    if (np.diff(labels) != 1).any():
        gaps = [int(a) for a, b in pairwise(labels) if b - a != 1]
        raise MfaError(
            f"dimension {name!r} must be contiguous integer years; broken after {gaps[:5]}"
        )


def require_size(sizes: Mapping[str, int]) -> None:
    """Raise if an array with these dimensions holds more than :data:`MOST_CELLS` numbers.

    >>> require_size({"region": 4, "year": 138})
    """
    cells = prod(sizes.values())
    if cells > MOST_CELLS:
        shape = " × ".join(f"{dim} {size}" for dim, size in sizes.items())
        raise MfaError(
            f"would have {cells:,} cells ({shape}), {cells * 8 / 2**30:,.0f} GiB; "
            f"{MOST_CELLS * 8 // 2**30} GiB is the most: leave a dimension out or shorten one"
        )


def coordinates(labels: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return coordinate arrays: integers for years, plain strings for the rest."""
    return {
        dim: np.asarray(values)
        if dim in ("year", "cohort", "age", "sample")
        else np.asarray(values, dtype=str)
        for dim, values in labels.items()
    }

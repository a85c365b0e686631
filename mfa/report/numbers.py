"""Numbers of a report: sums of all places by mineral and year, packed into one block of bytes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.assessment import RATES, RATIOS, combined, quantities
from mfa.bands import BAND, SLAB_BYTES
from mfa.report.reading import Case
from mfa.role_arrays import quotient

Array = NDArray[np.float64]

MASS = ("t", "t/yr", "person")
"""Units of what has a sum over places."""


class Store:
    """The numbers of a report, one after the other as 32-bit floats; equal ones only once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._known: dict[bytes, int] = {}
        self._size = 0

    def add(self, values: Array) -> dict[str, Any]:
        """Keep an array and return where it stands: its first number, and its shape.

        >>> Store().add(np.ones((2, 3)))
        {'at': 0, 'shape': [2, 3]}
        """
        part = np.ascontiguousarray(values, dtype="<f4").tobytes()
        return {"at": self._place(part), "shape": [*values.shape]}

    def _place(self, part: bytes) -> int:
        at = self._known.get(part)
        if at is None:
            at = self._known[part] = self._size
            self._parts.append(part)
            self._size += len(part) // 4
        return at

    def take(self, found: Any, numbers: bytes) -> Any:
        """Return what was said of arrays of another store, with where they stand in this one.

        >>> first, second = Store(), Store()
        >>> kept = {"demand": first.add(np.ones(2)), "supply": first.add(np.zeros(3))}
        >>> second.take(kept["supply"], first.to_bytes())
        {'at': 0, 'shape': [3]}
        """
        if isinstance(found, list):
            return [self.take(one, numbers) for one in found]
        if not isinstance(found, dict):
            return found
        if found.keys() == {"at", "shape"}:
            start = 4 * found["at"]
            part = numbers[start : start + 4 * prod(found["shape"])]
            return {"at": self._place(part), "shape": found["shape"]}
        return {key: self.take(one, numbers) for key, one in found.items()}

    def to_bytes(self) -> bytes:
        """Return all numbers, little-endian."""
        return b"".join(self._parts)


def by_years(data: xr.Variable, function: Callable[[xr.Variable], xr.Variable]) -> xr.Variable:
    """Apply a function to a variable, a few years at a time if it is large."""
    count = max(1, -(-data.nbytes // SLAB_BYTES))
    if "year" not in data.dims or count == 1:
        return function(data)
    size = max(1, data.sizes["year"] // count)
    starts = range(0, data.sizes["year"], size)
    parts = [function(data.isel(year=slice(start, start + size))) for start in starts]
    axis = parts[0].dims.index("year")
    return xr.Variable(parts[0].dims, np.concatenate([part.values for part in parts], axis))


def world(case: Case, name: str) -> Array | None:
    """Return a flow, stock or indicator of all places together in the reported years.

    Parameters
    ----------
    case : Case
    name : str
        Of a variable over years, or of a rate whose part and whole the result has.

    Returns
    -------
    array (material, year), or (sample, material, year) with samples
        The first axis has one entry if the quantity has no mineral.  A rate is that of the sums,
        not a sum of rates, and NaN where its whole is 0.  None where there is no such number.
    """
    attrs = case.data.variables[name].attrs if name in case.data.data_vars else {}
    part, whole = str(attrs.get("part", "")), str(attrs.get("whole", ""))
    rate = name.removeprefix("indicator_")
    if not whole and rate in (RATES | RATIOS):
        part, whole = (RATES | RATIOS)[rate][:2]
    if whole:
        if "indicator_population" in quantities(whole):
            return None  # places may overlap
        above = world(case, part)
        below = {key: world(case, key) for key in quantities(whole)}
        if above is not None and all(own is not None for own in below.values()):
            return quotient(*np.broadcast_arrays(above, combined(whole, below.__getitem__)))
    if not attrs or "year" not in case.data.variables[name].dims:
        return None
    data = case.data.variables[name].isel(year=case.reported)
    order = [d for d in ("sample", case.conserved, "year") if d in data.dims]
    over = [d for d in data.dims if d not in order]
    if over and attrs.get("units") not in MASS:
        return None
    summed = by_years(data, lambda own: own.sum(over)) if over else data
    values = np.asarray(summed.transpose(*order).values, dtype=float)
    return values if case.conserved in order else np.expand_dims(values, -2)


def with_band(values: Array, sampled: bool) -> Array:
    """Return what is drawn of a quantity: itself, or its quantiles over samples.

    Returns
    -------
    array (1, material, year), or (quantile, material, year) with the quantiles of ``BAND``
        Where a sample is undefined, so are the quantiles.
    """
    return np.quantile(values, BAND, axis=0) if sampled else values[None]


def mean(values: Array, sampled: bool) -> Array:
    """Return the mean over samples, in which every balance holds as in each of them."""
    return np.asarray(values.mean(axis=0)) if sampled else values

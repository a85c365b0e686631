"""The arrays behind indicators: what plays a role, added up and placed, in the order of saved arrays."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.dims import order
from mfa.errors import MfaError
from mfa.role_names import ROLES
from mfa.role_plans import RolePlan, Term
from mfa.system import factors

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Dims = tuple[str, ...]

DUST = 1e-12
"""Below this share of the largest a whole is rounding, and a share of it undefined (CONVENTIONS §9)."""


class Ledger:
    """Reads the flows, stocks and parameters of a run; keeps the variables found so far."""

    def __init__(self, roles: RolePlan, result: xr.Dataset) -> None:
        self.roles, self.system, self.result = roles, roles.system, result
        self.leading = tuple(d for d in ("scenario", "sample") if d in result.dims)
        self.sizes = {str(d): size for d, size in result.sizes.items()}
        self.declared = tuple(roles.system.dimensions)
        self.dims = self.sorted(roles.dims)
        self.found: dict[str, xr.Variable] = {}

    def sorted(self, dims: Iterable[str], year: bool = True) -> Dims:
        """Return dims in the order of saved arrays, with the year and what stands before it."""
        return order((*self.leading, *(["year"] if year else []), *dims), self.declared)

    def zeros(self, dims: Dims) -> Array:
        return np.zeros([self.sizes[d] for d in dims])

    def values(self, name: str, dims: Dims) -> Array:
        """Return a variable of the run with these dims: others are summed, missing ones of length one."""
        if name not in self.result.variables:
            raise MfaError(f"the result lacks {name!r}, which the roles of the system need")
        own = self.result.variables[name]
        wanted = order(own.dims, self.declared)
        turned = own if own.dims == wanted else own.transpose(*wanted)
        array = np.asarray(turned.values, dtype=float)
        if over := tuple(i for i, d in enumerate(wanted) if d not in dims):
            array = np.asarray(array.sum(axis=over))
        return array[tuple(slice(None) if d in wanted else None for d in dims)]

    def total(self, terms: Iterable[Term], dims: Dims) -> Array:
        """Return the sum of terms over these dims; one that lacks a dim is put at its label."""
        whole = self.zeros(dims)
        for term in terms:
            where = dict(term.at)
            index = tuple(
                slice(where[d], where[d] + 1) if d in where else slice(None) for d in dims
            )
            whole[index] += self.values(term.name, dims)
        return whole

    def product(self, expression: str, dims: Dims) -> Array:
        """Return a product of parameters, with axes of length one for dims that it has not."""
        first, *others = (self.values(name, dims) for name in factors(expression))
        for array in others:
            first = first * array
        return first

    def summed(self, array: Array, dims: Dims) -> Array:
        """Return an array of these dims over those of the indicators."""
        return np.asarray(
            array.sum(axis=tuple(i for i, d in enumerate(dims) if d not in self.dims))
        )

    def add(self, name: str, dims: Dims, array: Array, units: str, words: str, **more: str) -> None:
        attrs = {"units": units, "long_name": words, "kind": "indicator", **more}
        if "year" in dims:
            attrs["cell_methods"] = "year: sum" if units.endswith("t/yr") else "year: point"
        self.found[name] = xr.Variable(dims, array, attrs, fastpath=True)

    def numbers(self, name: str) -> Array:
        return np.asarray(self.found[name].values)

    def spread(self, name: str, dims: Dims) -> Array:
        """Return what was found under a name, with axes of length one for dims that it has not."""
        own = self.found[name].dims
        return self.numbers(name)[tuple(slice(None) if d in own else None for d in dims)]

    def refuse(
        self, wrong: Mask, values: Array, dims: Dims, key: str, why: str, what: str = ""
    ) -> None:
        """Raise at the first cell that is wrong, with its value and labels."""
        if not wrong.any():
            return
        cell = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        labels = [
            f"{d}={self.result[d].values[i]}"
            for d, i, size in zip(dims, cell, wrong.shape, strict=True)
            if size > 1
        ]
        where = f" at {', '.join(labels)}" if labels else ""
        value = np.broadcast_to(values, wrong.shape)[cell]
        place = self.system.place("roles" if key in ROLES else "potential", key)
        raise MfaError(f"{what or f'role {key!r}'}: {value:g}{where}; {why}", place)


def quotient(above: Array, below: Array) -> Array:
    """Divide; NaN where the divisor is 0, or rounding beside the largest of the two.

    >>> quotient(np.array([1.0, 0.0]), np.array([4.0, 0.0]))
    array([0.25,  nan])
    """
    largest = max(float(np.abs(above).max(initial=0.0)), float(np.abs(below).max(initial=0.0)))
    there = below > DUST * largest
    return np.asarray(np.divide(above, below, out=np.full(np.shape(below), np.nan), where=there))

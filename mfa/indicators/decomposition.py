"""What each lever contributes to a change, whatever the order in which they are thought of.

The contribution of a lever depends on which others are pulled already: longer
lifetimes leave less scrap for a better collection to collect.  Shapley's value
is the mean over all orders, the only division that adds up to the whole, gives
nothing to a lever that does nothing, and treats like levers alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.dims import require_same_labels
from mfa.errors import MfaError, shortly

Array = NDArray[np.float64]

EXACT = 8
"""Up to so many levers every combination is evaluated: 2⁸ = 256."""


def shapley(
    value: Callable[[tuple[str, ...]], Any],
    levers: Sequence[str],
    *,
    orders: int = 256,
    seed: int = 0,
) -> xr.DataArray:
    """Divide the change from no lever to all levers among the levers.

    With v(S) the value under the levers S of n,

        φ_i = Σ_{S ∌ i} |S|! (n − |S| − 1)! / n! · [v(S ∪ i) − v(S)],

    and Σ_i φ_i = v(all) − v(none).  With more than 8 levers the mean over all
    orders is that over drawn ones, each beside its reverse, which leaves
    nothing to chance where levers interact in pairs; the sum stays exact.

    Parameters
    ----------
    value : function of a tuple of names, in the order of ``levers``
        The number or array (…) that the levers in the tuple lead to, ``()``
        the reference; asked once for each combination.
    levers : sequence of str
    orders : int
        Orders to draw with more than 8 levers, even, 4 or more; each takes as many
        runs as there are levers, less those that an earlier one needed.
    seed : int
        Of the draw.

    Returns
    -------
    array (lever, …), in the units of the value.  Coordinates: ``reference``
    (…), the value without levers, and ``standard_error`` (lever, …), 0 where exact.
    Attributes: ``method`` (exact or sampled) and ``evaluations``; if sampled,
    ``orders`` and ``seed``.

    Raises
    ------
    MfaError
        If there are no levers, one is named twice, a value is NaN, infinite or no
        number, or two values differ in their labels or units.

    References
    ----------
    Shapley (1953), A Value for n-Person Games, doi:10.1515/9781400881970-018;
    Shorrocks (2013), Decomposition Procedures for Distributional Analysis, doi:10.1007/s10888-011-9214-z;
    Castro et al. (2009), Polynomial Calculation of the Shapley Value Based on Sampling,
    doi:10.1016/j.cor.2008.04.004

    Examples
    --------
    Half as many cars, and batteries half as large: together they save 75 of 100 t.

    >>> def demand(levers):
    ...     return 100 * 0.5 ** len(levers)
    >>> parts = shapley(demand, ["car_sharing", "smaller_batteries"])
    >>> parts.values.tolist(), parts.reference.item()
    ([-37.5, -37.5], 100.0)
    """
    names = _names(levers)
    values = _Values(value, names)
    none = values.of(0)
    if len(names) <= EXACT:
        parts, errors = _exact(values, len(names)), np.zeros((len(names), *none.shape))
        attrs: dict[str, Any] = {"method": "exact"}
    else:
        if orders < 4 or orders % 2:
            raise MfaError(f"orders is {orders}; give an even number, 4 or more")
        parts, errors = _sampled(values, len(names), orders // 2, np.random.default_rng(seed))
        attrs = {"method": "sampled", "orders": orders, "seed": seed}
    like = values.first
    dims = ("lever", *(str(dim) for dim in like.dims))
    result = xr.DataArray(
        parts,
        dims=dims,
        coords={"lever": np.asarray(names, dtype=str), **like.coords},
        name="contribution",
        attrs={**like.attrs, **attrs, "evaluations": values.count},
    )
    return result.assign_coords(
        reference=(dims[1:], none, like.attrs), standard_error=(dims, errors, like.attrs)
    )


def _names(levers: Sequence[str]) -> list[str]:
    if isinstance(levers, str):
        raise MfaError(f"levers is {shortly(levers)}; give a list of names")
    names = list(levers)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MfaError(f"levers named twice: {', '.join(twice)}")
    if not names:
        raise MfaError("no levers: there is no change to divide; name one or more")
    return names


class _Values:
    """The value of each combination, asked for once; lever i is bit i of its number."""

    def __init__(self, value: Callable[[tuple[str, ...]], Any], names: list[str]) -> None:
        self._value, self._names = value, names
        self._known: dict[int, Array] = {}
        self.first = xr.DataArray()

    @property
    def count(self) -> int:
        return len(self._known)

    def of(self, members: int) -> Array:
        if members not in self._known:
            chosen = tuple(n for i, n in enumerate(self._names) if members >> i & 1)
            self._known[members] = self._asked(chosen, first=not self._known)
        return self._known[members]

    def _asked(self, chosen: tuple[str, ...], first: bool) -> Array:
        where = f"the value with {', '.join(chosen)}" if chosen else "the value without levers"
        found = self._value(chosen)
        if not isinstance(found, xr.DataArray):
            if np.ndim(found) or not isinstance(found, int | float | np.number):
                raise MfaError(
                    f"{where}: {shortly(found)} is neither a number nor a labelled array"
                )
            found = xr.DataArray(float(found))
        if first:
            taken = {"lever", "reference", "standard_error"} & {*found.dims, *found.coords}
            if taken:
                raise MfaError(f"{where} has {sorted(taken)} itself; rename that first")
            self.first = found
        like = self.first
        if found.dims != like.dims or found.attrs.get("units") != like.attrs.get("units"):
            raise MfaError(
                f"{where} has dimensions {list(found.dims)} and units {found.attrs.get('units')}; "
                f"without levers it has {list(like.dims)} and {like.attrs.get('units')}"
            )
        require_same_labels(**{"the value without levers": like, where: found})
        values = np.asarray(found.values, dtype=float)
        if not np.isfinite(values).all():
            wrong = values[~np.isfinite(values)][0]
            raise MfaError(
                f"{where} is {wrong:g}; a change is divided only if every combination has a number"
            )
        return values


def _exact(values: _Values, count: int) -> Array:
    every = np.stack([values.of(members) for members in range(2**count)])
    numbers = np.arange(2**count)
    sizes = np.array([number.bit_count() for number in range(2**count)])
    weight = np.array(
        [factorial(s) * factorial(count - s - 1) / factorial(count) for s in range(count)]
    )
    parts = []
    for i in range(count):
        without = numbers[numbers >> i & 1 == 0]
        gains = every[without | 1 << i] - every[without]
        parts.append(np.tensordot(weight[sizes[without]], gains, axes=1))
    return np.stack(parts)


def _sampled(
    values: _Values, count: int, pairs: int, draw: np.random.Generator
) -> tuple[Array, Array]:
    """Return means and standard errors over pairs of an order and its reverse (Welford)."""
    mean = spread = np.zeros((count, *values.of(0).shape))
    for number in range(1, pairs + 1):
        order = [int(i) for i in draw.permutation(count)]
        gains = (_gains(values, order) + _gains(values, order[::-1])) / 2
        step = gains - mean
        mean = mean + step / number
        spread = spread + step * (gains - mean)
    return mean, np.sqrt(np.maximum(spread, 0.0) / (pairs - 1) / pairs)


def _gains(values: _Values, order: list[int]) -> Array:
    gains = np.empty((len(order), *values.of(0).shape))
    members, before = 0, values.of(0)
    for i in order:
        members |= 1 << i
        after = values.of(members)
        gains[i] = after - before
        before = after
    return gains

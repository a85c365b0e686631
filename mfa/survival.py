"""Survival on bare arrays: the share of a cohort left at the end of each year, from a law."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa.compiled import loops
from mfa.errors import MfaError, known
from mfa.lifetime_laws import LAWS, LEAST, ImpossibleError, Law, weibull_table
from mfa.weibull_years import mean_of_years

Array = NDArray[np.float64]
FIRST_AGE = {"start": 1.0, "middle": 0.5, "end": 0.0, "spread": 0.0}
"""Age at the end of the year of entry, for each moment of entry."""

LONG = 1000.0
"""Years beyond an age, by what is left in its year, from which R(a) − R(a + 1) would cancel."""

MANY = 16
"""Lifetimes and ages from which on preparing a table of all of them costs less than it saves."""

BEYOND_DOUBLES = "the numbers of a computer cannot follow a law with such parameters"


def survival_values(
    law: str, count: int, inflow_at: str = "spread", below_zero: str = "leaves", **parameters: Any
) -> Array:
    """Return the share of a cohort still in use at the end of each year, on bare arrays.

    Parameters
    ----------
    law : str
        Name of a law of this module, or ``"table"`` (parameter ``survival`` or ``hazard``).
    count : int
        Number of ages: 0 … count − 1 years after the year of entry.
    inflow_at : {"spread", "start", "middle", "end"}
        When a cohort enters its year; see the module.
    below_zero : {"leaves", "truncate"}
        For ``normal`` only; see :func:`normal`.
    **parameters : array_like, shape (...)
        Parameters of the law [yr], broadcast against each other. A lifetime that varies by
        cohort has its cohorts as the last axis.

    Returns
    -------
    array, shape (..., age), 1 ≥ values ≥ 0, never rising

    Raises
    ------
    MfaError
        For an unknown law, moment of entry or set of parameters, and for an impossible value.

    Examples
    --------
    >>> survival_values("fixed", 4, mean=2.5).tolist()
    [1.0, 1.0, 0.5, 0.0]
    """
    try:
        return surviving(law, count, inflow_at, below_zero, parameters)
    except ImpossibleError as wrong:
        cell = tuple(int(i) for i in wrong.index)
        raise MfaError(f"{law}: {wrong}" + (f" at cell {cell}" if cell else "")) from None


def surviving(
    law: str, count: int, inflow_at: str, below_zero: str, parameters: Mapping[str, Any]
) -> Array:
    """Do the work of :func:`survival_values`; an impossible value is an :class:`ImpossibleError`."""
    if law == "table":
        require_known("inflow_at", inflow_at, FIRST_AGE)
        return _tabulated(count, parameters)
    own, inverse = distinct(checked(law, inflow_at, below_zero, parameters))
    values = evaluate(law, count, inflow_at, below_zero, own)
    return values if inverse is None else values[inverse]


def checked(
    law: str, inflow_at: str, below_zero: str, parameters: Mapping[str, Any]
) -> tuple[Array, ...]:
    """Return the law's own parameters, (..., 1), all choices being known and possible."""
    require_known("law", law, [*LAWS, "table"])
    require_known("inflow_at", inflow_at, FIRST_AGE)
    require_known("below_zero", below_zero, ["leaves", "truncate"])
    if below_zero == "truncate" and law != "normal":
        raise MfaError(f"{law}: below_zero is an option of the law 'normal' only")
    return _own_parameters(law, parameters)


def evaluate(
    law: str, count: int, inflow_at: str, below_zero: str, own: tuple[Array, ...]
) -> Array:
    """Return the survival of each set of parameters at ages 0 … count − 1, (..., age)."""
    with np.errstate(all="ignore"):  # what is then not a number is an error below
        return _evaluated(law, count, inflow_at, below_zero, own)


def _evaluated(
    law: str, count: int, inflow_at: str, below_zero: str, own: tuple[Array, ...]
) -> Array:
    found = LAWS[law]
    if inflow_at == "spread":
        values = _mean_of_years(found, count, own)
    else:
        ages: Array = np.arange(float(count)) + FIRST_AGE[inflow_at]
        compiled = loops(own[0].size * count * count // 2) if law == "weibull" else None
        if compiled is not None:
            return np.asarray(compiled.weibull_table(ages, *own))
        many = law == "weibull" and min(own[0].size, count) >= MANY
        values = weibull_table(ages, *own) if many else found.alive(ages, *own)
    if below_zero == "truncate":
        values /= found.alive(np.zeros(1), *own)
    falls = (values[..., 1:] <= values[..., :-1]).all()
    if not (falls and (values[..., 0] <= 1).all() and (values[..., -1] >= 0).all()):
        if np.isnan(values).any():
            raise ImpossibleError(BEYOND_DOUBLES, True)
        np.clip(values, 0.0, 1.0, out=values)
        np.minimum.accumulate(values, axis=-1, out=values)
    if (values[..., -1] < LEAST).any():
        values[values < LEAST] = 0.0
    return values


def _mean_of_years(law: Law, count: int, own: tuple[Array, ...]) -> Array:
    """Return ∫ S over each year: R(a) − R(a + 1), or quadrature where that would cancel.

    It cancels where R(a) is long against the year. There S has no edge within a year: it bends
    on the scale of the lifetime or, near age 0, on that of ln x.
    """
    ages = np.arange(float(count))
    if law is LAWS["weibull"]:
        values, unknown = mean_of_years(count, *own)
        if unknown.any():
            cells = (np.broadcast_to(given, values.shape)[unknown] for given in (ages, *own))
            age, *of_cell = cells
            before, after = law.beyond(age, *of_cell), law.beyond(age + 1.0, *of_cell)
            values[unknown] = _differences(law, before, after, age, tuple(of_cell))
        return values
    beyond = law.beyond(np.arange(count + 1.0), *own)
    return _differences(law, beyond[..., :-1], beyond[..., 1:], ages, own)


def _differences(
    law: Law, before: Array, after: Array, ages: Array, own: tuple[Array, ...]
) -> Array:
    values = before - after
    long = ~(values * LONG > before) & (before != 0)
    if not long.any():
        return values
    ages = np.broadcast_to(ages, values.shape)
    for cells, nodes in ((long & (ages == 0), _from_zero()), (long & (ages > 0), _of_year())):
        if cells.any():
            of_cell = tuple(np.broadcast_to(value, values.shape)[cells] for value in own)
            values[cells] = _by_nodes(law, ages[cells], of_cell, *nodes)
    return values


def _by_nodes(law: Law, ages: Array, own: tuple[Array, ...], nodes: Array, weights: Array) -> Array:
    """Return ∫ S over the year from each age: S at its end, and what S is above that before."""
    least = law.alive(ages + 1.0, *own)
    more = np.zeros_like(least)
    for node, weight in zip(nodes, weights, strict=True):
        more += weight * (law.alive(ages + node, *own) - least)
    return least + more


@cache
def _of_year() -> tuple[Array, Array]:
    """Gauss–Legendre nodes and weights over a year: what is smooth, to the last digits."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    return (nodes + 1.0) / 2.0, weights / 2.0


@cache
def _from_zero() -> tuple[Array, Array]:
    """Nodes that crowd towards age 0, for what falls there with a power or the logarithm of age.

    x = 1 / (1 + e^(−π sinh t)), by the trapezoid rule over t, which converges exponentially
    (double exponential quadrature, doi:10.2977/prims/1195192451).
    """
    t = np.arange(-3.5, 3.51, 0.0625)
    nodes = 1.0 / (1.0 + np.exp(-np.pi * np.sinh(t)))
    weights = 0.0625 * np.pi * np.cosh(t) * nodes / (1.0 + np.exp(np.pi * np.sinh(t)))
    return nodes, weights / weights.sum()


def distinct(own: tuple[Array, ...]) -> tuple[tuple[Array, ...], NDArray[np.intp] | None]:
    """Return each set of parameters once, and where each cell finds its set.

    Where one parameter alone tells most cells apart it is not worth the search.
    """
    size = own[0].size
    if size < 2 or any(2 * np.unique(values).size > size for values in own):
        return own, None
    stacked = np.stack([values.ravel() for values in own])
    sets, inverse = np.unique(stacked, axis=1, return_inverse=True)
    return tuple(values[:, np.newaxis] for values in sets), inverse.reshape(own[0].shape[:-1])


def require_known(what: str, name: str, names: Any) -> None:
    if name not in names:
        raise MfaError(f"{what} {name!r} is not known. {known(name, names)}")


def _own_parameters(law: str, parameters: Mapping[str, Any]) -> tuple[Array, ...]:
    """Return the law's own parameters, with an axis of length 1 for the ages at the end."""
    accepts = LAWS[law].accepts
    given = tuple(name for name in ("mean", "std", "shape", "scale") if name in parameters)
    if given not in accepts or len(given) < len(parameters):
        ways = " or ".join(" and ".join(names) for names in accepts)
        told = ", ".join(parameters) or "nothing"
        raise MfaError(f"{law}: takes {ways}; given: {told}")
    # a copy: what is computed later must not follow what becomes of the array that was given
    arrays = [np.array(parameters[name], dtype=float) for name in given]
    for name, values in zip(given, arrays, strict=True):
        smallest_allowed = (law, name) == ("fixed", "mean")
        if _within(values, 0.0, smallest_allowed):
            continue
        values = np.broadcast_arrays(values, *arrays)[0]
        good = np.isfinite(values) & ((values > 0) | (smallest_allowed & (values == 0)))
        value = values[np.unravel_index(int(np.argmax(~good)), values.shape)]
        least = "0 or more" if smallest_allowed else "above 0"
        raise ImpossibleError(f"{name} must be {least}, not {value}", ~good)
    together = np.broadcast_arrays(*arrays)
    with np.errstate(all="ignore"):
        own = tuple(np.asarray(values, dtype=float) for values in accepts[given](*together))
    made = [values for values in own if all(values is not each for each in together)]
    if not all(_within(values, -np.inf) for values in made):
        lost = ~np.isfinite(own).all(axis=0)
        cell = np.unravel_index(int(np.argmax(lost)), lost.shape)
        told = ", ".join(
            f"{name} {values[cell]:g}" for name, values in zip(given, together, strict=True)
        )
        raise ImpossibleError(f"{BEYOND_DOUBLES}: {told}", lost)
    return tuple(value[..., np.newaxis] for value in own)


def _within(values: Array, least: float, least_too: bool = False) -> bool:
    """Say whether all values are finite and above the least, or equal to it; NaN is not."""
    if not values.size:
        return True
    lowest = values.min()
    return bool((lowest > least or (least_too and lowest == least)) and values.max() < np.inf)


def _tabulated(count: int, parameters: Mapping[str, Any]) -> Array:
    if set(parameters) not in ({"survival"}, {"hazard"}):
        raise MfaError(f"table: takes survival or hazard; given: {', '.join(parameters)}")
    name, given = next(iter(parameters.items()))
    values = np.asarray(given, dtype=float)
    outside = ~((values >= 0) & (values <= 1))
    if outside.any():
        raise ImpossibleError(f"{name} must lie between 0 and 1", outside)
    if name == "hazard":
        values = np.cumprod(1.0 - values, axis=-1)
    rises = np.diff(values, axis=-1, prepend=1.0) > 0
    if rises.any():
        raise ImpossibleError("survival must never rise with age", rises)
    short = count - values.shape[-1]
    if short > 0:
        if (values[..., -1] > 0).any():
            raise MfaError(
                f"table: has {values.shape[-1]} ages, fewer than the {count} years, "
                "and does not end at 0"
            )
        values = np.concatenate([values, np.zeros((*values.shape[:-1], short))], axis=-1)
    return values[..., :count].copy()


# Each law: S(x) and R(x) = ∫_x^∞ S, so that the mean of S over a year is R(a) − R(a + 1): the
# differences of the falling R keep the digits of the tail, and sum to the mean lifetime.

"""What shifts a law beside income: covariates that act on its saturation.

K(z) = K exp(Σ_j b_j (z_j − z̄_j)), with z̄_j the mean of covariate j over the points of the fit:
a saturation is the one at the mean of the covariates, and an effect b_j the share by which it
rises for each unit of z_j.  Inside a fit z_j − z̄_j counts in standard deviations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from mfa.demand.growth_laws import LARGEST, same_labels
from mfa.demand.options import numbers
from mfa.errors import MfaError, known

Evaluate = Callable[[Any, list[Any]], tuple[Any, list[Any]]]

ALIKE = 1e-9
"""Singular value, relative to the largest, below which covariates cannot be told apart."""


@dataclass(frozen=True)
class Covariate:
    """A covariate of a fit: its name and unit, mean and standard deviation over the points."""

    name: str
    units: str
    centre: float
    width: float
    sha256: str

    def inside(self, values: Any) -> Any:
        return (values - self.centre) / self.width


def standardised(
    names: Sequence[str], units: Sequence[str], values: Any, group: Any, by_group: bool
) -> tuple[tuple[Covariate, ...], Any]:
    """Return the covariates of a fit and their standardised values (covariate, point).

    Parameters
    ----------
    names, units : sequences of str, one for each covariate
    values : array (covariate, point)
    group : int array (point,)
    by_group : bool
        Whether each group has a saturation of its own; then only what varies within groups says
        anything about the effects.

    Raises
    ------
    MfaError
        If a covariate does not vary, or several say the same.
    """
    found, rows = [], []
    for name, unit, row in zip(names, units, values, strict=True):
        left = row - _means(row, group if by_group else np.zeros_like(group))
        if not np.abs(left).max() > ALIKE * max(np.abs(row).max(), 1e-300):
            within = " within any group, each of which has a saturation of its own" * (
                by_group and bool(np.ptp(row) > 0)
            )
            raise MfaError(
                f"covariate {name!r} does not vary{within}: nothing can be said of its effect; "
                "leave it out"
            )
        digest = hashlib.sha256(np.ascontiguousarray(row, dtype="<f8").tobytes()).hexdigest()
        one = Covariate(name, unit, float(row.mean()), float(row.std()), digest)
        found.append(one)
        rows.append(left / np.linalg.norm(left))
    if len(rows) > 1:
        _, singular, right = np.linalg.svd(np.array(rows).T, full_matrices=False)
        if singular[-1] < ALIKE * singular[0]:
            parts = np.abs(right[-1])
            alike = [n for n, p in zip(names, parts, strict=True) if p > 0.1 * parts.max()]
            raise MfaError(
                f"the covariates {', '.join(alike)} cannot be told apart; leave one of them out"
            )
    inside = [one.inside(row) for one, row in zip(found, values, strict=True)]
    return tuple(found), np.array(inside).reshape(len(found), len(group))


def _means(row: Any, group: Any) -> Any:
    """Return for each point the mean over the points of its group."""
    return (np.bincount(group, row) / np.bincount(group))[group]


def shifted(law: Evaluate, inside: Any) -> Evaluate:
    """Return a law whose level is multiplied by e^{Σ b z}; the last columns are the b.

    Parameters
    ----------
    law : (u, columns) → values, derivatives
        In proportion to its level.
    inside : array (covariate, point)
        Standardised.
    """
    many = len(inside)

    def evaluate(u: Any, columns: list[Any]) -> tuple[Any, list[Any]]:
        away = sum(b * row for b, row in zip(columns[-many:], inside, strict=True))
        factor = np.exp(np.clip(away, -LARGEST, LARGEST))
        value, parts = law(u, columns[:-many])
        value = value * factor
        return value, [*(part * factor for part in parts), *(value * row for row in inside)]

    return evaluate if many else law


def at_covariates(
    own: Sequence[Covariate], given: Mapping[str, Any] | None, what: str
) -> dict[str, Any]:
    """Return the values of the covariates at which a fit is asked, all of them and no other.

    Raises
    ------
    MfaError
        If one is missing or unknown, or is no number.
    """
    names = [one.name for one in own]
    if given is not None and not isinstance(given, Mapping):
        raise MfaError(f"covariates must be a mapping of names to values, found {given!r}")
    told = {str(name): value for name, value in (given or {}).items()}
    for name in told:
        if name not in names:
            raise MfaError(f"the fit has no covariate {name!r}. {known(name, names, 'covariates')}")
    if missing := [name for name in names if name not in told]:
        raise MfaError(
            f"the fit has the covariate {missing[0]!r}: say at which value, "
            f"{what}(…, covariates={{{missing[0]!r}: …}})"
        )
    for name, value in told.items():
        if not np.isfinite(np.asarray(numbers(f"covariate {name!r}", value))).all():
            raise MfaError(f"covariate {name!r} is NaN or infinite at a point; give a number")
    return {name: told[name] for name in names}


def factor_at(own: Sequence[Covariate], effects: Mapping[str, Any], at: Mapping[str, Any]) -> Any:
    """Return e^{Σ b (z − z̄)}, the factor on the saturation, with the dims of effects and z."""
    total: Any = 0.0
    for one in own:
        value = at[one.name]
        if not isinstance(value, xr.DataArray) and np.ndim(value):
            raise MfaError(f"covariate {one.name!r} has several values: give a DataArray")
        total = total + effects[one.name] * (value - one.centre)
    return np.exp(total)


def asked(
    layout: Any, dim: str, x_dim: str, unit: str, x: Any, given: Mapping[str, Any] | None
) -> tuple[xr.DataArray, list[xr.DataArray]]:
    """Return x and the standardised covariates of a fit there, labelled alike.

    Parameters
    ----------
    layout : Layout of the fit
    dim, x_dim : str
        Dimension of its groups (``""`` if there are none), and of its points.
    unit : str
        Of the x that was fitted.
    x : number or array (x_dim,), for a pooled fit also (group, x_dim)
    given : mapping of covariates, as of :func:`at_covariates`

    Raises
    ------
    MfaError
        If labels, lengths or units differ, or a covariate is missing.
    """
    at = _labelled("x", x, x_dim)
    other = str(at.attrs.get("units", "1"))
    if "1" not in (unit, other) and other != unit:
        raise MfaError(f"x is in {other}, the fit is one over {unit}; convert it first")
    told = {
        name: _labelled(f"covariate {name!r}", value, x_dim)
        for name, value in at_covariates(layout.covariates, given, "predict").items()
    }
    for name, value in {"x": at, **told}.items():
        if dim in value.dims and [*map(str, value[dim].values)] != [*layout.labels]:
            raise MfaError(f"{name} has other labels of {dim!r} than the fit; select them first")
        if strange := [d for d in value.dims if d not in (*at.dims, dim)]:
            raise MfaError(f"covariate {name!r} has the dimension {strange[0]!r}, which x has not")
        if any(value.sizes[d] != at.sizes[d] for d in value.dims if d in at.dims):
            raise MfaError(f"covariate {name!r} and x differ in length; give one value for each")
    same_labels(**{name: value for name, value in {"x": at, **told}.items() if value.coords})
    return at, [one.inside(told[one.name]) for one in layout.covariates]


def _labelled(name: str, values: Any, x_dim: str) -> xr.DataArray:
    data = numbers(name, values)
    if isinstance(data, xr.DataArray):
        return data.assign_attrs(values.attrs)
    if data.ndim > 1:
        raise MfaError(f"an array of shape {data.shape} needs labels: give a DataArray")
    return xr.DataArray(data, dims=(x_dim,)[: data.ndim])


def one_over(unit: str) -> str:
    """Return the unit of what is told for each unit of something else.

    Examples
    --------
    >>> one_over("USD/person"), one_over("%"), one_over("1")
    ('person/USD', '1/%', '1')
    """
    from mfa.units import canonical, quotient

    try:
        canonical_already = canonical(unit) == (1.0, unit)
    except MfaError:  # a unit of the user's own
        canonical_already = False
    if canonical_already:
        return quotient("1", unit)
    return f"1/({unit})" if "/" in unit or " " in unit else f"1/{unit}"

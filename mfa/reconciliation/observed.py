"""What was observed: a value, its standard uncertainty, and of what it is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from mfa.dims import require_same_labels
from mfa.errors import MfaError, known, shortly

DISTRIBUTIONS = ("normal", "lognormal")


@dataclass(frozen=True)
class Observation:
    """A measured flow, stock, stock change, coefficient, or a sum of flows.

    Parameters
    ----------
    value : number or array [canonical unit]
        With the dimensions of what is observed (or fewer labels: those left out
        are not measured).
    uncertainty : number, array or text
        Standard uncertainty in the unit of the value; ``"5 %"`` is relative to
        it; 0 says that the value is exact.
    of : name, or mapping of names to factors, optional
        What is observed, if that is not the name under which it stands: a
        second source of a flow, or a sum of several.
    sum : names of dimensions
        Dimensions of the flow over which the observation is a total.
    at : mapping of dimension to label
        Labels of the flow at which it was observed.
    distribution : {"normal", "lognormal"}
        Lognormal: the value is the median, and u² / value² = exp(s²) − 1.

    Examples
    --------
    >>> Observation(3.7e6, "5 %", of="mine_to_ore", sum=("mine_country",)).sum
    ('mine_country',)
    """

    value: Any
    uncertainty: Any
    of: str | Mapping[str, float] | None = None
    sum: tuple[str, ...] = ()
    at: Mapping[str, str] = field(default_factory=dict)
    distribution: str = "normal"


@dataclass(frozen=True)
class Seen:
    """An observation that has been read: arrays of the same dimensions."""

    name: str
    value: xr.DataArray
    uncertainty: xr.DataArray
    of: Mapping[str, float] | None
    sum: tuple[str, ...]
    at: Mapping[str, str]
    lognormal: bool

    @property
    def dims(self) -> tuple[str, ...]:
        return tuple(map(str, self.value.dims))


def read(observed: Any, missing: str) -> dict[str, Seen]:
    """Return observations as arrays: finite, with uncertainties of the same dimensions.

    Raises
    ------
    MfaError
        If something is no observation, or a value or an uncertainty cannot be one.
    """
    if missing not in ("raise", "unmeasured"):
        raise MfaError(f"missing {missing!r} is unknown. {known(missing, ['raise', 'unmeasured'])}")
    if not isinstance(observed, Mapping):
        raise MfaError(
            f"reconcile wants a mapping of names to (value, uncertainty), this is {shortly(observed)}"
        )
    return {str(name): _seen(str(name), one, missing) for name, one in observed.items()}


def _seen(name: str, one: Any, missing: str) -> Seen:
    if isinstance(one, tuple | list) and len(one) == 2:
        one = Observation(*one)
    if not isinstance(one, Observation):
        raise MfaError(
            f"{name}: {shortly(one)} is no observation; write (value, standard uncertainty), with 0 "
            "for what is exact, or mfa.reconciliation.Observation(…)"
        )
    if one.distribution not in DISTRIBUTIONS:
        hint = known(one.distribution, DISTRIBUTIONS)
        raise MfaError(f"{name}: the distribution {one.distribution!r} is unknown. {hint}")
    value = _array(name, "value", one.value)
    if np.isinf(value.values).any():
        raise MfaError(f"{name}: a value is infinite{_where(value, abs(value) == np.inf)}")
    absent = value.isnull()
    if missing == "raise" and bool(absent.any()):
        raise MfaError(
            f"{name}: a value is NaN{_where(value, absent)}; leave the label out, or say "
            "missing='unmeasured' if NaN means that nothing was measured"
        )
    uncertainty = _uncertainty(name, one.uncertainty, value, absent)
    if one.distribution == "lognormal":
        _refuse(name, value, (value <= 0) & ~absent, "a lognormal value is above 0")
    factors = {one.of: 1.0} if isinstance(one.of, str) else one.of
    return Seen(
        name,
        value,
        uncertainty,
        factors,
        _names(one.sum),
        dict(one.at),
        one.distribution == "lognormal",
    )


def _names(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _array(name: str, what: str, given: Any) -> xr.DataArray:
    if isinstance(given, xr.DataArray) and given.dtype.kind in "biuf":
        bare = [d for d in given.dims if d not in given.coords]
        if bare:
            raise MfaError(
                f"{name}: dimension {bare[0]!r} of the {what} has no labels; give it coordinates"
            )
        kept = given.drop_vars([c for c in given.coords if c not in given.dims])
        for dim in kept.dims:
            labels = kept.get_index(dim)
            if labels.has_duplicates:
                twice = labels[labels.duplicated()][0]
                raise MfaError(f"{name}: the label {twice} of {dim!r} stands twice in the {what}")
        return kept.astype(float)
    if isinstance(given, bool) or not isinstance(given, int | float | np.number):
        raise MfaError(
            f"{name}: the {what} is {shortly(given)}; it has to be a number or a labelled array"
        )
    return xr.DataArray(float(given))


def _uncertainty(name: str, given: Any, value: xr.DataArray, absent: xr.DataArray) -> xr.DataArray:
    if isinstance(given, str):
        from mfa.units import parse

        quantity = parse(given)
        if quantity.unit not in ("", "1"):
            raise MfaError(
                f"{name}: as a text an uncertainty is relative, like '5 %'; {given!r} has a unit"
            )
        found = abs(value) * quantity.value
        _refuse(
            name, value, (value == 0) & ~absent & (quantity.value > 0),
            "a relative uncertainty would make it exact; give an absolute one",
        )  # fmt: skip
    else:
        found = _array(name, "uncertainty", given)
        require_same_labels(**{f"the value of {name}": value, f"its uncertainty of {name}": found})
        if extra := [d for d in found.dims if d not in value.dims]:
            raise MfaError(
                f"{name}: the uncertainty has the dimension {extra[0]!r}, which the value has not"
            )
        shape = [value.sizes[d] if d in found.dims else 1 for d in value.dims]
        turned = found.transpose(*(d for d in value.dims if d in found.dims)).values
        found = value.copy(data=np.broadcast_to(turned.reshape(shape), value.shape))
    with np.errstate(invalid="ignore"):
        wrong = ~absent.values & ~((found.values >= 0) & (found.values < np.inf))
    if wrong.any():
        why = "a standard uncertainty is 0 (exact) or more, and finite"
        _refuse(name, found, value.copy(data=wrong), why)
    return found


def _refuse(name: str, data: xr.DataArray, wrong: xr.DataArray, why: str) -> None:
    if bool(wrong.any()):
        bad = float(data.values[tuple(np.argwhere(wrong.values)[0])])
        raise MfaError(f"{name}: {bad:g}{_where(data, wrong)}; {why}")


def _where(data: xr.DataArray, wrong: xr.DataArray) -> str:
    cell = np.argwhere(wrong.values)[0]
    told = ", ".join(f"{d}={data[d].values[i]}" for d, i in zip(data.dims, cell, strict=True))
    return f" at {told}" if told else ""

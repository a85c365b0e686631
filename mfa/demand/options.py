"""Checks of options: whole numbers, numbers, pairs; errors name the option and the value."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, known, shortly


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return a whole number not below ``least``.

    Examples
    --------
    >>> whole("starts", np.int64(20))
    20
    >>> whole("starts", 2.5)
    Traceback (most recent call last):
    mfa.errors.MfaError: starts must be a whole number, 1 or more, found 2.5
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise MfaError(f"{name} must be a whole number, {least} or more, found {value!r}")
    return int(value)


def number(name: str, value: Any, above: float | None = None) -> float:
    """Return a finite number, above a limit if there is one.

    Examples
    --------
    >>> number("loss_scale", 0, above=0)
    Traceback (most recent call last):
    mfa.errors.MfaError: loss_scale must be a number above 0, found 0
    """
    if not _is_number(value) or not np.isfinite(value) or (above is not None and value <= above):
        limit = "" if above is None else f" above {above:g}"
        raise MfaError(f"{name} must be a number{limit}, found {value!r}")
    return float(value)


def numbers(name: str, values: Any) -> Any:
    """Return an array of real numbers, NaN among them or not; a labelled one stays labelled.

    Examples
    --------
    >>> numbers("x", [1, 2]).tolist()
    [1.0, 2.0]
    >>> numbers("x", ["a"])
    Traceback (most recent call last):
    mfa.errors.MfaError: x must be numbers, found values of type str
    """
    if values is None or isinstance(values, xr.Dataset):
        raise MfaError(f"{name} must be numbers, found {shortly(values)}")
    data = values if isinstance(values, xr.DataArray) else np.asarray(values)
    if data.dtype.kind not in "biuf" and data.size:
        first = type(np.ravel(data).tolist()[0])
        raise MfaError(f"{name} must be numbers, found values of type {first.__name__}")
    return data.astype(float)


def share(name: str, value: Any) -> float:
    """Return a number between 0 and 1, both excluded.

    Examples
    --------
    >>> share("level", 90)
    Traceback (most recent call last):
    mfa.errors.MfaError: level must lie between 0 and 1, found 90
    """
    if not _is_number(value) or not 0 < value < 1:
        raise MfaError(f"{name} must lie between 0 and 1, found {value!r}")
    return float(value)


def one_of(name: str, value: Any, names: Sequence[str]) -> str:
    """Return the value, which has to be one of several names.

    Examples
    --------
    >>> one_of("loss", "hubert", ["linear", "huber"])
    Traceback (most recent call last):
    mfa.errors.MfaError: loss 'hubert' is unknown. Did you mean "huber"? (known: huber, linear)
    """
    if not isinstance(value, str) or value not in names:
        raise MfaError(f"{name} {value!r} is unknown. {known(value, names)}")
    return value


def pair(name: str, value: Any) -> tuple[float, float]:
    """Return a lower and an upper bound, in order; ±inf leaves a side open.

    Examples
    --------
    >>> pair("bounds of 'rate'", (0, np.inf))
    (0.0, inf)
    >>> pair("bounds of 'rate'", 3)
    Traceback (most recent call last):
    mfa.errors.MfaError: bounds of 'rate' must be a pair (low, high), found 3
    """
    ends = list(value) if isinstance(value, Sequence | np.ndarray) else []
    if isinstance(value, str) or len(ends) != 2 or not all(_is_number(end) for end in ends):
        raise MfaError(f"{name} must be a pair (low, high), found {value!r}")
    low, high = (float(end) for end in ends)
    if not low < high:
        raise MfaError(f"{name}: {low:g} and {high:g} are not in order")
    return low, high


def different(name: str, values: Any) -> list[Any]:
    """Return the values as a list, one or more, none of them twice.

    Examples
    --------
    >>> different("origins", [1980, 1980])
    Traceback (most recent call last):
    mfa.errors.MfaError: origins: 1980 stands there twice; name each once
    """
    if isinstance(values, str) or not hasattr(values, "__len__") or not hasattr(values, "__iter__"):
        raise MfaError(f"{name} must be a list of one or more, found {values!r}")
    found = list(values)
    if not found:
        raise MfaError(f"{name} must be a list of one or more, found none")
    for place, one in enumerate(found):
        if one in found[:place]:
            raise MfaError(f"{name}: {one} stands there twice; name each once")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)

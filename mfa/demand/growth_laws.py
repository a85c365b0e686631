"""S-curves of consumption over income or time, and their critical points.

One family with a shape ν holds most of them, q = e^{−r (x − x₀)}::

    C(x) = K (1 + ν q)^{−1/ν}

ν = 1 is the logistic, ν → 0 Gompertz, ν = −1 the modified exponential, any
other ν > 0 Richards.  With ``scale="log"`` the same curves run over ln x,
q = (x / x₀)^{−r}: the midpoint stays a value of x, the rate has no unit.

The laws are pure functions of numbers or labelled arrays; labels of a
dimension that two arrays share must be identical (CONVENTIONS §1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mfa.errors import MfaError, known

if TYPE_CHECKING:
    import xarray as xr

SHAPES = {"logistic": 1.0, "gompertz": 0.0, "modified_exponential": -1.0}
"""Shape ν of the laws that have a fixed one."""

LARGEST = 700.0
"""Exponents are held at this: e^700 is still a number."""


def logistic(x: Any, *, saturation: Any, midpoint: Any, rate: Any, scale: str = "linear") -> Any:
    """Return the logistic S-curve C(x) = K / (1 + e^{−r (x − x₀)}).

    Parameters
    ----------
    x : array, any shape
        Calendar year, or income per head.
    saturation : number or array [unit of C]
        The level K that is approached.
    midpoint : number or array [unit of x]
        Where half of it is reached, x₀.
    rate : number or array [1 / unit of x; 1 if the scale is log]
        Speed r; the slope at the midpoint is r K / 4.
    scale : {"linear", "log"}
        Whether the S stands over x or over ln x: K / (1 + (x / x₀)^{−r}).

    Returns
    -------
    array, the dimensions of ``x`` and of the parameters, [unit of K]

    Raises
    ------
    MfaError
        If the scale is unknown, labels differ, or a logarithm of x ≤ 0 is asked for.

    References
    ----------
    Verhulst, P.-F. (1838), Correspondance mathématique et physique 10, 113–121.

    Examples
    --------
    >>> float(logistic(2033.0, saturation=90e6, midpoint=2033, rate=0.28))
    45000000.0
    >>> round(float(logistic(20e3, saturation=6.0, midpoint=10e3, rate=1.0, scale="log")), 6)
    4.0
    """
    same_labels(x=x, saturation=saturation, midpoint=midpoint, rate=rate)
    minus_z = np.minimum(-steepness(x, midpoint, rate, scale), LARGEST)
    return with_unit(saturation / (1.0 + np.exp(minus_z)), saturation)


def gompertz(x: Any, *, saturation: Any, midpoint: Any, rate: Any, scale: str = "linear") -> Any:
    """Return the Gompertz curve C(x) = K exp(−e^{−r (x − x₀)}).

    Parameters are those of :func:`logistic`; at the midpoint, its turning
    point, the curve has reached K / e and rises with r K / e.

    References
    ----------
    Winsor, C. P. (1932), PNAS 18, 1–8, doi:10.1073/pnas.18.1.1

    Examples
    --------
    >>> round(float(gompertz(0.0, saturation=1.0, midpoint=0.0, rate=0.1)), 6)
    0.367879
    """
    same_labels(x=x, saturation=saturation, midpoint=midpoint, rate=rate)
    minus_z = np.minimum(-steepness(x, midpoint, rate, scale), LARGEST)
    return with_unit(saturation * np.exp(-np.exp(minus_z)), saturation)


def richards(
    x: Any, *, saturation: Any, midpoint: Any, rate: Any, asymmetry: Any, scale: str = "linear"
) -> Any:
    """Return the Richards curve C(x) = K (1 + ν e^{−r (x − x₀)})^{−1/ν}.

    Parameters are those of :func:`logistic`, and

    asymmetry : number or array, above 0 [1]
        Shape ν: 1 is the logistic, towards 0 Gompertz.  The turning point is
        x₀, at K (1 + ν)^{−1/ν}, with slope r K (1 + ν)^{−1−1/ν}.

    Raises
    ------
    MfaError
        If the asymmetry is not above 0; otherwise as in :func:`logistic`.

    References
    ----------
    Richards, F. J. (1959), Journal of Experimental Botany 10, 290–301, doi:10.1093/jxb/10.2.290

    Examples
    --------
    >>> round(float(richards(5.0, saturation=9.0, midpoint=5, rate=1.0, asymmetry=2.0)), 6)
    5.196152
    """
    same_labels(x=x, saturation=saturation, midpoint=midpoint, rate=rate, asymmetry=asymmetry)
    if not (np.asarray(asymmetry) > 0).all():
        raise MfaError(f"asymmetry must be above 0, found {np.min(np.asarray(asymmetry)):g}")
    minus_z = np.minimum(-steepness(x, midpoint, rate, scale), LARGEST)
    held = np.minimum(np.log1p(asymmetry * np.exp(minus_z)) / asymmetry, LARGEST)
    return with_unit(saturation * np.exp(-held), saturation)


def modified_exponential(
    x: Any, *, saturation: Any, start: Any, rate: Any, scale: str = "linear"
) -> Any:
    """Return the modified exponential C(x) = K (1 − e^{−r (x − x₀)}) from x₀ on, 0 before.

    It is concave from its start: there is no take-off and no turning point.

    Parameters
    ----------
    x, saturation, rate, scale
        As in :func:`logistic`.
    start : number or array [unit of x]
        Where the curve leaves 0, x₀.

    References
    ----------
    Mitscherlich, E. A. (1909), Landwirtschaftliche Jahrbücher 38, 537–552.

    Examples
    --------
    >>> float(modified_exponential(0.0, saturation=8.0, start=0.0, rate=1.0))
    0.0
    >>> round(float(modified_exponential(np.log(4.0), saturation=8.0, start=0.0, rate=1.0)), 9)
    6.0
    """
    same_labels(x=x, saturation=saturation, start=start, rate=rate)
    z = np.maximum(steepness(x, start, rate, scale), 0.0)
    return with_unit(-saturation * np.expm1(-z), saturation)


def rise_and_decline(
    x: Any,
    *,
    saturation: Any,
    midpoint: Any,
    rate: Any,
    decline: Any,
    decline_rate: Any,
    decline_from: Any,
    scale: str = "linear",
) -> Any:
    """Return an S that declines after saturation: logistic × [1 − d (1 − e^{−s max(0, x − x₁)})].

    Parameters
    ----------
    x, saturation, midpoint, rate, scale
        As in :func:`logistic`.
    decline : number or array, 0 to 1 [1]
        Share d of the level that is lost in the end.
    decline_rate : number or array, above 0 [unit of rate]
        Speed s of the loss.
    decline_from : number or array [unit of x]
        Where it begins, x₁; not before the midpoint.

    Raises
    ------
    MfaError
        If the decline begins before the midpoint or its share is not within 0 to 1.

    Examples
    --------
    Far above, half of ten is lost:

    >>> round(float(rise_and_decline(1e3, saturation=10.0, midpoint=10, rate=1.0, decline=0.5,
    ...                              decline_rate=0.2, decline_from=20)), 6)
    5.0
    """
    rising = logistic(x, saturation=saturation, midpoint=midpoint, rate=rate, scale=scale)
    same_labels(x=x, d=decline, s=decline_rate, x1=decline_from, rising=rising)
    if (np.asarray(decline_from - midpoint) < 0).any():
        raise MfaError("decline_from must not lie before the midpoint")
    if not ((np.asarray(decline) >= 0) & (np.asarray(decline) <= 1)).all():
        raise MfaError("decline is a share: it must lie within 0 and 1")
    past = np.maximum(steepness(x, decline_from, decline_rate, scale), 0.0)
    return with_unit(rising * (1.0 + decline * np.expm1(-past)), saturation)


def critical_points(law: str, *, scale: str = "linear", **parameters: Any) -> xr.Dataset:
    """Return where a law takes off, turns and stops growing, exactly.

    Take-off and zero growth are the outer zeros of the third derivative, the
    turning point is the zero of the second; derivatives are taken along x, or
    along ln x if the scale is log.  For every shape ν of the family

        x₀ ∓ arccosh((3 + ν) / 2) / r,

    which is ln(2 + √3) / r for the logistic (21.13 % and 78.87 % of K) and
    ln((3 + √5) / 2) / r for Gompertz.  For ``rise_and_decline`` zero growth is
    the maximum.  The modified exponential has none of them: NaN.

    Parameters
    ----------
    law : {"logistic", "gompertz", "richards", "modified_exponential", "rise_and_decline"}
    scale : {"linear", "log"}
    **parameters
        Those of the law, numbers or arrays.

    Returns
    -------
    Dataset with ``take_off``, ``turning`` and ``zero_growth`` [unit of x],
        the dimensions of the parameters.  A curve that never stops growing
        (a decline that ends before the rise) has zero growth NaN.

    Raises
    ------
    MfaError
        If the law has no critical points of this kind.

    Examples
    --------
    >>> found = critical_points("logistic", saturation=12.0, midpoint=9000.0, rate=0.0006)
    >>> [round(float(found[name]), 2) for name in ("take_off", "turning", "zero_growth")]
    [6805.07, 9000.0, 11194.93]
    """
    import xarray as xr

    laws = (*SHAPES, "richards", "rise_and_decline")
    if law not in laws:
        raise MfaError(f"no critical points are known of law {law!r}. {known(law, laws, 'laws')}")
    first = "start" if law == "modified_exponential" else "midpoint"
    needs = {"rise_and_decline": ("decline", "decline_rate", "decline_from")}.get(law, ())
    if lacking := [name for name in (first, "rate", *needs) if name not in parameters]:
        raise MfaError(f"critical points of law {law!r} need the parameter {lacking[0]!r}")
    place = parameters[first]
    middle, rate, back = axis(place, scale), parameters["rate"], axis_back(scale)
    same_labels(**parameters)
    if law == "modified_exponential":
        turning = middle * rate * np.nan
        take_off = zero = turning
    else:
        shape = parameters.get("asymmetry", SHAPES.get(law, 1.0))
        reach = np.arccosh((3.0 + shape) / 2.0) / rate
        turning, take_off, zero = middle + 0.0 * reach, middle - reach, middle + reach
    if law == "rise_and_decline":
        zero = _maximum(parameters, scale)
    points = {"take_off": back(take_off), "turning": back(turning), "zero_growth": back(zero)}
    unit = {"units": getattr(place, "attrs", {}).get("units", "1")}
    return xr.Dataset(
        {name: xr.DataArray(found).assign_attrs(unit) for name, found in points.items()}
    )


def _maximum(parameters: Mapping[str, Any], scale: str) -> Any:
    """Where an S with decline is largest, on its own axis.

    Behind x₁, with u = x − x₁ and z₁ = r (x₁ − x₀), growth has the sign of
    h(u) = r (1 − d) + d (r − s) e^{−su} − d s e^{z₁ + (r − s) u}, which only
    falls where r > s and only rises where r ≤ s.
    """
    import xarray as xr

    rate, lost, speed = (parameters[n] for n in ("rate", "decline", "decline_rate"))
    begin, middle = axis(parameters["decline_from"], scale), axis(parameters["midpoint"], scale)

    def solve(r: Any, d: Any, s: Any, z1: Any) -> Any:
        r, d, s, z1 = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (r, d, s, z1)))

        def growth(u: Any) -> Any:
            power = np.minimum(z1 + (r - s) * u, LARGEST - 100)
            return r * (1 - d) + d * (r - s) * np.exp(-s * u) - d * s * np.exp(power)

        at_start = growth(np.zeros(r.shape))
        never = (at_start >= 0) & ((r <= s) | (d == 0))
        low, high = np.zeros(r.shape), np.full(r.shape, 1.0) / r
        for _ in range(64):
            high = np.where(growth(high) > 0, np.where(never, high, 2 * high), high)
        for _ in range(200):
            middle = (low + high) / 2
            up = growth(middle) > 0
            low, high = np.where(up, middle, low), np.where(up, high, middle)
        return np.where(at_start <= 0, 0.0, np.where(never, np.nan, high))

    offset = xr.apply_ufunc(solve, rate, lost, speed, rate * (begin - middle))
    return begin + offset


def steepness(x: Any, place: Any, rate: Any, scale: str) -> Any:
    """Return the exponent z = r (x − x₀), or r ln(x / x₀) on the log scale."""
    if scale == "log":
        return rate * (axis(x, scale) - axis(place, scale))
    return rate * (axis(x, scale) - place)


def axis(value: Any, scale: str) -> Any:
    """Return x, or ln x on the log scale; raise on an unknown scale and on x ≤ 0."""
    value = np.asarray(value, dtype=float) if isinstance(value, list | tuple) else value
    if scale == "linear":
        return value
    if scale != "log":
        raise MfaError(f"scale {scale!r} is unknown. {known(scale, ['linear', 'log'])}")
    if (np.asarray(value) <= 0).any():
        raise MfaError(
            f"scale 'log' needs values above 0, found {np.nanmin(np.asarray(value)):g}: "
            "drop those points or use scale='linear'"
        )
    return np.log(value)


def axis_back(scale: str) -> Any:
    """Return the function that undoes :func:`axis`."""
    return np.exp if scale == "log" else lambda value: value


def same_labels(**arrays: Any) -> None:
    """Raise where arrays share a dimension with different labels, or one of them has no names."""
    labelled = {name: data for name, data in arrays.items() if getattr(data, "dims", ())}
    bare = [n for n, d in arrays.items() if not hasattr(d, "dims") and np.ndim(d)]
    if labelled and bare:
        told = f"{bare[0]} is a bare array beside {', '.join(labelled)} with named dimensions"
        raise MfaError(f"{told}; name its own: xr.DataArray({bare[0]}, dims='…')")
    if len(labelled) > 1:
        from mfa.dims import require_same_labels

        dims = [dim for data in labelled.values() for dim in data.dims]
        shared = {dim for dim in dims if dims.count(dim) > 1}
        require_same_labels(**{n: d for n, d in labelled.items() if shared & set(d.dims)})


def with_unit(result: Any, like: Any) -> Any:
    """Stamp a labelled result with the unit of a parameter, ``1`` if it has none."""
    if hasattr(result, "attrs"):
        result.attrs = {"units": getattr(like, "attrs", {}).get("units", "1")}
    return result

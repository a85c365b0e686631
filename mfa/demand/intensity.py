"""Intensity of use: where consumption per unit of income peaks, and what shifts the peak.

IU(Y) = C(Y) / Y rises while consumption grows faster than income and falls
once it grows more slowly: it peaks where the elasticity Y C'(Y) / C(Y) is 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from mfa.demand.curves import CURVES
from mfa.demand.fitted import Fit
from mfa.demand.growth_laws import SHAPES, axis, rise_and_decline, same_labels, steepness
from mfa.errors import MfaError, known


class Peak(NamedTuple):
    """Where intensity peaks [unit of x] and how high it is [unit of C / unit of x]."""

    x: Any
    intensity: Any


def intensity_peak(
    law: str | Callable[..., Any] | Fit, *, scale: str = "linear", **parameters: Any
) -> Peak:
    """Return the one peak of the intensity of use C(Y)/Y that follows from a law.

    With the shape ν of the family (logistic 1, Gompertz 0, modified
    exponential −1) elasticity is 1 where v = r Y − ν solves
    v e^{−v} = e^{ν − r Y₀}, so that

        Y* = (ν − W₋₁(−e^{ν − r Y₀})) / r,

    W₋₁ the lower branch of Lambert's function.  There is a peak if
    r Y₀ > 1 + ν (the logistic's then lies above Y₀); otherwise intensity only
    falls: NaN.  On the log scale Y* = Y₀ (r − ν)^{1/r}, if r > ν.  For an S
    with decline it is the same point, or earlier, where the decline has begun.

    Parameters
    ----------
    law : str, function or Fit
        ``logistic``, ``gompertz``, ``richards``, ``modified_exponential``,
        ``rise_and_decline``; a Fit brings its parameters and scale.
    scale : {"linear", "log"}
    **parameters : numbers or arrays
        Those of the law, over income.

    Returns
    -------
    Peak (x, intensity), the dimensions of the parameters

    Raises
    ------
    MfaError
        If the law has no such peak by its form, or labels differ.

    References
    ----------
    Malenbaum, W. (1978), World Demand for Raw Materials in 1985 and 2000; Corless et al. (1996),
    On the Lambert W function, doi:10.1007/BF02124750

    Examples
    --------
    >>> peak = intensity_peak("logistic", saturation=12.0, midpoint=9000.0, rate=0.0006)
    >>> y, c = peak.x, 12 / (1 + np.exp(-0.0006 * (peak.x - 9000)))
    >>> float(round(0.0006 * y * (1 - c / 12), 9)), y > 9000
    (1.0, True)
    """
    if isinstance(law, Fit):
        told = law.parameters
        if law.dim:  # a shared place is a plain number, and has the unit of x nevertheless
            place = "start" if law.law == "modified_exponential" else "midpoint"
            told[place] = xr.DataArray(told[place]).assign_attrs(units=law.units["x"])
        return intensity_peak(law.law, scale=law.scaling.scale, **told)
    name = law if isinstance(law, str) else getattr(law, "__name__", str(law))
    laws = (*SHAPES, "richards", "rise_and_decline")
    if name not in laws:
        raise MfaError(f"law {name!r} is not one over income. {known(name, laws, 'laws')}")
    wanted = CURVES[name].names
    for parameter in (*wanted, *parameters):
        if parameter not in wanted:
            hint = known(parameter, wanted, "parameters")
            raise MfaError(f"law {name!r} has no parameter {parameter!r}. {hint}")
        if parameter not in parameters:
            raise MfaError(f"law {name!r} needs the parameter {parameter!r}")
    same_labels(**parameters)
    shape = parameters.get("asymmetry", SHAPES.get(name, 1.0))
    place = parameters["start" if name == "modified_exponential" else "midpoint"]
    at = xr.apply_ufunc(_smooth_peak, shape, place, parameters["rate"], kwargs={"scale": scale})
    if name == "rise_and_decline":
        names = ("rate", "decline", "decline_rate", "decline_from")
        rest = [parameters[n] for n in names]
        at = xr.apply_ufunc(_declining_peak, at, place, *rest, kwargs={"scale": scale})
    function = rise_and_decline if name == "rise_and_decline" else CURVES[name].law
    height = function(at, **parameters, scale=scale) / at
    if isinstance(height, xr.DataArray):
        units = (getattr(parameters["saturation"], "attrs", {}), getattr(place, "attrs", {}))
        level, income = (unit.get("units", "1") for unit in units)
        height.attrs["units"] = level if income == "1" else f"{level}/({income})"
        at.attrs["units"] = income
    return Peak(at, height) if isinstance(at, xr.DataArray) else Peak(float(at), float(height))


def _smooth_peak(shape: Any, place: Any, rate: Any, scale: str) -> Any:
    from scipy.special import lambertw

    shape, place, rate = np.broadcast_arrays(*(np.asarray(v, float) for v in (shape, place, rate)))
    if scale == "log":
        reach = np.where(rate > shape, rate - shape, np.nan)
        return place * reach ** (1.0 / rate)
    axis(place, scale)
    inside = np.where(rate * place > 1 + shape, rate * place - shape, np.nan)
    v = -lambertw(-np.exp(-np.minimum(inside, 700.0)), -1).real
    for _ in range(4):
        v = np.where(inside > 700.0, inside + np.log(np.maximum(v, 700.0)), v)
    return (shape + v) / rate


def _declining_peak(at: Any, place: Any, rate: Any, d: Any, s: Any, begin: Any, scale: str) -> Any:
    """The peak with decline: bisection of the elasticity, which falls, between x₁ and Y*."""
    at, place, rate, d, s, begin = np.broadcast_arrays(
        *(np.asarray(v, float) for v in (at, place, rate, d, s, begin))
    )

    def above_one(y: Any) -> Any:
        gone = np.exp(-s * np.maximum(axis(y, scale) - axis(begin, scale), 0.0))
        slope = rate / (1 + np.exp(np.minimum(steepness(y, place, rate, scale), 700.0)))
        slope = slope - d * s * gone / (1 - d + d * gone)
        return slope * (y if scale == "linear" else 1.0) > 1

    low, high = np.minimum(begin, at), at
    for _ in range(200):
        middle = (low + high) / 2
        rises = above_one(middle)
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return np.where(at > begin, high, at)


class InvertedU(NamedTuple):
    """A quadratic of intensity over income (or of their logarithms) and its turning point.

    ``coefficients`` (a, b, c) and their ``covariance``; ``at`` with its
    interval ``low``, ``high``; ``height`` there; ``p`` of the Lind–Mehlum test.
    """

    form: str
    coefficients: Any
    covariance: Any
    at: float
    low: float
    high: float
    height: float
    p: float

    @property
    def holds(self) -> bool:
        """Whether an inverted U is found at the 5 % level, with its top within the data."""
        return self.p < 0.05


def inverted_u(x: Any, intensity: Any, *, form: str = "quadratic", level: float = 0.9) -> InvertedU:
    """Fit IU = a + b Y + c Y², or ln IU = a + b ln Y + c (ln Y)², and test its shape.

    The top lies at −b/2c, or exp(−b/2c); its interval is by the delta method.
    The Lind–Mehlum test asks for a rise at the lowest and a fall at the highest
    income: p is the larger of the two one-sided probabilities.

    Parameters
    ----------
    x, intensity : arrays (point,)
        Income per head and material per income, without NaN.
    form : {"quadratic", "log_quadratic"}
    level : float
        Of the interval of the top.

    Returns
    -------
    InvertedU.  A parabola that opens upwards has no top: ``at`` is NaN and p is 1.

    Raises
    ------
    MfaError
        If there are fewer than 4 points, a value is missing, or a logarithm does not exist.

    References
    ----------
    Lind, J. T., Mehlum, H. (2010), Oxford Bulletin of Economics and Statistics 72, 109–118,
    doi:10.1111/j.1468-0084.2009.00569.x

    Examples
    --------
    >>> income = np.linspace(1e3, 30e3, 30)
    >>> found = inverted_u(income, 0.5 + 4e-4 * income - 1.6e-8 * income**2)
    >>> round(found.at), round(found.height, 9), found.holds
    (12500, 3.0, True)
    """
    from scipy.special import stdtr, stdtrit

    if form not in ("quadratic", "log_quadratic"):
        raise MfaError(f"form {form!r}. {known(form, ['quadratic', 'log_quadratic'])}")
    x, y = (np.ravel(np.asarray(v, dtype=float)) for v in (x, intensity))
    if x.shape != y.shape or len(x) < 4 or not np.isfinite(x + y).all():
        raise MfaError(
            f"an inverted U needs 4 or more pairs without NaN; found {len(x)} x, {len(y)} intensities"
        )
    logs = form == "log_quadratic"
    if logs and not ((x > 0).all() and (y > 0).all()):
        raise MfaError("form='log_quadratic' needs values above 0")
    u, v = (np.log(x), np.log(y)) if logs else (x, y)
    unit, size = u.mean(), np.ptp(u) or 1.0
    w = (u - unit) / size
    design = np.stack([np.ones_like(w), w, w**2], axis=1)
    (a, b, c), _, rank, _ = np.linalg.lstsq(design, v, rcond=None)
    if rank < 3:
        raise MfaError("an inverted U needs three different incomes")
    degrees = len(x) - 3
    rest = v - design @ (a, b, c)
    spread = np.linalg.inv(design.T @ design) * (rest @ rest) / degrees
    ends = []
    for end, sign in ((w.min(), 1.0), (w.max(), -1.0)):
        slope, error = sign * (b + 2 * c * end), np.array([0.0, 1.0, 2 * end])
        noise = np.sqrt(error @ spread @ error)
        ends.append(1 - stdtr(degrees, slope / noise) if noise > 0 else float(slope <= 0))
    back = np.array(
        [
            [1, -unit / size, (unit / size) ** 2],
            [0, 1 / size, -2 * unit / size**2],
            [0, 0, size**-2],
        ]
    )
    coefficients, covariance = back @ (a, b, c), back @ spread @ back.T
    if c >= 0:
        gone = float("nan")
        return InvertedU(form, coefficients, covariance, gone, gone, gone, gone, 1.0)
    top = -b / (2 * c)
    slope = np.array([0.0, -1 / (2 * c), b / (2 * c**2)])
    half = stdtrit(degrees, (1 + level) / 2) * np.sqrt(slope @ spread @ slope)
    height = a + b * top + c * top**2
    places = [float(unit + size * at) for at in (top, top - half, top + half)]
    if logs:
        places, height = [float(np.exp(at)) for at in places], np.exp(height)
    at, low, high = places
    p = float(max(ends))
    return InvertedU(form, coefficients, covariance, at, low, high, float(height), p)

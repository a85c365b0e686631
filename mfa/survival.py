"""Survival laws on bare arrays: S(x), its integral, and the share left at each year's end.

Each law gives S(x) and the integral of S from x to infinity in closed form; from
these follow all moments of entry (see :mod:`mfa.lifetime`, which puts labels on).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfa.compiled import loops
from mfa.errors import MfaError, known

Array = NDArray[np.float64]
Names = tuple[str, ...]

FIRST_AGE = {"start": 1.0, "middle": 0.5, "end": 0.0, "spread": 0.0}
"""Age at the end of the year of entry, for each moment of entry."""

NOTHING_LEFT = 690.0
"""Cumulated hazard from which on nothing is left."""

LOG_NOTHING_LEFT = float(np.log(NOTHING_LEFT))

LEAST = 1e-299
"""A smaller survival is 0: what is near the least double would slow every later sum."""


class Law(NamedTuple):
    """A lifetime law: how its own parameters follow, S(x), and ∫ from x to infinity of S."""

    accepts: Mapping[Names, Callable[..., tuple[Array, ...]]]
    alive: Callable[..., Array]
    beyond: Callable[..., Array]


class ImpossibleError(Exception):
    """A parameter that no lifetime can have, and the cells where it stands."""

    def __init__(self, message: str, wrong: Any):
        super().__init__(message)
        self.index = np.unravel_index(int(np.argmax(wrong)), np.shape(wrong))


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
    own, inverse = _distinct(_checked(law, inflow_at, below_zero, parameters))
    values = _evaluate(law, count, inflow_at, below_zero, own)
    return values if inverse is None else values[inverse]


def _checked(
    law: str, inflow_at: str, below_zero: str, parameters: Mapping[str, Any]
) -> tuple[Array, ...]:
    """Return the law's own parameters, (..., 1), all choices being known and possible."""
    require_known("law", law, [*LAWS, "table"])
    require_known("inflow_at", inflow_at, FIRST_AGE)
    require_known("below_zero", below_zero, ["leaves", "truncate"])
    if below_zero == "truncate" and law != "normal":
        raise MfaError(f"{law}: below_zero is an option of the law 'normal' only")
    return _own_parameters(law, parameters)


def _evaluate(
    law: str, count: int, inflow_at: str, below_zero: str, own: tuple[Array, ...]
) -> Array:
    """Return the survival of each set of parameters at ages 0 … count − 1, (..., age)."""
    found = LAWS[law]
    if inflow_at == "spread":
        beyond = found.beyond(np.arange(count + 1.0), *own)
        values = beyond[..., :-1] - beyond[..., 1:]
    else:
        ages = np.arange(count) + FIRST_AGE[inflow_at]
        compiled = loops(own[0].size * count * count // 2) if law == "weibull" else None
        if compiled is not None:
            return np.asarray(compiled.weibull_table(*own, ages))
        values = found.alive(ages, *own)
    if below_zero == "truncate":
        values /= found.alive(np.zeros(1), *own)
    falls = (values[..., 1:] <= values[..., :-1]).all()
    if not (falls and (values[..., 0] <= 1).all() and (values[..., -1] >= 0).all()):
        np.clip(values, 0.0, 1.0, out=values)
        np.minimum.accumulate(values, axis=-1, out=values)
    if (values[..., -1] < LEAST).any():
        values[values < LEAST] = 0.0
    return values


def _distinct(own: tuple[Array, ...]) -> tuple[tuple[Array, ...], NDArray[np.intp] | None]:
    """Return each set of parameters once, and where each cell finds its set.

    Where one parameter alone tells most cells apart it is not worth the search.
    """
    size = own[0].size
    if size < 2 or any(2 * np.unique(values).size > size for values in own):
        return own, None
    stacked = np.stack([values.ravel() for values in own])
    sets, inverse = np.unique(stacked, axis=1, return_inverse=True)
    return tuple(values[:, np.newaxis] for values in sets), inverse.reshape(own[0].shape[:-1])


class CohortSurvival(np.lib.mixins.NDArrayOperatorsMixin):
    """Survival by cohort and age that is computed where it is looked at.

    Stands for an array of shape (..., cohort, age), or of any order of these axes, of which only
    the parameters are kept: a table of (cohort, age, everything) is made only where somebody
    asks for its values. The loops of :mod:`mfa.kernels` take one cohort after another.

    Parameters
    ----------
    law, inflow_at, below_zero
        As in :func:`survival_values`.
    count : int
        Number of cohorts, and of ages.
    parameters : mapping of array_like, shape (..., cohort)
        Parameters of the law [yr], broadcast against each other.

    Examples
    --------
    >>> longer = CohortSurvival("fixed", 3, "end", "leaves", {"mean": [1.0, 2.0, 3.0]})
    >>> longer.of(1, 2).tolist()
    [1.0, 1.0]
    >>> np.asarray(longer).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
    """

    dtype = np.dtype(float)

    def __init__(
        self,
        law: str,
        count: int,
        inflow_at: str,
        below_zero: str,
        parameters: Mapping[str, Any],
    ):
        self.law, self.count = law, count
        self.inflow_at, self.below_zero = inflow_at, below_zero
        self.own = _checked(law, inflow_at, below_zero, parameters)
        self.axes = tuple(range(self.own[0].ndim))

    @property
    def lead(self) -> tuple[int, ...]:
        """Shape of what stands before the cohorts."""
        return self.own[0].shape[:-2]

    @property
    def shape(self) -> tuple[int, ...]:
        whole = (*self.lead, self.count, self.count)
        return tuple(whole[axis] for axis in self.axes)

    @property
    def ndim(self) -> int:
        return len(self.axes)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def of(self, cohort: int, ages: int, room: Array | None = None) -> Array:
        """Return the survival of one cohort at the ages 0 … ages − 1, shape (age, ...).

        ``room``, of the shape of at least that many ages, may be used for it.
        """
        if self._ages_first is None:
            own = tuple(values[..., cohort, :] for values in self.own)
            values = _evaluate(self.law, ages, self.inflow_at, self.below_zero, own)
            return np.moveaxis(values, -1, 0)
        slope, level, logs = self._ages_first
        out = np.empty((ages, *self.lead)) if room is None else room[:ages]
        if logs.size:
            np.subtract(logs[:ages], level[cohort], out=out)
            np.multiply(out, slope[cohort], out=out)
            np.exp(np.minimum(out, LOG_NOTHING_LEFT, out=out), out=out)
            np.negative(out, out=out)
        else:
            np.multiply(slope[:ages], level[cohort], out=out)
            np.maximum(out, -NOTHING_LEFT, out=out)
        np.exp(out, out=out)
        if out.size and out[-1].min() < LEAST:
            out[out < LEAST] = 0.0
        return out

    def at_entry(self) -> Array:
        """Return the survival at the end of the year of entry, shape (..., cohort)."""
        return _evaluate(self.law, 1, self.inflow_at, self.below_zero, self.own)[..., 0]

    @cached_property
    def weibull(self) -> tuple[Array, Array, Array] | None:
        """Slope, level and ages of a Weibull law by cohort, shape (..., age or cohort); or None.

        Where only the scale changes −ln S = slope[age] · level[cohort], one power each, and ages
        is empty; else −ln S = exp(slope[cohort] · (ages[age] − level[cohort])), of logarithms.
        """
        if self.law != "weibull" or self.inflow_at == "spread":
            return None
        shape, scale = (values[..., 0] for values in self.own)
        ages = np.arange(self.count) + FIRST_AGE[self.inflow_at]
        least, most = scale.min(axis=-1, keepdims=True), scale.max(axis=-1, keepdims=True)
        one, middle = shape[..., :1], np.sqrt(least * most)
        with np.errstate(divide="ignore", over="ignore", under="ignore"):
            if (shape == one).all() and (one * np.log(most / least) < 600.0).all():
                return (ages / middle) ** one, (middle / scale) ** one, np.empty(0)
            return shape, np.log(scale), np.log(ages)

    @cached_property
    def _ages_first(self) -> tuple[Array, Array, Array] | None:
        """The same with ages and cohorts first, so that loops over them are long in memory."""
        if self.weibull is None:
            return None
        slope, level = (np.ascontiguousarray(np.moveaxis(v, -1, 0)) for v in self.weibull[:2])
        logs = self.weibull[2]
        if not logs.size:
            np.negative(level, out=level)
        return slope, level, logs.reshape(-1, *(1 for _ in self.lead))

    def with_axes(self, shape: tuple[int, ...]) -> CohortSurvival:
        """Return the same with other axes of length 1 before the cohorts."""
        return self._like(tuple(values.reshape(*shape, *values.shape[-2:]) for values in self.own))

    def _like(self, own: tuple[Array, ...], axes: tuple[int, ...] | None = None) -> CohortSurvival:
        other = object.__new__(CohortSurvival)
        other.law, other.count = self.law, self.count
        other.inflow_at, other.below_zero = self.inflow_at, self.below_zero
        other.own = own
        other.axes = tuple(range(own[0].ndim)) if axes is None else axes
        return other

    # What makes it an array to numpy and xarray: turned without being computed, computed otherwise.

    def transpose(self, axes: Sequence[int]) -> CohortSurvival:
        return self._like(self.own, tuple(self.axes[axis] for axis in axes))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("survival by cohort is computed: it cannot be had without a copy")
        own, inverse = _distinct(self.own)
        values = _evaluate(self.law, self.count, self.inflow_at, self.below_zero, own)
        whole = values if inverse is None else values[inverse]
        turned = np.broadcast_to(whole, (*self.lead, self.count, self.count)).transpose(self.axes)
        told = np.asarray(turned, dtype=dtype)
        told.flags.writeable = False  # a change of it would be lost
        return told

    def __getitem__(self, key: Any) -> Array:
        return np.asarray(np.asarray(self)[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(
            "survival by cohort is computed from its law: change a copy of its values, as in "
            "survival.copy(data=np.array(survival)), or the parameters of the law"
        )

    def __deepcopy__(self, memo: Any) -> CohortSurvival:
        return self  # it never changes

    def astype(self, dtype: Any, **options: Any) -> Array:
        return np.array(self, dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*_computed(inputs), **options)

    def __array_function__(self, function: Any, types: Any, given: Any, options: Any) -> Any:
        if function is np.transpose and len(given) == 2:
            return self.transpose(given[1])
        return function(*_computed(given), **_computed(options))


def _computed(given: Any) -> Any:
    if isinstance(given, CohortSurvival):
        return np.asarray(given)
    if isinstance(given, dict):
        return {key: _computed(value) for key, value in given.items()}
    if isinstance(given, (list, tuple)):
        return type(given)(_computed(value) for value in given)
    return given


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
    arrays = [np.asarray(parameters[name], dtype=float) for name in given]
    for name, values in zip(given, np.broadcast_arrays(*arrays), strict=True):
        smallest_allowed = (law, name) == ("fixed", "mean")
        good = np.isfinite(values) & ((values > 0) | (smallest_allowed & (values == 0)))
        if not good.all():
            value = values[np.unravel_index(int(np.argmax(~good)), values.shape)]
            least = "0 or more" if smallest_allowed else "above 0"
            raise ImpossibleError(f"{name} must be {least}, not {value}", ~good)
    own = accepts[given](*np.broadcast_arrays(*arrays))
    return tuple(np.asarray(value, dtype=float)[..., np.newaxis] for value in own)


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
    if (np.diff(values, axis=-1) > 0).any():
        raise ImpossibleError("survival must never rise with age", np.diff(values, axis=-1) > 0)
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


def _exp_of_minus(hazard: Array) -> Array:
    """Return e^−hazard in the place of the hazard, which ends at 690 not to meet denormals."""
    np.minimum(hazard, NOTHING_LEFT, out=hazard)
    np.negative(hazard, out=hazard)
    return np.exp(hazard, out=hazard)


def _as_given(*values: Array) -> tuple[Array, ...]:
    return values


def _fixed_alive(x: Array, mean: Array) -> Array:
    return np.where(x < mean, 1.0, 0.0)


def _fixed_beyond(x: Array, mean: Array) -> Array:
    return np.asarray(np.maximum(mean - x, 0.0))


def _normal_alive(x: Array, mean: Array, std: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr((mean - x) / std))


def _normal_beyond(x: Array, mean: Array, std: Array) -> Array:
    from scipy.special import ndtr

    z = (x - mean) / std
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    return np.asarray(np.maximum(std * density - (x - mean) * ndtr(-z), 0.0))


def _folded_alive(x: Array, mean: Array, std: Array) -> Array:
    return _normal_alive(x, mean, std) + _normal_alive(x, -mean, std)


def _folded_beyond(x: Array, mean: Array, std: Array) -> Array:
    return _normal_beyond(x, mean, std) + _normal_beyond(x, -mean, std)


def _lognormal_from_moments(mean: Array, std: Array) -> tuple[Array, ...]:
    variance = np.log1p((std / mean) ** 2)
    return mean, np.log(mean) - variance / 2.0, np.sqrt(variance)


def _lognormal_alive(x: Array, mean: Array, mu: Array, sigma: Array) -> Array:
    from scipy.special import ndtr

    with np.errstate(divide="ignore"):
        return np.asarray(ndtr((mu - np.log(x)) / sigma))


def _lognormal_beyond(x: Array, mean: Array, mu: Array, sigma: Array) -> Array:
    from scipy.special import ndtr

    with np.errstate(divide="ignore"):
        z = (mu - np.log(x)) / sigma
    return np.asarray(np.maximum(mean * ndtr(z + sigma) - x * ndtr(z), 0.0))


def _weibull_from_mean(mean: Array, shape: Array) -> tuple[Array, ...]:
    from scipy.special import gammaln

    return shape, mean / np.exp(gammaln(1.0 + 1.0 / shape))


def _weibull_from_moments(mean: Array, std: Array) -> tuple[Array, ...]:
    """Solve Γ(1 + 2/k) / Γ(1 + 1/k)² = 1 + CV² for k by Newton's method on its root."""
    from scipy.special import digamma, gammaln

    variation = std / mean
    outside = (variation < 1.3e-3) | (variation > 400.0)
    if outside.any():
        raise ImpossibleError("no Weibull shape between 0.1 and 1000 has this std / mean", outside)
    target = np.sqrt(np.log1p(variation**2))
    inverse = target / np.sqrt(np.pi**2 / 6.0)
    for _ in range(40):
        value = np.sqrt(gammaln(1.0 + 2.0 * inverse) - 2.0 * gammaln(1.0 + inverse))
        slope = (digamma(1.0 + 2.0 * inverse) - digamma(1.0 + inverse)) / value
        step = (target - value) / slope
        inverse = inverse + step
        if (np.abs(step) <= 1e-15 * inverse).all():
            break
    return _weibull_from_mean(mean, 1.0 / inverse)


def _weibull_alive(x: Array, shape: Array, scale: Array) -> Array:
    hazard = np.asarray(x / scale)
    with np.errstate(over="ignore", under="ignore"):
        np.power(hazard, shape, out=hazard)
    return _exp_of_minus(hazard)


def _weibull_beyond(x: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammaincc, gammaln

    mean = scale * np.exp(gammaln(1.0 + 1.0 / shape))
    with np.errstate(over="ignore", under="ignore"):
        hazard = (x / scale) ** shape
    # where next to nothing has left yet the power underflows, but S = 1 is exact
    beyond = mean * gammaincc(1.0 / shape, hazard)
    return np.asarray(np.where(hazard < 1e-17, mean - x, beyond))


def _gamma_from_moments(mean: Array, std: Array) -> tuple[Array, ...]:
    return (mean / std) ** 2, std**2 / mean


def _gamma_alive(x: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammaincc

    return np.asarray(gammaincc(shape, x / scale))


def _gamma_beyond(x: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammaincc

    z = x / scale
    mean_beyond = shape * scale * gammaincc(shape + 1.0, z)
    return np.asarray(np.maximum(mean_beyond - x * gammaincc(shape, z), 0.0))


def _logistic_from_moments(mean: Array, std: Array) -> tuple[Array, ...]:
    return mean, std * np.sqrt(3.0) / np.pi


def _logistic_alive(x: Array, mean: Array, scale: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit((mean - x) / scale))


def _logistic_beyond(x: Array, mean: Array, scale: Array) -> Array:
    return np.asarray(scale * np.logaddexp(0.0, (mean - x) / scale))


def _gompertz_moments(log_shape: Array) -> tuple[Array, Array, Array, Array]:
    """Return E z, E z² and their slopes over log_shape, for z = lifetime / scale = ln(1 + E/shape).

    E is a standard exponential number; the trapezoid rule over its logarithm converges
    geometrically here (the integrand falls off exponentially and is analytic around the axis).
    """
    grid = np.arange(-45.0, 4.2, 0.2)
    weight = 0.2 * np.exp(grid - np.exp(grid))
    odds = grid - log_shape[..., np.newaxis]
    z = np.logaddexp(0.0, odds)
    share = 1.0 / (1.0 + np.exp(-np.clip(odds, -700.0, 700.0)))
    return z @ weight, z**2 @ weight, -share @ weight, -2.0 * (z * share) @ weight


def _gompertz_from_moments(mean: Array, std: Array) -> tuple[Array, ...]:
    """Find the shape with the wanted std / mean: a table, then Newton's method."""
    table = np.linspace(-300.0, 8.0, 617)
    first, second, _, _ = _gompertz_moments(table)
    spread = second / first**2 - 1.0
    target = (std / mean) ** 2
    outside = (target < spread[0]) | (target > spread[-1])
    if outside.any():
        raise ImpossibleError(
            "a Gompertz lifetime has std / mean between 0.0043 and 0.9997", outside
        )
    log_shape = np.asarray(np.interp(target, spread, table))
    for _ in range(6):
        first, second, first_slope, second_slope = _gompertz_moments(log_shape)
        slope = second_slope / first**2 - 2.0 * second * first_slope / first**3
        log_shape = log_shape - (second / first**2 - 1.0 - target) / slope
    unit = _gompertz_beyond(np.zeros(1), log_shape[..., np.newaxis], np.ones(1))[..., 0]
    return log_shape, mean / unit


def _gompertz_from_own(shape: Array, scale: Array) -> tuple[Array, ...]:
    return np.log(shape), scale


def _gompertz_alive(x: Array, log_shape: Array, scale: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(-np.exp(log_shape) * np.expm1(x / scale)))


def _gompertz_beyond(x: Array, log_shape: Array, scale: Array) -> Array:
    with np.errstate(over="ignore"):
        hazard = np.exp(log_shape + x / scale)
    return scale * _gompertz_alive(x, log_shape, scale) * _scaled_exponential_integral(hazard)


def _scaled_exponential_integral(w: Array) -> Array:
    """Return exp(w) E₁(w) without overflow: scipy below 50, the asymptotic series above."""
    from scipy.special import exp1

    near = np.clip(w, 1e-300, 50.0)
    far = 1.0 / np.maximum(w, 50.0)
    term, series = far, far
    for rank in range(1, 25):
        term = term * -rank * far
        series = series + term
    return np.where(w < 50.0, np.exp(near) * exp1(near), series)


def _exponential_alive(x: Array, mean: Array) -> Array:
    return np.asarray(np.exp(-x / mean))


def _exponential_beyond(x: Array, mean: Array) -> Array:
    return mean * np.exp(-x / mean)


MEAN, MOMENTS, OWN = ("mean",), ("mean", "std"), ("shape", "scale")

LAWS: dict[str, Law] = {
    "fixed": Law({MEAN: _as_given}, _fixed_alive, _fixed_beyond),
    "normal": Law({MOMENTS: _as_given}, _normal_alive, _normal_beyond),
    "folded_normal": Law({MOMENTS: _as_given}, _folded_alive, _folded_beyond),
    "lognormal": Law({MOMENTS: _lognormal_from_moments}, _lognormal_alive, _lognormal_beyond),
    "weibull": Law(
        {("mean", "shape"): _weibull_from_mean, MOMENTS: _weibull_from_moments, OWN: _as_given},
        _weibull_alive,
        _weibull_beyond,
    ),
    "gamma": Law({MOMENTS: _gamma_from_moments, OWN: _as_given}, _gamma_alive, _gamma_beyond),
    "logistic": Law({MOMENTS: _logistic_from_moments}, _logistic_alive, _logistic_beyond),
    "gompertz": Law(
        {MOMENTS: _gompertz_from_moments, OWN: _gompertz_from_own},
        _gompertz_alive,
        _gompertz_beyond,
    ),
    "exponential": Law({MEAN: _as_given}, _exponential_alive, _exponential_beyond),
}
"""The laws, by the names that scenarios use."""

"""Survival by cohort that is computed where it is looked at.

A table of (cohort, age, everything) costs more than the sums it is made for: this
array keeps the parameters, and the kernels take one cohort after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from mfa.lifetime_laws import LEAST, LOG_NOTHING_LEFT, NOTHING_LEFT
from mfa.survival import FIRST_AGE, Array, checked, distinct, evaluate

READ_ONLY = (
    "survival by cohort is computed from its law: change a copy of its values, as in "
    "survival.copy(data=np.array(survival)), or the parameters of the law"
)


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
        self.own = checked(law, inflow_at, below_zero, parameters)
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
            values = evaluate(self.law, ages, self.inflow_at, self.below_zero, own)
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
        return self._at_entry

    @cached_property
    def _at_entry(self) -> Array:
        return evaluate(self.law, 1, self.inflow_at, self.below_zero, self.own)[..., 0]

    @property
    def weibull(self) -> tuple[Array, Array, Array] | None:
        """Shape and scale of a Weibull law, (..., cohort), and the age at the end of each year; or None."""
        if self.law != "weibull" or self.inflow_at == "spread":
            return None
        shape, scale = (values[..., 0] for values in self.own)
        return shape, scale, np.arange(float(self.count)) + FIRST_AGE[self.inflow_at]

    @cached_property
    def _ages_first(self) -> tuple[Array, Array, Array] | None:
        """Slope, level and ages of a Weibull law, ages or cohorts first; or None.

        Where only the scale changes −ln S = slope[age] · level[cohort], one power each, and ages
        is empty; else −ln S = exp(slope[cohort] · (ages[age] − level[cohort])), of logarithms.
        """
        if self.weibull is None:
            return None
        shape, scale, ages = self.weibull
        turned = (np.moveaxis(values, -1, 0) for values in (shape, scale))
        steep, width = (np.ascontiguousarray(values) for values in turned)
        ages = ages.reshape(-1, *(1 for _ in self.lead))
        least, most, one = width.min(axis=0), width.max(axis=0), steep[0]
        with np.errstate(divide="ignore", over="ignore", under="ignore"):
            if (steep == one).all() and (one * np.log(most / least) < 600.0).all():
                middle = np.sqrt(least * most)
                return (ages / middle) ** one, -((middle / width) ** one), np.empty(0)
            return steep, np.log(width), np.log(ages)

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

    def transpose(self, *axes: Any) -> CohortSurvival:
        order = axes[0] if axes and not isinstance(axes[0], (int, np.integer)) else axes
        turned = range(self.ndim)[::-1] if order is None or not len(axes) else order
        return self._like(self.own, tuple(self.axes[axis] for axis in turned))

    @property
    def T(self) -> CohortSurvival:  # noqa: N802
        return self.transpose()

    @property
    def nbytes(self) -> int:
        """Size of the values, which are not kept."""
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return (
            f"<survival by cohort, {self.law}, inflow_at {self.inflow_at!r}, shape {self.shape}: "
            "computed when its values are asked for, as by .values>"
        )

    def _repr_inline_(self, width: int) -> str:
        return f"{self.law}, computed when asked"[:width]

    def __getattr__(self, name: str) -> Any:
        """Do what else arrays do (sum, round, item, …) with the values."""
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"survival by cohort has no attribute {name!r}")
        return getattr(np.asarray(self), name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("survival by cohort is computed: it cannot be had without a copy")
        own, inverse = distinct(self.own)
        values = evaluate(self.law, self.count, self.inflow_at, self.below_zero, own)
        whole = values if inverse is None else values[inverse]
        turned = np.broadcast_to(whole, (*self.lead, self.count, self.count)).transpose(self.axes)
        told = np.asarray(turned, dtype=dtype)
        told.flags.writeable = False  # a change of it would be lost
        return told

    def __getitem__(self, key: Any) -> Array:
        return np.asarray(np.asarray(self)[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(READ_ONLY)

    def __deepcopy__(self, memo: Any) -> CohortSurvival:
        return self  # it never changes

    def astype(self, dtype: Any, **options: Any) -> Array:
        return np.array(self, dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(room, CohortSurvival) for room in options.get("out", ())):
            raise TypeError(READ_ONLY)
        return getattr(ufunc, method)(*_computed(inputs), **_computed(options))

    def __array_function__(self, function: Any, types: Any, given: Any, options: Any) -> Any:
        if isinstance(options.get("out"), CohortSurvival):
            raise TypeError(READ_ONLY)
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

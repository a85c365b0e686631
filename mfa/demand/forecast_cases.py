"""What a forecasting method is given and what it gives back; the list of all methods.

A method is a function from a :class:`Case` (one series, its drivers, its random numbers) to an
:class:`Outcome`.  It sees nothing observed after the origin.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from mfa.demand.regression import Array
from mfa.errors import MfaError, known


@dataclass(frozen=True)
class Case:
    """One series up to its origin, and the drivers of the years before and after.

    Attributes
    ----------
    history : array (n,)
        What was observed, one value a year, the last one in the year of the origin.
    years : int array (n,)
    ahead_years : int array (h,)
        The years to be forecast.
    expected : mapping of DataArrays, dims (year, ...) or (...)
        Drivers in ``years`` and ``ahead_years``, or in all years.
    drawn : mapping of DataArrays, dims (sample, year, ...) or (year, ...)
        The same drivers in ``ahead_years``, with their uncertainty if there is one.
    samples : int
    rng : numpy Generator
        The only source of chance a method may use.
    """

    history: Array
    years: np.ndarray
    ahead_years: np.ndarray
    expected: Mapping[str, xr.DataArray]
    drawn: Mapping[str, xr.DataArray]
    samples: int
    rng: np.random.Generator

    @property
    def horizon(self) -> int:
        """Number of years to be forecast."""
        return len(self.ahead_years)

    def has(self, name: str) -> bool:
        """Say whether a driver was given."""
        return name in self.expected

    def past(self, name: str) -> Array:
        """Return a driver in the years of the history, (n,)."""
        return self._plain(name, self.expected[name])[: len(self.years)]

    def ahead(self, name: str) -> Array:
        """Return a driver as expected in the years ahead, (h,)."""
        return self._plain(name, self.expected[name])[len(self.years) :]

    def draws(self, name: str) -> Array:
        """Return a driver's draws in the years ahead, (samples, h) or (1, h)."""
        return np.atleast_2d(self._plain(name, self.drawn[name])[..., -self.horizon :])

    def _plain(self, name: str, data: xr.DataArray) -> Array:
        if more := [str(dim) for dim in data.dims if dim not in ("sample", "year")]:
            raise MfaError(
                f"driver {name!r} has the dimensions {more}, which the history does not have"
            )
        if "year" in data.dims:
            return np.asarray(data.values)
        return np.full(len(self.years) + self.horizon, float(data))

    def population(self) -> tuple[Array, Array, Array]:
        """Return people in the past, ahead and drawn; 1 where the history is told per head."""
        if not self.has("population"):
            return np.ones(len(self.years)), np.ones(self.horizon), np.ones((1, self.horizon))
        self.require_positive_driver("population")
        return self.past("population"), self.ahead("population"), self.draws("population")

    def require_positive_driver(self, name: str) -> None:
        """Raise if a driver is not above 0 in the past or ahead, naming the year."""
        drawn = self.draws(name)
        expected = np.concatenate([self.past(name), self.ahead(name)])
        lowest = np.concatenate([self.past(name), np.minimum(self.ahead(name), drawn.min(axis=0))])
        if (lowest > 0).all():
            return
        at = int(np.argmax(~(lowest > 0)))
        year = np.concatenate([self.years, self.ahead_years])[at]
        which = "" if expected[at] == lowest[at] else " in a sample"
        raise MfaError(f"driver {name!r} must be above 0; it is {lowest[at]:g} in {year}{which}")

    def require_positive(self, why: str) -> None:
        """Raise if the history is not above 0 everywhere, naming the year."""
        if not (self.history > 0).all():
            at = int(np.argmax(~(self.history > 0)))
            raise MfaError(
                f"the history is {self.history[at]:g} in {self.years[at]}; {why}: "
                "start the history later"
            )


@dataclass(frozen=True)
class Outcome:
    """What a method says: the middle, draws around it, and what it estimated.

    Attributes
    ----------
    mid : array (h,)
    draws : array (samples, h)
        Of what will be observed: errors of estimates, of drivers and of single years included.
    estimates : mapping of name → (value, standard error)
    """

    mid: Array
    draws: Array
    estimates: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A forecasting method: its function, what it means and needs, where it is from."""

    function: Callable[..., Outcome]
    meaning: str
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    reference: str = ""

    def options(self) -> list[str]:
        """Return the names of its options."""
        return list(inspect.signature(self.function).parameters)[1:]


METHODS: dict[str, Method] = {}
"""All forecasting methods by name; :func:`method` adds one."""


def method(
    name: str,
    *,
    meaning: str,
    needs: tuple[str, ...] = (),
    uses: tuple[str, ...] = (),
    reference: str = "",
) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Enter a function into the list of methods.

    Parameters
    ----------
    name : str
        For ``demand.forecast(name, …)``; must be new.
    meaning : str
        One sentence.
    needs, uses : names of drivers that must, and that may, be given
    reference : str
        Where the method is published.

    Raises
    ------
    MfaError
        If the name is taken.

    Examples
    --------
    >>> @method("unchanged", meaning="next year is like this year, without doubt")
    ... def unchanged(case):
    ...     mid = np.full(case.horizon, case.history[-1])
    ...     return Outcome(mid, np.tile(mid, (case.samples, 1)))
    >>> METHODS.pop("unchanged").meaning
    'next year is like this year, without doubt'
    """

    def enter(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
        if name in METHODS:
            raise MfaError(f"there is a forecasting method {name!r} already")
        METHODS[name] = Method(function, meaning, tuple(needs), tuple(uses), reference)
        return function

    return enter


def method_named(name: str) -> Method:
    """Return a method, or say which there are."""
    if not isinstance(name, str) or name not in METHODS:
        raise MfaError(f"unknown forecasting method {name!r}. {known(name, METHODS, 'methods')}")
    return METHODS[name]


def checked_method(name: str, drivers: Any, options: Mapping[str, Any]) -> Method:
    """Return a method whose drivers are given and whose options it has."""
    chosen = method_named(name)
    for option in options:
        if option not in chosen.options():
            raise MfaError(
                f"method {name!r} has no option {option!r}. "
                f"{known(option, chosen.options(), 'options')}"
            )
    require_mapping(drivers)
    given = [str(driver) for driver in drivers] if drivers is not None else []
    missing = [driver for driver in chosen.needs if driver not in given]
    if missing:
        raise MfaError(
            f"method {name!r} needs the driver {missing[0]!r}. {known(missing[0], given, 'given')}"
        )
    return chosen


def require_mapping(drivers: Any) -> None:
    """Raise unless drivers are a Dataset or a mapping, or none are given."""
    if drivers is not None and not isinstance(drivers, Mapping):
        raise MfaError(
            "drivers must be a Dataset or a mapping of names to arrays, "
            "{'gdp_per_capita': array, …}"
        )

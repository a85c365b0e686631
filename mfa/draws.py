"""Draws: what the uncertain values of a scenario are in each sample.

Same sample number, same draw, in every scenario that draws a value under the
same name with the same seed; nothing depends on which other samples are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mfa.columns import uncertain
from mfa.demand.fit_scores import parameters_at, scores_needed
from mfa.designs import JOINT, Design, Kind
from mfa.distributions import dirichlet
from mfa.errors import MfaError, known
from mfa.forms import Form, Known, Number
from mfa.ownership import Owners, resolve
from mfa.ranges import distribution_of
from mfa.regions import Array, Region
from mfa.scenario import Scenario
from mfa.schema import ParameterSpec

FIRST_YEAR = 1800
"""Correlated draws of single years start here, or in year 0, whatever years are run."""


@dataclass(frozen=True)
class Draws:
    """The draws of some samples.

    Attributes
    ----------
    design : Design
    samples : tuple of int
        Sample numbers.
    names : tuple of str
        Names of draws that are correlated.
    matrix : array (name, other)
        Correlation of their normal scores (a Gaussian copula); the rank correlation of two
        is 6/π · arcsin(r/2).
    fits : mapping of path to content
        The fits that laws are drawn from.
    cache : dict
        What has been drawn from fits.
    """

    design: Design
    samples: tuple[int, ...]
    names: tuple[str, ...] = ()
    matrix: Array = field(default_factory=lambda: np.empty((0, 0)))
    fits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cache: dict[str, dict[str, Array]] = field(default_factory=dict, repr=False)

    def uniforms(self, column: str) -> Array:
        """Return the uniform numbers (sample,) of one name, correlated with others if it is told."""
        if column not in self.names:
            return self.design.uniforms(column, self.samples)
        from scipy.special import ndtr, ndtri

        row = np.linalg.cholesky(self.matrix)[self.names.index(column)]
        if np.count_nonzero(row) == 1:
            return self.design.uniforms(column, self.samples)
        score = np.zeros(len(self.samples))
        for weight, name in zip(row, self.names, strict=True):
            if weight:
                score = score + weight * ndtri(self.design.uniforms(name, self.samples))
        return np.asarray(ndtr(score))

    def yearly(self, form: Known, years: Sequence[int]) -> Array:
        """Return uniform numbers (sample, year), each year's correlated with that before by ``redraw``."""
        kept = float(form.redraw or 0.0)
        if kept == 0.0:
            return np.stack([self.uniforms(_of_year(form, year)) for year in years], axis=-1)
        from scipy.special import ndtr, ndtri

        score, found = np.zeros(len(self.samples)), []
        for year in _years_drawn(form, years):
            fresh = ndtri(self.uniforms(_of_year(form, year)))
            score = kept * score + np.sqrt(1 - kept**2) * fresh if year > _start(years) else fresh
            if year >= years[0]:
                found.append(ndtr(score))
        return np.stack(found, axis=-1)

    def of(
        self, form: Known, values: Array, region: Region, limits: tuple[float, float] | None = None
    ) -> Array:
        """Return the draws of a value, (sample, labels, year or one).

        Parameters
        ----------
        form : Known
            With a distribution.
        values : (labels, year or one)
            The value as it was written.
        region : Region
        limits : (float, float), optional
            What is drawn is cut off beyond these.
        """
        if form.distribution == "dirichlet":
            raise MfaError("'dirichlet' stands beside shares, not inside a value", form.place)
        found, relative = distribution_of(form)
        for number in () if relative else form.bounds:
            _require_unit(form, number, region)
        if limits is not None:
            low, high = max(found.lowest, limits[0]), min(found.highest, limits[1])
            found = replace(found, lowest=low, highest=high)
        if form.redraw is None:
            drawn = found.quantile(self.uniforms(form.column))[:, None]
        else:
            region.require_years(form.place)
            drawn = found.quantile(self.yearly(form, region.years.tolist()))
        drawn = drawn.reshape(len(drawn), *(1 for _ in region.dims), drawn.shape[-1])
        return values * drawn if relative else region.wide(drawn)

    def fitted(self, form: Known, region: Region) -> dict[str, tuple[Array, Array]]:
        """Return the fields of a law that are drawn from a fit, and where they are told instead.

        All values that stand for one fit have the same draws of it.
        """
        fit = form.fit
        assert fit is not None
        content = self.fits[fit.path]
        if form.column not in self.cache:
            u = [self.uniforms(name) for name in _of_fit(form, content)]
            self.cache[form.column] = parameters_at(content, np.stack(u, axis=-1))
        ones, groups = (1,) * len(region.dims), [str(label) for label in content["labels"]]
        found: dict[str, tuple[Array, Array]] = {}
        for name in fit.fields:
            values = self.cache[form.column][name]
            labels: tuple[str, ...] = (fit.label,)
            shape = ones
            if values.ndim > 1 and not fit.label:
                axis = next(
                    i for i, own in enumerate(region.labels) if own and set(own) <= set(groups)
                )
                labels = region.labels[axis]
                shape = tuple(len(labels) if i == axis else 1 for i in range(len(ones)))
            if values.ndim > 1:
                values = values[:, [groups.index(label) for label in labels]]
            told = np.array([label in fit.told for label in labels])
            told = told if values.ndim > 1 else np.zeros(1, dtype=bool)
            found[name] = values.reshape(-1, *shape, 1), told.reshape(*shape, 1)
        return found

    def shares(self, form: Known, column: Callable[[int], str], values: Array) -> Array:
        """Return draws of shares, (sample, label, year), that keep the sum of the given (label, year)."""
        (number,) = form.bounds
        assert isinstance(number, Number)
        u = np.stack([self.uniforms(column(i)) for i in range(len(values))], axis=-1)
        different, which = np.unique(values, axis=-1, return_inverse=True)
        drawn = np.stack([dirichlet(u, one, number.value) for one in different.T], axis=-1)
        return drawn[..., which.reshape(-1)]


def make_draws(
    scenario: Scenario,
    samples: int | Iterable[int],
    seed: int = 0,
    design: Kind | Design = "random",
    independent: bool = False,
) -> Draws:
    """Return the draws of a scenario for samples.

    Parameters
    ----------
    scenario : Scenario
    samples : int or iterable of int
        So many, from number 0 on; or these sample numbers.
    seed : int
    design : {"random", "lhs", "sobol"} or Design
    independent : bool
        Draw other numbers than other scenarios do.

    Raises
    ------
    MfaError
        For no samples, or a correlation of what is not drawn.
    """
    if isinstance(samples, int | np.integer) and not isinstance(samples, bool):
        count, numbers = int(samples), tuple(range(int(samples)))
    else:
        numbers = tuple(int(number) for number in samples)  # type: ignore[union-attr]
        count = 0
    if not numbers:
        raise MfaError("there are no samples to draw; give a number of samples, like samples=1000")
    if isinstance(design, str):
        columns = tuple(sorted(columns_of(scenario))) if design in JOINT else ()
        stream = scenario.name if independent else ""
        if design == "lhs" and not count:
            raise MfaError(
                "design 'lhs' needs the number of all samples: "
                "design=mfa.designs.Design(seed, 'lhs', count=10000)"
            )
        design = Design(seed, design, count or None, columns, stream)
    design.require(numbers)
    correlation = scenario.correlation
    if correlation is None:
        return Draws(design, numbers, fits=scenario.fits)
    allowed = columns_of(scenario, correlated=True)
    for name in correlation.of:
        if name not in allowed:
            hint = known(name, allowed, "names")
            raise MfaError(
                f"correlation: {name!r} is not drawn once for all years here. {hint}",
                correlation.place,
            )
    return Draws(design, numbers, correlation.of, np.array(correlation.matrix), scenario.fits)


def columns_of(scenario: Scenario, *, correlated: bool = False) -> list[str]:
    """Return the names of all numbers that are drawn for a scenario, sorted.

    With ``correlated`` only those that a correlation may name.
    """
    found: set[str] = set()
    years = list(range(scenario.years[0], scenario.years[1] + 1))
    for name, spec in scenario.system.parameters.items():
        owners = resolve(scenario, name)
        for number in np.unique(owners.owner):
            if number < 0:
                continue
            entry = owners.entries[number]
            for form in (entry.form, *entry.changes):
                for one in uncertain(form):
                    if one.distribution == "dirichlet":
                        if not correlated:
                            found |= set(_labels_drawn(one, spec, owners, int(number)))
                    elif one.fit is not None:
                        if not correlated:
                            found |= set(_of_fit(one, scenario.fits[one.fit.path]))
                    elif one.redraw is None:
                        found.add(one.column)
                    elif not correlated:
                        found |= {_of_year(one, year) for year in _years_drawn(one, years)}
    return sorted(found)


def draw_shares(draws: Draws, spec: ParameterSpec, owners: Owners, values: Array) -> Array:
    """Return values, (labels, year) or (sample, labels, year), with shares drawn where it is written.

    Raises
    ------
    MfaError
        If the parameter holds no shares, or two concentrations stand in one sum.
    """
    forms = {n: _dirichlet(entry.form) for n, entry in enumerate(owners.entries)}
    drawn = {n: form for n, form in forms.items() if form is not None and (owners.owner == n).any()}
    if not drawn:
        return values
    axis = owners.dims.index(_shared_dim(spec, next(iter(drawn.values()))))
    count = len(draws.samples)
    found = np.array(np.broadcast_to(values, (count, *values.shape[-owners.owner.ndim - 1 :])))
    lines = np.moveaxis(owners.owner, axis, -1)
    target = np.moveaxis(found, 1 + axis, -2)
    labels = owners.labels[axis]
    for cell in np.ndindex(lines.shape[:-1]):
        own = [i for i, number in enumerate(lines[cell]) if int(number) in drawn]
        if not own:
            continue
        told = [drawn[int(lines[cell][i])] for i in own]
        if len({_concentration(form) for form in told}) > 1:
            raise MfaError("two different 'dirichlet' in one sum; keep one of them", told[-1].place)
        given = target[(slice(None), *cell, own)][0]
        if (given < 0).any() or (given.sum(axis=0) <= 0).any():
            raise MfaError("'dirichlet' beside shares below 0, or that sum to 0", told[0].place)

        def column(i: int, told: list[Known] = told, own: list[int] = own) -> str:
            return f"{told[i].column} {owners.dims[axis]}={labels[own[i]]}"

        target[(slice(None), *cell, own)] = draws.shares(told[0], column, given)
    return found


def _dirichlet(form: Form) -> Known | None:
    """Return a form if it is shares to be drawn together."""
    return form if isinstance(form, Known) and form.distribution == "dirichlet" else None


def _concentration(form: Known) -> float:
    (number,) = form.bounds
    assert isinstance(number, Number)
    return number.value


def _shared_dim(spec: ParameterSpec, form: Known) -> str:
    dim = spec.sums or spec.normalise
    if not dim:
        message = "'dirichlet' is for shares; this parameter has neither 'sums' nor 'normalise'"
        raise MfaError(message, form.place)
    return dim


def _labels_drawn(form: Known, spec: ParameterSpec, owners: Owners, number: int) -> Iterable[str]:
    dim = _shared_dim(spec, form)
    axis = owners.dims.index(dim)
    for i in sorted(set(np.nonzero(owners.owner == number)[axis].tolist())):
        yield f"{form.column} {dim}={owners.labels[axis][i]}"


def _of_fit(form: Known, content: Mapping[str, Any]) -> list[str]:
    return [f"{form.column} {number:03d}" for number in range(scores_needed(content))]


def _of_year(form: Known, year: int) -> str:
    return f"{form.column} {year}"


def _start(years: Sequence[int]) -> int:
    return FIRST_YEAR if years[0] >= FIRST_YEAR else 0


def _years_drawn(form: Known, years: Sequence[int]) -> range:
    """Return the years whose draws decide those of the run."""
    return range(_start(years) if form.redraw else years[0], years[-1] + 1)


def _require_unit(form: Known, number: Form, region: Region) -> None:
    """Raise if a number of a distribution is in another unit than the parameter."""
    unit = number.unit if isinstance(number, Number) else None
    if unit not in (None, "1", region.unit):
        raise MfaError(
            f"{form.distribution!r}: the unit gives {unit}, this needs one that gives {region.unit}",
            number.place,
        )

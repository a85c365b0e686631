"""One task of a run of many samples: some chunks, and which of their samples cannot be run.

A sample that fails (a loop that cannot be solved with its values, say) is left
out and told with its values.  Another sample of its chunk is computed in its
place, so that the rest have the bits that they would have had without it.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.designs import Design
from mfa.errors import MfaError
from mfa.kept import Recipe
from mfa.plans import Plan, plan
from mfa.runs import simulate
from mfa.sample_jobs import CHUNK, Job
from mfa.scenario import Scenario

Array = NDArray[np.float64]

MOST_TOLD = 12
"""Parameters of a failing sample that a message tells."""


@dataclass(frozen=True)
class Failure:
    """A sample that cannot be run: its number, why, and its values."""

    sample: int
    why: str
    values: str

    def __str__(self) -> str:
        return f"sample {self.sample}: {self.why}; its values: {self.values}"


@dataclass(frozen=True)
class Found:
    """What came of some chunks.

    Attributes
    ----------
    values : mapping of name to array (sample, …)
        All samples of the chunks, in order; empty if all of them failed.
    worst : float
        The worst relative mass balance of the chunks.
    failed : tuple of Failure
        Samples whose values are not to be used.
    """

    values: Mapping[str, Array]
    worst: float
    failed: tuple[Failure, ...] = ()


@dataclass(frozen=True, eq=False)
class Work:
    """What is computed for each sample: of which scenario, with which draws, and what is kept.

    ``modules`` hold rules of the user, for processes that start empty.
    """

    scenario: Scenario
    design: Design
    recipe: Recipe
    modules: tuple[str, ...] = ()

    @cached_property
    def job(self) -> Job:
        return Job(self.scenario, self.design, self.recipe.raw)

    @cached_property
    def plan(self) -> Plan:
        """The plan of the system without samples."""
        return plan(self.scenario.system)

    @cached_property
    def certain(self) -> xr.Dataset:
        """What is kept of the run with values as they were written, with its attributes."""
        return self.recipe.finished(self.plan, self._like)

    def block(self, first: int, last: int) -> Found:
        """Return what is kept of all samples of the chunks first … last − 1."""
        try:
            values, worst = self.job.block(first, last)
            return Found(self._finished(values), worst)
        except MfaError as error:
            if last == first + 1:
                return self._without_failing(first, error)
        parts = [self.block(chunk, chunk + 1) for chunk in range(first, last)]
        some = next((part.values for part in parts if part.values), {})
        empty = {name: np.full_like(own[:CHUNK], np.nan) for name, own in some.items()}
        each = [part.values or empty for part in parts]
        return Found(
            {name: np.concatenate([own[name] for own in each]) for name in some},
            max(part.worst for part in parts),
            tuple(one for part in parts for one in part.failed),
        )

    def alone(self, sample: int) -> xr.Dataset:
        """Return what is kept of one sample, computed without any other.

        Raises
        ------
        MfaError
            If it cannot be run.
        """
        return self.recipe.finished(self.plan, self._raw(self.values_of(sample)))

    def values_of(self, sample: int) -> xr.Dataset:
        """Return all parameters of one sample."""
        drawn = self.job.drawn([sample], self.job.uncertain).isel(sample=0, drop=True)
        return self.job.certain.assign({name: drawn[name] for name in self.job.uncertain})

    def _without_failing(self, chunk: int, error: MfaError) -> Found:
        """Return a chunk in which a sample that can be run stands for each that cannot."""
        numbers = range(chunk * CHUNK, (chunk + 1) * CHUNK)
        failed: dict[int, Failure] = {}
        for number in numbers:
            try:
                self.alone(number)
            except MfaError as own:
                failed[number] = Failure(number, str(own).replace("\n", "; "), self.told(number))
        if not failed:
            raise error
        sound = [number for number in numbers if number not in failed]
        if not sound:
            return Found({}, 0.0, tuple(failed.values()))
        job = _Mended(self.scenario, self.design, self.recipe.raw, dict.fromkeys(failed, sound[0]))
        values, worst = job.block(chunk, chunk + 1)
        return Found(self._finished(values), worst, tuple(failed.values()))

    def told(self, sample: int) -> str:
        """Return the uncertain values of a sample in words."""
        try:
            values = self.values_of(sample)
        except MfaError:
            return "could not be drawn"
        names = self.job.uncertain
        told = [f"{name} = {_shown(values[name])}" for name in names[:MOST_TOLD]]
        more = [f"{len(names) - MOST_TOLD} more"] if len(names) > MOST_TOLD else []
        return ", ".join(told + more) or "all as written"

    def _finished(self, raw: Mapping[str, Array]) -> dict[str, Array]:
        """Return what is kept of whole chunks, each by itself: nothing depends on another chunk."""
        if not self.recipe.roles:
            return {name: raw[name] for name in self.recipe.names}
        parts: dict[str, list[Array]] = {name: [] for name in self.recipe.names}
        count = len(next(iter(raw.values())))
        for start in range(0, count, CHUNK):
            here = {name: own[start : start + CHUNK] for name, own in raw.items()}
            for name, own in self.recipe.finished(self.plan, self._labelled(here)).items():
                parts[str(name)].append(np.asarray(own.values))
        return {name: np.concatenate(own) for name, own in parts.items()}

    def _labelled(self, raw: Mapping[str, Array]) -> xr.Dataset:
        like = self._like
        variables = {name: (("sample", *like[name].dims), own) for name, own in raw.items()}
        return xr.Dataset(variables, {d: c for d, c in like.coords.items() if d in like.dims})

    @cached_property
    def _like(self) -> xr.Dataset:
        return self._raw(self.job.certain)

    def _raw(self, parameters: xr.Dataset) -> xr.Dataset:
        """Return what a job keeps, of one run, with the attributes of all of it."""
        one = simulate(self.plan, parameters)
        whole = one.assign(parameters.data_vars)
        raw = {n: whole[n].sum(list(d), keep_attrs=True) for n, d in self.recipe.raw.items()}
        return xr.Dataset(raw, {"year": one.coords["year"]}, one.attrs)


@dataclass(frozen=True, eq=False)
class _Mended(Job):
    """A job in which some samples have the draws of others."""

    instead: Mapping[int, int] = field(default_factory=dict)

    def drawn(self, samples: Sequence[int], names: Sequence[str] | None) -> xr.Dataset:
        return super().drawn([self.instead.get(number, number) for number in samples], names)


def _shown(values: xr.DataArray) -> str:
    """Return a number, or the lowest and the highest of several.

    >>> _shown(xr.DataArray([1.5, 2.0], attrs={"units": "yr"}))
    '1.5 to 2 yr'
    """
    low, high = float(values.min()), float(values.max())
    unit = str(values.attrs.get("units", "1"))
    span = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
    return span if unit == "1" else f"{span} {unit}"


# ------------------------------------------------------ in another process


def told(work: Work) -> bytes:
    """Return a work as another process reads it."""
    inner = pickle.dumps((work.scenario, work.design, work.recipe))
    return pickle.dumps((work.modules, inner))


def elsewhere(told: bytes, first: int, last: int) -> Found:
    """Compute chunks in another process, which keeps what it has prepared for the work."""
    return _work(told).block(first, last)


@lru_cache(maxsize=1)
def _work(told: bytes) -> Work:
    from mfa.rules import USER_RULES
    from mfa.user_rules import import_rules

    modules, inner = pickle.loads(told)
    if not USER_RULES:
        import_rules(modules)
    return Work(*pickle.loads(inner))

"""A plan run again from a year on, and of it only the steps that a change can reach.

What a capacity changes begins in the first year in which it binds.  The years
before it stay as they were; what had entered a stock by then is followed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from mfa.execution import run_part
from mfa.ordering import Part
from mfa.plans import Plan
from mfa.steps import Array, Bound


class LaterYears:
    """The last years of a run, to be made again with other parameters of some steps.

    Parameters
    ----------
    plan : Plan
    bound : mapping of the steps' parameters, all years
    values : flows and stocks of the run, (..., year)
    changing : names of the steps whose parameters may change
    start : int
        Index of the first year that is made again.  It becomes 0 where a step cannot
        start later: a component that runs by year, a rule of a user, early retirement.

    Attributes
    ----------
    parts : list of Part
        That may be made again.
    years : range
        That are made again.
    bound : the steps' parameters in these years, with what entered their stocks before
    values : flows and stocks of these years, as they were
    """

    def __init__(
        self,
        plan: Plan,
        bound: Mapping[str, Bound],
        values: Mapping[str, Array],
        changing: Iterable[str],
        start: int,
    ):
        self.plan, self.before = plan, values
        self.parts = _reached(plan, {*changing})
        reached = {step.name for part in self.parts for step in part.steps}
        if start > 0 and any(part.kind == "by year" for part in self.parts):
            start = 0
        self.bound: dict[str, Bound] = {}
        for step in plan.steps:
            later = bound[step.name]
            if start > 0 and step.name in reached:
                found = step.from_year(values, later, start)
                if found is None:
                    start, self.bound = 0, {}
                    break
                later = found
            self.bound[step.name] = later
        if start == 0:
            self.bound = dict(bound)
        count = max((array.shape[-1] for array in values.values()), default=1)
        self.start, self.count = start, count
        years = next(iter(bound.values())).years
        self.years = years[start:]
        self.values = {name: self.since(array) for name, array in values.items()}

    def since(self, array: Array) -> Array:
        """Return the years that are made again of an array that has all or none."""
        return array[..., self.start :] if array.shape[-1] == self.count else array

    def run(self, changed: Mapping[str, Bound]) -> dict[str, Array]:
        """Return flows and stocks of the years that are made again, with other parameters."""
        values = dict(self.values)
        bound = {**self.bound, **changed}
        for part in _reached(self.plan, {*changed}):
            values.update(run_part(part, self.plan, values, bound, len(self.years)))
        return values

    def whole(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Return flows and stocks of all years, those before as they were."""
        if self.start == 0:
            return dict(values)
        return {
            name: array
            if values[name] is self.values[name] or array.shape[-1] < self.count
            else np.concatenate([array[..., : self.start], values[name]], axis=-1)
            for name, array in self.before.items()
        }


def _reached(plan: Plan, changing: set[str]) -> list[Part]:
    """Return the parts with a step that changes, or that reads what such a part writes."""
    parts, written = [], set[str]()
    for part in plan.parts:
        reads = {name for step in part.steps for name in (*step.reads, *step.needs)}
        if reads & written or any(step.name in changing for step in part.steps):
            parts.append(part)
            written |= {name for step in part.steps for name in (*step.writes, *step.offers)}
    return parts

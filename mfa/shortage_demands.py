"""What a stock or sink demands, and the share of it that is met where something is short."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy

import numpy as np

from mfa.later_years import LaterYears
from mfa.lifetime_fields import survival_of
from mfa.process_steps import SinkStep
from mfa.scarcity import limiting_material
from mfa.steps import Array, Bound, Dims, over_years, spread, sum_over
from mfa.stock_step import StockStep


class Demand:
    """The demand of a stock or sink, by unit and by mass.

    Attributes
    ----------
    flow : str
        By which it is met.
    inner : tuple of str
        Dimensions of mass in a unit; ``dims`` are those of the flow.
    met : (*inner, year) [1]
        Share that is met.
    """

    def __init__(
        self,
        step: StockStep | SinkStep,
        bound: Bound,
        parameter: Callable[[str, Dims], Array],
        years: range,
    ):
        self.step, self.bound = step, bound
        self.dims = step.dims
        if isinstance(step, SinkStep):
            self.flow, self.inner = step.writes[0], step.dims
            self.unit_dims: Dims = step.dims
            self.units, self.content = bound.arrays["takes"], np.ones((1,) * (len(step.dims) + 1))
        else:
            assert step.inflow and step.driver
            self.flow, self.inner = step.inflow, step.inner
            self.unit_dims = step.inner if limiting_material(step) else step.unit_dims
            units = over_years(parameter(step.driver, step.driver_dims), years)
            self.units = spread(units, step.unit_dims, step.inner)
            self.content = step.contained(parameter, years)
            self.survival, _ = survival_of(
                step, step.lifetime, step.lifetime_dims, parameter, years
            )
            if limiting_material(step):  # followed as mass, as it will be once a share is met
                self.bound = self._delivered(np.ones((1,) * (len(self.inner) + 1)))
        self.sizes = tuple(step.signature.size(d) for d in self.inner)
        self.count = len(years)
        self.met = np.ones((1,) * (len(self.inner) + 1))
        self.level = self.met
        self.asked = np.zeros(1)

    def since(self, later: LaterYears) -> Demand:
        """Return the demand of the years that are made again."""
        found = copy(self)
        found.bound, found.count = later.bound[self.step.name], len(later.years)
        found.units, found.content = later.since(self.units), later.since(self.content)
        if isinstance(self.step, StockStep):
            survival = self.survival
            if self.bound.by_cohort:
                survival = survival[..., later.start :, :]
            found.survival = survival[..., : found.count]
        return found

    def over_all(self, later: Demand, flows: Mapping[str, Array]) -> Demand:
        """Return the demand of all years, met as it is found to be in the later ones."""
        found, before = copy(self), self.count - later.count
        found.mass(flows)
        for key in ("met", "level"):
            array = np.broadcast_to(getattr(later, key), (*self.sizes, later.count))
            whole = np.concatenate([np.ones((*self.sizes, before)), array], axis=-1)
            setattr(found, key, whole)
        return found

    def mass(self, flows: Mapping[str, Array]) -> Array:
        """Return what is demanded by mass, (*inner, year) [t/yr], after what is reused."""
        mass = self.units * self.content
        reuse = self.step.reuse if isinstance(self.step, StockStep) else None
        if reuse:
            left = reuse.left(flows, self.bound.arrays)
            mass = mass * spread(left, reuse.dims, self.inner)
        self.asked = np.broadcast_to(mass, (*self.sizes, self.count))
        return self.asked

    def limits(self, level: Array) -> tuple[Array, Array]:
        """Return the share that is met if materials come at these levels, and what others allow.

        Parameters
        ----------
        level : (*dims, year) [1]

        Returns
        -------
        met : (*inner, year)
            Of all materials of a unit the lowest, unless each is for itself.
        elsewhere : (*inner, year)
            The lowest of the other materials of a unit; 1 where there is none.
        """
        own = np.broadcast_to(spread(level, self.dims, self.inner), self.asked.shape)
        axes = tuple(i for i, d in enumerate(self.inner) if d not in self.unit_dims)
        self.level = own
        if not axes:
            return own, np.ones(1)
        own = np.where(self.asked > 0, own, 1.0)
        moved = np.moveaxis(own, axes, range(-len(axes), 0))
        flat = moved.reshape(*moved.shape[: -len(axes)], -1)
        lowest = np.partition(flat, min(1, flat.shape[-1] - 1), axis=-1)
        first = lowest[..., :1]
        second = lowest[..., 1:2] if flat.shape[-1] > 1 else np.ones(1)
        others = np.where(flat == first, second, first)

        def back(array: Array) -> Array:
            whole = np.broadcast_to(array, flat.shape).reshape(moved.shape)
            return np.moveaxis(whole, range(-len(axes), 0), axes)

        return back(first), back(others)

    def to_flow(self, mass: Array) -> Array:
        """Return mass without what its flow has summed."""
        return sum_over(np.broadcast_to(mass, self.asked.shape), self.inner, self.dims)

    def delivered(self) -> Bound:
        """Return the parameters of the step with the share that is met."""
        if isinstance(self.step, SinkStep):
            return Bound({**self.bound.arrays, "takes": self.units * self.met}, self.bound.years)
        return self._delivered(self.met)

    def _delivered(self, met: Array) -> Bound:
        assert isinstance(self.step, StockStep)
        mass = self.units * self.content
        alike = not limiting_material(self.step)
        by_unit = None
        if alike:
            gone = tuple(i for i, d in enumerate(self.inner) if d not in self.step.unit_dims)
            by_unit = met.min(axis=gone) if gone else met
        return self.step.delivered(self.bound, mass, self.survival, by_unit, met)

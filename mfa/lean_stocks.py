"""Cohorts of a driven stock as products: followed in few series, multiplied with the rest afterwards.

What drives a stock is a product of parameters.  Those that are the same in
every year scale its cohorts and are multiplied in at the end; series of which
nothing is held are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mfa import kernels
from mfa.compiled import loops
from mfa.contractions import Array, merged, multiplied
from mfa.lifetime_fields import alive as alive_at
from mfa.lifetime_fields import lifetime_values, survival_of
from mfa.products import Product, at_cells
from mfa.steps import Bound, Dims, spread
from mfa.stock_step import StockStep

FEW = 0.5
"""Share of the cells with a lifetime up to which each that holds anything stands for itself."""


@dataclass(frozen=True, eq=False)
class Cohorts:
    """A stock, what enters and what leaves it, as sums of products on all axes.

    Attributes
    ----------
    entering, stock, leaving : list of Product
    units : list of Product
        What leaves in units of the driver, without its content.
    """

    entering: list[Product]
    stock: list[Product]
    leaving: list[Product]
    units: list[Product] = field(default_factory=list)

    def holding(self, content: tuple[Array, ...]) -> Cohorts:
        """Return units with their content, the same in every year, and the units that leave."""

        def held(units: list[Product]) -> list[Product]:
            return [product.times(*content) for product in units]

        return Cohorts(held(self.entering), held(self.stock), held(self.leaving), self.leaving)

    def of(self, name: str, step: StockStep) -> list[Product]:
        """Return the stock or one of the flows of a step."""
        if name == step.inflow:
            return self.entering
        return self.stock if name == step.stock else self.leaving


def follow(
    step: StockStep,
    driving: Product,
    parameter: Callable[[str, Dims], Array],
    axes: Dims,
    years: range,
) -> Cohorts:
    """Return the cohorts of a stock from a product of what enters it.

    Parameters
    ----------
    step : StockStep
    driving : Product
        Parameters, or a flow.
    parameter : function of an expression and dims
    axes : tuple of str
    years : range
    """
    driving = driving.trimmed()
    if driving.is_nothing:
        return Cohorts(*([driving] for _ in range(3)))
    start, count = driving.start, len(years) - driving.start
    held = tuple(one for one in driving.factors if one.shape[-1] == 1)
    yearly = tuple(one for one in driving.factors if one.shape[-1] > 1)
    series = multiplied((np.ones((1,) * len(axes) + (count,)), *yearly))
    entering = [replace(driving, factors=merged(driving.factors))]
    values, by_cohort = lifetime_values(step, step.lifetime, step.lifetime_dims, parameter)
    if by_cohort or not values:
        alive, by_cohort = survival_of(step, step.lifetime, step.lifetime_dims, parameter, years)
        alive = at_cells(spread(alive, step.lifetime_dims, axes), driving.at)
        alive = alive[..., start:, :count] if by_cohort else alive[..., :count]
        stock = kernels.stock_from_inflow(series, alive, by_cohort)
        both = (stock, kernels.outflow(series, stock))
        found = ([Product(merged((one, *held)), driving.at, start)] for one in both)
        return Cohorts(entering, *found)
    lives = {
        key: at_cells(spread(value, step.lifetime_dims, axes), driving.at)
        for key, value in values.items()
    }
    cells = _Cells(np.broadcast_shapes(*(v.shape for v in lives.values())), series, held)
    alive = alive_at(
        step,
        step.lifetime,
        {key: cells.rows(value)[..., 0, 0] for key, value in lives.items()},
        years[start:],
    )
    told = cells.rows(series)
    stock = _summed(told, alive)
    both = (stock, kernels.outflow(told, stock))
    return Cohorts(entering, *(cells.products(one, held, driving) for one in both))


class _Cells:
    """The cells that have a lifetime each, and those of them in which anything is held."""

    def __init__(self, lives: tuple[int, ...], series: Array, held: tuple[Array, ...]):
        last = series.ndim - 1
        self.told = [axis for axis in range(1, last) if lives[axis] > 1]
        self.others = [axis for axis in range(1, last) if axis not in self.told]
        self.sizes = [lives[axis] for axis in self.told]
        self.shape = series.shape
        mask = np.ones(self.sizes, dtype=bool)
        beside = (0, *self.others, last)
        for array in (series, *held):
            mask &= (array != 0).any(axis=beside)
        self.filled = mask.ravel() if mask.any() else np.ones(mask.size, dtype=bool)

    def rows(self, array: Array) -> Array:
        """Return (sample, filled cell, others, year) of an array on all axes."""
        turned = array.transpose(0, *self.told, *self.others, array.ndim - 1)
        tail = turned.shape[1 + len(self.told) :]
        wide = np.broadcast_to(turned, (len(turned), *self.sizes, *tail))
        chosen = np.unravel_index(np.flatnonzero(self.filled), self.sizes) if self.told else ([0],)
        wide = wide if self.told else wide[:, np.newaxis]
        return wide[(slice(None), *chosen)].reshape(len(turned), self.filled.sum(), -1, tail[-1])

    def products(self, found: Array, held: tuple[Array, ...], driving: Product) -> list[Product]:
        """Return rows as products: each at its labels where they are few, else one of all."""
        tail = [self.shape[axis] for axis in (*self.others, -1)]
        order = np.argsort([0, *self.told, *self.others, len(self.shape) - 1])
        if self.told and not driving.at and self.filled.sum() <= FEW * len(self.filled):
            count, first = found.shape[1], self.told[0]
            rest = [
                1 if axis in self.told else self.shape[axis] for axis in range(1, len(self.shape))
            ]
            rows = found.reshape(len(found), count, *rest)
            labels = np.unravel_index(np.flatnonzero(self.filled), self.sizes)
            at = {a: tuple(own.tolist()) for a, own in zip(self.told, labels, strict=True)}
            array = np.moveaxis(rows, 1, first).squeeze(first + 1)
            return [Product((array,), at, driving.start).times(*held)]
        whole = found
        if not self.filled.all():
            whole = np.zeros((len(found), len(self.filled), *found.shape[2:]))
            whole[:, self.filled] = found
        array = whole.reshape(len(found), *self.sizes, *tail).transpose(order)
        return [replace(driving, factors=merged((array, *held)))]


def _summed(series: Array, alive: Array) -> Array:
    """Return the stock of series (sample, cell, other, year) with a lifetime for each cell."""
    alive = np.broadcast_to(alive, (len(alive), series.shape[1], alive.shape[-1]))
    few = series.shape[0] == 1 < len(alive) and series.shape[2] == 1
    if few and loops(alive.size * alive.shape[-1] // 2) is None:
        # one series, many lifetimes: one matrix of the series does for all samples
        return kernels.stock_from_inflow(alive.transpose(1, 0, 2), series[0]).transpose(1, 0, 2)[
            :, :, np.newaxis
        ]
    return kernels.stock_from_inflow(series, alive[:, :, np.newaxis])


def is_fixed(found: Any) -> bool:
    """Whether nothing in it differs between samples."""
    if isinstance(found, np.ndarray):
        return bool(found.shape[0] == 1)
    if isinstance(found, Product):
        return all(factor.shape[0] == 1 for factor in found.factors)
    if isinstance(found, Cohorts):
        return is_fixed([*found.entering, *found.stock, *found.leaving, *found.units])
    if isinstance(found, Bound):
        return all(array.shape[0] == 1 for array in found.arrays.values())
    parts = found.values() if isinstance(found, dict) else found
    return all(is_fixed(part) for part in parts)

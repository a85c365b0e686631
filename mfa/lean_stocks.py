"""Cohorts of a driven stock as products: followed in few series, multiplied with the rest afterwards.

What drives a stock is a product of parameters.  Those that are the same in
every year scale its cohorts and are multiplied in at the end; series of which
nothing is held are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mfa import kernels
from mfa.products import Array, Product, merged, multiplied
from mfa.steps import Dims, spread
from mfa.stock_step import StockStep


@dataclass(frozen=True, eq=False)
class Cohorts:
    """A stock, what enters and what leaves it, each times what is the same in all years."""

    entering: tuple[Array, ...]
    stock: Array
    leaving: Array
    held: tuple[Array, ...]

    def of(self, name: str, step: StockStep) -> Product:
        """Return the stock or one of the flows of a step."""
        if name == step.inflow:
            return Product(merged(self.entering))
        own = self.stock if name == step.stock else self.leaving
        return Product(merged((own, *self.held)))

    def arrays(self) -> tuple[Array, ...]:
        return (*self.entering, self.stock, self.leaving, *self.held)


def follow(
    step: StockStep,
    driving: tuple[Array, ...],
    parameter: Callable[[str, Dims], Array],
    axes: Dims,
    years: range,
) -> Cohorts:
    """Return the cohorts of a stock from the parameters whose product drives it.

    Parameters
    ----------
    step : StockStep
    driving : tuple of array
        On all axes, the year last.
    parameter : function of an expression and dims
    axes : tuple of str
    years : range
    """
    held = tuple(one for one in driving if one.shape[-1] == 1)
    series = multiplied([np.ones((1,) * len(axes) + (len(years),)), *(one for one in driving if one.shape[-1] > 1)])  # fmt: skip
    values, by_cohort = step.lifetime_values(parameter)
    if by_cohort or not values:
        alive, by_cohort = step.survival(parameter, years)
        stock = kernels.stock_from_inflow(series, spread(alive, step.lifetime_dims, axes), by_cohort)
        return Cohorts(driving, stock, kernels.outflow(series, stock), held)
    lives = {key: spread(value, step.lifetime_dims, axes)[..., 0] for key, value in values.items()}
    shape = np.broadcast_shapes(*(value.shape for value in lives.values()))
    told = [axis for axis, size in enumerate(shape) if size > 1 and axis]
    rows = _filled((*held, series), told)
    inner = [axis for axis in range(1, len(axes)) if axis not in told]
    # (sample, cell with a lifetime, others, year)
    first = _rows(series, told, inner, rows, [shape[a] for a in told])
    flat = {
        key: _rows(np.broadcast_to(v, (v.shape[0], *shape[1:]))[..., None], told, inner, rows, [shape[a] for a in told])[..., 0, 0]
        for key, v in lives.items()
    }  # fmt: skip
    alive = step.alive(flat, years)
    stock = _summed(first, np.broadcast_to(alive, (*alive.shape[:1], int(rows.sum()), len(years))))
    leaving = kernels.outflow(first, stock)
    back = [_put_back(a, told, inner, rows, shape, series.shape) for a in (stock, leaving)]
    return Cohorts(driving, back[0], back[1], held)


def _summed(series: Array, alive: Array) -> Array:
    """Return the stock of series (sample, cell, other, year) with a lifetime for each cell."""
    if series.shape[0] == 1 < alive.shape[0] and series.shape[2] == 1:
        # one series, many lifetimes: one matrix of the series does for all samples
        return kernels.stock_from_inflow(alive, series[0, :, 0])[:, :, np.newaxis]
    return kernels.stock_from_inflow(series, alive[:, :, np.newaxis])


def _filled(arrays: tuple[Array, ...], told: list[int]) -> Array:
    """Return which cells of the lifetime's axes hold anything in any sample, a flat mask."""
    ndim = arrays[0].ndim
    others = tuple(axis for axis in range(ndim) if axis not in told)
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    mask = np.ones([shape[axis] for axis in told], dtype=bool)
    for array in arrays:
        mask &= (array != 0).any(axis=others)
    flat = mask.ravel()
    return flat if flat.any() else np.ones_like(flat)


def _rows(array: Array, told: list[int], inner: list[int], rows: Array, sizes: list[int]) -> Array:
    """Return (sample, chosen cell, others, year) of an array on all axes."""
    last = array.ndim - 1
    turned = array.transpose(0, *told, *inner, last)
    lead = turned.shape[1 + len(told) : -1]
    wide = np.broadcast_to(turned, (len(turned), *sizes, *lead, turned.shape[-1]))
    flat = wide.reshape(len(turned), len(rows), -1, turned.shape[-1])
    return np.ascontiguousarray(flat[:, rows])


def _put_back(
    found: Array,
    told: list[int],
    inner: list[int],
    rows: Array,
    shape: tuple[int, ...],
    series: tuple[int, ...],
) -> Array:
    """Return (sample, chosen cell, others, year) on all axes, 0 where nothing was chosen."""
    whole = found
    if not rows.all():
        whole = np.zeros((len(found), len(rows), *found.shape[2:]))
        whole[:, rows] = found
    order = [0, *told, *inner, len(series) - 1]
    split = [len(found), *(shape[a] for a in told), *(series[a] for a in inner), series[-1]]
    return whole.reshape(split).transpose(np.argsort(order))

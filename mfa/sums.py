"""Sums of one survival by age with series, and their solution, in numpy or compiled.

Survival is (lives, age), series are (lives, members, year): the members share a lifetime.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from mfa.compiled import loops

Array = NDArray[np.float64]

BLOCK = 32
"""Years that are summed at a time."""

SOLVED = 32
"""Years that are solved for at a time."""

PANEL = 64
"""The same where series share a lifetime: few large products of matrices."""

SHARED = 4
"""Series with one lifetime from which on a product of matrices is the faster sum."""

ROOM = 2**18
"""Values of a temporary array (2 MiB)."""


class Groups:
    """Series by the lifetime that they share, (lives, members, year); all lives first, flat.

    Where the series do not differ along the axes of the lifetimes they are held once, (1, …).
    """

    def __init__(self, series: Array, lead: tuple[int, ...]):
        count = series.shape[-1]
        self.shape = (*np.broadcast_shapes(series.shape[:-1], lead), count)
        axes = len(self.shape) - 1
        own = (1,) * (axes + 1 - series.ndim) + series.shape[:-1]
        of_lives = (1,) * (axes - len(lead)) + lead
        self.lives = [axis for axis in range(axes) if of_lives[axis] != 1]
        self.members = [axis for axis in range(axes) if of_lives[axis] == 1]
        told = series.reshape(*own, count).transpose(*self.lives, *self.members, axes)
        groups = 1
        if any(own[axis] != 1 for axis in self.lives):
            groups = math.prod(lead)
            told = np.broadcast_to(
                told, (*(self.shape[axis] for axis in self.lives), *told.shape[len(self.lives) :])
            )
        members = math.prod(own[axis] for axis in self.members)
        self.series = told.reshape(groups, members, count)

    def put_back(self, values: Array) -> Array:
        """Return (lives, members, year) in the shape of the series and survival together."""
        order = [*self.lives, *self.members]
        turned = values.reshape(*(self.shape[axis] for axis in order), self.shape[-1])
        back = sorted(range(len(order)), key=order.__getitem__)
        if back == [*range(len(order))]:
            return turned
        return np.ascontiguousarray(turned.transpose(*back, len(order)))


def summed(series: Array, alive: Array) -> Array:
    """Return Σ_{c≤t} alive[g, t − c] · series[g, m, c], shape (g, m, t)."""
    groups, years = alive.shape
    if series.shape[1] == 1:
        if series.size == alive.size == years:
            return np.convolve(series.ravel(), alive.ravel())[:years].reshape(series.shape)
        if len(series) == 1 and groups >= SHARED:  # one series, many lifetimes: the other way round
            return summed(alive[np.newaxis], series[0]).reshape(groups, 1, years)
    series = np.broadcast_to(series, (groups, *series.shape[1:]))
    compiled = _loops_of_rows(series)
    if compiled is not None:
        rows = _in_line(series[:, 0])
        sums = np.empty_like(rows)
        compiled.convolve(rows, alive, sums)
        return sums[:, np.newaxis]
    series = np.ascontiguousarray(series)
    total = np.empty(series.shape)
    filled = series.any(axis=(1, 2))
    if 2 * np.count_nonzero(filled) <= groups:
        total[...] = 0.0
        if filled.any():
            total[filled] = summed(series[filled], alive[filled])
        return total
    width = BLOCK if series.shape[1] < SHARED else PANEL
    for part in _parts(series, width):
        backwards = _backwards(alive[part], width)
        for first in range(0, years, width):
            last = min(first + width, years)
            total[part, :, first:last] = _block(series[part], backwards, last, first, last)
    return total


def balanced(series: Array, alive: Array) -> tuple[Array, Array] | None:
    """Return the sums and what leaves, series − (sum − sum of the year before), made in one go.

    None where that needs compiled loops that are not used, or where a balance is negative.
    """
    if len(series) == 1:
        return None  # summed in another way
    series = np.broadcast_to(series, (len(alive), *series.shape[1:]))
    compiled = _loops_of_rows(series)
    if compiled is None:
        return None
    rows = _in_line(series[:, 0])
    # one block of memory: of two the C library gives the freed pages back after every call
    both = (
        np.empty((2, *rows.T.shape)).swapaxes(1, 2)
        if _by_year(rows)
        else np.empty((2, *rows.shape))
    )
    sums, leaving = both
    if compiled.balance(rows, alive, sums, leaving):
        return None
    return sums[:, np.newaxis], leaving[:, np.newaxis]


def _loops_of_rows(series: Array) -> Any:
    """Return the compiled loops where each lifetime has one series and the work is large."""
    if series.shape[1] != 1:
        return None
    return loops(series.size * series.shape[-1] // 2)


def solved(target: Array, alive: Array) -> Array:
    """Return the series with Σ_{c≤t} alive[g, t − c] · series[g, m, c] = target[g, m, t]."""
    groups, years = alive.shape
    target = np.broadcast_to(target, (groups, *target.shape[1:]))
    compiled = _loops_of_rows(target)
    if compiled is not None:
        rows = _in_line(target[:, 0])
        found = np.empty_like(rows)
        compiled.deconvolve(rows, alive, found)
        return found[:, np.newaxis]
    target = np.ascontiguousarray(target)
    series = np.empty(target.shape)
    for part in _parts(target, SOLVED):
        backwards, own = _backwards(alive[part], SOLVED), series[part]
        ages = np.ascontiguousarray(alive[part, :SOLVED].T)
        for first in range(0, years, SOLVED):
            last = min(first + SOLVED, years)
            missing = target[part, :, first:last]
            if first:
                missing = missing - _block(own, backwards, first, first, last)
            new = np.moveaxis(missing, -1, 0).copy()
            new[0] /= ages[0, :, np.newaxis]
            for year in range(1, last - first):
                new[year] -= np.einsum("cgm,cg->gm", new[:year], ages[year:0:-1])
                new[year] /= ages[0, :, np.newaxis]
            own[..., first:last] = np.moveaxis(new, 0, -1)
    return series


def _block(series: Array, backwards: Array, count: int, first: int, last: int) -> Array:
    """Return what is left of the series before ``count`` in the years first … last − 1."""
    start = series.shape[-1] - 1 - first
    step = backwards.strides[-1]
    matrix = as_strided(
        backwards[:, start:],
        (len(backwards), last - first, count),
        (backwards.strides[0], -step, step),
        writeable=False,
    )
    if series.shape[1] < SHARED:
        return np.asarray(np.vecdot(series[:, :, np.newaxis, :count], matrix[:, np.newaxis]))
    return series[..., :count] @ np.ascontiguousarray(matrix).swapaxes(1, 2)


def _backwards(alive: Array, width: int) -> Array:
    """Return survival from the last age to the first, then zeros: nothing is left before entry."""
    return np.concatenate([alive[:, ::-1], np.zeros((len(alive), width))], axis=1)


def _parts(series: Array, width: int) -> list[slice]:
    """Divide the groups so that what a part needs beside its result has room."""
    groups, members, years = series.shape
    step = max(1, ROOM // (years * (1 if members < SHARED else max(members, width))))
    return [slice(first, first + step) for first in range(0, groups, step)]


def plain(values: Array) -> Array:
    return np.ascontiguousarray(values, dtype=float)


def _in_line(rows: Array) -> Array:
    """Return rows that lie in memory without gaps, by rows or by years."""
    return rows if _by_year(rows) else np.ascontiguousarray(rows)


def _by_year(rows: Array) -> bool:
    """Say whether rows lie in memory year after year."""
    return rows.flags.f_contiguous and not rows.flags.c_contiguous

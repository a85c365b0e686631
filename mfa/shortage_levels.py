"""Levels of a shortage: the share of what is asked that a capacity lets through, and to whom the rest goes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DUST = 1e-12
"""Share below which a difference is rounding."""


def newton(own: Array, full: Array, now: Array, slope: Array, wanted: Array) -> Array:
    """Return the level at which concave asks reach what is wanted, a step nearer; at most 1.

    From above the tangent lies below the level and the chord through 0 above it; from
    below both lie below it; wanted / full always does.  Where asks do not grow with the
    level, because all customers are limited elsewhere, it goes down half way (in
    logarithms) to the lowest that it can be, and drifts up: a sudden step would be wrong
    once they are not.

    >>> asks, slope, wanted = np.array([10.0, 10.0]), np.array([10.0, 8.0]), np.array([6.0, 6.0])
    >>> newton(np.ones(2), np.array([10.0, 15.0]), asks, slope, wanted).tolist()
    [0.6, 0.5]
    """
    asked = slope > DUST * now
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        tangent = own + (wanted - now) / slope
        chord = np.where(now > 0, own * wanted / now, tangent)
        drift = np.where(now > 0, own * np.sqrt(np.minimum(wanted / now, 4.0)), 1.0)
        lowest = np.where(full > 0, np.minimum(wanted / full, chord), chord)
    between = np.sqrt(np.maximum(lowest * chord, 0.0))
    down = np.where(asked, np.clip(tangent, lowest, np.maximum(chord, lowest)), between)
    tangent = np.where(asked, tangent, chord)
    up = np.where(asked, np.maximum(tangent, chord), drift)
    found = np.where(wanted < now, down, up)
    found = np.where(np.isnan(found) | (found > 1 - DUST), 1.0, found)
    return np.asarray(np.maximum(found, 0.0))


def pooled(capacity: Array, asked: Array, axes: tuple[int, ...]) -> Array:
    """Return what all origins that can be reached deliver: an unlimited one only if it is asked.

    >>> pooled(np.array([[5.0], [np.inf], [2.0]]), np.array([[9.0], [0.0], [0.0]]), (0,)).tolist()
    [[7.0]]
    """
    reached = np.where(np.isinf(capacity) & (asked <= 0), 0.0, capacity)
    return np.asarray(reached.sum(axis=axes, keepdims=True))


def spared(capacity: Array, asked: Array, axes: tuple[int, ...]) -> Array:
    """Return which share of what is rerouted each origin has: by its spare capacity.

    Where origins are unlimited they have it all, by what they are asked for.

    >>> spared(np.array([[5.0], [4.0], [3.0]]), np.array([[9.0], [1.0], [2.0]]), (0,)).ravel().tolist()
    [0.0, 0.75, 0.25]
    """
    free = np.isinf(capacity) & (asked > 0)
    endless = np.broadcast_to(free, np.broadcast_shapes(capacity.shape, asked.shape))
    spare = np.where(np.isinf(capacity), 0.0, np.maximum(capacity - asked, 0.0))
    spare = np.where(endless.any(axis=axes, keepdims=True), np.where(endless, asked, 0.0), spare)
    total = spare.sum(axis=axes, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(total > 0, spare / total, 0.0))

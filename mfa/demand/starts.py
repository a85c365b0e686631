"""Where many starts of a fit lie, and a spread of residuals that outliers do not move."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfa.demand.panel import Layout


def hypercube(layout: Layout, box: Any, starts: int, seed: int) -> Any:
    """Return starts (start, column): the groups' own columns move together."""
    random = np.random.default_rng(seed)
    size = layout.index.shape[1]
    cells = np.stack([random.permutation(starts) for _ in range(size)], axis=1)
    unit = (cells + random.uniform(size=(starts, size))) / starts
    found = np.repeat((box[1:2] + box[2:3]) / 2, starts, axis=0)
    for j in range(size):
        for column in layout.index[:, j]:
            found[:, column] = box[1, column] + unit[:, j] * (box[2, column] - box[1, column])
    return found


def robust_spread(rest: Any) -> float:
    """Robust standard deviation: quantiles of the absolute deviation from the median.

    The median one, unless more than half of the residuals are alike: then that
    of 75 or 90 %, at last the root mean square.
    """
    away = np.abs(rest - np.median(rest))
    whole = float(np.sqrt(np.mean(away**2)))
    for share, normal in ((0.5, 0.67449), (0.75, 1.15035), (0.9, 1.64485)):
        found = float(np.quantile(away, share)) / normal
        if found > 1e-4 * whole:
            return found
    return whole

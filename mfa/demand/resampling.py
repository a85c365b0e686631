"""Bootstrap of a fit: residuals drawn in runs, every sample fitted in one batch."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from mfa.demand.batch_fits import Evaluate, solve
from mfa.demand.curves import Scaling
from mfa.demand.options import whole
from mfa.demand.panel import Layout, Points
from mfa.demand.ridges import in_logs
from mfa.errors import MfaError

TOGETHER = 500
"""Series in one batch: what stays in the cache of a core."""

ENOUGH = 1e-8
"""Stop where a step promises less; as that step is still taken, parameters are right to ~1e-6."""


def bootstrap(
    layout: Layout,
    scaling: Scaling,
    points: Points,
    noise: str,
    best: Any,
    limits: Any,
    count: int,
    block: int,
    seed: int,
) -> Any:
    """Return working parameters (sample, column) of resampled data; see ``Fit.bootstrap``.

    Samples are fitted by plain least squares: what a robust loss has set aside
    stays among the residuals that are drawn.
    """
    fewest = min(np.bincount(points.group))
    if whole("block", block) > fewest:
        raise MfaError(
            f"block must lie within 1 and {fewest}, the points of a group; found {block}"
        )
    random = np.random.default_rng(seed)
    evaluate = layout.evaluate(points.group, points.inside)
    evaluate = in_logs(evaluate) if noise == "relative" else evaluate
    u, root = scaling.inside(points.x), np.sqrt(points.weight)
    seen = points.y / scaling.level
    seen = np.log(seen) if noise == "relative" else seen
    value, _ = evaluate(u, [np.array([[v]]) for v in best])
    rest = (seen - value[0]) * root
    drawn = np.empty((count, len(u)))
    for group in np.unique(points.group):
        mine = np.flatnonzero(points.group == group)
        mine = mine[np.argsort(u[mine], kind="stable")]
        own = rest[mine] - rest[mine].mean()
        runs = -(-len(mine) // block)
        first = random.integers(len(mine) - block + 1, size=(count, runs))
        picked = (first[..., None] + np.arange(block)).reshape(count, -1)[:, : len(mine)]
        drawn[:, mine] = own[picked]
    drawn *= np.sqrt(len(u) / (len(u) - len(best)))
    samples = value[0] + drawn / root
    start = np.repeat(np.asarray(best)[None], count, axis=0)
    low, high = np.minimum(limits[0], best), np.maximum(limits[1], best)
    weight = None if (root == 1).all() else root
    return together(evaluate, u, samples, start, low, high, weight)


def together(
    evaluate: Evaluate, u: Any, y: Any, start: Any, low: Any, high: Any, weight: Any = None
) -> Any:
    """Return the least-squares parameters (series, column) of many series y (series, point).

    The batch is cut into parts that stay in the cache; threads share them
    (numpy lets go of the interpreter in its loops).  The parts, and so the
    numbers, do not depend on how many threads there are.
    """
    cuts = [slice(i, i + TOGETHER) for i in range(0, len(y), TOGETHER)]

    def one(cut: slice) -> Any:
        part = solve(evaluate, u, y[cut], start[cut], low, high, weight=weight, tolerance=ENOUGH)
        return part.parameters

    with ThreadPoolExecutor(max_workers=min(len(cuts), os.cpu_count() or 1)) as pool:
        return np.concatenate(list(pool.map(one, cuts)))

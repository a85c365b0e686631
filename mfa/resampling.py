"""Bootstrap of a fit: residuals drawn in runs, every sample fitted in one batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfa.batch_fits import solve
from mfa.curves import Scaling
from mfa.errors import MfaError
from mfa.panel import Layout, Points
from mfa.ridges import in_logs

TOGETHER = 500
"""Series in one batch: what stays in the cache of a core."""


def bootstrap(
    layout: Layout,
    scaling: Scaling,
    points: Points,
    noise: str,
    best: Any,
    count: int,
    block: int,
    seed: int,
) -> Any:
    """Return working parameters (sample, column) of resampled data; see ``Fit.bootstrap``.

    Samples are fitted by plain least squares: what a robust loss has set aside
    stays among the residuals that are drawn.
    """
    fewest = min(np.bincount(points.group))
    if not 1 <= block <= fewest:
        raise MfaError(
            f"block must lie within 1 and {fewest}, the points of a group; found {block}"
        )
    random = np.random.default_rng(seed)
    evaluate = layout.evaluate(points.group)
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
    box = layout.box(scaling, points, {})
    start = np.repeat(np.asarray(best)[None], count, axis=0)
    low, high = np.minimum(box[0], best), np.maximum(box[3], best)
    weight = None if (root == 1).all() else root
    parts = [
        solve(
            evaluate, u, samples[i : i + TOGETHER], start[i : i + TOGETHER], low, high,
            weight=weight, tolerance=1e-9,
        ).parameters
        for i in range(0, count, TOGETHER)
    ]  # fmt: skip
    return np.concatenate(parts)

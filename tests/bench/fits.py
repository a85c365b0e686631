"""Fits: one with twenty starts, a thousand at once against a loop of scipy's ``curve_fit``.

python -m tests.bench.fits
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
from scipy.optimize import curve_fit

from mfa import demand
from mfa.demand.curves import BOX, CURVES
from mfa.demand.resampling import together

Row = tuple[str, str, str, bool | None]
SERIES, POINTS = 1000, 60
START = (1.0, 0.5, 8.0)


def seconds(*works: Callable[[], Any], rounds: int) -> list[float]:
    """Return the median processor seconds of each piece of work, done in turns."""
    for work in works:
        work()
    spent: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, own in zip(works, spent, strict=True):
            begin = time.process_time()
            work()
            own.append(time.process_time() - begin)
    return [median(own) for own in spent]


def logistic(x: Any, k: Any, m: Any, r: Any) -> Any:
    return k / (1 + np.exp(-r * (x - m)))


def rows() -> Iterator[Row]:
    """Yield what was measured, as found, limit, and whether it holds."""
    random = np.random.default_rng(0)
    x = np.linspace(1e3, 40e3, 200)
    y = demand.logistic(x, saturation=500.0, midpoint=15e3, rate=3e-4)
    y = y + random.normal(0, 10, 200)
    below = x < 12e3
    one, open_ended = seconds(
        lambda: demand.fit("logistic", x, y, starts=20),
        lambda: demand.fit("logistic", x[below], y[below], starts=20),
        rounds=15,
    )
    yield "fit: 200 points, 20 starts", f"{one * 1e3:.1f} ms", "100 ms", one <= 0.100
    yield "  below the inflection, with its profile", f"{open_ended * 1e3:.1f} ms", "", None

    u = np.linspace(0.0, 1.0, POINTS)
    samples = logistic(u, *START) + random.normal(0, 0.03, (SERIES, POINTS))
    curve = CURVES["logistic"]
    low, high = np.array([[BOX[k][0], BOX[k][3]] for k in curve.kinds.values()]).T
    start = np.tile([np.log(START[0]), START[1], np.log(START[2])], (SERIES, 1))

    def batch() -> Any:
        found = together(curve.evaluate, u, samples, start, low, high)
        return np.stack([np.exp(found[:, 0]), found[:, 1], np.exp(found[:, 2])], axis=1)

    def loop() -> Any:
        return np.stack([curve_fit(logistic, u, row, p0=START)[0] for row in samples])

    away = float(np.abs(batch() / loop() - 1).max())
    ours, theirs = seconds(batch, loop, rounds=7)
    yield "1,000 fits at once: worst difference from curve_fit", f"{away:.1e}", "1e-5", away <= 1e-5
    yield "  a loop of curve_fit", f"{theirs / ours:.1f} x", "20 x", theirs >= 20 * ours
    fitted = demand.fit("logistic", x, y)
    (resampled,) = seconds(lambda: fitted.bootstrap(1000), rounds=5)
    yield "bootstrap: 1,000 samples of 200 points", f"{resampled * 1e3:.1f} ms", "", None

"""Where data do not fix the saturation: the profile of the likelihood, and draws along it.

The sum of squares S is minimised over all other parameters for each k = ln K
on a grid between the bounds.  The signed root ζ(k) = ± √(ΔS / σ²) is, in a
regular problem, Student's t; reading it backwards gives draws of k whose
quantiles are the limits of the profile likelihood.  They do not depend on how
K is written and need no prior.  Where the data cannot exclude the upper bound
the draws pile up on it: the band then says "anything up to there".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mfa.demand.batch_fits import Evaluate, solve

NOTHING = 1e-200
"""Information below this is none: the curve does not move, and its inverse is no number."""


@dataclass(frozen=True)
class Ridge:
    """The profile over one working parameter (column ``key``).

    ``roots`` (grid,) rises; ``points`` (grid, column) are the constrained
    optima; ``spreads`` (grid, column, column) the covariances of the other
    parameters there, of which the row and column of the key are 0.
    """

    key: int
    roots: Any
    points: Any
    spreads: Any
    degrees: int

    @property
    def best(self) -> Any:
        return self.points[int(np.argmin(np.abs(self.roots)))]

    @property
    def half_width(self) -> float:
        """Standard error of k: half of the interval within one σ, or a quarter of that within two.

        The larger of them: a second S may lie within two σ, far from the best. ∞ if an interval
        is open on a side.
        """
        if self.roots[0] > -2 or self.roots[-1] < 2:
            return float("inf")
        edges = np.interp([-2.0, -1.0, 1.0, 2.0], self.roots, self.points[:, self.key])
        return float(max((edges[2] - edges[1]) / 2, (edges[3] - edges[0]) / 4))

    def draw(self, count: int, random: np.random.Generator, key: float | None = None) -> Any:
        """Return draws (count, column) of the working parameters; those of one ``key`` if told."""
        grid = np.arange(len(self.roots))
        if key is None:
            at = np.interp(random.standard_t(self.degrees, size=count), self.roots, grid)
        else:
            at = np.full(count, np.interp(key, self.points[:, self.key], grid))
        floor = np.minimum(at.astype(int), len(self.roots) - 2)
        part = (at - floor)[:, None]
        middle = self.points[floor] * (1 - part) + self.points[floor + 1] * part
        values, vectors = np.linalg.eigh(self.spreads)
        factor = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        near = np.rint(at).astype(int)
        noise = random.standard_normal((count, self.points.shape[1]))
        return middle + np.einsum("nij,nj->ni", factor[near], noise)


def profile(
    evaluate: Evaluate,
    u: Any,
    y: Any,
    best: Any,
    covariance: Any,
    box: Any,
    key: int,
    *,
    weight: Any,
    sigma: float,
    degrees: int,
    grid: int = 48,
) -> Ridge:
    """Return the profile of the sum of squares over column ``key``, by one batched fit.

    References
    ----------
    Venzon, D. J., Moolgavkar, S. H. (1988), Applied Statistics 37, 87–94, doi:10.2307/2347496;
    Bates, D. M., Watts, D. G. (1988), Nonlinear Regression Analysis, doi:10.1002/9780470316757, ch. 6.
    """
    low, high = box[0], box[3]
    step = float(np.clip(np.sqrt(covariance[key, key]), 1e-6, 1.0))
    near = best[key] + step * np.array([-3, -2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2, 3, 4])
    rough = np.unique(
        np.concatenate([np.linspace(low[key], high[key], grid), near, best[key : key + 1]])
    )
    rough = rough[(rough >= low[key]) & (rough <= high[key])]
    free = np.arange(len(best)) != key
    start = np.repeat(best[None], len(rough), axis=0)
    start[:, key] = rough

    def fitted(first: Any) -> Any:
        return solve(
            evaluate, u, y, first, low, high, weight=weight, free=free, tolerance=1e-8,
            iterations=40,
        )  # fmt: skip

    found = fitted(start)
    cost, points, information = found.cost, found.parameters, found.information
    middle = np.repeat((box[1] + box[2])[None] / 2, len(rough), axis=0)  # another S than the best
    for other in (middle, 1, -1):
        first = np.roll(points, other, axis=0) if isinstance(other, int) else other
        first[:, key] = rough
        again = fitted(first)
        better = again.cost < cost * (1 - 1e-9)
        cost = np.where(better, again.cost, cost)
        points = np.where(better[:, None], again.parameters, points)
        information = np.where(better[:, None, None], again.information, information)
    lowest = int(np.argmin(cost))
    roots = np.sqrt(np.maximum(cost - cost[lowest], 0.0)) / max(sigma, 1e-150)
    roots = _rising(roots, lowest)
    spreads = np.zeros((len(rough), len(best), len(best)))
    others = np.ix_(free, free)
    for row, square in enumerate(information):
        told = square[others]
        if np.abs(told).max() > NOTHING:
            spreads[row][others] = np.linalg.pinv(told, rcond=1e-14, hermitian=True) * sigma**2
    return Ridge(key, roots, points, spreads, degrees)


def _rising(roots: Any, lowest: int) -> Any:
    """Make the signed roots rise: below the optimum negative, above it positive."""
    size = np.abs(roots)
    left = np.maximum.accumulate(size[: lowest + 1][::-1])[::-1]
    right = np.maximum.accumulate(size[lowest:])
    signed = np.concatenate([-left[:-1], right])
    return signed + 1e-9 * (np.arange(len(signed)) - lowest)


def in_logs(evaluate: Evaluate) -> Evaluate:
    """Return the same law with its logarithm as value, for relative noise."""

    def logged(u: Any, columns: list[Any]) -> tuple[Any, list[Any]]:
        value, parts = evaluate(u, columns)
        safe = np.maximum(value, 1e-300)
        return np.log(safe), [part / safe for part in parts]

    return logged

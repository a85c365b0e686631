"""Many least-squares fits at once: Levenberg–Marquardt over a batch of series.

One fit, twenty starts, a thousand bootstrap samples and the points of a
profile are the same work, batches of series, and run through the same loop on
bare arrays (series, parameter) and (series, parameter, point).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Evaluate = Callable[[Any, list[Any]], tuple[Any, list[Any]]]

LOSSES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "linear": (lambda z: z, lambda z: np.ones_like(z)),
    "soft_l1": (lambda z: 2 * (np.sqrt(1 + z) - 1), lambda z: 1 / np.sqrt(1 + z)),
    "huber": (
        lambda z: np.where(z <= 1, z, 2 * np.sqrt(np.maximum(z, 1)) - 1),
        lambda z: 1 / np.sqrt(np.maximum(z, 1)),
    ),
    "cauchy": (np.log1p, lambda z: 1 / (1 + z)),
}
"""ρ(z) and ρ'(z) of z = (residual / f_scale)², named as in scipy's ``least_squares``."""


@dataclass(frozen=True)
class Batch:
    """Parameters (series, parameter), cost (series,), and JᵀWJ (series, parameter, parameter)."""

    parameters: Any
    cost: Any
    information: Any
    iterations: int


def products(parts: list[Any], rest: Any) -> tuple[Any, Any]:
    """Return Jᵀr (series, column) and JᵀJ (series, column, column) from columns of J."""
    size, series = len(parts), len(rest)
    if size > 8 or series < 8:
        jacobian = np.stack([np.broadcast_to(part, rest.shape) for part in parts], axis=1)
        return (jacobian @ rest[..., None])[..., 0], jacobian @ jacobian.transpose(0, 2, 1)
    pull, inner = np.empty((series, size)), np.empty((series, size, size))
    for i, part in enumerate(parts):
        pull[:, i] = np.vecdot(part, rest)
        for j in range(i + 1):
            inner[:, i, j] = inner[:, j, i] = np.vecdot(part, parts[j])
    return pull, inner


def solved(system: Any, right: Any) -> Any:
    """Return the solutions (series, column) of small positive definite systems.

    Elimination without pivots, one number of all series at a time: a call of
    LAPACK for each series costs more than its arithmetic.
    """
    series, size = right.shape
    if size > 8 or series < 32:
        return np.linalg.solve(system, right[..., None])[..., 0]
    rows = [[np.ascontiguousarray(system[:, i, j]) for j in range(size)] for i in range(size)]
    found = [np.ascontiguousarray(right[:, i]) for i in range(size)]
    for k in range(size):
        for i in range(k + 1, size):
            factor = rows[k][i] / rows[k][k]
            for j in range(i, size):
                rows[i][j] = rows[i][j] - factor * rows[k][j]
            found[i] = found[i] - factor * found[k]
    for k in reversed(range(size)):
        for j in range(k + 1, size):
            found[k] = found[k] - rows[k][j] * found[j]
        found[k] = found[k] / rows[k][k]
    return np.stack(found, axis=1)


def solve(
    evaluate: Evaluate,
    u: Any,
    y: Any,
    start: Any,
    low: Any,
    high: Any,
    *,
    weight: Any = None,
    loss: str = "linear",
    loss_scale: Any = 1.0,
    free: Any = None,
    iterations: int = 100,
    tolerance: float = 1e-10,
) -> Batch:
    """Minimise Σ f² ρ((w (C(u) − y) / f)²) for every series of a batch.

    Parameters
    ----------
    evaluate : callable
        ``(u, columns) → values, derivatives``, each column of shape (series, 1).
    u, y : arrays (point,) or (series, point)
    start : array (series, parameter)
    low, high : arrays (parameter,)
        Bounds; a step beyond is cut there, and a parameter that is pushed
        against its bound is held.
    weight : array (point,) or (series, point), optional
        Square roots of the weights.
    loss, loss_scale
        One of :data:`LOSSES`, and f.
    free : bool array (parameter,), optional
        Those that may move; all by default.
    iterations, tolerance
        A series is done when a step promises to lower its cost by less than
        the share ``tolerance``, or none lowers it.

    Returns
    -------
    Batch

    References
    ----------
    Marquardt, D. W. (1963), J. SIAM 11, 431–441, doi:10.1137/0111030; Moré, J. J. (1978),
    doi:10.1007/BFb0067700 (scaling by the diagonal).
    """
    series, size = start.shape
    shape = (series, np.shape(u)[-1])
    spread = {"u": np.ndim(u) == 2, "y": np.ndim(y) == 2, "w": np.ndim(weight) == 2}
    fixed = np.zeros(size, bool) if free is None else ~np.asarray(free)
    rho, slope = LOSSES[loss]
    best = np.clip(start, low, high).astype(float)
    scale = np.broadcast_to(np.asarray(loss_scale, dtype=float), (series,))

    def rows(values: Any, many: bool, chosen: Any) -> Any:
        return values[chosen] if many and len(chosen) < series else values

    def look(columns: Any, chosen: Any) -> tuple[Any, Any, Any]:
        value, parts = evaluate(
            rows(u, spread["u"], chosen), [columns[:, j, None] for j in range(size)]
        )
        rest = value - rows(y, spread["y"], chosen)
        if weight is not None:
            w = rows(weight, spread["w"], chosen)
            rest, parts = rest * w, [part * w for part in parts]
        if loss == "linear":
            cost = np.vecdot(rest, rest)
        else:
            f = scale[chosen, None]
            z = (rest / f) ** 2
            pull = np.sqrt(slope(z))
            cost = (f**2 * rho(z)).sum(axis=1)
            rest, parts = rest * pull, [part * pull for part in parts]
        return cost, *products(parts, rest)

    def look_from_one(columns: Any) -> tuple[Any, Any, Any]:
        """Look where all series start at the same point: one Jacobian serves them."""
        value, parts = evaluate(u, [columns[:1, j, None] for j in range(size)])
        w = 1.0 if weight is None else weight
        jacobian = np.stack([np.broadcast_to(part[0] * w, shape[1:]) for part in parts])
        rest = (value - y) * w
        inner = np.broadcast_to(jacobian @ jacobian.T, (series, size, size)).copy()
        return np.einsum("bn,bn->b", rest, rest), rest @ jacobian.T, inner

    chosen = np.arange(series)
    alike = series > 1 and loss == "linear" and spread["y"] and not (spread["u"] or spread["w"])
    if alike and (best == best[0]).all():
        cost, gradient, inner = look_from_one(best)
    else:
        cost, gradient, inner = look(best, chosen)
    damping = np.full(series, 1e-3)
    unit = np.eye(size)
    done = 0
    for done in range(1, iterations + 1):  # noqa: B007
        at, pull, square = best[chosen], gradient[chosen], inner[chosen]
        held = fixed | ((at <= low) & (pull > 0)) | ((at >= high) & (pull < 0))
        diagonal = np.einsum("bjj->bj", square).copy()
        diagonal = np.maximum(diagonal, 1e-14 * diagonal.max(axis=1, keepdims=True) + 1e-300)
        system = square + (damping[chosen, None] * diagonal)[..., None] * unit
        if held.any():
            system = np.where(held[:, :, None] | held[:, None, :], unit, system)
            pull = np.where(held, 0.0, pull)
        step = solved(system, -pull)
        trial = np.clip(at + step, low, high)
        gain = -np.einsum("bj,bj->b", pull, step)
        last = gain <= tolerance * cost[chosen]
        if last.any():
            best[chosen[last]] = trial[last]
            chosen, trial = chosen[~last], trial[~last]
            if not len(chosen):
                break
        new_cost, new_gradient, new_inner = look(trial, chosen)
        old = cost[chosen]
        better = np.isfinite(new_cost) & (new_cost <= old)
        took = chosen[better]
        best[took], cost[took] = trial[better], new_cost[better]
        gradient[took], inner[took] = new_gradient[better], new_inner[better]
        wider = np.where(better, damping[chosen] * 0.1, damping[chosen] * 8.0)
        damping[chosen] = np.maximum(wider, 1e-10)
        chosen = chosen[(damping[chosen] < 1e10) & (cost[chosen] > 1e-28)]
        if not len(chosen):
            break
    return Batch(best, cost, inner, done)

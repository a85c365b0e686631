"""Fit a law to data: many starts, bounds, robust losses, weights, groups that share a shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mfa.demand import ridges
from mfa.demand.batch_fits import LOSSES, Evaluate, solve
from mfa.demand.covariates import Covariate, standardised
from mfa.demand.curves import Curve, Scaling, curve_of
from mfa.demand.fitted import Fit
from mfa.demand.options import number, one_of, whole
from mfa.demand.panel import Layout, Points, lay_out, own_parameters, require_law_fits
from mfa.demand.starts import hypercube, robust_spread
from mfa.errors import MfaError

SURE = 0.05
"""Below this standard error of ln K the likelihood is as good as normal: no profile is drawn."""


def fit(
    law: str | Callable[..., Any],
    x: Any,
    y: Any,
    *,
    x_dim: str | None = None,
    scale: str = "linear",
    weights: Any = None,
    covariates: Mapping[str, Any] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    loss: str = "linear",
    loss_scale: float | None = None,
    noise: str = "additive",
    own: Sequence[str] | None = None,
    pooling: str = "free",
    missing: str = "raise",
    start: Mapping[str, float] | None = None,
    starts: int = 20,
    seed: int = 0,
) -> Fit:
    """Fit a law by (robust) least squares and say what the data identify.

    Parameters
    ----------
    law : str or function
        ``logistic``, ``gompertz``, ``richards``, ``modified_exponential``,
        ``rise_and_decline``, ``bass`` (cumulative, x in years since launch) or
        ``fisher_pry`` (a share).
    x : array (x_dim,) or (x_dim, group)
        Income per head, or time.
    y : array (x_dim,) or (x_dim, group)
        What was observed.  A second dimension makes it a pooled fit over that
        dimension, see ``own``.
    x_dim : str, optional
        Dimension of the points; the only one of y, or ``year``, by default.
    scale : {"linear", "log"}
        Whether the law stands over x or ln x.
    weights : array, optional
        Inverse variances, up to a factor; their mean is set to 1.
    covariates : mapping name → array, dims of y or some of them, optional
        What shifts the law beside income (urbanisation, a share of industry, time): they act on
        the saturation, K(z) = K exp(Σ b_j (z_j − z̄_j)), z̄_j the mean over the points.  The fit
        then tells the b_j as ``effects`` and is asked at values of the covariates,
        ``predict(x, covariates={…})``.  :func:`mfa.demand.nested_test` says whether they are
        needed.
    bounds : mapping name → (low, high), optional
        Of parameters and of effects of covariates, in natural units; ±inf keeps the default.
        Without them the saturation may be 0.3 to 1,000 times the largest observation.
    loss : {"linear", "soft_l1", "huber", "cauchy"}
        Robust losses grow more slowly than the square beyond ``loss_scale`` [unit of y; 1 if
        the noise is relative]
        (1.345 times the robust standard deviation of the residuals if it is not given).
    noise : {"additive", "relative"}
        Residuals y − C, or ln y − ln C.
    own : names, optional
        Parameters that each group has for itself, by default the saturation
        (``market`` for Bass); all others are shared.
    pooling : {"free", "partial"}
        Own parameters are free, or ln K of the groups is drawn from a normal
        law N(μ, τ²): penalised least squares, with μ, τ and the noise estimated
        by expectation–maximisation with v, the posterior variances:
        τ² = Σ ((k − μ)² + v) / (G − 1).  What a group's own data do not say it
        borrows from the others.
    missing : {"raise", "drop"}
        What to do with NaN.
    start : mapping name → number, optional
        A first guess in natural units, used as one of the starts.
    starts, seed : int
        Latin hypercube of starts in scaled parameters.

    Returns
    -------
    Fit
        ``parameters``, ``effects``, ``standard_error``, ``covariance``, ``identified``,
        ``predict``, ``critical_points``, ``sample``.

    Raises
    ------
    MfaError
        If a name or a value is none that the option has, data or covariates are missing or do
        not vary, or there are not more points than parameters.

    References
    ----------
    Branch, Coleman, Li (1999), SIAM J. Sci. Comput. 21, 1–23, doi:10.1137/S1064827595289108
    (scipy's bounded least squares); Lindstrom, Bates (1990), Biometrics 46, 673–687,
    doi:10.2307/2532087 (partial pooling).

    Examples
    --------
    >>> from mfa import demand
    >>> income = np.linspace(1e3, 30e3, 30)
    >>> steel = demand.logistic(income, saturation=500.0, midpoint=8e3, rate=5e-4)
    >>> found = fit("logistic", income, steel)
    >>> round(found.parameters["saturation"], 6), found.identified
    (500.0, True)
    """
    name, curve = curve_of(law)
    for what, value, names in (
        ("loss", loss, list(LOSSES)),
        ("noise", noise, ["additive", "relative"]),
        ("pooling", pooling, ["free", "partial"]),
    ):
        one_of(what, value, names)
    starts, seed = whole("starts", starts), whole("seed", seed, least=0)
    if loss_scale is not None:
        loss_scale = number("loss_scale", loss_scale, above=0)
        if loss == "linear":
            raise MfaError(
                "loss_scale is that of a robust loss: say loss='soft_l1', or leave it out"
            )
    if covariates is not None and not isinstance(covariates, Mapping):
        raise MfaError("covariates must be a mapping of names to arrays, {'urbanisation': array}")
    points = lay_out(x, y, weights, x_dim, missing, covariates)
    require_law_fits(name, curve, points, noise)
    mine = own_parameters(curve, own, bool(points.labels))
    if covariates:
        points, told = _with_covariates(name, curve, points, [*map(str, covariates)], mine)
    layout = Layout(curve, points.labels, mine, told if covariates else ())
    if pooling == "partial" and not (len(points.labels) > 1 and curve.level in mine):
        raise MfaError(
            "pooling='partial' needs a dimension of groups, two or more, with their own level"
        )
    scaling = Scaling.over(curve, scale, points.x, points.y)
    size = len(layout.columns)
    if len(points.y) <= size:
        raise MfaError(f"{len(points.y)} points cannot tell {size} parameters of law {name!r}")

    problem = _Problem(layout, scaling, points, noise, loss, pooling)
    box = layout.box(scaling, points, {} if bounds is None else bounds)
    first = hypercube(layout, box, starts, seed)
    if start is not None:
        first[0] = layout.guess(scaling, start, first[0])
    best = problem.many_starts(box, first, loss_scale)
    best = problem.polish(best, box)
    if pooling == "partial":
        best = problem.shrink(best, box)
    return problem.result(name, best, box)


def _with_covariates(
    law: str, curve: Curve, points: Points, names: list[str], own: Sequence[str]
) -> tuple[Points, tuple[Covariate, ...]]:
    """Return points with standardised covariates, and what they are."""
    if curve.level is None:
        raise MfaError(f"law {law!r} has no saturation that covariates could shift")
    if taken := sorted(set(names) & {*curve.names, "sample", points.dim}):
        raise MfaError(f"a covariate cannot have the name {taken[0]!r}, which is taken; rename it")
    units, by_group = [points.units[name] for name in names], curve.level in own
    told, inside = standardised(names, units, points.covariates, points.group, by_group)
    return replace(points, inside=inside), told


class _Problem:
    """One fit under way: scaled data, and the steps from starts to a result."""

    def __init__(
        self, layout: Layout, scaling: Scaling, points: Points, noise: str, loss: str, pooling: str
    ) -> None:
        self.layout, self.scaling, self.points, self.noise = layout, scaling, points, noise
        self.u = scaling.inside(points.x)
        self.root = np.sqrt(points.weight)
        y = points.y / scaling.level
        self.y = np.log(y) if noise == "relative" else y
        self.loss, self.loss_scale, self.pooling = loss, 1.0, pooling
        self.prior: tuple[Any, float, float] | None = None
        own = layout.evaluate(points.group, points.inside)
        self.evaluate: Evaluate = ridges.in_logs(own) if noise == "relative" else own

    def residuals(self, columns: Any) -> tuple[Any, Any]:
        """Return weighted residuals (point,) and their Jacobian (point, column)."""
        value, parts = self.evaluate(self.u, [np.array([[v]]) for v in columns])
        rest, jacobian = (value[0] - self.y) * self.root, np.stack([p[0] for p in parts], axis=1)
        jacobian = jacobian * self.root[:, None]
        if self.prior is None:
            return rest, jacobian
        held, centre, strength = self.prior
        rows = np.eye(len(columns))[held] * strength
        return (
            np.concatenate([rest, (np.asarray(columns)[held] - centre) * strength]),
            np.concatenate([jacobian, rows]),
        )

    def batch(self, start: Any, box: Any, **settings: Any) -> Any:
        return solve(
            self.evaluate, self.u, self.y, start, box[0], box[3], weight=self.root,
            loss=self.loss, loss_scale=self.loss_scale, **settings,
        )  # fmt: skip

    def many_starts(self, box: Any, start: Any, loss_scale: float | None) -> Any:
        """Return the best of several starts; set the scale of a robust loss."""
        robust = self.loss != "linear"
        if robust and loss_scale is not None:
            unit = 1.0 if self.noise == "relative" else self.scaling.level
            self.loss_scale = loss_scale / unit
        elif robust:
            self.loss_scale = max(1.345 * robust_spread(self.y * self.root) / 3, 1e-12)
        found = self.batch(start, box, iterations=25, tolerance=1e-4)
        few = np.argsort(found.cost)[:3]
        found = self.batch(found.parameters[few], box, iterations=200, tolerance=1e-12)
        best = found.parameters[np.argmin(found.cost)]
        if robust and loss_scale is None:
            for _ in range(4):
                self.loss_scale = max(1.345 * robust_spread(self.residuals(best)[0]), 1e-12)
                found = self.batch(best[None], box, iterations=100, tolerance=1e-12)
                best = found.parameters[0]
        return best

    def polish(self, best: Any, box: Any, tolerance: float = 1e-14) -> Any:
        """Finish with scipy's bounded trust-region least squares."""
        from scipy.optimize import least_squares

        inside = np.clip(best, box[0] + 1e-9, box[3] - 1e-9)
        found = least_squares(
            lambda c: self.residuals(c)[0], inside, lambda c: self.residuals(c)[1],
            bounds=(box[0], box[3]), loss=self.loss, f_scale=self.loss_scale, x_scale="jac",
            ftol=tolerance, xtol=tolerance, gtol=tolerance, max_nfev=60,
        )  # fmt: skip
        return found.x if found.cost <= self._cost(best) else best

    def _cost(self, columns: Any) -> float:
        rho, f = LOSSES[self.loss][0], self.loss_scale
        return float(0.5 * f**2 * rho((self.residuals(columns)[0] / f) ** 2).sum())

    def shrink(self, best: Any, box: Any) -> Any:
        """Shrink the own levels towards their mean, by expectation–maximisation."""
        held = self.layout.index[:, self.layout.curve.names.index(self.layout.curve.key)]
        n = len(self.y)
        sigma = np.sqrt(max(2 * self._cost(best) / (n - len(best)), 1e-30))
        centre, tau = best[held].mean(), max(best[held].std(ddof=1), 1e-3)
        for _ in range(40):
            self.prior = (held, centre, sigma / tau)
            best = self.polish(best, box, 1e-8)
            rest, jacobian = self.residuals(best)
            inverse = np.linalg.pinv(jacobian.T @ jacobian, hermitian=True) * sigma**2
            wanted = np.sqrt(
                (((best[held] - centre) ** 2) + np.diag(inverse)[held]).sum() / (len(held) - 1)
            )
            sigma = np.sqrt(max((rest[:n] ** 2).sum() / (n - len(best)), 1e-30))
            done = abs(wanted - tau) < 1e-4 * tau
            tau, centre = max(float(wanted), 1e-3), best[held].mean()
            if done:
                break
        self.prior = (held, centre, sigma / tau)
        return self.polish(best, box)

    def result(self, name: str, best: Any, box: Any) -> Fit:
        """Work out noise, covariance, what is identified, and the ridge where it is not."""
        curve, n, size = self.layout.curve, len(self.y), len(best)
        rest, jacobian = self.residuals(best)
        degrees = n - size
        square = float((rest[:n] ** 2).sum())
        slope = LOSSES[self.loss][1]((rest / self.loss_scale) ** 2)
        sigma = np.sqrt(square / degrees) if self.loss == "linear" else robust_spread(rest[:n])
        information = jacobian.T @ (slope[:, None] * jacobian)
        if self.loss == "linear":
            middle = information * sigma**2
        else:
            middle = jacobian.T @ (((slope * rest) ** 2)[:, None] * jacobian) * n / degrees
        inverse = np.linalg.pinv(information, rcond=1e-15, hermitian=True)
        covariance = inverse @ middle @ inverse
        size_of = np.sqrt(np.maximum(np.diag(information), 1e-300))
        condition = float(np.sqrt(np.linalg.cond(information / np.outer(size_of, size_of))))
        edge = 1e-6 * (box[3] - box[0])
        interior = bool(((best > box[0] + edge) & (best < box[3] - edge)).all())
        interior = interior and condition < 1e8
        key = self.layout.index[:, curve.names.index(curve.key)]
        error = np.sqrt(np.diag(covariance))[key]
        past = self._past_the_turn(best, covariance)
        rise = curve.turn is None or self.u.min() <= curve.turn(best)  # else data lack the rise
        ridge = None
        sure = interior and error[0] <= SURE and past.all() and rise
        if not self.points.labels and not sure:
            ridge = ridges.profile(
                self.evaluate, self.u, self.y, best, covariance, box, int(key[0]),
                weight=self.root * np.sqrt(slope[:n]), sigma=sigma, degrees=degrees,
            )  # fmt: skip
            best = ridge.best
            error = np.maximum(error, ridge.half_width) if interior else ridge.half_width
        unit = 1.0 if self.noise == "relative" else self.scaling.level
        back = 2 * np.log(self.points.y).sum() if self.noise == "relative" else 2 * n * np.log(unit)
        likelihood = n * np.log(max(square, 1e-300) / n) + back
        return Fit(
            law=name, layout=self.layout, scaling=self.scaling, working=best,
            working_covariance=covariance,
            relative_error=np.atleast_1d(error), past_turning=past, interior=interior,
            limits=box[[0, 3]],
            ridge=ridge, draws=None, sigma=float(sigma) * unit, degrees=degrees, count=n,
            noise=self.noise, loss=self.loss, condition=condition, deviance=float(likelihood),
            dim=self.points.dim, x_dim=self.points.x_dim, units=dict(self.points.units),
            data_sha256=self.points.digest, pooling=self.pooling, points=self.points,
        )  # fmt: skip

    def _past_the_turn(self, best: Any, covariance: Any) -> Any:
        """Whether data reach beyond the turning point, 95 % sure: bool (group,).

        Those of all groups that share the shape count.
        """
        index, turn = self.layout.index, self.layout.curve.turn
        if turn is None:
            return np.ones(len(index), dtype=bool)
        key = self.layout.curve.names.index(self.layout.curve.key)
        shapes, found = np.delete(index, key, axis=1), []
        for group, columns in enumerate(index):
            step = 1e-6 * np.eye(len(columns))
            slope = (turn(best[columns] + step) - turn(best[columns] - step)) / 2e-6
            spread = np.sqrt(slope @ covariance[np.ix_(columns, columns)] @ slope)
            alike = np.flatnonzero((shapes == shapes[group]).all(axis=1))
            last = self.u[np.isin(self.points.group, alike)].max()
            found.append(turn(best[columns]) + 1.645 * spread <= last)
        return np.array(found)

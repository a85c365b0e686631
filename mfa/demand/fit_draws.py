"""Draws of the working parameters of a fit, for bands, samples and scenarios: seeded, or at uniform numbers."""

from __future__ import annotations

from typing import Any

import numpy as np


def working_draws(fit: Any, count: int, random: np.random.Generator) -> Any:
    """Return draws (count, column) of the working parameters, within the bounds of the fit.

    Those of a bootstrap, along the profile where the saturation is not identified, otherwise
    normal with the joint covariance.
    """
    if fit.draws is not None:
        return fit.draws[random.integers(len(fit.draws), size=count)]
    if fit.method == "profile" and fit.ridge is not None:
        return np.clip(fit.ridge.draw(count, random), *fit.limits)
    factor = root_of(fit.working_covariance)
    found = fit.working + random.standard_normal((count, len(fit.working))) @ factor.T
    return np.clip(found, *fit.limits)


def working_at(fit: Any, u: Any) -> Any:
    """Return the working parameters (sample, column) that stand at uniform numbers, each by itself.

    The same three ways as :func:`working_draws`; ``u`` is (sample, 1 + columns), its first number
    chooses the draw of a bootstrap, or the point of a profile.
    """
    from scipy.special import ndtri, stdtrit

    first, scores = u[:, 0], ndtri(u[:, 1:])
    if fit.draws is not None:
        return fit.draws[np.minimum((first * len(fit.draws)).astype(int), len(fit.draws) - 1)]
    if fit.method == "profile" and fit.ridge is not None:
        ridge = fit.ridge
        at = np.interp(stdtrit(ridge.degrees, first), ridge.roots, np.arange(len(ridge.roots)))
        floor = np.minimum(at.astype(int), len(ridge.roots) - 2)
        part = (at - floor)[:, None]
        middle = ridge.points[floor] * (1 - part) + ridge.points[floor + 1] * part
        roots = np.stack([root_of(spread) for spread in ridge.spreads])
        return np.clip(middle + _times(roots[np.rint(at).astype(int)], scores), *fit.limits)
    root = root_of(fit.working_covariance)
    return np.clip(fit.working + _times(root[None], scores), *fit.limits)


def root_of(covariance: Any) -> Any:
    """Return a matrix whose product with its transpose is a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _times(roots: Any, scores: Any) -> Any:
    """Return Σ_j root_ij z_j of each sample, added in the order of j."""
    total = np.zeros(scores.shape)
    for j in range(scores.shape[1]):
        total = total + roots[..., j] * scores[:, j, None]
    return total

"""Draws of the working parameters of a fit: one seeded source for bands, samples and scenarios."""

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


def root_of(covariance: Any) -> Any:
    """Return a matrix whose product with its transpose is a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))

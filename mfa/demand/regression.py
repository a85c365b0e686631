"""Least squares with honest errors, on bare arrays: estimates, their covariance, draws of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa.errors import MfaError, known

Array = NDArray[np.float64]

COVARIANCES = ("plain", "newey_west")
"""How the covariance of estimates is found: equal independent errors, or correlated ones."""

ERRORS = ("independent", "ar1", "walk", "drift")
"""What is thought of the errors of successive years in a forecast."""

COLLINEAR = 1e-12
"""Singular value, relative to the largest, below which scaled columns say the same thing."""


@dataclass(frozen=True)
class Regression:
    """A linear fit: estimates by name, their covariance, what is left over.

    Attributes
    ----------
    names : tuple of str, length k
    coefficients : array (k,)
    covariance : array (k, k)
    residuals : array (n,)
        Observed less fitted, in the order of the data.
    freedom : int
        Degrees of freedom, n − k.
    """

    names: tuple[str, ...]
    coefficients: Array
    covariance: Array
    residuals: Array
    freedom: int

    @property
    def spread(self) -> float:
        """Standard deviation of the errors, (Σ u² / (n − k))^½."""
        return float(np.sqrt(self.residuals @ self.residuals / self.freedom))

    @property
    def standard_error(self) -> Array:
        """Standard error of each coefficient, (k,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    def draws(self, count: int, rng: np.random.Generator) -> Array:
        """Return draws of the coefficients, (count, k), from their multivariate t distribution."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        normal = rng.standard_normal((count, len(self.coefficients)))
        widened = np.sqrt(self.freedom / rng.chisquare(self.freedom, (count, 1)))
        return np.asarray(self.coefficients + widened * (normal @ root.T))


def ols(
    design: Array, response: Array, names: Sequence[str], covariance: str = "plain"
) -> Regression:
    """Fit response = design · b by least squares.

    The covariance of b is s² (X'X)⁻¹ (``plain``) or (X'X)⁻¹ Ω (X'X)⁻¹ (``newey_west``) with
    Ω = n/(n − k) · Σ_l w_l Σ_t u_t u_{t−l} (x_t x'_{t−l} + x_{t−l} x'_t), w_l = 1 − l/(L + 1) and
    L = ⌊4 (n/100)^{2/9}⌋, which holds for errors that differ in size and follow each other.

    Parameters
    ----------
    design : array (n, k)
    response : array (n,)
    names : k names, one for each column
    covariance : {"plain", "newey_west"}

    Returns
    -------
    Regression

    Raises
    ------
    MfaError
        If there are no more data than columns, or columns are collinear.

    References
    ----------
    Newey, W. K., West, K. D. (1987), Econometrica 55, 703–708, doi:10.2307/1913610; the number of
    lags after Newey and West (1994), Review of Economic Studies 61, 631–653, doi:10.2307/2297912.

    Examples
    --------
    Residuals of 1, −2, 1 about the mean 2 leave s² = 6/2 and a variance of 3/3:

    >>> fit = ols(np.ones((3, 1)), np.array([3.0, 0.0, 3.0]), ["mean"])
    >>> fit.coefficients.round(9).tolist(), fit.covariance.round(9).tolist()
    ([2.0], [[1.0]])
    """
    if covariance not in COVARIANCES:
        raise MfaError(f"unknown covariance {covariance!r}. {known(covariance, COVARIANCES)}")
    count, width = design.shape
    if count <= width:
        raise MfaError(
            f"{count} observations cannot give {width} coefficients ({', '.join(names)}) and "
            "their errors; use more years or fewer terms"
        )
    scale = np.abs(design).max(axis=0)
    if not np.all(scale > 0):
        raise MfaError(f"the term {names[int(np.argmin(scale))]!r} is 0 in all years; leave it out")
    left, singular, right = np.linalg.svd(design / scale, full_matrices=False)
    if singular[-1] < COLLINEAR * singular[0]:
        parts = np.abs(right[-1])
        alike = [name for name, part in zip(names, parts, strict=True) if part > 0.1 * parts.max()]
        raise MfaError(
            f"the terms {', '.join(alike)} cannot be told apart in these {count} years; "
            "leave one of them out"
        )
    coefficients = (right.T @ ((left.T @ response) / singular)) / scale
    residuals = response - design @ coefficients
    half = right.T / singular / scale[:, None]
    inverse = half @ half.T
    freedom = count - width
    if covariance == "plain":
        found = inverse * (residuals @ residuals / freedom)
    else:
        found = inverse @ (_long_run(design * residuals[:, None]) * (count / freedom)) @ inverse
    return Regression(tuple(names), coefficients, found, residuals, freedom)


def _long_run(moments: Array) -> Array:
    """Return Σ over lags of the weighted cross products of the rows of moments."""
    count = len(moments)
    lags = int(4 * (count / 100) ** (2 / 9))
    total = moments.T @ moments
    for lag in range(1, min(lags, count - 1) + 1):
        cross = moments[lag:].T @ moments[:-lag]
        total = total + (1 - lag / (lags + 1)) * (cross + cross.T)
    return np.asarray(total)


def error_paths(
    residuals: Array,
    freedom: int,
    errors: str,
    horizon: int,
    samples: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Return how errors go on after the last year: what is expected, and draws around it.

    ``independent``: nothing is expected, draws are normal with s² = Σ u²/freedom. ``ar1``:
    u_{T+h} = ρ^h u_T + Σ_j ρ^{h−j} e_j with ρ from the regression of u_t on u_{t−1}. ``walk``: the
    same with ρ = 1, so that the last error stays. ``drift``: a walk, u_{T+h} = u_T + h d + Σ_j e_j,
    of which the mean step d is not known to be 0: over n steps it was seen with the error s/√n
    only, d ~ N(0, s²/n). In all the draws are widened for s being an estimate (t distribution).

    Returns
    -------
    expected : array (horizon,)
    noise : array (samples, horizon)

    References
    ----------
    Cochrane, D., Orcutt, G. H. (1949), J. Am. Stat. Assoc. 44, 32–61, doi:10.2307/2280349.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> expected, _ = error_paths(np.array([8.0, 4.0, 2.0, 1.0]), 2, "ar1", 2, 10, rng)
    >>> expected.tolist()
    [0.5, 0.25]
    """
    if errors not in ERRORS:
        raise MfaError(f"unknown errors {errors!r}. {known(errors, ERRORS)}")
    memory, shocks = 0.0, residuals
    if errors != "independent":
        before = residuals[:-1]
        if errors in ("walk", "drift"):
            memory = 1.0
        elif before @ before > 0:
            memory = float(np.clip(before @ residuals[1:] / (before @ before), -0.99, 0.99))
        shocks = residuals[1:] - memory * before
    spread = np.sqrt(shocks @ shocks / freedom)
    steps = widened_normal(samples, horizon + (errors == "drift"), freedom, rng)
    noise = spread * steps[:, :horizon]
    if errors == "drift":
        noise += spread * steps[:, horizon:] / np.sqrt(len(shocks))
    expected = np.zeros(horizon)
    if errors != "independent":
        expected = residuals[-1] * memory ** np.arange(1, horizon + 1)
        for year in range(1, horizon):
            noise[:, year] += memory * noise[:, year - 1]
    return expected, noise


def widened_normal(samples: int, horizon: int, freedom: int, rng: np.random.Generator) -> Array:
    """Return standard normal draws (samples, horizon), each row widened by (ν/χ²_ν)^½."""
    widened: Any = np.sqrt(freedom / rng.chisquare(freedom, (samples, 1)))
    return np.asarray(widened * rng.standard_normal((samples, horizon)))

"""The Bayesian counterparts: Gaussian prior and exact balances, Dirichlet prior on a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mfa.errors import MfaError
from mfa.reconciliation.elimination import Array


class Gaussian(NamedTuple):
    """A normal law: mean (…), covariance (…, …), and the log evidence of the data."""

    mean: Array
    covariance: Array
    log_evidence: float

    @property
    def standard_deviation(self) -> Array:
        """Return the standard deviation of each quantity."""
        return np.asarray(np.sqrt(np.maximum(np.diag(self.covariance), 0.0)))


def gaussian(
    mean: Any, covariance: Any, design: Any, data: Any, noise: Any = 0.0, *, tolerance: float = 1e-9
) -> Gaussian:
    """Return the posterior of a normal prior after data d = H x + ε, ε ~ N(0, R).

    m = μ + Σ H' (H Σ H' + R)⁺ (d − H μ);  C = Σ − Σ H' (H Σ H' + R)⁺ H Σ.
    With R = 0 and d = 0 the rows of H are exact balances, and this is the
    reconciliation of :func:`mfa.reconciliation.adjust`.

    Parameters
    ----------
    mean : array (quantity,)
    covariance : array (quantity, quantity), or (quantity,) standard deviations
    design : array (datum, quantity)
    data : array (datum,)
    noise : array (datum,) of standard deviations, or a number; 0 is exact

    Returns
    -------
    Gaussian

    Raises
    ------
    MfaError
        If shapes do not fit, the prior is no covariance, or exact data contradict it.

    Examples
    --------
    A prior of 50 ± 10 and a datum of 60 ± 5:

    >>> found = gaussian([50], [10], [[1]], [60], 5)
    >>> found.mean.round(9).tolist(), found.standard_deviation.round(6).tolist()
    ([58.0], [4.472136])
    """
    prior, rows = np.asarray(mean, dtype=float), np.atleast_2d(np.asarray(design, dtype=float))
    joint = np.asarray(covariance, dtype=float)
    joint = np.diag(joint**2) if joint.ndim == 1 else joint
    seen = np.atleast_1d(np.asarray(data, dtype=float))
    if rows.shape != (len(seen), len(prior)) or joint.shape != (len(prior), len(prior)):
        raise MfaError(
            f"a design of shape {rows.shape} does not fit {len(seen)} data, {len(prior)} quantities "
            f"and a covariance of shape {joint.shape}"
        )
    spread = np.broadcast_to(np.asarray(noise, dtype=float), seen.shape)
    everything = (prior, rows, joint, seen, spread)
    if not all(np.isfinite(a).all() for a in everything) or (spread < 0).any():
        raise MfaError("a number is NaN, infinite, or a standard deviation below 0")
    if np.linalg.eigvalsh((joint + joint.T) / 2).min() < -1e-9 * max(np.abs(joint).max(), 1e-300):
        raise MfaError("the covariance of the prior has a negative eigenvalue")
    across = joint @ rows.T
    weight = rows @ across + np.diag(spread**2)
    values, vectors = np.linalg.eigh((weight + weight.T) / 2)
    used = values > 1e-13 * max(values.max(initial=0.0), 1e-300)
    off = vectors.T @ (seen - rows @ prior)
    size = np.abs(rows) @ np.abs(prior) + np.abs(seen)
    if (np.abs(off[~used]) > tolerance * max(size.max(initial=0.0), 1e-300)).any():
        raise MfaError("exact data contradict a prior that is exact where they are")
    gain = across @ vectors[:, used] / values[used]
    chi2 = float((off[used] ** 2 / values[used]).sum())
    evidence = -0.5 * (chi2 + np.log(2 * np.pi * values[used]).sum())
    after = joint - gain @ (across @ vectors[:, used]).T
    return Gaussian(prior + gain @ off[used], after, float(evidence))


@dataclass(frozen=True)
class Dirichlet:
    """Shares that sum to 1, with a concentration: how many counts the knowledge is worth.

    Parameters
    ----------
    alpha : array (target,), above 0
        Shares times concentration.

    Examples
    --------
    Half goes each way, as sure as ten counts; 30 of 40 are then seen going left:

    >>> after = Dirichlet((5, 5)).update((30, 10))
    >>> after.shares.tolist(), after.concentration
    ([0.7, 0.3], 50.0)
    """

    alpha: Any

    def __post_init__(self) -> None:
        given = np.asarray(self.alpha, dtype=float)
        if given.ndim != 1 or len(given) < 2 or not (np.isfinite(given) & (given > 0)).all():
            raise MfaError(
                f"a Dirichlet law needs two or more numbers above 0, found {self.alpha!r}"
            )
        object.__setattr__(self, "alpha", given)

    @property
    def concentration(self) -> float:
        """Return the sum of alpha."""
        return float(self.alpha.sum())

    @property
    def shares(self) -> Array:
        """Return the expected shares; they sum to 1."""
        return np.asarray(self.alpha / self.alpha.sum())

    @property
    def standard_deviation(self) -> Array:
        """Return the standard deviation of each share: √(m (1 − m) / (concentration + 1))."""
        return np.sqrt(self.shares * (1 - self.shares) / (self.concentration + 1))

    def update(self, counts: Any) -> Dirichlet:
        """Return the posterior after counts (target,), or masses over the mass of one count.

        alpha + counts: the Dirichlet law is conjugate to multinomial data.

        References
        ----------
        Lupton, Allwood (2018), Incremental Material Flow Analysis with Bayesian Inference,
        J. Ind. Ecol. 22, 1352–1364, doi:10.1111/jiec.12698
        """
        seen = np.asarray(counts, dtype=float)
        if seen.shape != self.alpha.shape or not (np.isfinite(seen) & (seen >= 0)).all():
            raise MfaError(f"counts are {len(self.alpha)} numbers of 0 or more, found {counts!r}")
        return Dirichlet(self.alpha + seen)

    def sample(self, size: int, seed: int) -> Array:
        """Return draws (sample, target); each sums to 1."""
        return np.random.default_rng(seed).dirichlet(self.alpha, size)

"""The weight matrix W = G S G' of checks, with all its entries, for many cells at once."""

from __future__ import annotations

import numpy as np

from mfa.errors import MfaError
from mfa.reconciliation.elimination import Array, Index


class DenseWeight:
    """W and what follows from it.

    Parameters
    ----------
    checks : array (check, column)
    sd : array (cell, column)
    linked : array (column, column) or None
        Correlation of the data.
    derived : array (row, column)
        Combinations of columns whose variance will be asked for.
    """

    def __init__(self, checks: Array, sd: Array, linked: Array | None, derived: Array):
        self.sd, self.linked, self.derived = sd, linked, derived
        self.spread = self._times_covariance(checks)
        weight = self.spread @ checks.T
        root = np.sqrt(np.einsum("crr->cr", weight))
        root[root == 0] = 1.0
        lower = _root_of(weight / root[:, :, None] / root[:, None, :])
        self.inverse = np.linalg.inv(lower) / root[:, None, :]  # W⁻¹ = inverse' inverse
        self.explained = self.inverse @ self.spread

    def _times_covariance(self, rows: Array) -> Array:
        """Return R S, (cell, row, column)."""
        if self.linked is None:
            return np.asarray(rows * self.sd[:, None, :] ** 2)
        return np.asarray(((rows * self.sd[:, None, :]) @ self.linked) * self.sd[:, None, :])

    def solve(self, imbalance: Array) -> Array:
        """Return W⁻¹ r for (cell, check)."""
        half = np.einsum("crk,ck->cr", self.inverse, imbalance)
        return np.asarray(np.einsum("crk,cr->ck", self.inverse, half))

    def before(self, rows: Array) -> Array:
        """Return the variance before reconciliation of combinations of columns, (cell, row)."""
        if self.linked is None:
            return np.asarray(self.sd**2 @ (rows**2).T)
        return np.asarray(np.einsum("crk,rk->cr", self._times_covariance(rows), rows))

    def lost_variances(self) -> tuple[Array, Array]:
        """Return by how much the variance of each column and each derived row falls, (cell, …)."""
        own = np.einsum("crk,crk->ck", self.explained, self.explained)
        return np.asarray(own), self._lost(self.derived)

    def _lost(self, rows: Array) -> Array:
        return np.asarray(((self.explained @ rows.T) ** 2).sum(axis=1))

    def variance_of(self, rows: Array) -> Array:
        """Return the variance after reconciliation of combinations of columns, (cell, row)."""
        return self.before(rows) - self._lost(rows)

    def covariance(self, determinable: Index, undeterminable: Index) -> Array:
        """Return the covariance of all reconciled values, (cell, column, column)."""
        count = self.sd.shape[-1]
        joint = np.eye(count) if self.linked is None else self.linked
        joint = joint * self.sd[:, :, None] * self.sd[:, None, :]
        joint = joint - self.explained.transpose(0, 2, 1) @ self.explained
        joint[:, determinable] = -self.derived @ joint
        joint[:, undeterminable] = 0.0
        joint[:, :, determinable] = -joint @ self.derived.T
        joint[:, :, undeterminable] = 0.0
        return np.asarray(joint)


def _root_of(weight: Array) -> Array:
    try:
        return np.asarray(np.linalg.cholesky(weight))
    except np.linalg.LinAlgError:
        raise MfaError(
            "data that are correlated by 1 or −1 leave a balance without any uncertainty, so it cannot "
            "be reconciled; lower the correlation, or make these data exact"
        ) from None

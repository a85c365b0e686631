"""The weight matrix W = G S G' of many checks, factored where it is not 0, for many cells at once.

W = L D L' with few entries: the order of elimination is found once, the numbers
of all cells are worked out together.  Of W⁻¹ only those entries are computed
that uncertainties need (Takahashi's recurrence).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from scipy import sparse

from mfa.reconciliation.elimination import Array, Index

MOST_ENTRIES = 60_000
"""More entries than this are not worth the trouble."""


class SparseWeight:
    """Factors of W for many cells.

    Parameters
    ----------
    checks : array (check, column)
        G, without the columns that have no uncertainty.
    derived : array (row, column)
        Combinations of columns whose variance will be asked for.
    """

    def __init__(self, checks: Array, derived: Array):
        self.checks, self.derived = sparse.csr_matrix(checks), derived
        own = [np.flatnonzero(checks[:, c]) for c in range(checks.shape[1])]
        touched = (np.abs(checks) @ np.abs(derived).T > 0).T
        reached = [np.flatnonzero(row) for row in touched]
        self.order = _order(len(checks), [*own, *reached])
        self.fits = self.order is not None
        if self.order is None:
            return
        self.place = np.empty(len(checks), dtype=np.intp)
        sequence, below = self.order
        self.place[sequence] = np.arange(len(checks))
        self.below = [np.sort(self.place[b]) for b in below]
        self.at: dict[tuple[int, int], int] = {}
        for k, under in enumerate(self.below):
            for i in (k, *under.tolist()):
                self.at[i, k] = len(self.at)
        self.own = [self.place[o] for o in own]
        self.reached = [self.place[r] for r in reached]
        self.steps = [self._step(k) for k in range(len(checks))]
        self.gather = self._gathering(checks.shape[1])

    def _step(self, k: int) -> tuple[int, Index, Index, Index, Index]:
        """Return where column k is, and which entries its elimination changes."""
        under = self.below[k]
        column = np.array([self.at[int(i), k] for i in under], dtype=np.intp)
        first, second = np.tril_indices(len(under))
        changed = [
            self.at[int(under[a]), int(under[b])] for a, b in zip(first, second, strict=True)
        ]
        return self.at[k, k], column, np.array(changed, dtype=np.intp), first, second

    def _gathering(self, columns: int) -> Any:
        """Return the matrix that adds variances up to the entries of W."""
        rows, chosen, products = [], [], []
        dense = self.checks.tocsc()
        for column, places in enumerate(self.own):
            part = slice(dense.indptr[column], dense.indptr[column + 1])
            factors = dict(zip(self.place[dense.indices[part]], dense.data[part], strict=True))
            for a, b in _pairs(places):
                rows.append(self.at[max(a, b), min(a, b)])
                chosen.append(column)
                products.append(factors[a] * factors[b])
        return sparse.csr_matrix((products, (rows, chosen)), shape=(len(self.at), columns))

    def factor(self, variance: Array) -> Factored:
        """Return the factors for variances (cell, column) of independent data."""
        return Factored(self, np.asarray(self.gather @ variance.T), variance)


class Factored:
    """L and D of all cells, entries (entry, cell)."""

    def __init__(self, pattern: SparseWeight, entries: Array, variance: Array):
        self.pattern, self.entries, self.variance = pattern, entries, variance
        self.pivot = np.empty((len(pattern.below), entries.shape[1]))
        for k, (diagonal, column, changed, first, second) in enumerate(pattern.steps):
            self.pivot[k] = entries[diagonal]
            if column.size:
                own = entries[column] / self.pivot[k]
                entries[changed] -= own[first] * entries[column][second]
                entries[column] = own

    def solve(self, imbalance: Array) -> Array:
        """Return W⁻¹ r for (cell, check)."""
        pattern = self.pattern
        work = np.empty((len(pattern.place), len(imbalance)))
        work[pattern.place] = imbalance.T
        for k, (_, column, *_rest) in enumerate(pattern.steps):
            if column.size:
                work[pattern.below[k]] -= self.entries[column] * work[k]
        work /= self.pivot
        for k in range(len(pattern.steps) - 1, -1, -1):
            column = pattern.steps[k][1]
            if column.size:
                work[k] -= (self.entries[column] * work[pattern.below[k]]).sum(axis=0)
        return work[pattern.place].T

    def before(self, rows: Array) -> Array:
        """Return the variance before reconciliation of combinations of columns, (cell, row)."""
        return np.asarray(self.variance @ (rows**2).T)

    def lost_variances(self) -> tuple[Array, Array]:
        """Return by how much the variance of each column and each derived row falls, (cell, …)."""
        pattern, inverse = self.pattern, self._selected_inverse()
        twice = np.ones(len(pattern.at))
        for (i, k), position in pattern.at.items():
            if i != k:
                twice[position] = 2.0
        spread = sparse.csr_matrix(pattern.gather.multiply(twice[:, None]).T)
        columns = np.asarray(spread @ inverse).T * self.variance**2
        derived = np.zeros((len(self.variance), len(pattern.derived)))
        for number, places in enumerate(pattern.reached):
            used = np.flatnonzero(pattern.derived[number])
            rows = np.argsort(pattern.place)[places]
            shared = pattern.checks[rows][:, used].multiply(pattern.derived[number, used])
            seen = np.asarray(sparse.csr_matrix(shared) @ self.variance[:, used].T)
            index = {int(p): i for i, p in enumerate(places)}
            for a, b in _pairs(places):
                factor = 1.0 if a == b else 2.0
                entry = inverse[pattern.at[max(a, b), min(a, b)]]
                derived[:, number] += factor * seen[index[a]] * seen[index[b]] * entry
        return columns, derived

    def _selected_inverse(self) -> Array:
        """Return the entries of W⁻¹ where the factors have any, (entry, cell)."""
        pattern = self.pattern
        found = np.empty_like(self.entries)
        for k in range(len(pattern.steps) - 1, -1, -1):
            diagonal, column, changed, first, second = pattern.steps[k]
            found[diagonal] = 1.0 / self.pivot[k]
            if not column.size:
                continue
            own = self.entries[column]
            block = np.empty((len(column), len(column), self.entries.shape[1]))
            block[first, second] = block[second, first] = found[changed]
            found[column] = -np.einsum("ijc,jc->ic", block, own)
            found[diagonal] -= (own * found[column]).sum(axis=0)
        return found


def _pairs(places: Index) -> Iterable[tuple[int, int]]:
    return combinations_with_replacement(places.tolist(), 2)


def _order(count: int, cliques: list[Index]) -> tuple[Index, list[Index]] | None:
    """Return an order of elimination (fewest neighbours first) and what is below each pivot.

    None if the factors would have more than :data:`MOST_ENTRIES` entries.
    """
    around: list[set[int]] = [set() for _ in range(count)]
    for clique in {tuple(c.tolist()) for c in cliques}:
        for member in clique:
            around[member].update(clique)
    if sum(map(len, around)) > 2 * MOST_ENTRIES:
        return None
    for member, own in enumerate(around):
        own.discard(member)
    left, entries = set(range(count)), 0
    sequence: list[int] = []
    below: list[Index] = []
    while left:
        pivot = min(left, key=lambda k: (len(around[k]), k))
        left.remove(pivot)
        own = around[pivot]
        sequence.append(pivot)
        below.append(np.array(sorted(own), dtype=np.intp))
        entries += len(own) + 1
        if entries > MOST_ENTRIES:
            return None
        for other in own:
            around[other] |= own
            around[other] -= {other, pivot}
    return np.array(sequence, dtype=np.intp), below

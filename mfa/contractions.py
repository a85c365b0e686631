"""Arrays multiplied with each other, and summed over an axis, the small ones first.

Every array has all axes of a plan, of length 1 where it is constant, the year last.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def merged(factors: tuple[Array, ...]) -> tuple[Array, ...]:
    """Multiply factors with each other where that makes nothing larger than the larger of them."""
    found: list[Array] = []
    for factor in sorted(factors, key=size_of):
        for i, other in enumerate(found):
            if all(n <= m for n, m in zip(other.shape, factor.shape, strict=True)):
                found[i] = other * factor
                break
        else:
            found.append(factor)
    return tuple(found) if len(found) == len(factors) else merged(tuple(found))


def size_of(array: Array) -> int:
    """Return how many numbers an array holds, to sort by."""
    return array.size


def contracted(factors: Sequence[Array], axis: int) -> Array:
    """Return the sum of a product over an axis, which remains with length 1."""
    *others, last = sorted(factors, key=size_of)
    if not others:
        return np.asarray(last.sum(axis=axis, keepdims=True))
    first = multiplied(others)
    rows = [i for i, n in enumerate(first.shape) if n > 1 and i != axis and last.shape[i] == 1]
    if first.shape[-1] == 1 < last.shape[-1] and [i for i in rows if i]:
        return _as_matrices(first, last, axis, max(rows, key=lambda i: (i > 0, first.shape[i])))
    return _einsum(first, last, axis)


def _as_matrices(first: Array, last: Array, axis: int, row: int) -> Array:
    """Return out[…, row, year] = Σ first[…, row, axis] · last[…, axis, year], small products each.

    Their shapes depend on the system alone.
    """
    left = np.moveaxis(first[..., 0], (row, axis), (-2, -1))
    right = np.moveaxis(last, (row, axis), (-3, -2))[..., 0, :, :]
    found = np.matmul(np.ascontiguousarray(left), np.ascontiguousarray(right))
    return np.moveaxis(found[..., np.newaxis, :], (-3, -2), (row, axis))


def _einsum(first: Array, last: Array, axis: int) -> Array:
    """Return Σ first · last over an axis, leaving out axes of length 1."""
    shape = np.broadcast_shapes(first.shape, last.shape)
    has = [[i for i, size in enumerate(array.shape) if size > 1] for array in (first, last)]
    one, two = (a.reshape([a.shape[i] for i in h]) for a, h in zip((first, last), has, strict=True))
    out = [i for i, size in enumerate(shape) if size > 1 and i != axis]
    found = np.asarray(np.einsum(one, has[0], two, has[1], out))
    return found.reshape([1 if i == axis else size for i, size in enumerate(shape)])


def multiplied(factors: Sequence[Array]) -> Array:
    """Return the product of arrays, the small ones first."""
    first, *others = sorted(factors, key=size_of)
    for other in others:
        first = first * other
    return first

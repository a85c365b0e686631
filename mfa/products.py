"""Sums of products of arrays that are multiplied out as late as possible.

A flow with many dimensions is most often a product of arrays with few: so much
of a material a year, times the share of a product, times that of a place.  As
long as it is only scaled and summed there is no need to make the large array.

Every array here has all axes of a plan, of length 1 where it is constant, the
year last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Product:
    """A product of arrays, at one label of some axes (0 at the others).

    Attributes
    ----------
    factors : tuple of array
        On all axes, of length 1 where constant.
    at : mapping of axis to label number
        Along these axes everything stands at one label; the factors have length 1 there.
    """

    factors: tuple[Array, ...]
    at: Mapping[int, int] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(factor.shape for factor in self.factors))

    def times(self, *more: Array) -> Product:
        """Return the product with more factors.

        >>> Product((np.full((1, 1), 2.0),), {0: 1}).times(np.array([[3.0], [4.0]])).factors[1]
        array([[4.]])
        """
        for axis, label in self.at.items():
            more = tuple(
                one.take([label], axis=axis) if one.shape[axis] > 1 else one for one in more
            )
        return replace(self, factors=merged((*self.factors, *more)))

    def placed(self, at: Mapping[int, int]) -> Product:
        """Return the product standing at labels of axes along which it is constant."""
        return replace(self, at={**self.at, **at}) if at else self

    def summed(self, axes: Collection[int], sizes: Sequence[int]) -> Product:
        """Return the sum over axes, which have so many labels.

        >>> outer = Product((np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])))
        >>> [factor.tolist() for factor in outer.summed([0], (2, 2)).factors]
        [[[7.0, 14.0]]]
        """
        rest = {axis: label for axis, label in self.at.items() if axis not in axes}
        spread = {a for a in axes if any(f.shape[a] > 1 for f in self.factors)}
        alike = prod(sizes[a] for a in axes if a not in spread and a not in self.at)
        outside = [f for f in self.factors if all(f.shape[a] == 1 for a in spread)]
        inside = [f for f in self.factors if any(f.shape[a] > 1 for a in spread)]
        if alike != 1:
            outside.append(np.full((1,) * self.factors[0].ndim, float(alike)))
        if inside:
            outside.append(contracted(inside, spread))
        return Product(merged(tuple(outside)), rest)


def joined(products: Sequence[Product]) -> list[Product]:
    """Return a sum of products with those added up that are single arrays of one shape and place."""
    found: dict[tuple[tuple[int, ...], tuple[tuple[int, int], ...]], Array] = {}
    others = []
    for product in products:
        if len(product.factors) > 1:
            others.append(product)
            continue
        key = (product.shape, tuple(sorted(product.at.items())))
        own = product.factors[0]
        found[key] = found[key] + own if key in found else own
    return [*others, *(Product((array,), dict(at)) for (_, at), array in found.items())]


def merged(factors: tuple[Array, ...]) -> tuple[Array, ...]:
    """Multiply factors with each other where that makes nothing larger than the larger of them."""
    found: list[Array] = []
    for factor in sorted(factors, key=_size):
        for i, other in enumerate(found):
            if all(n <= m for n, m in zip(other.shape, factor.shape, strict=True)):
                found[i] = other * factor
                break
        else:
            found.append(factor)
    return tuple(found) if len(found) == len(factors) else merged(tuple(found))


def _size(array: Array) -> int:
    return array.size


def contracted(factors: Sequence[Array], axes: Collection[int]) -> Array:
    """Return the sum of a product over axes, which remain with length 1."""
    *others, last = sorted(factors, key=_size)
    if not others:
        return last.sum(axis=tuple(axes), keepdims=True)
    first = others[0]
    for other in others[1:]:
        first = first * other
    if len(axes) == 1 and (found := _as_matrices(first, last, *axes)) is not None:
        return found
    return _einsum(first, last, axes)


def _as_matrices(first: Array, last: Array, axis: int) -> Array | None:
    """Return the sum as products of matrices, if the smaller array has neither year nor sample.

    Their shapes depend on the system alone: out[…, e, t] = Σ_p first[e, p] · last[…, p, t].
    """
    own = [i for i, size in enumerate(first.shape) if size > 1 and i != axis]
    if len(own) != 1 or last.shape[own[0]] != 1 or last.shape[-1] == 1 or own[0] == last.ndim - 1:
        return None
    if own[0] == 0:
        return None
    matrix = first.reshape([first.shape[i] for i in sorted((own[0], axis))])
    matrix = matrix.T if own[0] > axis else matrix
    stack = np.moveaxis(last, (axis, own[0]), (-2, 0))[0]
    found = np.matmul(np.ascontiguousarray(matrix), stack)
    return np.moveaxis(found[np.newaxis], (-2, 0), (own[0], axis))


def _einsum(first: Array, last: Array, axes: Collection[int]) -> Array:
    """Return Σ first · last over axes, leaving out axes of length 1."""
    shape = np.broadcast_shapes(first.shape, last.shape)
    out = [i for i, size in enumerate(shape) if size > 1 and i not in axes]
    operands = []
    for array in (first, last):
        has = [i for i, size in enumerate(array.shape) if size > 1]
        operands += [array.reshape([array.shape[i] for i in has]), has]
    found = np.einsum(*operands, out)
    return np.asarray(found).reshape([1 if i in axes else size for i, size in enumerate(shape)])


def dense(products: Sequence[Product], shape: tuple[int, ...]) -> Array:
    """Return the sum of products as one array of a shape, that of all axes that are kept.

    >>> dense([Product((np.ones((1, 2)),)), Product((np.ones((1, 2)),), {0: 1})], (2, 2))
    array([[1., 1.],
           [2., 2.]])
    """
    if len(products) == 1 and not products[0].at and products[0].shape == shape:
        return multiplied(products[0].factors)
    total = np.zeros(shape)
    for product in products:
        index = tuple(
            slice(product.at[axis], product.at[axis] + 1) if axis in product.at else slice(None)
            for axis in range(len(shape))
        )
        total[index] += multiplied(product.factors)
    return total


def multiplied(factors: Sequence[Array]) -> Array:
    """Return the product of arrays, the small ones first."""
    first, *others = sorted(factors, key=_size)
    for other in others:
        first = first * other
    return first

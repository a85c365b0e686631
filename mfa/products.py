"""Sums of products of arrays that are multiplied out as late as possible.

A flow with many dimensions is most often a product of arrays with few: so much
of a material a year, times the share of a product, times that of a place.  As
long as it is only scaled and summed there is no need to make the large array.

Every array here has all axes of a plan, of length 1 where it is constant, the
year last.  A product may begin late: what nobody had before a year is not computed before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mfa.contractions import Array, contracted, merged, multiplied, size_of


@dataclass(frozen=True, eq=False)
class Product:
    """A product of arrays, standing at some cells of some axes (0 at the others).

    Attributes
    ----------
    factors : tuple of array
        On all axes, of length 1 where constant.
    at : mapping of axis to label numbers, one for each cell
        The cells lie along the first of these axes in the factors, which have length 1 along
        the others.
    start : int
        Years before the first of the factors, in all of which it is 0.
    """

    factors: tuple[Array, ...]
    at: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    start: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(factor.shape for factor in self.factors))

    def times(self, *more: Array) -> Product:
        """Return the product with more factors.

        >>> Product((np.full((1, 1), 2.0),), {0: (1,)}).times(np.array([[3.0], [4.0]])).factors
        (array([[8.]]),)
        """
        chosen = (since(at_cells(one, self.at), self.start) for one in more)
        return replace(self, factors=merged((*self.factors, *chosen)))

    def trimmed(self) -> Product:
        """Return the product from the first year on in which it can be more than 0.

        >>> late = Product((np.array([[0.0, 0.0, 3.0, 4.0]]),)).trimmed()
        >>> late.start, late.factors
        (2, (array([[3., 4.]]),))
        """
        late = 0
        for factor in self.factors:
            if factor.shape[-1] > 1 and not factor[..., 0].any():
                filled = factor.any(axis=tuple(range(factor.ndim - 1)))
                if not filled.any():
                    return nothing(len(factor), factor.ndim)
                late = max(late, int(filled.argmax()))
        if not late:
            return self
        return Product(tuple(since(f, late) for f in self.factors), self.at, self.start + late)

    @property
    def is_nothing(self) -> bool:
        """Whether it stands for 0 everywhere, in samples that are told: see :func:`nothing`."""
        (*_, last) = self.factors
        return len(self.factors) == 1 and last.size == len(last) and not last.any()

    def scaled(self, share: Array) -> Product:
        """Return the product times a share, without the cells that get none of it.

        >>> ones = Product((np.ones((1, 3, 1)),), {1: (0, 2, 4)})
        >>> ones.scaled(np.array([[[0.5], [0.0], [0.0], [0.0], [1.0]]])).at
        {1: (0, 4)}
        """
        if self.is_nothing:
            return self
        own = since(at_cells(share, self.at), self.start)
        along = min(self.at, default=0)
        filled = _filled(own, along)
        if not filled.any():
            return nothing(len(own), own.ndim)
        factors, at = self.factors, self.at
        if not filled.all():
            cells = np.flatnonzero(filled)
            factors = tuple(f if f.shape[along] == 1 else f.take(cells, along) for f in factors)
            own = own.take(cells, along)
            at = {axis: tuple(labels[i] for i in cells) for axis, labels in at.items()}
        return Product(merged((*factors, own)), at, self.start)

    def placed(self, at: Mapping[int, int]) -> Product:
        """Return the product standing at labels of axes along which it is constant."""
        if not at:
            return self
        count = len(next(iter(self.at.values()), (0,)))
        both = {**self.at, **{axis: (label,) * count for axis, label in at.items()}}
        return self.moved_to(both)

    def moved(self, axes: Mapping[int, int]) -> Product:
        """Return the product with axes in the place of others, along which it is constant."""
        if not axes:
            return self
        factors = self.factors
        for axis, there in axes.items():
            factors = tuple(np.swapaxes(factor, axis, there) for factor in factors)
        at = {axes.get(axis, axis): labels for axis, labels in self.at.items()}
        if not at:
            return replace(self, factors=factors)
        first = min(self.at)
        there = axes.get(first, first)
        return Product(factors, {there: at[there]}, self.start).moved_to(at)

    def moved_to(self, at: Mapping[int, tuple[int, ...]]) -> Product:
        """Return the product standing at cells of other axes, its own cells along the first."""
        factors = self.factors
        if self.at and min(self.at) != min(at):
            factors = tuple(np.swapaxes(one, min(self.at), min(at)) for one in factors)
        return Product(factors, at, self.start)

    def summed(self, axes: Sequence[int], sizes: Sequence[int]) -> Product:
        """Return the sum over axes, which have so many labels.

        >>> outer = Product((np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])))
        >>> [factor.tolist() for factor in outer.summed([0], (2, 2)).factors]
        [[[7.0, 14.0]]]
        """
        alike = 1
        factors = list(self.factors)
        plain = [axis for axis in axes if axis not in self.at]
        while plain:
            having = {a: [f for f in factors if f.shape[a] > 1] for a in plain}
            axis = min(plain, key=lambda a: (len(having[a]), sum(map(size_of, having[a]))))
            plain = [a for a in plain if a != axis]
            if having[axis]:
                factors = [f for f in factors if f.shape[axis] == 1]
                factors.append(contracted(having[axis], axis))
            else:
                alike *= sizes[axis]
        if alike != 1:
            factors.append(np.full((1,) * self.factors[0].ndim, float(alike)))
        found = replace(self, factors=merged(tuple(factors)))
        return found.gathered([axis for axis in self.at if axis in axes])

    def gathered(self, axes: Sequence[int]) -> Product:
        """Return the sum over axes at cells of which it stands: cells become one that then agree."""
        if not axes:
            return self
        along = min(self.at)
        rest = {axis: labels for axis, labels in self.at.items() if axis not in axes}
        cells = list(zip(*rest.values(), strict=True)) or [()] * len(self.at[along])
        left = list(dict.fromkeys(cells))
        factors, ndim = self.factors, self.factors[0].ndim
        if len(left) < len(cells):
            inside = [one for one in factors if one.shape[along] > 1]
            outside = [one for one in factors if one.shape[along] == 1]
            inside = inside or [np.ones([len(cells) if a == along else 1 for a in range(ndim)])]
            sums = []
            for cell in left:
                own = [i for i, other in enumerate(cells) if other == cell]
                sums.append(contracted([one.take(own, axis=along) for one in inside], along))
            factors = merged((*outside, np.concatenate(sums, axis=along)))
        if not rest:
            return Product(factors, start=self.start)
        at = dict(zip(rest, zip(*left, strict=True), strict=True))
        return Product(factors, {along: next(iter(at.values()))}, self.start).moved_to(at)


def since(array: Array, start: int) -> Array:
    """Return an array from a year on."""
    return array[..., start:] if start and array.shape[-1] > 1 else array


def at_cells(array: Array, at: Mapping[int, tuple[int, ...]]) -> Array:
    """Return an array at cells, which lie along the first of their axes."""
    there = [axis for axis in sorted(at) if array.shape[axis] > 1]
    if not there:
        return array
    first = min(at)
    if len(at[first]) == 1:
        one = [
            slice(at[i][0], at[i][0] + 1) if i in there else slice(None) for i in range(array.ndim)
        ]
        return array[tuple(one)]
    front = np.moveaxis(array, there, range(len(there)))[tuple(list(at[axis]) for axis in there)]
    shape = [1 if axis in at else size for axis, size in enumerate(array.shape)]
    turned = np.moveaxis(front.reshape(len(front), *shape), 0, first)
    return turned.squeeze(first + 1)


def _filled(array: Array, along: int) -> NDArray[np.bool_]:
    """Return which labels of an axis hold anything but 0; of the first, that of samples, whether any."""
    others = tuple(axis for axis in range(array.ndim) if axis != along or not axis)
    corner = array[:1, ..., -1:]  # where there is something in one year of one sample, it is filled
    filled = np.atleast_1d(corner.any(axis=others))
    if not filled.all():
        filled = np.atleast_1d(array.any(axis=others))
    return filled


def nothing(samples: int, axes: int) -> Product:
    """Return 0 in so many samples: it may be something in others, and is not the same for all."""
    return Product((np.zeros((samples, *(1,) * (axes - 1))),))


def joined(products: Sequence[Product]) -> list[Product]:
    """Return a sum of products with those added up that differ in one factor only.

    >>> share = np.array([[0.5]])
    >>> both = joined([Product((np.full((1, 2), n), share)) for n in (1.0, 2.0)])
    >>> [factor.tolist() for factor in both[0].factors]
    [[[3.0, 3.0]], [[0.5]]]
    """
    found: list[Product] = []
    for product in products:
        if product.is_nothing and len(product.factors[0]) == 1:
            continue  # 0 in all samples
        for i, other in enumerate(found):
            both = _together(other, product)
            if both is not None:
                found[i] = both
                break
        else:
            found.append(product)
    return found


def _together(one: Product, two: Product) -> Product | None:
    """Return the sum of two products as one if they differ in one factor, of one shape."""
    if len(one.factors) != len(two.factors) or one.at != two.at or one.start != two.start:
        return None
    left, apart = [*two.factors], []
    for factor in one.factors:
        same = next((i for i, other in enumerate(left) if _alike(factor, other)), None)
        if same is None:
            apart.append(factor)
        else:
            del left[same]
    if not apart:
        return replace(one, factors=tuple(_twice(one.factors)))
    if len(apart) > 1 or apart[0].shape != left[0].shape:
        return None
    kept = (left[0] + f if f is apart[0] else f for f in one.factors)
    return replace(one, factors=tuple(kept))


def _twice(factors: tuple[Array, ...]) -> list[Array]:
    *others, last = sorted(factors, key=size_of, reverse=True)
    return [*others, 2.0 * last]


def _alike(one: Array, two: Array) -> bool:
    """Whether two arrays are one, or hold the same for all samples."""
    if one is two:
        return True
    return one.shape == two.shape and len(one) == 1 and bool((one == two).all())


def dense(products: Sequence[Product], shape: tuple[int, ...]) -> Array:
    """Return the sum of products as one array of a shape, that of all axes that are kept.

    >>> dense([Product((np.ones((1, 2)),)), Product((np.ones((1, 2)),), {0: (1,)})], (2, 2))
    array([[1., 1.],
           [2., 2.]])
    """
    if len(products) == 1 and not products[0].at and products[0].shape == shape:
        return multiplied(products[0].factors)
    total = np.zeros(shape)
    whole = [
        p for p in products if not (p.at or p.start) and p.shape == shape and len(p.factors) > 1
    ]
    if whole:
        total = multiplied(whole[0].factors)
    for product in products:
        if product.is_nothing or product in whole[:1]:
            continue
        own, later = multiplied(product.factors), total[..., product.start :]
        if not product.at:
            later += own
            continue
        first, *others = sorted(product.at)
        cells = tuple(list(product.at[axis]) for axis in (first, *others))
        front = np.moveaxis(later, (first, *others), range(len(cells)))
        lying = np.moveaxis(own, (first, *others), range(len(cells)))
        front[cells] += lying.reshape(lying.shape[0], *lying.shape[len(cells) :])
    return total

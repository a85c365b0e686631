"""The quantities of a declared system as columns, its balances as rows of a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from mfa.balances import End
from mfa.errors import MfaError
from mfa.reconciliation.elimination import Array, Index

MOST_ITEMS = 6000
"""More quantities than this are not solved together."""

Dims = tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """A flow, stock, stock change, coefficient or observed sum, with all its dimensions."""

    name: str
    kind: str
    dims: Dims


class Items:
    """Columns of all groups: along `batch` systems stand beside each other, the rest is one."""

    def __init__(
        self,
        groups: Sequence[Group],
        axes: Sequence[str],
        labels: Mapping[str, Sequence[Any]],
        apart: set[str],
        flow_dims: Mapping[str, Dims],
    ):
        shared = set.intersection(*({*group.dims} for group in groups)) - apart
        self.axes, self.labels, self.flow_dims = tuple(axes), labels, flow_dims
        self.batch: Dims = tuple(axis for axis in axes if axis in shared)
        self.groups = {group.name: group for group in groups}
        self.inner = {g.name: tuple(d for d in g.dims if d not in shared) for g in groups}
        self.start: dict[str, int] = {}
        self.count = 0
        for group in groups:
            self.start[group.name] = self.count
            self.count += prod(self._shape(group.name))
        if self.count > MOST_ITEMS:
            tied = sorted({d for own in self.inner.values() for d in own})
            raise MfaError(
                f"{self.count:,} quantities hang together (over {', '.join(tied)}), {MOST_ITEMS:,} is "
                "the most; select fewer labels, or leave out what ties years or places to each other: "
                "stock levels and coefficients that have no such dimension"
            )

    def _shape(self, name: str) -> tuple[int, ...]:
        return tuple(len(self.labels[d]) for d in self.inner[name])

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return tuple(len(self.labels[d]) for d in self.batch)

    def columns(self, name: str) -> Index:
        """Return the columns of a group, one axis for each dimension that does not ride along."""
        shape = self._shape(name)
        return self.start[name] + np.arange(prod(shape)).reshape(shape)

    def names(self) -> list[str]:
        """Return a label for every column: the name, and its place if it has dimensions."""
        found: list[str] = []
        for name, inner in self.inner.items():
            for cell in np.ndindex(*self._shape(name)):
                place = ", ".join(
                    f"{d}={self.labels[d][i]}" for d, i in zip(inner, cell, strict=True)
                )
                found.append(f"{name}, {place}" if place else name)
        return found

    def coordinate(self, dim: str) -> list[str]:
        """Return the label of every column along a dimension, "" where it has none."""
        found: list[str] = []
        for name, inner in self.inner.items():
            for cell in np.ndindex(*self._shape(name)):
                place = dict(zip(inner, cell, strict=True))
                found.append(str(self.labels[dim][place[dim]]) if dim in place else "")
        return found

    def into(self, rows: Dims, end: End) -> tuple[Index, Index]:
        """Return (row, column) of every cell of an end, in a grid of rows with these dimensions.

        Cells of a dimension that the rows lack fall into one row: they are added.
        """
        read = dict(zip(self.flow_dims.get(end.name, ()), end.dims, strict=False))
        inner = tuple(read.get(d, d) for d in self.inner[end.name])
        columns = self.columns(end.name)
        placed = {d: i for d, i in end.placed if d not in inner}
        number = np.zeros(columns.shape, dtype=np.intp)
        stride = 1
        for dim in reversed(rows):
            size = len(self.labels[dim])
            if dim in inner:
                shape = [size if d == dim else 1 for d in inner]
                number = number + stride * np.arange(size).reshape(shape)
            else:
                number = number + stride * placed[dim]
            stride *= size
        return number.reshape(-1), columns.reshape(-1)

    def grid(self, dims: Sequence[str]) -> tuple[Dims, int]:
        """Return those dimensions that do not ride along, in order, and how many cells they have."""
        kept = tuple(a for a in self.axes if a in dims and a not in self.batch)
        return kept, prod(len(self.labels[d]) for d in kept)


class Rows:
    """A matrix under way: blocks of rows, entries added up."""

    def __init__(self, items: Items):
        self.items = items
        self.count = 0
        self.entries: list[tuple[Index, Index, Array]] = []

    def block(self, size: int) -> int:
        """Make room for more rows and return the first."""
        first, self.count = self.count, self.count + size
        return first

    def add(self, rows: Any, columns: Any, factor: float) -> None:
        rows, columns = np.broadcast_arrays(rows, columns)
        self.entries.append((rows, columns, np.full(rows.shape, factor)))

    def matrix(self) -> Array:
        """Return the whole, dense, without empty rows."""
        dense = np.zeros((self.count, self.items.count))
        for rows, columns, factors in self.entries:
            np.add.at(dense, (rows, columns), factors)
        return np.asarray(dense[(dense != 0).any(axis=1)])

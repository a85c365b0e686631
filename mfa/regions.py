"""A region: the cells on which a value form is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mfa.errors import MfaError, Place
from mfa.forms import Known
from mfa.table_files import Table

Array = NDArray[np.float64]


class Drawing(Protocol):
    """What gives the draws of uncertain values."""

    def of(self, form: Known, values: Array, region: Region) -> Array:
        """Return the draws of a value with a distribution, (sample, labels, year)."""

    def fitted(self, form: Known, region: Region) -> Mapping[str, tuple[Array, Array]]:
        """Return fields of a law, drawn from a fit, (sample, labels, 1), and where they are told."""


@dataclass(frozen=True)
class Region:
    """The cells on which a form is evaluated, and the unit it has to be in.

    Attributes
    ----------
    dims : tuple of str
        Dimensions of the parameter but the year.
    labels : tuple of tuple of str
        The labels of the region, for each of ``dims``.
    declared : mapping of dimension to labels
        All labels of the system; a table may hold more than the region needs.
    fixed : frozenset of str
        Dimensions whose label was chosen where the form was written.
    years : array of int
        Years of the run.
    has_year : bool
        Whether the parameter has the dimension ``year``.
    unit : str
        Canonical unit of the values.
    conserved : str or None
        The dimension of the conserved substances.
    tables : mapping of path to Table
    other : function
        Gives the values of another parameter on these cells, and their unit.
    draw : Drawing, optional
        Without it every value is as it was written.
    """

    dims: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    declared: Mapping[str, tuple[str, ...]]
    fixed: frozenset[str]
    years: NDArray[np.int64]
    has_year: bool
    unit: str
    conserved: str | None
    tables: Mapping[str, Table]
    other: Callable[[str, Region, Place], tuple[Array, str]]
    draw: Drawing | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(map(len, self.labels))

    def wide(self, values: Array, length: int | None = None) -> Array:
        """Return values on all cells and years of the region, a first dimension ``sample`` kept."""
        lead = values.shape[: max(0, values.ndim - len(self.labels) - 1)]
        return np.broadcast_to(values, (*lead, *self.shape, length or values.shape[-1]))

    def cell(self, index: Sequence[int]) -> str:
        """Return a cell as text, for messages."""
        parts = [
            f"{d}={labels[i]}" for d, labels, i in zip(self.dims, self.labels, index, strict=False)
        ]
        return ", ".join(parts) or "the only cell"

    def require_years(self, place: Place) -> None:
        """Stop if the parameter has no years, for a form whose values change over them."""
        if not self.has_year:
            raise MfaError(
                "values change over years, but the parameter has no dimension 'year'", place
            )

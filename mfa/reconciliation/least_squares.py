"""Weighted least squares under linear balances, many sets of data at once.

Data x with covariance S under balances G x = 0 (what is not measured has been
eliminated): with W = G S G',

    x̂ = x − S G' W⁻¹ G x,   Ŝ = S − S G' W⁻¹ G S,   χ² = (G x)' W⁻¹ (G x)

with as many degrees of freedom as there are independent checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa.errors import MfaError
from mfa.reconciliation.elimination import STATUS, Array, Structure, structure_of
from mfa.reconciliation.inputs import checked, linked_by, name_of, with_constants
from mfa.reconciliation.sparse_weight import Factored, SparseWeight
from mfa.reconciliation.weights import DenseWeight

CONTRADICTION = 1e-9
"""Largest imbalance of exact data, relative to what is added up."""

ROUNDING = 1e-12
"""Share of the largest exact value below which an imbalance is rounding."""

CANCELLED = 1e-6
"""Share of a variance that is left, below which it is worked out from the other columns."""

LARGE = 1_000_000
"""From so many cells × checks × columns on, only what is not 0 is worked with."""

Weight = DenseWeight | Factored


@dataclass(frozen=True)
class Adjusted:
    """Reconciled data, one row for each set: arrays (…, column) unless said otherwise.

    Attributes
    ----------
    value, standard_uncertainty : arrays
        Reconciled; NaN where a quantity is undeterminable.
    adjustment : array
        Reconciled minus measured; NaN where nothing was measured.
    standardised : array
        Adjustment over its own standard deviation; NaN where nothing is adjusted.
    code : array of int
        Place in :data:`mfa.reconciliation.elimination.STATUS`.
    chi2, degrees_of_freedom, p_value : arrays (…)
        p is NaN where nothing can be checked.
    covariance : array (…, column, column) or None
        Of the reconciled values, on request; 0 for what is undeterminable.
    """

    value: Array
    standard_uncertainty: Array
    adjustment: Array
    standardised: Array
    code: NDArray[np.int8]
    chi2: Array
    degrees_of_freedom: NDArray[np.int64]
    p_value: Array
    covariance: Array | None = None

    @property
    def status(self) -> NDArray[Any]:
        """Return the status of every quantity in words."""
        return np.array(STATUS)[self.code]


def adjust(
    matrix: Any,
    value: Any,
    uncertainty: Any,
    *,
    right: Any = None,
    correlation: Any = None,
    scale: Any = None,
    covariance: bool = False,
    spreads: bool = True,
    names: Sequence[str] | None = None,
) -> Adjusted:
    """Return data that satisfy A x = b, moved as little as their uncertainties allow.

    Parameters
    ----------
    matrix : array (balance, column)
        A: one row for each balance.
    value : array (…, column)
        Measured values; NaN where a quantity is not measured.
    uncertainty : array (column,) or (…, column)
        Standard uncertainties; 0 for what is exactly known.
    right : array (balance,) or (…, balance), optional
        b, by default 0.
    correlation : array (column, column), optional
        Correlation of the data; by default they are independent.
    scale : array (column,), optional
        Usual size of each quantity, if they differ by many orders (shares beside tonnes).
    covariance : bool
        Whether to return the covariance of the reconciled values.
    spreads : bool
        Whether to work out uncertainties; without them they are NaN, which is faster.
    names : names of the columns, for messages

    Returns
    -------
    Adjusted

    Raises
    ------
    MfaError
        If shapes do not fit, an uncertainty is negative, NaN or infinite, or
        exact values contradict a balance.

    References
    ----------
    VDI 2048 part 1 (2017), Control and quality improvement of process data;
    Cencic (2016), Sustainable Environment Research 26, 224–228, doi:10.1016/j.serj.2016.06.006

    Examples
    --------
    A splitter A = B + C with 100 ± 5, 60 ± 4 and 30 ± 3: the 10 that are too many are
    shared as 25 : 16 : 9, the variances.

    >>> found = adjust([[1, -1, -1]], [100, 60, 30], [5, 4, 3])
    >>> found.value.round(6).tolist(), round(float(found.chi2), 6)
    ([95.0, 63.2, 31.8], 2.0)
    """
    work, data, sd = checked(matrix, value, uncertainty, names)
    lead, columns = data.shape[:-1], work.shape[1]
    flat, sds = data.reshape(-1, columns), sd.reshape(-1, columns)
    if right is not None and np.any(right):
        work, flat, sds = with_constants(work, flat, sds, right, lead)
    linked = linked_by(correlation, columns, work.shape[1])
    size = np.ones(work.shape[1])
    if scale is not None:
        size[:columns] = np.asarray(scale, dtype=float)
    whole = _Blank(len(flat), work.shape[1], covariance)
    whole.spreads = spreads
    for cells, structure in patterns(work * size, flat, sds):
        for some in _parts(cells, structure):
            _reconcile(structure, flat[some] / size, sds[some] / size, linked, whole, some, names)
    return whole.finished(lead, columns, size)


def patterns(work: Array, flat: Array, sds: Array) -> Iterator[tuple[Any, Structure]]:
    """Yield the cells that have measured the same quantities, with their structure."""
    measured = ~np.isnan(flat)
    exact = measured & (sds == 0)
    packed = np.packbits(np.concatenate([measured, exact], axis=1), axis=1)
    groups: dict[bytes, list[int]] = {}
    for cell, key in enumerate(packed):
        groups.setdefault(key.tobytes(), []).append(cell)
    for own in groups.values():
        cells, first = np.array(own), own[0]
        weight = np.where(exact[first], 0.0, sds[cells]).max(axis=0)
        yield cells, structure_of(work, measured[first], exact[first], weight)


def _parts(cells: Any, structure: Structure) -> list[Any]:
    """Return the cells in parts that fit into memory, if all entries are worked with."""
    most = max(1, 20_000_000 // max(structure.checks.size, 1))
    few = np.count_nonzero(structure.checks) < 0.1 * structure.checks.size
    return [cells] if few else [cells[i : i + most] for i in range(0, len(cells), most)]


class _Blank:
    """Results under way, filled one pattern after the other."""

    def __init__(self, cells: int, columns: int, covariance: bool):
        self.value, self.sd, self.moved, self.standardised = np.full((4, cells, columns), np.nan)
        self.code = np.zeros((cells, columns), dtype=np.int8)
        self.spreads = True
        self.chi2, self.degrees = np.zeros(cells), np.zeros(cells, dtype=np.int64)
        self.covariance = np.zeros((cells, columns, columns)) if covariance else None

    def finished(self, lead: tuple[int, ...], columns: int, size: Array) -> Adjusted:
        from scipy.special import chdtrc

        shape, own = (*lead, columns), slice(columns)
        with np.errstate(invalid="ignore"):
            tail = chdtrc(self.degrees.astype(float), self.chi2)
        p = np.where(self.degrees > 0, tail, np.nan)
        joint = self.covariance
        if joint is not None:
            joint = (joint * np.outer(size, size))[:, own, own].reshape(*shape, columns)
        value, sd, moved = (
            (a * size)[:, own].reshape(shape) for a in (self.value, self.sd, self.moved)
        )
        return Adjusted(
            value,
            sd,
            moved,
            self.standardised[:, own].reshape(shape),
            self.code[:, own].reshape(shape),
            self.chi2.reshape(lead),
            self.degrees.reshape(lead),
            p.reshape(lead),
            joint,
        )


def _reconcile(
    found: Structure,
    data: Array,
    sd: Array,
    linked: Array | None,
    whole: _Blank,
    cells: Any,
    names: Sequence[str] | None,
) -> None:
    """Adjust the data (cell, column) of one pattern and write them into the whole."""
    given = np.nan_to_num(data)
    _refuse_contradiction(found, given, names)
    checks, recipe, variance = found.checks, found.recipe, sd**2
    weight = _weight(found, sd, linked, whole)

    def moved_by(force: Array) -> Array:
        pulled = force @ checks
        return pulled * variance if linked is None else ((pulled * sd) @ linked) * sd

    imbalance = given @ checks.T
    force = weight.solve(imbalance)
    value = given - moved_by(force)
    value -= moved_by(weight.solve(value @ checks.T))  # what rounding has left
    value[:, found.determinable] = -(value @ recipe.T)
    value[:, found.undeterminable] = np.nan
    value += 0.0  # no −0
    whole.value[cells], whole.moved[cells] = value, value - data
    whole.code[cells], whole.degrees[cells] = found.status, len(checks)
    whole.chi2[cells] = np.maximum((imbalance * force).sum(axis=-1), 0.0)
    if whole.spreads:
        _uncertainties(found, sd, linked, weight, whole, cells)


def _uncertainties(
    found: Structure, sd: Array, linked: Array | None, weight: Weight, whole: _Blank, cells: Any
) -> None:
    """Write standard uncertainties, standardised adjustments and the covariance into the whole."""
    checks, recipe, variance = found.checks, found.recipe, sd**2
    lost, derived = weight.lost_variances()
    small = (
        variance[:, found.pivots] - lost[:, found.pivots] < CANCELLED * variance[:, found.pivots]
    )
    if small.any() and not isinstance(weight, DenseWeight):
        weight = DenseWeight(checks, sd, linked, recipe)
        lost, derived = weight.lost_variances()
    left = variance - lost
    if small.any() and linked is None:
        assert isinstance(weight, DenseWeight)
        rows = np.flatnonzero(small.any(axis=0))
        others = checks[rows].copy()
        others[:, found.pivots] = 0.0
        left[:, found.pivots[rows]] = weight.variance_of(others)
    left[:, found.determinable] = weight.before(recipe) - derived
    whole.sd[cells] = np.sqrt(np.maximum(left, 0.0))
    whole.sd[np.ix_(cells, found.undeterminable)] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = whole.moved[cells] / np.sqrt(lost)
        whole.standardised[cells] = np.where(lost > 1e-20 * variance, moved, np.nan)
    if whole.covariance is not None:
        assert isinstance(weight, DenseWeight)
        whole.covariance[cells] = weight.covariance(found.determinable, found.undeterminable)


def _weight(found: Structure, sd: Array, linked: Array | None, whole: _Blank) -> Weight:
    """Return the weight matrix: with few entries where that pays, else with all."""
    if linked is None and whole.covariance is None and len(sd) * found.checks.size > LARGE:
        pattern = SparseWeight(found.checks * (sd > 0).any(axis=0), found.recipe)
        if pattern.fits:
            return pattern.factor(sd**2)
    return DenseWeight(found.checks, sd, linked, found.recipe)


def _refuse_contradiction(found: Structure, given: Array, names: Sequence[str] | None) -> None:
    rows = found.contradictable
    if not rows.size:
        return
    left, size = given @ rows.T, np.abs(given) @ np.abs(rows).T
    rounding = ROUNDING * np.abs(given).max(axis=1, initial=0.0)[:, None]
    wrong = np.abs(left) > CONTRADICTION * size + rounding
    if wrong.any():
        cell, row = np.argwhere(wrong)[0]
        columns = np.flatnonzero(rows[row])
        known = [int(c) for c in columns if names is None or c < len(names)]
        told = ", ".join(f"{name_of(names, c)} = {given[cell, c]:g}" for c in known[:6])
        raise MfaError(
            f"exactly known values contradict a balance: {told or 'the right-hand side'}, off by "
            f"{abs(left[cell, row]):g}; give one of them an uncertainty"
        )

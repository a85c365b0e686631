"""Reconciliation of statistics that contradict each other, under a system's own balances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, known, shortly
from mfa.plans import Plan, plan
from mfa.reconciliation import bounded, gross_errors, iterated
from mfa.reconciliation.elimination import Array
from mfa.reconciliation.labelling import add_intervals, dataset, stamped
from mfa.reconciliation.least_squares import Adjusted, adjust
from mfa.reconciliation.model import Model, build
from mfa.reconciliation.observed import read
from mfa.scenario import Scenario
from mfa.system import System


def reconcile(
    system: System | Plan | Scenario,
    observed: Mapping[str, Any],
    *,
    bounds: bool = False,
    eliminate: bool = False,
    correlation: Mapping[tuple[str, str], float] | None = None,
    covariance: bool = False,
    intervals: bool = False,
    level: float = 0.95,
    missing: str = "raise",
) -> xr.Dataset:
    """Reconcile observed flows, stocks and coefficients under the balances of a system.

    Each observation moves as little as its uncertainty asks, in the sense of
    weighted least squares, until every process balances.  Years, materials and
    other dimensions that nothing ties together are solved beside each other.

    Parameters
    ----------
    system : System, Plan or Scenario
        Declares processes, flows and coefficients.  Balances are those that
        every run checks; a process that is a source or only keeps what
        arrives has none.
    observed : mapping of name to (value, uncertainty) or Observation
        Names of flows [t/yr], stocks at the end of the year [t] (``use_stock``),
        stock changes [t/yr] (``use_stock_change``), shares and yields of
        processes (parameters) [1], or your own names of observed sums, see
        :class:`mfa.reconciliation.Observation`.  Numbers or arrays with the
        dimensions of what they are.  What is not named is not measured.
    bounds : bool
        Keep flows and stocks at 0 or more and shares in [0, 1] (a quadratic program).
    eliminate : bool
        Leave out the most suspect observation where the test fails, one after
        the other, until it is passed or suspects cannot be told apart.
    correlation : mapping of (name, name) to a number in [−1, 1], optional
        Between equal cells of two observations; (name, the same name) between
        all cells of one that are solved together, such as countries with a
        common systematic error.
    covariance : bool
        Also return ``covariance`` (…, item, item_2) of the reconciled values.
    intervals : bool
        Also return ``lowest`` and ``highest``, what balances and bounds leave
        to the undeterminable.
    level : float
        Of the tests, 0.95 by default.
    missing : {"raise", "unmeasured"}
        What NaN in a value means.

    Returns
    -------
    Dataset, dims (…, item)
        ``value``, ``standard_uncertainty``, ``adjustment`` (reconciled −
        measured), ``standardised`` (adjustment over its standard deviation) and
        ``status``: redundant (measured and checked), not checkable, exact,
        determinable, undeterminable (NaN), eliminated.  ``measured`` and
        ``measured_uncertainty`` are what went in.  ``chi2``,
        ``degrees_of_freedom``, ``p_value`` and ``suspect`` of each cell; the
        attributes of these names are those of all cells together.
        ``mfa.reconciliation.quantity(result, name)`` gives one flow with its
        own dimensions.

    Raises
    ------
    MfaError
        If a name, dimension, label or unit is not of the system, a value or an
        uncertainty cannot be one, or exact values contradict the balances.

    References
    ----------
    VDI 2048 part 1 (2017); Cencic (2016), Sustainable Environment Research 26, 224–228,
    doi:10.1016/j.serj.2016.06.006

    Examples
    --------
    What enters a process is measured as 100 ± 10, what leaves it as 110 ± 10:

    >>> from mfa import System
    >>> system = System(
    ...     title="One process",
    ...     parameters={"demand": {"dims": ["year"], "unit": "t/yr"}},
    ...     processes={
    ...         "abroad": {"rule": "source"},
    ...         "refine": {"rule": "make", "from": "abroad"},
    ...         "use": {"rule": "sink", "takes": "demand", "from": "refine"},
    ...     },
    ... )
    >>> found = reconcile(system, {"abroad_to_refine": (100, 10), "refine_to_use": (110, 10)})
    >>> found.value.values.round(6).tolist(), round(found.attrs["chi2"], 6)
    ([105.0, 105.0], 0.5)
    """
    compiled = _plan(system)
    if not 0 < level < 1:
        raise MfaError(f"the level of the tests is between 0 and 1, like 0.95; found {level!r}")
    seen = read(observed, missing)
    model = build(compiled, seen)
    names = model.items.names()
    linked = _correlation(correlation, model)
    settings: dict[str, Any] = {"correlation": linked, "names": names, "covariance": covariance}

    def linear(matrix: Array, value: Array, sd: Array, **more: Any) -> Adjusted:
        return adjust(matrix, value, sd, **settings, **more)

    def hold(found: Adjusted, matrix: Array, value: Array, sd: Array, **more: Any) -> Adjusted:
        more["correlation"] = linked
        return bounded.within(found, matrix, value, sd, model.low, model.high, **more)

    def solve(value: Array, sd: Array) -> Adjusted:
        return iterated.iterate(
            model.balances, model.relations, value, sd, model.lognormal, linear,
            hold if bounds else None,
        )  # fmt: skip

    value = model.value.reshape(-1, model.items.count)
    sd = model.uncertainty.reshape(-1, model.items.count)
    found = solve(value, sd)
    dropped: list[list[int]] = [[] for _ in value]
    if eliminate:
        found, dropped = gross_errors.leave_out(found, value, sd, solve, level)
    result = dataset(model, found, value, sd, names)
    shape = model.items.batch_shape
    told = np.array(gross_errors.suspects(found, level, names)).reshape(shape)
    result["suspect"] = (model.items.batch, told)
    if eliminate:
        listed = np.array(["; ".join(names[i] for i in own) for own in dropped]).reshape(shape)
        result["eliminated"] = (model.items.batch, listed)
    if intervals:
        add_intervals(result, model, found)
    return stamped(result, model, found, compiled, level)


def classify(system: System | Plan | Scenario, observed: Mapping[str, Any], **options: Any) -> Any:
    """Return a table of what can be checked, what follows, and what nothing determines.

    Parameters
    ----------
    system, observed, options : as for :func:`reconcile`

    Returns
    -------
    pandas DataFrame
        One row for each quantity of each cell: ``status``, and ``lowest`` and
        ``highest``, the interval that the balances leave to it.

    Examples
    --------
    >>> from mfa import System
    >>> system = System(
    ...     title="Two uses",
    ...     parameters={"a": {"dims": ["year"], "unit": "t/yr"}, "b": {"dims": ["year"], "unit": "t/yr"}},
    ...     processes={
    ...         "mine": {"rule": "source"},
    ...         "metal": {"rule": "market", "from": ["mine"]},
    ...         "cars": {"rule": "sink", "takes": "a", "from": "metal"},
    ...         "cans": {"rule": "sink", "takes": "b", "from": "metal"},
    ...     },
    ... )
    >>> table = classify(system, {"mine_to_metal": (10, 1)})
    >>> table.loc[table["item"] == "metal_to_cars", ["status", "lowest", "highest"]].values.tolist()
    [['undeterminable', 0.0, 10.0]]
    """
    found = reconcile(system, observed, intervals=True, **options)
    kept = found[["status", "lowest", "highest"]].drop_vars(
        [c for c in found.coords if c not in found.dims]
    )
    return kept.to_dataframe().reset_index()


def _plan(system: Any) -> Plan:
    if isinstance(system, Plan):
        return system
    if not isinstance(system, System | Scenario):
        raise MfaError(
            f"reconcile wants a System, a Plan or a Scenario, this is {shortly(system)}; "
            "mfa.reconciliation.adjust works on bare arrays"
        )
    return plan(system)


def _correlation(given: Mapping[tuple[str, str], float] | None, model: Model) -> Array | None:
    if not given:
        return None
    items = model.items
    linked = np.eye(items.count)
    for pair, number in given.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise MfaError(f"correlation: {pair!r} is no pair of names")
        for name in pair:
            if name not in items.groups:
                hint = known(name, items.groups, "quantities")
                raise MfaError(f"correlation: nothing is called {name!r}. {hint}")
        if not -1 <= number <= 1:
            raise MfaError(
                f"correlation of {pair[0]!r} and {pair[1]!r}: {number!r} is not in [−1, 1]"
            )
        first, second = (items.columns(name).reshape(-1) for name in pair)
        if pair[0] == pair[1]:
            block = np.full((len(first), len(first)), float(number))
            np.fill_diagonal(block, 1.0)
            linked[np.ix_(first, first)] = block
            continue
        if items.inner[pair[0]] != items.inner[pair[1]]:
            raise MfaError(f"correlation: {pair[0]!r} and {pair[1]!r} have different dimensions")
        linked[first, second] = linked[second, first] = number
    return linked

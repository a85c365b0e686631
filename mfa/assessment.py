"""Indicators of a run by the roles of its system: potentials, recycling rates, milestones.

Everything is computed on bare arrays in the order of saved ones; what an
indicator means is said in :mod:`mfa.indicators.circularity`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.errors import MfaError, shortly
from mfa.panels import totals
from mfa.plans import Plan, plan
from mfa.potentials import THEORETICAL, add_potentials
from mfa.role_arrays import DUST, Ledger, quotient
from mfa.role_names import ROLES, variable
from mfa.role_plans import Term
from mfa.system import System

Array = NDArray[np.float64]
Dims = tuple[str, ...]

RATES = {
    "collection_rate": ("indicator_collected", THEORETICAL, "collected over end of life"),
    "process_efficiency": ("old_scrap_supply", "indicator_collected", "recycled over collected"),
    "eol_recycling_rate": ("old_scrap_supply", THEORETICAL, "recycled over end of life"),
    "nonfunctional_recycling_rate": (
        "indicator_non_functional",
        THEORETICAL,
        "recycled, but lost to its function, over end of life",
    ),
    "recycled_content": (
        "secondary_supply",
        "primary_supply + secondary_supply",
        "old and new scrap over all supply",
    ),
    "eol_recycling_input_rate": (
        "old_scrap_supply",
        "primary_supply + secondary_supply",
        "old scrap over all supply",
    ),
    "old_scrap_ratio": (
        "old_scrap_supply",
        "old_scrap_supply + new_scrap_supply",
        "old scrap over all scrap",
    ),
}
"""Rates: the part, the whole, and what that is in words."""

RATIOS = {
    "mean_number_of_uses": (
        THEORETICAL,
        f"{THEORETICAL} - old_scrap_supply",
        "1",
        "mean number of uses of metal, were the cycle of the year to go on",
    ),
    "in_use_stock_per_capita": (
        "indicator_in_use",
        "indicator_population",
        "t/person",
        "metal in use per head",
    ),
    "urban_mine_to_reserve": (
        "indicator_in_use",
        "indicator_reserves",
        "1",
        "metal in use over reserves",
    ),
    "static_reserve_life": (
        "indicator_reserves",
        "indicator_mined",
        "yr",
        "years that reserves last at the mining of the year",
    ),
}
"""Quotients that may be above 1: above, below, unit, and what that is in words."""


def assess(system: Plan | System, result: xr.Dataset) -> xr.Dataset:
    """Return the indicators of a run, as far as the roles of its system allow.

    Parameters
    ----------
    system : Plan or System
        With ``roles:``; without them there are no indicators.
    result : Dataset
        Flows, stocks and the parameters that the roles and potentials name, as
        :func:`mfa.run` returns them.

    Returns
    -------
    Dataset
        Variables of ``kind="indicator"``, dims ``(year, …)`` with what all flows and
        stocks in a role have in common.  Quantities [t/yr]: ``demand``, ``primary_supply``,
        ``secondary_supply`` and others; potentials, each at most the one before; rates
        ``indicator_<name>`` [1], NaN where their whole is 0; milestones of the sum over
        all places, without ``year``.  The attributes ``part`` and ``whole`` of a rate
        name the quantities that it is made of.

        With E the metal at end of life of a product, s the technical share, p prices and
        costs uniform from a to b over the tonnes: technical T = s E, value of a tonne
        v = Σ_m p T / Σ_m E, economic = T · clip((v − a) / (b − a), 0, 1).  A product is
        recycled for all its metals m together, unless its costs are given by metal.

    Raises
    ------
    MfaError
        If something the roles name is missing, negative where mass cannot be, a
        part is larger than its whole, a share lies outside [0, 1], or a highest cost is
        below the lowest.

    References
    ----------
    Graedel et al. (2011), What Do We Know About Metal Recycling Rates?, doi:10.1111/j.1530-9290.2011.00342.x

    Examples
    --------
    >>> import mfa
    >>> system = mfa.System(
    ...     title="Scrap",
    ...     parameters={"discarded": {"dims": ["year"], "unit": "t/yr"}, "rate": {}, "best": {}},
    ...     processes={
    ...         "use": {"rule": "source", "gives": "discarded", "to": "collect"},
    ...         "collect": {"rule": "split", "shares": {"works": "rate", "landfill": "rest"}},
    ...         "works": {"rule": "sink"},
    ...         "landfill": {"rule": "sink"},
    ...     },
    ...     roles={"end_of_life": "use_to_collect", "collected": "collect_to_works"},
    ...     potential={"technical": "best"},
    ... )
    >>> numbers = {"discarded": mfa.array([10.0], "t/yr", year=[2030]), "rate": 0.5, "best": 0.9}
    >>> given = xr.Dataset(numbers)
    >>> found = mfa.assess(system, mfa.simulate(system, given).assign(given.data_vars))
    >>> found.secondary_potential_technical.item(), found.indicator_collection_rate.item()
    (9.0, 0.5)
    """
    if not isinstance(system, Plan | System):
        raise MfaError(f"assess wants a Plan or a System, this is {shortly(system)}")
    if not isinstance(result, xr.Dataset):
        raise MfaError(
            f"assess wants the Dataset of a run, with its parameters, this is {shortly(result)}"
        )
    compiled = system if isinstance(system, Plan) else plan(system)
    if compiled.roles is None:
        return xr.Dataset()
    ledger = Ledger(compiled.roles, result)
    _add_quantities(ledger)
    add_potentials(ledger)
    _add_rates(ledger)
    _add_milestones(ledger)
    used = {d for own in ledger.found.values() for d in own.dims}
    coords = {d: result.coords[d] for d in used if d in result.coords}
    return xr.Dataset(ledger.found, coords)


def add_indicators(ledger: Ledger) -> None:
    """Add what follows from flows and stocks in their roles, without potentials, to a ledger."""
    _add_quantities(ledger)
    _add_rates(ledger)
    _add_milestones(ledger)


def _add_quantities(ledger: Ledger) -> None:
    for role, terms in ledger.roles.terms.items():
        common = [d for d in ledger.roles.dims if all(d in term.dims for term in terms)]
        kind, timed = ROLES[role].kind, True
        if kind == "parameter":
            timed = "year" in ledger.system.parameters[terms[0].name].dims
        dims = ledger.sorted(common, timed)
        units = "t/yr" if kind == "flow" else "person" if role == "population" else "t"
        array = ledger.total((Term(term.name, term.dims) for term in terms), dims)
        if kind == "flow" and role not in ("demand", "new_scrap", "mined"):
            wrong = array < -DUST * np.abs(array).max(initial=0.0)
            ledger.refuse(wrong, array, dims, role, "a rate of what is negative means nothing")
        ledger.add(variable(role), dims, array, units, ROLES[role].meaning, role=role)
    scraps = [n for n in ("old_scrap_supply", "new_scrap_supply") if n in ledger.found]
    if scraps:
        first, *others = (ledger.numbers(name) for name in scraps)
        words = "metal recycled from discarded products and from rejects of production"
        ledger.add("secondary_supply", ledger.dims, sum(others, first), "t/yr", words)
    if "indicator_in_use" in ledger.found:
        axis = ledger.dims.index("year")
        grown = np.diff(ledger.numbers("indicator_in_use"), axis=axis, prepend=0.0)
        words = "growth in the year of metal in products in use"
        ledger.add("indicator_net_addition_to_stock", ledger.dims, grown, "t/yr", words)


def _add_rates(ledger: Ledger) -> None:
    found = ledger.found
    for name, (part, whole, words) in RATES.items():
        if not {part, *quantities(whole)} <= found.keys():
            continue
        above, below = ledger.numbers(part), combined(whole, ledger.numbers)
        wrong = above > below * (1 + 1e-9) + DUST * below.max(initial=0.0)
        why = (
            f"{name.replace('_', ' ')} would be above 1, {words}: is each flow in its role? "
            "Where metal is stored or traded between the two, leave one of the roles out"
        )
        ledger.refuse(wrong, above, ledger.dims, str(found[part].attrs.get("role", "")), why)
        rate = np.minimum(quotient(above, below), 1.0)
        ledger.add(f"indicator_{name}", ledger.dims, rate, "1", words, part=part, whole=whole)
    for name, (part, whole, units, words) in RATIOS.items():
        names = (part, *quantities(whole))
        if not {*names} <= found.keys():
            continue
        dims = ledger.sorted({str(d) for n in names for d in found[n].dims} - {"year"})
        arrays = ledger.spread(part, dims), combined(whole, partial(ledger.spread, dims=dims))
        ratio = quotient(*np.broadcast_arrays(*arrays))
        ledger.add(f"indicator_{name}", dims, ratio, units, words, part=part, whole=whole)


def _add_milestones(ledger: Ledger) -> None:
    axis = ledger.dims.index("year")
    if has_secondary := "secondary_supply" in ledger.found:
        away = ledger.total((Term(t.name, t.dims) for t in ledger.roles.surplus), ledger.dims)
        used = ledger.numbers("secondary_supply") - away
        words = (
            "primary metal that secondary metal has replaced since the first year, tonne for tonne"
        )
        ledger.add("indicator_avoided_primary", ledger.dims, np.cumsum(used, axis=axis), "t", words)
    if "primary_supply" not in ledger.found:
        return
    primary, dims = _world(ledger, "primary_supply")
    years, axis = ledger.result["year"].values, dims.index("year")
    rest = tuple(d for d in dims if d != "year")
    highest = years[primary.argmax(axis=axis)].astype(float)
    falls = primary.max(axis=axis) > np.take(primary, -1, axis=axis)
    words = f"year of the highest primary supply of all places; NaN: no fall to {years[-1]}"
    ledger.add("indicator_peak_year", rest, np.where(falls, highest, np.nan), "year", words)
    if has_secondary:
        exceeds = _world(ledger, "secondary_supply")[0] > primary
        first = years[exceeds.argmax(axis=axis)].astype(float)
        crossed = np.where(exceeds.any(axis=axis), first, np.nan)
        words = f"first year in which all places get more secondary than primary metal; NaN: not to {years[-1]}"
        ledger.add("indicator_crossing_year", rest, crossed, "year", words)


def _world(ledger: Ledger, name: str) -> tuple[Array, Dims]:
    """Return a quantity summed over all places."""
    kept = {*ledger.leading, "year", ledger.system.conserves}
    over = tuple(i for i, d in enumerate(ledger.dims) if d not in kept)
    return ledger.numbers(name).sum(axis=over), tuple(d for d in ledger.dims if d in kept)


def quantities(expression: str) -> tuple[str, ...]:
    """Return the names in a sum or difference.

    >>> quantities("a + b - c")
    ('a', 'b', 'c')
    """
    return tuple(expression.split()[::2])


def combined(expression: str, get: Callable[[str], Any]) -> Any:
    """Add and subtract quantities as an expression says.

    >>> combined("a + b - c", {"a": 5.0, "b": 2.0, "c": 1.0}.__getitem__)
    6.0
    """
    first, *rest = expression.split()
    total = get(first)
    for sign, name in zip(rest[::2], rest[1::2], strict=True):
        total = total + get(name) if sign == "+" else total - get(name)
    return total


def of_the_world(result: xr.Dataset, name: str) -> xr.DataArray | None:
    """Return an indicator of the sum over all places: a rate of sums, not a sum of rates.

    None where the world has no such number: of a tonne's value by place, of what is per
    head of places that may overlap.  What has no places, as a price index, is that of the world.
    """
    data = result.variables[name]
    if "whole" in data.attrs:
        names = (data.attrs["part"], *quantities(data.attrs["whole"]))
        if any(n not in result for n in names) or "indicator_population" in names:
            return None
        above = totals(result.variables[data.attrs["part"]])
        below = combined(data.attrs["whole"], lambda n: totals(result.variables[n]))
        most = max(float(abs(above).max()), float(abs(below).max()))
        rate = above / below.where(below > DUST * most)
        return _with_labels(result, rate, data.attrs)
    world = totals(data)
    if world.dims != data.dims and str(data.attrs.get("units")) not in ("t", "t/yr", "person"):
        return None
    return _with_labels(result, world, data.attrs)


def _with_labels(result: xr.Dataset, data: xr.Variable, attrs: Mapping[str, Any]) -> xr.DataArray:
    labels = {d: result[d] for d in data.dims if d in result.coords}
    return xr.DataArray(data.values, labels, data.dims, attrs=attrs)

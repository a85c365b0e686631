"""Indicators of a run by the roles of its system: potentials, recycling rates, milestones.

Everything is computed on bare arrays in the order of saved ones; what an
indicator means is said in :mod:`mfa.indicators.circularity`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.dims import order
from mfa.errors import MfaError, shortly
from mfa.plans import Plan, plan
from mfa.role_names import ROLES, variable
from mfa.role_plans import RolePlan, Term, groups, together
from mfa.system import System, factors

Array = NDArray[np.float64]
Dims = tuple[str, ...]

THEORETICAL = "secondary_potential_theoretical"
TECHNICAL = "secondary_potential_technical"
ECONOMIC = "secondary_potential_economic"

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
    "old_scrap_ratio": ("old_scrap_supply", "secondary_supply", "old scrap over all scrap"),
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

DUST = 1e-12
"""Below this share of the largest a whole is rounding, and a share of it undefined (CONVENTIONS §9)."""


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
    return xr.Dataset() if compiled.roles is None else _Assessment(compiled.roles, result).all()


class _Assessment:
    """The variables found so far, each with its dimensions and attributes."""

    def __init__(self, roles: RolePlan, result: xr.Dataset) -> None:
        self.roles, self.system, self.result = roles, roles.system, result
        self.leading = tuple(d for d in ("scenario", "sample") if d in result.dims)
        self.declared = tuple(roles.system.dimensions)
        self.dims = self.sorted(roles.dims)
        self.together = together(roles.system)
        self.found: dict[str, xr.Variable] = {}

    def sorted(self, dims: Iterable[str], year: bool = True) -> Dims:
        return order((*self.leading, *(["year"] if year else []), *dims), self.declared)

    def values(self, name: str, dims: Dims) -> Array:
        """Return a variable of the result with these dims: others are summed, missing ones of length one."""
        if name not in self.result.variables:
            raise MfaError(f"the result lacks {name!r}, which the roles of the system need")
        own = self.result.variables[name]
        kept = own.transpose(*(d for d in order(own.dims, self.declared)))
        over = tuple(i for i, d in enumerate(kept.dims) if d not in dims)
        array = np.asarray(kept.values, dtype=float)
        array = array.sum(axis=over) if over else array
        return array[tuple(slice(None) if d in kept.dims else None for d in dims)]

    def total(self, terms: Iterable[Term], dims: Dims) -> Array:
        """Return the sum of terms over these dims; one that lacks a dim is put at its label."""
        shape = [self.result.sizes[d] for d in dims]
        whole = np.zeros(shape)
        for term in terms:
            where = dict(term.at)
            index = tuple(
                slice(where[d], where[d] + 1) if d in where else slice(None) for d in dims
            )
            whole[index] += self.values(term.name, dims)
        return whole

    def add(self, name: str, dims: Dims, array: Array, units: str, words: str, **more: str) -> None:
        attrs = {"units": units, "long_name": words, "kind": "indicator", **more}
        if "year" in dims:
            attrs["cell_methods"] = "year: sum" if units.endswith("t/yr") else "year: point"
        self.found[name] = xr.Variable(dims, array, attrs, fastpath=True)

    def all(self) -> xr.Dataset:
        self.quantities()
        self.potentials()
        self.rates()
        self.milestones()
        used = {d for own in self.found.values() for d in own.dims}
        coords = {d: self.result.coords[d] for d in used if d in self.result.coords}
        return xr.Dataset(self.found, coords)

    # ------------------------------------------------------------ quantities

    def quantities(self) -> None:
        for role, terms in self.roles.terms.items():
            common = [d for d in self.roles.dims if all(d in term.dims for term in terms)]
            kind, timed = ROLES[role].kind, True
            if kind == "parameter":
                timed = "year" in self.system.parameters[terms[0].name].dims
            dims = self.sorted(common, timed)
            units = {"flow": "t/yr", "stock": "t"}.get(
                kind, "person" if role == "population" else "t"
            )
            array = self.total((Term(term.name, term.dims) for term in terms), dims)
            if kind == "flow" and role not in ("demand", "new_scrap", "mined"):
                self.refuse(array < -DUST * np.abs(array).max(initial=0.0), array, dims, role,
                            "it is negative, so that no rate of it means anything")  # fmt: skip
            self.add(variable(role), dims, array, units, ROLES[role].meaning, role=role)
        scraps = [n for n in ("old_scrap_supply", "new_scrap_supply") if n in self.found]
        if scraps:
            total = sum(self.found[name].values for name in scraps)
            words = "metal recycled from discarded products and from rejects of production"
            self.add("secondary_supply", self.dims, np.asarray(total), "t/yr", words)
        if "indicator_in_use" in self.found:
            stock = self.found["indicator_in_use"]
            axis = stock.dims.index("year")
            grown = np.diff(stock.values, axis=axis, prepend=0.0)
            words = "growth in the year of metal in products in use"
            self.add(
                "indicator_net_addition_to_stock", tuple(map(str, stock.dims)), grown, "t/yr", words
            )

    # ------------------------------------------------------------ potentials

    def potentials(self) -> None:
        potential = self.system.potential
        if potential is None:
            return
        sums = {TECHNICAL: np.zeros([self.result.sizes[d] for d in self.dims])}
        values: list[tuple[Dims, Array, Array]] = []
        if potential.economic:
            sums[ECONOMIC] = np.zeros_like(sums[TECHNICAL])
        for placed, terms in groups(self.roles.terms["end_of_life"]).items():
            dims = self.sorted(placed)
            reached = np.maximum(self.total(terms, dims), 0.0)
            share = self.product(potential.technical, dims)
            wrong = (share < 0) | (share > 1 + 1e-9)
            self.refuse(
                wrong, share, dims, "technical", "a share lies within 0 and 1", potential.technical
            )
            technical = reached * np.minimum(share, 1.0)
            sums[TECHNICAL] += self.summed(technical, dims)
            if potential.economic:
                paying, value = self.economic(technical, reached, dims)
                sums[ECONOMIC] += self.summed(paying, dims)
                values.append((dims, value, self.of_product(reached, dims)))
        sums[TECHNICAL] = np.minimum(sums[TECHNICAL], self.found[THEORETICAL].values)
        words = "metal at end of life that the best collection and processes would recycle"
        self.add(TECHNICAL, self.dims, sums[TECHNICAL], "t/yr", words)
        if potential.economic:
            words = "the part of the technical potential whose recycling pays"
            sums[ECONOMIC] = np.minimum(sums[ECONOMIC], sums[TECHNICAL])
            self.add(ECONOMIC, self.dims, sums[ECONOMIC], "t/yr", words)
            self.break_even(values)

    def economic(self, technical: Array, reached: Array, dims: Dims) -> tuple[Array, Array]:
        """Return the paying part of a technical potential, and the value of what is recovered."""
        assert self.system.potential is not None and self.system.potential.economic is not None
        costs = self.system.potential.economic
        price = self.product(costs.price, dims)
        value, mass = self.of_product(price * technical, dims), self.of_product(reached, dims)
        per_tonne = np.divide(value, mass, out=np.zeros_like(value), where=mass > 0)
        low, high = self.product(costs.cost_low, dims), self.product(costs.cost_high, dims)
        low, high = np.broadcast_arrays(low, high)
        self.refuse(
            high < low, high, dims, "economic", "it is below the lowest cost", costs.cost_high
        )
        width = high - low
        with np.errstate(divide="ignore", invalid="ignore"):
            ramp = (per_tonne - low) / width
        share = np.where(width > 0, np.clip(ramp, 0.0, 1.0), (per_tonne >= low).astype(float))
        return technical * share, value

    def break_even(self, values: Iterable[tuple[Dims, Array, Array]]) -> None:
        """Add the value of a tonne at end of life, over what all products have in common."""
        values = list(values)
        common = set.intersection(*({*dims} for dims, _, _ in values))
        common -= {str(self.system.conserves)} if self.together else set()
        dims = tuple(d for d in values[0][0] if d in common)
        total = mass = np.zeros([self.result.sizes[d] for d in dims])
        for own, value, reached in values:
            over = tuple(i for i, d in enumerate(own) if d not in common)
            total, mass = total + value.sum(axis=over), mass + reached.sum(axis=over)
        words = "value of the metals in a tonne of metal at end of life: the cost at which recycling just pays"
        self.add("break_even_cost", dims, _quotient(total, mass), "USD/t", words)

    def product(self, expression: str, dims: Dims) -> Array:
        first, *others = (self.values(name, dims) for name in factors(expression))
        for array in others:
            first = first * array
        return first

    def of_product(self, array: Array, dims: Dims) -> Array:
        """Sum over the metals of a product, keeping the axis."""
        if not self.together or self.system.conserves not in dims:
            return array
        return np.asarray(array.sum(axis=dims.index(str(self.system.conserves)), keepdims=True))

    def summed(self, array: Array, dims: Dims) -> Array:
        return array.sum(axis=tuple(i for i, d in enumerate(dims) if d not in self.dims))

    # ------------------------------------------------------ rates, milestones

    def rates(self) -> None:
        for name, (part, whole, words) in RATES.items():
            if {*part.split(), *whole.split()} - {"+", "-"} <= {*self.found}:
                above, below = self.found[part].values, combined(whole, self.numbers)
                largest = float(below.max(initial=0.0))
                wrong = above > below * (1 + 1e-9) + DUST * largest
                why = (
                    f"{name.replace('_', ' ')} would be above 1, {words}: is each flow in its role? "
                    "Where metal is stored or traded between the two, leave one of the roles out"
                )
                self.refuse(
                    wrong, above, self.dims, str(self.found[part].attrs.get("role", "")), why
                )
                rate = np.minimum(_quotient(above, below), 1.0)
                self.add(f"indicator_{name}", self.dims, rate, "1", words, part=part, whole=whole)
        for name, (part, whole, units, words) in RATIOS.items():
            if {*part.split(), *whole.split()} - {"+", "-"} <= {*self.found}:
                dims = self.sorted(
                    {d for n in (part, whole.split()[0]) for d in self.found[n].dims} - {"year"}
                )
                arrays = (self.spread(part, dims), combined(whole, lambda n: self.spread(n, dims)))
                above, below = np.broadcast_arrays(*arrays)
                self.add(f"indicator_{name}", dims, _quotient(above, below), units, words,
                         part=part, whole=whole)  # fmt: skip

    def numbers(self, name: str) -> Array:
        return np.asarray(self.found[name].values)

    def spread(self, name: str, dims: Dims) -> Array:
        own = self.found[name]
        return self.numbers(name)[tuple(slice(None) if d in own.dims else None for d in dims)]

    def milestones(self) -> None:
        primary, secondary = (self.world(n) for n in ("primary_supply", "secondary_supply"))
        if secondary is not None:
            own = self.numbers("secondary_supply") - self.total(
                (Term(term.name, term.dims) for term in self.roles.surplus), self.dims
            )
            words = "primary metal that secondary metal has replaced since the first year, tonne for tonne"
            saved = np.cumsum(own, axis=self.dims.index("year"))
            self.add("indicator_avoided_primary", self.dims, saved, "t", words)
        if primary is None:
            return
        array, dims = primary
        axis, years = dims.index("year"), self.result["year"].values
        rest = tuple(d for d in dims if d != "year")
        until = f"to {years[-1]}"
        highest = np.take(years, array.argmax(axis=axis)).astype(float)
        falls = array.max(axis=axis) > np.take(array, -1, axis=axis)
        words = f"year of the highest primary supply of all places; NaN: it has not fallen {until}"
        self.add("indicator_peak_year", rest, np.where(falls, highest, np.nan), "year", words)
        if secondary is not None:
            exceeds = secondary[0] > array
            first = np.take(years, exceeds.argmax(axis=axis)).astype(float)
            words = f"first year in which all places get more secondary than primary metal; NaN: none {until}"
            crossed = np.where(exceeds.any(axis=axis), first, np.nan)
            self.add("indicator_crossing_year", rest, crossed, "year", words)

    def world(self, name: str) -> tuple[Array, Dims] | None:
        """Return a quantity summed over all places."""
        if name not in self.found:
            return None
        kept = {*self.leading, "year", self.system.conserves}
        over = tuple(i for i, d in enumerate(self.dims) if d not in kept)
        return self.numbers(name).sum(axis=over), tuple(d for d in self.dims if d in kept)

    def refuse(
        self, wrong: Array, values: Array, dims: Dims, key: str, why: str, what: str = ""
    ) -> None:
        """Raise at the first cell that is wrong, with its value and labels."""
        if not wrong.any():
            return
        cell = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        labels = [
            f"{d}={self.result[d].values[i]}"
            for d, i, size in zip(dims, cell, wrong.shape, strict=True)
            if size > 1
        ]
        role = key in ROLES
        path = ("roles", key) if role else ("potential", key)
        name = what or f"role {key!r}"
        where = f" at {', '.join(labels)}" if labels else ""
        message = f"{name}: {np.broadcast_to(values, wrong.shape)[cell]:g}{where}; {why}"
        raise MfaError(message, self.system.place(*path))


def combined(expression: str, get: Callable[[str], Array]) -> Array:
    """Add and subtract quantities as an expression says.

    >>> combined("a + b - c", {"a": np.array(5.0), "b": np.array(2.0), "c": np.array(1.0)}.__getitem__)
    np.float64(6.0)
    """
    first, *rest = expression.split()
    total = get(first)
    for sign, name in zip(rest[::2], rest[1::2], strict=True):
        total = total + get(name) if sign == "+" else total - get(name)
    return total


def _quotient(above: Array, below: Array) -> Array:
    """Divide; NaN where the divisor is 0, or rounding beside the largest of the two."""
    largest = max(float(np.abs(above).max(initial=0.0)), float(np.abs(below).max(initial=0.0)))
    there = below > DUST * largest
    return np.divide(above, below, out=np.full(np.shape(below), np.nan), where=there)

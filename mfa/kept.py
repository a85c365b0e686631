"""What is kept of many samples: by default what the roles of a system add up to, over all places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import xarray as xr

from mfa.assessment import RATES, add_indicators, quantities
from mfa.errors import MfaError, known
from mfa.plans import Plan
from mfa.role_arrays import Ledger
from mfa.role_names import ROLES, variable
from mfa.role_plans import RolePlan, Term
from mfa.shortage_results import RESPONSE, UNMET, shortage_frame

Keep: TypeAlias = str | Sequence[str] | Mapping[str, str | Sequence[str]]

ALL = "all"
"""Stands for all flows and stocks, whole."""

BY_DEFAULT = ("demand", "primary_supply", "secondary_supply", "in_use")
"""Roles, and secondary supply, that are kept if nothing is said, as far as a system has them."""

SHORT = (UNMET, RESPONSE)
"""Kept by default too, if a system has capacities."""

SCRAPS = ("old_scrap_supply", "new_scrap_supply")


@dataclass(frozen=True)
class Recipe:
    """What is kept of each sample.

    Attributes
    ----------
    names : tuple of str
        Variables of the result, in its order.
    raw : mapping of str to dims
        Flows, stocks and parameters that are needed, summed over these dimensions.
    roles : tuple of str
        Roles that the other variables are made of.
    """

    names: tuple[str, ...]
    raw: Mapping[str, tuple[str, ...]]
    roles: tuple[str, ...] = ()

    def finished(self, compiled: Plan, found: xr.Dataset) -> xr.Dataset:
        """Return the variables that are kept, of flows, stocks and parameters of one or many runs.

        Raises
        ------
        MfaError
            As :func:`mfa.assess`.
        """
        if self.roles:
            assert compiled.roles is not None
            ledger = Ledger(_world(compiled.roles, self.roles, set(self.raw)), found)
            add_indicators(ledger)
            made = {name: ledger.found[name] for name in self.names if name in ledger.found}
            found = found.assign(made)
        return found[list(self.names)]


def recipe(keep: Keep | None, compiled: Plan) -> Recipe:
    """Return what is kept, checked.

    Parameters
    ----------
    keep : str, sequence of str, or mapping of str to dims, optional
        Names of flows, stocks, parameters, quantities of roles and rates; a mapping names the
        dimensions over which a flow, a stock or a parameter is summed.  ``"all"`` stands for all flows
        and stocks, nothing for what :data:`BY_DEFAULT` names, summed over places.  What is
        made of roles is always that of the world.
    compiled : Plan
        Of the system without samples.

    Raises
    ------
    MfaError
        If a name is unknown, or cannot be summed over a dimension.
    """
    dims = dims_of(compiled)
    made = made_of_roles(compiled)
    if keep is None:
        short = {n: _places(compiled, dims[n]) for n in shortage_frame(compiled) if n in SHORT}
        names = [n for n in map(variable, BY_DEFAULT) if n in made]
        if not names:
            own = (*compiled.flows, *compiled.stocks, *short)
            return _sums(own, {n: _places(compiled, dims[n]) for n in own}, compiled)
        return _with_roles([*names, *short], short, made, compiled)
    if ALL in (keep, *keep):
        own = (*compiled.flows, *compiled.stocks, *shortage_frame(compiled))
        return _sums(own, {}, compiled)
    given = (keep,) if isinstance(keep, str) else keep
    told: Mapping[str, str | Sequence[str]] = (
        given if isinstance(given, Mapping) else dict.fromkeys(given, ())
    )
    if not told:
        raise MfaError("keep: nothing is kept; name a flow, a stock or an uncertain parameter")
    sums: dict[str, tuple[str, ...]] = {}
    for name, summed in told.items():
        if name not in dims and name not in made:
            hint = known(name, [*dims, *made, ALL], "names")
            raise MfaError(f"keep: there is no {name!r}. {hint}")
        over = (summed,) if isinstance(summed, str) else tuple(summed)
        for dim in over:
            have = [d for d in dims.get(name, ()) if d != "year"]
            if dim not in have:
                hint = known(dim, have, "dimensions")
                raise MfaError(f"keep: {name!r} cannot be summed over {dim!r}. {hint}")
        if name not in made:
            sums[name] = over
    return _with_roles([*told], sums, made, compiled)


def made_of_roles(compiled: Plan) -> dict[str, tuple[str, ...]]:
    """Return the quantities and rates of the world that the roles of a system give, and of which roles.

    Potentials, and what is per head or over reserves, are made by :func:`mfa.assess` of whole runs.
    """
    if compiled.roles is None:
        return {}
    there = compiled.roles.terms
    made: dict[str, tuple[str, ...]] = {
        variable(role): (role,) for role in there if ROLES[role].kind != "parameter"
    }
    if scraps := tuple(role for role in SCRAPS if role in there):
        made["secondary_supply"] = scraps
        made["indicator_avoided_primary"] = scraps
    for name, (part, whole, _) in RATES.items():
        needed = (part, *quantities(whole))
        if all(one in made for one in needed):
            roles = dict.fromkeys(role for one in needed for role in made[one])
            made[f"indicator_{name}"] = tuple(roles)
    if "in_use" in there:
        made["indicator_net_addition_to_stock"] = ("in_use",)
    if "primary_supply" in there:
        made["indicator_peak_year"] = ("primary_supply",)
        if scraps:
            made["indicator_crossing_year"] = ("primary_supply", *scraps)
    return made


def dims_of(compiled: Plan) -> dict[str, tuple[str, ...]]:
    """Return the dimensions of every flow, stock and parameter of a plan; those of flows lack the year."""
    steps = {step.stock: step.stock_dims for step in compiled.steps if step.stock}
    specs = {name: spec.dims for name, spec in compiled.system.parameters.items()}
    short = {name: dims for name, (dims, _) in shortage_frame(compiled).items()}
    return {**compiled.dims, **steps, **specs, **short}


def _places(compiled: Plan, dims: Sequence[str]) -> tuple[str, ...]:
    """Return all dimensions but the year and the conserved substances."""
    return tuple(d for d in dims if d not in ("year", compiled.system.conserves))


def _sums(names: Sequence[str], sums: Mapping[str, tuple[str, ...]], compiled: Plan) -> Recipe:
    return Recipe(tuple(names), {name: sums.get(name, ()) for name in names})


def _with_roles(
    names: Sequence[str],
    sums: Mapping[str, tuple[str, ...]],
    made: Mapping[str, tuple[str, ...]],
    compiled: Plan,
) -> Recipe:
    roles = tuple(dict.fromkeys(role for name in names if name in made for role in made[name]))
    raw = dict(sums)
    if roles:
        assert compiled.roles is not None
        dims = dims_of(compiled)
        terms = [term for role in roles for term in compiled.roles.terms[role]]
        away = compiled.roles.surplus if "indicator_avoided_primary" in names else ()
        for term in (*terms, *away):
            raw.setdefault(term.name, _places(compiled, dims[term.name]))
    return Recipe(tuple(names), raw, roles)


def _world(roles: RolePlan, played: Sequence[str], kept: set[str]) -> RolePlan:
    """Return some roles without their places, as they are of sums over these."""
    own = roles.system.conserves

    def summed(term: Term) -> Term:
        at = tuple((dim, label) for dim, label in term.at if dim == own)
        return Term(term.name, tuple(d for d in term.dims if d == own), at)

    return replace(
        roles,
        dims=tuple(d for d in roles.dims if d == own),
        terms={role: tuple(map(summed, roles.terms[role])) for role in played},
        surplus=tuple(summed(term) for term in roles.surplus if term.name in kept),
    )

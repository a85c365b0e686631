"""Roles compiled: the dimensions of every indicator, and of every potential, known before a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mfa.errors import Problems
from mfa.flows import Flow
from mfa.role_names import ROLES, surplus
from mfa.system import System, factors, potential_expressions
from mfa.units import product

Dims = tuple[str, ...]
PLACED_BY = tuple(
    role for role in ROLES if role not in ("new_scrap", "mined", "population", "reserves")
)
"""Roles whose common dimensions are those of all indicators."""


@dataclass(frozen=True)
class Term:
    """A flow, stock or parameter in a role, and the labels that it is placed at besides its dims."""

    name: str
    dims: Dims
    at: tuple[tuple[str, int], ...] = ()

    @property
    def placed(self) -> frozenset[str]:
        return frozenset({*self.dims, *(dim for dim, _ in self.at)})


@dataclass(frozen=True)
class RolePlan:
    """Who plays which role, and over which dimensions the indicators stand (frozen).

    Attributes
    ----------
    dims : tuple of str
        Common to all flows and stocks in a role, but not the year.
    terms : mapping of role to terms
    surplus : tuple of Term
        Secondary metal that the markets turn away.
    """

    system: System
    dims: Dims
    terms: Mapping[str, tuple[Term, ...]]
    surplus: tuple[Term, ...]

    def __str__(self) -> str:
        roles = {role: " + ".join(term.name for term in own) for role, own in self.terms.items()}
        if (potential := self.system.potential) is not None:
            roles["technical potential"] = f"end_of_life × {potential.technical}"
            if costs := potential.economic:
                text = f"value at {costs.price} against costs from {costs.cost_low} to {costs.cost_high}"
                roles["economic potential"] = f"technical potential where it pays: {text}"
        head = f"  roles, indicators over {', '.join(('year', *self.dims))}"
        return "\n".join([head, *(f"      {role} = {text}" for role, text in roles.items())])


def plan_roles(
    system: System,
    flows: Mapping[str, Flow],
    flow_dims: Mapping[str, Dims],
    stock_dims: Mapping[str, Dims],
    problems: Problems,
) -> RolePlan | None:
    """Return the roles of a system with their dimensions; what is wrong goes into `problems`."""
    if not system.roles:
        return None

    def term(name: str) -> Term:
        if name in flow_dims:
            return Term(name, flow_dims[name], _placement(system, flows[name], flow_dims[name]))
        dims = stock_dims[name] if name in stock_dims else system.parameters[name].dims
        return Term(name, tuple(dim for dim in system.axes if dim in dims))

    terms = {role: tuple(map(term, names)) for role, names in system.roles.items()}
    placing = [{*own.dims} for role in PLACED_BY for own in terms.get(role, ())]
    common = set.intersection(*placing) if placing else set()
    dims = tuple(dim for dim in system.axes if dim in common)
    away = tuple(map(term, surplus(system.roles, system.processes, flows)))
    _check_units(system, problems)
    _check_dims(system, terms.get("end_of_life", ()), problems)
    return RolePlan(system, dims, terms, away)


def together(system: System) -> bool:
    """Say whether a product is recycled for all that is in it: its costs do not tell metals apart."""
    costs = system.potential.economic if system.potential else None
    if costs is None or system.conserves is None:
        return False
    named = (*factors(costs.cost_low), *factors(costs.cost_high))
    return not any(system.conserves in system.parameters[name].dims for name in named)


def _placement(system: System, flow: Flow, dims: Dims) -> tuple[tuple[str, int], ...]:
    """Return the labels at which either end of a flow stands, in dimensions that it has not."""
    found = {**system.processes[flow.target].at, **system.processes[flow.source].at}
    return tuple(
        (dim, system.dimensions[dim].index(label))
        for dim, label in found.items()
        if dim not in dims
    )


def _check_units(system: System, problems: Problems) -> None:
    units = {"population": "person", "reserves": "t"}
    for role, wanted in units.items():
        for name in system.roles.get(role, ()):
            found = product(system.parameters[name].unit)
            if found != wanted:
                message = f"role {role!r}: {name} is in {found}, it must be in {wanted}"
                problems.add(message, system.place("roles", role))
    for path, text in potential_expressions(system.potential).items():
        wanted = "1" if path[-1] == "technical" else "USD/t"
        found = product(*(system.parameters[name].unit for name in factors(text)))
        if found != wanted:
            message = f"potential: {path[-1]} ({text}) is in {found}, it must be in {wanted}"
            problems.add(message, system.place(*path))


def _check_dims(system: System, terms: Iterable[Term], problems: Problems) -> None:
    """A potential has no dimension that a flow at end of life lacks."""
    for path, text in potential_expressions(system.potential).items():
        for name in factors(text):
            dims = [dim for dim in system.parameters[name].dims if dim != "year"]
            for term in terms:
                strange = [dim for dim in dims if dim not in term.placed]
                if strange:
                    problems.add(
                        f"potential: {name} has the dimension {strange[0]!r}, which {term.name}, in the role "
                        f"'end_of_life', has not ({', '.join(sorted(term.placed)) or 'none'})",
                        system.place(*path),
                    )


def groups(terms: Iterable[Term]) -> dict[frozenset[str], list[Term]]:
    """Return terms by the dimensions that they have once placed."""
    found: dict[frozenset[str], list[Term]] = {}
    for term in terms:
        found.setdefault(term.placed, []).append(term)
    return found

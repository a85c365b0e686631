"""Roles: which flow, stock or parameter of a system stands for what in its indicators.

The list of roles is closed, and each has one kind.  What is computed from them
is in :mod:`mfa.assessment`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mfa.errors import Place, Problems, known
from mfa.flows import Flow
from mfa.schema import Market, Potential, Process, Sink, Stock

Names = tuple[str, ...]
Kind = Literal["flow", "stock", "parameter"]


@dataclass(frozen=True)
class Role:
    """What a role is played by, and what it means."""

    kind: Kind
    meaning: str


ROLES = {
    "demand": Role("flow", "metal that production takes, primary and secondary"),
    "primary_supply": Role("flow", "metal from mines"),
    "old_scrap_supply": Role("flow", "metal recycled from discarded products"),
    "new_scrap_supply": Role("flow", "metal recycled from rejects of production"),
    "end_of_life": Role("flow", "metal in discarded products, each counted once"),
    "collected": Role("flow", "metal in discarded products that enters recycling"),
    "non_functional": Role("flow", "metal recycled, but lost to its function"),
    "new_scrap": Role("flow", "metal in rejects of production"),
    "mined": Role("flow", "metal in the ore that is mined"),
    "in_use": Role("stock", "metal in products in use"),
    "hibernating": Role("stock", "metal in products kept, but not used"),
    "population": Role("parameter", "people"),
    "reserves": Role("parameter", "metal in the ground that can be mined"),
}
"""Every role."""

APART = (
    ("primary_supply", "old_scrap_supply", "new_scrap_supply"),
    ("old_scrap_supply", "non_functional"),
    ("in_use", "hibernating"),
)
"""Roles of which one thing can play one only."""

PLAIN = ("demand", "primary_supply", "old_scrap_supply", "new_scrap_supply", "secondary_supply")
"""Quantities that have their own name in a result; the others are ``indicator_…``."""


def variable(role: str) -> str:
    """Return the name in a result of what plays a role, added up.

    >>> variable("demand"), variable("end_of_life"), variable("collected")
    ('demand', 'secondary_potential_theoretical', 'indicator_collected')
    """
    if role in PLAIN:
        return role
    return "secondary_potential_theoretical" if role == "end_of_life" else f"indicator_{role}"


def check_roles(
    roles: Mapping[str, Names],
    potential: Potential | None,
    processes: Mapping[str, Process],
    parameters: Iterable[str],
    flows: Mapping[str, Flow],
    place: Callable[..., Place],
) -> None:
    """Raise if a role is unknown, or what is to play it is not there or of another kind.

    Raises
    ------
    MfaError
        With the place of every problem.
    """
    problems = Problems()
    stocks = [f"{name}_stock" for name, own in processes.items() if isinstance(own, Sink | Stock)]
    there: dict[Kind, list[str]] = {
        "flow": [*flows],
        "stock": stocks,
        "parameter": [*parameters],
    }
    for role, names in roles.items():
        if role not in ROLES:
            message = f"unknown role {role!r}. {known(role, ROLES, 'roles')}"
            problems.add(message, place("roles", role, key=True))
            continue
        if not names:
            message = f"role {role!r} is played by nothing; name a {ROLES[role].kind}, or leave the role out"
            problems.add(message, place("roles", role))
        for position, name in enumerate(names):
            at = place("roles", role, position)
            if wrong := _wrong(role, name, there):
                problems.add(f"role {role!r}: {wrong}", at)
            elif name in names[:position]:
                problems.add(f"role {role!r} names {name!r} twice; once is enough", at)
        if ROLES[role].kind == "parameter" and len(names) > 1:
            message = f"role {role!r} is played by one parameter, not by {len(names)}"
            problems.add(message, place("roles", role))
    problems.raise_if_any()
    for role, names in roles.items():
        if ROLES[role].kind == "flow":
            for position, name in enumerate(names):
                if first := _upstream(name, names, processes, flows):
                    message = (
                        f"role {role!r}: metal of {first!r} flows on in {name!r} and would be counted twice; keep "
                        "one of them"
                    )
                    problems.add(message, place("roles", role, position))
    for group in APART:
        _check_apart({role: roles[role] for role in group if role in roles}, place, problems)
    if potential and "end_of_life" not in roles:
        message = "a potential is a share of what reaches end of life: name that under 'roles:', 'end_of_life: …'"
        problems.add(message, place("potential", key=True))
    problems.raise_if_any()
    for name, market in sorted(markets(roles, processes, flows)):
        problems.add(
            f"flow {name!r} enters the market {market!r} beside flows that have a role, so that shares in "
            f"supply would be wrong without it; give it one of the roles {', '.join(APART[0])}",
            place("roles", "primary_supply"),
        )
    problems.raise_if_any()


def _upstream(
    name: str, names: Names, processes: Mapping[str, Process], flows: Mapping[str, Flow]
) -> str:
    """Return which other flow of a role reaches this one, but for stocks and markets between; or ''."""
    seen: set[str] = set()
    nearer = [flows[name].source]
    while nearer:
        process = nearer.pop()
        if process in seen or isinstance(processes[process], Stock | Market):
            continue
        seen.add(process)
        for other, flow in flows.items():
            if flow.target == process:
                if other in names and other != name:
                    return other
                nearer.append(flow.source)
    return ""


def _wrong(role: str, name: str, there: Mapping[Kind, list[str]]) -> str:
    wanted = ROLES[role].kind
    if name in there[wanted]:
        return ""
    for kind, names in there.items():
        if name in names:
            return (
                f"{name!r} is a {kind}, this role is played by a {wanted} ({ROLES[role].meaning})"
            )
    return f"there is no {wanted} {name!r}. {known(name, there[wanted], f'{wanted}s')}"


def _check_apart(
    group: Mapping[str, Names], place: Callable[..., Place], problems: Problems
) -> None:
    taken: dict[str, str] = {}
    for role, names in group.items():
        for position, name in enumerate(names):
            first = taken.setdefault(name, role)
            if first != role:
                message = (
                    f"{name!r} plays {first!r} and {role!r}, but would be counted twice; keep one"
                )
                problems.add(message, place("roles", role, position))


def markets(
    roles: Mapping[str, Names], processes: Mapping[str, Process], flows: Mapping[str, Flow]
) -> Iterator[tuple[str, str]]:
    """Yield every flow without a role that enters a market where primary and other supply meet."""
    played = {name for role in APART[0] for name in roles.get(role, ())}
    fed = {flows[name].target for name in roles.get("primary_supply", ())}
    for name, flow in flows.items():
        is_market = isinstance(processes[flow.target], Market)
        if is_market and flow.target in fed and name not in played:
            yield name, flow.target


def surplus(
    roles: Mapping[str, Names], processes: Mapping[str, Process], flows: Mapping[str, Flow]
) -> list[str]:
    """Return the flows of secondary metal that markets turned away."""
    found = []
    for role in ("old_scrap_supply", "new_scrap_supply"):
        for name in roles.get(role, ()):
            market = processes[flows[name].target]
            if isinstance(market, Market) and market.surplus_to:
                found.append(f"{flows[name].target}_to_{market.surplus_to}")
    return [*dict.fromkeys(found)]


def variables_of(roles: Mapping[str, Names], potential: Potential | None) -> dict[str, str]:
    """Return the variables that every result of a system with these roles may have, and what they are."""
    if not roles:
        return {}
    named = {variable(role): f"the role {role!r}" for role in ROLES}
    named["secondary_supply"] = "the secondary supply"
    if potential:
        for name in ("secondary_potential_technical", "secondary_potential_economic"):
            named[name] = "a potential"
        named["break_even_cost"] = "the cost at which recycling pays"
    return named

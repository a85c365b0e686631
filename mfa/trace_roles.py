"""How quantities and rates of roles are made: of the flows and stocks that play them."""

from __future__ import annotations

from mfa.assessment import RATES, RATIOS, combined, quantities
from mfa.role_names import ROLES, variable
from mfa.role_plans import Term
from mfa.trace_nodes import Cell, Made, Part, number, spot
from mfa.trace_numbers import Numbers


def role_quantities(run: Numbers) -> dict[str, tuple[Term, ...]]:
    """Return the flows and stocks that each quantity of roles adds up."""
    if run.plan.roles is None:
        return {}
    there = run.plan.roles.terms
    found = {
        variable(role): terms for role, terms in there.items() if ROLES[role].kind != "parameter"
    }
    scraps = [t for role in ("old_scrap_supply", "new_scrap_supply") for t in there.get(role, ())]
    return found | ({"secondary_supply": tuple(scraps)} if scraps else {})


def role_rates(run: Numbers) -> dict[str, tuple[str, str]]:
    """Return part and whole of the rates that can be made of these quantities."""
    there = role_quantities(run)
    both = {name: own[:2] for name, own in (RATES | RATIOS).items()}
    return {
        f"indicator_{name}": (part, whole)
        for name, (part, whole) in both.items()
        if all(one in there for one in (part, *quantities(whole)))
    }


def of_roles(run: Numbers, name: str, terms: tuple[Term, ...], cell: Cell, year: int) -> Made:
    """Return how a quantity of roles is made."""
    labels = run.plan.system.dimensions
    parts = []
    for term in terms:
        if any(d in cell and labels[d][i] != cell[d] for d, i in term.at):
            continue
        own = {d: label for d, label in cell.items() if d in term.dims}
        parts.append(Part(term.name, run.value(term.name, own, year), spot(term.name, own, year)))
    unit = "t" if terms and terms[0].name in run.plan.stocks else "t/yr"
    total = sum(part.amount for part in parts)
    return Made(total, unit, "what plays this role, added up", tuple(parts))


def of_rate(run: Numbers, both: tuple[str, str], cell: Cell, year: int) -> Made:
    """Return how a rate is made of its part and its whole."""
    part, whole = both
    terms = role_quantities(run)

    def total(name: str) -> float:
        return of_roles(run, name, terms[name], cell, year).value

    above, below = total(part), float(combined(whole, total))
    rate = above / below if below else float("nan")
    names = dict.fromkeys((part, *quantities(whole)))
    parts = tuple(Part(name, total(name), spot(name, cell, year)) for name in names)
    text = f"{part} ({number(above)}) / {whole} ({number(below)})"
    return Made(rate, "1", text, parts, adds_up=False)

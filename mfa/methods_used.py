"""The methods that a run used, and where each of them is published."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from mfa.assignments import within
from mfa.bibtex import Entry, entries, escaped
from mfa.files import read_text
from mfa.forms import LawOf
from mfa.scenario import Scenario
from mfa.schema import Stock
from mfa.used_sources import owned, parameters_used

LIFETIMES = {"weibull": "weibull1951", "gompertz": "gompertz1825"}
"""Laws of lifetimes that have a publication of their own; the others are plain distributions."""

GROWTH = {
    "logistic": "verhulst1838",
    "gompertz": "winsor1932",
    "richards": "richards1959",
    "modified_exponential": "mitscherlich1909",
}
"""Laws of growth that have a publication of their own."""

DESIGNS = {
    "lhs": ("mckay1979",),
    "sobol": ("sobol1967",),
    "saltelli": ("sobol1967", "saltelli2010"),
}
"""Designs of samples."""


def methods_used(
    scenario: Scenario, indicators: Iterable[str] = (), design: str = ""
) -> Iterator[tuple[str, Entry]]:
    """Yield what a run used a method for, and its reference.

    Parameters
    ----------
    scenario : Scenario
    indicators : iterable of str
        Names of indicators in its result, with or without ``indicator_``.
    design : str
        How samples were drawn.
    """
    known = library()
    stocks = [p for p in scenario.system.processes.values() if isinstance(p, Stock)]
    if stocks:
        yield "stocks of cohorts", known["mueller2006"]
    if any(stock.on_decline == "retire_early" for stock in stocks):
        yield "early retirement where a stock falls", known["pauliuk_heeren2020"]
    for law in sorted({stock.lifetime.law for stock in stocks} & {*LIFETIMES}):
        yield f"lifetimes: law {law}", known[LIFETIMES[law]]
    for law in sorted(_growth_laws(scenario) & {*GROWTH}):
        yield f"growth: law {law}", known[GROWTH[law]]
    yield from _of_indicators(indicators)
    for key in DESIGNS.get(design, ()):
        yield f"samples: design {design}", known[key]


@lru_cache(maxsize=1)
def library() -> dict[str, Entry]:
    """Return the references of the methods by their keys."""
    return entries(read_text(Path(__file__).with_name("methods.bib")))


def _growth_laws(scenario: Scenario) -> set[str]:
    return {
        form.law
        for name in parameters_used(scenario)
        for entry, _ in owned(scenario, name)
        for form in within(entry.form)
        if isinstance(form, LawOf)
    }


def _of_indicators(names: Iterable[str]) -> Iterator[tuple[str, Entry]]:
    """Yield the references of indicators that the registry has under their names."""
    from mfa.indicators import INDICATORS

    for name in sorted({name.removeprefix("indicator_") for name in names} & {*INDICATORS}):
        for text in re.split(r";\s+(?=[A-Z])", INDICATORS[name].reference):
            if (found := entry_of(text)) is not None:
                yield f"indicator {name}", found


def entry_of(text: str) -> Entry | None:
    """Return the entry of a reference that is written as a line; none of an own definition.

    >>> entry_of("UNEP (2010), Metal Stocks in Society: Scientific Synthesis").fields["year"]
    '2010'
    >>> entry_of("Geyer et al. (2016), Misconceptions, doi:10.1111/jiec.12355").key
    'geyer2016'
    """
    doi = re.search(r"doi:\s*(10\.\S+?)[,.;]?(\s|$)", text)
    if doi:
        for entry in library().values():
            if entry.doi.lower() == doi[1].lower():
                return entry
    found = re.match(r"([^()]+?) \((\d{4})\), (.+?)(?:, doi:.*)?$", text)
    if found is None:
        return None
    who, year, title = found.groups()
    named = re.split(r", | and ", who.replace(" et al.", ""))
    authors = named if all(len(name.split()) == 1 for name in named) else [f"{{{escaped(who)}}}"]
    key = re.sub(r"\W", "", named[0].split()[-1].lower()) + year
    fields = {
        "author": " and ".join([*authors, *(["others"] if " et al." in who else [])]),
        "title": escaped(re.sub(r" \((?!.*\().*\)$", "", title)),
        "year": year,
    }
    return Entry("misc", key, fields | ({"doi": doi[1]} if doi else {}))

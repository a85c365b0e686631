"""The line at the foot of a figure: which program, which scenario, whose data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

SHORT = {
    "Argonne National Laboratory": "Argonne",
    "Council of the European Union": "Council of the EU",
    "European Commission": "European Commission",
    "Intergovernmental Panel on Climate Change": "IPCC",
    "International Council on Clean Transportation": "ICCT",
    "International Energy Agency": "IEA",
    "U.S. Geological Survey": "USGS",
    "UNEP International Resource Panel": "UNEP IRP",
}
"""Publishers by the name that everybody knows them by."""


def credit(attrs: Mapping[str, Any]) -> str:
    """Return program, scenario and sources as one line, of what a result says of itself.

    Parameters
    ----------
    attrs : mapping
        The attributes of a result: ``source`` (or ``mfa_version``), ``scenario_name``,
        ``scenario_sha256`` and ``references``, one source a line.

    Returns
    -------
    str
        Every source is named by who published it and when; what the attributes do not tell is left out,
        and nothing of them gives an empty text.

    Examples
    --------
    >>> credit({"source": "mfa 0.1.0", "scenario_name": "narrow", "references":
    ...     "International Energy Agency (2025): Explorer\\nLundaev, V.; Solomon, A. (2023): Review"})
    'mfa 0.1.0 · narrow · sources: IEA 2025; Lundaev and Solomon 2023'
    >>> credit({"units": "t"})
    ''
    """
    names = [name for name in str(attrs.get("scenario_name", "")).split(", ") if name]
    told = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    program = str(attrs.get("source", ""))
    program = program if program.startswith("mfa ") else ""
    lines = [line for line in str(attrs.get("references", "")).split("\n") if line.strip()]
    cited = "" if lines in ([], ["none cited"]) else "sources: " + "; ".join(sources(lines))
    return " · ".join(part for part in (program, told, cited) if part)


def sources(references: list[str]) -> list[str]:
    """Return each source as name and year; the years of one publisher stand together.

    >>> sources(["U.S. Geological Survey (2022): A", "U.S. Geological Survey (2023): B", "Expert: C"])
    ['Expert', 'USGS 2022, 2023']
    """
    pairs = sorted({_name_and_year(line) for line in references})
    found = []
    for name, group in groupby(pairs, key=lambda pair: pair[0]):
        years = ", ".join(year for _, year in group if year)
        found.append(f"{name} {years}".strip())
    return found


def _name_and_year(line: str) -> tuple[str, str]:
    """Return who wrote what a line of references names, and when.

    >>> _name_and_year("Pauliuk, Stefan; others: ODYM. Tutorial")
    ('Pauliuk et al.', '')
    """
    match = re.match(r"(?P<by>.+?)(?: \((?P<year>\d{4}[a-z]?)\))?: ", line)
    if match is None:
        return line.strip()[:60], ""
    authors = [author.strip() for author in match["by"].split(";")]
    if authors[0].startswith("United Nations") and "Social Affairs" in match["by"]:
        authors = ["UN DESA"]
    names = [SHORT.get(author, author.partition(",")[0]) for author in authors]
    if len(names) > 2 or "others" in names:
        told = f"{names[0]} et al."
    else:
        told = " and ".join(names)
    return told, match["year"] or ""

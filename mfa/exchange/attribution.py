"""What every export says of a result: which run made it, and the sources that it has to name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

LICENCES = {
    "CC BY 4.0": ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "CC BY 3.0 IGO": ("CC-BY-3.0-IGO", "https://creativecommons.org/licenses/by/3.0/igo/"),
    "CC0": ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "MIT": ("MIT", "https://opensource.org/license/mit"),
    "public domain": ("other-pd", "https://creativecommons.org/publicdomain/mark/1.0/"),
    "BSD-3": ("BSD-3-Clause", "https://opensource.org/license/bsd-3-clause"),
}
"""Name and address of a licence, by the words in which a bibliography tells it."""

_LICENCE = re.compile(r"^\s*licen[cs]e\s*=\s*[{\"](.*?)[}\"]\s*,?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """A source of the numbers of a run: its reference, where it is found, its licence if told."""

    key: str
    text: str
    address: str = ""
    licence: str = ""

    @property
    def credit(self) -> str:
        """The line that names the source and its licence."""
        return f"{self.text}. Licence: {self.licence}" if self.licence else self.text


def sources(result: xr.Dataset) -> tuple[Source, ...]:
    """Return the sources that a result names, with licences where its manifest has them."""
    merged: Mapping[str, Any] = result.encoding.get("scenario") or {}
    told = str(result.attrs.get("references", "none cited"))
    listed = [] if told == "none cited" else told.splitlines()
    references = merged.get("references") or {f"source {i}": t for i, t in enumerate(listed, 1)}
    entries = merged.get("bibliography", {})
    found = []
    for key, text in references.items():
        address = re.search(r"https?://[^\s,;]+", str(text))
        licence = _LICENCE.search(str(entries.get(key, "")))
        where = address[0].rstrip(".") if address else ""
        found.append(Source(str(key), str(text), where, licence[1] if licence else ""))
    return tuple(found)


def facts(result: xr.Dataset) -> dict[str, str]:
    """Return what a reader has to know of a result, line by line."""
    attrs = result.attrs
    told = {
        "title": attrs.get("title", ""),
        "scenario": attrs.get("scenario_name", ""),
        "about": " ".join(str(attrs.get("comment", "")).split()),
        "model": attrs.get("source", ""),
        "made": str(attrs.get("history", "")).partition("\n")[0],
        "scenario_sha256": attrs.get("scenario_sha256", ""),
        "inputs_sha256": attrs.get("inputs_sha256", ""),
        "git_commit": attrs.get("git_commit", ""),
        "balance residual": attrs.get("balance_residual", ""),
        "inflow enters its year at": attrs.get("inflow_convention", ""),
        "samples": result.sizes.get("sample", ""),
        "seed": attrs.get("seed", "") if "sample" in result.dims else "",
    }
    return {key: str(value) for key, value in told.items() if str(value)}


def attribution(result: xr.Dataset) -> str:
    """Return the text that has to go with the numbers: software, then sources with licences."""
    lines = [f"Made with {result.attrs.get('source', 'mfa')}, which is under the MIT licence."]
    credits = [one.credit for one in sources(result)]
    if credits:
        lines += [
            "The numbers are computed from these sources, and are not those that they print:",
            *credits,
        ]
    return "\n".join(lines)


def licences_of(source: Source) -> list[tuple[str, str]]:
    """Return name and address of each licence that a source tells and that is known.

    >>> licences_of(Source("a", "A", licence="public domain; the transcription CC BY 4.0"))[0]
    ('CC-BY-4.0', 'https://creativecommons.org/licenses/by/4.0/')
    """
    return [found for words, found in LICENCES.items() if words in source.licence]

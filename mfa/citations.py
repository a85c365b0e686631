"""What to cite for a result: the software, the sources its numbers rest on, the methods used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfa.bibtex import Entry, entries, escaped
from mfa.errors import MfaError, known
from mfa.files import parse_yaml, read_text
from mfa.manifest import bibliography_of
from mfa.methods_used import methods_used
from mfa.saved_results import Saved, saved
from mfa.stored_parts import some
from mfa.used_sources import Use, sources_used
from mfa.yaml_text import to_text

KINDS = {"article": "article", "techreport": "report", "book": "book"}
"""Kinds of references of CFF, by those of BibTeX; others are generic."""

FREE = {
    "CC BY 4.0": "CC-BY-4.0",
    "MIT": "MIT",
    "BSD-3-Clause": "BSD-3-Clause",
}
"""Licences that CFF knows, by their usual names."""


@dataclass(frozen=True)
class Citation:
    """What a result has to cite.

    Attributes
    ----------
    software : Entry
    sources : mapping of Entry to uses
        Of each source of data, once; the parameters that it stands beside.
    methods : mapping of Entry to texts
        What each method was used for.
    """

    software: Entry
    sources: Mapping[str, tuple[Entry, tuple[Use, ...]]]
    methods: Mapping[str, tuple[Entry, tuple[str, ...]]]

    def entries(self) -> Iterator[Entry]:
        """Yield every reference once: software, data, methods."""
        yield self.software
        for entry, _ in (*self.sources.values(), *self.methods.values()):
            yield entry

    def licences(self) -> list[str]:
        """Return a line for each source of data under a licence: what has to stand beside figures."""
        lines = []
        for entry, _ in self.sources.values():
            if licence := entry.plain("licence"):
                by = " and ".join(entry.authors) or entry.key
                told = (f"({year})" if (year := entry.plain("year")) else "", entry.plain("title"))
                lines.append(f"{' '.join(filter(None, (by, *told)))}: {licence}")
        return lines

    def bibtex(self) -> str:
        """Return the references as BibTeX; comments say what each was used for."""
        named = "% The data of this run" + ("" if self.sources else ": its values name no source")
        parts = ["% The software", str(self.software), named]
        for entry, uses in self.sources.values():
            names = dict.fromkeys(use.parameter for use in uses)
            parts.append(f"% {', '.join(names)}\n{entry}")
        if self.methods:
            parts.append("% The methods of this run")
        for entry, texts in self.methods.values():
            parts.append(f"% {'; '.join(texts)}\n{entry}")
        if lines := self.licences():
            parts.append(
                "\n".join(
                    [
                        "% Licences of the data",
                        *(f"% {line}".replace("@", " at ") for line in lines),
                    ]
                )
            )
        return "\n\n".join(parts)

    def cff(self) -> str:
        """Return the references as a file in the Citation File Format 1.2.0."""
        own = self.software
        content: dict[str, Any] = {
            "cff-version": "1.2.0",
            "message": "Please cite the software and the references, which this result rests on.",
            "type": "software",
            "title": own.plain("title"),
            "authors": [_person(name) for name in own.authors],
            "version": own.plain("version"),
        }
        if date := own.plain("date"):
            content["date-released"] = date
        if commit := own.plain("commit"):
            content["commit"] = commit
        content["license"] = own.plain("license")
        content["references"] = [
            *(_reference(entry, "data") for entry, _ in self.sources.values()),
            *(_reference(entry, "generic") for entry, _ in self.methods.values()),
        ]
        return to_text({key: value for key, value in content.items() if value}).rstrip("\n")


def cite(folder: str | Path) -> Citation:
    """Return what to cite for a result.

    Parameters
    ----------
    folder : path
        Of results; its manifest is all that is needed, wherever the folder is.

    Returns
    -------
    Citation
        With ``bibtex()``, ``cff()`` and ``licences()``.  Sources are those whose values decide
        the numbers of the run: not those of a value that another replaces, of a row for years
        that are not run, or of a parameter that no process uses.

    Raises
    ------
    MfaError
        If there is no result with its manifest.

    Examples
    --------
    >>> import mfa
    >>> print(mfa.cite("results/reference").bibtex())  # doctest: +SKIP
    """
    return citation(saved(folder))


def citation(kept: Saved) -> Citation:
    """Return what to cite for a result that is open; see :func:`cite`."""
    uses: dict[str, list[Use]] = {}
    written: dict[str, Entry] = {}
    for scenario in kept.scenarios:
        written |= {
            k: e for text in bibliography_of(scenario).values() for k, e in entries(text).items()
        }
        for use in sources_used(scenario):
            if use not in uses.setdefault(use.key, []):
                uses[use.key].append(use)
    named = some(kept.folder, lambda _, attrs: attrs.get("kind") == "indicator").data_vars
    design = str(kept.manifest.draws.get("design", ""))
    methods: dict[str, tuple[Entry, list[str]]] = {}
    for scenario in kept.scenarios:
        for text, entry in methods_used(scenario, map(str, named), design):
            texts = methods.setdefault(entry.key, (entry, []))[1]
            if text not in texts:
                texts.append(text)
    sources = {
        key: (written.get(key) or _unwritten(key, kept.manifest.references), tuple(own))
        for key, own in sorted(uses.items())
    }
    return Citation(
        software(kept),
        _once(sources),
        {
            key: (entry, tuple(texts))
            for key, (entry, texts) in methods.items()
            if key not in sources
        },
    )


def _once(
    sources: Mapping[str, tuple[Entry, tuple[Use, ...]]],
) -> dict[str, tuple[Entry, tuple[Use, ...]]]:
    """Return sources whose entries have keys of their own."""
    found: dict[str, tuple[Entry, tuple[Use, ...]]] = {}
    for entry, uses in sources.values():
        key, number = entry.key, 2
        while key in found or key == SOFTWARE:
            key, number = f"{entry.key}_{number}", number + 1
        found[key] = (Entry(entry.kind, key, entry.fields), uses)
    return found


def _unwritten(key: str, lines: Mapping[str, str]) -> Entry:
    """Return the entry of a source that has none: of its line, or of what was written."""
    line = lines.get(key, key)
    slug = re.sub(r"\W+", "_", key).strip("_") or "source"
    found = re.match(r"(.+?) \((\d{4})\): (.+)", line)
    address = re.search(r"https?://\S+[^\s.]", line)
    fields = {"title": escaped(line)}
    if found:
        names = " and ".join(f"{{{escaped(name)}}}" for name in found[1].split("; "))
        fields = {"author": names, "title": escaped(found[3]), "year": found[2]}
    if address:
        fields["url"] = address[0]
    return Entry("misc", slug, fields)


def software(kept: Saved) -> Entry:
    """Return the entry of the software in the version, and at the commit, that made a result."""
    told = parse_yaml(read_text(CFF), str(CFF))
    made = json.loads(kept.attrs.get("provenance", "{}"))
    version = str(kept.attrs.get("mfa_version") or kept.manifest.mfa_version)
    names = [
        f"{{{escaped(str(one['name']))}}}"
        if "name" in one
        else escaped(f"{one['family-names']}, {one['given-names']}")
        for one in told["authors"]
    ]
    same = version == str(told["version"])
    fields = {
        "author": " and ".join(names),
        "title": f"{{{escaped(str(told['title']))}}}",
        "version": version,
        "year": str(told["date-released"])[:4] if same else "",
        "date": str(told["date-released"]) if same else "",
        "commit": str(made.get("commit", "")),
        "doi": str(told.get("doi", "")),
        "url": str(told.get("repository-code", "")),
        "license": str(told.get("license", "")),
    }
    fields["note"] = "; ".join(
        text
        for text in (
            f"commit {fields['commit'][:12]}" if fields["commit"] else "",
            f"scenarios at commit {kept.attrs['git_commit'][:12]}"
            if "git_commit" in kept.attrs
            else "",
            f"content of the scenarios: sha256 {str(kept.attrs['scenario_sha256'])[:12]}",
        )
        if text
    )
    return Entry("software", SOFTWARE, {key: text for key, text in fields.items() if text})


SOFTWARE = "mfa"
"""The key of the software."""

CFF = Path(__file__).with_name("CITATION.cff")
"""How the software itself is cited; the same as in the root of its repository."""


def _person(name: str) -> dict[str, str]:
    last, comma, first = name.partition(", ")
    if comma and "," not in first:
        return {"family-names": last, "given-names": first}
    return {"name": name}


def _reference(entry: Entry, otherwise: str) -> dict[str, Any]:
    names = [name for name in entry.authors if name != "others"]
    found: dict[str, Any] = {
        "type": KINDS.get(entry.kind, otherwise),
        "title": entry.plain("title") or entry.key,
        "authors": [*map(_person, names)] or [{"name": entry.plain("title") or entry.key}],
    }
    if year := entry.plain("year"):
        found["year"] = int(year)
    for key, name in (
        ("journal", "journal"),
        ("volume", "volume"),
        ("number", "number"),
        ("note", "notes"),
    ):
        if text := entry.plain(name.removesuffix("s") if name == "notes" else key):
            found[name] = text
    start, _, end = entry.plain("pages").partition("–")
    if start:
        found |= {"start": start} | ({"end": end} if end else {})
    if entry.doi:
        found["doi"] = entry.doi
    elif url := entry.plain("url"):
        found["url"] = url
    if licence := entry.plain("licence"):
        if licence in FREE:
            found["license"] = FREE[licence]
        else:
            found["notes"] = ". ".join(filter(None, (found.get("notes"), f"Licence: {licence}")))
    return found


def in_format(told: Citation, name: str) -> str:
    """Return a citation in one of the formats.

    Raises
    ------
    MfaError
        For another format.
    """
    formats = {"bibtex": told.bibtex, "cff": told.cff}
    if name not in formats:
        raise MfaError(f"unknown format {name!r}. {known(name, formats, 'formats')}")
    return formats[name]()

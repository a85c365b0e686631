"""BibTeX: entries of a file, their fields, and the plain text that stands in them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

ACCENTS = {
    '"': "\u0308",
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "c": "\u0327",
    "v": "\u030c",
    "r": "\u030a",
    "u": "\u0306",
    "H": "\u030b",
}
"""The combining character of each accent of LaTeX."""

LETTERS = {"aa": "å", "AA": "Å", "o": "ø", "O": "Ø", "ae": "æ", "AE": "Æ", "ss": "ß", "l": "ł"}
"""Letters that LaTeX has commands for."""

ESCAPED = "&%_#$"
"""Characters that LaTeX wants a backslash before."""


@dataclass(frozen=True)
class Entry:
    """One entry of a BibTeX file.

    Attributes
    ----------
    kind : str
        article, misc, techreport, …
    key : str
    fields : mapping of name to text
        As written, without the braces or quotes around each.
    """

    kind: str
    key: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def plain(self, name: str) -> str:
        """Return a field as plain text, nothing if it is not there."""
        return plain(self.fields.get(name, ""))

    @property
    def doi(self) -> str:
        return self.plain("doi").removeprefix("https://doi.org/")

    @property
    def address(self) -> str:
        """Return where it can be found: the address of its DOI, or its URL."""
        return f"https://doi.org/{self.doi}" if self.doi else self.plain("url")

    @property
    def authors(self) -> tuple[str, ...]:
        """Return the names of authors, or of editors, as written: ``Last, First`` or an institution."""
        text = self.fields.get("author") or self.fields.get("editor", "")
        return tuple(plain(name) for name in _outside(text, " and ") if name.strip())

    def __str__(self) -> str:
        width = max((len(name) for name in self.fields), default=0)
        lines = [f"  {name.ljust(width)} = {{{text}}}" for name, text in self.fields.items()]
        return f"@{self.kind}{{{self.key},\n" + ",\n".join(lines) + "\n}"

    def line(self) -> str:
        """Return the entry as one line of plain text.

        >>> Entry("misc", "iea", {"author": "{IEA} and Kim, D.", "year": "2025"}).line()
        'IEA; Kim, D. (2025)'
        """
        by = "; ".join(self.authors)
        year, title = self.plain("year"), self.plain("title")
        head = f"{by} ({year})" if year else by
        place = self.plain("journal") or self.plain("publisher") or self.plain("howpublished")
        volume = " ".join(filter(None, (place, self.plain("volume"))))
        where = ", ".join(filter(None, (volume, self.plain("pages"))))
        parts = [part for part in (title, where, self.address, self.plain("note")) if part]
        told = ". ".join(part.rstrip(".") for part in parts)
        return f"{head}: {told}" if told else head


def entries(text: str) -> dict[str, Entry]:
    r"""Return the entries of a BibTeX file by their keys; what stands between them is comment.

    >>> found = entries('% all\n@misc{iea, title = {The {EU}}, year = 2025, note="a, b"}')
    >>> found["iea"].fields
    {'title': 'The {EU}', 'year': '2025', 'note': 'a, b'}
    """
    found: dict[str, Entry] = {}
    for start in re.finditer(r"^@(\w+)\s*\{\s*([^,\s{}]+)\s*,", text, re.MULTILINE):
        if start[1].lower() in ("comment", "string", "preamble"):
            continue
        inside = text[start.end() : _closing(text, start.end())]
        found.setdefault(start[2], Entry(start[1].lower(), start[2], dict(_fields(inside))))
    return found


def _closing(text: str, start: int) -> int:
    """Return where the brace is closed that was opened before the start: at the latest at the next entry."""
    depth, end = 1, text.find("\n@", start)
    for position in range(start, len(text) if end < 0 else end):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return len(text) if end < 0 else end


def _fields(body: str) -> Iterator[tuple[str, str]]:
    for part in _outside(body, ","):
        name, equals, value = part.partition("=")
        text = " ".join(value.split())
        if equals and len(text) > 1 and (text[0], text[-1]) in (("{", "}"), ('"', '"')):
            text = text[1:-1]
        if equals and name.strip():
            yield name.strip().lower(), text if _in_pairs(text) else re.sub(r"[{}]", "", text)


def _in_pairs(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth < 0:
            return False
    return depth == 0


def _outside(text: str, separator: str) -> Iterable[str]:
    """Divide a text at a separator where that stands in no braces and no quotes."""
    parts, depth, quoted, last = [], 0, False, 0
    for position, letter in enumerate(text):
        if letter == '"' and depth == 0 and separator == ",":
            quoted = not quoted
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0 and not quoted and text.startswith(separator, position) and position >= last:
            parts.append(text[last:position])
            last = position + len(separator)
    return [*parts, text[last:]]


def plain(text: str) -> str:
    r"""Return what LaTeX writes as plain text: accents, escaped characters, no braces.

    >>> plain(r"P{\'e}n{\'e}lope M{\aa}nberger \& {\v{c}} 22--30")
    'Pénélope Månberger & č 22–30'
    """
    text = re.sub(rf"\\({'|'.join(LETTERS)})(?![A-Za-z])\s?", lambda found: LETTERS[found[1]], text)
    text = re.sub(
        r"\\([\"'`^~=.]|[cvruH](?=[\s{]))\s*\{?\\?(\w)\}?",
        lambda found: unicodedata.normalize("NFC", found[2] + ACCENTS[found[1]]),
        text,
    )
    text = re.sub(rf"\\(?=[{re.escape(ESCAPED)}])", "", text).replace("--", "–")
    return " ".join(re.sub(r"[{}]", "", text).split())


def escaped(text: str) -> str:
    r"""Return plain text as a field of BibTeX can hold it, with its braces in pairs.

    >>> escaped("100 % of Al & Fe_2 {a")
    '100 \\% of Al \\& Fe\\_2 a'
    """
    found = re.sub(rf"[{re.escape(ESCAPED)}]", lambda mark: "\\" + mark[0], text)
    return re.sub(r"[{}]", "", found.replace("\\\\", "\\"))

"""One family of errors: where, what, what is known, what to do.

Every check of a file or a system collects its :class:`Problem` objects in a
:class:`Problems` list and raises one :class:`MfaError` with all of them, so
that a user mends a file once and not line by line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class Place:
    """Where something was written: a file, its line and its column (from 1).

    ``source`` is the place in another file that it was taken from, as text.  In a workbook
    ``sheet`` is the name of the sheet, line and column are those of the cell.

    >>> str(Place("x.csv", 7, 3)), str(Place("x.xlsx", 7, 28, sheet="Sheet1"))
    ('x.csv:7:3', 'x.xlsx:Sheet1!AB7')
    """

    file: str = ""
    line: int = 0
    column: int = 0
    source: str = ""
    sheet: str = ""

    def __str__(self) -> str:
        if not self.line:
            return self.file
        if self.sheet:
            return f"{self.file}:{self.sheet}!{_letters(self.column)}{self.line}"
        shown = f"{self.file}:{self.line}:{self.column}"
        return f"{shown} (from {self.source})" if self.source else shown


def _letters(column: int) -> str:
    """Return the letters of a column of a sheet.

    >>> _letters(1), _letters(26), _letters(27), _letters(703)
    ('A', 'Z', 'AA', 'AAA')
    """
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where it stands."""

    message: str
    place: Place = field(default_factory=Place)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place.file else self.message


class MfaError(ValueError):
    """Bad input: one message that lists all problems found.

    Attributes
    ----------
    problems : tuple of Problem
        What is wrong, in the order in which it stands in the files.
    """

    def __init__(self, problems: str | Problem | Iterable[Problem], place: Place | None = None):
        if isinstance(problems, str):
            problems = Problem(problems, place or Place())
        if isinstance(problems, Problem):
            problems = (problems,)
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class BalanceError(MfaError):
    """Mass was lost or made somewhere; the message names process, year and cell."""


class YearsError(MfaError):
    """A value does not reach over the years of the run; either of the two can be mended."""


class Problems:
    """A growing list of problems, raised together."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def add(self, message: str, place: Place | None = None) -> None:
        problem = Problem(message, place or Place())
        if problem not in self._found:
            self._found.append(problem)

    def include(self, error: MfaError) -> None:
        """Take over the problems of an error that was caught."""
        for problem in error.problems:
            self.add(problem.message, problem.place)

    def raise_if_any(self) -> None:
        """Raise one :class:`MfaError` with every problem, sorted by place."""
        if self._found:
            raise MfaError(sorted(self._found, key=lambda problem: problem.place))


def each(things: Iterable[Any], function: Callable[[Any], T]) -> list[T]:
    """Call a function for each thing; raise the problems of all of them together."""
    problems, results = Problems(), []
    for thing in things:
        try:
            results.append(function(thing))
        except MfaError as error:
            problems.include(error)
    problems.raise_if_any()
    return results


def known(name: Any, names: Iterable[Any], what: str = "known") -> str:
    """Say which names exist, and which of them was probably meant.

    >>> known("colection", ["collection", "yield"])
    'Did you mean "collection"? (known: collection, yield)'
    """
    labels = sorted({str(label) for label in names})
    close = get_close_matches(str(name), labels, n=1, cutoff=0.6)
    shown = ", ".join(labels[:30]) + (", …" if len(labels) > 30 else "")
    hint = f'Did you mean "{close[0]}"? ' if close else ""
    return f"{hint}({what}: {shown or 'none'})"


def shortly(thing: object) -> str:
    """Name the type of a thing, and its text if it is one.

    >>> shortly("a.yaml"), shortly(None), shortly([1])
    ("the text 'a.yaml'", 'None', 'a list')
    """
    if isinstance(thing, str):
        return f"the text {thing[:60]!r}"
    return "None" if thing is None else f"a {type(thing).__name__}"

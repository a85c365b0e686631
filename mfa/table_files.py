"""Long tables in files: CSV, or a sheet of an Excel workbook, and where each of their cells stands."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from mfa.errors import MfaError, Place, Problems
from mfa.files import read_text
from mfa.workbooks import is_workbook, sheet_text

IAMC = {"model", "scenario", "region", "variable", "unit"}
"""Columns of the format in which scenario databases give out their tables."""

_SHEET = re.compile(r"(.*\.xls[xm])(?::(.+))?", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A long table as text: columns by name, and the line of every row.

    Attributes
    ----------
    path : str
        The file; of a table in a workbook, that of the workbook.
    columns : dict of name to tuple of str
    lines : tuple of int
        Line, or row of the sheet, of each row.
    text : str
        The whole table as CSV.
    fields : tuple of int
        Of a wide table that was read: the field in its line that each value stands in.
    sheet : str, optional
        The sheet of a workbook; "" for a CSV file.
    at : tuple of int
        The field in its line that each column stands in.
    """

    path: str
    columns: dict[str, tuple[str, ...]]
    lines: tuple[int, ...]
    text: str = field(repr=False)
    fields: tuple[int, ...] = ()
    sheet: str = ""
    at: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, row: int | None = None, column: str = "") -> Place:
        """Return line and column of a cell, of a row, or of a name in the header."""
        names = list(self.columns)
        first = self.at[0] if self.at else 0
        position = self.at[names.index(column)] if column in names else first
        if self.fields and row is not None and column == "value":
            position = self.fields[row]
        header = next((i for i, line in enumerate(self._written, 1) if line.strip(",\r\n")), 1)
        start = header if row is None else self.lines[row]
        if self.sheet:
            return Place(self.path, start, position + 1, sheet=self.sheet)
        quoted, end = False, Place(self.path, start, 1)
        for number, line in enumerate(self._written[start - 1 :], start):
            for at, character in enumerate(line, 1):
                if position == 0:
                    return Place(self.path, number, at)
                if character == '"':
                    quoted = not quoted
                elif character == "," and not quoted:
                    position -= 1
                end = Place(self.path, number, at + 1)
        return end

    @cached_property
    def _written(self) -> list[str]:
        """The lines of the text, as the CSV reader counts them."""
        return list(io.StringIO(self.text, newline=""))


def read_table(path: str | Path, place: Place | None = None, sheet: str = "") -> Table:
    """Read a long table with one header row; every cell stays text.

    Parameters
    ----------
    path : path
        A CSV file (UTF-8, commas) or an Excel workbook (``.xlsx``).
    place : Place, optional
        Where the file is named.
    sheet : str, optional
        Of a workbook; it may be left out if there is one only.

    Returns
    -------
    Table
        A table in the IAMC format (Model, Scenario, Region, Variable, Unit and a column for each
        year, or year and value), as scenario databases give it out, becomes a long one; empty
        cells of a wide one are no rows.  ``NA`` is Namibia and ``NO`` is Norway: nothing is read
        as missing.

    Raises
    ------
    MfaError
        With file, line and column, or file, sheet and cell.
    """
    if is_workbook(path):
        name, text = sheet_text(path, sheet, place)
        return _table_once(text, f"{path}:{name}")
    if sheet:
        raise MfaError(f"{path} is no workbook (.xlsx), so that it has no sheet {sheet!r}", place)
    return _table_once(read_text(path, place), str(path))


@lru_cache(maxsize=128)
def _table_once(text: str, path: str) -> Table:
    return parse_table(text, path)


def parse_table(text: str, name: str) -> Table:
    """Read CSV text; see :func:`read_table`.  ``name`` is the path, or ``book.xlsx:sheet``."""
    book = _SHEET.fullmatch(name)
    path, sheet = (book[1], book[2] or "only sheet") if book else (name, "")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(start)
            start = start + 1 if book else reader.line_num + 1
    except csv.Error as error:
        raise MfaError(f"cannot be read as CSV: {error}", Place(path, start, 1)) from None
    top = Place(path, 1, 1, sheet=sheet)
    if len(rows) < 2:
        raise MfaError("the table has no rows; it needs a header and values", top)
    header = [name.strip() for name in rows[0]]
    at = tuple(i for i, name in enumerate(header) if name or not book)
    low = {name.lower() for name in header}
    wide = low >= IAMC
    if not wide and not book:
        _refuse_other_separators(header, Place(path, lines[0], 1))
    if not wide:
        _refuse_numbers(header, Place(path, lines[0], 1, sheet=sheet))
    if doubled := sorted({header[i] for i in at if header.count(header[i]) > 1}):
        where = Place(path, lines[0], header.index(doubled[0]) + 1, sheet=sheet) if book else top
        raise MfaError(f"the header names {doubled[0]!r} twice", where)
    _refuse_nameless(rows, lines, at, Place(path, sheet=sheet)) if book else None
    for row, line in zip(rows[1:], lines[1:], strict=True):
        if len(row) != len(header):
            message = f"{len(row)} cells, but the header has {len(header)}: {', '.join(header)}"
            raise MfaError(message, Place(path, line, 1, sheet=sheet))
    if wide and not low >= {"year", "value"}:
        return _lengthened(rows, lines, at, text, path, sheet)
    names = [name.lower() if wide else name for name in header]
    columns = {names[i]: tuple(row[i].strip() if wide else row[i] for row in rows[1:]) for i in at}
    return Table(path, columns, tuple(lines[1:]), text, sheet=sheet, at=at)


def _lengthened(
    rows: list[list[str]],
    lines: list[int],
    at: tuple[int, ...],
    text: str,
    path: str,
    sheet: str,
) -> Table:
    """Turn a wide IAMC table into a long one, one row for each cell that holds a number."""
    header, top = rows[0], Place(path, 1, 1, sheet=sheet)
    names = {i: header[i].strip().lower() for i in at}
    years = [i for i, name in names.items() if re.fullmatch(r"\d{4}", name)]
    if strange := [i for i, name in names.items() if i not in years and name not in IAMC]:
        where = Place(path, lines[0], strange[0] + 1, sheet=sheet) if sheet else top
        name = header[strange[0]].strip()
        raise MfaError(f"column {name!r} is no year of an IAMC table", where)
    cells = [
        (row, line, i)
        for row, line in zip(rows[1:], lines[1:], strict=True)
        for i in years
        if row[i].strip()
    ]
    if not cells:
        raise MfaError("the table has no rows; it needs a header and values", top)
    labels = [i for i in at if i not in years]
    columns = {names[i]: tuple(row[i].strip() for row, _, _ in cells) for i in labels}
    columns["year"] = tuple(names[i] for _, _, i in cells)
    columns["value"] = tuple(row[i].strip() for row, _, i in cells)
    fields = tuple(i for _, _, i in cells)
    lengthened = (*labels, years[0], years[0])
    own = tuple(line for _, line, _ in cells)
    return Table(path, columns, own, text, fields, sheet, lengthened)


def _refuse_other_separators(header: Sequence[str], place: Place) -> None:
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise MfaError(f"the cells are separated by {name}; save the table with commas", place)


def _refuse_numbers(header: Sequence[str], place: Place) -> None:
    if any(re.fullmatch(r"[-+]?[\d.]+([eE][-+]?\d+)?", name) for name in header):
        raise MfaError(
            f"the first row names the columns (year, …, value, unit), this one is {', '.join(header)}",
            place,
        )


def _refuse_nameless(
    rows: list[list[str]], lines: list[int], at: tuple[int, ...], book: Place
) -> None:
    """Raise if a column of a sheet holds something, but has no name in the first row."""
    problems = Problems()
    for position in sorted({*range(len(rows[0]))} - {*at}):
        held = [line for row, line in zip(rows, lines, strict=True) if row[position].strip()]
        if held:
            place = Place(book.file, held[0], position + 1, sheet=book.sheet)
            message = f"the column has no name in row {lines[0]}, the first of the table"
            problems.add(message, place)
    problems.raise_if_any()

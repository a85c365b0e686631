"""Excel workbooks in: a sheet as the text of a table, and all in it that is no plain cell refused.

The package openpyxl reads them: it tells a cell that holds an error, ``#REF!``, from an empty one.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from mfa.errors import MfaError, Place, Problems, known

SUFFIXES = (".xlsx", ".xlsm")


@dataclass(frozen=True)
class Sheet:
    """The cells of a sheet as text, row by row from A1, and what is wrong with it."""

    rows: tuple[tuple[str, ...], ...]
    problems: tuple[tuple[str, int, int], ...]
    """Message, row and column (from 1)."""


def is_workbook(path: str | Path) -> bool:
    """Say whether a path is that of a workbook, by its ending."""
    return isinstance(path, str | Path) and Path(path).suffix.lower() in SUFFIXES


def require_openpyxl(what: str, place: Place | None = None) -> None:
    """Raise unless the package that reads and writes workbooks is there."""
    if find_spec("openpyxl") is None:
        raise MfaError(f"{what} needs the package openpyxl: pip install 'mfa[excel]'", place)


def sheet_text(path: str | Path, sheet: str = "", place: Place | None = None) -> tuple[str, str]:
    """Return the name of a sheet and its content as CSV text, one line for each of its rows.

    Parameters
    ----------
    path : path of a workbook
    sheet : str, optional
        It may be left out if the workbook has one only.
    place : Place, optional
        Where the workbook is named.

    Returns
    -------
    (str, str)
        Numbers are written with all their digits, a date as 2030-01-31; an empty row is an empty
        line, so that lines count as rows do.

    Raises
    ------
    MfaError
        If there is no such workbook or sheet, and for every cell that holds an error (``#REF!``),
        a formula that was never calculated, or is merged with others: file, sheet and cell.
    """
    require_openpyxl(str(path), place)
    sheets = _sheets(_content(Path(path), place), str(path))
    if not sheet and len(sheets) == 1:
        (sheet,) = sheets
    if not sheet:
        names = ", ".join(sheets)
        raise MfaError(f"{path} has {len(sheets)} sheets; say which: sheet: … ({names})", place)
    if sheet not in sheets:
        raise MfaError(f"{path} has no sheet {sheet!r}. {known(sheet, sheets, 'sheets')}", place)
    found, problems = sheets[sheet], Problems()
    for message, row, column in found.problems:
        problems.add(message, Place(str(path), row, column, sheet=sheet))
    problems.raise_if_any()
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(found.rows)
    return sheet, text.getvalue()


def _content(path: Path, place: Place | None) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        near = sorted(p.name for p in path.parent.glob("*") if is_workbook(p))[:20]
        found = f"; {path.parent} holds: {', '.join(near)}" if near else ""
        raise MfaError(f"there is no file {path}{found}", place) from None
    except OSError as error:
        raise MfaError(f"{path} cannot be read: {error.strerror}", place) from None


@lru_cache(maxsize=8)
def _sheets(content: bytes, path: str) -> dict[str, Sheet]:
    """Return the sheets of a workbook by name; all of them are read at once, and once only."""
    import openpyxl

    try:
        values = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
        formulas = openpyxl.load_workbook(io.BytesIO(content))
    except (BadZipFile, KeyError, ValueError, OSError, TypeError) as error:
        hint = "; in Excel, save it as .xlsx without a password"
        raise MfaError(f"cannot be read as a workbook ({error}){hint}", Place(path)) from None
    return {one.title: _sheet(one, formulas[one.title]) for one in values.worksheets}


def _sheet(values: Any, formulas: Any) -> Sheet:
    problems = []
    for merged in values.merged_cells.ranges:
        message = f"the cells {merged.coord} are merged; unmerge them and write a value into each"
        problems.append((message, merged.min_row, merged.min_col))
    rows = []
    for row, written in zip(values.iter_rows(), formulas.iter_rows(), strict=True):
        for cell, formula in zip(row, written, strict=True):
            at = cell.row, cell.column
            if cell.data_type == "e":
                message = f"the cell holds the error {cell.value}; mend its formula"
                problems.append((message, *at))
            elif cell.value is None and formula.data_type == "f":
                message = "the formula was never calculated; open the workbook in Excel and save it"
                problems.append((message, *at))
        texts = tuple(_text(cell.value) for cell in row)
        rows.append(texts if any(text.strip() for text in texts) else ())
    width = max((len(_cut(texts)) for texts in rows), default=0)
    while rows and not rows[-1]:
        rows.pop()
    return Sheet(tuple(texts[:width] for texts in rows), tuple(problems))


def _cut(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return cells without the empty ones at the end."""
    while texts and not texts[-1].strip():
        texts = texts[:-1]
    return texts


def _text(value: Any) -> str:
    """Return a cell as text, as it would stand in a CSV file.

    >>> _text(2030.0), _text(0.1), _text(datetime(2030, 1, 31)), _text(None), _text(True)
    ('2030', '0.1', '2030-01-31', '', 'TRUE')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date | time) else str(value)

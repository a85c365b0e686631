"""Workbooks out: rows of numbers and text as cells, text never taken for a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mfa.errors import MfaError
from mfa.workbooks import require_openpyxl

MOST_ROWS, MOST_LETTERS = 2**20, 32767
"""What a sheet, and what a cell, can hold."""


def new_book(path: str) -> Any:
    """Return an empty workbook that is written row by row."""
    require_openpyxl(path)
    from openpyxl import Workbook

    return Workbook(write_only=True)


def add_sheet(
    book: Any, name: str, rows: Sequence[Sequence[Any]], widths: Iterable[int] = ()
) -> None:
    """Add a sheet with rows, the first of which is the header and stays in sight.

    Raises
    ------
    MfaError
        If there are more rows than a sheet can hold.
    """
    if len(rows) > MOST_ROWS:
        raise MfaError(
            f"{name} has {len(rows):,} rows and a sheet holds {MOST_ROWS:,}; export less with --only, or a "
            "data package"
        )
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    for position, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(position)].width = width
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any) -> Any:
    """Return what a cell holds: a number with all its digits, an empty cell for NaN, or text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value != value:
        return None
    if not isinstance(value, str):
        return value
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    text = ILLEGAL_CHARACTERS_RE.sub("", value)
    if len(text) > MOST_LETTERS:
        text = f"{text[: MOST_LETTERS - 1]}…"
    cell = WriteOnlyCell(sheet, value="")
    cell.value = text
    cell.data_type = "s"
    return cell

"""Results as Excel workbooks, one sheet for each quantity, and such workbooks read back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, Place
from mfa.exchange.attribution import facts, sources
from mfa.exchange.cells import add_sheet, new_book
from mfa.exchange.quantities import chosen, reported
from mfa.files import replacing
from mfa.workbooks import require_openpyxl

README, SOURCES, INDEX = "README", "sources", "quantities"
"""Sheets that are no quantity."""

LISTED = ("sheet", "quantity", "kind", "unit", "dimensions", "meaning")
"""Columns of the sheet that lists the quantities."""

LONGEST_NAME = 31
"""Letters that the name of a sheet can have."""


def write_excel(result: xr.Dataset, path: str | Path, only: Sequence[str] = ()) -> Path:
    """Write a result as a workbook that a reader understands without this program.

    Parameters
    ----------
    result : Dataset
    path : path
        Ends in ``.xlsx``.
    only : sequence of str, optional
        Quantities to write; without it all flows, stocks, indicators and parameters.

    Returns
    -------
    Path
        ``README`` says what made the result and how exact its balances are, ``quantities`` lists
        sheets with units and meanings, ``sources`` names the sources with their licences.  Each
        quantity has a sheet: a row for each combination of labels and a column for each year from
        the first reported one; of samples, a row for each percentile.  An empty cell is an
        indicator that is undefined there.

    Raises
    ------
    MfaError
        If there is no such quantity, a sheet cannot hold it, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".xlsx":
        raise MfaError(f"{path}: a workbook ends in .xlsx")
    names = chosen(result, only)
    book = new_book(str(path))
    titles = sheet_names(names)
    told = facts(result) | {
        "sheets": "'quantities' lists them; rows are combinations of labels, columns are years",
        "empty cell": "the indicator is undefined there",
        "attribution": "name the sources in the sheet 'sources' when you publish these numbers",
    }
    add_sheet(book, README, [["what", "told"], *map(list, told.items())], (24, 100))
    index: list[list[Any]] = [list(LISTED)]
    tables = {}
    for name in names:
        data = reported(result, name)
        attrs = data.attrs
        dims = ", ".join(map(str, data.dims))
        index.append(
            [titles[name], name, attrs["kind"], attrs["units"], dims, attrs.get("long_name", "")]
        )
        tables[name] = list(_rows(data))
    add_sheet(book, INDEX, index, (34, 40, 12, 14, 32, 80))
    cited = [[s.key, s.text, s.address, s.licence] for s in sources(result)]
    add_sheet(
        book, SOURCES, [["key", "reference", "address", "licence"], *cited], (20, 100, 40, 30)
    )
    for name in names:
        add_sheet(book, titles[name], tables.pop(name))
    with replacing(path) as temporary:
        book.save(temporary)
    return path


def sheet_names(names: Sequence[str]) -> dict[str, str]:
    """Return the name of the sheet of each quantity: its own, cut where it is too long.

    >>> sheet_names(["demand", "indicator_nonfunctional_recycling_rate"])
    {'demand': 'demand', 'indicator_nonfunctional_recycling_rate': 'nonfunctional_recycling_rate'}
    """
    found: dict[str, str] = {}
    taken = {README.lower(), SOURCES, INDEX}
    for name in names:
        short = name if len(name) <= LONGEST_NAME else name.removeprefix("indicator_")
        title, number = short[:LONGEST_NAME], 1
        while title.lower() in taken:
            number += 1
            title = f"{short[: LONGEST_NAME - len(str(number)) - 1]}~{number}"
        taken.add(title.lower())
        found[name] = title
    return found


def _rows(data: xr.DataArray) -> Iterator[list[Any]]:
    """Yield the header and the rows of a sheet, years as columns."""
    dims = [str(d) for d in data.dims if d != "year"]
    years = data["year"].values.tolist() if "year" in data.dims else ["value"]
    yield [*dims, *years]
    values = data.transpose(*dims, *(["year"] if "year" in data.dims else [])).values
    values = np.asarray(values, dtype=float).reshape(-1, len(years))
    labels = product(*(data[d].values.tolist() for d in dims))
    for own, numbers in zip(labels, values.tolist(), strict=True):
        yield [*own, *numbers]


# ------------------------------------------------------------------ reading


def read_excel(path: str | Path) -> xr.Dataset:
    """Read a workbook of :func:`write_excel` back.

    Parameters
    ----------
    path : path

    Returns
    -------
    Dataset
        Its quantities over the reported years, with unit, kind and meaning, and what ``README``
        says as attributes.

    Raises
    ------
    MfaError
        If it is no such workbook, or a cell holds no number: with sheet and cell.
    """
    path = Path(path)
    require_openpyxl(str(path))
    from zipfile import BadZipFile

    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except FileNotFoundError:
        raise MfaError(f"there is no file {path}") from None
    except (BadZipFile, KeyError, ValueError, OSError) as error:
        raise MfaError(f"cannot be read as a workbook: {error}", Place(str(path))) from None
    try:
        if not {README, INDEX} <= {*book.sheetnames}:
            message = f"is no workbook that mfa wrote: it has no sheets {README!r} and {INDEX!r}"
            raise MfaError(message, Place(str(path)))
        told = dict(row[:2] for row in list(book[README].values)[1:])
        listed = [dict(zip(LISTED, row, strict=False)) for row in list(book[INDEX].values)[1:]]
        found = {}
        for one in listed:
            if one["sheet"] not in book.sheetnames:
                message = f"the sheet {one['sheet']!r} is missing"
                raise MfaError(message, Place(str(path)))
            found[str(one["quantity"])] = _array(book[one["sheet"]], one, str(path))
    finally:
        book.close()
    return xr.Dataset(found, attrs={str(k): str(v) for k, v in told.items()})


def _array(sheet: Any, one: dict[str, Any], path: str) -> xr.DataArray:
    """Return the quantity of a sheet."""
    rows = list(sheet.values)
    dims = [d for d in str(one["dimensions"] or "").split(", ") if d]
    keys = [d for d in dims if d != "year"]
    years = [int(y) for y in rows[0][len(keys) :]] if "year" in dims else []
    values = np.full((len(rows) - 1, max(len(years), 1)), np.nan)
    for line, row in enumerate(rows[1:], 2):
        for position, value in enumerate(row[len(keys) :]):
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                column = len(keys) + position + 1
                place = Place(path, line, column, sheet=str(one["sheet"]))
                raise MfaError(f"{str(value)!r} is not a number", place)
            values[line - 2, position] = value
    labels = {d: list(dict.fromkeys(row[i] for row in rows[1:])) for i, d in enumerate(keys)}
    order = {d: {label: n for n, label in enumerate(own)} for d, own in labels.items()}
    shape = tuple(len(own) for own in labels.values())
    whole = np.full((*shape, values.shape[1]), np.nan)
    for row, numbers in zip(rows[1:], values, strict=True):
        whole[tuple(order[d][row[i]] for i, d in enumerate(keys))] = numbers
    attrs = {"units": one["unit"], "long_name": one["meaning"] or "", "kind": one["kind"]}
    if "year" not in dims:
        return xr.DataArray(whole[..., 0], labels, keys, attrs=attrs)
    return xr.DataArray(whole, {**labels, "year": years}, [*keys, "year"], attrs=attrs).transpose(
        *dims
    )

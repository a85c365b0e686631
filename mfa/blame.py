"""Blame: where the number was written that a cell got its value from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mfa.errors import Place
from mfa.forms import Form, Items, Joined, Known, Number, TableOf, YearPath
from mfa.table_files import Table

Wrong = Callable[[float], bool]


def blame(
    form: Form, cell: Mapping[str, str], year: int, wrong: Wrong, tables: Mapping[str, Table]
) -> Place:
    """Return the place of the number behind one cell of a form.

    Parameters
    ----------
    form : Form
        What gave the cell its value.
    cell : mapping of dimension to label
    year : int
    wrong : function of a number
        Whether that number could be the reason.
    tables : mapping of path to Table

    Returns
    -------
    Place
        A number, a row of a CSV file, or the whole form where neither is found.
    """
    match form:
        case Known(value=inner):
            return blame(inner, cell, year, wrong, tables)
        case Items(values, dim):
            own = dict(values).get(cell.get(str(dim), ""))
            return form.place if own is None else blame(own, cell, year, wrong, tables)
        case YearPath(points):
            bad = [(abs(at - year), at) for at, f in points if _is(_leaf(f, cell), wrong)]
            if not bad:
                return form.place
            return blame(dict(points)[min(bad)[1]], cell, year, wrong, tables)
        case TableOf():
            return _row(form, cell, year, tables) or form.place
        case Joined(observed, then):
            inner = observed.value if isinstance(observed, Known) else observed
            seen = form.until is None or year <= form.until
            if seen and isinstance(inner, TableOf):
                row = _row(inner, cell, year, tables, exactly=True)
                return row or blame(then, cell, year, wrong, tables)
            return blame(then if not seen else observed, cell, year, wrong, tables)
    return form.place


def _is(value: float | None, wrong: Wrong) -> bool:
    return value is not None and wrong(value)


def _leaf(form: Form, cell: Mapping[str, str]) -> float | None:
    match form:
        case Number(value=value):
            return value
        case Known(value=inner):
            return _leaf(inner, cell)
        case Items(values, dim) if cell.get(str(dim)) in dict(values):
            return _leaf(dict(values)[cell[str(dim)]], cell)
    return None


def _row(
    form: TableOf,
    cell: Mapping[str, str],
    year: int,
    tables: Mapping[str, Table],
    *,
    exactly: bool = False,
) -> Place | None:
    """Return the row of a cell: that of the year, or (where it may be) of the nearest one."""
    table = tables[form.path]
    wanted = {**cell, **dict(form.where)}
    rows = [
        row
        for row in range(len(table))
        if all(table.columns[d][row] == v for d, v in wanted.items() if d in table.columns)
    ]
    if "year" in table.columns:
        years = table.columns["year"]
        if exactly:
            rows = [row for row in rows if int(years[row]) == year]
        rows.sort(key=lambda row: abs(int(years[row]) - year))
    return table.place(rows[0], "value") if rows else None

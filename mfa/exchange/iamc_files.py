"""IAMC tables as files: CSV with its sidecar, or a workbook with the sheets that pyam reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from mfa.errors import MfaError
from mfa.exchange.cells import add_sheet, new_book
from mfa.files import replacing
from mfa.yaml_text import to_text

Variables: TypeAlias = dict[str, dict[str, Any]]
"""Description, unit, status and origin of each variable, by its name."""


def write(
    table: pd.DataFrame,
    path: Path,
    variables: Variables,
    meta: Sequence[Mapping[str, Any]],
    credits: str,
) -> Path:
    """Write an IAMC table; see :func:`mfa.exchange.write_iamc`."""
    ending = path.suffix.lower()
    if ending == ".csv":
        _write_csv(table, path, variables, meta, credits)
    elif ending == ".xlsx":
        _write_book(table, path, variables, meta, credits)
    else:
        raise MfaError(f"{path}: an IAMC table is written as CSV or Excel; end it in .csv or .xlsx")
    return path


def _write_csv(
    table: pd.DataFrame,
    path: Path,
    variables: Variables,
    meta: Sequence[Mapping[str, Any]],
    credits: str,
) -> None:
    about = {"attribution": credits.splitlines(), "runs": [dict(one) for one in meta]}
    named = [{name: told} for name, told in variables.items()]
    with replacing(path.with_suffix(".about.yaml")) as beside:
        beside.write_text(to_text({**about, "variables": named}), encoding="utf-8")
        with replacing(path) as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")


def _write_book(
    table: pd.DataFrame,
    path: Path,
    variables: Variables,
    meta: Sequence[Mapping[str, Any]],
    credits: str,
) -> None:
    book = new_book(str(path))
    add_sheet(book, "data", [list(table.columns), *table.itertuples(index=False, name=None)])
    keys = list(dict.fromkeys(key for one in meta for key in one))
    add_sheet(book, "meta", [keys, *([one.get(key, "") for key in keys] for one in meta)])
    told = list(dict.fromkeys(key for one in variables.values() for key in one))
    rows = [[name, *(one.get(key, "") for key in told)] for name, one in variables.items()]
    add_sheet(book, "variables", [["variable", *told], *rows])
    add_sheet(book, "sources", [["attribution"], *([line] for line in credits.splitlines())])
    with replacing(path) as temporary:
        book.save(temporary)

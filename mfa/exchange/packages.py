"""Results as data packages: tidy CSV tables and a ``datapackage.json`` that describes them."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.exchange.attribution import attribution, facts, licences_of, sources
from mfa.exchange.quantities import chosen, reported
from mfa.files import writing

DESCRIPTOR = "datapackage.json"


def write_datapackage(result: xr.Dataset, folder: str | Path, only: Sequence[str] = ()) -> Path:
    """Write a result as a frictionless data package, one long table for each quantity.

    Parameters
    ----------
    result : Dataset
    folder : path
        Made, or replaced if it holds a data package that this function wrote.
    only : sequence of str, optional
        Quantities to write; without it all flows, stocks, indicators and parameters.

    Returns
    -------
    Path
        The folder: ``datapackage.json`` (https://specs.frictionlessdata.io) with sources, licences,
        primary keys and units, and ``data/<quantity>.csv`` with a column for each dimension and
        ``value``, from the first reported year; of samples the column ``percentile``.  An indicator
        has no row where it is undefined.

    Raises
    ------
    MfaError
        If there is no such quantity, the folder holds something else, or it cannot be written.
    """
    folder = Path(folder)
    names = chosen(result, only)

    def fill(new: Path) -> None:
        (new / "data").mkdir()
        resources = [_write(reported(result, name), name, new / "data") for name in names]
        text = json.dumps(_descriptor(result, resources), indent=2, ensure_ascii=False)
        (new / DESCRIPTOR).write_text(f"{text}\n", encoding="utf-8")

    replace_package(folder, fill)
    return folder


def replace_package(folder: Path, fill: Any) -> None:
    """Fill a new folder, which then takes the place of an older data package of ours.

    Files in it that its descriptor does not name, such as inventories, are taken along.

    Raises
    ------
    MfaError
        If the path holds something that is no data package of ours, or cannot be written.
    """
    kept = _others(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            (staging / "new").mkdir()
            fill(staging / "new")
            for name in kept:
                (staging / "new" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(folder / name, staging / "new" / name)
            if folder.exists():
                folder.rename(staging / "old")
            try:
                os.rename(staging / "new", folder)
            except BaseException:
                if (staging / "old").exists():
                    (staging / "old").rename(folder)
                raise
        finally:
            if folder.exists() or not (staging / "old").exists():
                shutil.rmtree(staging)


def _others(folder: Path) -> list[str]:
    """Return the files of a folder that no export wrote, by their paths in it."""
    with writing(folder):
        if folder.exists() and not folder.is_dir():
            raise MfaError(f"{folder} is a file; a data package is a folder")
        held = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    if not held:
        return []
    descriptor: Any = None
    if DESCRIPTOR in held:
        try:
            descriptor = json.loads((folder / DESCRIPTOR).read_text(encoding="utf-8"))
        except ValueError:
            descriptor = None
    if not isinstance(descriptor, dict) or "generator" not in descriptor:
        raise MfaError(
            f"{folder} holds other files ({', '.join(held[:3])}, …) and no data package that mfa wrote; "
            "choose another folder"
        )
    own = {DESCRIPTOR, *(str(one.get("path")) for one in descriptor.get("resources", ()))}
    return [name for name in held if name not in own]


def _write(data: xr.DataArray, name: str, folder: Path) -> dict[str, Any]:
    """Write one table and return what describes it."""
    dims = [str(d) for d in data.dims]
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*dims, "value"])
        writer.writerows(_rows(data, dims))
    kinds = {d: "integer" if data[d].dtype.kind in "iu" else "string" for d in dims}
    fields: list[dict[str, Any]] = [
        {"name": d, "type": kinds[d], "title": d.replace("_", " ")} for d in dims
    ]
    for field in fields:
        if field["name"] == "year":
            field |= {"title": "calendar year"}
        field["constraints"] = {"required": True}
    unit, meaning = str(data.attrs["units"]), str(data.attrs.get("long_name", name))
    value = {"name": "value", "type": "number", "title": meaning, "unit": unit}
    return {
        "name": name.lower(),
        "path": f"data/{name}.csv",
        "title": meaning,
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "kind": data.attrs["kind"],
        "unit": unit,
        "schema": {
            "fields": [*fields, {**value, "constraints": {"required": True}}],
            **({"primaryKey": dims} if dims else {}),
        },
    }


def _rows(data: xr.DataArray, dims: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    values = np.asarray(data.values, dtype=float).reshape(-1).tolist()
    for own, value in zip(product(*(data[d].values.tolist() for d in dims)), values, strict=True):
        if value == value:
            yield *own, repr(value)


def slug(text: str) -> str:
    """Return a text as the name of a package: small letters, digits, and hyphens.

    >>> slug("Narrow, slow & close (2050)")
    'narrow-slow-close-2050'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "result"


def _descriptor(result: xr.Dataset, resources: list[dict[str, Any]]) -> dict[str, Any]:
    told, cited = facts(result), sources(result)
    listed = []
    for one in cited:
        found: dict[str, Any] = {"title": one.text}
        if one.address:
            found["path"] = one.address
        if one.licence:
            found["licence"] = one.licence
        listed.append(found)
    licences = dict.fromkeys(found for one in cited for found in licences_of(one))
    made = re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told.get("made", ""))
    return {
        "profile": "tabular-data-package",
        "name": slug(f"mfa-{told.get('scenario', 'result')}")[:100].strip("-"),
        "title": told.get("title", "Result"),
        "description": "\n\n".join(filter(None, (told.get("about", ""), attribution(result)))),
        "version": str(result.attrs.get("mfa_version", "0")),
        **({"created": made[0]} if made else {}),
        **(
            {"licenses": [{"name": name, "path": where} for name, where in licences]}
            if licences
            else {}
        ),
        **({"sources": listed} if listed else {}),
        "contributors": [{"title": told.get("model", "mfa"), "role": "wrangler"}],
        "generator": told.get("model", "mfa"),
        "run": told,
        "resources": resources,
    }

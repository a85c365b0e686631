"""Factors of emissions and energy: files with range, year, place, source and confidence."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, Place, Problems, known, shortly
from mfa.units import canonical, metal_content

COLUMNS = (
    "material", "route", "low", "value", "high", "unit", "per", "year", "place", "allocation",
    "source", "confidence", "default", "range",
)  # fmt: skip
"""What a file of factors has; :func:`read_factors` wants all of them."""

CONFIDENCE = ("high", "medium", "low")

ESTIMATES = ("low", "central", "high")
"""Labels of the dimension ``estimate`` of a factor."""

Factors = tuple[Mapping[str, Any], ...]


def read_factors(path: str | Path) -> Factors:
    """Return the rows of a file of factors, checked.

    Parameters
    ----------
    path : path of a CSV file with the columns :data:`COLUMNS`

    Raises
    ------
    MfaError
        With file and line of every problem: a column that lacks, a range that
        does not hold its value, an unknown unit, form or confidence, no source.
    """
    path = Path(path)
    if not path.is_file():
        raise MfaError(f"there is no file {str(path)!r}")
    problems = Problems()
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if lacking := [c for c in COLUMNS if c not in (reader.fieldnames or ())]:
            raise MfaError(f"the column {lacking[0]!r} is missing", Place(str(path), 1, 1))
        rows = [_row(row, Place(str(path), i, 1), problems) for i, row in enumerate(reader, 2)]
    problems.raise_if_any()
    if not rows:
        raise MfaError("there are no factors in the file", Place(str(path), 1, 1))
    return tuple(rows)


def _row(row: Mapping[str, str], place: Place, problems: Problems) -> dict[str, Any]:
    found: dict[str, Any] = {key: (row[key] or "").strip() for key in COLUMNS}
    numbers: list[float] = []
    for key in ("low", "value", "high"):
        try:
            numbers.append(float(found[key]))
        except ValueError:
            problems.add(f"{key}: {found[key]!r} is no number", place)
    if len(numbers) == 3 and not 0 <= numbers[0] <= numbers[1] <= numbers[2] < np.inf:
        problems.add(f"low, value and high ({numbers}) are 0 or more and in this order", place)
    if found["confidence"] not in CONFIDENCE:
        problems.add(f"confidence: {known(found['confidence'], CONFIDENCE)}", place)
    if found["default"] not in ("yes", "no"):
        problems.add(f"default: {found['default']!r} is neither yes nor no", place)
    for key in ("source", "place", "year", "material", "route"):
        if not found[key]:
            problems.add(f"{key} is empty", place)
    try:
        factor, unit = canonical(found["unit"])
        content = metal_content(found["per"]) if found["per"] else 1.0
    except MfaError as error:
        problems.add(error.problems[0].message, place)
        return found
    found["values"] = [number * factor / content for number in numbers]
    found["units"] = unit
    return found


def factor(
    factors: Factors,
    route: str | Mapping[str, str],
    *,
    material: str | None = None,
    place: str | None = None,
) -> xr.DataArray:
    """Return a factor with its range, and what is known of it.

    Parameters
    ----------
    factors : as read by :func:`read_factors`
    route : str, or mapping of material to route
    material : str
        If the route is one name.
    place : str, optional
        Where several rows differ only in their place.

    Returns
    -------
    DataArray (estimate,) or (material, estimate), per tonne of contained metal
        ``estimate`` is low, central, high; attributes ``units``, ``source``,
        ``allocation``, ``defaults`` (which of them are only to be replaced).

    Raises
    ------
    MfaError
        If there is no such factor, or more than one.
    """
    if isinstance(route, Mapping):
        if not route:
            raise MfaError("the mapping of materials to routes is empty")
        each = [_one(factors, m, r, place) for m, r in route.items()]
        units = {row["units"] for row in each}
        if len(units) > 1:
            raise MfaError(f"factors of different units: {', '.join(sorted(units))}")
        found = xr.DataArray(
            [row["values"] for row in each],
            coords={"material": list(route), "estimate": list(ESTIMATES)},
            dims=("material", "estimate"),
        )
    else:
        if material is None:
            raise MfaError("say of which material: factor(…, route, material=…)")
        each = [_one(factors, material, route, place)]
        found = xr.DataArray(each[0]["values"], {"estimate": list(ESTIMATES)}, ("estimate",))
    return found.assign_attrs(
        units=each[0]["units"],
        source="; ".join(dict.fromkeys(row["source"] for row in each)),
        allocation="; ".join(dict.fromkeys(row["allocation"] for row in each)),
        confidence="; ".join(dict.fromkeys(row["confidence"] for row in each)),
        defaults="; ".join(
            f"{row['material']} {row['route']} ({row['place']} {row['year']})"
            for row in each
            if row["default"] == "yes"
        ),
    )


def _one(factors: Factors, material: str, route: str, place: str | None) -> Mapping[str, Any]:
    if not isinstance(factors, tuple):
        raise MfaError(f"factors come from read_factors, this is {shortly(factors)}")
    own = [row for row in factors if row["material"] == material]
    if not own:
        names = {row["material"] for row in factors}
        raise MfaError(f"no factor of {material!r}. {known(material, names, 'materials')}")
    fitting = [row for row in own if row["route"] == route]
    if not fitting:
        routes = {row["route"] for row in own}
        raise MfaError(f"{material} has no route {route!r}. {known(route, routes, 'routes')}")
    if place is not None:
        places = {row["place"] for row in fitting}
        fitting = [row for row in fitting if row["place"] == place]
        if not fitting:
            raise MfaError(f"{material}, {route}: nothing of {place!r}. {known(place, places)}")
    if len(fitting) > 1:
        places = {row["place"] for row in fitting}
        raise MfaError(
            f"{material}, {route}: there are several; say which place. {known('', places, 'places')}"
        )
    return fitting[0]

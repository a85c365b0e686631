"""Results in the IAMC format, as integrated assessment models exchange them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from mfa.assessment import combined, quantities
from mfa.errors import MfaError
from mfa.exchange.attribution import attribution, facts
from mfa.exchange.iamc_files import Variables, write
from mfa.exchange.iamc_names import Entry, Names, capitalised, names
from mfa.exchange.in_use import IN_USE, in_use
from mfa.exchange.quantities import reported_years, require_result, with_percentiles
from mfa.role_arrays import DUST
from mfa.units import canonical

INDEX = ["model", "scenario", "region", "variable", "unit"]
"""Columns that name a series."""

OF_NO_PLACE = {"scenario", "sample", "year", "material"}

SUMMED = ("t", "t/yr", "vehicle/yr", "kWh/yr", "person")
"""Units of what can be added up over places; a price cannot."""


@dataclass(frozen=True)
class Series:
    """The numbers of one variable: over scenario, region, percentile (where there are any) and year."""

    variable: str
    unit: str
    status: str
    entry: Entry
    data: xr.DataArray
    aggregation: dict[str, Any]
    """How regions are put together where they are not added, in the words of nomenclature."""


def to_iamc(
    result: xr.Dataset,
    dialect: str = "common-definitions",
    years: Literal["reporting", "all"] = "reporting",
) -> pd.DataFrame:
    """Return a result as a long table in the IAMC format.

    Parameters
    ----------
    result : Dataset
        Of :func:`mfa.run` or :func:`mfa.load`.
    dialect : str
        Whose variable names: ``common-definitions`` or ``circomod``.  Our own quantities that no
        list names follow; their names begin with ``Material Flow Analysis``.
    years : str
        ``reporting``: every fifth year to 2050, then every tenth; ``all`` from the first reported.

    Returns
    -------
    DataFrame
        Columns ``model, scenario, region, variable, unit, year, value``; of a result with samples
        ``percentile`` (5, 25, 50, 75, 95) stands before the year.  The world is the sum of all
        places, or the rate of the sums, of each sample before percentiles are taken.  A series
        that is zero in all years is left out, and so is an indicator where it is undefined.
        ``attrs["variables"]`` describes the names.

    Raises
    ------
    MfaError
        If there is no such dialect, or nothing in the result has an IAMC name.
    """
    require_result(result)
    known, model = names(), str(result.attrs.get("source", "mfa"))
    entries = known.entries(dialect)
    frames, told = [], {}
    chosen = [y for y in reported_years(result) if years == "all" or _is_reporting(y)]
    if not chosen:
        raise MfaError("the result has no reporting year, each fifth; write all: --years all")
    for entry, own in entries:
        for one in _series(result, entry, own, known, model, chosen):
            frames.append(_frame(one, model, str(result.attrs.get("scenario_name", "result"))))
            told[one.variable] = one
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        wanted = ", ".join(dict.fromkeys(entry.of for entry, _ in entries))
        raise MfaError(
            f"nothing in the result {result.attrs.get('scenario_name', '')!r} has an IAMC name; names "
            f"are known of: {wanted}. A system says in 'roles' which flows play which; of samples "
            "what was kept is there"
        )
    frame = pd.concat(frames, ignore_index=True)
    order = [*INDEX, *(["percentile"] if "percentile" in frame else []), "year"]
    frame = frame.sort_values(order, ignore_index=True)
    used = set(frame["variable"])
    frame.attrs["variables"] = {
        name: {
            "description": one.entry.description,
            "unit": one.unit,
            "status": one.status,
            "made_of": one.entry.of,
            **one.aggregation,
        }
        for name, one in told.items()
        if name in used
    }
    return frame


def write_iamc(
    results: Sequence[xr.Dataset],
    path: str | Path,
    dialect: str = "common-definitions",
    years: Literal["reporting", "all"] = "reporting",
    long: bool = False,
) -> Path:
    """Write results as one IAMC table, CSV or Excel, with what has to be said of them.

    Parameters
    ----------
    results : sequence of Dataset
        Each with scenarios of its own.
    path : path
        ``.csv``, beside which a file of the same name that ends in ``.about.yaml`` has the
        attribution and describes the variables; or ``.xlsx`` with the sheets ``data``, ``meta``, ``variables``
        and ``sources``.
    dialect, years
        As of :func:`to_iamc`.
    long : bool
        One row for each year instead of one column.

    Returns
    -------
    Path

    Raises
    ------
    MfaError
        As :func:`to_iamc`; if two results have a scenario of one name, or the path cannot be written.
    """
    frames = [to_iamc(result, dialect, years) for result in results]
    owners: dict[str, int] = {}
    for position, frame in enumerate(frames):
        for scenario in frame["scenario"].unique():
            if owners.setdefault(scenario, position) != position:
                raise MfaError(
                    f"two results have a scenario of the name {scenario!r}; export them apart"
                )
    if len({"percentile" in frame for frame in frames}) > 1:
        raise MfaError("some of the results have samples and others none; export them apart")
    variables: Variables = {}
    for frame in frames:
        variables |= frame.attrs["variables"]
        frame.attrs = {}
    meta = [
        _meta(result, scenario)
        for result, frame in zip(results, frames, strict=True)
        for scenario in frame["scenario"].unique()
    ]
    credits = "\n".join(dict.fromkeys("\n".join(map(attribution, results)).splitlines()))
    whole = pd.concat(frames, ignore_index=True)
    return write(whole if long else wide(whole), Path(path), variables, meta, credits)


def _meta(result: xr.Dataset, scenario: str) -> dict[str, Any]:
    """Return the row of a scenario in the sheet ``meta``."""
    model = str(result.attrs.get("source", "mfa"))
    head = {"model": model, "scenario": scenario, "exclude": False}
    return head | {key: text for key, text in facts(result).items() if key not in head}


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a long IAMC table with a column for each year and names that begin with a capital."""
    index = [*INDEX, *(["percentile"] if "percentile" in frame else [])]
    found = frame.pivot(index=index, columns="year", values="value").reset_index()
    found.columns = [str(c).capitalize() if isinstance(c, str) else c for c in found.columns]
    return found


def _is_reporting(year: int) -> bool:
    return year % (5 if year <= 2050 else 10) == 0


# ------------------------------------------------------------------- series


def _series(
    result: xr.Dataset, entry: Entry, dialect: str, known: Names, model: str, years: list[int]
) -> Iterator[Series]:
    """Yield the variables of a template that the result has numbers for."""
    data = _worldwide(result, entry)
    if data is None:
        return
    factor, unit = canonical(entry.measured)
    if data.attrs["units"] != unit or "year" not in data.dims:
        return
    data = data.sel(year=years) / factor
    labels = [known.region(str(label), model) for label in data["region"].values]
    if len({*labels}) < len(labels):
        raise MfaError(
            f"two regions of the result have the IAMC name {max(labels, key=labels.count)!r}"
        )
    data = data.assign_coords(region=labels)
    tags = {tag: dim for tag, dim in entry.tags.items() if dim in data.dims}
    materials = data["material"].values.tolist() if "material" in data.dims else [""]
    for material in materials:
        own = data.sel(material=material) if material else data
        words = {"Material": known.material(material), "Metal": known.metal(material)}
        status = known.status(entry, dialect, material)
        spaces = [["", *own[dim].values.tolist()] for dim in tags.values()]
        for chosen in product(*spaces):
            at = {d: c for d, c in zip(tags.values(), chosen, strict=True) if c}
            over = [d for d in tags.values() if d not in at]
            part = own.sel(at).sum(over, skipna=False) if over else own.sel(at)
            called = {t: capitalised(c) for t, c in zip(tags, chosen, strict=True)}
            called = dict.fromkeys(entry.tags, "") | called | words
            numbers = with_percentiles(part) if "sample" in part.dims else part
            yield Series(
                _filled(entry.variable, called),
                entry.unit,
                status,
                entry,
                numbers,
                _aggregation(entry, data.attrs["units"], called),
            )


def _filled(template: str, words: dict[str, str]) -> str:
    """Return a template with its words; what ends without one is the total.

    >>> _filled("Material Stock|{Material}|{Sector}", {"Material": "Cobalt", "Sector": ""})
    'Material Stock|Cobalt'
    """
    filled = reduce(lambda text, key: text.replace(f"{{{key}}}", words[key]), words, template)
    return filled.rstrip("|")


def _aggregation(entry: Entry, unit: str, words: dict[str, str]) -> dict[str, Any]:
    if unit in SUMMED:
        return {}
    if entry.weight:
        return {"weight": _filled(entry.weight, words)}
    return {"skip-region-aggregation": True}


def _worldwide(result: xr.Dataset, entry: Entry) -> xr.DataArray | None:
    """Return what a template is made of, over its regions and the world; None if it is not there."""
    parts = {name: _quantity(result, name) for name in quantities(entry.of)}
    held = {name: part for name, part in parts.items() if part is not None}
    if len(held) < len(parts):
        return None
    whole = combined(entry.of, held.__getitem__)
    attrs = next(iter(held.values())).attrs
    places = [d for d in whole.dims if d not in OF_NO_PLACE | {*entry.tags.values()}]
    by_place: list[xr.DataArray] = []
    if "region" in places and (len(places) == 1 or attrs["units"] in SUMMED):
        over = [d for d in places if d != "region"]
        by_place = [whole.sum(over, skipna=False) if over else whole]
    if by_place and "World" in by_place[0]["region"].values:
        return _only_world(by_place[0], entry).assign_attrs(units=attrs["units"])
    world = _world(result, whole, places, attrs)
    if world is not None:
        by_place = [] if entry.places == "world" else by_place
        by_place.append(world.expand_dims(region=["World"]))
    if not by_place:
        return None
    return xr.concat(by_place, "region").assign_attrs(units=attrs["units"])


def _only_world(data: xr.DataArray, entry: Entry) -> xr.DataArray:
    """Return what is told of a result in which the world is one of the regions."""
    return data.sel(region=["World"]) if entry.places == "world" else data


def _world(
    result: xr.Dataset, whole: xr.DataArray, places: list[Hashable], attrs: dict[str, Any]
) -> xr.DataArray | None:
    """Return the sum of all places, or the rate of the sums; None of what has neither."""
    if not places:
        return whole
    if attrs.get("whole"):
        names = (attrs["part"], *quantities(attrs["whole"]))
        terms = {name: _quantity(result, name) for name in names}
        sums = {
            name: term.sum([d for d in term.dims if d not in OF_NO_PLACE])
            for name, term in terms.items()
            if term is not None
        }
        if len(sums) < len(terms):
            return None
        below: xr.DataArray = combined(attrs["whole"], sums.__getitem__)
        return sums[attrs["part"]] / below.where(below > DUST * abs(below).max())
    return whole.sum(places, skipna=False) if attrs["units"] in SUMMED else None


def _quantity(result: xr.Dataset, name: str) -> xr.DataArray | None:
    if name in IN_USE:
        return in_use(result, name)
    return result[name] if name in result.data_vars else None


def _frame(one: Series, model: str, scenario: str) -> pd.DataFrame:
    """Return the rows of a variable that say something."""
    data = one.data if "scenario" in one.data.dims else one.data.expand_dims(scenario=[scenario])
    order = ["scenario", "region", *(["percentile"] if "percentile" in data.dims else []), "year"]
    data = data.transpose(*order)
    silent = (data.fillna(0.0) == 0).all([d for d in order if d in ("percentile", "year")])
    axes = np.meshgrid(*(data[d].values for d in order), indexing="ij")
    shown = np.broadcast_to(
        ~silent.values.reshape(*silent.shape, *[1] * (data.ndim - 2)), data.shape
    )
    shown = shown & ~np.isnan(data.values)
    rows = {d: axis[shown] for d, axis in zip(order, axes, strict=True)}
    frame = pd.DataFrame({**rows, "value": data.values[shown]})
    frame.insert(0, "model", model)
    frame.insert(3, "variable", one.variable)
    frame.insert(4, "unit", one.unit)
    return frame.astype(dict.fromkeys(INDEX, object))

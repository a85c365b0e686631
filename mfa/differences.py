"""What differs between two results: the parameters first, then the numbers that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.comparison import MOVING
from mfa.errors import MfaError, known
from mfa.explain import cells_in_words
from mfa.forms import Known, Number
from mfa.ownership import Entry
from mfa.parameters import build_parameters, origins
from mfa.results import rows, summary_years, worldwide
from mfa.saved_results import saved
from mfa.scenario import Scenario
from mfa.stored_parts import some
from mfa.units import canonical

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

DUST = 1e-9
"""Differences below this share of the largest number of their kind and material are rounding."""

KINDS = ("indicator", "flow", "stock")
UNITS = ("t/yr", "1", "t")
"""In which order kinds, and the units of each, are shown; other units follow."""

MOST_GROUPS = 6
"""Groups of cells of one parameter that are told one by one."""


@dataclass(frozen=True)
class Changed:
    """Cells of a parameter that differ in the same way.

    Attributes
    ----------
    parameter : str
    cells : tuple of str
        In words, blocks as blocks; empty for a parameter without dimensions.
    change : str
        From what to what.
    before, now : str
        Who gave each value, and where.
    """

    parameter: str
    cells: tuple[str, ...]
    change: str
    before: str
    now: str


@dataclass(frozen=True)
class Differences:
    """What differs between two results.

    Attributes
    ----------
    names : (str, str)
    compared : int
        Parameters that both have over the same years and labels.
    structure : tuple of str
        What the systems, years and targets differ in, in words.
    parameters : tuple of Changed
    results : DataFrame
        Rows by variable, material and year: both world totals, ``difference`` and ``relative``
        (of the first), the largest difference of each unit first.
    """

    names: tuple[str, str]
    compared: int
    structure: tuple[str, ...]
    parameters: tuple[Changed, ...]
    results: pd.DataFrame


def differences(
    first: str | Path, second: str | Path, *, year: int | None = None, by: str = "absolute"
) -> Differences:
    """Return what differs between two results: parameters, then the world totals that follow.

    Parameters
    ----------
    first, second : path
        Folders of results of one scenario each; with samples, their means are compared.
    year : int, optional
        Compare this year only, not the years of a summary.
    by : {"absolute", "relative"}
        What is meant by the largest difference.

    Raises
    ------
    MfaError
        If one is no whole result, or holds several scenarios.

    Examples
    --------
    >>> import mfa
    >>> mfa.differences("results/reference", "results/circular").results.head()  # doctest: +SKIP
    """
    both = [saved(first), saved(second)]
    one, other = (kept.scenario() for kept in both)
    names: tuple[str, str] = (one.name, other.name)
    if names[0] == names[1]:
        again = " again" if str(first) == str(second) else ""
        names = (f"{one.name} ({first})", f"{other.name} ({second}{again})")
    data = [some(kept.folder, lambda _, attrs: attrs.get("kind") in MOVING) for kept in both]
    told = [*_structure(one, other), *_only_in_one(data)]
    return Differences(
        names,
        len(in_both(one, other)),
        tuple(told),
        tuple(changed_parameters(one, other)),
        _results(data, names, year, by),
    )


# ------------------------------------------------------------------ parameters


def changed_parameters(one: Scenario, other: Scenario) -> Iterator[Changed]:
    """Yield the parameters whose values differ between two scenarios, in the order of the system."""
    shared = in_both(one, other)
    before, now = (build_parameters(scenario, shared) for scenario in (one, other))
    for name in shared:
        yield from _changed(one, other, name, before[name], now[name])


def in_both(one: Scenario, other: Scenario) -> list[str]:
    """Return the parameters that two scenarios have over the same years and labels."""
    return [
        name
        for name, spec in other.system.parameters.items()
        if name in one.system.parameters
        and one.system.parameters[name].dims == spec.dims
        and one.years == other.years
        and all(one.system.dimensions.get(d) == other.system.dimensions.get(d) for d in spec.dims)
    ]


def _changed(
    one: Scenario, other: Scenario, name: str, before: xr.DataArray, now: xr.DataArray
) -> Iterator[Changed]:
    if np.array_equal(before.values, now.values):
        spread = [_spread(scenario, name) for scenario in (one, other)]
        if spread[0] != spread[1]:
            told = [", ".join(sorted(text)) or "certain" for text in spread]
            yield Changed(name, (), f"same values, drawn from {told[0]} → {told[1]}", "", "")
        return
    factor, unit = (
        canonical(other.system.parameters[name].unit)[0],
        other.system.parameters[name].unit,
    )
    groups: dict[tuple[str, str], tuple[list[dict[str, str]], dict[str, None]]] = {}
    earlier = {tuple(cell.items()): entry for cell, entry in origins(one, name)}
    for cell, entry in origins(other, name):
        old, new = before.sel(cell), now.sel(cell)
        if np.array_equal(old.values, new.values):
            continue
        text = _in_words(old, new, factor, "" if unit == "1" else f" {unit}")
        was = earlier.get(tuple(cell.items()))
        cells, givers = groups.setdefault((text, _giver(entry)), ([], {}))
        cells.append(cell)
        givers[_giver(was) if was else "nothing"] = None
    for (text, gives), (cells, givers) in _fewest(groups).items():
        words = tuple(cells_in_words(cells, other.system.dimensions))
        others = f" and {len(givers) - 1} others" if len(givers) > 1 else ""
        yield Changed(name, words, text, f"{next(iter(givers))}{others}", gives)


def _fewest(
    groups: dict[tuple[str, str], tuple[list[dict[str, str]], dict[str, None]]],
) -> dict[tuple[str, str], tuple[list[dict[str, str]], dict[str, None]]]:
    """Return groups of cells; if they are many, those of one giver together."""
    if len(groups) <= MOST_GROUPS:
        return groups
    texts: dict[str, list[str]] = {}
    for text, gives in groups:
        texts.setdefault(gives, []).append(text)
    return {
        (f"{own[0]}{f' and {len(own) - 1} other changes' if len(own) > 1 else ''}", gives): (
            [cell for text in own for cell in groups[text, gives][0]],
            {was: None for text in own for was in groups[text, gives][1]},
        )
        for gives, own in texts.items()
    }


def _in_words(old: xr.DataArray, new: xr.DataArray, factor: float, unit: str) -> str:
    """Say from what to what values of a cell change: in the year of the largest change."""
    before, now = np.atleast_1d(old.values / factor), np.atleast_1d(new.values / factor)
    place = int(np.argmax(np.abs(now - before)))
    ratio = np.divide(now, before, out=np.full_like(now, np.nan), where=before != 0)
    there = ratio[np.isfinite(ratio)]
    same = there.size and np.ptp(there) <= 1e-9 * abs(there[0]) and (now[before == 0] == 0).all()
    when = ""
    if "year" in old.dims:
        years = old["year"].values[before != now]
        when = f" in {int(old['year'].values[place])}"
        when += "" if len(years) == 1 else f" (differs {years[0]}–{years[-1]})"
    times = f", × {there[0]:.4g}" if same and abs(there[0] - 1) > 1e-12 else ""
    return f"{before[place]:.4g} → {now[place]:.4g}{unit}{times}{when}"


def _giver(entry: Entry) -> str:
    last = entry.origins[-1]
    return f"{last.given_by} at {last.place}"


def _spread(scenario: Scenario, name: str) -> set[str]:
    """Return the distributions that stand beside values of a parameter."""
    found = set()
    for _, entry in origins(scenario, name):
        form = entry.form
        while isinstance(form, Known):
            if form.distribution:
                told = [f"{b.value:g}" if isinstance(b, Number) else "…" for b in form.bounds]
                found.add(f"{form.distribution} {' '.join(told)}".strip())
            form = form.value
    return found


def _structure(one: Scenario, other: Scenario) -> Iterator[str]:
    """Say what systems, years and targets differ in."""
    if one.years != other.years:
        first, second = (f"{scenario.years[0]}–{scenario.years[1]}" for scenario in (one, other))
        yield f"years: {first}, {second}; parameters are compared for equal years only"
    for what in ("processes", "parameters", "dimensions"):
        before, now = getattr(one.system, what), getattr(other.system, what)
        for text, names in (
            ("only in the first", [n for n in before if n not in now]),
            ("only in the second", [n for n in now if n not in before]),
            ("other", [n for n in now if n in before and now[n] != before[n]]),
        ):
            if names:
                yield f"{what} {text}: {', '.join(names)}"
    told = [{clause.name for clause in scenario.targets} for scenario in (one, other)]
    if told[0] != told[1]:
        yield f"targets: {', '.join(sorted(told[0])) or 'none'}; {', '.join(sorted(told[1])) or 'none'}"


# --------------------------------------------------------------------- results


def _only_in_one(data: Sequence[xr.Dataset]) -> Iterator[str]:
    """Say which variables only one of the results has, and which results are means of samples."""
    for place, own, other in (("first", data[0], data[1]), ("second", data[1], data[0])):
        if "sample" in own.sizes:
            yield f"the {place} is compared by the mean of its {own.sizes['sample']:,} samples"
        if names := [str(name) for name in own.data_vars if name not in other]:
            shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if names[8:] else "")
            yield f"results only in the {place}: {shown}"


def _results(
    data: Sequence[xr.Dataset], names: tuple[str, str], year: int | None, by: str
) -> pd.DataFrame:
    import pandas as pd

    found = [_totals(one, year) for one in data]
    attrs = {
        str(n): (v.attrs["kind"], v.attrs["units"])
        for one in data
        for n, v in one.data_vars.items()
    }
    lines = []
    for key in dict.fromkeys((*found[0], *found[1])):
        if any(key[0] not in one for one in data):
            continue
        old, new = (own.get(key, float("nan")) for own in found)
        kind, unit = attrs[key[0]]
        lines.append((*key, kind, unit, old, new, new - old))
    columns = ["variable", "material", "year", "kind", "unit", *names, "difference"]
    frame = pd.DataFrame(lines, columns=columns)
    base = frame[names[0]].abs()
    frame["relative"] = (frame["difference"] / base.where(base > 0)).astype(float)
    largest = frame[[*names]].abs().max(axis=1)
    scale = largest.groupby([frame["unit"], frame["material"]]).transform("max")
    same = frame["difference"].abs() <= DUST * scale
    lacking = frame["difference"].isna() & frame[[*names]].notna().any(axis=1)
    frame = frame[(~same & frame["difference"].notna()) | lacking].copy()
    if by not in ("absolute", "relative"):
        raise MfaError(f"by {by!r}: the largest difference is 'absolute' or 'relative'")
    order = {unit: place for place, unit in enumerate(UNITS)}
    frame["rank"] = frame["kind"].map(KINDS.index)
    frame["second"] = frame["unit"].map(lambda unit: order.get(unit, len(UNITS)))
    measure = frame["difference" if by == "absolute" else "relative"].abs()
    frame["size"] = measure.fillna(np.inf if by == "relative" else -1.0)
    frame = frame.sort_values(
        ["rank", "second", "unit", "size"], ascending=[True, True, True, False], kind="stable"
    )
    return frame.drop(columns=["rank", "second", "size"]).reset_index(drop=True)


def _totals(data: xr.Dataset, year: int | None) -> dict[tuple[str, str, int], float]:
    """Return the world totals of a result by variable, material and year."""
    every = [int(one) for one in data["year"].values] if "year" in data.dims else []
    if year is not None and year not in every:
        raise MfaError(
            f"there is no year {year} in a result. {known(year, every[:1] + every[-1:], 'from, to')}"
        )
    years: Iterable[int] = summary_years(data, 10) if year is None else [year]
    found = {}
    for name, part in worldwide(data):
        for _, material, then, value in rows(part, years, ""):
            found[name, material, then] = value
    return found


# ------------------------------------------------------------------ as text


def largest(frame: pd.DataFrame, most: int) -> Iterator[tuple[str, list[tuple[str, ...]], int]]:
    """Yield for each kind and unit a heading, the rows of the largest differences, and how many more.

    Of a variable and a material only the year of the largest difference is shown.
    """
    first, second = frame.columns[5:7]
    heads = {"flow": "flows", "stock": "stocks at the end of the year", "indicator": "indicators"}
    for (kind, unit), own in frame.groupby(["kind", "unit"], sort=False):
        top = own.drop_duplicates(["variable", "material"])
        shown = top if most == 0 else top.head(most)
        lines: list[tuple[str, ...]] = [
            (
                str(row["variable"]),
                str(row["material"]),
                str(row["year"]),
                _figure(row[first], str(unit)),
                _figure(row[second], str(unit)),
                _figure(row["difference"], str(unit)),
                _percent(row["relative"], row[first], row[second]),
            )
            for _, row in shown.iterrows()
        ]
        yield (
            f"{heads[str(kind)]}, {'share' if unit == '1' else unit}",
            lines,
            len(top) - len(shown),
        )


def _figure(value: float, unit: str) -> str:
    if value != value:
        return "–"
    if unit == "year":
        return f"{value:.0f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _percent(relative: float, first: float, second: float) -> str:
    if relative == relative:
        return f"{100 * relative:+.1f} %" if abs(relative) < 10 else f"× {1 + relative:.3g}"
    return "new" if first == 0 and second == second else ""

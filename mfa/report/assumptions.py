"""Where the values of a scenario come from, as rows of a table: value, source, file and line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod

import numpy as np

from mfa.assignments import tables_of, within
from mfa.forms import Known
from mfa.ownership import Entry, resolve
from mfa.parameters import build_parameters
from mfa.scenario import Scenario
from mfa.units import canonical

Row = dict[str, str]

MOST = 4
"""Labels of a dimension that are named in one cell of the table."""


def assumptions(scenario: Scenario) -> list[Row]:
    """Return where every value of a scenario comes from.

    Parameters
    ----------
    scenario : Scenario

    Returns
    -------
    list of dict
        For each parameter and place that gave values to it: ``parameter``, ``meaning``, ``unit``,
        ``cells`` (for which labels), ``value`` (in the declared unit, in the first and the last
        reported year if it changes, the lowest and highest if cells differ), ``source`` (keys),
        ``reason``, ``place`` (file:line:column, the given value first and then its changes) and
        ``giver`` (the default, an item, a lever, a scenario).
    """
    return [row for name in scenario.system.parameters for row in _of_parameter(scenario, name)]


def _of_parameter(scenario: Scenario, name: str) -> Iterator[Row]:
    spec = scenario.system.parameters[name]
    values = build_parameters(scenario, [name])[name] / canonical(spec.unit)[0]
    owners = resolve(scenario, name)
    ordered = values.transpose(*owners.dims, ...).values.reshape(owners.owner.size, -1)
    groups: dict[tuple[str, ...], list[int]] = {}
    for number in dict.fromkeys(owners.owner.ravel().tolist()):
        if number >= 0:
            key = tuple(str(origin.place) for origin in owners.entries[number].origins)
            groups.setdefault(key, []).append(number)
    first = scenario.report_from - scenario.years[0]
    for places, numbers in groups.items():
        mine, entry = np.isin(owners.owner, numbers), owners.entries[numbers[0]]
        series = ordered[mine.ravel()]
        cells = (
            [
                {d: own[i] for d, own, i in zip(owners.dims, owners.labels, index, strict=True)}
                for index in zip(*np.nonzero(np.atleast_1d(mine)), strict=True)
            ]
            if owners.dims
            else [{}]
        )
        yield {
            "parameter": name,
            "meaning": spec.meaning,
            "unit": spec.unit,
            "cells": _cells(cells, scenario.system.dimensions),
            "value": _value(
                series[:, first:] if "year" in spec.dims else series, scenario.years[1]
            ),
            "source": "; ".join(_sources(entry, scenario)),
            "reason": "; ".join(_told(entry)),
            "place": ", then ".join(places),
            "giver": ", then ".join(one.given_by for one in entry.origins),
        }


def _value(series: np.ndarray, last: int) -> str:
    """Say what values are, or between which they lie, and how they change over the years.

    >>> _value(np.array([[0.5]]), 2050), _value(np.array([[1.0, 2.0], [3.0, 4.0]]), 2050)
    ('0.5', '2049: 1 to 3; 2050: 2 to 4')
    """
    if (series == series[:, :1]).all():
        return _between(series[:, 0])
    start = last - series.shape[1] + 1
    return f"{start}: {_between(series[:, 0])}; {last}: {_between(series[:, -1])}"


def _between(values: np.ndarray) -> str:
    low, high = values.min(), values.max()
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _cells(cells: Sequence[Mapping[str, str]], dimensions: Mapping[str, Sequence[str]]) -> str:
    """Name the labels of cells: all of a dimension, some, or how many.

    >>> _cells([{"region": "Europe"}], {"region": ["China", "Europe"]})
    'Europe'
    """
    if not cells[0]:
        return "all"
    labels = {dim: list(dict.fromkeys(cell[dim] for cell in cells)) for dim in cells[0]}
    parts = []
    for dim, own in labels.items():
        if len(own) == len(dimensions[dim]) > 1:
            parts.append(f"every {dim.replace('_', ' ')}")
        else:
            more = f" and {len(own) - MOST} more" if len(own) > MOST else ""
            parts.append(", ".join(own[:MOST]) + more)
    partly = "" if prod(map(len, labels.values())) == len(cells) else ", partly"
    return "; ".join(parts) + partly


def _sources(entry: Entry, scenario: Scenario) -> Iterable[str]:
    """Return the keys of the sources of a value, of its changes and of the tables it reads."""
    named: list[str] = []
    for origin in entry.origins:
        named += [form.source for form in within(origin.form) if isinstance(form, Known)]
        for table in tables_of(origin.form):
            if table.path in scenario.tables:
                named += scenario.tables[table.path].columns.get("source", ())
    return dict.fromkeys(key.strip() for text in named for key in text.split(";") if key.strip())


def _told(entry: Entry) -> Iterable[str]:
    """Return the reasons of a value, the tables that it reads and its distribution."""
    for origin in entry.origins:
        for form in within(origin.form):
            if isinstance(form, Known) and form.reason:
                yield " ".join(form.reason.split())
            if isinstance(form, Known) and form.distribution:
                yield f"uncertain: {form.distribution}"
        yield from (
            f"table {path}" for path in dict.fromkeys(t.path for t in tables_of(origin.form))
        )

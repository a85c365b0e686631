"""What the figures of a report show of one scenario: flows, stocks, indicators, concentration, targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from mfa.assessment import RATES, RATIOS
from mfa.bands import BAND, SLAB_BYTES
from mfa.indicators.risk import herfindahl, shares
from mfa.panels import words
from mfa.report.numbers import Array, Store, mean, with_band, world
from mfa.report.reading import Case
from mfa.role_arrays import quotient
from mfa.schema import Trade
from mfa.target_checks import verdicts

Json = dict[str, Any]

SUPPLY = {
    "demand": "demand",
    "primary": "primary supply",
    "secondary": "secondary supply",
    "share": "secondary share of supply",
}
"""What a market is asked for and what it gets, by the role of a flow."""

NAMES = {
    "demand": "demand",
    "primary": "primary_supply",
    "secondary": "secondary_supply",
    "share": "indicator_recycled_content",
}
"""What these are called in a system with roles; a figure gives them the same colours."""


def sampled(case: Case) -> bool:
    """Say whether a result has samples."""
    return "sample" in case.data.dims


def moving(case: Case, kind: str, store: Store) -> list[Json]:
    """Return the flows or the stocks of a scenario, all places together, means over samples."""
    found = []
    for key, data in case.data.data_vars.items():
        name, attrs = str(key), data.attrs
        if attrs.get("kind") != kind:
            continue
        values = world(case, name)
        if values is None:
            continue
        with_samples = "sample" in data.dims
        told = {k: attrs[k] for k in ("source", "target", "role", "process", "rule") if k in attrs}
        found.append({"name": name, **told, "values": store.add(mean(values, with_samples))})
    return found


def indicators(case: Case, store: Store) -> list[Json]:
    """Return every quantity over years that the world has: its name, words, unit and numbers."""
    named = [str(n) for n, v in case.data.data_vars.items() if v.attrs.get("kind") == "indicator"]
    rates = [f"indicator_{rate}" for rate in RATES]
    found: list[Json] = []
    for name in dict.fromkeys([*named, *rates]):
        values = world(case, name)
        if values is None:
            continue
        attrs = case.data.variables[name].attrs if name in named else {}
        rate = name.removeprefix("indicator_")
        long = attrs.get("long_name") or (RATES | RATIOS)[rate][-1]
        found.append(
            {
                "name": name,
                "label": words(rate).replace("eol ", "end-of-life "),
                "about": str(long),
                "unit": "share" if rate in RATES else str(attrs.get("units", "1")),
                "values": store.add(with_band(values, values.ndim == 3)),
            }
        )
    return [*found, *_markets(case, {str(one["name"]) for one in found}, store)]


def _markets(case: Case, there: set[str], store: Store) -> Iterator[Json]:
    """Yield demand and supply of each market of a system that does not say them by roles."""
    if there & {"demand", "primary_supply", "secondary_supply"}:
        return
    sums: dict[tuple[str, str], Array] = {}
    for name, data in case.data.data_vars.items():
        market, role = data.attrs.get("market"), data.attrs.get("role")
        if data.attrs.get("kind") == "flow" and market and role in SUPPLY:
            values = world(case, str(name))
            if values is not None:
                sums[market, role] = sums.get((market, role), 0.0) + values
    for market in dict.fromkeys(market for market, _ in sums):
        primary, secondary = sums.get((market, "primary")), sums.get((market, "secondary"))
        if primary is not None and secondary is not None:
            sums[market, "share"] = quotient(secondary, primary + secondary)
    alone = len({market for market, _ in sums}) == 1
    for (market, role), values in sorted(
        sums.items(), key=lambda item: [*SUPPLY].index(item[0][1])
    ):
        yield {
            "name": NAMES[role] if alone else f"{role} of {market}",
            "role": role,
            "label": SUPPLY[role] if alone else f"{SUPPLY[role]}, {words(market)}",
            "about": f"{SUPPLY[role]} of the market {words(market)}",
            "unit": "share" if role == "share" else "t/yr",
            "values": store.add(with_band(values, values.ndim == 3)),
        }


def milestones(case: Case) -> list[Json]:
    """Return the years that the run found, by mineral: a year, or in words that it was not seen."""
    found = []
    for name, data in case.data.data_vars.items():
        attrs = data.attrs
        if attrs.get("kind") != "indicator" or attrs.get("units") != "year" or "year" in data.dims:
            continue
        order = [d for d in ("sample", case.conserved) if d in data.dims]
        if set(data.dims) - set(order):
            continue
        values = np.asarray(data.transpose(*order).values, dtype=float)
        about, _, never = str(attrs.get("long_name", "")).partition("; NaN: ")
        if "sample" not in order:
            texts = [_year(value, never) for value in np.atleast_1d(values)]
        else:
            texts = [_years(own, never) for own in values.reshape(len(values), -1).T]
        label = words(str(name).removeprefix("indicator_"))
        found.append({"label": label, "about": about, "texts": texts})
    return found


def _year(value: float, never: str) -> str:
    return f"{value:.0f}" if value == value else never or "undefined"


def _years(values: Array, never: str) -> str:
    """Say the quantiles of a year over samples, and how many samples have none.

    >>> _years(np.array([2040.0, 2041.0, 2042.0, np.nan]), "not to 2050")
    '2041 (5 to 95 %: 2040 to 2042); not to 2050 in 25 % of samples'
    """
    seen = values[~np.isnan(values)]
    if not len(seen):
        return never or "undefined"
    low, middle, high = np.quantile(seen, [BAND[0], 0.5, BAND[-1]])
    text = f"{middle:.0f} (5 to 95 %: {low:.0f} to {high:.0f})"
    missing = 1 - len(seen) / len(values)
    return (
        f"{text}; {never or 'undefined'} in {100 * missing:.0f} % of samples" if missing else text
    )


def targets(case: Case) -> list[Json]:
    """Return the targets of a scenario and whether its run meets them."""
    return [{"name": words(n), "cell": cell, "text": text} for n, cell, text in verdicts(case.data)]


def concentration(case: Case, store: Store) -> list[Json]:
    """Return how concentrated each stage of supply is: the HHI of what each trade is asked for.

    Returns
    -------
    list
        For each trade that asks its origins: the HHI by mineral and year, or its quantiles, and
        who is largest with which share, means over samples.
    """
    if case.scenario is None:
        return []
    found = []
    for process, spec in case.scenario.system.processes.items():
        if not isinstance(spec, Trade) or spec.from_ is None:
            continue
        name = f"{spec.from_}_to_{process}"
        if name not in case.data.data_vars:
            continue
        data = case.data[name].isel(year=case.reported)
        onward = {
            dim
            for flow in case.data.data_vars.values()
            if flow.attrs.get("kind") == "flow" and flow.attrs.get("source") == process
            for dim in flow.dims
        }
        shared = case.scenario.system.parameters[spec.shares].dims
        places = [d for d in data.dims if d in shared and d not in onward | {"year", "sample"}]
        if len(places) != 1:
            continue
        index, largest, share = _concentrated(data, str(places[0]), case.conserved)
        found.append(
            {
                "stage": words(spec.from_),
                "flow": name,
                "places": [str(label) for label in data[places[0]].values],
                "values": store.add(with_band(index, "sample" in data.dims)),
                "largest": store.add(largest),
                "share": store.add(share),
            }
        )
    return found


def _concentrated(data: xr.DataArray, place: str, conserved: str) -> tuple[Array, Array, Array]:
    """Return the HHI, who is largest, and the share of that one; (…, material, year)."""
    kept = [d for d in ("sample", conserved, "year") if d in data.dims]
    over = [d for d in data.dims if d not in (*kept, place)]
    size = max(1, SLAB_BYTES * data.sizes["year"] // max(1, data.nbytes))
    parts = []
    for start in range(0, data.sizes["year"], size):
        own = data.isel(year=slice(start, start + size)).sum(over)
        divided = shares(own.clip(min=0).assign_attrs(units="t/yr"), place)
        index = herfindahl(divided, place).transpose(*kept)
        usual = divided.mean("sample") if "sample" in kept else divided
        usual = usual.fillna(0.0).transpose(place, *[d for d in kept if d != "sample"])
        parts.append((index.values, usual.values.argmax(axis=0), usual.values.max(axis=0)))
    joined = [np.concatenate(own, axis=-1) for own in zip(*parts, strict=True)]
    if conserved not in kept:
        joined = [np.expand_dims(own, -2) for own in joined]
    hhi, largest, share = joined
    return hhi, largest.astype(float), np.where(share > 0, share, np.nan)

"""The card of a result: what it is, whether it balances, its headline numbers, its sources."""

from __future__ import annotations

from math import isfinite

import numpy as np
import xarray as xr

from mfa.cards import card, curves, few, folded, table
from mfa.credits import credit
from mfa.drawing import COLOURS, SCALES
from mfa.flow_roles import COLOURS as OF_ROLES
from mfa.panels import totals
from mfa.system_drawings import draw

ROLES = {"demand": COLOURS[6], "primary": OF_ROLES["primary"], "secondary": OF_ROLES["recycled"]}


def html(result: xr.Dataset) -> str:
    """Return the card of a result as HTML; of any other Dataset it says that it is none."""
    facts = facts_of(result)
    parts = []
    if numbers := _headline(result):
        head, rows = numbers
        parts.append(table(head, rows))
    if drawn := _curves(result):
        parts.append(drawn)
    if system := _system(result):
        parts.append(folded("the system", system))
    title = str(result.attrs.get("title", "")) or "no title"
    about = str(result.attrs.get("comment", ""))
    return card("mfa result", title, facts, about=about, parts=parts, foot=credit(result.attrs))


def text(result: xr.Dataset) -> str:
    """Return the card of a result as text.

    >>> print(text(xr.Dataset(coords={"year": [2020, 2021]}, attrs={"title": "Slow"})))
    mfa result: Slow
    years       2020–2021
    dimensions  year 2
    holds       0 flows, 0 stocks, 0 indicators, 0 parameters
    """
    lines = [f"mfa result: {result.attrs.get('title', 'no title')}"]
    lines += [f"{name:11} {value}" for name, value in facts_of(result).items() if value]
    foot = credit(result.attrs)
    return "\n".join([*lines, foot] if foot else lines)


def facts_of(result: xr.Dataset) -> dict[str, str]:
    """Return what is told of any result: years, dimensions, what it holds, the worst residual."""
    kinds = [str(data.attrs.get("kind", "")) for data in result.data_vars.values()]
    years = (
        [int(y) for y in np.atleast_1d(result["year"].values)] if "year" in result.coords else []
    )
    worst = result.attrs.get("balance_residual")
    return {
        "scenarios": few([str(own) for own in np.atleast_1d(result["scenario"].values)])
        if "scenario" in result.coords
        else "",
        "years": f"{years[0]}–{years[-1]}" if years else "",
        "dimensions": few([f"{dim} {size}" for dim, size in result.sizes.items()], 12),
        "holds": ", ".join(
            f"{kinds.count(kind)} {kind}s" for kind in ("flow", "stock", "indicator", "parameter")
        ),
        "balance": f"worst residual {float(worst):.1e} of a process's throughput"
        if worst is not None
        else "",
    }


def _series(result: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return demand, primary and secondary supply of the world by year, from the reported ones on."""
    found: dict[str, xr.DataArray] = {}
    for role in ROLES:
        own = [
            totals(data)
            for data in result.data_vars.values()
            if data.attrs.get("kind") == "flow"
            and data.attrs.get("role") == role
            and "year" in data.dims
        ]
        name = role if role == "demand" else f"{role}_supply"
        if not own and name in result and "year" in result[name].dims:
            own = [totals(result[name])]  # of samples flows need not be kept
        if own:
            found[role] = sum(own[1:], own[0]).sel(
                year=slice(result.attrs.get("report_from"), None)
            )
    return found


def _headline(result: xr.Dataset) -> tuple[list[str], list[list[str]]] | None:
    series = _series(result)
    if "demand" not in series or not series["demand"].sizes["year"]:
        return None
    last = int(series["demand"]["year"].values[-1])
    rows: list[list[str]] = []
    for labels in _each(series["demand"]):
        at = {role: float(own.sel(labels).sel(year=last)) for role, own in series.items()}
        name = ", ".join(labels.values()) or "all"
        supply = at.get("primary", 0.0) + at.get("secondary", 0.0)
        share = at.get("secondary", 0.0) / supply if supply > 0 else float("nan")
        told = [_short(at[role]) if role in at else "–" for role in ROLES]
        rows.append([name, *told, f"{100 * share:.0f} %" if isfinite(share) else "–"])
    if len(rows) > 12:
        rows = [*rows[:12], [f"and {len(rows) - 12} more", *[""] * 4]]
    head = [str(last), *(f"{role} supply" if role != "demand" else role for role in ROLES)]
    return [*head, "secondary share"], rows


def _each(data: xr.DataArray) -> list[dict[str, str]]:
    found: list[dict[str, str]] = [{}]
    for dim in data.dims:
        if dim != "year":
            found = [{**own, str(dim): str(label)} for own in found for label in data[dim].values]
    return found


def _curves(result: xr.Dataset) -> str:
    series = _series(result)
    if not series or next(iter(series.values())).sizes["year"] < 2:
        return ""
    first = _each(next(iter(series.values())))[0]
    shown = {role: [float(v) for v in own.sel(first).values] for role, own in series.items()}
    years = next(iter(series.values()))["year"].values
    top = _short(max(max(own) for own in shown.values()))
    what = ", ".join([*first.values(), f"{years[0]}–{years[-1]}", f"up to {top}"])
    return curves(shown, ROLES, what)


def _system(result: xr.Dataset) -> str:
    flows = [d.attrs for d in result.data_vars.values() if d.attrs.get("kind") == "flow"]
    if not flows or any("source" not in attrs for attrs in flows):
        return ""
    arrows = [(str(attrs["source"]), str(attrs["target"])) for attrs in flows]
    secondary = {
        a for a, attrs in zip(arrows, flows, strict=True) if attrs.get("role") == "secondary"
    }
    rules: dict[str, str] = {end: "process" for arrow in arrows for end in arrow}
    rules |= {str(attrs["market"]): "market" for attrs in flows if "market" in attrs}
    for data in result.data_vars.values():
        if data.attrs.get("kind") == "stock" and "process" in data.attrs:
            rules[str(data.attrs["process"])] = str(data.attrs.get("rule", "stock"))
    return draw(rules, arrows, secondary)


def _short(value: float) -> str:
    factor, prefix = next(((f, p) for f, p in SCALES if abs(value) >= f), SCALES[-1])
    return f"{value / factor:,.3g} {prefix}t/yr"

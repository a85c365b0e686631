"""Grids: ``vary:`` in a scenario file stands for one scenario for each combination of its values.

Here are the names: a variant is called after its values, so that its folder of
results keeps its meaning when entries are added, taken out or moved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from mfa.errors import MfaError, Place

MOST_VARIANTS = 256
"""More scenarios than this are not made of one file."""

LONGEST_NAME = 120
"""Of a variant; longer names become numbers of entries."""

LONGEST_VALUE = 16
"""Of a value in a name; longer ones become the number of their entry."""


@dataclass(frozen=True)
class Variant:
    """One combination of a grid: its name, its values as text, and which entries it takes."""

    name: str
    values: Mapping[str, str]
    entries: tuple[int, ...]


def variants(stem: str, vary: Mapping[str, Sequence[Any]], place: Place) -> list[Variant]:
    """Return the combinations of a grid, the last parameter varying fastest.

    Parameters
    ----------
    stem : str
        Name of the file, with which every name begins.
    vary : mapping of parameter to values as written
    place : Place
        Of the grid, for errors.

    Raises
    ------
    MfaError
        If there are more than :data:`MOST_VARIANTS`.

    Examples
    --------
    >>> vary = {"collection_rate": [{"scale": 0.8}, "95 %"], "life": [{2020: "9 yr", 2030: "1 yr"}]}
    >>> for one in variants("grid", vary, Place()):
    ...     print(one.name, dict(one.values))
    grid-collection_rate_x0.8-life_entry1 {'collection_rate': '× 0.8', 'life': '{2020: 9 yr, 2030: 1 yr}'}
    grid-collection_rate_95pct-life_entry1 {'collection_rate': '95 %', 'life': '{2020: 9 yr, 2030: 1 yr}'}
    """
    count = prod(map(len, vary.values()))
    if count > MOST_VARIANTS:
        sizes = " × ".join(str(len(entries)) for entries in vary.values())
        raise MfaError(
            f"vary: {sizes} = {count} scenarios are too many for one file (at most {MOST_VARIANTS}); "
            "take values out, or make several grids",
            place,
        )
    tags = {name: _tags(entries) for name, entries in vary.items()}
    combinations = list(product(*(range(len(entries)) for entries in vary.values())))

    def named(entries: tuple[int, ...]) -> str:
        parts = (f"{name}_{tags[name][i]}" for name, i in zip(vary, entries, strict=True))
        return "-".join((stem, *parts))

    def numbered(entries: tuple[int, ...]) -> str:
        return "-".join((stem, *(str(i + 1) for i in entries)))

    short = all(len(named(entries)) <= LONGEST_NAME for entries in combinations)
    return [
        Variant(
            named(entries) if short else numbered(entries),
            {name: text_of(vary[name][i]) for name, i in zip(vary, entries, strict=True)},
            entries,
        )
        for entries in combinations
    ]


def text_of(raw: Any) -> str:
    """Return a value as written, in one short line.

    >>> text_of({"scale": 1.2, "reason": "design for repair"}), text_of({"add": "5 yr"}), text_of(0.5)
    ('× 1.2', '+ 5 yr', '0.5')
    """
    raw = _bare(raw)
    if isinstance(raw, Mapping):
        if raw.keys() == {"scale"}:
            return f"× {text_of(raw['scale'])}"
        if raw.keys() == {"add"}:
            return f"+ {text_of(raw['add'])}"
        text = "{" + ", ".join(f"{key}: {text_of(value)}" for key, value in raw.items()) + "}"
    elif isinstance(raw, list | tuple):
        text = "[" + ", ".join(map(text_of, raw)) + "]"
    else:
        text = f"{raw:.12g}" if isinstance(raw, float) else str(raw)
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:59].rstrip()}…"


def _bare(raw: Any) -> Any:
    """Return a value without what is known of it: source, reason, distribution."""
    if not isinstance(raw, Mapping):
        return raw
    if "value" in raw:
        return _bare(raw["value"])
    for key in ("scale", "add"):
        if key in raw:
            return {key: raw[key]}
    return raw


def _tags(entries: Sequence[Any]) -> list[str]:
    """Return one short name for each value of a parameter, different and safe in a path.

    >>> _tags([{"scale": 0.8}, {"add": "-5 yr"}, "1/3", "80 kt LCE/yr", {2020: 1, 2030: 2}])
    ['x0.8', 'plus_minus5yr', 'entry3', '80kt_LCE_per_yr', 'entry5']
    """
    tags = [_tag(_bare(raw)) for raw in entries]
    plain = [tag.lower() for tag in tags]
    return [
        tag if tag and len(tag) <= LONGEST_VALUE and plain.count(tag.lower()) == 1 else f"entry{i}"
        for i, tag in enumerate(tags, 1)
    ]


def _tag(raw: Any) -> str:
    """Return the short name of a number, a quantity or a change by one; nothing for others."""
    if isinstance(raw, Mapping):
        inner = [_tag(_bare(value)) for value in raw.values()]
        if raw.keys() == {"scale"} and inner[0]:
            return f"x{inner[0]}"
        return f"plus_{inner[0]}" if raw.keys() == {"add"} and inner[0] else ""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return ""
    found = re.fullmatch(r"([-+]?)(\d[\d.eE+]*)\s*([A-Za-z%][A-Za-z/ %]*)?", text_of(raw))
    if not found:
        return ""
    sign, number, unit = found.groups()
    unit = re.sub(r"\s+", "_", (unit or "").strip().replace("%", "pct").replace("/", "_per_"))
    return ("minus" if sign == "-" else "") + number + unit

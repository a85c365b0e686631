"""The forms a value can have, and how what was written becomes one of them.

A form says what was meant (a number, a path over years, a table); what it
amounts to is computed in :mod:`mfa.evaluation`.  What a mapping means depends
on the parameter: :func:`read_form` is told the labels that may stand in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from mfa.dated import DATED, strengths
from mfa.errors import MfaError, Place, known
from mfa.files import Branch, place_of
from mfa.uncertainty import BESIDE, DISTRIBUTIONS, Fitted, read_uncertainty, require_alone
from mfa.units import canonical

# ------------------------------------------------------------------- forms


@dataclass(frozen=True)
class Number:
    """A number, perhaps with the unit and the element that were written."""

    value: float
    unit: str | None
    element: str | None
    place: Place


@dataclass(frozen=True)
class YearPath:
    """Values at years, linear between them, held outside."""

    points: tuple[tuple[int, Form], ...]
    place: Place


@dataclass(frozen=True)
class Items:
    """One value for each label of a dimension (chosen by the labels or named)."""

    values: tuple[tuple[str, Form], ...]
    dim: str | None
    place: Place


@dataclass(frozen=True)
class Rest:
    """What is missing to 1 along the dimension of the other labels."""

    place: Place
    dim: str | None = None


@dataclass(frozen=True)
class LawOf:
    """A law of :mod:`mfa.demand` over the years, or of another parameter, with its fields.

    ``times`` names a parameter that the law is multiplied with: a law of consumption per head
    times the population. With ``scale`` "log" the law stands over the logarithm of ``of``.
    """

    law: str
    fields: tuple[tuple[str, Form], ...]
    place: Place
    of: str = ""
    times: str = ""
    scale: str = "linear"


@dataclass(frozen=True)
class TableOf:
    """A long table; outside its years nothing, unless it is said what.

    ``path`` is its name: that of the file, or that of the workbook and its sheet; ``file`` is
    the file alone.
    """

    path: str
    where: tuple[tuple[str, str], ...]
    before: Form | Literal["hold"] | None
    after: Form | Literal["hold"] | None
    between: Literal["interpolate"] | None
    scale: Form | None
    place: Place
    unit: str = ""
    file: str = ""
    sheet: str = ""


@dataclass(frozen=True)
class Joined:
    """History continued by another form without a jump."""

    observed: Form
    then: Form
    join: Literal["ratio", "offset", "interpolate", "none"]
    until: int | None
    place: Place


@dataclass(frozen=True)
class Known:
    """A value with what is known of it: source, reason, uncertainty.

    ``bounds`` are the numbers of the distribution, ``at`` their probabilities if it is a table
    of quantiles, ``cut`` what it is truncated to.  ``redraw`` is the correlation from one year
    to the next where each year is drawn, 0 without one, and None for one draw for all years.
    ``column`` is the name that its draws belong to (:mod:`mfa.columns`); ``factors`` says that
    it was written beside several labels, so that its numbers are factors; ``fit`` says what of
    a law is drawn from a fit.
    """

    value: Form
    source: str
    reason: str
    distribution: str
    bounds: tuple[Form, ...]
    place: Place
    at: tuple[float, ...] = ()
    cut: tuple[Form, ...] = ()
    redraw: float | None = None
    column: str = ""
    factors: bool = False
    fit: Fitted | None = None


@dataclass(frozen=True)
class Change:
    """A change of the inherited value: scaled by a factor, or with an amount added."""

    kind: Literal["scale", "add"]
    value: Form
    place: Place


@dataclass(frozen=True)
class Fields:
    """New values for named fields of the inherited law; labels that could have been meant."""

    fields: tuple[tuple[str, Form], ...]
    places: tuple[Place, ...]
    place: Place
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()


Form: TypeAlias = (
    Number | YearPath | Items | Rest | LawOf | TableOf | Joined | Known | Change | Fields
)

# ------------------------------------------------------------------ reading

SAID = {
    "source": "where it is from: keys of the list of sources",
    "reason": "why it is as it is, in words",
}
"""What may be said of a value or a change, and what each means."""

LAW = {
    "law": "name of a law; its parameters stand beside it",
    "of": "parameter that the law is one of; without it the years",
    "times": "parameter that the law is multiplied with",
    "scale": "``linear``, or ``log`` for a law of the logarithm of ``of``",
}
"""What may stand beside the parameters of a law, and what each means."""

KEYWORDS: dict[str, dict[str, str] | None] = {
    "law": None,
    "table": {
        "table": "CSV file, long or in the wide format of scenario databases",
        "where": "columns and the label that counts in each",
        "before": "value of the years before its first row; ``hold`` keeps the first",
        "after": "value of the years after its last row; ``hold`` keeps the last",
        "between": "``interpolate``: linear between the years of its rows",
        "scale": "what every number is multiplied with; it may have a unit",
        "unit": "unit of its numbers, if no column says it",
        "sheet": "sheet of the workbook that ``table`` names",
    },
    "observed": {
        "observed": "the history: any form of a value",
        "then": "what continues it: any form of a value",
        "join": "``ratio``, ``offset``, ``interpolate`` or ``none``: how the two meet",
        "until": "last year of the history that counts",
    },
    "value": {
        "value": "any form of a value",
        **SAID,
        **BESIDE,
        **{name: told.meaning for name, told in DISTRIBUTIONS.items()},
    },
    "scale": {
        "scale": "what the inherited value is multiplied with",
        "add": "never beside ``scale``: their order would decide",
        **SAID,
        **DATED,
    },
    "add": {"add": "what is added to the inherited value", **SAID, **DATED},
}
"""The key that tells a form, and what may stand beside it with its meaning; laws have their own."""


@dataclass(frozen=True)
class Vocabulary:
    """What names mean while a value is read: labels of each open dimension, laws."""

    dims: Mapping[str, tuple[str, ...]]
    laws: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    unlimited: bool = False

    def without(self, dim: str) -> Vocabulary:
        return replace(self, dims={d: labels for d, labels in self.dims.items() if d != dim})


def read_form(raw: Any, words: Vocabulary, place: Place) -> Form:
    """Turn what was written into a value form, or say what is wrong with it."""
    if getattr(raw, "ndim", 0):
        message = "an array without labels is not a value; give mfa.array(…) with its labels"
        raise MfaError(message, place)
    if raw == "rest":
        return Rest(place)
    if raw == UNLIMITED:
        return _unlimited(words, place)
    if raw is None or raw == "":
        raise MfaError("nothing is written here; give a number, or a text with a unit", place)
    if isinstance(raw, bool | list | tuple):
        raise MfaError(
            f"{raw!r} is not a value; give a number, a text with a unit or a form", place
        )
    if isinstance(raw, int | float):
        return _number(float(raw), place)
    if isinstance(raw, str):
        return _quantity(raw, place)
    if isinstance(raw, Mapping):
        return _mapping(raw, words, getattr(raw, "place", place))
    try:
        return _number(float(raw), place)
    except (TypeError, ValueError):
        raise MfaError(f"{raw!r} is not a value", place) from None


UNLIMITED = "unlimited"
"""What is written where a capacity does not bind."""


def _unlimited(words: Vocabulary, place: Place) -> Number:
    if not words.unlimited:
        raise MfaError(
            "only a capacity, a ratio to a host or a release rate can be 'unlimited', and only if nothing "
            "else is computed from it; give a number",
            place,
        )
    return Number(math.inf, None, None, place)


def _number(value: float, place: Place) -> Number:
    if not math.isfinite(value):
        raise MfaError(f"{value} is not a number that can be used; leave absent cells out", place)
    return Number(value, None, None, place)


def _quantity(text: str, place: Place) -> Number:
    from mfa.units import parse

    try:
        quantity = parse(text)
    except MfaError as error:
        raise MfaError(error.problems[0].message, place) from None
    number = _number(quantity.value, place)
    return replace(number, unit=quantity.unit or None, element=quantity.element)


def _at(raw: Mapping[Any, Any], key: Any, fallback: Place, *, of_key: bool = False) -> Place:
    found = place_of(raw, (key,), key=of_key) if isinstance(raw, Branch) else fallback
    return found if found.file else fallback


def _mapping(raw: Mapping[Any, Any], words: Vocabulary, place: Place) -> Form:
    if not raw:
        raise MfaError("an empty mapping is not a value", place)
    for keyword, allowed in KEYWORDS.items():
        if keyword in raw:
            if allowed is not None:
                _only(raw, allowed, place)
            return _READERS[keyword](raw, words, place)
    if all(isinstance(key, int) for key in raw):
        points = [(int(k), read_form(v, words, _at(raw, k, place))) for k, v in raw.items()]
        for _, point in points:
            if isinstance(point, Number) and math.isinf(point.value):
                raise MfaError(
                    "a path goes from number to number, so no year of it is 'unlimited'; write a large "
                    "capacity, or a table with 'before: unlimited'",
                    point.place,
                )
        return YearPath(tuple(sorted(points, key=lambda point: point[0])), place)
    return _labels(raw, words, place)


def _only(raw: Mapping[Any, Any], allowed: Iterable[str], place: Place) -> None:
    for key in raw:
        if key not in allowed:
            message = f"unknown key {key!r}. {known(key, allowed, 'keys')}"
            raise MfaError(message, _at(raw, key, place, of_key=True))


def _labels(raw: Mapping[Any, Any], words: Vocabulary, place: Place) -> Form:
    keys = [str(key) for key in raw]
    if len(keys) == 1 and keys[0] in words.dims and isinstance(raw[keys[0]], Mapping):
        inner = raw[keys[0]]
        return _items(inner, keys[0], words, getattr(inner, "place", place))
    fitting = [dim for dim, labels in words.dims.items() if set(keys) <= set(labels)]
    if len(fitting) > 1:
        raise MfaError(
            f"{', '.join(keys)} are labels of {' and of '.join(fitting)}; "
            f"write {{{fitting[0]}: {{{keys[0]}: …}}}}",
            place,
        )
    if fitting:
        return _items(raw, fitting[0], words, place)
    hits = [dim for dim, labels in words.dims.items() if set(keys) & set(labels)]
    if hits:
        odd = next(key for key in raw if str(key) not in words.dims[hits[0]])
        message = f"{hits[0]!r} has no label {odd!r}. {known(odd, words.dims[hits[0]], 'labels')}"
        raise MfaError(message, _at(raw, odd, place, of_key=True))
    forms = tuple((str(k), read_form(v, words, _at(raw, k, place))) for k, v in raw.items())
    places = tuple(_at(raw, key, place, of_key=True) for key in raw)
    return Fields(forms, places, place, tuple(words.dims.items()))


def _items(raw: Mapping[Any, Any], dim: str, words: Vocabulary, place: Place) -> Items:
    inner = words.without(dim)
    for key in raw:
        if str(key) not in words.dims[dim]:
            message = f"{dim!r} has no label {key!r}. {known(key, words.dims[dim], 'labels')}"
            raise MfaError(message, _at(raw, key, place, of_key=True))
    values = tuple((str(k), read_form(v, inner, _at(raw, k, place))) for k, v in raw.items())
    if len(rests := [form for _, form in values if isinstance(form, Rest)]) > 1:
        raise MfaError(f"only one label of {dim!r} can be 'rest'", rests[1].place)
    return Items(values, dim, place)


def _law(raw: Mapping[Any, Any], words: Vocabulary, place: Place) -> LawOf:
    law = raw["law"]
    if not isinstance(law, str) or law not in words.laws:
        raise MfaError(
            f"unknown law {law!r}. {known(law, words.laws, 'laws')}", _at(raw, "law", place)
        )
    beside = tuple(LAW)
    for key in raw:
        if key not in (*beside, *words.laws[law]):
            allowed = [*words.laws[law], *beside[1:]]
            message = f"law {law!r} has no field {key!r}. {known(key, allowed, 'fields')}"
            raise MfaError(message, _at(raw, key, place, of_key=True))
    of, times, scale = str(raw.get("of", "")), str(raw.get("times", "")), raw.get("scale", "linear")
    if of and law in ("growth", "paced"):
        raise MfaError(f"law {law!r} is one over the years; it has no 'of'", _at(raw, "of", place))
    if scale not in ("linear", "log") or (scale == "log" and not of):
        message = f"scale is linear, or log beside an 'of', not {scale!r}"
        raise MfaError(message, _at(raw, "scale", place))
    for key, name in (("of", of), ("times", times)):
        if name and name not in words.parameters:
            hint = known(name, words.parameters, "parameters")
            raise MfaError(f"unknown parameter {name!r}. {hint}", _at(raw, key, place))
    fields = tuple(
        (k, read_form(v, words, _at(raw, k, place))) for k, v in raw.items() if k not in beside
    )
    return LawOf(law, fields, place, of, times, str(scale))


def _table(raw: Mapping[Any, Any], words: Vocabulary, place: Place) -> TableOf:
    where = raw.get("where", {})
    if not isinstance(raw["table"], str):
        raise MfaError("'table' is the name of a CSV file or a workbook", _at(raw, "table", place))
    if not isinstance(raw.get("sheet", ""), str):
        message = "'sheet' is the name of a sheet of the workbook; quote it"
        raise MfaError(message, _at(raw, "sheet", place))
    if not isinstance(where, Mapping):
        raise MfaError("'where' is a mapping of columns to labels", _at(raw, "where", place))
    if raw.get("between") not in (None, "interpolate"):
        raise MfaError("'between' can only be 'interpolate'", _at(raw, "between", place))

    def edge(key: str) -> Any:
        value = raw.get(key)
        return value if value in (None, "hold") else read_form(value, words, _at(raw, key, place))

    chosen = tuple((str(k), str(v)) for k, v in where.items())
    scale = read_form(raw["scale"], words, _at(raw, "scale", place)) if "scale" in raw else None
    return TableOf(
        table_name(raw),
        chosen,
        edge("before"),
        edge("after"),
        raw.get("between"),
        scale,
        _at(raw, "table", place),
        _unit(raw, place),
        raw["table"],
        raw.get("sheet", ""),
    )


def table_name(raw: Mapping[Any, Any]) -> str:
    """Return the name of the table that a form names: that of its file, and of its sheet.

    >>> table_name({"table": "data/x.csv"}), table_name({"table": "x.xlsx", "sheet": "GDP"})
    ('data/x.csv', 'x.xlsx:GDP')
    """
    return f"{raw['table']}:{raw['sheet']}" if raw.get("sheet") else str(raw["table"])


def _unit(raw: Mapping[Any, Any], place: Place) -> str:
    """Return the unit that is said of a table, checked to be one."""
    unit = raw.get("unit", "")
    try:
        canonical(str(unit) or "1")
    except MfaError as error:
        raise MfaError(error.problems[0].message, _at(raw, "unit", place)) from None
    return str(unit)


def _observed(raw: Mapping[Any, Any], words: Vocabulary, place: Place) -> Joined:
    if "then" not in raw:
        raise MfaError("'observed' needs 'then': what continues it", place)
    join, until = raw.get("join", "ratio"), raw.get("until")
    joins = ("ratio", "offset", "interpolate", "none")
    if join not in joins:
        raise MfaError(f"unknown join {join!r}. {known(join, joins)}", _at(raw, "join", place))
    if until is not None and not isinstance(until, int):
        raise MfaError(f"'until' is a year, not {until!r}", _at(raw, "until", place))
    observed = read_form(raw["observed"], words, _at(raw, "observed", place))
    return Joined(
        observed, read_form(raw["then"], words, _at(raw, "then", place)), join, until, place
    )


def _annotated(raw: Mapping[Any, Any], words: Vocabulary, place: Place) -> Known:
    named = [key for key in raw if key in DISTRIBUTIONS]
    if len(named) > 1:
        raise MfaError(
            f"two distributions: {' and '.join(named)}", _at(raw, named[1], place, of_key=True)
        )
    value = read_form(raw["value"], words, _at(raw, "value", place))
    source, reason = str(raw.get("source", "")), str(raw.get("reason", ""))

    def at(node: Any, *path: Any, of_key: bool = False) -> Place:
        found = place_of(node, path, key=of_key) if isinstance(node, Branch) else place
        return found if found.file else place

    if not named:
        require_alone(raw, at)
        return Known(value, source, reason, "", (), place)

    def read(number: Any, where: Place) -> Form:
        return read_form(number, words, where)

    told = read_uncertainty(raw, named[0], read, at)
    return Known(value, source, reason, named[0], place=place, **told)


def _change(raw: Mapping[Any, Any], words: Vocabulary, place: Place) -> Form:
    if "scale" in raw and "add" in raw:
        raise MfaError("'scale' and 'add' at once: their order would decide; write one", place)
    kind: Literal["scale", "add"] = "scale" if "scale" in raw else "add"
    amount = read_form(raw[kind], words, _at(raw, kind, place))
    if dated := {key: raw[key] for key in DATED if key in raw}:
        amount = _dated(kind, amount, dated, raw, place)
    change = Change(kind, amount, place)
    if raw.keys() & {"source", "reason"}:
        return Known(change, str(raw.get("source", "")), str(raw.get("reason", "")), "", (), place)
    return change


def _dated(
    kind: str, amount: Form, dated: Mapping[str, Any], raw: Mapping[Any, Any], place: Place
) -> YearPath:
    """Return a dated change as a path: what it does at each year, nothing outside them."""
    if not isinstance(amount, Number) or math.isinf(amount.value):
        message = (
            "a dated change is not drawn; write one number, and a 'vary:' or a scenario for each other"
            if isinstance(amount, Known)
            else f"what is dated is one number; write the labels outside: {{label: {{{kind}: …}}}}"
        )
        raise MfaError(message, _at(raw, kind, place))
    points = strengths(dated, lambda key, text: MfaError(text, _at(raw, key, place)))
    nothing = 1.0 if kind == "scale" else 0.0

    def at(strength: float) -> Number:
        return replace(amount, value=nothing + (amount.value - nothing) * strength)

    return YearPath(tuple((year, at(strength)) for year, strength in points), place)


_READERS: dict[str, Callable[[Mapping[Any, Any], Vocabulary, Place], Form]] = {
    "law": _law,
    "table": _table,
    "observed": _observed,
    "value": _annotated,
    "scale": _change,
    "add": _change,
}

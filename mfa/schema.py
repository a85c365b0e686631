"""Frozen models of system, scenario, lever and item files; the forms a value can have.

The structure of a file is checked by pydantic, the values by
:func:`read_form`, because what a value may look like depends on the parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mfa.errors import MfaError, Place, Problems, known
from mfa.files import Branch, place_of

# ---------------------------------------------------------------- structure


class Model(BaseModel):
    """Base of all file models: nothing unknown, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Name = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_one_or_many)]


M = TypeVar("M", bound=Model)


class Like(Model):
    """A second dimension with the labels of another."""

    like: str


class All(Model):
    """Labels are the names of all files in a folder."""

    all: str


class ParameterSpec(Model):
    """A declared input: dimensions, unit, bounds and meaning."""

    dims: Names = ()
    unit: Name = "1"
    min: float | None = None
    max: float | None = None
    meaning: str = Field(default="", alias="is")
    sums: str | None = None
    normalise: str | None = None
    default: Any = None


class Lifetime(Model):
    """A lifetime law and its parameters: names of parameters or quantities."""

    law: str
    mean: str | None = None
    std: str | None = None
    shape: str | float | None = None
    scale: str | None = None
    survival: tuple[float, ...] | None = None
    inflow_at: Literal["start", "middle", "end", "spread"] = "spread"


class Process(Model):
    """What every process has: a rule, and where it stands."""

    rule: str
    at: dict[str, Name] = {}
    sum: Names = ()


class Source(Process):
    """Supplies what is asked, or what it gives."""

    gives: str | None = None
    to: str | None = None


class Sink(Process):
    """Keeps what arrives, or takes a given amount."""

    takes: str | None = None
    from_: str | None = Field(default=None, alias="from")


class Stock(Process):
    """Keeps cohorts for their lifetime; driven by inflow, by stock, or by arrivals."""

    from_: str | None = Field(default=None, alias="from")
    to: str
    inflow: str | None = None
    stock: str | None = None
    content: str | None = None
    lifetime: Lifetime
    on_decline: Literal["raise", "allow", "retire_early"] = "raise"


class Make(Process):
    """Asks for inputs by recipe; what is lost goes to ``loss_to``."""

    from_: str | dict[str, str] = Field(alias="from")
    yield_: str | None = Field(default=None, alias="yield")
    loss_to: str | None = None


class Split(Process):
    """Sends arrivals on by shares; one may be ``rest``."""

    shares: dict[str, str]


class Market(Process):
    """Takes all arrivals and asks its last supplier for the remainder."""

    from_: Names = Field(alias="from", min_length=1)
    surplus_to: str | None = None


class Trade(Process):
    """Asks each origin for its share of what is asked."""

    from_: str = Field(alias="from")
    shares: str


class UserProcess(Process):
    """A process with a rule from the user's own file; its fields are the rule's own."""

    model_config = ConfigDict(extra="allow", frozen=True)
    from_: dict[str, str] = Field(default={}, alias="from")
    to: dict[str, str] = {}


BUILT_IN: dict[str, type[Process]] = {
    "source": Source,
    "sink": Sink,
    "stock": Stock,
    "make": Make,
    "split": Split,
    "market": Market,
    "trade": Trade,
}


class SystemFile(Model):
    """Boxes and arrows, dimensions and declared parameters of a file; no numbers."""

    title: str
    about: str = ""
    conserves: str | None = None
    dimensions: dict[str, Names | Like | All] = {}
    parameters: dict[str, ParameterSpec] = {}
    processes: dict[str, Any]


class ScenarioFile(Model):
    """Named differences from a parent; the root names a system and its years."""

    title: str
    about: str = ""
    system: str | None = None
    inherits: str | None = None
    years: tuple[int, int] | None = None
    report_from: int | None = None
    levers: Names = ()
    set: dict[str, Any] = {}


class LeverFile(Model):
    """A reusable partial override: a policy, a technology path, a shock."""

    title: str
    about: str = ""
    source: str = ""
    set: dict[str, Any]


def validate(model: type[M], data: Any, root: Any = None, path: tuple[Any, ...] = ()) -> M:
    """Check a mapping against a model; raise one :class:`MfaError` with all problems.

    Parameters
    ----------
    model : type of Model
    data : mapping
        What was read or written in Python.
    root, path
        The file's root node and the path of ``data`` below it, for places.
    """
    problems = Problems()
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for found in error.errors():
            problems.add(*_describe(found, model, data, root if root is not None else data, path))
    problems.raise_if_any()
    raise AssertionError("unreachable: a validation error has at least one problem")


def _describe(
    found: Any, model: type[Model], data: Any, root: Any, path: tuple[Any, ...]
) -> tuple[str, Place]:
    loc = _existing(data, tuple(found["loc"]))
    where = (*path, *loc)
    label = ".".join(str(part) for part in where)
    if found["type"] == "extra_forbidden":
        names = [f.alias or name for name, f in _model_at(model, loc[:-1]).model_fields.items()]
        message = f"{label}: unknown key {loc[-1]!r}. {known(loc[-1], names, 'keys')}"
        return message, place_of(root, where, key=True)
    if found["type"] == "missing":
        missing = found["loc"][-1]
        if isinstance(missing, int):
            return f"{label}: entry {missing + 1} of the list is missing", place_of(root, where)
        return f"{label or 'file'}: the key {missing!r} is missing", place_of(root, where, key=True)
    got = found["input"]
    shown = f" (got {got!r})" if isinstance(got, str | int | float | list) else ""
    return f"{label}: {found['msg']}{shown}", place_of(root, where)


def _existing(data: Any, loc: tuple[Any, ...]) -> tuple[Any, ...]:
    """Drop the parts of a pydantic location that are names of union members."""
    kept: list[Any] = []
    for part in loc:
        in_list = isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)
        if in_list or (isinstance(data, Mapping) and part in data):
            kept, data = [*kept, part], data[part]
    return tuple(kept)


def _model_at(model: type[Model], loc: tuple[Any, ...]) -> type[Model]:
    if loc[:1] == ("parameters",):
        return ParameterSpec
    if loc[-1:] == ("lifetime",):
        return Lifetime
    return model


# -------------------------------------------------------------- value forms


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
    """A law of :mod:`mfa.demand` over the years, with its parameters."""

    law: str
    fields: tuple[tuple[str, Form], ...]
    place: Place


@dataclass(frozen=True)
class TableOf:
    """A long CSV table; outside its years nothing, unless it is said what."""

    path: str
    where: tuple[tuple[str, str], ...]
    before: Form | Literal["hold"] | None
    after: Form | Literal["hold"] | None
    between: Literal["interpolate"] | None
    scale: Form | None
    place: Place


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
    """A value with what is known of it: source, reason, uncertainty."""

    value: Form
    source: str
    reason: str
    distribution: str
    bounds: tuple[Form, ...]
    place: Place


@dataclass(frozen=True)
class Change:
    """A change of the inherited value: scaled by a factor, or with an amount added."""

    kind: Literal["scale", "add"]
    value: Form
    place: Place


@dataclass(frozen=True)
class Fields:
    """New values for named fields of the inherited law."""

    fields: tuple[tuple[str, Form], ...]
    places: tuple[Place, ...]
    place: Place


Form: TypeAlias = (
    Number | YearPath | Items | Rest | LawOf | TableOf | Joined | Known | Change | Fields
)

DISTRIBUTIONS = {"normal": 2, "lognormal": 2, "uniform": 2, "triangular": 2, "beta": 2}
"""Distributions a value may carry, and how many numbers describe each beside the value."""

KEYWORDS = {
    "law": None,
    "table": {"table", "where", "before", "after", "between", "scale"},
    "observed": {"observed", "then", "join", "until"},
    "value": {"value", "source", "reason", *DISTRIBUTIONS},
    "scale": {"scale", "add", "source", "reason"},
    "add": {"add", "source", "reason"},
}


@dataclass(frozen=True)
class Vocabulary:
    """What names mean while a value is read: labels of each open dimension, laws."""

    dims: Mapping[str, tuple[str, ...]]
    laws: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def without(self, dim: str) -> Vocabulary:
        return replace(self, dims={d: labels for d, labels in self.dims.items() if d != dim})


def read_form(raw: Any, words: Vocabulary, place: Place) -> Form:
    """Turn what was written into a value form, or say what is wrong with it."""
    if raw == "rest":
        return Rest(place)
    if isinstance(raw, bool) or raw is None or isinstance(raw, list | tuple):
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
        return YearPath(tuple(sorted(points, key=lambda point: point[0])), place)
    return _labels(raw, words, place)


def _only(raw: Mapping[Any, Any], allowed: set[str], place: Place) -> None:
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
    return Fields(forms, places, place)


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
    for key in raw:
        if key != "law" and key not in words.laws[law]:
            message = f"law {law!r} has no field {key!r}. {known(key, words.laws[law], 'fields')}"
            raise MfaError(message, _at(raw, key, place, of_key=True))
    fields = tuple(
        (k, read_form(v, words, _at(raw, k, place))) for k, v in raw.items() if k != "law"
    )
    return LawOf(law, fields, place)


def _table(raw: Mapping[Any, Any], words: Vocabulary, place: Place) -> TableOf:
    where = raw.get("where", {})
    if not isinstance(raw["table"], str):
        raise MfaError("'table' is the name of a CSV file", _at(raw, "table", place))
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
        raw["table"],
        chosen,
        edge("before"),
        edge("after"),
        raw.get("between"),
        scale,
        _at(raw, "table", place),
    )


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
    bounds: tuple[Form, ...] = ()
    if named:
        at, numbers = _at(raw, named[0], place), raw[named[0]]
        if not isinstance(numbers, list | tuple) or len(numbers) != DISTRIBUTIONS[named[0]]:
            raise MfaError(f"{named[0]!r} takes a list of {DISTRIBUTIONS[named[0]]} numbers", at)
        bounds = tuple(read_form(number, words, at) for number in numbers)
    value = read_form(raw["value"], words, _at(raw, "value", place))
    source, reason = str(raw.get("source", "")), str(raw.get("reason", ""))
    return Known(value, source, reason, named[0] if named else "", bounds, place)


def _change(raw: Mapping[Any, Any], words: Vocabulary, place: Place) -> Form:
    if "scale" in raw and "add" in raw:
        raise MfaError("'scale' and 'add' at once: their order would decide; write one", place)
    kind: Literal["scale", "add"] = "scale" if "scale" in raw else "add"
    change = Change(kind, read_form(raw[kind], words, _at(raw, kind, place)), place)
    if raw.keys() & {"source", "reason"}:
        return Known(change, str(raw.get("source", "")), str(raw.get("reason", "")), "", (), place)
    return change


_READERS: dict[str, Callable[[Mapping[Any, Any], Vocabulary, Place], Form]] = {
    "law": _law,
    "table": _table,
    "observed": _observed,
    "value": _annotated,
    "scale": _change,
    "add": _change,
}

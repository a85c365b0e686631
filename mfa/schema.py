"""Frozen models of system, scenario and lever files: which keys may stand where.

The structure of a file is checked by pydantic; the values in it are read by
:mod:`mfa.forms`, because what a value may look like depends on the parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mfa.errors import Place, Problems, known
from mfa.files import place_of


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
    below_zero: Literal["leaves", "truncate"] = "leaves"


class Process(Model):
    """What every process has: a rule, where it stands, and how it reads what others send."""

    rule: str
    at: dict[str, Name] = {}
    sum: Names = ()
    as_: dict[str, Name] = Field(default={}, alias="as")


class Source(Process):
    """Supplies what is asked, at most its capacity, or what it gives."""

    gives: str | None = None
    to: str | None = None
    capacity: str | None = None


class Response(Model):
    """How demand gives way to a rising price: its elasticity, and the highest price index."""

    elasticity: str
    highest_price: str | None = None


Limiting = Literal["product", "material"]


class Sink(Process):
    """Keeps what arrives, or takes a given amount."""

    response: Response | None = None
    takes: str | None = None
    from_: str | None = Field(default=None, alias="from")


class Reused(Model):
    """Retired units of another stock, and the share of them that still serves here."""

    from_: Name = Field(alias="from")
    usable: Name


class Stock(Process):
    """Keeps cohorts for their lifetime; driven by inflow, by stock, or by arrivals."""

    from_: str | None = Field(default=None, alias="from")
    to: str
    inflow: str | None = None
    stock: str | None = None
    shares: str | None = None
    content: str | None = None
    reused: Reused | None = None
    lifetime: Lifetime
    limiting: Limiting | None = None
    response: Response | None = None
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


class Limit(Model):
    """What limits a by-product: its ratio to what flows of its host at the same place."""

    flow: Name
    at: dict[str, Name] = {}
    of: dict[str, Name]
    ratio: str


def _one_or_many_limits(value: Any) -> Any:
    return (value,) if isinstance(value, Mapping) else value


Limits = Annotated[tuple[Limit, ...], BeforeValidator(_one_or_many_limits)]


class Trade(Process):
    """Asks each origin for its share of what is asked, or sends each destination its share."""

    from_: str | None = Field(default=None, alias="from")
    to: str | None = None
    shares: str
    capacity: str | None = None
    reroute: Literal["proportional"] | None = None
    limit: Limits = ()


class Buffer(Process):
    """A stockpile: fills from a supplier when nobody is short, releases before demand is cut."""

    from_: str = Field(alias="from")
    to: str
    target: str | None = None
    target_days: str | None = None
    fill_rate: str
    release_rate: str | None = None


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
    "buffer": Buffer,
}


class Economic(Model):
    """Prices of metals, and the lowest and highest cost of recycling a tonne."""

    price: str
    cost_low: str
    cost_high: str


class Potential(Model):
    """Which share of what reaches end of life could be recycled, and for which it would pay."""

    technical: str
    economic: Economic | None = None


class SystemFile(Model):
    """Boxes and arrows, dimensions and declared parameters of a file; no numbers."""

    title: str
    about: str = ""
    conserves: str | None = None
    dimensions: dict[str, Any] = {}
    parameters: dict[str, ParameterSpec] = {}
    processes: dict[str, Any]
    roles: dict[str, Names] = {}
    potential: Potential | None = None


class TargetOf(Model):
    """What an indicator or another variable of a result has to reach, where and from when."""

    of: Name
    at: dict[str, Name] = {}
    at_least: Any
    source: str = ""
    reason: str = ""


class CorrelationOf(Model):
    """Which draws are correlated, by name, and their matrix."""

    of: Names = Field(min_length=2)
    matrix: tuple[tuple[float, ...], ...]


class ScenarioFile(Model):
    """Named differences from a parent; the root names a system and its years."""

    title: str
    about: str = ""
    system: str | None = None
    inherits: str | None = None
    years: tuple[int, int] | None = None
    report_from: int | None = None
    levers: Names = ()
    correlation: CorrelationOf | None = None
    set: dict[str, Any] = {}
    targets: dict[str, TargetOf] = {}
    vary: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = {}


class LeverFile(Model):
    """A reusable partial override: a policy, a technology path, a shock."""

    title: str
    about: str = ""
    source: str = ""
    set: dict[str, Any] = {}
    targets: dict[str, TargetOf] = {}


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
        at = root if root is not None else data
        kinds: dict[tuple[Any, ...], list[Any]] = {}
        for found in error.errors():
            if found["type"] in KINDS:
                kinds.setdefault(_existing(data, tuple(found["loc"])), []).append(found)
            else:
                problems.add(*_describe(found, model, data, at, path))
        for loc, alike in kinds.items():
            problems.add(_wrong_kind((*path, *loc), alike), place_of(at, (*path, *loc)))
    problems.raise_if_any()
    raise AssertionError("unreachable: a validation error has at least one problem")


KINDS = {
    "string_type": "a text",
    "dict_type": "a mapping of names",
    "model_type": "a mapping of names",
    "model_attributes_type": "a mapping of names",
    "tuple_type": "a list",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
}
"""What was expected, by pydantic's name for the error."""


def _wrong_kind(where: tuple[Any, ...], alike: list[Any]) -> str:
    """Say in one line what could stand at a place where something of another kind stands."""
    label = ".".join(str(part) for part in where)
    expected = " or ".join(dict.fromkeys(KINDS[found["type"]] for found in alike))
    got = alike[0]["input"]
    return f"{label}: this is {expected}, not {'nothing' if got is None else repr(got)}"


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
        lead = f"{label}: " if label else ""
        return f"{lead}the key {missing!r} is missing", place_of(root, where, key=True)
    if found["type"] in ("too_long", "too_short"):
        entries = found["ctx"].get("max_length", found["ctx"].get("min_length"))
        count = found["ctx"]["actual_length"]
        return f"{label}: the list has {count} entries, it takes {entries}", place_of(root, where)
    if found["type"] == "literal_error":
        allowed = found["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        hint = known(found["input"], allowed, "choices")
        return f"{label}: {found['input']!r} is no choice here. {hint}", place_of(root, where)
    if found["type"] == "string_too_short":
        return f"{label}: a name is empty here", place_of(root, where)
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
    if loc[-1:] == ("reused",):
        return Reused
    if loc[-1:] == ("response",):
        return Response
    if "limit" in loc:
        return Limit
    if loc[:1] == ("potential",):
        return Economic if len(loc) > 1 else Potential
    if loc[:1] == ("targets",):
        return TargetOf
    return model

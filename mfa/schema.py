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
    """Name of the dimension whose labels this one has too."""


class All(Model):
    """Labels are the names of all files in a folder."""

    all: str
    """Folder whose files give the labels; each file holds the values of its label."""


class ParameterSpec(Model):
    """A declared input: dimensions, unit, bounds and meaning."""

    dims: Names = ()
    """Dimensions that a value may differ by; none for one number."""
    unit: Name = "1"
    """Unit in which the parameter is kept; values may be written in any unit of the same kind."""
    min: float | None = None
    """Smallest value that makes sense, in the unit of the parameter."""
    max: float | None = None
    """Largest value that makes sense, in the unit of the parameter."""
    meaning: str = Field(default="", alias="is")
    """What the parameter means, in words."""
    sums: str | None = None
    """Dimension over which the values sum to 1; a run checks it."""
    normalise: str | None = None
    """Dimension along which the values are divided by their sum."""
    default: Any = None
    """Value that holds until a scenario says another; any form of a value."""


class Lifetime(Model):
    """A lifetime law and its parameters: names of parameters or quantities."""

    law: str
    """Law of the lifetime, see below."""
    mean: str | None = None
    """Mean lifetime: a parameter."""
    std: str | None = None
    """Standard deviation of the lifetime: a parameter."""
    shape: str | float | None = None
    """Shape of the law: a number or a parameter."""
    scale: str | None = None
    """Scale of the law in years: a parameter."""
    survival: tuple[float, ...] | None = None
    """Shares still in use by age, for the law ``table``."""
    inflow_at: Literal["start", "middle", "end", "spread"] = "spread"
    """When in its year the inflow enters (CONVENTIONS §10)."""
    below_zero: Literal["leaves", "truncate"] = "leaves"
    """What becomes of the part of a law that lies below age 0."""


class Process(Model):
    """What every process has: a rule, where it stands, and how it reads what others send."""

    rule: str
    """How its flows follow from each other; one of the rules on this page or one of your own."""
    at: dict[str, Name] = {}
    """Label of a dimension at which the process stands; its flows do not have the dimension."""
    sum: Names = ()
    """Dimensions that are added up in what arrives or is asked."""
    as_: dict[str, Name] = Field(default={}, alias="as")
    """Dimension of what arrives, and the name it has from here on."""


class Source(Process):
    """Supplies what is asked, at most its capacity, or what it gives."""

    gives: str | None = None
    """Amount it sends: a product of parameters. Without it the source gives what is asked."""
    to: str | None = None
    """Process that receives what it gives."""
    capacity: str | None = None
    """Most that it can supply: a product of parameters; without it there is no limit."""


class Response(Model):
    """How demand gives way to a rising price: its elasticity, and the highest price index."""

    elasticity: str
    """Change of demand with the price, in per cent of each per cent: below 0."""
    highest_price: str | None = None
    """Highest price index, 1 where nothing is short; what demand is left then stays unmet."""


Limiting = Literal["product", "material"]


class Sink(Process):
    """Keeps what arrives, or takes a given amount."""

    response: Response | None = None
    """How demand gives way to the price where something is short."""
    takes: str | None = None
    """Amount it asks for: a product of parameters. Without it the sink keeps what arrives."""
    from_: str | None = Field(default=None, alias="from")
    """Process that it asks."""


class Reused(Model):
    """Retired units of another stock, and the share of them that still serves here."""

    from_: Name = Field(alias="from")
    """Stock whose retired units serve again here."""
    usable: Name
    """Share of a retired unit's service that is left: a product of parameters."""


class Stock(Process):
    """Keeps cohorts for their lifetime; driven by inflow, by stock, or by arrivals."""

    from_: str | None = Field(default=None, alias="from")
    """Process that is asked for the metal of what enters use."""
    to: str
    """Process that receives what retires."""
    inflow: str | None = None
    """What enters use in a year, as a product of parameters: the stock is driven by its inflow."""
    stock: str | None = None
    """What is in use at the end of a year, as a product of parameters: the stock is driven by its level."""
    shares: str | None = None
    """How units divide among products or technologies: a product of parameters."""
    content: str | None = None
    """Mass of the material in a unit: a product of parameters."""
    reused: Reused | None = None
    """Retired units of another stock that lower what enters here."""
    lifetime: Lifetime
    """How long things stay in use."""
    limiting: Limiting | None = None
    """Whether the scarcest material limits the whole product (the default) or each only itself."""
    response: Response | None = None
    """How demand gives way to the price where something is short."""
    on_decline: Literal["raise", "allow", "retire_early"] = "raise"
    """What to do where a given level falls faster than things retire."""


class Make(Process):
    """Asks for inputs by recipe; what is lost goes to ``loss_to``."""

    from_: str | dict[str, str] = Field(alias="from")
    """The one input, or each input with its share: a parameter, or ``rest``."""
    yield_: str | None = Field(default=None, alias="yield")
    """Share of the inputs that ends in the product: a product of parameters."""
    loss_to: str | None = None
    """Process that receives what does not."""


class Split(Process):
    """Sends arrivals on by shares; one may be ``rest``."""

    shares: dict[str, str]
    """Each process that receives, with its share: a product of parameters, or ``rest``."""


class Market(Process):
    """Takes all arrivals and asks its last supplier for the remainder."""

    from_: Names = Field(alias="from", min_length=1)
    """Suppliers; the last one gives what the others leave open."""
    surplus_to: str | None = None
    """Process that receives what nobody asks for."""


class Limit(Model):
    """What limits a by-product: its ratio to what flows of its host at the same place."""

    flow: Name
    """Flow of the host."""
    at: dict[str, Name] = {}
    """Labels of the host in its flow, e.g. the material."""
    of: dict[str, Name]
    """Labels of the by-product in what the trade is asked for."""
    ratio: str
    """By-product that comes with a tonne of the host: a product of parameters."""


def _one_or_many_limits(value: Any) -> Any:
    return (value,) if isinstance(value, Mapping) else value


Limits = Annotated[tuple[Limit, ...], BeforeValidator(_one_or_many_limits)]


class Trade(Process):
    """Asks each origin for its share of what is asked, or sends each destination its share."""

    from_: str | None = Field(default=None, alias="from")
    """Process that is asked: every origin for its share."""
    to: str | None = None
    """Process that receives: every destination its share."""
    shares: str
    """Share of each origin or destination: a product of parameters."""
    capacity: str | None = None
    """Most that each origin can supply: a product of parameters; without it there is no limit."""
    reroute: Literal["proportional"] | None = None
    """What exceeds the capacity of an origin goes to others, in proportion to what they have to spare."""
    limit: Limits = ()
    """Hosts that limit a by-product: it cannot be more than their flow times a ratio."""


class Buffer(Process):
    """A stockpile: fills from a supplier when nobody is short, releases before demand is cut."""

    from_: str = Field(alias="from")
    """Supplier from which it is filled."""
    to: str
    """Market to which it releases."""
    target: str | None = None
    """Mass that it is to hold; either this or ``target_days``."""
    target_days: str | None = None
    """Days of what its market is asked for that it is to hold."""
    fill_rate: str
    """Share of what it lacks that is bought in a year in which nobody is short."""
    release_rate: str | None = None
    """Most that it releases in a year; without it all that it holds."""


class UserProcess(Process):
    """A process with a rule from the user's own file; its fields are the rule's own."""

    model_config = ConfigDict(extra="allow", frozen=True)
    from_: dict[str, str] = Field(default={}, alias="from")
    """What is asked, by the names that the rule returns."""
    to: dict[str, str] = {}
    """Who receives, by the names that the rule returns."""


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
    """Price of the metal: a product of parameters."""
    cost_low: str
    """Lowest cost of recycling a tonne: a product of parameters."""
    cost_high: str
    """Highest cost of recycling a tonne: a product of parameters."""


class Potential(Model):
    """Which share of what reaches end of life could be recycled, and for which it would pay."""

    technical: str
    """Share of the metal at end of life that could be recycled: a product of parameters."""
    economic: Economic | None = None
    """Prices and costs; without it there is no economic potential."""


class SystemFile(Model):
    """Boxes and arrows, dimensions and declared parameters of a file; no numbers."""

    title: str
    """One line that figures and tables show."""
    about: str = ""
    """What the system is, in a sentence or two."""
    conserves: str | None = None
    """Dimension whose labels are conserved one by one, usually ``material``."""
    dimensions: dict[str, Any] = {}
    """Labels of each: a list, ``all`` (the files in the folder of its plural), or see below."""
    parameters: dict[str, ParameterSpec] = {}
    """Declared inputs, by name."""
    processes: dict[str, Any]
    """Boxes and their connections, by name."""
    roles: dict[str, Names] = {}
    """Flows, stocks or parameters that play a role in the indicators."""
    potential: Potential | None = None
    """What could be recycled of the metal at end of life."""


class TargetOf(Model):
    """What an indicator or another variable of a result has to reach, where and from when."""

    of: Name
    """Indicator, flow or stock that has to reach it."""
    at: dict[str, Name] = {}
    """Labels where it has to; places that are not named are added up."""
    at_least: Any
    """The minimum, by label and year; it holds from its year until the next."""
    source: str = ""
    """Where the target is written: keys of the list of sources."""
    reason: str = ""
    """Why it is as it is, in words."""


class CorrelationOf(Model):
    """Which draws are correlated, by name, and their matrix."""

    of: Names = Field(min_length=2)
    """Names of the draws that belong together."""
    matrix: tuple[tuple[float, ...], ...]
    """Their correlations, symmetric, with 1 on the diagonal."""


class ScenarioFile(Model):
    """Named differences from a parent; the root names a system and its years."""

    title: str
    """One line that figures and tables show."""
    about: str = ""
    """What happens in the scenario, in a sentence or two."""
    system: str | None = None
    """File of the system; only a root has one."""
    inherits: str | None = None
    """Scenario that this one differs from: the name of a file beside it."""
    years: tuple[int, int] | None = None
    """First and last year of the run."""
    report_from: int | None = None
    """First year of figures and tables."""
    levers: Names = ()
    """Files in ``levers/`` that are applied in this order."""
    correlation: CorrelationOf | None = None
    """Draws that are correlated with each other."""
    set: dict[str, Any] = {}
    """Values of parameters; any form of a value."""
    targets: dict[str, TargetOf] = {}
    """What indicators have to reach; checked, never enforced."""
    vary: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = {}
    """Values of parameters of which every combination is a scenario: a grid."""


class LeverFile(Model):
    """A reusable partial override: a policy, a technology path, a shock."""

    title: str
    """One line that says what the lever does."""
    about: str = ""
    """What it stands for, in a sentence or two."""
    source: str = ""
    """Where it is written: keys of the list of sources."""
    set: dict[str, Any] = {}
    """Values of parameters; any form of a value."""
    targets: dict[str, TargetOf] = {}
    """What indicators have to reach; checked, never enforced."""


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

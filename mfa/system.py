"""A system: boxes and arrows, dimensions and declared parameters, no numbers.

Who computes which flow is found in :mod:`mfa.flows`; in which order, in
:mod:`mfa.plans`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from mfa.cards import card, few
from mfa.errors import MfaError, Place, Problems, known
from mfa.files import place_of, read_yaml
from mfa.flows import Flow, connect
from mfa.labels import folder_of, labels_of
from mfa.names import refuse_clashes
from mfa.role_names import check_roles, variables_of
from mfa.rules import USER_RULES
from mfa.schema import (
    BUILT_IN,
    Buffer,
    Make,
    Market,
    Model,
    ParameterSpec,
    Potential,
    Process,
    Response,
    Sink,
    Source,
    Split,
    Stock,
    SystemFile,
    Trade,
    UserProcess,
    validate,
)
from mfa.system_drawings import draw


class System(Model):
    """Boxes and arrows (frozen).

    Parameters
    ----------
    title : str
    conserves : str, optional
        The dimension of the conserved substances, usually ``material``.
    dimensions : mapping of name to labels, or to ``{"like": other}``
    parameters : mapping of name to ``{"dims", "unit", "min", "max", "is", ...}``
    processes : mapping of name to ``{"rule": ..., ...}``
    roles : mapping of role to names, optional
        Which flows, stocks and parameters the indicators are made of
        (:data:`mfa.role_names.ROLES`).
    potential : mapping, optional
        ``{"technical": product of parameters, "economic": {"price", "cost_low", "cost_high"}}``

    Raises
    ------
    MfaError
        With all problems at once.

    Examples
    --------
    >>> system = System(
    ...     title="Loop",
    ...     parameters={"demand": {"dims": ["year"], "unit": "t/yr"}},
    ...     processes={
    ...         "mine": {"rule": "source"},
    ...         "use": {"rule": "sink", "takes": "demand", "from": "mine"},
    ...     },
    ... )
    >>> list(connect(system.processes, system.place))
    ['mine_to_use']
    """

    title: str
    about: str = ""
    conserves: str | None = None
    dimensions: dict[str, tuple[str, ...]] = {}
    parameters: dict[str, ParameterSpec] = {}
    processes: dict[str, Process] = {}
    roles: dict[str, tuple[str, ...]] = {}
    potential: Potential | None = None
    _root: Any = PrivateAttr(default=None)

    def __init__(self, **fields: Any) -> None:
        root = fields.pop("root_node", fields)
        folder = fields.pop("folder", None)
        checked = _check(fields, root, folder)
        super().__init__(**checked)
        self._root = root
        flows = connect(self.processes, self.place)
        check_roles(self.roles, self.potential, self.processes, self.parameters, flows, self.place)
        indicators = variables_of(self.roles, self.potential)
        refuse_clashes(
            self.dimensions, self.parameters, self.processes, flows, self.place, indicators
        )

    def place(self, *path: Any, key: bool = False) -> Place:
        """Return where a part of the system, or its key, is written; a process stands at its name."""
        return place_of(self._root, path, key=key or (len(path) == 2 and path[0] == "processes"))

    def folder_of_items(self, dim: str) -> str:
        """Return the name of the folder with one file for each label of a dimension."""
        declared = self._root.get("dimensions") or {}
        return folder_of(dim, declared.get(dim))

    @property
    def unlimited(self) -> frozenset[str]:
        """Names of parameters that may be unlimited: those that only limit something."""
        limiting = {"capacity", "ratio", "release_rate"}
        found: set[str] = set()
        others: set[str] = set()
        for process in self.processes.values():
            for path, text in expressions(process).items():
                plain = isinstance(process, UserProcess) or path[-1] not in limiting
                (others if plain or path[0] == "shares" else found).update(factors(text))
        return frozenset(found - others)

    @property
    def axes(self) -> tuple[str, ...]:
        """All dimensions but the year, in the order of the axes inside a run."""
        names = [d for d in self.dimensions if d != self.conserves]
        return (*names, *([self.conserves] if self.conserves else []))

    def drawing(self) -> str:
        """Return the drawing of the system as SVG: stages from left to right, what returns beneath."""
        flows = connect(self.processes, self.place)
        arrows = [(flow.source, flow.target) for flow in flows.values()]
        rules = {name: process.rule for name, process in self.processes.items()}
        secondary = {
            (source, name)
            for name, process in self.processes.items()
            if isinstance(process, Market)
            for source in process.from_[:-1]
        }
        return draw(rules, arrows, secondary)

    def facts(self) -> dict[str, str]:
        """Return what a card tells of the system."""
        dims = [f"{dim} {len(labels)}" for dim, labels in self.dimensions.items()]
        flows = connect(self.processes, self.place)
        return {
            "processes": f"{len(self.processes)}, joined by {len(flows)} flows",
            "dimensions": few(dims, 12),
            "parameters": str(len(self.parameters)),
            "conserves": self.conserves or "mass",
        }

    def _repr_html_(self) -> str:
        return card(
            "mfa system", self.title, self.facts(), about=self.about, parts=[self.drawing()]
        )


def read_system(path: str | Path) -> System:
    """Read a system from a YAML file.

    Parameters
    ----------
    path : path of the file
        Folders of items (``technology: all``) lie beside the folder of the
        file, e.g. ``technologies/`` beside ``systems/``.

    Raises
    ------
    MfaError
        With file, line and column of every problem.
    """
    path = Path(path)
    root = read_yaml(path)
    folder = path.parent.parent if path.parent.name == "systems" else path.parent
    return System(**root, root_node=root, folder=folder)


# ------------------------------------------------------------------- checks


def _check(fields: Mapping[str, Any], root: Any, folder: Path | None) -> dict[str, Any]:
    file = validate(SystemFile, fields, root)
    problems = Problems()
    dimensions = labels_of(file.dimensions, root, folder, problems)
    if file.conserves and file.conserves not in dimensions:
        message = (
            f"'conserves' names no dimension. {known(file.conserves, dimensions, 'dimensions')}"
        )
        problems.add(message, place_of(root, ("conserves",)))
    problems.raise_if_any()
    _check_parameters(file, dimensions, root, problems)
    processes = _processes(file, root, problems)
    for name, process in processes.items():
        _check_process(name, process, file, dimensions, root, problems)
    for path, text in potential_expressions(file.potential).items():
        for parameter in factors(text):
            if parameter not in file.parameters:
                problems.add(_unknown(parameter, path[-1], file), place_of(root, path))
    problems.raise_if_any()
    return {
        "title": file.title,
        "about": file.about,
        "conserves": file.conserves,
        "dimensions": dimensions,
        "parameters": file.parameters,
        "processes": processes,
        "roles": file.roles,
        "potential": file.potential,
    }


def _check_parameters(
    file: SystemFile, dimensions: Mapping[str, Any], root: Any, problems: Problems
) -> None:
    from mfa.units import canonical

    for name, spec in file.parameters.items():
        for position, dim in enumerate(spec.dims):
            if dim not in dimensions and dim != "year":
                message = f"{name}: unknown dimension {dim!r}. {known(dim, [*dimensions, 'year'])}"
                problems.add(message, place_of(root, ("parameters", name, "dims", position)))
        for key in ("sums", "normalise"):
            dim = getattr(spec, key)
            if dim is not None and dim not in spec.dims:
                message = f"{name}: {key!r} names {dim!r}, which is none of its dims {spec.dims}"
                problems.add(message, place_of(root, ("parameters", name, key)))
        try:
            canonical(spec.unit)
        except MfaError as error:
            message = f"{name}: {error.problems[0].message}"
            problems.add(message, place_of(root, ("parameters", name, "unit")))


def _processes(file: SystemFile, root: Any, problems: Problems) -> dict[str, Process]:
    found: dict[str, Process] = {}
    rules = (*BUILT_IN, *USER_RULES)
    for name, raw in file.processes.items():
        path = ("processes", name)
        if isinstance(raw, Process):
            found[name] = raw
            continue
        if not isinstance(raw, Mapping) or "rule" not in raw:
            message = f"process {name!r} needs a rule: {', '.join(rules)}"
            problems.add(message, place_of(root, path, key=True))
            continue
        rule = raw["rule"]
        if rule not in rules:
            message = f"process {name!r}: unknown rule {rule!r}. {known(rule, rules, 'rules')}"
            problems.add(message, place_of(root, (*path, "rule")))
            continue
        try:
            found[name] = validate(BUILT_IN.get(rule, UserProcess), raw, root, path)
        except MfaError as error:
            problems.include(error)
    return found


def factors(expression: str) -> tuple[str, ...]:
    """Return the names in a product of parameters.

    >>> factors("vehicle_sales * battery_capacity")
    ('vehicle_sales', 'battery_capacity')
    """
    return tuple(part.strip() for part in expression.split("*"))


def _response(told: Response | None) -> dict[tuple[Any, ...], str | None]:
    if told is None:
        return {}
    return {(("response", key)): getattr(told, key) for key in ("elasticity", "highest_price")}


def expressions(process: Process) -> dict[tuple[Any, ...], str]:
    """Return every product of parameters that a process uses, by its path in the file."""
    found: dict[tuple[Any, ...], str | None] = {}
    match process:
        case Source():
            found |= {("gives",): process.gives, ("capacity",): process.capacity}
        case Sink():
            found["takes",] = process.takes
            found |= _response(process.response)
        case Stock():
            found |= _response(process.response)
            found |= {("inflow",): process.inflow, ("stock",): process.stock}
            found |= {("shares",): process.shares, ("content",): process.content}
            if process.reused:
                found["reused", "usable"] = process.reused.usable
        case Make():
            found["yield",] = process.yield_
            recipe = process.from_ if isinstance(process.from_, dict) else {}
            found |= {("from", k): v for k, v in recipe.items() if v != "rest"}
        case Split():
            found |= {("shares", k): v for k, v in process.shares.items() if v != "rest"}
        case Trade():
            found |= {("shares",): process.shares, ("capacity",): process.capacity}
            found |= {("limit", i, "ratio"): own.ratio for i, own in enumerate(process.limit)}
        case Buffer():
            for key in ("target", "target_days", "fill_rate", "release_rate"):
                found[key,] = getattr(process, key)
        case UserProcess():
            extra = process.model_extra or {}
            found |= {(key,): str(value) for key, value in extra.items()}
    return {path: text for path, text in found.items() if text is not None}


def potential_expressions(potential: Potential | None) -> dict[tuple[str, ...], str]:
    """Return every product of parameters of a potential, by its path in the file."""
    if potential is None:
        return {}
    found: dict[tuple[str, ...], str] = {("potential", "technical"): potential.technical}
    if potential.economic:
        for key in ("price", "cost_low", "cost_high"):
            found["potential", "economic", key] = getattr(potential.economic, key)
    return found


def _check_process(
    name: str,
    process: Process,
    file: SystemFile,
    dimensions: Mapping[str, Any],
    root: Any,
    problems: Problems,
) -> None:
    def complain(path: tuple[Any, ...], message: str, key: bool = False) -> None:
        problems.add(
            f"process {name!r}: {message}", place_of(root, ("processes", name, *path), key=key)
        )

    for path, text in expressions(process).items():
        for parameter in factors(text):
            if parameter not in file.parameters:
                complain(path, _unknown(parameter, path[0], file))
    for position, dim in enumerate(process.sum):
        if dim not in dimensions:
            complain(
                ("sum", position),
                f"unknown dimension {dim!r}. {known(dim, dimensions, 'dimensions')}",
            )
    for dim, label in process.at.items():
        if dim not in dimensions:
            complain(
                ("at", dim),
                f"unknown dimension {dim!r}. {known(dim, dimensions, 'dimensions')}",
                True,
            )
        elif label not in dimensions[dim]:
            hint = known(label, dimensions[dim], "labels")
            complain(("at", dim), f"dimension {dim!r} has no label {label!r}. {hint}")
    _check_reading(process, dimensions, complain)
    match process:
        case Stock():
            for key in ("limiting", "response"):
                if getattr(process, key) is not None and not process.inflow:
                    complain((key,), "demands nothing by 'inflow', so nothing can be short in it")
            if process.reused and not process.inflow:
                message = "reused units lower what it demands, so it needs 'inflow': its demand"
                complain(("reused",), message)
            if process.inflow and process.stock:
                complain(
                    (), "has both 'inflow' and 'stock'; one of them is computed from the other"
                )
            if process.shares and not process.stock:
                message = "shares divide what a driving 'stock' needs among types; multiply them into 'inflow'"
                complain(("shares",), message)
            if process.on_decline != "raise" and not process.stock:
                complain(("on_decline",), "on_decline is for a process driven by its 'stock'")
            if (process.inflow or process.stock) and not process.from_:
                complain((), "is driven, so it needs 'from': who supplies its inflow")
        case Market() if len(set(process.from_)) < len(process.from_):
            twice = next(s for s in process.from_ if process.from_.count(s) > 1)
            complain(("from",), f"names its supplier {twice!r} twice; once is enough")
        case Make() if process.yield_ and not process.loss_to:
            complain(("yield",), "has a yield, so it needs 'loss_to': where the loss goes")
        case Make() if process.loss_to and not process.yield_:
            complain(("loss_to",), "has 'loss_to' but no 'yield', so nothing is lost")
        case Trade() if not process.from_ and not process.to:
            complain((), "needs 'from' (who is asked for it) or 'to' (who receives what arrives)")
        case Trade() if process.to and (process.capacity or process.limit):
            complain(
                ("capacity" if process.capacity else "limit",),
                "a capacity is of a trade that asks ('from'); what has arrived cannot be refused",
            )
        case Trade() if process.reroute and not (process.capacity or process.limit):
            complain(("reroute",), "has no 'capacity' and no 'limit', so nothing is ever rerouted")
        case Source() if process.gives and process.capacity:
            complain(
                ("capacity",), "gives, so it is not asked; a capacity is for one that is asked"
            )
        case Buffer() if bool(process.target) == bool(process.target_days):
            complain(
                (),
                "needs one of 'target' (mass) and 'target_days' (days of what its market is asked)",
            )
        case Buffer() if process.sum or process.at or process.as_:
            complain((), "stands where its market stands; it has no 'sum', 'at' or 'as'")
        case Sink() if process.response and not process.takes:
            complain(("response",), "takes nothing, so no price can lower what it takes")
        case Trade() if process.from_ and process.to:
            message = (
                "has both 'from' and 'to'; either it asks for what is taken from it, or it sends on"
            )
            complain((), message)
        case Source() if process.gives and not process.to:
            complain(("gives",), "gives, so it needs 'to': who receives it")
        case Sink() if process.takes and not process.from_:
            complain(("takes",), "takes, so it needs 'from': who supplies it")
        case UserProcess():
            _check_user(process, complain)


def _check_reading(process: Process, dimensions: Mapping[str, Any], complain: Any) -> None:
    """Check ``as``: one dimension read as another with the same labels."""
    for dim, read in process.as_.items():
        if missing := [d for d in (dim, read) if d not in dimensions]:
            hint = known(missing[0], dimensions, "dimensions")
            complain(("as", dim), f"unknown dimension {missing[0]!r}. {hint}", missing[0] == dim)
        elif dimensions[dim] != dimensions[read]:
            message = (
                f"{dim!r} and {read!r} have different labels, so one cannot be read as the other; "
                f"declare {dim}: {{like: {read}}}"
            )
            complain(("as", dim), message)
        elif dim in process.sum or dim == read:
            complain(("as", dim), f"{dim!r} is summed or read as itself; take it out of 'as'", True)
    if len(set(process.as_.values())) < len(process.as_):
        complain(("as",), "two dimensions are read as one; give each its own")


def _unknown(parameter: str, key: str, file: SystemFile) -> str:
    """Say that a parameter is not declared; a number belongs into a scenario."""
    if parameter[:1].isdigit() or parameter[:1] in ("-", "+", "."):
        return (
            f"{key} is the number {parameter!r}, and a system holds no numbers: write the name of a "
            f"parameter here, declare it under 'parameters:', and give {parameter} as its 'default:' "
            "or in a scenario"
        )
    hint = known(parameter, file.parameters, "parameters")
    return f"unknown parameter {parameter!r}. {hint}"


def _check_user(process: UserProcess, complain: Any) -> None:
    rule = USER_RULES[process.rule]
    given = set(process.model_extra or {})
    for field in given - set(rule.parameters):
        complain(
            (field,),
            f"rule has no field {field!r}. {known(field, rule.parameters, 'fields')}",
            True,
        )
    for field in set(rule.parameters) - given:
        complain((), f"rule {rule.name!r} needs the field {field!r}")
    key, other = ("to", process.to) if rule.direction == "push" else ("from", process.from_)
    if not other:
        complain(
            (),
            f"rule {rule.name!r} is a {rule.direction} rule and needs {key!r}: output to process",
        )


def read_dims(process: Process, dims: tuple[str, ...]) -> tuple[str, ...]:
    """Return the dimensions of a flow as its process reads them, in their order.

    A dimension that is summed because another is read in its place is "".

    >>> from mfa.schema import Sink
    >>> place = Sink(rule="sink", sum=["region"], **{"as": {"used_region": "region"}})
    >>> read_dims(place, ("region", "used_region", "material"))
    ('', 'region', 'material')
    """
    hidden = {*process.sum} & {*process.as_.values()}
    return tuple("" if d in hidden else process.as_.get(d, d) for d in dims)


def placement(system: System, flow: Flow, process: str) -> tuple[tuple[str, int], ...]:
    """Return the labels, as (dimension, number), at which the other end of a flow stands."""
    own = system.processes[process].at
    other = flow.source if flow.target == process else flow.target
    return tuple(
        (dim, system.dimensions[dim].index(label))
        for dim, label in system.processes[other].at.items()
        if dim not in own
    )

"""A system compiled: its steps in order, their dimensions, its equations and its drawing.

:func:`plan` checks everything that can be known without numbers and returns a
:class:`Plan`, which :mod:`mfa.execution` runs.  Asks walk up and deliveries walk
down: as long as no rule limits what is delivered, every delivery equals its ask
and one pass computes both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from mfa.buffer_step import BufferStep
from mfa.cards import card, folded
from mfa.dims import require_size
from mfa.errors import MfaError, Problems
from mfa.flows import Flow, arrival_flows, ask_flows, connect
from mfa.ordering import Part, components, part_of
from mfa.process_steps import (
    MakeStep,
    MarketStep,
    SinkStep,
    SourceStep,
    SplitStep,
    UserStep,
)
from mfa.role_plans import RolePlan, plan_roles
from mfa.scarcity import Scarcity, scarcity
from mfa.schema import (
    Buffer,
    Make,
    Market,
    Process,
    Sink,
    Source,
    Split,
    Stock,
    Trade,
    UserProcess,
)
from mfa.steps import Dims, Signature, Step
from mfa.stock_step import StockStep
from mfa.system import System
from mfa.trade_steps import TradeStep
from mfa.unit_checks import check_units

if TYPE_CHECKING:
    from mfa.scenario import Scenario


STEPS: dict[type[Process], Callable[..., Step]] = {
    Sink: SinkStep,
    Source: SourceStep,
    Stock: StockStep,
    Make: MakeStep,
    Split: SplitStep,
    Market: MarketStep,
    Trade: TradeStep,
    Buffer: BufferStep,
    UserProcess: UserStep,
}
"""The step of each rule."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The compiled order of steps of a system; printable (frozen)."""

    system: System
    flows: Mapping[str, Flow]
    dims: Mapping[str, Dims]
    stocks: Mapping[str, str]
    parts: tuple[Part, ...]
    roles: RolePlan | None = None
    scarcity: Scarcity | None = None

    @property
    def steps(self) -> list[Step]:
        return [step for part in self.parts for step in part.steps]

    def __str__(self) -> str:
        yearly = sum(part.kind == "by year" for part in self.parts)
        how = (
            f"{yearly} component(s) year by year" if yearly else "everything for all years at once"
        )
        lines = [f"{self.system.title}: {len(self.steps)} steps, {len(self.flows)} flows, {how}"]
        number = 0
        for part in self.parts:
            if part.kind != "all years":
                solved = ", ".join(part.tears)
                lines.append(
                    f"  ┌ loop solved exactly within each year for {solved}"
                    if part.kind == "loop"
                    else f"  ┌ loop through a stock: year by year, solved within each year for {solved}"
                )
            for step in part.steps:
                number += 1
                dims = ", ".join(("year", *step.dims))
                bar = "  │" if part.kind != "all years" else "   "
                read = ", ".join(f"{d} as {own}" for d, own in step.process.as_.items())
                reads = f", reads {read}" if read else ""
                lines.append(f"{bar}{number:3} {step.name} ({step.process.rule}) [{dims}]{reads}")
                lines += [f"{bar}      {text}" for text in step.equation().split("; ")]
            if part.kind != "all years":
                lines.append("  └")
        if self.scarcity is not None:
            lines += self.scarcity.told()
        if self.roles is not None:
            lines.append(str(self.roles))
        return "\n".join(lines)

    def mermaid(self) -> str:
        """Return the drawing of the system in the Mermaid language.

        Shapes tell the rules apart: stocks, buffers and sinks are cylinders, markets
        and trades are rhombs, sources are circles.  Nodes are numbered, because
        names such as ``end`` or ``style`` are words of that language.
        """
        shapes = {
            "source": '(("{}"))',
            "stock": '[("{}")]',
            "sink": '[("{}")]',
            "market": '{{{{"{}"}}}}',
            "trade": '{{{{"{}"}}}}',
            "buffer": '[("{}")]',
        }
        lines = ["flowchart LR"]
        node = {name: f"p{i}_{_letters(name)}" for i, name in enumerate(self.system.processes, 1)}
        for name, process in self.system.processes.items():
            text = name.replace("_", " ").replace('"', "#quot;")
            shape = shapes.get(process.rule, '["{}"]').format(text)
            lines.append(f"  {node[name]}{shape}")
        for flow in self.flows.values():
            reading = self.system.processes[flow.target].as_
            dims = ", ".join(
                f"{d} as {reading[d]}" if d in reading else d for d in self.dims[flow.name]
            )
            arrow = f'-->|"{dims}"|' if dims else "-->"
            lines.append(f"  {node[flow.source]} {arrow} {node[flow.target]}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        steps = folded("the steps", f'<pre style="overflow-x:auto">{escape(str(self))}</pre>')
        yearly = sum(part.kind != "all years" for part in self.parts)
        facts = {"steps": f"{len(self.steps)}, {yearly or 'no'} group(s) of them in a loop"}
        facts |= self.system.facts()
        return card("mfa plan", self.system.title, facts, parts=[self.system.drawing(), steps])


def plan(system: System | Scenario) -> Plan:
    """Compile a system (or the system of a scenario).

    Raises
    ------
    MfaError
        For dimensions that would be added without matching, a same-year loop
        through a market, a loop that nothing drives; each names the flow.

    Examples
    --------
    >>> system = System(
    ...     title="New scrap",
    ...     parameters={"demand": {"unit": "t/yr"}, "fabrication_yield": {}},
    ...     processes={
    ...         "mine": {"rule": "source"},
    ...         "make": {"rule": "make", "from": "mine", "yield": "fabrication_yield", "loss_to": "scrap"},
    ...         "use": {"rule": "sink", "takes": "demand", "from": "make"},
    ...         "scrap": {"rule": "sink"},
    ...     },
    ... )
    >>> print(plan(system))
    New scrap: 3 steps, 3 flows, everything for all years at once
         1 use (sink) [year]
             make_to_use = demand
             use_stock = Σ_years (make_to_use)
         2 make (make) [year]
             mine_to_make = (make_to_use) / fabrication_yield
             make_to_scrap = inputs − asks
         3 scrap (sink) [year]
             scrap_stock = Σ_years (make_to_scrap)
    """
    system = _system(system)
    if not system.processes:
        raise MfaError(
            f"{system.title!r} has no processes, so there is nothing to run; name two or more",
            system.place("processes"),
        )
    flows = connect(system.processes, system.place)
    signature = Signature(system, flows, system.axes)
    problems = Problems()
    compiled: list[Step] = []
    for name in system.processes:
        try:
            step = _compile(signature, name)
        except MfaError as error:
            problems.include(error)
            continue
        if step is not None:
            compiled.append(step)
    problems.raise_if_any()
    dims = _infer_dims(compiled, flows, system)
    for step in compiled:
        try:
            step.settle(dims)
            _check_place(step)
        except MfaError as error:
            problems.include(error)
    _check_reading(system, flows, dims, problems)
    _check_sizes(system, dims, problems)
    problems.raise_if_any()
    check_units(system, compiled, problems)
    stock_dims = {step.stock: step.stock_dims for step in compiled if step.stock}
    roles = plan_roles(system, flows, dims, stock_dims, problems)
    limits = scarcity(signature, flows, dims, compiled, problems)
    problems.raise_if_any()
    parts = tuple(part_of(group, system) for group in components(compiled))
    stocks = {step.stock: step.name for step in compiled if step.stock}
    return Plan(system, flows, dims, stocks, parts, roles, limits)


def _letters(name: str) -> str:
    """Return a name with nothing but letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def _system(given: System | Scenario) -> System:
    system = getattr(given, "system", given)
    if not isinstance(system, System):
        raise MfaError(
            f"a plan is made of a System or a Scenario, not of {given!r}; read the file first, with "
            "mfa.read_system or mfa.read_scenario"
        )
    return system


def _compile(signature: Signature, name: str) -> Step | None:
    """Return the step of a process; none for a source that only waits to be asked."""
    process = signature.system.processes[name]
    if isinstance(process, Source) and not process.gives:
        return None
    return STEPS[type(process)](signature, name, process)


def _infer_dims(compiled: list[Step], flows: Mapping[str, Flow], system: System) -> dict[str, Dims]:
    dims: dict[str, Dims] = {}
    for _ in range(len(flows) + 1):
        before = dict(dims)
        for step in compiled:
            for flow, found in step.infer(dims).items():
                dims[flow] = found
        if dims == before:
            break
    if open_ := sorted(set(flows) - set(dims)):
        names = ", ".join(map(repr, open_))
        which = f"flow {names} is" if len(open_) == 1 else f"flows {names} are"
        raise MfaError(
            f"{which} part of a loop that nothing drives: no source gives, no sink takes and no stock "
            "has a driver there; add one",
            system.place("processes", flows[open_[0]].computed_by),
        )
    return dims


def _check_sizes(system: System, dims: Mapping[str, Dims], problems: Problems) -> None:
    """A flow whose cells do not fit into memory in one year is refused before anything is run."""
    for flow, own in dims.items():
        try:
            require_size({d: len(system.dimensions[d]) for d in own})
        except MfaError as error:
            problems.add(f"flow {flow!r}: {error.problems[0].message}")


def _check_reading(
    system: System, flows: Mapping[str, Flow], dims: Mapping[str, Dims], problems: Problems
) -> None:
    """A process that reads a dimension as another is sent or asked for something that has it."""
    for name, process in system.processes.items():
        gathered = [*arrival_flows(flows, name), *ask_flows(flows, name)]
        for dim in process.as_:
            if not any(dim in dims[flow] for flow in gathered):
                problems.add(
                    f"process {name!r} reads {dim!r} as {process.as_[dim]!r}, but nothing that it is sent or "
                    f"asked for ({', '.join(gathered) or 'no flow'}) has {dim!r}; take 'as:' out",
                    system.place("processes", name, "as", dim),
                )


def _check_place(step: Step) -> None:
    """A process that stands at one label has no dimension of those labels."""
    double = [] if isinstance(step, TradeStep) else [d for d in step.process.at if d in step.dims]
    if double:
        raise MfaError(
            f"process {step.name!r} stands at one {double[0]}, but what it handles has the dimension "
            f"{double[0]}; write 'sum: [{double[0]}]' there, or leave 'at' out",
            step.signature.system.place("processes", step.name, "at"),
        )

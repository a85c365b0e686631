"""A system compiled: the order of its steps, its loops, and their execution.

:func:`plan` checks everything that can be known without numbers and returns a
:class:`Plan`; :func:`execute` runs it on bare arrays, the year last.  Asks walk
up and deliveries walk down: as long as no rule limits what is delivered, every
delivery equals its ask and one pass computes both.

Three kinds of parts make up a plan.  A *step* is computed for all years at
once.  A *loop* within one year is linear, x = T x + u, and solved exactly as
one step: T is found by sending unit flows round the loop.  A *component* with
a loop through a stock runs year by year, a same-year release being part of the
year's linear solve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mfa import kernels
from mfa.errors import MfaError, Problems
from mfa.schema import UserProcess
from mfa.steps import (
    Bound,
    Dims,
    Signature,
    Step,
    StockStep,
    TradeStep,
    compile_step,
    lifetime_parameters,
)
from mfa.system import Flow, System, connect, expressions, factors

if TYPE_CHECKING:
    from mfa.scenario import Scenario

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Steps that are executed together: one step, a loop, or a component by year."""

    kind: str
    steps: tuple[Step, ...]
    tears: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Plan:
    """The compiled order of steps of a system; printable (frozen)."""

    system: System
    flows: Mapping[str, Flow]
    dims: Mapping[str, Dims]
    stocks: Mapping[str, str]
    parts: tuple[Part, ...]

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
                lines.append(f"{bar}{number:3} {step.name} ({step.process.rule}) [{dims}]")
                lines += [f"{bar}      {text}" for text in step.equation().split("; ")]
            if part.kind != "all years":
                lines.append("  └")
        return "\n".join(lines)

    def mermaid(self) -> str:
        """Return the drawing of the system in the Mermaid language.

        Shapes tell the rules apart: stocks and sinks are cylinders, markets
        and trades are rhombs, sources are circles.
        """
        shapes = {
            "source": "(({}))",
            "stock": "[({})]",
            "sink": "[({})]",
            "market": "{{{{{}}}}}",
            "trade": "{{{{{}}}}}",
        }
        lines = ["flowchart LR"]
        for name, process in self.system.processes.items():
            lines.append(
                f"  {name}{shapes.get(process.rule, '[{}]').format(name.replace('_', ' '))}"
            )
        for flow in self.flows.values():
            dims = ", ".join(self.dims[flow.name])
            lines.append(
                f"  {flow.source} -->|{dims}| {flow.target}"
                if dims
                else f"  {flow.source} --> {flow.target}"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


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
    system = system if isinstance(system, System) else system.system
    flows = connect(system)
    signature = Signature(system, flows, system.axes)
    problems = Problems()
    compiled: list[Step] = []
    for name in system.processes:
        try:
            step = compile_step(signature, name)
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
    problems.raise_if_any()
    _check_units(system, compiled, problems)
    problems.raise_if_any()
    parts = tuple(_part(group, system) for group in _components(compiled))
    stocks = {step.stock: step.name for step in compiled if step.stock}
    return Plan(system, flows, dims, stocks, parts)


def _infer_dims(compiled: list[Step], flows: Mapping[str, Flow], system: System) -> dict[str, Dims]:
    dims: dict[str, Dims] = {}
    for _ in range(len(flows) + 1):
        before = dict(dims)
        for step in compiled:
            for flow, found in step.infer(dims).items():
                dims[flow] = found
        if dims == before:
            break
    problems = Problems()
    for flow in sorted(set(flows) - set(dims)):
        problems.add(
            f"flow {flow!r} is part of a loop that nothing drives: no source gives, no sink takes and "
            "no stock has a driver there; add one",
            system.place("processes", flows[flow].computed_by),
        )
    problems.raise_if_any()
    return dims


def _check_place(step: Step) -> None:
    """A process that stands at one label has no dimension of those labels."""
    double = [] if isinstance(step, TradeStep) else [d for d in step.process.at if d in step.dims]
    if double:
        raise MfaError(
            f"process {step.name!r} stands at one {double[0]}, but what it handles has the dimension "
            f"{double[0]}; write 'sum: [{double[0]}]' there, or leave 'at' out",
            step.signature.system.place("processes", step.name, "at"),
        )


def _check_units(system: System, compiled: list[Step], problems: Problems) -> None:
    """What drives a flow is mass per year, what drives a stock with content is what it contains."""
    from mfa.units import product

    def unit(expression: str) -> str:
        return product(*(system.parameters[name].unit for name in factors(expression)))

    def must_be(step: Step, key: str, expression: str, expected: str, *inside: str) -> None:
        found = unit(expression)
        if found != expected:
            problems.add(
                f"process {step.name!r}: {key} ({expression}) is in {found}, it must be in {expected}",
                system.place("processes", step.name, key, *inside),
            )

    for step in compiled:
        process = step.process
        if isinstance(step, StockStep) and step.driver:
            key = "stock" if step.by_stock else "inflow"
            text = " * ".join(filter(None, (step.driver, step.content)))
            must_be(step, key, text, "t" if step.by_stock else "t/yr")
        elif getattr(process, "gives", None):
            must_be(step, "gives", process.gives, "t/yr")  # type: ignore[attr-defined]
        elif getattr(process, "takes", None):
            must_be(step, "takes", process.takes, "t/yr")  # type: ignore[attr-defined]
        for (key, *inside), text in _share_expressions(step).items():
            must_be(step, key, text, "1", *inside)
        if isinstance(step, StockStep):
            for key, text in lifetime_parameters(step.lifetime).items():
                if text in system.parameters:
                    must_be(step, "lifetime", text, "1" if key == "shape" else "yr", key)


def _share_expressions(step: Step) -> dict[tuple[str, ...], str]:
    """Return the shares and yields of a process, which have no unit, by their path."""
    if isinstance(step.process, UserProcess):
        return {}
    found = expressions(step.process)
    return {path: text for path, text in found.items() if path[0] in ("yield", "shares", "from")}


# -------------------------------------------------------------------- order


def _components(compiled: list[Step]) -> list[list[Step]]:
    """Return the strongly connected groups of steps, first things first (Tarjan 1972)."""
    writer = {flow: step for step in compiled for flow in step.writes}
    before = {
        step.name: sorted({writer[f].name for f in step.reads if f in writer}) for step in compiled
    }
    by_name = {step.name: step for step in compiled}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[Step]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in before[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            members = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            groups.append([by_name[member] for member in members])

    for name in sorted(by_name):
        if name not in index:
            visit(name)
    return groups


def _part(group: list[Step], system: System) -> Part:
    if len(group) == 1 and not set(group[0].reads) & set(group[0].writes):
        return Part("all years", tuple(group))
    ordered, tears = _tear(group)
    memory = [step for step in group if step.memory]
    names = ", ".join(step.name for step in ordered)
    crooked = [step for step in group if not step.linear]
    if crooked and not memory:
        flow = crooked[0].writes[0]
        raise MfaError(
            f"flow {flow!r} closes a loop within one year ({names}) through the market "
            f"{crooked[0].name!r}: its max(0, …) makes the loop impossible to solve exactly; put a "
            "stock into the loop, or a rule without max",
            system.place("processes", crooked[0].name),
        )
    return Part("by year" if memory else "loop", tuple(ordered), tuple(tears))


def _tear(group: list[Step]) -> tuple[list[Step], list[str]]:
    """Order the steps of a loop so that few flows have to be known before they are computed."""
    best: tuple[list[Step], list[str]] | None = None
    readers = {step.name: [s for s in group if set(s.reads) & set(step.writes)] for step in group}
    for first in sorted(group, key=lambda step: (not step.memory, step.name)):
        seen: list[Step] = []

        def visit(step: Step, seen: list[Step] = seen) -> None:
            if step not in seen:
                seen.append(step)
                for reader in sorted(readers[step.name], key=lambda s: s.name):
                    visit(reader)

        visit(first)
        order = _settle_order(seen, first)
        torn = [
            flow
            for i, step in enumerate(order)
            for flow in step.reads
            if any(flow in later.writes for later in order[i:])
        ]
        torn = sorted(set(torn))
        if best is None or len(torn) < len(best[1]):
            best = order, torn
    assert best is not None
    return best


def _settle_order(seen: list[Step], first: Step) -> list[Step]:
    """Depth-first postorder turned round, starting with the first step."""
    done: list[Step] = []
    visited: set[str] = set()

    def visit(step: Step) -> None:
        visited.add(step.name)
        for reader in sorted(seen, key=lambda s: s.name):
            if set(reader.reads) & set(step.writes) and reader.name not in visited:
                visit(reader)
        done.append(step)

    visit(first)
    return done[::-1]


# ---------------------------------------------------------------- execution


def bind(plan: Plan, parameter: Callable[[str, Dims], Array], years: int) -> dict[str, Bound]:
    """Return the aligned parameters of every step; all problems in one error."""
    problems = Problems()
    bound: dict[str, Bound] = {}
    for step in plan.steps:
        try:
            bound[step.name] = step.bind(parameter, years)
        except MfaError as error:
            problems.include(error)
    problems.raise_if_any()
    return bound


def execute(plan: Plan, bound: Mapping[str, Bound], years: int) -> dict[str, Array]:
    """Return every flow and stock, each (..., year) with the axes of the plan's dims."""
    values: dict[str, Array] = {}
    for part in plan.parts:
        if part.kind == "all years":
            (step,) = part.steps
            values.update(step.evaluate(values, bound[step.name], years))
        elif part.kind == "loop":
            values.update(_Loop(part, plan).solve(values, bound, years))
        else:
            values.update(_by_year(part, plan, values, bound, years))
    return values


class _Loop:
    """A linear loop within one year: x = T x + u for the torn flows, solved cell by cell.

    Dimensions along which no step of the loop sums, trades or places ride
    along; the others are unknowns beside each other.
    """

    def __init__(self, part: Part, plan: Plan):
        self.part, self.plan = part, plan
        sizes = {d: len(labels) for d, labels in plan.system.dimensions.items()}
        coupled = {d for step in part.steps for d in _coupled(step)}
        shared = set.intersection(*({*plan.dims[f]} for f in part.tears))
        self.batch = tuple(d for d in plan.system.axes if d in shared - coupled)
        self.inner = {f: tuple(d for d in plan.dims[f] if d not in self.batch) for f in part.tears}
        self.shapes = {f: tuple(sizes[d] for d in plan.dims[f]) for f in part.tears}
        self.batch_shape = tuple(sizes[d] for d in self.batch)
        self.count = {
            f: int(np.prod([sizes[d] for d in self.inner[f]], dtype=int)) for f in part.tears
        }
        self.unknowns = sum(self.count.values())

    def pack(self, flows: Mapping[str, Array], years: int) -> Array:
        """Return the torn flows as (*batch, year, unknown)."""
        packed = []
        for flow in self.part.tears:
            dims = self.plan.dims[flow]
            order = [dims.index(d) for d in (*self.batch, *self.inner[flow])]
            position = len(self.batch)
            array = np.broadcast_to(flows[flow], (*self.shapes[flow], years))
            array = np.moveaxis(array.transpose(*order, len(dims)), -1, position)
            packed.append(array.reshape(*self.batch_shape, years, self.count[flow]))
        return np.concatenate(packed, axis=-1)

    def unpack(self, packed: Array, years: int) -> dict[str, Array]:
        """Return the torn flows from (*batch, year, unknown)."""
        flows, start = {}, 0
        sizes = {d: len(labels) for d, labels in self.plan.system.dimensions.items()}
        for flow in self.part.tears:
            dims, inner = self.plan.dims[flow], self.inner[flow]
            array = packed[..., start : start + self.count[flow]]
            array = array.reshape(*self.batch_shape, years, *(sizes[d] for d in inner))
            array = np.moveaxis(array, len(self.batch), -1)
            order = [(*self.batch, *inner).index(d) for d in dims]
            flows[flow] = np.ascontiguousarray(array.transpose(*order, len(dims)))
            start += self.count[flow]
        return flows

    def matrix(self, values: Mapping[str, Array], bound: Mapping[str, Bound], years: int) -> Array:
        """Return I − T for every cell and year, (*batch, year, unknown, unknown)."""
        own = {flow for step in self.part.steps for flow in step.writes}
        silent = {
            flow: np.zeros(
                (*(len(self.plan.system.dimensions[d]) for d in self.plan.dims[flow]), years)
            )
            for step in self.part.steps
            for flow in step.reads
            if flow not in own
        }
        answers = []
        for unknown in range(self.unknowns):
            unit = np.zeros((*self.batch_shape, years, self.unknowns))
            unit[..., unknown] = 1.0
            answers.append(
                self.pack(self.once(silent | self.unpack(unit, years), bound, years), years)
            )
        return np.eye(self.unknowns) - np.stack(answers, axis=-1)

    def once(
        self, known: Mapping[str, Array], bound: Mapping[str, Bound], years: int
    ) -> dict[str, Array]:
        """Go round the loop once, every step without its past."""
        flows = dict(known)
        for step in self.part.steps:
            if isinstance(step, StockStep) and step.memory:
                leaving = step.arrivals(flows) * step.same_year(bound[step.name], years)
                found = {step.outflow: leaving}
            else:
                found = step.evaluate(flows, bound[step.name], years)
            flows.update(found)
        return flows

    def solve(
        self, values: Mapping[str, Array], bound: Mapping[str, Bound], years: int
    ) -> dict[str, Array]:
        """Solve the loop for all years at once and return every flow in it."""
        matrix = self.matrix(values, bound, years)
        empty = self.unpack(np.zeros((*self.batch_shape, years, self.unknowns)), years)
        given = self.pack(self.once({**values, **empty}, bound, years), years)
        solved = self.unpack(self.checked(matrix, given), years)
        flows = self.once({**values, **solved}, bound, years)
        own = {name for step in self.part.steps for name in (*step.writes, step.stock) if name}
        return {name: array for name, array in flows.items() if name in own}

    def checked(self, matrix: Array, given: Array) -> Array:
        """Return the solution of (I − T) x = u; a loop that never loses mass has none."""
        try:
            solved = np.linalg.solve(matrix, given[..., None])[..., 0]
        except np.linalg.LinAlgError:
            solved = np.full_like(given, np.nan)
        largest = np.abs(solved).max(initial=0.0)
        grows = given.min(initial=0.0) >= 0 and solved.min(initial=0.0) < -1e-9 * largest
        if not np.isfinite(largest) or grows:
            names = ", ".join(step.name for step in self.part.steps)
            raise MfaError(
                f"the loop {names} cannot be solved for {', '.join(self.part.tears)}: in some year all that "
                "enters it comes back (its shares multiply to 1 or more), so mass would grow without end; "
                "let something leave the loop",
                self.plan.system.place("processes", self.part.steps[0].name),
            )
        return np.asarray(solved)


def _coupled(step: Step) -> set[str]:
    found = {*step.process.sum, *step.process.at}
    if isinstance(step, TradeStep):
        found |= {*step.origins}
    system = step.signature.system
    for flow in (*step.reads, *step.writes):
        ends = step.signature.flows[flow]
        for end in (ends.source, ends.target):
            found |= {*system.processes[end].at}
    return found


def _by_year(
    part: Part, plan: Plan, values: Mapping[str, Array], bound: Mapping[str, Bound], years: int
) -> dict[str, Array]:
    """Run a component with a loop through a stock, one year after the other."""
    loop = _Loop(part, plan)
    linear = all(step.linear for step in part.steps)
    released = {
        s.name: float(s.same_year(bound[s.name], years).max())
        for s in part.steps
        if isinstance(s, StockStep) and s.memory
    }
    if not linear and any(released.values()):
        raise MfaError(
            f"the component {', '.join(s.name for s in part.steps)} has a market, and its stock "
            f"{', '.join(name for name, share in released.items() if share)} releases mass in the year in "
            "which it arrives: that loop cannot be solved exactly; write 'inflow_at: end' in its lifetime",
            plan.system.place("processes", part.steps[0].name),
        )
    matrix = loop.matrix(values, bound, years) if linear else None
    solve_needed = matrix is not None and bool((matrix != np.eye(loop.unknowns)).any())
    sizes = {d: len(labels) for d, labels in plan.system.dimensions.items()}
    own = sorted({flow for step in part.steps for flow in step.writes})
    whole = {flow: np.zeros((*(sizes[d] for d in plan.dims[flow]), years)) for flow in own}
    entering = {
        step.name: np.zeros((*(sizes[d] for d in step.dims), years))
        for step in part.steps
        if isinstance(step, StockStep) and step.memory
    }
    outside = {
        flow: values[flow] for step in part.steps for flow in step.reads if flow not in whole
    }
    for year in range(years):
        now = slice(year, year + 1)
        given = {flow: array[..., now] for flow, array in outside.items()}
        at_year = {step.name: bound[step.name].year(year) for step in part.steps}
        past = {
            step.outflow: kernels.release_from_history(
                entering[step.name],
                bound[step.name].arrays["survival"],
                year,
                by_cohort=bound[step.name].by_cohort,
            )[..., None]
            for step in part.steps
            if isinstance(step, StockStep) and step.memory
        }
        guess = {flow: np.zeros_like(whole[flow][..., now]) for flow in part.tears}
        flows = _one_year(part, {**given, **guess}, at_year, past, year, bound, years)
        if solve_needed:
            assert matrix is not None
            solved = loop.checked(matrix[..., now, :, :], loop.pack(flows, 1))
            flows = _one_year(
                part, {**given, **loop.unpack(solved, 1)}, at_year, past, year, bound, years
            )
        else:
            torn = {flow: flows[flow] for flow in part.tears}
            flows = _one_year(part, {**given, **torn}, at_year, past, year, bound, years)
        for flow in own:
            whole[flow][..., now] = flows[flow]
        for step in part.steps:
            if step.name in entering:
                entering[step.name][..., now] = step.arrivals(flows)  # type: ignore[attr-defined]
    for step in part.steps:
        if step.stock:
            whole[step.stock] = np.cumsum(entering[step.name] - whole[step.writes[-1]], axis=-1)
    return whole


def _one_year(
    part: Part,
    known: Mapping[str, Array],
    at_year: Mapping[str, Bound],
    past: Mapping[str, Array],
    year: int,
    bound: Mapping[str, Bound],
    years: int,
) -> dict[str, Array]:
    flows = dict(known)
    for step in part.steps:
        if isinstance(step, StockStep) and step.memory:
            share = step.same_year(bound[step.name], years)
            share = share if share.shape[-1] == 1 else share[..., year : year + 1]
            flows[step.outflow] = past[step.outflow] + step.arrivals(flows) * share
        else:
            flows.update(step.evaluate(flows, at_year[step.name], 1))
    return flows

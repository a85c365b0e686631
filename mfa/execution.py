"""Execution of a plan on bare arrays, the year last.

Three kinds of parts make up a plan.  A *step* is computed for all years at
once.  A *loop* within one year is linear, x = T x + u, and solved exactly as
one step: T is found by sending unit flows round the loop.  A *component* with
a loop through a stock runs year by year, a same-year release being part of the
year's linear solve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

from mfa import kernels
from mfa.errors import MfaError, Problems
from mfa.ordering import Part
from mfa.plans import Plan
from mfa.steps import Array, Bound, Dims, Step
from mfa.stock_step import StockStep
from mfa.trade_steps import TradeStep


def bind(plan: Plan, parameter: Callable[[str, Dims], Array], years: range) -> dict[str, Bound]:
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


def execute(plan: Plan, bound: Mapping[str, Bound], years: range) -> dict[str, Array]:
    """Return every flow and stock, each (..., year) with the axes of the plan's dims."""
    _keep_freed_pages()
    values: dict[str, Array] = {}
    for part in plan.parts:
        values.update(run_part(part, plan, values, bound, len(years)))
    return values


@cache
def _keep_freed_pages() -> None:
    """Let freed memory, up to 64 MB, wait for the next array instead of going back at once.

    Else each array of a run is made of fresh pages, which takes a third of its time.
    The C library of Linux raises its limits when a large block is freed
    (https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD); the block
    is never touched, so it costs nothing, and elsewhere nothing happens.
    """
    np.empty(31 * 2**20, dtype=np.uint8)


def run_part(
    part: Part, plan: Plan, values: Mapping[str, Array], bound: Mapping[str, Bound], years: int
) -> dict[str, Array]:
    """Return the flows and stocks that a part of a plan computes from what was computed before."""
    if part.kind == "all years":
        (step,) = part.steps
        return step.evaluate(values, bound[step.name])
    if part.kind == "loop":
        return _Loop(part, plan).solve(values, bound, years)
    return _by_year(part, plan, values, bound, years)


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

    def matrix(self, bound: Mapping[str, Bound], years: int) -> Array:
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
            answers.append(self.pack(self.once(silent | self.unpack(unit, years), bound), years))
        return np.eye(self.unknowns) - np.stack(answers, axis=-1)

    def once(self, known: Mapping[str, Array], bound: Mapping[str, Bound]) -> dict[str, Array]:
        """Go round the loop once, every step without its past."""
        flows = dict(known)
        for step in self.part.steps:
            if isinstance(step, StockStep) and step.memory:
                leaving = step.arrivals(flows) * step.same_year(bound[step.name])
                found = {step.outflow: leaving}
            else:
                found = step.evaluate(flows, bound[step.name])
            flows.update(found)
        return flows

    def solve(
        self, values: Mapping[str, Array], bound: Mapping[str, Bound], years: int
    ) -> dict[str, Array]:
        """Solve the loop for all years at once and return every flow in it."""
        matrix = self.matrix(bound, years)
        empty = self.unpack(np.zeros((*self.batch_shape, years, self.unknowns)), years)
        given = self.pack(self.once({**values, **empty}, bound), years)
        solved = self.unpack(self.checked(matrix, given), years)
        flows = self.once({**values, **solved}, bound)
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
    process = step.process
    found = {*process.sum, *process.at, *process.as_, *process.as_.values()}
    if isinstance(step, TradeStep):
        found |= {*step.places}
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
        s.name: float(s.same_year(bound[s.name]).max())
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
    matrix = loop.matrix(bound, years) if linear else None
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
        flows = _one_year(part, {**given, **guess}, at_year, past, year, bound)
        if solve_needed:
            assert matrix is not None
            solved = loop.checked(matrix[..., now, :, :], loop.pack(flows, 1))
            flows = _one_year(part, {**given, **loop.unpack(solved, 1)}, at_year, past, year, bound)
        else:
            torn = {flow: flows[flow] for flow in part.tears}
            flows = _one_year(part, {**given, **torn}, at_year, past, year, bound)
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
) -> dict[str, Array]:
    flows = dict(known)
    for step in part.steps:
        if isinstance(step, StockStep) and step.memory:
            share = step.same_year(bound[step.name])
            share = share if share.shape[-1] == 1 else share[..., year : year + 1]
            flows[step.outflow] = past[step.outflow] + step.arrivals(flows) * share
        else:
            flows.update(step.evaluate(flows, at_year[step.name]))
    return flows

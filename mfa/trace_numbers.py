"""All numbers of a run by name and labels, and the flows that a process adds up in one cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa.execution import execute
from mfa.lifetime_fields import lifetime_parameters
from mfa.ownership import Owners, resolve
from mfa.plans import Plan, plan
from mfa.runs import prepare
from mfa.scenario import Scenario
from mfa.steps import Bound, Gather, Step
from mfa.stock_step import StockStep
from mfa.system import factors
from mfa.trace_nodes import Cell, Part, spot
from mfa.trace_origins import Origin, origin_of
from mfa.units import canonical

Array = NDArray[np.float64]


@dataclass
class Numbers:
    """All numbers of a run, by name and labels.

    Attributes
    ----------
    scenario : Scenario
    plan : Plan
    values : mapping of name to array (..., year)
    bound : mapping of process to its parameters
    parameters : Dataset
    """

    scenario: Scenario
    plan: Plan
    values: Mapping[str, Array]
    bound: Mapping[str, Bound]
    parameters: Any
    owners: dict[str, Owners] = field(default_factory=dict)

    @property
    def first(self) -> int:
        return self.scenario.years[0]

    def dims(self, name: str) -> tuple[str, ...]:
        """Return the dimensions of a flow or stock but the year."""
        if name in self.plan.flows:
            return self.plan.dims[name]
        return self.steps[self.plan.stocks[name]].stock_dims

    @cached_property
    def steps(self) -> dict[str, Step]:
        return {step.name: step for step in self.plan.steps}

    def at(self, array: Array, dims: Sequence[str], cell: Cell) -> Array:
        """Return an array at the labels of a cell, (free dims…, year or one)."""
        labels = self.plan.system.dimensions
        index = tuple(
            (0 if size == 1 else labels[d].index(cell[d])) if d in cell else slice(None)
            for d, size in zip(dims, array.shape, strict=False)
        )
        return np.asarray(array[index])

    def series(self, name: str, cell: Cell) -> Array:
        """Return a flow or stock over all years, the dimensions that a cell lacks added up."""
        own = self.dims(name)
        found = self.at(self.values[name], own, {d: cell[d] for d in own if d in cell})
        return np.asarray(found.reshape(-1, found.shape[-1]).sum(axis=0))

    def value(self, name: str, cell: Cell, year: int) -> float:
        """Return a flow or stock in a year, the dimensions that a cell lacks added up."""
        return float(self.series(name, cell)[year - self.first])

    def origins(self, expression: str, cell: Cell, year: int) -> Iterator[Origin]:
        """Yield the parameters of a product in a cell, and where their values come from."""
        for name in factors(expression):
            if name in self.plan.system.parameters:
                yield from self.origin(name, cell, year)

    def origin(self, name: str, cell: Cell, year: int) -> Iterator[Origin]:
        """Yield where a parameter comes from, and those that it is a law of."""
        spec = self.plan.system.parameters[name]
        if name not in self.owners:
            self.owners[name] = resolve(self.scenario, name)
        dims = [d for d in spec.dims if d != "year"]
        if any(d not in cell for d in dims):
            return
        own = {d: cell[d] for d in dims}
        chosen = {**own, "year": year} if "year" in spec.dims else own
        value = float(self.parameters[name].sel(chosen))
        unit = canonical(spec.unit)[1]
        found = origin_of(self.scenario, self.owners[name], name, own, year, value, unit)
        yield found
        for other in found.others:
            yield from self.origin(other, cell, year)

    def product(self, expression: str, cell: Cell, year: int) -> float:
        """Return a product of parameters in a cell."""
        found = 1.0
        labels = self.plan.system.dimensions
        for name in factors(expression):
            data = self.parameters.variables[name]
            index = tuple(
                year - self.first if d == "year" else labels[d].index(cell[d]) for d in data.dims
            )
            found *= float(data.values[index])
        return found


def numbers_of(scenario: Scenario, parameters: Any) -> Numbers:
    """Compute a scenario with given parameters and keep everything that a trace needs."""
    compiled = plan(scenario.system)
    bound, years = prepare(compiled, parameters)
    return Numbers(scenario, compiled, execute(compiled, bound, years), bound, parameters)


def gathered(
    run: Numbers, gather: Gather, cell: Cell, year: int
) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield the flows that a process adds up in a cell: each with its own labels and its amount."""
    labels = run.plan.system.dimensions
    for flow, dims, placed, _ in gather.ports:
        if any(labels[d][i] != cell[d] for d, i in placed):
            continue
        own = {d: cell[gather.read_as.get(d, d)] for d in dims if d not in gather.summed}
        yield flow, own, run.value(flow, own, year)


def scaled(
    run: Numbers, gather: Gather, cell: Cell, year: int, factor: float
) -> tuple[list[Part], float]:
    """Return the flows that a process adds up, each times a factor, and their sum without it."""
    parts, total = [], 0.0
    for flow, own, amount in gathered(run, gather, cell, year):
        parts.append(Part(flow, factor * amount, spot(flow, own, year)))
        total += amount
    return parts, total


def lifetimes(run: Numbers, step: StockStep, cell: Cell, year: int) -> Iterator[Origin]:
    """Yield the parameters of the lifetime of a stock."""
    for text in lifetime_parameters(step.lifetime).values():
        if text in run.plan.system.parameters:
            yield from run.origin(text, cell, year)

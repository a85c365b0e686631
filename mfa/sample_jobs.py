"""What is computed for each sample, chunk by chunk; what a chunk holds depends on nothing else.

Arithmetic runs in chunks of 64 samples that start at multiples of 64, in lanes
whose number depends on the system alone.  A chunk is always computed whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.balances import check, extremes
from mfa.designs import Design
from mfa.dims import order
from mfa.errors import MfaError
from mfa.lean_execution import Lean
from mfa.parameters import build_parameters
from mfa.plans import Plan, plan
from mfa.runs import aligner, simulate
from mfa.sampled_system import sampled_system, widened
from mfa.scenario import Scenario

Array = NDArray[np.float64]

CHUNK = 64
"""Samples that are computed in one go, from a multiple of this on."""

LANE_BYTES = 2**29
"""Flows and stocks of the samples that are computed beside each other take about this at most."""


CHECKED = 4
"""The first sample of one chunk in so many is run by itself too."""

SAME = 1e-9
"""Largest difference, relative to the largest value, between a sample and its run by itself."""


@dataclass(frozen=True, eq=False)
class Job:
    """What is computed for each sample, and how the numbers are drawn.

    Attributes
    ----------
    scenario : Scenario
    design : Design
    keep : mapping of str to dims
        Flows, stocks and parameters that are returned, summed over these dimensions.
    """

    scenario: Scenario
    design: Design
    keep: Mapping[str, tuple[str, ...]]

    @cached_property
    def certain(self) -> xr.Dataset:
        """Parameters as they were written."""
        return build_parameters(self.scenario)

    @cached_property
    def uncertain(self) -> tuple[str, ...]:
        """Names of the parameters that differ between samples."""
        some = self.drawn(range(1), None)
        return tuple(str(name) for name in some if "sample" in some[name].dims)

    @cached_property
    def plan(self) -> Plan:
        """The plan of the system with samples, in lanes."""
        whole = plan(sampled_system(self.scenario.system, self.uncertain, 1))
        cells = [_cells(whole, name, self.years) for name in (*whole.flows, *whole.stocks)]
        lanes = CHUNK
        while lanes > 2 and 8 * lanes * sum(cells) > LANE_BYTES:
            lanes //= 2
        return plan(sampled_system(self.scenario.system, self.uncertain, lanes))

    @cached_property
    def single(self) -> Plan:
        """The plan of one sample."""
        return plan(self.scenario.system)

    @cached_property
    def fixed(self) -> dict[Any, Any]:
        """What is computed once for all samples."""
        return {}

    @property
    def years(self) -> int:
        return self.scenario.years[1] - self.scenario.years[0] + 1

    def drawn(self, samples: Sequence[int], names: Sequence[str] | None) -> xr.Dataset:
        """Return parameters of samples; numbers that a design has not repeat its last one."""
        numbers = np.asarray(samples)
        if self.design.kind == "lhs":
            numbers = np.minimum(numbers, int(self.design.count or 0) - 1)
        return build_parameters(self.scenario, names, samples=numbers.tolist(), design=self.design)

    def block(self, first: int, last: int) -> tuple[dict[str, Array], float]:
        """Return what is kept of all samples of the chunks first … last − 1, and the worst balance.

        Of every sample the balance of the whole system is checked, of the first of every
        256 that of every process in every cell, and that what is kept of it comes out the same.
        """
        numbers = range(first * CHUNK, last * CHUNK)
        drawn = self.drawn(numbers, self.uncertain)
        whole = self.certain.drop_vars(list(self.uncertain)).assign(
            {name: drawn[name] for name in self.uncertain}
        )
        lanes = len(self.plan.system.dimensions["sample"])
        parts: dict[str, list[Array]] = {name: [] for name in self.keep}
        worst = 0.0
        for start in range(0, len(numbers), lanes):
            here = {"sample": slice(start, start + lanes)}
            some = whole.isel(here, missing_dims="ignore")
            found, residual = self.lanes(some)
            worst = max(worst, residual)
            if numbers[start] % (CHECKED * CHUNK) == 0:
                one = some.isel({"sample": 0}, missing_dims="ignore", drop=True)
                worst = max(worst, self.compared(one, found, numbers[start]))
            for name, own in found.items():
                parts[name].append(own)
        return {name: np.concatenate(own) for name, own in parts.items()}, worst

    def lanes(self, parameters: xr.Dataset) -> tuple[dict[str, Array], float]:
        """Return what is kept of samples that are computed beside each other, and their balance."""
        some = widened(parameters, self.plan.system)
        years = range(self.scenario.years[0], self.scenario.years[1] + 1)
        lean = Lean(self.plan, aligner(self.plan, some), years, self.uncertain, self.fixed)
        balance = lean.balance()
        labels = self.plan.system.dimensions
        worst = check([balance], extremes([balance.into, balance.out]), labels, years)
        return {name: self._own(lean, some, name, summed) for name, summed in self.keep.items()}, worst

    def _own(self, lean: Lean, some: xr.Dataset, name: str, summed: tuple[str, ...]) -> Array:
        """Return what is kept of a name, its dimensions in the order of results."""
        if name in some:
            own = some.variables[name]
            if "sample" not in own.dims:
                own = xr.Variable(("sample", *own.dims), [own.values] * some.sizes["sample"])
            return np.asarray(own.transpose("sample", ...).sum(summed).values)
        dims = tuple(d for d in lean.dims(name) if d not in summed)
        wanted = order((*dims, "year"), tuple(self.plan.system.dimensions))
        array = lean.values(name, summed)
        return np.ascontiguousarray(array.transpose([(*dims, "year").index(d) for d in wanted]))

    def compared(self, parameters: xr.Dataset, found: dict[str, Array], number: int) -> float:
        """Run the first of some samples by itself; return its balance if what is kept is the same."""
        result = simulate(self.single, parameters)
        for name, summed in self.keep.items():
            own = (result if name in result else parameters).variables[name].sum(summed).values
            off = np.abs(found[name][0] - own).max(initial=0.0)
            if not off <= SAME * max(np.abs(own).max(initial=0.0), 1e-300):
                raise MfaError(
                    f"sample {number}: {name} is off by {off:.3g} from a run of that sample alone; "
                    "this is a fault of mfa, please report it with the scenario"
                )
        return float(result.attrs["balance_residual"])


def _cells(compiled: Plan, name: str, years: int) -> int:
    """Return how many numbers one sample of a flow or stock has."""
    sizes = {d: len(labels) for d, labels in compiled.system.dimensions.items()}
    steps = {step.stock: step for step in compiled.steps if step.stock}
    dims = compiled.dims[name] if name in compiled.flows else steps[name].stock_dims
    return years * prod(sizes[d] for d in dims if d != "sample")

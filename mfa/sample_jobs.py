"""What is computed for each sample, chunk by chunk; what a chunk holds depends on nothing else.

Arithmetic runs in chunks of 64 samples that start at multiples of 64, in lanes
whose number depends on the system alone.  A chunk is always computed whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.designs import Design
from mfa.parameters import build_parameters
from mfa.plans import Plan, plan
from mfa.runs import simulate
from mfa.sampled_system import sampled_system, widened
from mfa.scenario import Scenario

Array = NDArray[np.float64]

CHUNK = 64
"""Samples that are computed in one go, from a multiple of this on."""

LANE_BYTES = 2**26
"""Flows and stocks of the samples that are computed beside each other take about this at most."""


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
        while lanes > 1 and 8 * lanes * sum(cells) > LANE_BYTES:
            lanes //= 2
        return plan(sampled_system(self.scenario.system, self.uncertain, lanes))

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
        """Return what is kept of all samples of the chunks first … last − 1, and the worst balance."""
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
            some = widened(whole.isel(here, missing_dims="ignore"), self.plan.system)
            result = simulate(self.plan, some)
            worst = max(worst, float(result.attrs["balance_residual"]))
            for name, summed in self.keep.items():
                own = (result if name in result else some).variables[name]
                if "sample" not in own.dims:
                    own = xr.Variable(("sample", *own.dims), [own.values] * lanes)
                parts[name].append(own.transpose("sample", ...).sum(summed).values)
        return {name: np.concatenate(own) for name, own in parts.items()}, worst


def _cells(compiled: Plan, name: str, years: int) -> int:
    """Return how many numbers one sample of a flow or stock has."""
    sizes = {d: len(labels) for d, labels in compiled.system.dimensions.items()}
    steps = {step.stock: step for step in compiled.steps if step.stock}
    dims = compiled.dims[name] if name in compiled.flows else steps[name].stock_dims
    return years * prod(sizes[d] for d in dims if d != "sample")

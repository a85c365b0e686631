"""What is computed for each sample, chunk by chunk; what a chunk holds depends on nothing else.

Arithmetic runs in chunks of 64 samples that start at multiples of 64, in lanes
whose number depends on the system alone.  A chunk is always computed whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.designs import Design
from mfa.parameters import build_parameters
from mfa.plans import Plan
from mfa.sample_lanes import Lanes
from mfa.scenario import Scenario

Array = NDArray[np.float64]

CHUNK = 64
"""Samples that are computed in one go, from a multiple of this on."""

CHECKED = 8
"""The first sample of one chunk in so many is run by itself too."""


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
    def lanes(self) -> Lanes:
        """What computes samples beside each other."""
        first, last = self.scenario.years
        years = range(first, last + 1)
        return Lanes(self.scenario.system, self.uncertain, years, self.keep, CHUNK)

    @property
    def plan(self) -> Plan:
        """The plan of the system with samples, in lanes."""
        return self.lanes.plan

    @property
    def years(self) -> int:
        return len(self.lanes.years)

    def drawn(self, samples: Sequence[int], names: Sequence[str] | None) -> xr.Dataset:
        """Return parameters of samples; numbers that a design has not repeat its last one."""
        numbers = np.asarray(samples)
        if self.design.kind == "lhs":
            numbers = np.minimum(numbers, int(self.design.count or 0) - 1)
        return build_parameters(self.scenario, names, samples=numbers.tolist(), design=self.design)

    def block(self, first: int, last: int) -> tuple[dict[str, Array], float]:
        """Return what is kept of all samples of the chunks first … last − 1, and the worst balance.

        Of every sample the balance of the whole system is checked, of the first of every
        512 that of every process in every cell, and that what is kept of it comes out the same.
        """
        numbers = range(first * CHUNK, last * CHUNK)
        drawn = self.drawn(numbers, self.uncertain)
        whole = self.certain.drop_vars(list(self.uncertain)).assign(
            {name: drawn[name] for name in self.uncertain}
        )
        lanes = self.lanes
        parts: dict[str, list[Array]] = {name: [] for name in self.keep}
        worst = 0.0
        for start in range(0, len(numbers), lanes.count):
            found, residual = lanes.compute(whole, start)
            worst = max(worst, residual)
            if numbers[start] % (CHECKED * CHUNK) == 0:
                worst = max(worst, lanes.compared(whole, start, found, numbers[start]))
            for name, own in found.items():
                parts[name].append(own)
        return {name: np.concatenate(own) for name, own in parts.items()}, worst

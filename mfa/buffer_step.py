"""The step of a stockpile between a supplier and a market: it fills, and releases when metal is short.

How much is released, and whether there is anything to fill it with, is decided in
:mod:`mfa.shortages`; where nothing is short a stockpile only fills.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mfa.errors import MfaError, known
from mfa.flows import ask_flows, flow_name
from mfa.schema import Buffer, Market
from mfa.steps import (
    Array,
    Bound,
    Dims,
    Gather,
    Signature,
    Step,
    at_worst,
    must_not_be_negative,
    over_years,
)
from mfa.system import expressions

DAYS = 365.0
"""Days of a year, for a target in days of what a market is asked for."""


class BufferStep(Step):
    """A stockpile: in ≤ fill_rate · (target − level), out = min(level, gap, release_rate)."""

    linear = False

    def __init__(self, signature: Signature, name: str, process: Buffer):
        super().__init__(signature, name, process)
        processes = signature.system.processes
        market = processes[process.to]
        place = signature.system.place("processes", name, "to")
        if not isinstance(market, Market):
            markets = [n for n, own in processes.items() if isinstance(own, Market)]
            raise MfaError(
                f"process {name!r} releases to {process.to!r} ({market.rule}); a buffer stands before a "
                f"market, where what it releases replaces what is short. {known('', markets, 'markets')}",
                place,
            )
        self.market, self.told = process.to, process
        self.reads = ask_flows(signature.flows, process.to)
        self.asks = Gather(signature, process.to, self.reads, "asks")
        self.inflow, self.outflow = flow_name(process.from_, name), flow_name(name, process.to)
        self.writes = [self.inflow, self.outflow]
        self.stock = f"{name}_stock"

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        found = self.asks.infer(dims)
        return {} if found is None else dict.fromkeys(self.writes, found)

    def settle(self, dims: Mapping[str, Dims]) -> None:
        self.dims = self.stock_dims = self.asks.settle(dims)
        for (key, *_), text in expressions(self.told).items():
            self._must_fit(key, text, self.dims)

    def bind(self, parameter: Callable[[str, Dims], Array], years: range) -> Bound:
        arrays = {}
        for (key, *_), text in expressions(self.told).items():
            arrays[key] = over_years(parameter(text, self.dims), years)
            must_not_be_negative(self, key, text, arrays[key], self.dims, years)
        if (rate := arrays["fill_rate"]).max(initial=0.0) > 1 + 1e-9:
            raise MfaError(
                f"process {self.name!r}: fill_rate ({self.told.fill_rate}) is {rate.max():g} "
                f"{at_worst(self, self.dims, years, rate)}; a stockpile fills at most what it lacks in a year",
                self.signature.system.place("processes", self.name, "fill_rate"),
            )
        return Bound(arrays, years)

    @staticmethod
    def is_filled(bound: Bound) -> bool:
        """Say whether a stockpile ever holds anything, or is to."""
        keys = ("target", "target_days", "initial")
        return any(bound.arrays[key].any() for key in keys if key in bound.arrays)

    def target(self, asks: Array, bound: Bound) -> Array:
        """Return the level that is aimed at, (*dims, year) [t]."""
        if "target" in bound.arrays:
            return np.broadcast_to(bound.arrays["target"], asks.shape)
        return asks * bound.arrays["target_days"] / DAYS

    def fill(
        self, asks: Array, bound: Bound, allowed: Array, gap: Array
    ) -> tuple[Array, Array, Array]:
        """Return what a stockpile takes in, gives out and wishes to take in each year.

        Parameters
        ----------
        asks : (*dims, year) [t/yr]
            What the market is asked for.
        bound : Bound
        allowed : array [1]
            The share of what it wishes to take that can be supplied.
        gap : array [t/yr]
            What its market is short of.
        """
        target = self.target(asks, bound)
        wish = bound.arrays["fill_rate"]
        most = bound.arrays.get("release_rate", np.full(1, np.inf))
        wish, most, allowed, gap = (
            np.broadcast_to(a, target.shape) for a in (wish, most, allowed, gap)
        )
        into, out, wished = (np.zeros(target.shape) for _ in range(3))
        if not target.any() and not self._initial(bound).any():
            return into, out, wished
        level = np.broadcast_to(self._initial(bound), (*target.shape[:-1], 1))[..., 0]
        for year in range(target.shape[-1]):
            out[..., year] = np.minimum(np.minimum(level, gap[..., year]), most[..., year])
            lacking = np.maximum(target[..., year] - level, 0.0) * wish[..., year]
            wished[..., year] = np.where(gap[..., year] > 0, 0.0, lacking)
            into[..., year] = wished[..., year] * allowed[..., year]
            level = level + into[..., year] - out[..., year]
        return into, out, wished

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
        assert self.stock is not None
        if "into" in bound.arrays:
            into, out = bound.arrays["into"], bound.arrays["out"]
        else:
            into, out, _ = self.fill(self.asks(flows), bound, np.ones(1), np.zeros(1))
        level = np.maximum(self._initial(bound) + np.cumsum(into - out, axis=-1), 0.0)
        return {self.inflow: into, self.outflow: out, self.stock: level}

    @staticmethod
    def _initial(bound: Bound) -> Array:
        """Return what it holds before the first of the years, (*dims, 1) [t]."""
        return bound.arrays.get("initial", np.zeros(1))

    def from_year(self, flows: Mapping[str, Array], bound: Bound, start: int) -> Bound:
        assert self.stock is not None
        later = bound.since(start)
        level = flows[self.stock][..., start - 1 : start]
        return Bound({**later.arrays, "initial": level}, later.years)

    def equation(self) -> str:
        told = self.told
        target = told.target or f"{told.target_days} / {DAYS:g} · asks of {self.market}"
        most = f", {told.release_rate}" if told.release_rate else ""
        return (
            f"{self.inflow} = {told.fill_rate} · max(0, {target} − {self.stock}) where nobody is short; "
            f"{self.outflow} = min({self.stock}, gap of {self.market}{most})"
        )

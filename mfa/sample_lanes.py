"""Samples beside each other: what is kept of them, checked, from their parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property, partial
from math import prod
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.accounts import accounts
from mfa.balances import check, extremes, residuals
from mfa.dims import order
from mfa.errors import MfaError
from mfa.execution import bind
from mfa.lean_execution import Lean
from mfa.plans import Plan, plan
from mfa.runs import aligner, simulate
from mfa.sampled_system import sampled_system, widened
from mfa.shortage_results import PRICE, shortage_frame, supplied
from mfa.steps import sum_over
from mfa.system import System, expressions, factors

Array = NDArray[np.float64]

LANE_BYTES = 2**30
"""Flows and stocks of the samples that are computed beside each other would take this at most."""

SAME = 1e-9
"""Largest difference, relative to the largest value, between a sample and its run by itself."""


class Lanes:
    """Computes what is kept of as many samples as a system has lanes, at most as many as told.

    Their number depends on the system alone, so that what is found does too.

    Parameters
    ----------
    system : System
        Without samples.
    uncertain : collection of str
        Parameters that differ between samples.
    years : range
    keep : mapping of str to dims
        Flows, stocks and parameters that are returned, summed over these dimensions.
    most : int
    """

    def __init__(
        self,
        system: System,
        uncertain: Collection[str],
        years: range,
        keep: Mapping[str, tuple[str, ...]],
        most: int = 64,
    ):
        self.system, self.uncertain, self.years, self.keep = system, uncertain, years, keep
        whole = plan(sampled_system(system, uncertain, 1))
        cells = sum(_cells(whole, name, len(years)) for name in (*whole.flows, *whole.stocks))
        self.count = most
        while self.count > 2 and 8 * self.count * cells > LANE_BYTES:
            self.count //= 2
        self.most_bytes = 8 * self.count * cells
        self.plan = plan(sampled_system(system, uncertain, self.count))
        self.fixed: dict[Any, Any] = {}

    @cached_property
    def single(self) -> Plan:
        """The plan of one sample."""
        return plan(self.system)

    def compute(self, parameters: xr.Dataset, start: int = 0) -> tuple[dict[str, Array], float]:
        """Return what is kept of samples that are computed beside each other, and their balance.

        Parameters
        ----------
        parameters : Dataset
            Those of ``uncertain`` with the dimension ``sample``.
        start : int
            Place of the first sample.
        """
        some = widened(parameters, self.plan.system, start)
        labels: dict[str, Any] = dict(self.plan.system.dimensions)
        if "sample" in parameters.coords:
            labels["sample"] = parameters["sample"].values[start : start + self.count]
        if some_limit(self.plan, some):
            return self._limited(some, labels)
        lean = Lean(self.plan, aligner(self.plan, some), self.years, self.uncertain, self.fixed)
        balance = lean.balance()
        worst = check([balance], extremes([balance.into, balance.out]), labels, self.years)
        values = partial(self._nothing_short, lean)
        return {
            name: self._own(values, some, name, summed) for name, summed in self.keep.items()
        }, worst

    def _limited(
        self, some: dict[str, xr.Variable], labels: Mapping[str, Any]
    ) -> tuple[dict[str, Array], float]:
        """Return what is kept of samples of a system with capacities that may bind."""
        parameter = aligner(self.plan, some)
        bound = bind(self.plan, parameter, self.years)
        values = supplied(self.plan, bound, parameter, self.years).values
        sizes = {d: len(own) for d, own in self.plan.system.dimensions.items()}
        found = residuals(accounts(self.plan), values, sizes, self.plan.system.axes)
        worst = check(found, extremes(values[f] for f in self.plan.flows), labels, self.years)

        def whole(name: str, summed: tuple[str, ...]) -> Array:
            return sum_over(values[name], self.dims[name], tuple(
                d for d in self.dims[name] if d not in summed
            ))  # fmt: skip

        return {
            name: self._own(whole, some, name, summed) for name, summed in self.keep.items()
        }, worst

    @cached_property
    def dims(self) -> dict[str, tuple[str, ...]]:
        """Dimensions of flows, stocks and what a result says of shortage, without the year."""
        stocks = {step.stock: step.stock_dims for step in self.plan.steps if step.stock}
        short = {name: dims for name, (dims, _) in shortage_frame(self.plan).items()}
        return {**self.plan.dims, **stocks, **short}

    def _nothing_short(self, lean: Lean, name: str, summed: tuple[str, ...]) -> Array:
        """Return a flow or stock where no capacity can bind: nothing is unmet, no price rises."""
        if name not in shortage_frame(self.plan):
            return lean.values(name, summed)
        sizes = {d: len(own) for d, own in self.plan.system.dimensions.items()}
        shape = (*(sizes[d] for d in self.dims[name] if d not in summed), len(self.years))
        return np.full(shape, 1.0 if name == PRICE else 0.0)

    def _own(
        self,
        values: Callable[[str, tuple[str, ...]], Array],
        some: dict[str, xr.Variable],
        name: str,
        summed: tuple[str, ...],
    ) -> Array:
        """Return what is kept of a name, its dimensions in the order of results."""
        if name in some:
            own = some[name]
            if "sample" not in own.dims:
                own = xr.Variable(("sample", *own.dims), [own.values] * self.count)
            return np.asarray(own.transpose("sample", ...).sum(summed).values)
        dims = tuple(d for d in self.dims[name] if d not in summed)
        wanted = order((*dims, "year"), tuple(self.plan.system.dimensions))
        array = values(name, summed)
        return np.ascontiguousarray(array.transpose([(*dims, "year").index(d) for d in wanted]))

    def compared(
        self, parameters: xr.Dataset, start: int, found: dict[str, Array], number: int
    ) -> float:
        """Run the first of some samples by itself; return its balance if what is kept is the same."""
        parameters = parameters.isel({"sample": start}, missing_dims="ignore", drop=True)
        result = simulate(self.single, parameters)
        for name, summed in self.keep.items():
            own = (result if name in result else parameters).variables[name].sum(summed).values
            there = np.isfinite(own)  # an unlimited capacity is infinite
            off = np.abs(found[name][0][there] - own[there]).max(initial=0.0)
            same = (found[name][0][~there] == own[~there]).all()
            if not (same and off <= SAME * max(np.abs(own[there]).max(initial=0.0), 1e-300)):
                raise MfaError(
                    f"sample {number}: {name} is off by {off:.3g} from a run of that sample alone; "
                    "this is a fault of mfa, please report it with the scenario"
                )
        return float(result.attrs["balance_residual"])


def some_limit(compiled: Plan, parameters: Mapping[str, xr.Variable]) -> bool:
    """Say whether a capacity of some cell, year and sample is a number."""
    if compiled.scarcity is None:
        return False
    return any(
        all(not np.isinf(parameters[name].values).all() for name in factors(text))
        for place in compiled.scarcity.places.values()
        for path, text in expressions(place.process).items()
        if path[-1] in ("capacity", "ratio")
    )


def _cells(compiled: Plan, name: str, years: int) -> int:
    """Return how many numbers one sample of a flow or stock has."""
    sizes = {d: len(labels) for d, labels in compiled.system.dimensions.items()}
    steps = {step.stock: step for step in compiled.steps if step.stock}
    dims = compiled.dims[name] if name in compiled.flows else steps[name].stock_dims
    return years * prod(sizes[d] for d in dims if d != "sample")

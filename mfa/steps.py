"""What every step of a plan shares: dimensions, gathering of flows, bound parameters.

A step is one process of a system as the plan sees it. It knows the dimensions
of everything it touches before any number exists (:meth:`Step.infer`), takes
its parameters as arrays that were aligned once (:meth:`Step.bind`) and then
works on bare arrays, the year last (:meth:`Step.evaluate`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa.errors import MfaError
from mfa.flows import Flow, arrival_flows, ask_flows, flow_name
from mfa.schema import Process
from mfa.system import System, factors, placement

Array = NDArray[np.float64]
Dims = tuple[str, ...]


@dataclass(frozen=True)
class Signature:
    """What steps need to know of a system: axes, sizes, flows, declared dimensions."""

    system: System
    flows: Mapping[str, Flow]
    axes: Dims

    def sort(self, dims: Iterable[str]) -> Dims:
        wanted = set(dims)
        return tuple(axis for axis in self.axes if axis in wanted)

    def size(self, dim: str) -> int:
        return len(self.system.dimensions[dim])

    def parameter_dims(self, expression: str) -> Dims:
        specs = self.system.parameters
        return self.sort({d for name in factors(expression) for d in specs[name].dims})


def spread(array: Array, dims: Dims, target: Dims) -> Array:
    """Insert axes of length one, so that an array of dims (and others last) fits the target's."""
    if dims == target:
        return array
    index = tuple(slice(None) if dim in dims else None for dim in target)
    return array[(*index, ...)]


class Gather:
    """Add up several flows at a process: placed at their labels, summed where it is written.

    A flow from a process that stands ``at`` one label of a dimension lacks that
    dimension and is put at the label; a dimension in ``sum:`` is summed first,
    then ``as:`` gives dimensions the name that they have here.
    Nothing else is added across dimensions.
    """

    def __init__(self, signature: Signature, owner: str, flows: list[str], what: str):
        self.signature, self.owner, self.flows, self.what = signature, owner, flows, what
        process = signature.system.processes[owner]
        self.summed: Dims = signature.sort(process.sum)
        self.read_as: Mapping[str, str] = process.as_
        self.ports: list[tuple[str, Dims, tuple[tuple[str, int], ...], tuple[int, ...] | None]] = []
        self.dims: Dims = ()
        self.shape: tuple[int, ...] = ()

    def placement(self, flow: str) -> tuple[tuple[str, int], ...]:
        """Return the labels at which the other end of a flow stands."""
        return placement(self.signature.system, self.signature.flows[flow], self.owner)

    def infer(self, dims: Mapping[str, Dims]) -> Dims | None:
        """Return the dimensions of the total, as far as the flows are known."""
        found = {
            self.signature.sort(self._read([*dims[f], *(d for d, _ in self.placement(f))]))
            for f in self.flows
            if f in dims
        }
        return self.signature.sort({d for each in found for d in each}) if found else None

    def _read(self, dims: Iterable[str]) -> list[str]:
        """Return dimensions without those that are summed, by the names that they have here."""
        return [self.read_as.get(d, d) for d in dims if d not in self.summed]

    def settle(self, dims: Mapping[str, Dims]) -> Dims:
        """Check that all flows have the same dimensions and fix the way they are added."""
        self.dims = self.infer(dims) or ()
        self.shape = tuple(self.signature.size(d) for d in self.dims)
        self.ports = []
        for flow in self.flows:
            placed = self.placement(flow)
            own = self._read(dims[flow])
            if twice := next((d for d in own if own.count(d) > 1), None):
                raise MfaError(
                    f"process {self.owner!r} reads a dimension of flow {flow!r} as {twice!r}, which the "
                    f"flow has too; write 'sum: [{twice}]' there if what it has is where it came from",
                    self.signature.system.place("processes", self.owner, "as"),
                )
            has = self.signature.sort([*own, *self._read(d for d, _ in placed)])
            if has != self.dims:
                extra = ", ".join(d for d in self.dims if d not in has)
                raise MfaError(
                    f"flow {flow!r} has dimensions ({', '.join(has) or 'none'}), but the {self.what} of "
                    f"{self.owner!r} have ({', '.join(self.dims)}): {extra} would be added without "
                    f"matching; write 'sum: [{extra}]' at {self.owner!r}, or give the flow that dimension",
                    self.signature.system.place("processes", self.owner),
                )
            kept = tuple(
                (self.read_as.get(d, d), i)
                for d, i in placed
                if d not in self.summed and d not in dims[flow]
            )
            order = tuple(own.index(d) for d in self.dims if d in own)
            turned = None if order == tuple(range(len(own))) else (*order, len(own))
            self.ports.append((flow, dims[flow], kept, turned))
        return self.dims

    def __call__(self, flows: Mapping[str, Array]) -> Array:
        total: Array | None = None
        for flow, dims, placed, turned in self.ports:
            array = flows[flow]
            axes = tuple(i for i, d in enumerate(dims) if d in self.summed)
            if axes:
                array = array.sum(axis=axes)
            if turned:
                array = array.transpose(turned)
            if placed:
                if total is None or not total.flags.owndata or total is flows.get(self.ports[0][0]):
                    whole = np.zeros((*self.shape, array.shape[-1]))
                    total = whole if total is None else whole + total
                labels = dict(placed)
                total[tuple(labels.get(d, slice(None)) for d in self.dims)] += array
            else:
                total = array if total is None else total + array
        assert total is not None
        return total


@dataclass(frozen=True)
class Bound:
    """The parameters of one step as arrays: aligned, checked, ready to be multiplied."""

    arrays: Mapping[str, Array]
    years: range
    by_cohort: bool = False

    def year(self, index: int) -> Bound:
        """Return the parameters of one year (survival stays whole)."""
        arrays = {
            name: array
            if array.shape[-1] == 1 or name == "survival"
            else array[..., index : index + 1]
            for name, array in self.arrays.items()
        }
        return Bound(arrays, self.years[index : index + 1], self.by_cohort)

    def since(self, start: int) -> Bound:
        """Return the parameters of the years from an index on (survival: of as many ages)."""
        count = len(self.years)
        arrays = {}
        for name, array in self.arrays.items():
            if name.startswith("survival"):
                later = array[..., start:, :] if self.by_cohort else array
                arrays[name] = later[..., : count - start]
            else:
                arrays[name] = array[..., start:] if array.shape[-1] == count else array
        return Bound(arrays, self.years[start:], self.by_cohort)


class Step:
    """Base of all steps; a subclass for each rule.

    Attributes
    ----------
    reads, writes : list of str
        Names of flows.
    linear : bool
        Whether what is written is linear in what is read (a market is not).
    memory : bool
        Whether what is written depends on what was read in earlier years.
    stock : str or None
        Name of the stock that the step keeps.
    offers, needs : list of str
        What passes between steps and is no flow: units that leave a stock.
    """

    linear = True
    memory = False

    def __init__(self, signature: Signature, name: str, process: Process):
        self.signature, self.name, self.process = signature, name, process
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.offers: list[str] = []
        self.needs: list[str] = []
        self.stock: str | None = None
        self.stock_dims: Dims = ()
        self.dims: Dims = ()

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        """Return the dimensions of the flows written, given those of some flows read."""
        raise NotImplementedError

    def settle(self, dims: Mapping[str, Dims]) -> None:
        """Check all dimensions, now that those of every flow are known."""

    def bind(self, parameter: Callable[[str, Dims], Array], years: range) -> Bound:
        """Return the parameters as arrays; `parameter` gives a product aligned to dimensions."""
        return Bound({}, years)

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
        """Return the flows (and the stock) that the step writes."""
        raise NotImplementedError

    def from_year(self, flows: Mapping[str, Array], bound: Bound, start: int) -> Bound | None:
        """Return the parameters of later years, with what the years before leave to them.

        Parameters
        ----------
        flows : flows and stocks of all years, (..., year)
        bound : Bound
            Of all years.
        start : int
            Index of the first of the later years, above 0.

        Returns
        -------
        Bound or None
            None where these years cannot be computed without those before.
        """
        return bound.since(start)

    def equation(self) -> str:
        """Return the equation as a reader would write it."""
        raise NotImplementedError

    def _asks(self) -> Gather:
        flows = ask_flows(self.signature.flows, self.name)
        return self._gather(flows, "asks")

    def _arrivals(self) -> Gather:
        flows = arrival_flows(self.signature.flows, self.name)
        return self._gather(flows, "arrivals")

    def _gather(self, flows: list[str], what: str) -> Gather:
        self.reads += flows
        return Gather(self.signature, self.name, flows, what)

    def _must_fit(self, key: str, expression: str, dims: Dims) -> None:
        extra = [d for d in self.signature.parameter_dims(expression) if d not in dims]
        if extra:
            raise MfaError(
                f"process {self.name!r}: {key} ({expression}) has the dimension {', '.join(extra)}, which "
                f"its flows ({', '.join(dims) or 'none'}) do not have: mass would be multiplied; give the "
                "flows that dimension or take it from the parameter",
                self.signature.system.place("processes", self.name, key),
            )

    def _out(self, targets: Any) -> list[str]:
        return [flow_name(self.name, target) for target in targets]


def over_years(array: Array, years: range) -> Array:
    """Return an array with all years, constant where it had one."""
    count = len(years)
    return np.broadcast_to(array, (*array.shape[:-1], count)) if array.shape[-1] != count else array


def sum_over(array: Array, dims: Dims, kept: Dims) -> Array:
    """Sum an array of dims (and year) to those that are kept."""
    axes = tuple(i for i, d in enumerate(dims) if d not in kept)
    return np.asarray(array.sum(axis=axes)) if axes else array


def plus(flows: list[str]) -> str:
    """Return a sum of flows as a reader would write it."""
    return " + ".join(flows)


def one_rest(step: Step, shares: Mapping[str, str], key: str) -> None:
    if list(shares.values()).count("rest") > 1:
        raise MfaError(
            f"process {step.name!r}: only one share can be the rest",
            step.signature.system.place("processes", step.name, key),
        )


def at_worst(step: Step, dims: Dims, years: range, beyond: Array) -> str:
    """Say at which cell an array is largest; dimensions along which it is constant are left out."""
    cell = np.unravel_index(int(np.argmax(beyond)), beyond.shape)
    parts = [
        f"{dim}={step.signature.system.dimensions[dim][i]}"
        for dim, i, size in zip(dims, cell[:-1], beyond.shape[:-1], strict=True)
        if size == step.signature.size(dim)
    ]
    if beyond.shape[-1] == len(years):
        parts.append(f"year={years[int(cell[-1])]}")
    return "at " + ", ".join(parts) if parts else "in every year"


def not_negative(step: Step, what: str, array: Array, dims: Dims, years: range) -> None:
    if array.size and array.min() < -1e-9:
        raise MfaError(
            f"process {step.name!r}: its share {what} is {array.min():g} "
            f"{at_worst(step, dims, years, -array)}; shares lie between 0 and 1",
            step.signature.system.place("processes", step.name),
        )


def check_shares(step: Step, shares: Mapping[str, Array], complete: bool, years: range) -> None:
    for end, array in shares.items():
        not_negative(step, f"for {end!r}", array, step.dims, years)
    if not shares:
        return
    total = reduce(np.add, shares.values())
    over, under = float(np.max(total)) - 1.0, 1.0 - float(np.min(total)) if complete else 0.0
    if over > 1e-9 or (complete and under > 1e-9):
        sign = 1.0 if over > 1e-9 else -1.0
        worst = 1.0 + over if over > 1e-9 else 1.0 - under
        fix = "make one of them 'rest'" if complete else "lower them"
        raise MfaError(
            f"process {step.name!r}: its shares sum to {worst:.6g} "
            f"{at_worst(step, step.dims, years, sign * total)}; {fix}",
            step.signature.system.place("processes", step.name),
        )


def must_be_yield(step: Step, text: str, array: Array, years: range) -> None:
    for wrong, value, sign, why in (
        (
            not array.min(initial=1.0) > 0,
            array.min(initial=1.0),
            -1.0,
            "nothing can be made with it",
        ),
        (
            array.max(initial=0.0) > 1 + 1e-9,
            array.max(initial=0.0),
            1.0,
            "no more can come out than goes in",
        ),
    ):
        if wrong:
            where = at_worst(step, step.dims, years, sign * array)
            raise MfaError(
                f"process {step.name!r}: yield ({text}) is {value:g} {where}; {why}",
                step.signature.system.place("processes", step.name, "yield"),
            )


def must_not_be_negative(
    step: Step, key: str, text: str, array: Array, dims: Dims, years: range
) -> None:
    if array.min(initial=0.0) < 0:
        raise MfaError(
            f"process {step.name!r}: {key} ({text}) is {array.min():g} "
            f"{at_worst(step, dims, years, -array)}; a flow has one "
            "direction: declare 'min: 0' for its parameters, or turn the arrow round",
            step.signature.system.place("processes", step.name, key),
        )

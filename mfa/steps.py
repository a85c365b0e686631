"""One process of a system as one step of a plan: what it reads, writes and needs.

A step knows the dimensions of everything it touches before any number exists
(:meth:`Step.infer`), takes its parameters as arrays that were aligned once
(:meth:`Step.bind`) and then works on bare arrays, the year last
(:meth:`Step.evaluate`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa import kernels, rules
from mfa.errors import MfaError
from mfa.schema import (
    Lifetime,
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
from mfa.system import (
    Flow,
    System,
    arrival_flows,
    ask_flows,
    expressions,
    factors,
    flow_name,
    placement,
)

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
    """Insert axes of length one, so that an array of dims (and year) fits the target's."""
    if dims == target:
        return array
    index = tuple(slice(None) if dim in dims else None for dim in target)
    return array[(*index, slice(None))]


class Gather:
    """Add up several flows at a process: placed at their labels, summed where it is written.

    A flow from a process that stands ``at`` one label of a dimension lacks that
    dimension and is put at the label; a dimension in ``sum:`` is summed first.
    Nothing else is added across dimensions.
    """

    def __init__(self, signature: Signature, owner: str, flows: list[str], what: str):
        self.signature, self.owner, self.flows, self.what = signature, owner, flows, what
        process = signature.system.processes[owner]
        self.summed: Dims = signature.sort(process.sum)
        self.ports: list[tuple[str, Dims, tuple[tuple[str, int], ...]]] = []
        self.dims: Dims = ()
        self.shape: tuple[int, ...] = ()

    def placement(self, flow: str) -> tuple[tuple[str, int], ...]:
        """Return the labels at which the other end of a flow stands."""
        return placement(self.signature.system, self.signature.flows[flow], self.owner)

    def infer(self, dims: Mapping[str, Dims]) -> Dims | None:
        """Return the dimensions of the total, as far as the flows are known."""
        found = {
            self.signature.sort(({*dims[f]} | {d for d, _ in self.placement(f)}) - {*self.summed})
            for f in self.flows
            if f in dims
        }
        return self.signature.sort({d for each in found for d in each}) if found else None

    def settle(self, dims: Mapping[str, Dims]) -> Dims:
        """Check that all flows have the same dimensions and fix the way they are added."""
        self.dims = self.infer(dims) or ()
        self.shape = tuple(self.signature.size(d) for d in self.dims)
        self.ports = []
        for flow in self.flows:
            placed = self.placement(flow)
            has = self.signature.sort(({*dims[flow]} | {d for d, _ in placed}) - {*self.summed})
            if has != self.dims:
                extra = ", ".join(d for d in self.dims if d not in has)
                raise MfaError(
                    f"flow {flow!r} has dimensions ({', '.join(has) or 'none'}), but the {self.what} of "
                    f"{self.owner!r} have ({', '.join(self.dims)}): {extra} would be added without "
                    f"matching; write 'sum: [{extra}]' at {self.owner!r}, or give the flow that dimension",
                    self.signature.system.place("processes", self.owner),
                )
            kept = tuple(p for p in placed if p[0] not in self.summed and p[0] not in dims[flow])
            self.ports.append((flow, dims[flow], kept))
        return self.dims

    def __call__(self, flows: Mapping[str, Array]) -> Array:
        total: Array | None = None
        for flow, dims, placed in self.ports:
            array = flows[flow]
            axes = tuple(i for i, d in enumerate(dims) if d in self.summed)
            if axes:
                array = array.sum(axis=axes)
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
    by_cohort: bool = False

    def year(self, index: int) -> Bound:
        """Return the parameters of one year (survival stays whole)."""
        arrays = {
            name: array
            if array.shape[-1] == 1 or name == "survival"
            else array[..., index : index + 1]
            for name, array in self.arrays.items()
        }
        return Bound(arrays, self.by_cohort)


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
    """

    linear = True
    memory = False

    def __init__(self, signature: Signature, name: str, process: Process):
        self.signature, self.name, self.process = signature, name, process
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.stock: str | None = None
        self.stock_dims: Dims = ()
        self.dims: Dims = ()

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        """Return the dimensions of the flows written, given those of some flows read."""
        raise NotImplementedError

    def settle(self, dims: Mapping[str, Dims]) -> None:
        """Check all dimensions, now that those of every flow are known."""

    def bind(self, parameter: Callable[[str, Dims], Array], years: int) -> Bound:
        """Return the parameters as arrays; `parameter` gives a product aligned to dimensions."""
        return Bound({})

    def evaluate(self, flows: Mapping[str, Array], bound: Bound, years: int) -> dict[str, Array]:
        """Return the flows (and the stock) that the step writes."""
        raise NotImplementedError

    def equation(self) -> str:
        """Return the equation as a reader would write it."""
        raise NotImplementedError

    def _asks(self) -> Gather:
        flows = ask_flows(self.signature.system, self.signature.flows, self.name)
        return self._gather(flows, "asks")

    def _arrivals(self) -> Gather:
        flows = arrival_flows(self.signature.system, self.signature.flows, self.name)
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


class SourceStep(Step):
    """A source that gives."""

    def __init__(self, signature: Signature, name: str, process: Source):
        super().__init__(signature, name, process)
        assert process.gives and process.to
        self.gives, self.writes = process.gives, self._out([process.to])

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        self.dims = self.signature.parameter_dims(self.gives)
        return {self.writes[0]: self.dims}

    def settle(self, dims: Mapping[str, Dims]) -> None:
        self.dims = dims[self.writes[0]]

    def bind(self, parameter: Callable[[str, Dims], Array], years: int) -> Bound:
        gives = parameter(self.gives, self.dims)
        _must_not_be_negative(self, "gives", self.gives, gives)
        return Bound({"gives": _over_years(gives, years)})

    def evaluate(self, flows: Mapping[str, Array], bound: Bound, years: int) -> dict[str, Array]:
        return {self.writes[0]: bound.arrays["gives"]}

    def equation(self) -> str:
        return f"{self.writes[0]} = {self.gives}"


class SinkStep(Step):
    """A sink: what arrives stays. One that takes also asks."""

    def __init__(self, signature: Signature, name: str, process: Sink):
        super().__init__(signature, name, process)
        self.takes = process.takes
        self.arrivals = self._arrivals()
        self.stock = f"{name}_stock"
        if self.takes:
            assert process.from_
            self.writes = [flow_name(process.from_, name)]

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        return {self.writes[0]: self.signature.parameter_dims(self.takes)} if self.takes else {}

    def settle(self, dims: Mapping[str, Dims]) -> None:
        taken = dims[self.writes[0]] if self.takes else ()
        self.dims = self.stock_dims = self.arrivals.settle(dims) if self.arrivals.flows else taken
        if self.takes and taken != self.dims:
            raise MfaError(
                f"process {self.name!r}: takes ({', '.join(taken)}) but arrivals have ({', '.join(self.dims)})",
                self.signature.system.place("processes", self.name, "takes"),
            )

    def bind(self, parameter: Callable[[str, Dims], Array], years: int) -> Bound:
        if not self.takes:
            return Bound({})
        takes = parameter(self.takes, self.dims)
        _must_not_be_negative(self, "takes", self.takes, takes)
        return Bound({"takes": _over_years(takes, years)})

    def evaluate(self, flows: Mapping[str, Array], bound: Bound, years: int) -> dict[str, Array]:
        arrivals = self.arrivals(flows) if self.arrivals.flows else None
        outputs: dict[str, Array] = {}
        if self.takes:
            outputs[self.writes[0]] = taken = bound.arrays["takes"]
            arrivals = taken if arrivals is None else arrivals + taken
        assert arrivals is not None and self.stock is not None
        outputs[self.stock] = np.cumsum(arrivals, axis=-1)
        return outputs

    def equation(self) -> str:
        first = f"{self.writes[0]} = {self.takes}; " if self.takes else ""
        return f"{first}{self.stock} = Σ_years ({_sum(self.arrivals.flows + self.writes)})"


class MakeStep(Step):
    """A production step: asks in, inputs and losses out."""

    def __init__(self, signature: Signature, name: str, process: Make):
        super().__init__(signature, name, process)
        self.asks = self._asks()
        recipe = process.from_ if isinstance(process.from_, dict) else {process.from_: "rest"}
        self.recipe = recipe
        _one_rest(self, recipe, "from")
        self.yield_ = process.yield_
        self.inputs = {source: flow_name(source, name) for source in recipe}
        self.losses = self._out([process.loss_to] if process.loss_to else [])
        self.writes = [*self.inputs.values(), *self.losses]

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        found = self.asks.infer(dims)
        return {} if found is None else dict.fromkeys(self.writes, found)

    def settle(self, dims: Mapping[str, Dims]) -> None:
        self.dims = self.asks.settle(dims)
        for key, text in expressions(self.process).items():
            self._must_fit(key[0], text, self.dims)

    def bind(self, parameter: Callable[[str, Dims], Array], years: int) -> Bound:
        arrays = {k: parameter(v, self.dims) for k, v in self.recipe.items() if v != "rest"}
        _check_shares(self, arrays, complete="rest" not in self.recipe.values())
        if self.yield_:
            arrays["yield"] = parameter(self.yield_, self.dims)
            _must_be_positive(self, self.yield_, arrays["yield"])
        return Bound(arrays)

    def evaluate(self, flows: Mapping[str, Array], bound: Bound, years: int) -> dict[str, Array]:
        asks = self.asks(flows)
        recipe = {source: bound.arrays.get(source) for source in self.recipe}
        inputs = rules.make(asks, recipe, bound.arrays.get("yield"))
        outputs = {self.inputs[source]: mass for source, mass in inputs.items()}
        if self.losses:
            outputs[self.losses[0]] = sum(inputs.values()) - asks
        return outputs

    def equation(self) -> str:
        asks = f"({_sum(self.asks.flows)})" + (f" / {self.yield_}" if self.yield_ else "")
        named = {s: f"{text} · {asks}" for s, text in self.recipe.items()}
        if len(named) == 1:
            named = dict.fromkeys(named, asks)
        lines = [f"{self.inputs[s]} = {text}" for s, text in named.items()]
        lines += [f"{loss} = inputs − asks" for loss in self.losses]
        return "; ".join(lines)


class SplitStep(Step):
    """Arrivals in, outputs by share."""

    def __init__(self, signature: Signature, name: str, process: Split):
        super().__init__(signature, name, process)
        self.arrivals = self._arrivals()
        self.shares = process.shares
        self.writes = self._out(process.shares)
        _one_rest(self, process.shares, "shares")

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        found = self.arrivals.infer(dims)
        return {} if found is None else dict.fromkeys(self.writes, found)

    def settle(self, dims: Mapping[str, Dims]) -> None:
        self.dims = self.arrivals.settle(dims)
        for text in self.shares.values():
            if text != "rest":
                self._must_fit("shares", text, self.dims)

    def bind(self, parameter: Callable[[str, Dims], Array], years: int) -> Bound:
        arrays = {k: parameter(v, self.dims) for k, v in self.shares.items() if v != "rest"}
        _check_shares(self, arrays, complete="rest" not in self.shares.values())
        return Bound(arrays)

    def evaluate(self, flows: Mapping[str, Array], bound: Bound, years: int) -> dict[str, Array]:
        shares = {target: bound.arrays.get(target) for target in self.shares}
        outputs = rules.split(self.arrivals(flows), shares)
        return {flow_name(self.name, target): mass for target, mass in outputs.items()}

    def equation(self) -> str:
        total = f"({_sum(self.arrivals.flows)})"
        return "; ".join(
            f"{flow_name(self.name, t)} = " + ("rest" if text == "rest" else f"{text} · {total}")
            for t, text in self.shares.items()
        )


class MarketStep(Step):
    """Asks and arrivals in; the remainder from the last supplier and the surplus out."""

    linear = False

    def __init__(self, signature: Signature, name: str, process: Market):
        super().__init__(signature, name, process)
        self.asks, self.arrivals = self._asks(), self._arrivals()
        self.last = flow_name(process.from_[-1], name)
        self.surplus = self._out([process.surplus_to] if process.surplus_to else [])
        self.writes = [self.last, *self.surplus]

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        found = self.asks.infer(dims)
        return {} if found is None else dict.fromkeys(self.writes, found)

    def settle(self, dims: Mapping[str, Dims]) -> None:
        self.dims = self.asks.settle(dims)
        if self.arrivals.flows and self.arrivals.settle(dims) != self.dims:
            arriving = ", ".join(self.arrivals.dims) or "none"
            raise MfaError(
                f"process {self.name!r}: asks have dimensions ({', '.join(self.dims)}), arrivals "
                f"({arriving}) through {', '.join(self.arrivals.flows)}: they would be subtracted without "
                f"matching; write 'sum:' at {self.name!r} or give the arrivals that dimension",
                self.signature.system.place("processes", self.name),
            )

    def evaluate(self, flows: Mapping[str, Array], bound: Bound, years: int) -> dict[str, Array]:
        arrivals = self.arrivals(flows) if self.arrivals.flows else None
        last, surplus = rules.market(self.asks(flows), arrivals)
        if not self.surplus and surplus.any():
            cell = np.unravel_index(int(np.argmax(surplus)), surplus.shape)
            labels = [
                self.signature.system.dimensions[d][i]
                for d, i in zip(self.dims, cell, strict=False)
            ]
            raise MfaError(
                f"process {self.name!r}: arrivals exceed asks by {surplus.max():.6g} t/yr at {labels}, year "
                f"{int(cell[-1])} of the run; name a process that takes it: 'surplus_to:'",
                self.signature.system.place("processes", self.name),
            )
        return {self.last: last} | dict.fromkeys(self.surplus, surplus)

    def equation(self) -> str:
        arrivals = f" − ({_sum(self.arrivals.flows)})" if self.arrivals.flows else ""
        lines = [f"{self.last} = max(0, ({_sum(self.asks.flows)}){arrivals})"]
        lines += [f"{flow} = max(0, arrivals − asks)" for flow in self.surplus]
        return "; ".join(lines)


class TradeStep(Step):
    """Asks by place in; what each origin is asked for out."""

    def __init__(self, signature: Signature, name: str, process: Trade):
        super().__init__(signature, name, process)
        self.shares = process.shares
        share_dims = signature.parameter_dims(process.shares)
        self.later = signature.sort(d for d in process.sum if d in share_dims)
        self.asks = self._asks()
        self.asks.summed = signature.sort(d for d in process.sum if d not in share_dims)
        self.writes = [flow_name(process.from_, name)]

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        asks = self.asks.infer(dims)
        if asks is None:
            return {}
        both = {*asks, *self.signature.parameter_dims(self.shares)} - {*self.later}
        return {self.writes[0]: self.signature.sort(both)}

    def settle(self, dims: Mapping[str, Dims]) -> None:
        asks = self.asks.settle(dims)
        share_dims = self.signature.parameter_dims(self.shares)
        self.origins = tuple(d for d in share_dims if d not in asks)
        if not self.origins:
            raise MfaError(
                f"process {self.name!r}: shares ({self.shares}) have no dimension of origins that its asks "
                f"({', '.join(asks)}) lack; a trade turns asks by destination into asks by origin",
                self.signature.system.place("processes", self.name, "shares"),
            )
        self.all_dims = self.signature.sort({*asks, *share_dims})
        self.dims = dims[self.writes[0]]
        self.asks_dims = asks

    def bind(self, parameter: Callable[[str, Dims], Array], years: int) -> Bound:
        shares = parameter(self.shares, self.all_dims)
        _not_negative(self, f"({self.shares})", shares)
        axes = tuple(self.all_dims.index(d) for d in self.origins)
        off = np.abs(shares.sum(axis=axes) - 1.0)
        if off.size and off.max() > 1e-9:
            raise MfaError(
                f"process {self.name!r}: shares ({self.shares}) do not sum to 1 over "
                f"{', '.join(self.origins)} (off by {off.max():.3g}); mass would be lost",
                self.signature.system.place("processes", self.name, "shares"),
            )
        return Bound({"shares": shares})

    def evaluate(self, flows: Mapping[str, Array], bound: Bound, years: int) -> dict[str, Array]:
        asks = spread(self.asks(flows), self.asks_dims, self.all_dims)
        axes = tuple(self.all_dims.index(d) for d in self.later)
        supplied = rules.trade(asks, bound.arrays["shares"], axes)
        return {self.writes[0]: supplied.reshape(*(self.signature.size(d) for d in self.dims), -1)}

    def equation(self) -> str:
        total = _sum(self.asks.flows)
        over = f"Σ_{', '.join(self.process.sum)} " if self.process.sum else ""
        return f"{self.writes[0]} = {over}{self.shares} · ({total})"


class StockStep(Step):
    """Cohorts that stay for their lifetime."""

    def __init__(self, signature: Signature, name: str, process: Stock):
        super().__init__(signature, name, process)
        self.lifetime: Lifetime = process.lifetime
        self.driver = process.inflow or process.stock
        self.by_stock = process.stock is not None
        self.content, self.on_decline = process.content, process.on_decline
        self.outflow, self.stock = flow_name(name, process.to), f"{name}_stock"
        self.writes = [self.outflow]
        self.summed = signature.sort(process.sum)
        self.memory = not self.driver
        self.arrivals = self._arrivals()
        self.inflow: str | None = None
        if self.driver:
            assert process.from_
            self.inflow = flow_name(process.from_, name)
            self.writes = [self.inflow, self.outflow]
            self._no_arrivals_beside_a_driver()

    def _no_arrivals_beside_a_driver(self) -> None:
        if self.arrivals.flows:
            raise MfaError(
                f"process {self.name!r} is driven and also receives {', '.join(self.arrivals.flows)}; "
                "let that flow go to a market that supplies it, or to a stock of its own",
                self.signature.system.place("processes", self.name),
            )

    def _lifetime_dims(self) -> Dims:
        names = [
            n
            for n in lifetime_parameters(self.lifetime).values()
            if n in self.signature.system.parameters
        ]
        return self.signature.sort(
            {d for n in names for d in self.signature.system.parameters[n].dims}
        )

    def _driven_dims(self) -> Dims:
        text = " * ".join(filter(None, (self.driver, self.content)))
        return self.signature.parameter_dims(text)

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        if self.driver:
            found: Dims | None = tuple(d for d in self._driven_dims() if d not in self.summed)
        else:
            found = self.arrivals.infer(dims)
        return {} if found is None else dict.fromkeys(self.writes, found)

    def settle(self, dims: Mapping[str, Dims]) -> None:
        if self.driver:
            self.inner = self._driven_dims()
            if lacking := [d for d in self.summed if d not in self.inner]:
                raise MfaError(
                    f"process {self.name!r}: sum names {', '.join(lacking)}, which its driver has not",
                    self.signature.system.place("processes", self.name, "sum"),
                )
        else:
            self.inner = self.arrivals.settle(dims)
        self.dims = self.stock_dims = dims[self.outflow]
        if extra := [d for d in self._lifetime_dims() if d not in self.inner]:
            raise MfaError(
                f"process {self.name!r}: its lifetime has the dimension {', '.join(extra)}, which what it "
                f"holds ({', '.join(self.inner) or 'none'}) does not have",
                self.signature.system.place("processes", self.name, "lifetime"),
            )
        early = [d for d in self.summed if d not in self._lifetime_dims()]
        self.held: Dims = tuple(d for d in self.inner if not self.driver or d not in early)

    def bind(self, parameter: Callable[[str, Dims], Array], years: int) -> Bound:
        survival, by_cohort = self._survival(parameter, years)
        arrays = {"survival": survival}
        if self.driver and not self.by_stock:
            text = " * ".join(filter(None, (self.driver, self.content)))
            mass = _over_years(parameter(text, self.inner), years)
            _must_not_be_negative(self, "inflow", text, mass)
            arrays["inflow"] = _sum_over(mass, self.inner, self.held)
            arrays |= self._merged(arrays["inflow"], survival)
        elif self.driver:
            dims = self.signature.parameter_dims(self.driver)
            if extra := [d for d in self._lifetime_dims() if d not in dims]:
                raise MfaError(
                    f"process {self.name!r}: the lifetime varies over {', '.join(extra)}, the driving stock does not",
                    self.signature.system.place("processes", self.name, "stock"),
                )
            units = self._inflow_from_stock(
                _over_years(parameter(self.driver, dims), years), dims, survival, by_cohort
            )
            mass = spread(units, dims, self.inner)
            if self.content:
                mass = mass * parameter(self.content, self.inner)
            arrays["inflow"] = _sum_over(
                np.broadcast_to(mass, (*map(self.signature.size, self.inner), years)),
                self.inner,
                self.held,
            )
        return Bound(arrays, by_cohort)

    def _merged(self, inflow: Array, survival: Array) -> dict[str, Array]:
        """Sum the inflow along dimensions over which the lifetime happens to be the same."""
        for axis, dim in enumerate(self.held):
            if dim in self.summed and survival.shape[axis] > 1:
                first = survival.take([0], axis=axis)
                if (survival == first).all():
                    survival, inflow = first, inflow.sum(axis=axis, keepdims=True)
        return {"inflow": inflow, "survival": survival}

    def _survival(self, parameter: Callable[[str, Dims], Array], years: int) -> tuple[Array, bool]:
        from mfa.survival import survival_values

        if self.lifetime.law == "table":
            return self._survival_table(years), False
        specs = self.signature.system.parameters
        values: dict[str, Array] = {}
        by_cohort = False
        for key, text in lifetime_parameters(self.lifetime).items():
            if text in specs:
                values[key] = parameter(text, self.held)
                by_cohort = by_cohort or "year" in specs[text].dims
            else:
                values[key] = np.full(
                    (1,) * (len(self.held) + 1), _lifetime_quantity(self, key, text)
                )
        if not by_cohort:
            values = {key: array[..., 0] for key, array in values.items()}
        try:
            survival = survival_values(
                self.lifetime.law, years, self.lifetime.inflow_at, "leaves", **values
            )
        except MfaError as error:
            place = self.signature.system.place("processes", self.name, "lifetime")
            raise MfaError(f"process {self.name!r}: {error.problems[0].message}", place) from None
        if by_cohort and survival.shape[-2] == 1:
            survival = np.broadcast_to(survival, (*survival.shape[:-2], years, years))
        return survival, by_cohort

    def _survival_table(self, years: int) -> Array:
        given = np.array(self.lifetime.survival or ())
        if given.size == 0 or given[-1] != 0 or given[0] > 1 or (np.diff(given) > 0).any():
            raise MfaError(
                f"process {self.name!r}: law 'table' needs 'survival': shares in use at the end of the entry year "
                "and of each year after it, from at most 1, never rising, ending with 0",
                self.signature.system.place("processes", self.name, "lifetime"),
            )
        survival = np.zeros(max(years, given.size))
        survival[: given.size] = given
        return survival[:years].reshape((1,) * len(self.held) + (years,))

    def _inflow_from_stock(
        self, stock: Array, dims: Dims, survival: Array, by_cohort: bool
    ) -> Array:
        lead = survival.ndim - (2 if by_cohort else 1)
        keep = tuple(slice(None) if d in dims else 0 for d in self.held[:lead])
        survival = survival[keep]
        inflow = kernels.inflow_from_stock(stock, survival, by_cohort=by_cohort)
        if self.on_decline != "allow" and inflow.min(initial=0.0) < -1e-12 * max(
            stock.max(initial=0.0), 1.0
        ):
            if self.on_decline == "retire_early":
                raise MfaError(
                    f"process {self.name!r}: on_decline: retire_early works in mfa.stocks.from_stock only; "
                    "drive the process by the inflow computed there",
                    self.signature.system.place("processes", self.name, "on_decline"),
                )
            cell = np.unravel_index(int(np.argmin(inflow)), inflow.shape)
            labels = [
                self.signature.system.dimensions[d][i] for d, i in zip(dims, cell, strict=False)
            ]
            raise MfaError(
                f"process {self.name!r}: the stock falls faster than its cohorts retire at {labels}, year "
                f"{int(cell[-1])} of the run (inflow {inflow.min():.6g}); write 'on_decline: allow' if a "
                "negative inflow is meant",
                self.signature.system.place("processes", self.name, "stock"),
            )
        return inflow

    def evaluate(self, flows: Mapping[str, Array], bound: Bound, years: int) -> dict[str, Array]:
        inflow = bound.arrays["inflow"] if self.driver else self.arrivals(flows)
        held = kernels.stock_from_inflow(
            inflow, bound.arrays["survival"], by_cohort=bound.by_cohort
        )
        stock, inflow = (_sum_over(a, self.held, self.dims) for a in (held, inflow))
        assert self.stock is not None
        outputs = {self.stock: stock, self.outflow: kernels.outflow(inflow, stock)}
        if self.inflow:
            outputs[self.inflow] = inflow
        return outputs

    def same_year(self, bound: Bound, years: int) -> Array:
        """Return the share of an inflow that leaves in its own year, (..., year)."""
        survival = bound.arrays["survival"]
        if bound.by_cohort:
            return np.asarray(1.0 - survival[..., 0])
        return np.asarray(1.0 - survival[..., :1])

    def equation(self) -> str:
        text = " * ".join(filter(None, (self.driver, self.content)))
        over = f"Σ_{', '.join(self.summed)} " if self.summed else ""
        if self.by_stock:
            first = f"{self.inflow} = inflow that keeps {over}{text}; "
        else:
            first = f"{self.inflow} = {over}{text}; " if self.driver else ""
        into = self.inflow or _sum(self.arrivals.flows)
        law = ", ".join(f"{k} {v}" for k, v in lifetime_parameters(self.lifetime).items())
        return (
            f"{first}{self.stock} = Σ_cohort survival({self.lifetime.law}: {law}) · ({into}); "
            f"{self.outflow} = inflow − Δ{self.stock}"
        )


class UserStep(Step):
    """A rule from a user's own file."""

    def __init__(self, signature: Signature, name: str, process: UserProcess):
        super().__init__(signature, name, process)
        self.rule = rules.USER_RULES[process.rule]
        push = self.rule.direction == "push"
        self.gathered = self._arrivals() if push else self._asks()
        self.outputs = {
            key: flow_name(name, end) if push else flow_name(end, name)
            for key, end in (process.to if push else process.from_).items()
        }
        self.writes = list(self.outputs.values())
        self.fields = {key: str(value) for key, value in (process.model_extra or {}).items()}

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        found = self.gathered.infer(dims)
        return {} if found is None else dict.fromkeys(self.writes, found)

    def settle(self, dims: Mapping[str, Dims]) -> None:
        self.dims = self.gathered.settle(dims)
        for key, text in self.fields.items():
            self._must_fit(key, text, self.dims)

    def bind(self, parameter: Callable[[str, Dims], Array], years: int) -> Bound:
        return Bound({key: parameter(text, self.dims) for key, text in self.fields.items()})

    def evaluate(self, flows: Mapping[str, Array], bound: Bound, years: int) -> dict[str, Array]:
        mass = self.gathered(flows)
        found = self.rule.function(mass, **bound.arrays)
        if set(found) != set(self.outputs):
            raise MfaError(
                f"process {self.name!r}: rule {self.rule.name!r} returned {sorted(found)}, but the system "
                f"names {sorted(self.outputs)}",
                self.signature.system.place("processes", self.name),
            )
        return {
            self.outputs[key]: np.broadcast_to(value, mass.shape) for key, value in found.items()
        }

    def equation(self) -> str:
        return f"{', '.join(self.writes)} = {self.rule.name}({_sum(self.gathered.flows)}): {self.rule.equation}"


def compile_step(signature: Signature, name: str) -> Step | None:
    """Return the step of a process; none for a source that only waits to be asked."""
    process = signature.system.processes[name]
    match process:
        case Source():
            return SourceStep(signature, name, process) if process.gives else None
        case Sink():
            return SinkStep(signature, name, process)
        case Stock():
            return StockStep(signature, name, process)
        case Make():
            return MakeStep(signature, name, process)
        case Split():
            return SplitStep(signature, name, process)
        case Market():
            return MarketStep(signature, name, process)
        case Trade():
            return TradeStep(signature, name, process)
        case UserProcess():
            return UserStep(signature, name, process)
    raise MfaError(f"process {name!r}: rule {process.rule!r} has no step")


def lifetime_parameters(lifetime: Lifetime) -> dict[str, str]:
    """Return the parameters of a lifetime law as written."""
    names = ("mean", "std", "shape", "scale")
    return {n: str(getattr(lifetime, n)) for n in names if getattr(lifetime, n) is not None}


def _lifetime_quantity(step: Step, key: str, text: str) -> float:
    from mfa.units import parse

    place = step.signature.system.place("processes", step.name, "lifetime", key)
    try:
        quantity = parse(text)
    except MfaError:
        from mfa.errors import known

        hint = known(text, step.signature.system.parameters, "parameters")
        message = (
            f"process {step.name!r}: {key} {text!r} is neither a parameter nor a quantity. {hint}"
        )
        raise MfaError(message, place) from None
    expected = "" if key == "shape" else "yr"
    if quantity.unit != expected:
        raise MfaError(
            f"process {step.name!r}: {key} {text!r} must be "
            + ("a number without a unit" if key == "shape" else "a number of years, like '12 yr'"),
            place,
        )
    return quantity.value


def _over_years(array: Array, years: int) -> Array:
    return np.broadcast_to(array, (*array.shape[:-1], years)) if array.shape[-1] != years else array


def _sum_over(array: Array, dims: Dims, kept: Dims) -> Array:
    axes = tuple(i for i, d in enumerate(dims) if d not in kept)
    return np.asarray(array.sum(axis=axes)) if axes else array


def _sum(flows: list[str]) -> str:
    return " + ".join(flows)


def _one_rest(step: Step, shares: Mapping[str, str], key: str) -> None:
    if list(shares.values()).count("rest") > 1:
        raise MfaError(
            f"process {step.name!r}: only one share can be the rest",
            step.signature.system.place("processes", step.name, key),
        )


def _not_negative(step: Step, what: str, array: Array) -> None:
    if array.size and array.min() < -1e-9:
        raise MfaError(
            f"process {step.name!r}: its share {what} is {array.min():g} somewhere; shares lie between 0 and 1",
            step.signature.system.place("processes", step.name),
        )


def _check_shares(step: Step, shares: Mapping[str, Array], complete: bool) -> None:
    for end, array in shares.items():
        _not_negative(step, f"for {end!r}", array)
    total = sum(shares.values(), start=np.zeros(1))
    over, under = float(np.max(total)) - 1.0, 1.0 - float(np.min(total))
    if over > 1e-9 or (complete and under > 1e-9):
        worst = 1.0 + over if over > 1e-9 else 1.0 - under
        fix = "make one of them 'rest'" if complete else "lower them"
        raise MfaError(
            f"process {step.name!r}: its shares sum to {worst:.6g} somewhere; {fix}",
            step.signature.system.place("processes", step.name),
        )


def _must_be_positive(step: Step, text: str, array: Array) -> None:
    if array.size and not array.min() > 0:
        raise MfaError(
            f"process {step.name!r}: yield ({text}) is {array.min():g} somewhere; nothing can be made with it",
            step.signature.system.place("processes", step.name, "yield"),
        )
    if array.size and array.max() > 1 + 1e-9:
        raise MfaError(
            f"process {step.name!r}: yield ({text}) is {array.max():g} somewhere; no more can come out than goes in",
            step.signature.system.place("processes", step.name, "yield"),
        )


def _must_not_be_negative(step: Step, key: str, text: str, array: Array) -> None:
    if array.min(initial=0.0) < 0:
        raise MfaError(
            f"process {step.name!r}: {key} ({text}) is {array.min():g} somewhere; a flow has one "
            "direction: declare 'min: 0' for its parameters, or turn the arrow round",
            step.signature.system.place("processes", step.name, key),
        )

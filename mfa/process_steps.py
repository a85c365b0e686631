"""The steps of the process rules: what each reads, writes, needs and says of itself.

One class for each rule of :mod:`mfa.rules`; trade between places is in
:mod:`mfa.trade_steps`, the stock, which has cohorts, in :mod:`mfa.stock_step`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mfa import rules
from mfa.errors import MfaError
from mfa.flows import flow_name
from mfa.schema import Make, Market, Sink, Source, Split, UserProcess
from mfa.steps import (
    Array,
    Bound,
    Dims,
    Signature,
    Step,
    at_worst,
    check_shares,
    must_be_yield,
    must_not_be_negative,
    one_rest,
    over_years,
    plus,
)
from mfa.system import expressions


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

    def bind(self, parameter: Callable[[str, Dims], Array], years: range) -> Bound:
        gives = parameter(self.gives, self.dims)
        must_not_be_negative(self, "gives", self.gives, gives, self.dims, years)
        return Bound({"gives": over_years(gives, years)}, years)

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
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

    def bind(self, parameter: Callable[[str, Dims], Array], years: range) -> Bound:
        if not self.takes:
            return Bound({}, years)
        takes = parameter(self.takes, self.dims)
        must_not_be_negative(self, "takes", self.takes, takes, self.dims, years)
        return Bound({"takes": over_years(takes, years)}, years)

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
        arrivals = self.arrivals(flows) if self.arrivals.flows else None
        outputs: dict[str, Array] = {}
        if self.takes:
            outputs[self.writes[0]] = taken = bound.arrays["takes"]
            arrivals = taken if arrivals is None else arrivals + taken
        assert arrivals is not None and self.stock is not None
        outputs[self.stock] = stock = np.cumsum(arrivals, axis=-1)
        if "stock before" in bound.arrays:
            outputs[self.stock] = stock + bound.arrays["stock before"]
        return outputs

    def from_year(self, flows: Mapping[str, Array], bound: Bound, start: int) -> Bound:
        assert self.stock is not None
        later = bound.since(start)
        before = flows[self.stock][..., start - 1 : start]
        return Bound({**later.arrays, "stock before": before}, later.years)

    def equation(self) -> str:
        first = f"{self.writes[0]} = {self.takes}; " if self.takes else ""
        return f"{first}{self.stock} = Σ_years ({plus(self.arrivals.flows + self.writes)})"


class MakeStep(Step):
    """A production step: asks in, inputs and losses out."""

    def __init__(self, signature: Signature, name: str, process: Make):
        super().__init__(signature, name, process)
        self.asks = self._asks()
        recipe = process.from_ if isinstance(process.from_, dict) else {process.from_: "rest"}
        self.recipe = recipe
        one_rest(self, recipe, "from")
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

    def bind(self, parameter: Callable[[str, Dims], Array], years: range) -> Bound:
        arrays = {k: parameter(v, self.dims) for k, v in self.recipe.items() if v != "rest"}
        check_shares(self, arrays, complete="rest" not in self.recipe.values(), years=years)
        if self.yield_:
            arrays["yield"] = parameter(self.yield_, self.dims)
            must_be_yield(self, self.yield_, arrays["yield"], years)
        return Bound(arrays, years)

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
        asks = self.asks(flows)
        recipe = {source: bound.arrays.get(source) for source in self.recipe}
        inputs = rules.make(asks, recipe, bound.arrays.get("yield"))
        outputs = {self.inputs[source]: mass for source, mass in inputs.items()}
        if self.losses:
            outputs[self.losses[0]] = sum(inputs.values()) - asks
        return outputs

    def equation(self) -> str:
        asks = f"({plus(self.asks.flows)})" + (f" / {self.yield_}" if self.yield_ else "")
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
        one_rest(self, process.shares, "shares")

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        found = self.arrivals.infer(dims)
        return {} if found is None else dict.fromkeys(self.writes, found)

    def settle(self, dims: Mapping[str, Dims]) -> None:
        self.dims = self.arrivals.settle(dims)
        for text in self.shares.values():
            if text != "rest":
                self._must_fit("shares", text, self.dims)

    def bind(self, parameter: Callable[[str, Dims], Array], years: range) -> Bound:
        arrays = {k: parameter(v, self.dims) for k, v in self.shares.items() if v != "rest"}
        check_shares(self, arrays, complete="rest" not in self.shares.values(), years=years)
        return Bound(arrays, years)

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
        shares = {target: bound.arrays.get(target) for target in self.shares}
        outputs = rules.split(self.arrivals(flows), shares)
        return {flow_name(self.name, target): mass for target, mass in outputs.items()}

    def equation(self) -> str:
        total = f"({plus(self.arrivals.flows)})"
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

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
        arrivals = self.arrivals(flows) if self.arrivals.flows else None
        return self.met(self.asks(flows), arrivals, bound.years)

    def met(self, asks: Array, arrivals: Array | None, years: range) -> dict[str, Array]:
        """Return the flows that the step writes from its asks and arrivals."""
        last, surplus = rules.market(asks, arrivals)
        if not self.surplus and surplus.any():
            where = at_worst(self, self.dims, years, surplus)
            raise MfaError(
                f"process {self.name!r}: arrivals exceed asks by {surplus.max():.6g} t/yr {where}; name a "
                "process that takes it: 'surplus_to:'",
                self.signature.system.place("processes", self.name),
            )
        return {self.last: last} | dict.fromkeys(self.surplus, surplus)

    def equation(self) -> str:
        arrivals = f" − ({plus(self.arrivals.flows)})" if self.arrivals.flows else ""
        lines = [f"{self.last} = max(0, ({plus(self.asks.flows)}){arrivals})"]
        lines += [f"{flow} = max(0, arrivals − asks)" for flow in self.surplus]
        return "; ".join(lines)


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

    def bind(self, parameter: Callable[[str, Dims], Array], years: range) -> Bound:
        return Bound({key: parameter(text, self.dims) for key, text in self.fields.items()}, years)

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
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

    def from_year(self, flows: Mapping[str, Array], bound: Bound, start: int) -> None:
        """A rule of a user may look at any year."""

    def equation(self) -> str:
        return f"{', '.join(self.writes)} = {self.rule.name}({plus(self.gathered.flows)}): {self.rule.equation}"

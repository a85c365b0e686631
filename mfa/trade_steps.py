"""The step of trade between places: asks to their origins, or arrivals to their destinations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mfa import rules
from mfa.errors import MfaError
from mfa.flows import flow_name
from mfa.schema import Trade
from mfa.steps import (
    Array,
    Bound,
    Dims,
    Signature,
    Step,
    at_worst,
    not_negative,
    plus,
    spread,
)


class TradeStep(Step):
    """Mass by place in; what each place at the other end has of it out.

    With ``from:`` asks by destination become asks by origin, with ``to:``
    arrivals by origin become deliveries by destination.  The flow has both
    dimensions of places; ``sum:`` leaves out those that came in.
    """

    def __init__(self, signature: Signature, name: str, process: Trade):
        super().__init__(signature, name, process)
        self.shares = process.shares
        share_dims = signature.parameter_dims(process.shares)
        self.later = signature.sort(d for d in process.sum if d in share_dims)
        self.gathered = self._arrivals() if process.to else self._asks()
        self.gathered.summed = signature.sort(d for d in process.sum if d not in share_dims)
        self.writes = [
            flow_name(name, process.to) if process.to else flow_name(str(process.from_), name)
        ]
        self.what = ("arrivals", "destinations") if process.to else ("asks", "origins")

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        found = self.gathered.infer(dims)
        if found is None:
            return {}
        both = {*found, *self.signature.parameter_dims(self.shares)} - {*self.later}
        return {self.writes[0]: self.signature.sort(both)}

    def settle(self, dims: Mapping[str, Dims]) -> None:
        gathered = self.gathered.settle(dims)
        share_dims = self.signature.parameter_dims(self.shares)
        self.places = tuple(d for d in share_dims if d not in gathered)
        what, ends = self.what
        if not self.places:
            other = "origins" if ends == "destinations" else "destinations"
            raise MfaError(
                f"process {self.name!r}: shares ({self.shares}) have no dimension of {ends} that its {what} "
                f"({', '.join(gathered)}) lack; a trade turns {what} by {other[:-1]} into {what} by {ends[:-1]}",
                self.signature.system.place("processes", self.name, "shares"),
            )
        self.all_dims = self.signature.sort({*gathered, *share_dims})
        self.dims = dims[self.writes[0]]
        self.gathered_dims = gathered

    def bind(self, parameter: Callable[[str, Dims], Array], years: range) -> Bound:
        shares = parameter(self.shares, self.all_dims)
        not_negative(self, f"({self.shares})", shares, self.all_dims, years)
        axes = tuple(self.all_dims.index(d) for d in self.places)
        off = np.abs(shares.sum(axis=axes, keepdims=True) - 1.0)
        if off.size and off.max() > 1e-9:
            where = at_worst(self, self.all_dims, years, off)
            raise MfaError(
                f"process {self.name!r}: shares ({self.shares}) do not sum to 1 over "
                f"{', '.join(self.places)} {where} (off by {off.max():.3g}); mass would be lost",
                self.signature.system.place("processes", self.name, "shares"),
            )
        return Bound({"shares": shares}, years)

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
        mass = spread(self.gathered(flows), self.gathered_dims, self.all_dims)
        axes = tuple(self.all_dims.index(d) for d in self.later)
        parts = rules.trade(mass, bound.arrays["shares"], axes)
        return {self.writes[0]: parts.reshape(*(self.signature.size(d) for d in self.dims), -1)}

    def equation(self) -> str:
        total = plus(self.gathered.flows)
        over = f"Σ_{', '.join(self.process.sum)} " if self.process.sum else ""
        return f"{self.writes[0]} = {over}{self.shares} · ({total})"

"""Random systems with random parameters: chains, trees and loops of every rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from hypothesis import strategies as st

import mfa

FIRST_YEAR = 2000
MASS = ("t", "t/yr")
"""Units of the parameters that drive a system."""


@dataclass
class Case:
    """The fields of a system and its parameters."""

    dimensions: dict[str, list[str]]
    years: int
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        return {
            "title": "Random",
            "dimensions": self.dimensions,
            "parameters": self.parameters,
            "processes": self.processes,
        }

    def system(self, **changed: Any) -> mfa.System:
        return mfa.System(**{**self.fields(), **changed})

    def dataset(self) -> xr.Dataset:
        labels = {"year": np.arange(FIRST_YEAR, FIRST_YEAR + self.years), **self.dimensions}
        variables = {
            name: (spec["dims"], self.values[name]) for name, spec in self.parameters.items()
        }
        used = {dim for spec in self.parameters.values() for dim in spec["dims"]} | {"year"}
        return xr.Dataset(variables, coords={d: own for d, own in labels.items() if d in used})

    def run(self) -> xr.Dataset:
        return mfa.simulate(self.system(), self.dataset())


class Builder:
    """Adds processes to a case; every choice is drawn, every number comes from one seed."""

    def __init__(self, draw: Any, stocks: bool):
        self.draw, self.stocks = draw, stocks
        count = draw(st.integers(1, 3))
        names = ["region", "sort", "metal"][:count]
        sizes = [draw(st.integers(1, 4)) for _ in names]
        labels = {n: [f"{n[0]}{i}" for i in range(k)] for n, k in zip(names, sizes, strict=True)}
        self.case = Case(labels, draw(st.integers(1, 6)))
        self.dims = names
        self.random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def parameter(
        self, name: str, low: float, high: float, unit: str = "1", dims: list[str] | None = None
    ) -> str:
        if dims is None:
            dims = [d for d in ("year", *self.dims) if self.draw(st.booleans())]
        sizes = {
            "year": self.case.years,
            **{d: len(own) for d, own in self.case.dimensions.items()},
        }
        values = self.random.uniform(low, high, [sizes[d] for d in dims])
        self.case.parameters[name] = {"dims": dims, "unit": unit}
        self.case.values[name] = values
        return name

    def whole(self) -> list[str]:
        return [d for d in ("year", *self.dims) if d != "year" or self.draw(st.booleans())]

    def lifetime(self, name: str, dims: list[str] | None = None) -> dict[str, Any]:
        law = self.draw(st.sampled_from(["fixed", "weibull", "lognormal", "normal", "exponential"]))
        told = {
            "law": law,
            "inflow_at": self.draw(st.sampled_from(["spread", "start", "middle", "end"])),
        }
        told["mean"] = self.parameter(f"{name}_mean", 0.6, 5.0, "yr", dims)
        if law == "weibull":
            told["shape"] = "2.5"
        if law in ("lognormal", "normal"):
            told["std"] = "1.5 yr"
        return told

    def push(self, count: int) -> list[str]:
        """Add splits and stocks, each reachable from a source and with a way to a sink."""
        nodes = [f"node{i}" for i in range(count)]
        onwards: dict[str, set[str]] = {}
        for i, node in enumerate(nodes):
            onward = self.draw(st.sampled_from([*nodes[i + 1 :], "sink0", "sink1"]))
            if self.stocks and self.draw(st.booleans()):
                process = {"rule": "stock", "to": onward, "lifetime": self.lifetime(node)}
                targets = {onward}
            else:
                others = [n for n in (*nodes, "sink0") if n not in (node, onward)]
                extra = (
                    self.draw(st.lists(st.sampled_from(others), unique=True, max_size=3))
                    if others
                    else []
                )
                shares = {t: self.parameter(f"{node}_{t}", 0.0, 0.9 / len(extra)) for t in extra}
                process = {"rule": "split", "shares": {**shares, onward: "rest"}}
                targets = {*extra, onward}
            self.case.processes[node] = process
            onwards[node] = targets
        reached: set[str] = set()
        for node in nodes:
            if node not in reached or self.draw(st.booleans()):
                self.source(node, f"{node}_source")
            ahead = [node]
            while ahead:
                if (here := ahead.pop()) not in reached:
                    reached.add(here)
                    ahead += onwards.get(here, ())
        for sink in sorted({"sink0", "sink1"} & reached):
            self.case.processes[sink] = {"rule": "sink"}
        return nodes

    def source(self, to: str, name: str) -> None:
        gives = self.parameter(f"{name}_gives", 0.0, 100.0, "t/yr", self.whole())
        self.case.processes[name] = {"rule": "source", "gives": gives, "to": to}

    def pull(self, nodes: list[str]) -> None:
        """Add a demand, production steps and markets up to a source; losses go to the nodes."""
        asker = self.demand(nodes)
        behind_market = False
        for i in range(self.draw(st.integers(0, 3))):
            rule = self.draw(st.sampled_from(["make", "market"]))
            name = f"{rule}{i}"
            asker["from"] = [*asker.pop("before", []), name] if asker["rule"] == "market" else name
            if rule == "make":
                asker = {"rule": "make", "yield": self.parameter(f"{name}_yield", 0.3, 1.0)}
                asker["loss_to"] = (
                    f"{name}_loss" if behind_market else self.draw(st.sampled_from(nodes))
                )
                if behind_market:
                    self.case.processes[f"{name}_loss"] = {"rule": "sink"}
            else:
                behind_market = True
                asker = {
                    "rule": "market",
                    "surplus_to": f"{name}_surplus",
                    "before": self.arrivals(name),
                }
                self.case.processes[f"{name}_surplus"] = {"rule": "sink"}
            self.case.processes[name] = asker
        last = "ore" if self.draw(st.booleans()) else "mine"
        asker["from"] = [*asker.pop("before", []), last] if asker["rule"] == "market" else last
        if last == "ore":
            self.trade()
        self.case.processes["mine"] = {"rule": "source"}

    def arrivals(self, market: str) -> list[str]:
        name = f"{market}_scrap"
        self.source(name, f"{name}_source")
        share = self.parameter(f"{name}_share", 0.0, 1.0)
        self.case.processes[name] = {
            "rule": "split",
            "shares": {market: share, "scrap_sink": "rest"},
        }
        self.case.processes["scrap_sink"] = {"rule": "sink"}
        return [name]

    def demand(self, nodes: list[str]) -> dict[str, Any]:
        kinds = ["sink", "inflow", "stock"] if self.stocks else ["sink"]
        kind = self.draw(st.sampled_from(kinds))
        if kind == "sink":
            takes = self.parameter("demand", 0.0, 100.0, "t/yr", self.whole())
            asker: dict[str, Any] = {"rule": "sink", "takes": takes}
        else:
            dims = ["year", *self.dims]
            to = self.draw(st.sampled_from(nodes))
            asker = {"rule": "stock", "to": to}
            if kind == "inflow":
                asker["inflow"] = self.parameter("demand", 0.0, 100.0, "t/yr", dims)
                if self.draw(st.booleans()):
                    self.case.dimensions["model"] = ["x", "y"]
                    asker["sum"] = ["model"]
                    asker["content"] = self.parameter("content", 0.0, 1.0, "1", ["model"])
                    asker["lifetime"] = self.lifetime(
                        "use", self.draw(st.sampled_from([[], ["model"]]))
                    )
                else:
                    asker["lifetime"] = self.lifetime("use")
            else:
                asker["stock"] = self.parameter("demand", 0.0, 100.0, "t", dims)
                self.case.values["demand"] = np.cumsum(self.case.values["demand"], axis=0)
                asker["lifetime"] = {**self.lifetime("use"), "inflow_at": "end"}
        self.case.processes["use"] = asker
        return asker

    def trade(self) -> None:
        self.case.dimensions["origin"] = [f"o{i}" for i in range(self.draw(st.integers(1, 3)))]
        dims = [
            d for d in ("year", "origin", "region") if d == "origin" or self.draw(st.booleans())
        ]
        name = self.parameter("ore_share", 0.1, 1.0, "1", dims)
        values = self.case.values[name]
        self.case.values[name] = values / values.sum(axis=dims.index("origin"), keepdims=True)
        self.case.processes["ore"] = {"rule": "trade", "from": "mine", "shares": name}
        if self.draw(st.booleans()):
            self.case.processes["ore"]["sum"] = ["region"]


@st.composite
def cases(draw: Any, stocks: bool = True) -> Case:
    """Draw a system of 1–3 dimensions with 1–4 labels, of pushes, loops and asks."""
    builder = Builder(draw, stocks)
    nodes = builder.push(draw(st.integers(1, 6)))
    if draw(st.booleans()):
        builder.pull(nodes)
        builder.case.processes |= {
            end: {"rule": "sink"}
            for end in ("sink0", "sink1")
            if end not in builder.case.processes and _named(builder.case, end)
        }
    return builder.case


def _named(case: Case, end: str) -> bool:
    return any(
        end in process.get("shares", ()) or process.get("to") == end
        for process in case.processes.values()
    )

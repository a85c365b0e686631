"""Scarcity compiled: who is short where something has a capacity.

A shortage passes from a process that has a capacity to all that ask it, by any
way, up to the stocks and sinks whose demand it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mfa.buffer_step import BufferStep
from mfa.capacities import Place
from mfa.errors import MfaError, Problems
from mfa.flows import Flow, ask_flows
from mfa.names import is_limited
from mfa.process_steps import SinkStep
from mfa.schema import Sink, Stock
from mfa.steps import Dims, Gather, Signature, Step
from mfa.stock_step import StockStep
from mfa.system import System
from mfa.trade_steps import TradeStep


@dataclass(frozen=True, eq=False)
class Scarcity:
    """Who may be short in a system, customers before those they ask (frozen).

    Attributes
    ----------
    places : by name of the process
    demands : stocks and sinks whose demand may stay unmet
    between : processes that hand a shortage on, customers first
    asks : what each process is asked for
    buffers : stockpiles
    """

    places: Mapping[str, Place]
    demands: tuple[StockStep | SinkStep, ...]
    between: tuple[str, ...]
    asks: Mapping[str, Gather]
    steps: Mapping[str, Step]
    buffers: tuple[BufferStep, ...]

    def told(self) -> list[str]:
        """Return what the plan says of it, line by line."""
        lines = ["  capacities: demand is met as far as they allow, the rest is unmet_demand"]
        for name, place in self.places.items():
            process = place.process
            parts = [process.capacity] if process.capacity else []
            hosts = [f"{limit.ratio} · {limit.flow} at {_words(limit.at)} (for {_words(limit.of)})"
                     for limit in place.limits]  # fmt: skip
            parts += [" + ".join(hosts)] if hosts else []
            how = ", rerouted in proportion to spare capacity" if place.rerouted else ""
            lines.append(f"      {name} ≤ {', '.join(parts)}{how}")
        names = ", ".join(step.name for step in self.demands)
        return [*lines, f"      demand that may be short: {names}"]

    @property
    def responding(self) -> bool:
        """Whether some demand gives way to a price."""
        return any(getattr(step.process, "response", None) for step in self.demands)


def scarcity(
    signature: Signature,
    flows: Mapping[str, Flow],
    dims: Mapping[str, Dims],
    compiled: list[Step],
    problems: Problems,
) -> Scarcity | None:
    """Return who may be short in a system; what is wrong goes into `problems`."""
    system = signature.system
    steps = {step.name: step for step in compiled}
    first = [name for name, process in system.processes.items() if is_limited(process)]
    limited = _reached(first, flows)
    _refuse_idle(system, limited, problems)
    buffers = tuple(step for step in compiled if isinstance(step, BufferStep))
    if not first:
        return None
    order = _ordered(limited, flows, system, problems)
    asks: dict[str, Gather] = {}
    places: dict[str, Place] = {}
    for name in order:
        step = steps.get(name)
        if isinstance(step, StockStep | SinkStep | BufferStep):
            continue
        try:
            if step is None:
                own = ask_flows(flows, name)
                asks[name] = Gather(signature, name, own, "asks")
                asks[name].settle(dims)
            else:
                asks[name] = step.gathered if isinstance(step, TradeStep) else _asks_of(step)
            if name in first:
                trade = step if isinstance(step, TradeStep) else None
                places[name] = Place(signature, name, asks[name], trade)
                places[name].settle(dims)
        except MfaError as error:
            problems.include(error)
    demands = tuple(
        step for step in compiled if step.name in limited and isinstance(step, StockStep | SinkStep)
    )
    for step in demands:
        _check_demand(step, system, problems)
    between = tuple(name for name in order if name in asks)
    return Scarcity(places, demands, between, asks, steps, buffers)


def _words(labels: Mapping[str, str]) -> str:
    return ", ".join(labels.values())


def _asks_of(step: Step) -> Gather:
    found: Gather = getattr(step, "asks", None) or step.gathered  # type: ignore[attr-defined]
    return found


def _reached(first: list[str], flows: Mapping[str, Flow]) -> set[str]:
    """Return the processes that are short if these are: all that ask them, by any way."""
    found, ahead = set(first), list(first)
    while ahead:
        here = ahead.pop()
        for flow in flows.values():
            if flow.source == here and flow.computed_by == flow.target and flow.target not in found:
                found.add(flow.target)
                ahead.append(flow.target)
    return found


def _ordered(
    limited: set[str], flows: Mapping[str, Flow], system: System, problems: Problems
) -> list[str]:
    """Return processes so that each comes after all that ask it."""
    customers = {
        name: {
            flow.target
            for flow in flows.values()
            if flow.source == name and flow.computed_by == flow.target
        }
        for name in limited
    }
    order: list[str] = []
    while len(order) < len(limited):
        ready = sorted(n for n in limited if n not in order and customers[n] <= {*order})
        if not ready:
            ring = sorted(limited - {*order})
            problems.add(
                f"the processes {', '.join(ring)} ask each other in a ring, and a capacity limits them: who "
                "is short cannot be told; take the capacity out of the ring",
                system.place("processes", ring[0]),
            )
            return order
        order += ready
    return order


def _refuse_idle(system: System, limited: set[str], problems: Problems) -> None:
    """A field about shortage does nothing where nothing can be short."""
    for name, process in system.processes.items():
        if not isinstance(process, Stock | Sink) or name in limited:
            continue
        for key in ("limiting", "response"):
            if getattr(process, key, None) is not None:
                problems.add(
                    f"process {name!r}: {key!r} is for a process that can be short, but no trade or source "
                    "that supplies it has a 'capacity' or 'limit'; give one, or take it out",
                    system.place("processes", name, key),
                )


def _check_demand(step: StockStep | SinkStep, system: System, problems: Problems) -> None:
    if isinstance(step, SinkStep):
        return
    if step.by_stock:
        problems.add(
            f"process {step.name!r} is driven by its stock and supplied by what has a capacity: a stock that "
            "must be reached leaves nothing unmet; drive it by its inflow, or take the capacity out",
            system.place("processes", step.name, "stock"),
        )
    if step.offers and limiting_material(step):
        problems.add(
            f"process {step.name!r}: with 'limiting: material' units are incomplete, so those that leave it, "
            "which another stock reuses, cannot be counted; write 'limiting: product'",
            system.place("processes", step.name, "limiting"),
        )


def limiting_material(step: StockStep | SinkStep) -> bool:
    """Say whether each material of a demand is short for itself."""
    return getattr(step.process, "limiting", None) == "material"

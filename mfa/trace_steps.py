"""How each rule makes a number: the terms of its equation in one cell, with the numbers put in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from mfa.process_steps import MakeStep, MarketStep, SinkStep, SourceStep, SplitStep, UserStep
from mfa.steps import Step
from mfa.stock_step import StockStep
from mfa.trace_nodes import Cell, Made, Part, number, spot
from mfa.trace_numbers import Numbers, gathered, scaled
from mfa.trace_origins import Origin
from mfa.trace_stocks import inflow_made, outflow_made, stock_made
from mfa.trade_steps import TradeStep


def made(run: Numbers, name: str, cell: Cell, year: int) -> Made:
    """Return how a flow or stock is made in one cell, or what a part of it is the sum of."""
    free = [d for d in run.dims(name) if d not in cell]
    if free:
        return _summed(run, name, free, cell, year)
    if name in run.plan.flows:
        step = run.steps[run.plan.flows[name].computed_by]
        return _RULES[type(step)](run, step, name, cell, year)
    step = run.steps[run.plan.stocks[name]]
    if isinstance(step, StockStep):
        return stock_made(run, step, cell, year)
    return _filled(run, step, cell, year)


def _summed(run: Numbers, name: str, free: Sequence[str], cell: Cell, year: int) -> Made:
    labels = run.plan.system.dimensions
    own = run.dims(name)
    array = run.at(run.values[name], own, {d: cell[d] for d in own if d in cell})
    found = array[..., year - run.first]
    parts = []
    for index in np.ndindex(found.shape):
        more = {d: labels[d][i] for d, i in zip(free, index, strict=True)}
        whole = {**{d: cell[d] for d in own if d in cell}, **more}
        parts.append(Part(", ".join(more.values()), float(found[index]), spot(name, whole, year)))
    unit = "t/yr" if name in run.plan.flows else "t"
    equation = f"sum over {', '.join(free)} ({found.size} cells)"
    return Made(float(found.sum()), unit, equation, tuple(parts))


def _given(run: Numbers, step: SourceStep, name: str, cell: Cell, year: int) -> Made:
    return Made(
        run.value(name, cell, year),
        "t/yr",
        f"{step.gives} = {number(run.product(step.gives, cell, year))}",
        origins=tuple(run.origins(step.gives, cell, year)),
    )


def _taken(run: Numbers, step: SinkStep, name: str, cell: Cell, year: int) -> Made:
    text = str(step.takes)
    return Made(
        run.value(name, cell, year), "t/yr", text, origins=tuple(run.origins(text, cell, year))
    )


def _filled(run: Numbers, step: Step, cell: Cell, year: int) -> Made:
    """A sink holds what has arrived in all years."""
    assert isinstance(step, SinkStep)
    parts = []
    for then in range(run.first, year + 1):
        ports = list(gathered(run, step.arrivals, cell, then)) if step.arrivals.flows else []
        ports += [(flow, dict(cell), run.value(flow, cell, then)) for flow in step.writes]
        parts += [
            Part(f"{flow} of {then}", amount, spot(flow, own, then)) for flow, own, amount in ports
        ]
    return Made(
        run.value(str(step.stock), cell, year),
        "t",
        f"all that arrived since {run.first}",
        tuple(parts),
    )


def _input(run: Numbers, step: MakeStep, name: str, cell: Cell, year: int) -> Made:
    arrays, now = run.bound[step.name].arrays, year - run.first
    factor, text = 1.0, "asks"
    origins: list[Origin] = []

    def at(key: str) -> float:
        found = run.at(arrays[key], step.dims, cell)
        return float(found[0 if found.shape[-1] == 1 else now])

    if step.yield_:
        efficiency = at("yield")
        factor, text = factor / efficiency, f"{text} / {step.yield_} ({number(efficiency)})"
        origins += run.origins(step.yield_, cell, year)
    if name in step.losses:
        text, factor = f"{text} − asks", factor - 1.0
    else:
        source = next(s for s, flow in step.inputs.items() if flow == name)
        own = step.recipe[source]
        others = [s for s in step.recipe if s != source and step.recipe[s] != "rest"]
        share = at(source) if own != "rest" else 1.0 - sum(at(s) for s in others)
        if len(step.recipe) > 1:
            text = f"{own if own != 'rest' else 'the rest'} ({number(share)}) · {text}"
            factor *= share
            for each in [own] if own != "rest" else [step.recipe[s] for s in others]:
                origins += run.origins(each, cell, year)
    parts, total = scaled(run, step.asks, cell, year, factor)
    text = f"{text}, asks = {number(total)}"
    return Made(run.value(name, cell, year), "t/yr", text, tuple(parts), tuple(origins))


def _split(run: Numbers, step: SplitStep, name: str, cell: Cell, year: int) -> Made:
    arrays, now = run.bound[step.name].arrays, year - run.first
    target = run.plan.flows[name].target
    origins: list[Origin] = []

    def at(key: str) -> float:
        found = run.at(arrays[key], step.dims, cell)
        return float(found[0 if found.shape[-1] == 1 else now])

    others = [t for t, text in step.shares.items() if t != target and text != "rest"]
    own = step.shares[target]
    share = at(target) if own != "rest" else 1.0 - sum(at(t) for t in others)
    for text in [own] if own != "rest" else [step.shares[t] for t in others]:
        origins += run.origins(text, cell, year)
    parts, total = scaled(run, step.arrivals, cell, year, share)
    said = own if own != "rest" else " − ".join(["1", *(step.shares[t] for t in others)])
    text = f"{said} ({number(share)}) · arrivals, arrivals = {number(total)}"
    return Made(run.value(name, cell, year), "t/yr", text, tuple(parts), tuple(origins))


def _market(run: Numbers, step: MarketStep, name: str, cell: Cell, year: int) -> Made:
    sign = 1.0 if name == step.last else -1.0
    asks, wanted = scaled(run, step.asks, cell, year, sign)
    arrivals: list[Part] = []
    there = 0.0
    if step.arrivals.flows:
        arrivals, there = scaled(run, step.arrivals, cell, year, -sign)
    told = f"asks {number(wanted)}", f"arrivals {number(there)}"
    text = f"max(0, {' − '.join(told if sign > 0 else told[::-1])})"
    return Made(run.value(name, cell, year), "t/yr", text, (*asks, *arrivals))


def _trade(run: Numbers, step: TradeStep, name: str, cell: Cell, year: int) -> Made:
    shares, now = run.bound[step.name].arrays["shares"], year - run.first
    labels = run.plan.system.dimensions
    parts: list[tuple[Part, dict[str, str]]] = []
    for chosen in product(*(labels[d] for d in step.later)):
        whole = {**cell, **dict(zip(step.later, chosen, strict=True))}
        found = run.at(shares, step.all_dims, whole)
        share = float(found[0 if found.shape[-1] == 1 else now])
        for flow, own, amount in gathered(run, step.gathered, whole, year):
            text = f"{', '.join([*chosen, flow])}: {number(share)} of {number(amount)}"
            parts.append((Part(text, share * amount, spot(flow, own, year)), whole))
    largest = max(parts, key=lambda one: abs(one[0].amount), default=None)
    origins = tuple(run.origins(step.shares, largest[1], year)) if largest else ()
    over = f"sum over {', '.join(step.later)} of " if step.later else ""
    text = f"{over}{step.shares} · {step.what[0]}"
    return Made(
        run.value(name, cell, year), "t/yr", text, tuple(part for part, _ in parts), origins
    )


def _user(run: Numbers, step: UserStep, name: str, cell: Cell, year: int) -> Made:
    parts, _ = scaled(run, step.gathered, cell, year, 1.0)
    origins = [o for text in step.fields.values() for o in run.origins(text, cell, year)]
    text = f"rule {step.rule.name} of what is below: {step.rule.equation}"
    value = run.value(name, cell, year)
    return Made(value, "t/yr", text, tuple(parts), tuple(origins), adds_up=False)


def _stock(run: Numbers, step: StockStep, name: str, cell: Cell, year: int) -> Made:
    if name == step.inflow:
        return inflow_made(run, step, cell, year)
    return outflow_made(run, step, cell, year)


_RULES: dict[type[Step], Callable[..., Made]] = {
    SourceStep: _given,
    SinkStep: _taken,
    MakeStep: _input,
    SplitStep: _split,
    MarketStep: _market,
    TradeStep: _trade,
    UserStep: _user,
    StockStep: _stock,
}

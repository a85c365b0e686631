"""Execution of a plan for many samples: only what is asked for, summed as early as it can be.

A flow is asked for with the dimensions that are kept.  Every linear step hands
the question on to what it reads, with the dimensions of its own shares added,
so that nothing gets a dimension that is summed away later: a trade whose origins
are not told apart is skipped, because its shares sum to 1.  What does not
differ between samples is computed once.  Loops, user rules and stocks that
are driven by themselves run as in :mod:`mfa.execution`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableMapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from mfa.balances import Residual
from mfa.buffer_step import BufferStep
from mfa.contractions import Array, merged
from mfa.execution import run_part
from mfa.lean_shares import gather_of, is_driven, is_lean, share_of
from mfa.lean_stocks import Cohorts, follow, is_fixed
from mfa.plans import Plan
from mfa.process_steps import MarketStep, SinkStep, SourceStep
from mfa.products import Product, dense, joined, nothing
from mfa.reuse import Reuse, share_left
from mfa.schema import Buffer, Sink, Source, Stock
from mfa.steps import Bound, Dims, Gather, Step, must_not_be_negative, spread
from mfa.stock_step import StockStep
from mfa.system import factors
from mfa.trade_steps import TradeStep

MOST = 4
"""Times the cells of a sum that its products have together from which on they are multiplied out."""

Kept = frozenset[str]


class Lean:
    """Flows and stocks of some samples, computed where they are asked for.

    Parameters
    ----------
    plan : Plan
        Of a system whose first dimension is ``sample``, with two labels or more.
    parameter : function of an expression and dims
        Gives a product of parameters, (*dims, year), with axes of length 1 where it is constant.
    years : range
    uncertain : set of str
        Parameters that differ between samples.
    fixed : dict
        What does not differ between samples; filled here, for the samples that come next.
    """

    def __init__(
        self,
        plan: Plan,
        parameter: Callable[[str, Dims], Array],
        years: range,
        uncertain: Collection[str],
        fixed: MutableMapping[Any, Any],
    ):
        self.plan, self.years, self.uncertain = plan, years, frozenset(uncertain)
        self.axes = plan.system.axes
        self.sizes = (*(len(plan.system.dimensions[d]) for d in self.axes), len(years))
        self._aligned, self.fixed, self.own = parameter, fixed, dict[Any, Any]()
        self.steps = {
            name: step for step in plan.steps for name in (*step.writes, step.stock or "")
        }
        self.part = {step.name: part for part in plan.parts for step in part.steps}
        self.bound = {step.name: self._bound(step) for step in plan.steps if not is_driven(step)}

    # ------------------------------------------------------------- what is asked for

    def values(self, name: str, summed: Dims) -> Array:
        """Return a flow or stock, (sample, *dims, year), summed over some of its dims."""
        dims = self.dims(name)
        kept = frozenset(d for d in dims if d not in summed)
        found = self._dense(self.products(name, kept), kept)
        shape = [self.sizes[self.axes.index(d)] for d in dims if d in kept]
        lanes = (self.sizes[0], *found.shape[1:])
        return np.broadcast_to(found, lanes).reshape(*shape, self.sizes[-1])

    def products(self, name: str, kept: Kept) -> list[Product]:
        """Return a flow or stock as products, summed over the dimensions that are not kept."""
        kept = (kept & frozenset(self.dims(name))) - {"sample"}
        found: list[Product] = self._once(("of", name, kept), lambda: self._coarser(name, kept))
        return found

    def _coarser(self, name: str, kept: Kept) -> list[Product]:
        """Sum what these samples have been asked for with more dimensions, or begin."""
        least = self._finer("of", name, kept)
        if least is None:
            return self._products(name, kept)
        return self._summed(self.own["of", name, least], tuple(sorted(least)), kept)

    def _finer(self, what: str, name: str, kept: Kept) -> Kept | None:
        """Return the fewest dimensions, these or more, with which something is known."""
        finer = [key[2] for key in self.own if key[:2] == (what, name) and key[2] >= kept]
        return min(finer, key=lambda d: (prod(self._lead(d)), sorted(d))) if finer else None

    def _products(self, name: str, kept: Kept) -> list[Product]:
        step = self.steps[name]
        if isinstance(step, BufferStep) and (none := self._aimed_at_nothing(step)):
            return [none]
        if self.part[step.name].kind != "all years" or not is_lean(step):
            return self._summed([self._whole(step, name)], self.dims(name), kept)
        match step:
            case SourceStep():
                return self._told(step, "gives", step.gives, kept)
            case SinkStep() if name == step.stock:
                return [self._piled(step, kept)]
            case SinkStep():
                return self._told(step, "takes", str(step.takes), kept)
            case MarketStep():
                return self._summed([self._met(step)[name]], step.dims, kept)
            case TradeStep() if not kept & {*step.places}:
                return self._gathered(step.gathered, kept)
            case StockStep():
                return self._held(step, name, kept)
        gather = gather_of(step)
        return self._scaled(gather, self._share(step, name), kept)

    def balance(self) -> Residual:
        """Return what has entered and left the system as a whole, and all that is in it."""
        system, conserved = self.plan.system, self.plan.system.conserves
        kinds = {name: type(process) for name, process in system.processes.items()}
        into = [f for f, flow in self.plan.flows.items() if kinds[flow.source] is Source]
        out = [f for f, flow in self.plan.flows.items() if kinds[flow.target] is Sink]
        stocks = [n for n, process in self.plan.stocks.items() if kinds[process] in (Stock, Buffer)]
        told = [*into, *out, *stocks]
        shared = conserved and all(conserved in self.dims(name) for name in told)
        dims: Dims = ("sample", conserved) if conserved and shared else ("sample",)
        kept = frozenset(dims)
        zero = np.zeros((*(1,) * len(self.axes), self.sizes[-1]))
        totals = [
            sum((self._dense(self.products(name, kept), kept) for name in names), start=zero)
            for names in (into, out, stocks)
        ]
        return Residual("the whole system", dims, *self._bare(dims, *totals))

    # ------------------------------------------------------------- steps

    def _gathered(self, gather: Gather, kept: Kept) -> list[Product]:
        """Return the sum of flows at a process, each placed where it belongs."""
        found = []
        for flow, dims, placed, _ in gather.ports:
            at = {self.axes.index(d): label for d, label in placed if d in kept}
            read = {d: gather.read_as.get(d, d) for d in dims if d not in gather.summed}
            own = self.products(flow, frozenset(d for d, here in read.items() if here in kept))
            moved = {
                self.axes.index(d): self.axes.index(here) for d, here in read.items() if d != here
            }
            found += [product.moved(moved).placed(at) for product in own]
        found = joined(found)
        if len(found) > 1:
            cells = prod(self._lead(kept - {"sample"}))
            apart = sum(prod(product.shape[1:-1]) for product in found)
            if apart >= MOST * cells:
                return [Product((self._dense(found, kept),))]
        return found

    def _scaled(self, gather: Gather, share: Array, kept: Kept) -> list[Product]:
        """Return Σ share · what is gathered, over what the share has and is not kept."""
        needed = kept | {d for axis, d in enumerate(self.axes) if share.shape[axis] > 1}
        found = self._gathered(gather, needed & frozenset(gather.dims))
        return self._summed([product.scaled(share) for product in found], tuple(needed), kept)

    def _share(self, step: Step, name: str) -> Array:
        """Return what a linear step multiplies its asks or arrivals with to make a flow."""
        share: Array = self._once(("share", name), lambda: self._computed_share(step, name))
        return share

    def _computed_share(self, step: Step, name: str) -> Array:
        return share_of(step, name, self.bound[step.name].arrays, self.axes)

    def _told(self, step: Step, key: str, expression: str, kept: Kept) -> list[Product]:
        """Return the product of parameters that drives a flow."""
        own = Product(merged(self._driving(step, key, expression, step.dims)))
        return self._summed([own], step.dims, kept)

    def _driving(self, step: Step, key: str, expression: str, dims: Dims) -> tuple[Array, ...]:
        """Return the parameters of a product that must not be negative."""
        found = tuple(self._parameter(name, self.axes) for name in factors(expression))
        if any(one.min(initial=0.0) < 0 for one in found):
            whole = self._parameter(expression, dims)
            must_not_be_negative(step, key, expression, whole, dims, self.years)
        return found

    def _piled(self, step: SinkStep, kept: Kept) -> Product:
        """Return what has arrived at a sink so far."""
        found = self._gathered(step.arrivals, kept) if step.arrivals.flows else []
        if step.takes:
            found = [*found, *self._told(step, "takes", step.takes, kept)]
        return Product((np.cumsum(self._dense(found, kept), axis=-1),))

    def _aimed_at_nothing(self, step: BufferStep) -> Product | None:
        """Return the nothing that a stockpile holds which is to hold none: its asks do not matter."""
        told = factors(str(step.told.target or step.told.target_days))
        for own in (self._parameter(name, step.dims) for name in told):
            if not own.any():
                return nothing(len(own), len(self.sizes))
        return None

    def _met(self, step: MarketStep) -> dict[str, Product]:
        """Return what the last supplier is asked for, and the surplus."""

        def outcome() -> dict[str, Product]:
            whole = frozenset(step.dims)
            asks = self._dense(self._gathered(step.asks, whole), whole)
            arrivals = None
            if step.arrivals.flows:
                arrivals = self._dense(self._gathered(step.arrivals, whole), whole)
            asked, arrived = self._bare(step.dims, asks, arrivals)
            met = step.met(asked, arrived, self.years)
            return {flow: Product((spread(a, step.dims, self.axes),)) for flow, a in met.items()}

        found: dict[str, Product] = self._once(("met", step.name), outcome)
        return found

    def _held(self, step: StockStep, name: str, kept: Kept) -> list[Product]:
        """Return a stock, or what enters or leaves it."""
        if step.memory:
            early = frozenset(d for d in step.dims if d in kept or d in step.lifetime_dims)
            finer = self._finer("arrived", step.name, early) or early
            whole = self._once(("arrived", step.name, finer), lambda: self._arrived(step, finer))
            return self._summed(whole.of(name, step), tuple(finer), kept)
        cohorts: Cohorts = self._once(("cohorts", step.name), lambda: self._cohorts(step))
        return self._summed(cohorts.of(name, step), step.inner, kept)

    def _arrived(self, step: StockStep, kept: Kept) -> Cohorts:
        """Return stock and outflow of what arrives."""
        found = [
            follow(step, product, self._parameter, self.axes, self.years)
            for product in self._gathered(step.arrivals, kept)
        ]
        stock = [product for own in found for product in own.stock]
        return Cohorts([], joined(stock), joined([p for own in found for p in own.leaving]))

    def _cohorts(self, step: StockStep) -> Cohorts:
        """Return the cohorts of a stock that an inflow drives."""
        assert step.driver
        driving = self._driving(step, "inflow", step.driver, step.driver_dims)
        if step.reuse:
            driving += (self._left(step.reuse, driving, step.driver_dims),)
        content: tuple[Array, ...] = ()
        if step.content:
            content = self._driving(step, "content", step.content, step.inner)

        def followed(*factors: Array) -> Cohorts:
            return follow(step, Product(factors), self._parameter, self.axes, self.years)

        if not step.offers:
            return followed(*driving, *content)
        if all(one.shape[-1] == 1 for one in content):
            return followed(*driving).holding(content)
        return replace(followed(*driving, *content), units=followed(*driving).leaving)

    def _left(self, reuse: Reuse, driving: tuple[Array, ...], dims: Dims) -> Array:
        """Return the share of what is demanded that new units have to meet, on all axes."""
        kept = frozenset(reuse.dims)
        usable = reuse.usable_share(self._parameter, self.years)
        usable = spread(usable, reuse.unit_dims, self.axes)
        serving = [units.times(usable) for units in self._units(reuse.source)]
        demanded = [Product(merged(driving))]
        return share_left(
            self._dense(self._summed(demanded, dims, kept), kept),
            self._dense(self._summed(serving, reuse.unit_dims, kept), kept),
        )

    def _units(self, process: str) -> list[Product]:
        """Return the units of its driver that leave a stock."""
        step = next(step for step in self.plan.steps if step.name == process)
        assert isinstance(step, StockStep)
        if self.part[process].kind == "all years" and is_lean(step):
            cohorts: Cohorts = self._once(("cohorts", process), lambda: self._cohorts(step))
            return cohorts.units
        return [Product((spread(self._part(step)[step.offers[0]], step.unit_dims, self.axes),))]

    def _whole(self, step: Step, name: str) -> Product:
        """Return what a part of the plan computes with all its dimensions at once."""
        found = self._part(step)[name]
        return Product((spread(found, self.dims(name), self.axes),))

    def _part(self, step: Step) -> dict[str, Array]:
        """Return all that the part of a step computes, and what it offers to others."""
        part = self.part[step.name]

        def outcome() -> dict[str, Array]:
            own = {flow for each in part.steps for flow in each.writes}
            read = {flow for each in part.steps for flow in each.reads} - own
            values = {flow: self.values(flow, ()) for flow in sorted(read)}
            for each in part.steps:
                for needed in each.needs:
                    other = next(s for s in self.plan.steps if needed in s.offers)
                    if other not in part.steps:
                        values[needed] = self._part(other)[needed]
            bound = {
                each.name: self.bound.get(each.name) or self._bound(each) for each in part.steps
            }
            return run_part(part, self.plan, values, bound, len(self.years))

        found: dict[str, Array] = self._once(("part", part.steps[0].name), outcome)
        return found

    # ------------------------------------------------------------- dimensions and memory

    def dims(self, name: str) -> Dims:
        return self.plan.dims[name] if name in self.plan.flows else self.steps[name].stock_dims

    def _summed(self, products: list[Product], dims: Dims, kept: Kept) -> list[Product]:
        axes = [self.axes.index(d) for d in dims if d not in kept and d != "sample"]
        return joined([p.summed(axes, self.sizes) for p in products] if axes else products)

    def _lead(self, kept: Kept) -> list[int]:
        return [size if d in kept else 1 for d, size in zip(self.axes, self.sizes, strict=False)]

    def _dense(self, products: list[Product], kept: Kept) -> Array:
        """Return products as one array on all axes, with all samples if it differs between them."""
        lead = self._lead(kept)
        lead[0] = max((product.shape[0] for product in products), default=1)
        return dense(products, (*lead, self.sizes[-1]))

    def _bare(self, dims: Dims, *arrays: Array | None) -> tuple[Any, ...]:
        """Return arrays without the axes that a step has not."""
        away = tuple(axis for axis, d in enumerate(self.axes) if d not in dims)
        return tuple(None if array is None else array.squeeze(away) for array in arrays)

    def _parameter(self, expression: str, dims: Dims) -> Array:
        """Return a product of parameters; what was only spread over samples is taken once."""
        array = self._aligned(expression, dims)
        if not {*factors(expression)} & self.uncertain and "sample" in dims:
            return array[:1]
        return array

    def _bound(self, step: Step) -> Bound:
        bound: Bound = self._once(
            ("bound", step.name), lambda: step.bind(self._aligned, self.years)
        )
        return bound

    def _once(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what was computed before, for these samples or for all."""
        for memory in (self.own, self.fixed):
            if key in memory:
                return memory[key]
        found = compute()
        (self.fixed if is_fixed(found) else self.own)[key] = found
        return found

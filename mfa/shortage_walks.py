"""Asks walk up to the capacities, what these let through walks down: one round of :mod:`mfa.shortages`.

Up go four arrays for each flow that is asked for: what would be asked if all
demand were met (*full*), if only other materials limited it (*lim*), what is
asked at the levels found so far (*now*), and by how much that grows with the
level (*slope*).  A level is the share of what is asked that a place lets
through; customers of one place have the same level, unless something else
limits them first.  Where a customer is limited elsewhere, the others share what
it leaves.  So levels are found by Newton's method, asks being concave and
piecewise linear in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfa.buffer_step import BufferStep
from mfa.capacities import Place
from mfa.plans import Plan
from mfa.process_steps import MakeStep, MarketStep
from mfa.shortage_demands import Demand
from mfa.shortage_levels import DUST, newton, pooled, spared
from mfa.shortage_pace import Pace
from mfa.steps import Array, Bound, Dims, Gather, Step, spread
from mfa.trade_steps import TradeStep

KINDS = ("full", "lim", "now", "slope")
JUST = 1 + 1e-13

Flows = dict[str, Array]


class Walks:
    """Rounds of asks and deliveries; remembers the levels found so far."""

    def __init__(
        self,
        plan: Plan,
        bound: Mapping[str, Bound],
        most: Mapping[str, list[Array]],
        demands: tuple[Demand, ...],
        years: range,
    ):
        assert plan.scarcity is not None
        self.plan, self.bound, self.most, self.demands = plan, bound, most, demands
        self.limits, self.count = plan.scarcity, len(years)
        self.pace = Pace()
        filled = [one for one in self.limits.buffers if one.is_filled(bound[one.name])]
        self.buffers = tuple(filled)
        self.kinds = (*KINDS, "fill") if filled else KINDS
        self.levels: Flows = {}  # by flow
        self.own: Flows = {}  # of places, over the cells that share
        self.shares: Flows = {}  # of trades whose origins change
        self.markets: dict[str, tuple[Array, ...]] = {}
        self.reached: Flows = {}  # of markets
        self.wished: Flows = {}  # what stockpiles wish to take
        for buffer in self.buffers:
            self.wished[buffer.name] = np.zeros(self._shape(buffer.dims))

    def once(self, flows: Mapping[str, Array]) -> tuple[dict[str, Bound], float]:
        """Return the parameters that change, and by how much a share of demand that is met did."""
        self.pace.rounds += 1
        self._up(flows)
        moved, changed = self._down(flows)
        for name, shares in self.shares.items():
            if shares is not self.bound[name].arrays["shares"]:
                changed[name] = Bound({"shares": shares}, self.bound[name].years)
        for demand in self.demands:
            if (demand.met < 1.0).any():
                changed[demand.step.name] = demand.delivered()
        return changed, moved

    # ------------------------------------------------------------- up

    def _up(self, flows: Mapping[str, Array]) -> None:
        asks: dict[str, Flows] = {kind: {} for kind in self.kinds}
        for demand in self.demands:
            mass = demand.mass(flows)
            full = demand.to_flow(mass)
            level = self.levels.get(demand.flow, np.ones((1,) * (len(demand.dims) + 1)))
            _, others = demand.limits(level)
            alone = others.size == 1  # no other material limits it
            asks["full"][demand.flow] = full
            asks["lim"][demand.flow] = full if alone else demand.to_flow(mass * others)
            asks["now"][demand.flow] = demand.to_flow(mass * np.minimum(demand.level, others))
            asks["slope"][demand.flow] = demand.to_flow(mass * (demand.level <= others * JUST))
            if self.buffers:
                asks["fill"][demand.flow] = np.zeros(1)
        for buffer in self.limits.buffers:
            for kind in self.kinds:
                asks[kind][buffer.inflow] = np.zeros(1)
        for buffer in self.buffers:
            asks["fill"][buffer.inflow] = self.wished[buffer.name]
        for name in self.limits.between:
            step, gather = self.limits.steps.get(name), self.limits.asks[name]
            found = {kind: self._gathered(gather, asks[kind]) for kind in self.kinds}
            if isinstance(step, MarketStep):
                self._through_market(step, found, asks, flows)
            elif isinstance(step, TradeStep):
                self._through_trade(step, found, asks, flows)
            elif step is None:
                self._at_place(self.limits.places[name], found, flows)
            else:
                for kind in self.kinds:
                    whole = self._whole(gather, asks[kind])
                    made = step.evaluate({**flows, **whole}, self.bound[name])
                    asks[kind].update({f: a for f, a in made.items() if f in self.plan.flows})

    def _gathered(self, gather: Gather, asks: Flows) -> Array:
        return gather(self._whole(gather, asks))

    def _whole(self, gather: Gather, asks: Flows) -> Flows:
        shapes = {flow: self._shape(self.plan.dims[flow]) for flow in gather.flows}
        return {
            flow: asks[flow] if asks[flow].shape == shape else np.broadcast_to(asks[flow], shape)
            for flow, shape in shapes.items()
        }

    def _through_market(
        self,
        step: MarketStep,
        found: Flows,
        asks: dict[str, Flows],
        flows: Mapping[str, Array],
    ) -> None:
        arrived = np.zeros(self._shape(step.dims))
        if step.arrivals.flows:
            arrived = step.arrivals(flows) + arrived
            for buffer in self._stockpiles(step):
                arrived = arrived - flows[buffer.outflow]
        full, lim = (np.maximum(found[k] - arrived, 0.0) for k in ("full", "lim"))
        level = self.levels.get(step.last, np.ones(1))
        asks["full"][step.last], asks["lim"][step.last] = full, lim
        asks["now"][step.last] = np.minimum(level * full, lim)
        asks["slope"][step.last] = full * (level * full <= lim * JUST)
        if self.buffers:
            asks["fill"][step.last] = found["fill"]
        self.markets[step.name] = (
            found["full"], found["lim"], found["now"], found["slope"], arrived, full, lim,
        )  # fmt: skip

    def _through_trade(
        self, step: TradeStep, found: Flows, asks: dict[str, Flows], flows: Mapping[str, Array]
    ) -> None:
        told = self.bound[step.name].arrays["shares"]
        shares = self.shares.get(step.name, told)
        mass = {k: spread(found[k], step.gathered_dims, step.all_dims) for k in self.kinds}
        place = self.limits.places.get(step.name)
        if place is not None:
            parts = {k: mass[k] * told for k in self.kinds}
            # what is asked of each origin now; where they reroute, all of them are one pool
            parts["now"] = mass["now"] * (told if place.rerouted else shares)
            self._at_place(place, parts, flows)
            if place.rerouted:
                shares = self._rerouted(place, parts, told, flows)
                self.shares[step.name] = shares
        axes = tuple(step.all_dims.index(d) for d in step.later)
        for kind in self.kinds:
            moving = shares if kind in ("now", "fill") or (place and place.rerouted) else told
            part = mass[kind] * moving
            part = part.sum(axis=axes, keepdims=True) if axes else part
            asks[kind][step.writes[0]] = part.reshape(
                *(step.signature.size(d) for d in step.dims), -1
            )

    def _at_place(self, place: Place, asked: Flows, flows: Mapping[str, Array]) -> None:
        """Move the level of a place towards where asks meet its capacity; see what is left to fill with."""
        capacity = place.capacity(self.most[place.name], flows, self.plan.dims)
        cells = {k: self._cells(place, asked[k], place.pool) for k in self.kinds}
        if place.rerouted:
            by_origin = self._cells(place, asked["now"] + asked.get("fill", 0.0), place.cells)
            capacity = pooled(capacity, by_origin, place.axes)
        own = self.own.get(place.name, np.ones(1))
        if place.step is not None and (above := self.levels.get(place.step.writes[0])) is not None:
            # less of what it asks itself comes through than its own level: it does not bind yet
            above = spread(above, place.step.dims, place.dims)
            away = tuple(i for i, d in enumerate(place.dims) if d not in place.pool)
            above = above.max(axis=away, keepdims=True) if away else above
            own = np.where(cells["now"] > capacity, np.minimum(own, above), own)
        found = newton(own, cells["full"], cells["now"], cells["slope"], capacity)
        level = self.pace.of_place(own, found)
        self.own[place.name] = level
        fill = cells.get("fill", np.zeros(1))
        with np.errstate(divide="ignore", invalid="ignore"):
            room = (capacity - cells["now"]) / fill
        room = np.where((fill > 0) & np.isfinite(capacity), np.clip(room, 0.0, 1.0), 1.0)
        self.own["fill " + place.name] = np.where(level < 1.0, 0.0, room)

    def _cells(self, place: Place, array: Array, kept: Dims) -> Array:
        """Return the sum of asks over the dimensions that are not kept, of length one there."""
        whole = np.broadcast_to(array, self._shape(place.dims))
        axes = tuple(i for i, d in enumerate(place.dims) if d not in kept)
        return np.asarray(whole.sum(axis=axes, keepdims=True)) if axes else whole

    def _rerouted(
        self, place: Place, asked: Flows, told: Array, flows: Mapping[str, Array]
    ) -> Array:
        """Return the shares of origins once what exceeds a capacity has gone to spare ones."""
        capacity = place.capacity(self.most[place.name], flows, self.plan.dims)
        room = self.own["fill " + place.name]
        wanted = asked["now"] + asked.get("fill", 0.0) * room
        asked_of = self._cells(place, wanted, place.cells)
        whole = pooled(capacity, asked_of, place.axes)
        total = asked_of.sum(axis=place.axes, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            fits = np.where(total > whole, whole / total, 1.0)
            kept = np.where(asked_of * fits > capacity, capacity / (asked_of * fits), 1.0)
        if (kept >= 1.0).all():
            return told
        spare = spared(capacity, asked_of * fits, place.axes)
        mass = np.broadcast_to(wanted * fits, self._shape(place.dims))
        assert place.step is not None
        origins = tuple(place.dims.index(d) for d in place.step.places)
        moved = (mass * (1.0 - kept)).sum(axis=place.axes, keepdims=True)
        rest = moved * spare
        now = mass * kept + rest
        sums = now.sum(axis=origins, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            changed = np.where(sums > 0, now / sums, told)
        untouched = np.broadcast_to(
            (kept >= 1.0).all(axis=place.axes, keepdims=True), changed.shape
        )
        return np.where(untouched, told, changed)

    # ------------------------------------------------------------- down

    def _down(self, flows: Mapping[str, Array]) -> tuple[float, dict[str, Bound]]:
        changed: dict[str, Bound] = {}
        fills: Flows = {}
        for name in reversed(self.limits.between):
            step, gather = self.limits.steps.get(name), self.limits.asks[name]
            level, fill = self._level(name, step, fills)
            if isinstance(step, MarketStep):
                level = self._of_market(step, level)
            for flow in gather.flows:
                self.levels[flow] = self._read(gather, level, flow)
                fills[flow] = self._read(gather, fill, flow)
        moved = 0.0
        for buffer in self.buffers:
            found = self.markets.get(buffer.market)
            asks = buffer.asks(flows) if found is None else found[0]
            gap = self.own.get("gap " + buffer.name, np.zeros(1))
            allowed = self.own["allowed " + buffer.name] = fills.get(buffer.inflow, np.ones(1))
            own = self.bound[buffer.name]
            into, out, self.wished[buffer.name] = buffer.fill(asks, own, allowed, gap)
            changed[buffer.name] = Bound({**own.arrays, "into": into, "out": out}, own.years)
            size = max(float(asks.max(initial=0.0)), 1e-300)
            for now, flow in ((into, buffer.inflow), (out, buffer.outflow)):
                moved = max(moved, float(np.abs(now - flows[flow]).max(initial=0.0)) / size)
        for demand in self.demands:
            met, _ = demand.limits(self.levels[demand.flow])
            moved = max(moved, float(np.abs(met - demand.met).max(initial=0.0)))
            demand.met = met
        return moved, changed

    def _level(self, name: str, step: Step | None, fills: Flows) -> tuple[Array, Array]:
        """Return the level of a process, over what it is asked for, and that of stockpiles."""
        place = self.limits.places.get(name)
        if step is None:
            assert place is not None
            return self.own[name], self.own["fill " + name]
        if isinstance(step, MarketStep):
            return self.levels.get(step.last, np.ones(1)), fills.get(step.last, np.ones(1))
        if isinstance(step, TradeStep):
            return self._of_trade(step, place, fills)
        level: Any = np.ones((1,) * (len(step.dims) + 1))
        fill: Any = level
        shares = self.bound[name].arrays
        own = {flow: flow for flow in step.writes}
        for source, flow in (step.inputs if isinstance(step, MakeStep) else own).items():
            if flow not in self.levels:
                continue
            share = shares.get(source, np.ones(1))
            if isinstance(step, MakeStep) and step.recipe.get(source) == "rest":
                others = [shares[k] for k, text in step.recipe.items() if text != "rest"]
                share = 1.0 - sum(others, np.zeros(1))
            level = np.minimum(level, np.where(share > DUST, self.levels[flow], 1.0))
            fill = np.minimum(fill, np.where(share > DUST, fills[flow], 1.0))
        return level, fill

    def _of_trade(self, step: TradeStep, place: Place | None, fills: Flows) -> tuple[Array, Array]:
        told = self.bound[step.name].arrays["shares"]
        axes = tuple(step.all_dims.index(d) for d in step.places)
        flow = step.writes[0]

        def up(levels: Flows) -> Array:
            found = levels.get(flow, np.ones((1,) * (len(step.dims) + 1)))
            return spread(found, step.dims, step.all_dims)

        by_origin, fill = up(self.levels), up(fills)
        if place is not None and not place.rerouted:
            by_origin = np.minimum(by_origin, self.own[step.name])
            fill = np.minimum(fill, self.own["fill " + step.name])
        base = self.shares.get(step.name, told) if place is not None and place.rerouted else told
        level = (base * by_origin).sum(axis=axes, keepdims=True)
        level = np.where((by_origin == 1.0).all(axis=axes, keepdims=True), 1.0, level)
        if not (place is not None and place.rerouted) or (by_origin < 1.0).any():
            with np.errstate(divide="ignore", invalid="ignore"):
                weighed = base * by_origin / level
            whole = np.broadcast_to(by_origin, np.broadcast_shapes(base.shape, by_origin.shape))
            same = (whole == whole.max(axis=axes, keepdims=True)).all(axis=axes, keepdims=True)
            self.shares[step.name] = np.where(same | (level <= 0), base, weighed)
        if place is not None and place.rerouted:
            level = np.minimum(level, self.own[step.name])
            fill = np.minimum(fill, self.own["fill " + step.name])
        lowest = np.where(told > 0, fill, 1.0).min(axis=axes, keepdims=True)
        return level.squeeze(axes), lowest.squeeze(axes)

    def _of_market(self, step: MarketStep, up: Array) -> Array:
        whole, most, now, slope, arrived, full, lim = self.markets[step.name]
        supplied = np.minimum(up * full, lim)
        short = np.maximum(most - arrived - supplied, 0.0)
        short = np.where(short > DUST * whole, short, 0.0)
        released = np.zeros(1)
        for buffer in self._stockpiles(step):
            gap = np.maximum(short - released, 0.0)
            self.own["gap " + buffer.name] = np.where(gap > DUST * whole, gap, 0.0)
            allowed = self.own.get("allowed " + buffer.name, np.ones(1))
            gap = self.own["gap " + buffer.name]
            _, out, _ = buffer.fill(whole, self.bound[buffer.name], allowed, gap)
            released = released + out
        wanted = np.where(short > 0, arrived + supplied + released, np.maximum(most, now))
        own = self.reached.get(step.name, np.ones(1))
        level = self.pace.of_market(step.name, own, newton(own, whole, now, slope, wanted))
        self.reached[step.name] = level
        return level

    # ------------------------------------------------------------- shapes

    def _stockpiles(self, step: MarketStep) -> list[BufferStep]:
        return [one for one in self.buffers if one.market == step.name]

    def _shape(self, dims: Dims) -> tuple[int, ...]:
        size = self.plan.system.dimensions
        return (*(len(size[d]) for d in dims), self.count)

    def _read(self, gather: Gather, level: Array, flow: str) -> Array:
        """Return the level of a process for one of the flows that it is asked for."""
        if level.ndim == 1:
            return level.reshape((1,) * len(self.plan.dims[flow]) + (-1,))
        _, dims, placed, _ = next(port for port in gather.ports if port[0] == flow)
        here = dict(placed)
        index = tuple(
            (here[d] if level.shape[i] > 1 else 0) if d in here else slice(None)
            for i, d in enumerate(gather.dims)
        )
        left = [d for d in gather.dims if d not in here]
        array = level[(*index, ...)]
        read = [None if d in gather.summed else gather.read_as.get(d, d) for d in dims]
        order = [left.index(d) for d in read if d is not None]
        array = array.transpose(*order, array.ndim - 1)
        return array[(*(None if d is None else slice(None) for d in read), ...)]

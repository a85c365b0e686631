"""Capacities compiled: how much of what a source or trade is asked for it can deliver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mfa.errors import MfaError, known
from mfa.schema import Source, Trade
from mfa.steps import Array, Dims, Gather, Signature, Step, at_worst, over_years
from mfa.trade_steps import TradeStep


class Place:
    """A source or trade with a capacity: what it is asked for, and how much of that it can deliver.

    Attributes
    ----------
    dims : tuple of str
        Of the asks by origin that are compared with the capacity.
    cells : tuple of str
        Dimensions of the capacity; over others asks are added up.
    pool : tuple of str
        Dimensions of the cells that share a shortage: without the origins where they reroute.
    """

    def __init__(self, signature: Signature, name: str, asks: Gather, step: TradeStep | None):
        self.signature, self.name, self.asks, self.step = signature, name, asks, step
        process = signature.system.processes[name]
        assert isinstance(process, Source | Trade)
        self.process = process
        self.limits = process.limit if isinstance(process, Trade) else ()
        self.rerouted = isinstance(process, Trade) and process.reroute is not None

    def settle(self, dims: Mapping[str, Dims]) -> None:
        """Find the dimensions of the capacity, now that those of every flow are known."""
        signature = self.signature
        if self.step is None:
            self.dims = shown = self.asks.settle(dims)
            origins: Dims = ()
        else:
            self.dims, origins, shown = self.step.all_dims, self.step.places, self.step.dims
        told = self.process.capacity
        own = {*(signature.parameter_dims(told) if told else ())}
        for number, limit in enumerate(self.limits):
            if limit.flow not in dims:
                self._complain(
                    f"limit: there is no flow {limit.flow!r}. {known(limit.flow, dims, 'flows')}",
                    ("limit", number, "flow"),
                )
            for key, labels in (("at", limit.at), ("of", limit.of)):
                self._check_labels(labels, number, key)
            if open_ := [d for d in limit.of if d in dims[limit.flow] and d not in limit.at]:
                self._complain(
                    f"limit: the host {limit.flow!r} is by {open_[0]} too; say at which label with 'at:'",
                    ("limit", number, "of"),
                )
            if ring := self._ring(number):
                self._complain(
                    "limit: it would limit itself"
                    + (f", by way of entry {ring} of the list" if ring != number + 1 else "")
                    + "; a by-product has another label than its host",
                    ("limit", number, "of"),
                )
            host = {d for d in dims[limit.flow] if d not in limit.at}
            extra = [d for d in signature.parameter_dims(limit.ratio) if d not in host]
            if extra or (strange := [d for d in limit.at if d not in dims[limit.flow]]):
                wrong = extra or strange
                self._complain(
                    f"limit: {limit.ratio if extra else 'at'} has the dimension {wrong[0]!r}, which the host "
                    f"{limit.flow!r} ({', '.join(dims[limit.flow])}) has not at {dict(limit.at)}",
                    ("limit", number, "ratio" if extra else "at"),
                )
            if told and not (host | {*limit.of}) - {"sample"} <= own:
                self._complain(
                    f"limit: it is by ({', '.join(signature.sort(host | {*limit.of}))}), the capacity "
                    f"({told}) by ({', '.join(signature.sort(own))}); give the capacity those dimensions",
                    ("limit", number),
                )
            own |= host | {*limit.of}
        if strange := [d for d in signature.sort(own) if d not in shown]:
            kept = strange[0] in self.dims
            self._complain(
                f"capacity ({told or self.limits[0].flow}) has the dimension {strange[0]!r}, which what it "
                f"is asked for ({', '.join(shown) or 'none'}) does not have"
                + (f"; keep it in the flow: take {strange[0]} out of 'sum:'" if kept else ""),
                ("capacity",) if told else ("limit",),
            )
        self.cells = signature.sort(own | ({"sample"} & {*self.dims}))
        if self.rerouted and not {*origins} & {*self.cells}:
            self._complain(
                f"reroute: its capacity ({', '.join(self.cells) or 'none'}) has no dimension of origins "
                f"({', '.join(origins)}), so there is nowhere to go",
                ("reroute",),
            )
        away = origins if self.rerouted else ()
        self.pool = tuple(d for d in self.cells if d not in away)
        self.axes = tuple(self.dims.index(d) for d in self.cells if d in away)

    def _ring(self, number: int) -> int:
        """Return the number, from 1, of the limit that leads back to the host of this one; 0 if none does."""
        own = [
            n for n, limit in enumerate(self.limits) if self.step and limit.flow in self.step.writes
        ]
        reached, ahead = set[int](), [number] if number in own else []
        while ahead:
            here = ahead.pop()
            if here in reached:
                continue
            reached.add(here)
            of = self.limits[here].of
            if _overlap(of, self.limits[number].at):
                return here + 1
            ahead += [n for n in own if _overlap(of, self.limits[n].at)]
        return 0

    def _complain(self, message: str, path: tuple[Any, ...]) -> None:
        raise MfaError(
            f"process {self.name!r}: {message}",
            self.signature.system.place("processes", self.name, *path),
        )

    def _check_labels(self, labels: Mapping[str, str], number: int, key: str) -> None:
        dimensions = self.signature.system.dimensions
        for dim, label in labels.items():
            if dim not in dimensions:
                hint = known(dim, dimensions, "dimensions")
                self._complain(f"limit: unknown dimension {dim!r}. {hint}", ("limit", number, key))
            if label not in dimensions[dim]:
                hint = known(label, dimensions[dim], "labels")
                self._complain(
                    f"limit: dimension {dim!r} has no label {label!r}. {hint}",
                    ("limit", number, key),
                )

    def bind(self, parameter: Callable[[str, Dims], Array], years: range) -> list[Array]:
        """Return the capacity and the ratio of each limit, aligned; infinite where unlimited."""
        found = []
        texts = [(("capacity",), self.process.capacity, self.dims)]
        for number, limit in enumerate(self.limits):
            host = self.signature.sort(
                {d for d in self.cells if d not in limit.of} | {*limit.at, *limit.of}
            )
            texts.append((("limit", number, "ratio"), limit.ratio, host))  # type: ignore[arg-type]
        for path, text, dims in texts:
            array = (
                np.full((1,) * (len(dims) + 1), np.inf) if text is None else parameter(text, dims)
            )
            if np.isnan(array).any() or array.min(initial=0.0) < 0:
                wrong = np.where(np.isnan(array) | (array < 0), 1.0, 0.0)
                step = self.step or Step(self.signature, self.name, self.process)
                self._complain(
                    f"{path[0]} ({text}) is below 0, or 0 times unlimited, {at_worst(step, dims, years, wrong)}",
                    path,
                )
            found.append(over_years(array, years) if array.shape[-1] > 1 else array)
        return found

    def capacity(
        self, bound: list[Array], flows: Mapping[str, Array], dims: Mapping[str, Dims]
    ) -> Array:
        """Return what can be delivered over `cells` (axes of `dims`, of length one elsewhere)."""
        most = bound[0]
        if not self.limits:
            return most
        count = next(iter(flows.values())).shape[-1]
        shape = [self.signature.size(d) if d in self.cells else 1 for d in self.dims]
        hosted: dict[tuple[tuple[str, str], ...], Array] = {}
        for limit, ratio in zip(self.limits, bound[1:], strict=True):
            target = self.signature.sort(
                {d for d in self.cells if d not in limit.of} | {*limit.at, *limit.of}
            )
            host = _selected(flows[limit.flow], dims[limit.flow], limit.at, self.signature)
            left = tuple(d for d in dims[limit.flow] if d not in limit.at)
            index = tuple(slice(None) if d in left else None for d in target)
            with np.errstate(invalid="ignore"):
                by_host = np.where(np.isinf(ratio), np.inf, host[(*index, ...)] * ratio)
            key = tuple(sorted(limit.of.items()))
            out = tuple(target.index(d) for d in target if d not in self.cells)
            by_host = by_host.squeeze(out)
            hosted[key] = hosted.get(key, np.zeros(1)) + by_host
        limited = np.full((*shape, count), np.inf)
        for key, amount in hosted.items():
            of = dict(key)
            where = tuple(
                slice(n := self.signature.system.dimensions[d].index(of[d]), n + 1)
                if d in of
                else slice(None)
                for d in self.dims
            )
            wide = tuple(slice(None) if d in self.cells else None for d in self.dims)
            limited[where] = amount[(*wide, ...)]
        return np.minimum(most, limited)


def _overlap(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Say whether some cell has the labels of both."""
    return all(other.get(dim, label) == label for dim, label in one.items())


def _selected(array: Array, dims: Dims, at: Mapping[str, str], signature: Signature) -> Array:
    labels = signature.system.dimensions
    index = tuple(labels[d].index(at[d]) if d in at else slice(None) for d in dims)
    return array[(*index, ...)]

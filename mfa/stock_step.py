"""The step of a stock: cohorts that enter, stay for their lifetime and leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from mfa import kernels, retirement
from mfa.errors import MfaError
from mfa.flows import flow_name
from mfa.lifetime_fields import lifetime_parameters, survival_of
from mfa.reuse import Reuse, retired_units
from mfa.schema import Lifetime, Stock
from mfa.steps import (
    Array,
    Bound,
    Dims,
    Signature,
    Step,
    at_worst,
    must_not_be_negative,
    over_years,
    plus,
    spread,
    sum_over,
)


class StockStep(Step):
    """Cohorts that stay for their lifetime."""

    def __init__(self, signature: Signature, name: str, process: Stock):
        super().__init__(signature, name, process)
        self.lifetime: Lifetime = process.lifetime
        self.driver = process.inflow or process.stock
        self.by_stock = process.stock is not None
        self.shares, self.content = process.shares, process.content
        self.on_decline = process.on_decline
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
            if self._asked_for_units():
                self.offers = [retired_units(name)]
        self.reuse = Reuse(self, process.reused) if process.reused else None
        self.needs = [self.reuse.name] if self.reuse else []

    def _asked_for_units(self) -> bool:
        """Whether another stock reuses the units that leave this one."""
        stocks = (p for p in self.signature.system.processes.values() if isinstance(p, Stock))
        return any(stock.reused and stock.reused.from_ == self.name for stock in stocks)

    def _no_arrivals_beside_a_driver(self) -> None:
        if self.arrivals.flows:
            raise MfaError(
                f"process {self.name!r} is driven and also receives {', '.join(self.arrivals.flows)}; "
                "let that flow go to a market that supplies it, or to a stock of its own",
                self.signature.system.place("processes", self.name),
            )

    def _lifetime_dims(self) -> Dims:
        specs = self.signature.system.parameters
        names = [n for n in lifetime_parameters(self.lifetime).values() if n in specs]
        return self.signature.sort({d for n in names for d in specs[n].dims})

    def infer(self, dims: Mapping[str, Dims]) -> dict[str, Dims]:
        if self.driver:
            inner = self.signature.parameter_dims(self._driven())
            found: Dims | None = tuple(d for d in inner if d not in self.summed)
        else:
            found = self.arrivals.infer(dims)
        return {} if found is None else dict.fromkeys(self.writes, found)

    def _driven(self) -> str:
        return " * ".join(filter(None, (self.driver, self.shares, self.content)))

    def settle(self, dims: Mapping[str, Dims]) -> None:
        self.dims = self.stock_dims = dims[self.outflow]
        own = self._lifetime_dims()
        if self.driver:
            self.driver_dims = self.signature.parameter_dims(self.driver)
            units = " * ".join(filter(None, (self.driver, self.shares)))
            self.unit_dims = self.signature.parameter_dims(units)
            self.inner = self.signature.parameter_dims(self._driven())
            early = () if self.on_decline == "retire_early" else self.summed
            self.carried = tuple(d for d in self.inner if d in own or d not in early)
            if lacking := [d for d in self.summed if d not in self.inner]:
                raise MfaError(
                    f"process {self.name!r}: sum names {', '.join(lacking)}, which its driver has not",
                    self.signature.system.place("processes", self.name, "sum"),
                )
        else:
            self.unit_dims = self.inner = self.carried = self.arrivals.settle(dims)
        self.lifetime_dims = own
        if extra := [d for d in own if d not in self.inner]:
            raise MfaError(
                f"process {self.name!r}: its lifetime has the dimension {', '.join(extra)}, which what it "
                f"holds ({', '.join(self.inner) or 'none'}) does not have",
                self.signature.system.place("processes", self.name, "lifetime"),
            )
        self._refuse_idle_keys()
        if self.reuse:
            self.reuse.settle(tuple(d for d in self.unit_dims if d not in self.summed))
        if self.offers and (extra := [d for d in own if d not in self.unit_dims]):
            raise MfaError(
                f"process {self.name!r}: its lifetime varies over {', '.join(extra)}, which the units of its "
                "driver do not; so the units that leave it, which another stock reuses, cannot be counted",
                self.signature.system.place("processes", self.name, "lifetime"),
            )
        if self.by_stock:
            self._settle_types(own)

    def _refuse_idle_keys(self) -> None:
        """Raise for a field that the law of the lifetime does not look at."""
        told = self.lifetime
        idle = [*lifetime_parameters(told)] if told.law == "table" else []
        if told.law != "table" and told.survival is not None:
            idle.append("survival")
        if told.law == "table" and told.inflow_at != "spread":
            idle.append("inflow_at")
        if idle:
            raise MfaError(
                f"process {self.name!r}: law {told.law!r} has no {idle[0]!r}; take it out",
                self.signature.system.place("processes", self.name, "lifetime", idle[0]),
            )

    def _settle_types(self, own: Dims) -> None:
        """Find the dimensions of the types that share the driving stock."""
        self.types = tuple(d for d in self.unit_dims if d not in self.driver_dims)
        if self.shares and not self.types:
            raise MfaError(
                f"process {self.name!r}: shares ({self.shares}) have no dimension that the driving stock "
                f"({', '.join(self.driver_dims) or 'none'}) lacks; they divide it among types",
                self.signature.system.place("processes", self.name, "shares"),
            )
        if extra := [d for d in own if d not in self.unit_dims]:
            raise MfaError(
                f"process {self.name!r}: the lifetime varies over {', '.join(extra)}, the driving stock does "
                "not; if these types share it, say 'shares:' which part of the inflow each has",
                self.signature.system.place("processes", self.name, "stock"),
            )

    def bind(self, parameter: Callable[[str, Dims], Array], years: range) -> Bound:
        survival, by_cohort = survival_of(self, self.lifetime, self.lifetime_dims, parameter, years)
        if not self.driver:
            return Bound({"survival": self._for(self.inner, survival)}, years, by_cohort)
        units = over_years(parameter(self.driver, self.driver_dims), years)
        key = "stock" if self.by_stock else "inflow"
        must_not_be_negative(self, key, self.driver, units, self.driver_dims, years)
        arrays: dict[str, Array] = {}
        if self.by_stock:
            units, kept = self._inflow_from_stock(units, parameter, survival, by_cohort, years)
            if kept.min(initial=1.0) < 1:
                arrays["kept"] = kept
        if self.reuse:
            arrays |= self.reuse.bind(parameter, units, years)
        content = self.contained(parameter, years)
        if self._content_can_wait(content):
            arrays |= {"survival": self._for(self.unit_dims, survival), "content": content}
            return Bound({**arrays, "inflow": units}, years, by_cohort)
        if self.offers:
            arrays |= {"units": units, "survival of units": self._for(self.unit_dims, survival)}
            if "kept" in arrays:
                arrays["kept of units"] = arrays["kept"]
        mass = spread(units, self.unit_dims, self.inner) * content
        inflow = self._carried(mass, len(years))
        alive = self._for(self.carried, survival)
        plain = "kept" in arrays
        arrays |= {"inflow": inflow, "survival": alive} if plain else self._merged(inflow, alive)
        if "kept" in arrays:
            arrays["kept"] = spread(arrays["kept"], self.unit_dims, self.inner)
        return Bound(arrays, years, by_cohort)

    def contained(self, parameter: Callable[[str, Dims], Array], years: range) -> Array:
        """Return what a unit of the driver contains, over the dimensions of what is held."""
        if not self.content:
            return np.ones((1,) * (len(self.inner) + 1))
        content = parameter(self.content, self.inner)
        must_not_be_negative(self, "content", self.content, content, self.inner, years)
        return content

    def delivered(
        self, bound: Bound, mass: Array, survival: Array, by_unit: Array | None, by_mass: Array
    ) -> Bound:
        """Return the parameters of a stock of which only a share of the inflow is delivered.

        Parameters
        ----------
        bound : Bound
            As bound where all is delivered.
        mass : (*inner, year) [t/yr]
            What units of the driver contain.
        survival : array over the dimensions of the lifetime
        by_unit : (*unit_dims, year) [1] or None
            The share of units, where all materials of a unit are delivered alike.
        by_mass : (*inner, year) [1]
            The same for each material.
        """
        arrays = dict(bound.arrays)
        if by_unit is not None and "units" in arrays:
            arrays["units"] = arrays["units"] * by_unit
        if by_unit is not None and "content" in arrays:
            arrays["inflow"] = arrays["inflow"] * by_unit
            return Bound(arrays, bound.years, bound.by_cohort)
        arrays.pop("content", None)
        inflow = self._carried(mass * by_mass, len(bound.years))
        arrays |= self._merged(inflow, self._for(self.carried, survival))
        return Bound(arrays, bound.years, bound.by_cohort)

    def _carried(self, mass: Array, years: int) -> Array:
        """Return mass without the dimensions that are summed before cohorts are followed."""
        whole = (*map(self.signature.size, self.inner), years)
        return sum_over(np.broadcast_to(mass, whole), self.inner, self.carried)

    def _content_can_wait(self, content: Array) -> bool:
        """Whether cohorts can be followed in units of the driver, and hold their content afterwards.

        They can where a unit holds the same in every year; it is worth while where the
        driver has fewer series than its content.
        """
        if content.shape[-1] > 1 or not set(self.lifetime_dims) <= set(self.unit_dims):
            return False
        own, others = (prod(map(self.signature.size, d)) for d in (self.unit_dims, self.carried))
        return own < others

    def _for(self, dims: Dims, survival: Array) -> Array:
        return spread(survival, self.lifetime_dims, dims)

    def _merged(self, inflow: Array, survival: Array) -> dict[str, Array]:
        """Sum the inflow along dimensions over which the lifetime happens to be the same."""
        for axis, dim in enumerate(self.carried):
            if dim in self.summed and survival.shape[axis] > 1:
                first = survival.take([0], axis=axis)
                if (survival == first).all():
                    survival, inflow = first, inflow.sum(axis=axis, keepdims=True)
        return {"inflow": inflow, "survival": survival}

    def _inflow_from_stock(
        self,
        stock: Array,
        parameter: Callable[[str, Dims], Array],
        survival: Array,
        by_cohort: bool,
        years: range,
    ) -> tuple[Array, Array]:
        """Return the inflow by type, and the share of what was there before that is kept."""
        stock = spread(stock, self.driver_dims, self.unit_dims)
        alive = self._for(self.unit_dims, survival)
        share = np.ones((1,) * (len(self.unit_dims) + 1))
        if self.shares:
            share = parameter(self.shares, self.unit_dims)
            axes = tuple(self.unit_dims.index(d) for d in self.types)
            self._check_types(share.sum(axes, keepdims=True), share, years)
            alive, by_cohort = retirement.mixed_survival(alive, share, axes, by_cohort)
        if self.on_decline == "retire_early":
            inflow, kept = retirement.retire_early(stock, alive, by_cohort=by_cohort)
            return inflow * share, kept
        inflow = kernels.inflow_from_stock(stock, alive, by_cohort=by_cohort)
        rounding = kernels.ROUNDING * max(stock.max(initial=0.0), 1.0)
        if self.on_decline == "raise" and inflow.min(initial=0.0) < -rounding:
            early = (inflow < -rounding) * np.arange(len(years), 0, -1.0)  # the first year counts
            found = inflow.flat[int(np.argmax(early))]
            raise MfaError(
                f"process {self.name!r}: the stock falls faster than its cohorts retire "
                f"{at_worst(self, self.unit_dims, years, early)} (inflow {found:.6g}); write 'on_decline: "
                "retire_early' if all ages then retire early, 'allow' if a negative inflow is meant",
                self.signature.system.place("processes", self.name, "stock"),
            )
        return inflow * share, np.ones(1)

    def _check_types(self, total: Array, share: Array, years: range) -> None:
        off = np.abs(total - 1.0)
        if off.max(initial=0.0) > 1e-9 or share.min(initial=0.0) < 0:
            raise MfaError(
                f"process {self.name!r}: shares ({self.shares}) must be 0 or more and sum to 1 over "
                f"{', '.join(self.types)} (off by {off.max():.3g} "
                f"{at_worst(self, self.unit_dims, years, off)})",
                self.signature.system.place("processes", self.name, "shares"),
            )

    def _entering(self, flows: Mapping[str, Array], bound: Bound, left: Array | None) -> Array:
        """Return what enters, in units of the driver where content can wait, else as mass."""
        inflow = bound.arrays["inflow"] if self.driver else self.arrivals(flows)
        if self.reuse and left is not None:
            dims = self.carried if "content" not in bound.arrays else self.unit_dims
            inflow = inflow * spread(left, self.reuse.dims, dims)
        return inflow

    def from_year(self, flows: Mapping[str, Array], bound: Bound, start: int) -> Bound | None:
        if "kept" in bound.arrays:
            return None
        later = bound.since(start)
        left = self.reuse.left(flows, bound.arrays) if self.reuse else None
        followed = {"": (self._entering(flows, bound, left), bound.arrays["survival"])}
        if "units" in bound.arrays:
            followed[" of units"] = self._units(bound, left), bound.arrays["survival of units"]
        arrays = dict(later.arrays)
        for what, (inflow, alive) in followed.items():
            before = np.array(inflow)
            before[..., start:] = 0.0
            stock, outflow = _cohorts(before, alive, None, bound.by_cohort)
            arrays["stock before" + what] = stock[..., start:]
            arrays["outflow before" + what] = outflow[..., start:]
        return Bound(arrays, later.years, bound.by_cohort)

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
        alive, kept = bound.arrays["survival"], bound.arrays.get("kept")
        content = bound.arrays.get("content")
        left = self.reuse.left(flows, bound.arrays) if self.reuse else None
        inflow = self._entering(flows, bound, left)
        stock, outflow = _cohorts(inflow, alive, kept, bound.by_cohort)
        if "stock before" in bound.arrays:
            stock = stock + bound.arrays["stock before"]
            outflow = outflow + bound.arrays["outflow before"]
        assert self.stock is not None
        outputs = {self.stock: stock, self.outflow: outflow}
        if self.inflow:
            outputs[self.inflow] = inflow
        offered = dict.fromkeys(self.offers, outflow)
        if content is None:
            found = {name: sum_over(a, self.carried, self.dims) for name, a in outputs.items()}
            return found | dict.fromkeys(self.offers, self._units_that_leave(bound, left))
        return offered | {
            name: sum_over(
                spread(units, self.unit_dims, self.inner) * content, self.inner, self.dims
            )
            for name, units in outputs.items()
        }

    def _units_that_leave(self, bound: Bound, left: Array | None) -> Array:
        """Return the units of the driver that leave, where cohorts are followed as mass."""
        if not self.offers:
            return np.zeros(1)
        units, alive = self._units(bound, left), bound.arrays["survival of units"]
        leaving = _cohorts(units, alive, bound.arrays.get("kept of units"), bound.by_cohort)[1]
        return leaving + bound.arrays.get("outflow before of units", 0.0)

    def _units(self, bound: Bound, left: Array | None) -> Array:
        units = bound.arrays["units"]
        if self.reuse and left is not None:
            units = units * spread(left, self.reuse.dims, self.unit_dims)
        return units

    def same_year(self, bound: Bound) -> Array:
        """Return the share of an inflow that leaves in its own year, (..., year)."""
        survival = bound.arrays["survival"]
        if bound.by_cohort:
            return np.asarray(1.0 - survival[..., 0])
        return np.asarray(1.0 - survival[..., :1])

    def equation(self) -> str:
        text = self._driven()
        over = f"Σ_{', '.join(self.summed)} " if self.summed else ""
        if self.by_stock:
            first = f"{self.inflow} = inflow that keeps {over}{text}; "
        else:
            first = f"{self.inflow} = {over}{text}; " if self.driver else ""
        if self.reuse:
            first = first.removesuffix("; ") + f" − {self.reuse.equation()}; "
        into = self.inflow or plus(self.arrivals.flows)
        law = ", ".join(f"{k} {v}" for k, v in lifetime_parameters(self.lifetime).items())
        return (
            f"{first}{self.stock} = Σ_cohort survival({self.lifetime.law}: {law}) · ({into}); "
            f"{self.outflow} = inflow − Δ{self.stock}"
        )


def _cohorts(
    inflow: Array, alive: Array, kept: Array | None, by_cohort: bool
) -> tuple[Array, Array]:
    """Return the stock and what leaves it, given the share that is kept where some retire early."""
    if kept is None:
        return kernels.stock_and_outflow(inflow, alive, by_cohort)
    stock = retirement.stock_retired_early(inflow, alive, kept, by_cohort)
    return stock, kernels.outflow(inflow, stock)

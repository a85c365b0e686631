"""The step of a stock: cohorts that enter, stay for their lifetime and leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from mfa import kernels, retirement
from mfa.errors import MfaError, known
from mfa.flows import flow_name
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
from mfa.survival import survival_values
from mfa.units import parse


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
        survival, by_cohort = self.survival(parameter, years)
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
        content = np.ones((1,) * (len(self.inner) + 1))
        if self.content:
            content = parameter(self.content, self.inner)
            must_not_be_negative(self, "content", self.content, content, self.inner, years)
        if self._content_can_wait(content):
            arrays |= {"survival": self._for(self.unit_dims, survival), "content": content}
            return Bound({**arrays, "inflow": units}, years, by_cohort)
        mass = spread(units, self.unit_dims, self.inner) * content
        whole = (*map(self.signature.size, self.inner), len(years))
        inflow = sum_over(np.broadcast_to(mass, whole), self.inner, self.carried)
        alive = self._for(self.carried, survival)
        arrays |= {"inflow": inflow, "survival": alive} if arrays else self._merged(inflow, alive)
        if "kept" in arrays:
            arrays["kept"] = spread(arrays["kept"], self.unit_dims, self.inner)
        return Bound(arrays, years, by_cohort)

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

    def survival(self, parameter: Callable[[str, Dims], Array], years: range) -> tuple[Array, bool]:
        """Return survival over the dimensions of the lifetime, and whether it has cohorts."""
        count = len(years)
        if self.lifetime.law == "table":
            return self._survival_table(count), False
        values, by_cohort = self.lifetime_values(parameter)
        if not by_cohort:
            values = {key: array[..., 0] for key, array in values.items()}
        survival = self.alive(values, years)
        if by_cohort and survival.shape[-2] == 1:
            survival = np.broadcast_to(survival, (*survival.shape[:-2], count, count))
        return survival, by_cohort

    def lifetime_values(
        self, parameter: Callable[[str, Dims], Array]
    ) -> tuple[dict[str, Array], bool]:
        """Return the parameters of the lifetime, the year last, and whether they differ by cohort.

        A table has none.
        """
        if self.lifetime.law == "table":
            return {}, False
        specs = self.signature.system.parameters
        values: dict[str, Array] = {}
        by_cohort = False
        for key, text in lifetime_parameters(self.lifetime).items():
            if text in specs:
                values[key] = parameter(text, self.lifetime_dims)
                by_cohort = by_cohort or "year" in specs[text].dims
            else:
                values[key] = np.full(
                    (1,) * (len(self.lifetime_dims) + 1), lifetime_quantity(self, key, text)
                )
        return values, by_cohort

    def alive(self, values: Mapping[str, Array], years: range) -> Array:
        """Return the survival that follows from parameters of the lifetime, (..., age)."""
        told = self.lifetime
        try:
            return survival_values(told.law, len(years), told.inflow_at, told.below_zero, **values)
        except MfaError as error:
            place = self.signature.system.place("processes", self.name, "lifetime")
            raise MfaError(f"process {self.name!r}: {error.problems[0].message}", place) from None

    def _survival_table(self, years: int) -> Array:
        given = np.array(self.lifetime.survival or ())
        if (
            not np.isfinite(given).all()
            or given.size == 0
            or given[-1] != 0
            or given[0] > 1
            or (np.diff(given) > 0).any()
        ):
            raise MfaError(
                f"process {self.name!r}: law 'table' needs 'survival': shares in use at the end of the entry year "
                "and of each year after it, from at most 1, never rising, ending with 0",
                self.signature.system.place("processes", self.name, "lifetime"),
            )
        survival = np.zeros(max(years, given.size))
        survival[: given.size] = given
        return survival[:years]

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

    def evaluate(self, flows: Mapping[str, Array], bound: Bound) -> dict[str, Array]:
        inflow = bound.arrays["inflow"] if self.driver else self.arrivals(flows)
        alive, kept = bound.arrays["survival"], bound.arrays.get("kept")
        if kept is None:
            stock = kernels.stock_from_inflow(inflow, alive, bound.by_cohort)
        else:
            stock = retirement.stock_retired_early(inflow, alive, kept, bound.by_cohort)
        assert self.stock is not None
        outputs = {self.stock: stock, self.outflow: kernels.outflow(inflow, stock)}
        if self.inflow:
            outputs[self.inflow] = inflow
        content = bound.arrays.get("content")
        if content is None:
            return {name: sum_over(a, self.carried, self.dims) for name, a in outputs.items()}
        return {
            name: sum_over(
                spread(units, self.unit_dims, self.inner) * content, self.inner, self.dims
            )
            for name, units in outputs.items()
        }

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
        into = self.inflow or plus(self.arrivals.flows)
        law = ", ".join(f"{k} {v}" for k, v in lifetime_parameters(self.lifetime).items())
        return (
            f"{first}{self.stock} = Σ_cohort survival({self.lifetime.law}: {law}) · ({into}); "
            f"{self.outflow} = inflow − Δ{self.stock}"
        )


def lifetime_parameters(lifetime: Lifetime) -> dict[str, str]:
    """Return the parameters of a lifetime law as written."""
    names = ("mean", "std", "shape", "scale")
    return {n: str(getattr(lifetime, n)) for n in names if getattr(lifetime, n) is not None}


def lifetime_quantity(step: Step, key: str, text: str) -> float:
    place = step.signature.system.place("processes", step.name, "lifetime", key)
    try:
        quantity = parse(text)
    except MfaError:
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

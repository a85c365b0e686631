"""Cohort stocks, by mfa and by flodym through its public interface: the same numbers first.

Each piece of work begins with the parameters of a Weibull lifetime and ends with stock, inflow
and outflow: survival, sums and balance are all timed. ``kernel`` works on bare arrays, the
labelled call on DataArrays whose years come first, as every saved array has them.
"""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import flodym
import numpy as np
import xarray as xr

from mfa import kernels, lifetime, stocks
from mfa.cohort_survival import CohortSurvival
from mfa.dims import years
from mfa.survival import survival_values

MOMENT = "middle"


class Work(NamedTuple):
    """One row of the table; each call returns stock and outflow (inflow), (year, ...[, cohort])."""

    name: str
    flodym: Callable[[], tuple[Any, Any]]
    kernel: Callable[[], tuple[Any, Any]]
    labelled: Callable[[], tuple[Any, Any]]
    limits: tuple[float | None, float | None, float | None, float | None]
    """Times flodym: kernel numpy, kernel numba, labelled numpy, labelled numba."""


def peer(kind: str, values: Any, by_cohort: bool, **parameters: Any) -> Callable[[], Any]:
    """Return flodym's stock, ready to be computed; values are (year, series)."""
    count, series = values.shape
    dims = flodym.DimensionSet(
        dim_list=[
            flodym.Dimension(name="time", letter="t", items=list(range(count)), dtype=int),
            flodym.Dimension(name="series", letter="s", items=list(range(series)), dtype=int),
        ]
    )
    of_law = dims if by_cohort else dims.get_subset(("s",))
    given = {
        f"weibull_{name}": flodym.Parameter(dims=of_law, values=own)
        for name, own in parameters.items()
    }
    model = flodym.WeibullLifetime(dims=dims, time_letter="t", inflow_at=MOMENT)
    told = {
        "dims": dims,
        "time_letter": "t",
        "lifetime_model": model,
        "inflow" if kind == "inflow" else "stock": flodym.StockArray(dims=dims, values=values),
    }
    use = (flodym.InflowDrivenDSM if kind == "inflow" else flodym.StockDrivenDSM)(**told)

    def compute() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            model.set_prms(**given)
        use.compute()
        return use

    return compute


def labelled(values: Any, *dims: str) -> xr.DataArray:
    coords = {dim: np.arange(size) for dim, size in zip(dims, values.shape, strict=True)}
    return xr.DataArray(values, dims=dims, coords=coords)


def many(count: int = 151, series: int = 600) -> Iterator[Work]:
    """Return the rows of many series with a lifetime each."""
    draw = np.random.default_rng(1)
    span = years(0, count - 1)
    rise = 1.0 / (1.0 + np.exp(-(np.arange(count) - 60.0) / 15.0))
    inflow = rise[:, np.newaxis] * draw.uniform(0.5, 1.5, (count, series))
    steady = {"shape": draw.uniform(1.5, 4.0, series), "scale": draw.uniform(8.0, 40.0, series)}
    change = np.linspace(0.7, 1.3, count)[:, np.newaxis]
    scales = {
        "shape": np.broadcast_to(steady["shape"], (count, series)),
        "scale": steady["scale"] * change,
    }
    both = {"shape": steady["shape"] * change[::-1], "scale": steady["scale"] * change}
    cases = [
        ("", False, steady, ((100, 350, 65, 230), (95, 180, 60, 120))),
        (", scale by cohort", True, scales, ((8, 35, 7, 30), (8, 35, 7, 30))),
        (", scale and shape by cohort", True, both, ((8, 35, 7, 30), (8, 35, 7, 30))),
    ]
    for told, by_cohort, law, limits in cases:
        bare = {name: np.ascontiguousarray(own.T) for name, own in law.items()}
        dims = ("cohort", "series") if by_cohort else ("series",)
        # flodym and we are given arrays of what changes only
        named = {
            name: labelled(own, *dims) if own.strides[0] else labelled(own[0], "series")
            for name, own in law.items()
        }
        entering = np.ascontiguousarray(inflow.T)
        arriving = labelled(inflow, "year", "series")

        def survival(by_cohort: bool = by_cohort, bare: Any = bare) -> Any:
            if by_cohort:
                return CohortSurvival("weibull", count, MOMENT, "leaves", bare)
            return survival_values("weibull", count, MOMENT, **bare)

        def alive(named: Any = named) -> xr.DataArray:
            return lifetime.weibull(span, inflow_at=MOMENT, **named)

        flow = peer("inflow", inflow, by_cohort, **law)
        standing = flow().stock.values.copy()
        held = np.ascontiguousarray(standing.T)
        level = labelled(standing, "year", "series")
        back = peer("stock", standing, by_cohort, **law)

        def their_stock(flow: Any = flow) -> tuple[Any, Any]:
            use = flow()
            return use.stock.values, use.outflow.values

        def our_stock(survival: Any = survival, entering: Any = entering) -> tuple[Any, Any]:
            stock, leaving = kernels.stock_and_outflow(entering, survival())
            return stock.T, leaving.T

        def labelled_stock(alive: Any = alive, arriving: Any = arriving) -> tuple[Any, Any]:
            use = stocks.from_inflow(arriving, alive())
            return use.stock, use.outflow

        yield Work(f"inflow-driven{told}", their_stock, our_stock, labelled_stock, limits[0])

        def their_inflow(back: Any = back) -> tuple[Any, Any]:
            use = back()
            return use.inflow.values, use.outflow.values

        def our_inflow(survival: Any = survival, held: Any = held) -> tuple[Any, Any]:
            new = kernels.inflow_from_stock(held, survival())
            return new.T, kernels.outflow(new, held).T

        def labelled_inflow(alive: Any = alive, level: Any = level) -> tuple[Any, Any]:
            use = stocks.from_stock(level, alive(), on_decline="allow")
            return use.inflow, use.outflow

        yield Work(f"stock-driven{told}", their_inflow, our_inflow, labelled_inflow, limits[1])
        if not by_cohort:
            yield tables("  with both cohort tensors", inflow, law, (None, 12, None, 10))


def tables(name: str, inflow: Any, law: Any, limits: Any) -> Work:
    """Return stock and outflow by cohort, (year, cohort, series)."""
    count = len(inflow)
    flow = peer("inflow", inflow, False, **law)
    entering, span = np.ascontiguousarray(inflow.T), years(0, count - 1)
    arriving = labelled(inflow, "year", "series")
    named = {name: labelled(own, "series") for name, own in law.items()}

    def theirs() -> tuple[Any, Any]:
        use = flow()
        return use.get_stock_by_cohort(), use.get_outflow_by_cohort()

    def kernel() -> tuple[Any, Any]:
        alive = survival_values("weibull", count, MOMENT, **law)
        stock, outflow = kernels.tables_by_cohort(entering, alive)
        return np.moveaxis(stock, 0, -1), np.moveaxis(outflow, 0, -1)

    def call() -> tuple[Any, Any]:
        cohorts = stocks.by_cohort(arriving, lifetime.weibull(span, inflow_at=MOMENT, **named))
        return cohorts.stock, cohorts.outflow

    return Work(name, theirs, kernel, call, limits)


def single() -> Work:
    """One series of 200 years with its tables."""
    draw = np.random.default_rng(2)
    law = {"shape": np.array([2.5]), "scale": np.array([30.0])}
    return tables(
        "one series, 200 years, with tables", draw.random((200, 1)), law, (150, 150, 10, 10)
    )


def samples(count: int = 200, size: int = 10_000, batch: int = 1000) -> Work:
    """Many lifetimes of one series; flodym takes them as series, in batches that fit in memory."""
    draw = np.random.default_rng(3)
    law = {"shape": draw.uniform(1.5, 4.0, size), "scale": draw.uniform(8.0, 40.0, size)}
    inflow = draw.random(count)
    named = {name: labelled(own, "sample") for name, own in law.items()}
    whole = np.broadcast_to(inflow[:, np.newaxis], (count, batch)).copy()

    def theirs() -> tuple[Any, Any]:
        parts = []
        for first in range(0, size, batch):
            own = {name: values[first : first + batch] for name, values in law.items()}
            use = peer("inflow", whole, False, **own)()
            parts.append((use.stock.values, use.outflow.values))
        stock, outflow = (np.concatenate(values, axis=1) for values in zip(*parts, strict=True))
        return stock, outflow

    def kernel() -> tuple[Any, Any]:
        stock = kernels.stock_from_inflow(inflow, survival_values("weibull", count, MOMENT, **law))
        return stock.T, kernels.outflow(inflow, stock).T

    def call() -> tuple[Any, Any]:
        alive = lifetime.weibull(years(0, count - 1), inflow_at=MOMENT, **named)
        use = stocks.from_inflow(labelled(inflow, "year"), alive)
        return use.stock.transpose("year", "sample"), use.outflow.transpose("year", "sample")

    return Work(
        "10,000 sampled lifetimes of one series", theirs, kernel, call, (400, None, 200, None)
    )


def worst(ours: tuple[Any, Any], theirs: tuple[Any, Any]) -> float:
    """Return the worst difference, relative to the largest value."""
    pairs = [(np.asarray(own), np.asarray(other)) for own, other in zip(ours, theirs, strict=True)]
    return max(float(np.abs(own - other).max() / np.abs(other).max()) for own, other in pairs)


def peak_beyond_results(work: Callable[[], tuple[Any, Any]]) -> float:
    """Return the peak of allocated memory in MiB, less that of what is returned."""
    work()
    tracemalloc.start()
    kept = work()
    size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return (peak - size) / 2**20

"""The cost of a sample: the shipped reference, and the closed cycle against flodym in a loop."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import mfa
from mfa.sample_jobs import CHECKED, CHUNK
from mfa.sample_lanes import Lanes
from mfa.sample_pools import Pool, opened, tasks_of
from mfa.sampling import prepared
from tests.bench import closed_cycle as cycle

REFERENCE = Path(__file__).parents[2] / "scenarios" / "reference.yaml"
SAMPLED = ("lifetime_scale", "lifetime_shape", "collection_rate", "fabrication_yield", "recycling_yield")  # fmt: skip
CYCLE_KEPT: dict[str, tuple[str, ...]] = {
    "metal_to_fabricate": ("region", "product"),
    "mine_to_metal": ("region",),
    "recycle_to_metal": ("region", "product"),
    "scrap_to_metal": ("region", "product"),
    "use_stock": ("region", "product"),
}


def cycle_samples(numbers: xr.Dataset, count: int) -> xr.Dataset:
    """Return the parameters of the cycle, those that are sampled with as many samples."""
    draw = np.random.default_rng(7)
    found = {}
    for name in SAMPLED:
        own = numbers[name]
        factor = draw.uniform(0.8, 1.0, (count, *own.shape))
        found[name] = xr.Variable(("sample", *own.dims), factor * own.values, own.attrs)
    return numbers.assign(found)


def by_mfa(lanes: Lanes, numbers: xr.Dataset) -> dict[str, np.ndarray[Any, Any]]:
    """Compute samples chunk by chunk, mass checked, the first of every eight chunks by itself too."""
    parts: dict[str, list[Any]] = {name: [] for name in lanes.keep}
    for start in range(0, numbers.sizes["sample"], lanes.count):
        found, _ = lanes.compute(numbers, start)
        if start % (CHECKED * CHUNK) == 0:
            lanes.compared(numbers, start, found, start)
        for name, own in found.items():
            parts[name].append(own)
    return {name: np.concatenate(own) for name, own in parts.items()}


def by_flodym(peer: Any, numbers: xr.Dataset) -> dict[str, np.ndarray[Any, Any]]:
    """Compute samples as users of flodym do: one after the other in one system of its own."""
    parts: dict[str, list[Any]] = {name: [] for name in CYCLE_KEPT}
    values = {name: numbers[name].values for name in SAMPLED}
    for number in range(numbers.sizes["sample"]):
        for name in SAMPLED:
            peer.parameters[name].values[...] = values[name][number]
        cycle.run_flodym(peer)
        own = {
            "metal_to_fabricate": peer.flows["metal => fabricate"].values.sum(axis=(1, 2)),
            "mine_to_metal": peer.flows["sysenv => metal"].values.sum(axis=1),
            "recycle_to_metal": peer.flows["recycle => metal"].values.sum(axis=(1, 2)),
            "scrap_to_metal": peer.flows["scrap => metal"].values.sum(axis=(1, 2)),
            "use_stock": peer.in_use.values.sum(axis=(1, 2)),
        }
        for name, array in own.items():
            parts[name].append(array)
    return {name: np.stack(arrays) for name, arrays in parts.items()}


def cycle_lanes(most: int = CHUNK) -> Lanes:
    years = range(int(cycle.YEARS[0]), int(cycle.YEARS[-1]) + 1)
    return Lanes(cycle.system(), SAMPLED, years, CYCLE_KEPT, most)


def seconds(work: Any, rounds: int = 3) -> float:
    """Return the least seconds of some rounds, warm, of a processor: others may use the machine."""
    work()
    best = np.inf
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def reference_rows(count: int = 1024) -> list[tuple[str, str, str, bool | None]]:
    """Return what a sample of the shipped reference costs, drawn, computed and checked."""
    scenario = mfa.read_scenario(REFERENCE)
    work, _ = prepared(scenario, count)  # what is kept unless another keep is told
    job = work.job
    whole = seconds(lambda: work.block(0, count // CHUNK)) / count
    drawn = seconds(lambda: job.drawn(range(count), job.uncertain)) / count
    one = seconds(lambda: mfa.simulate(job.lanes.single, job.certain), 5)
    return [
        (
            "reference: a sample, one core, what is kept",
            f"{whole * 1e3:.2f} ms",
            "1 ms",
            whole <= 1e-3,
        ),
        ("  of which drawn", f"{drawn * 1e3:.2f} ms", "", None),
        ("  a run of one sample, all flows / a sample", f"{one / whole:.0f} x", "", None),
    ]


def cycle_rows(count: int = 1024, few: int = 16) -> list[tuple[str, str, str, bool | None]]:
    """Return the closed cycle against flodym: equality first, then time, then memory."""
    numbers = cycle.parameters()
    drawn = cycle_samples(numbers, count)
    some = drawn.isel(sample=slice(few))
    peer = cycle.flodym_cycle(cycle.Cycle, numbers)
    theirs = by_flodym(peer, some)
    loop = seconds(lambda: by_flodym(peer, some), 3) / few
    found: list[tuple[str, str, str, bool | None]] = []
    for name, switch, limit in (("numpy", "0", 60), ("numba", "1", 300)):
        os.environ["MFA_NUMBA"] = switch
        lanes = cycle_lanes()
        ours = by_mfa(lanes, drawn)
        off = max(
            float(np.abs(ours[n][:few] - theirs[n]).max() / np.abs(theirs[n]).max()) for n in theirs
        )
        found.append((f"closed cycle, {name}: worst difference from flodym", f"{off:.1e}", "1e-12", off <= 1e-12))  # fmt: skip
        own = seconds(lambda lanes=lanes: by_mfa(lanes, drawn), 7) / count  # type: ignore[misc]
        ratio = loop / own
        found.append((f"  flodym in a loop / a sample ({own * 1e6:.0f} µs)", f"{ratio:.0f} x", f"{limit} x", ratio >= limit))  # fmt: skip
    os.environ.pop("MFA_NUMBA", None)
    tracemalloc.start()
    kept = by_mfa(lanes, drawn)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = sum(own.nbytes for own in kept.values())
    whole = (peak - 2 * size) + 10_000 / count * 2 * size  # parts, then joined
    found.append(("  memory at 10,000 samples, beyond the inputs", f"{whole / 2**20:.0f} MiB", "400 MiB", whole <= 400 * 2**20))  # fmt: skip
    return found


def exponents() -> list[tuple[str, str, str, bool | None]]:
    """Return how the time of the closed cycle grows with samples, years and series."""

    def timed(samples: int, years: int, regions: int) -> float:
        numbers = cycle.parameters().isel(year=slice(years))
        labels = [f"region {i}" for i in range(regions)]
        numbers = numbers.isel(region=np.arange(regions) % 5).assign_coords(region=labels)
        system = cycle.system()
        system = system.model_copy(
            update={"dimensions": {**system.dimensions, "region": tuple(labels)}}
        )
        first = int(cycle.YEARS[0])
        lanes = Lanes(system, SAMPLED, range(first, first + years), CYCLE_KEPT, CHUNK)
        drawn = cycle_samples(numbers, samples)
        return seconds(lambda: by_mfa(lanes, drawn), 2)

    cases = {
        "samples, 256 … 2048": [(n, timed(n, 101, 5)) for n in (256, 512, 1024, 2048)],
        "years, 26 … 101": [(n, timed(256, n, 5)) for n in (26, 51, 101)],
        "series, 150 … 1200": [(30 * n, timed(256, 101, n)) for n in (5, 10, 20, 40)],
    }
    rows: list[tuple[str, str, str, bool | None]] = []
    for name, points in cases.items():
        sizes, times = np.log(np.array(points)).T
        slope = float(np.polyfit(sizes, times, 1)[0])
        told = ", ".join(f"{time * 1e3:.0f}" for _, time in points)
        rows.append((f"closed cycle over {name} ({told} ms)", f"n^{slope:.2f}", "", None))
    return rows


def worker_rows(least: float = 20.0) -> list[tuple[str, str, str, bool | None]]:
    """Return how much faster two workers are than one, warm, with so many seconds of work at least.

    In seconds of the clock: only a machine with nothing else to do tells.
    """
    scenario = mfa.read_scenario(REFERENCE)
    work, _ = prepared(scenario, 2**20)
    block = 4 * CHUNK

    def clock(pool: Pool, first: int, blocks: int) -> float:
        start = time.perf_counter()
        tasks = tasks_of(range(first, first + blocks * block // CHUNK), block)
        for _ in pool.results(work, tasks):
            pass
        return time.perf_counter() - start

    found: list[tuple[str, str, str, bool | None]] = []
    for kind, work_seconds, rounds in (("processes", least, 2), ("threads", least / 4, 1)):
        with opened(kind, 1) as one, opened(kind, 2) as two:
            for pool in (one, two):
                clock(pool, 0, 2 * pool.workers)  # warm: imported, planned, compiled
            blocks = 2 * round(1 + work_seconds / clock(one, 0, 4) * 2)
            times = [(clock(one, 0, blocks), clock(two, 0, blocks)) for _ in range(rounds)]
        alone, both = (min(own) for own in zip(*times, strict=True))
        limit = 1.7 if kind == "processes" else None
        found.append((
            f"reference: one worker / two, {kind} ({alone:.0f} s of work)", f"{alone / both:.2f} x",
            f"{limit} x" if limit else "", alone / both >= limit if limit else None,
        ))  # fmt: skip
        each = both / (blocks * block)
        found.append((f"  two {kind}, by the clock, a sample", f"{each * 1e3:.2f} ms", "1 ms" if limit else "", each <= 1e-3 if limit else None))  # fmt: skip
    return found


def cost_rows() -> list[tuple[str, str, str, bool | None]]:
    """Return the table of cost against samples, years, series and processes, and a large model of it."""
    return [*exponents(), *worker_rows(), *large_rows()]


LARGE = {"samples": 10**6, "regions": 200, "products": 100, "materials": 20, "years": 150}


def large_rows(count: int = 256) -> list[tuple[str, str, str, bool | None]]:
    """Return what a large model would take, from the cost of the closed cycle today."""
    lanes = cycle_lanes()
    drawn = cycle_samples(cycle.parameters(), count)
    sizes = [len(labels) for labels in lanes.system.dimensions.values()]
    worked = (
        sizes[0] * sizes[1] * len(lanes.years)
    )  # region × product × year: lifetimes differ there
    one = seconds(lambda: by_mfa(lanes, drawn)) / count / worked
    cells = LARGE["regions"] * LARGE["products"] * LARGE["years"]
    market = cells * LARGE["materials"] * 1e-9  # a product and a sum a nanosecond
    cohorts = cells * LARGE["years"] / 2 * 0.5e-9
    each = cells * one + market + cohorts
    hours = each * LARGE["samples"] / 3600
    return [
        ("large model: a cell of the closed cycle", f"{one * 1e6:.3f} µs", "", None),
        ("  a sample (cells, market by material, cohorts)", f"{each:.2f} s", "", None),
        ("  core-hours for 10^6 samples", f"{hours:.0f}", "", None),
        ("  bytes kept by material and year", f"{5 * LARGE['materials'] * LARGE['years'] * 8 * LARGE['samples'] / 1e9:.0f} GB", "", None),
    ]  # fmt: skip


def rows() -> list[tuple[str, str, str, bool | None]]:
    return [*reference_rows(), *cycle_rows(), *cost_rows()]

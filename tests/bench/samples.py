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
from mfa.draws import make_draws
from mfa.kept import recipe
from mfa.sample_jobs import CHECKED, CHUNK, Job
from mfa.sample_lanes import Lanes
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
    raw = recipe(None, mfa.plan(scenario)).raw  # what is kept unless another keep is told
    job = Job(scenario, make_draws(scenario, count, 0, "random", False).design, raw)
    whole = seconds(lambda: job.block(0, count // CHUNK)) / count
    drawn = seconds(lambda: job.drawn(range(count), job.uncertain)) / count
    one = seconds(lambda: mfa.simulate(job.lanes.single, job.certain), 5)
    return [
        ("reference: a sample, what is kept", f"{whole * 1e3:.2f} ms", "1 ms", whole <= 1e-3),
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
        return seconds(lambda: by_mfa(lanes, drawn), 3)

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


def rows() -> list[tuple[str, str, str, bool | None]]:
    return [*reference_rows(), *cycle_rows(), *exponents()]

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
from mfa.sample_jobs import CHUNK, Job
from mfa.sample_lanes import Lanes
from tests.bench import closed_cycle as cycle

REFERENCE = Path(__file__).parents[2] / "scenarios" / "reference.yaml"
PLACES = ("region", "end_use")
KEPT = {
    "metal_to_fabricate": PLACES,
    "supply_to_metal": ("region",),
    "recycle_to_metal": PLACES,
    "scrap_to_metal": PLACES,
    "vehicles_stock": ("region",),
    "storage_stock": ("region",),
    "products_stock": PLACES,
}
"""Demand, primary and secondary supply and the stock in use, summed over places."""

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
    """Compute samples chunk by chunk, mass checked, the first of every four chunks by itself too."""
    parts: dict[str, list[Any]] = {name: [] for name in lanes.keep}
    for start in range(0, numbers.sizes["sample"], lanes.count):
        found, _ = lanes.compute(numbers, start)
        if start % (4 * CHUNK) == 0:
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
    """Return the least seconds of some rounds, warm."""
    work()
    best = np.inf
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best

"""Runs of many samples: in blocks, on any executor, with the same bits however they are divided.

Arithmetic runs in chunks of 64 samples that start at multiples of 64, in lanes
whose number depends on the system alone.  What is computed for a chunk is fixed
by the scenario, the seed and the design; blocks, workers and the samples that
are asked for only decide which chunks are computed where and what is kept.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa import runs
from mfa.designs import Design, Kind
from mfa.draws import columns_of, make_draws
from mfa.errors import MfaError
from mfa.kept import Keep, recipe
from mfa.plans import plan
from mfa.provenance import with_provenance
from mfa.sample_jobs import CHUNK
from mfa.sample_pools import opened, tasks_of
from mfa.sample_tasks import Failure, Work
from mfa.scenario import Scenario

Array = NDArray[np.float64]

MOST_BYTES = 2**31
"""A result with more bytes than this is refused by :func:`run`."""

BLOCK = 1024
"""Samples of one task, if it is not said."""


def run(
    scenario: Scenario,
    samples: int | Iterable[int] | None = None,
    *,
    seed: int = 0,
    design: Kind | Design = "random",
    independent: bool = False,
    keep: Keep | None = None,
    executor: str | Executor = "serial",
    workers: int | None = None,
    block: int = BLOCK,
) -> xr.Dataset:
    """Run one scenario: parameters, flows, stocks and the mass balance; once, or for many samples.

    Parameters
    ----------
    scenario : Scenario
        As :func:`mfa.read_scenario` returns it.
    samples : int or iterable of int, optional
        Draw the uncertain values so many times, or for these sample numbers.
    seed : int
    design : {"random", "lhs", "sobol", "saltelli"} or Design
    independent : bool
        By default a sample has the same draws in every scenario; with this it has not.
    keep : str, sequence of str, or mapping of str to dims, optional
        What the result has of each sample: flows, stocks and parameters, in a mapping summed over
        dimensions, ``{"mine_to_ore": ["mine_country"]}``, and quantities and rates of roles, of the
        world, like ``"demand"`` or ``"indicator_recycled_content"``.  ``"all"`` are all flows and
        stocks.  If it is not said: demand, primary and secondary supply, metal in use and (with
        capacities) unmet demand, summed over
        places; of a system without roles all flows and stocks, summed over places.
    executor : {"serial", "threads", "processes"} or Executor
        Where blocks are computed: any executor of :mod:`concurrent.futures` does.  A script
        that uses processes has its own code under ``if __name__ == "__main__":``.
    workers : int, optional
        Threads or processes; without it as many as there are processors.
    block : int
        Samples of one task, rounded up to multiples of 64.

    Returns
    -------
    Dataset
        Flows and stocks (see :func:`simulate`) beside the parameters that they
        were computed from; the global attributes say what made it.  With samples, what is
        kept of each, with the dimension ``sample`` first.  Its numbers depend on the
        scenario, the seed and the design only, bit for bit, not on executor, workers or block.
        A sample that cannot be run is left out: a warning says which and why, the
        attribute ``failed_samples`` which.

    Raises
    ------
    MfaError
        As :func:`mfa.build_parameters` and :func:`mfa.simulate`; if a name that is to be kept
        is unknown, the result would not fit, or no sample can be run.

    Examples
    --------
    >>> import mfa
    >>> reference = mfa.read_scenario("scenarios/reference.yaml")  # doctest: +SKIP
    >>> result = mfa.run(reference)                                # doctest: +SKIP
    >>> band = mfa.run(reference, samples=1000)                    # doctest: +SKIP
    """
    if samples is None or not isinstance(scenario, Scenario):
        return runs.run(scenario)
    work, numbers = prepared(scenario, samples, seed, design, independent, keep)
    if (size := sample_bytes(work) * len(numbers)) > MOST_BYTES:
        raise MfaError(
            f"{len(numbers):,} samples of what is kept would take {size / 2**30:,.1f} GiB, "
            f"{MOST_BYTES / 2**30:g} GiB is the most; name what to keep, and over what it is summed, "
            "like keep={'mine_to_metal': ['region']}, or let 'mfa run --samples' write them to disk"
        )
    tasks = tasks_of([number // CHUNK for number in numbers], block)
    wanted = np.asarray(numbers)
    values: dict[str, Array] = {}
    failed: list[Failure] = []
    worst = 0.0
    with opened(executor, workers) as pool:
        for (first, last), found in pool.results(work, tasks):
            inside = (wanted >= first * CHUNK) & (wanted < last * CHUNK)
            for name, own in found.values.items():
                if name not in values:
                    values[name] = np.empty((len(wanted), *own.shape[1:]))
                values[name][inside] = own[wanted[inside] - first * CHUNK]
            failed += found.failed
            worst = max(worst, found.worst)
    asked = {*numbers}
    failed = sorted((one for one in failed if one.sample in asked), key=lambda one: one.sample)
    sound = require_some(numbers, failed)
    if failed:
        lost = {one.sample for one in failed}
        here = np.array([number not in lost for number in numbers])
        values = {name: own[here] for name, own in values.items()}
        warnings.warn("left out: " + "\n".join(map(str, failed)), stacklevel=2)
    return assembled(work, sound, values, worst, failed)


def prepared(
    scenario: Scenario,
    samples: int | Iterable[int],
    seed: int = 0,
    design: Kind | Design = "random",
    independent: bool = False,
    keep: Keep | None = None,
    modules: Sequence[str] = (),
) -> tuple[Work, tuple[int, ...]]:
    """Return what is to be computed, checked, and the sample numbers."""
    draws = make_draws(scenario, samples, seed, design, independent)
    kept = recipe(keep, plan(scenario.system))
    return Work(scenario, draws.design, kept, tuple(modules)), draws.samples


def one_sample(
    scenario: Scenario,
    number: int,
    samples: int,
    seed: int = 0,
    design: Kind = "random",
    independent: bool = False,
) -> tuple[xr.Dataset, str]:
    """Return all flows, stocks and uncertain parameters of one sample, and its values in words.

    Raises
    ------
    MfaError
        If it cannot be run: why, and its values.
    """
    work, _ = prepared(scenario, samples, seed, design, independent, "all")
    names = [*work.recipe.names, *work.job.uncertain]
    found = run(scenario, [number], design=work.design, keep=names, block=CHUNK)
    return found, work.told(number)


def sample_bytes(work: Work) -> int:
    """Return how many bytes of one sample are kept."""
    return sum(8 * work.certain[name].size for name in work.recipe.names)


def require_some(numbers: Sequence[int], failed: Sequence[Failure]) -> tuple[int, ...]:
    """Return the samples that could be run; raise if there are none."""
    lost = {one.sample for one in failed}
    sound = tuple(number for number in numbers if number not in lost)
    if not sound:
        many = f"none of {len(numbers)} samples can be run; the first: "
        start = many if len(numbers) > 1 else ""
        raise MfaError(f"{start}{failed[0]}")
    return sound


def assembled(
    work: Work,
    sound: Sequence[int],
    values: Mapping[str, Array],
    worst: float,
    failed: Sequence[Failure],
    told: Sequence[int] | None = None,
) -> xr.Dataset:
    """Return samples with labels and all that says what made them.

    Parameters
    ----------
    work : Work
    sound : sequence of int
        Sample numbers, of which `values` are.
    values : mapping of name to array (sample, …)
    worst : float
        The worst relative mass balance.
    failed : sequence of Failure
        Samples that are left out.
    told : sequence of int, optional
        The sample numbers that the manifest tells, if values are to follow later.
    """
    like = work.certain
    variables = {
        name: xr.Variable(("sample", *like[name].dims), values[name], like[name].attrs)
        for name in work.recipe.names
    }
    used = {str(d) for variable in variables.values() for d in variable.dims}
    coords = {d: c for d, c in like.coords.items() if d in used}
    label = xr.Variable("sample", np.array(sound, dtype=int), {"long_name": "sample number"})
    attrs = like.attrs | {"balance_residual": worst}
    for key, own in (("flows", work.plan.flows), ("stocks", work.plan.stocks)):
        attrs[key] = ", ".join(name for name in own if name in work.recipe.names)
    result = xr.Dataset(variables, {**coords, "sample": label}, attrs)
    drawn = _told(work)
    if failed:
        drawn["failed_samples"] = ", ".join(ranges([one.sample for one in failed]))
    result = with_provenance(result, [work.scenario]).assign_attrs(drawn)
    result["sample"].attrs["long_name"] = "sample number"
    result.encoding["scenario"]["draws"] = drawn | {"samples": ranges(told or sound)}
    return result


def ranges(samples: Sequence[int]) -> list[str]:
    """Return sample numbers as ranges.

    >>> ranges([0, 1, 2, 7])
    ['0–2', '7']
    """
    found: list[list[int]] = []
    for number in samples:
        if found and number == found[-1][-1] + 1:
            found[-1][-1] = number
        else:
            found.append([number, number])
    return [f"{a}–{b}" if a < b else f"{a}" for a, b in found]


def _told(work: Work) -> dict[str, Any]:
    """Return what the numbers were drawn with, as attributes."""
    design = work.design
    columns = design.columns or sorted(columns_of(work.scenario))
    found: dict[str, Any] = {
        "seed": int(design.seed),
        "design": design.kind,
        "design_columns": "; ".join(columns),  # names hold commas
    }
    if design.kind == "lhs":
        found["design_samples"] = int(design.count or 0)
    if design.stream:
        found["independent_draws"] = design.stream
    return found

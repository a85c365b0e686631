"""Runs of many samples: in blocks, on any executor, with the same bits however they are divided.

Arithmetic runs in chunks of 64 samples that start at multiples of 64, in lanes
whose number depends on the system alone.  What is computed for a chunk is fixed
by the scenario, the seed and the design; blocks, workers and the samples that
are asked for only decide which chunks are computed where and what is kept.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from functools import lru_cache
from math import prod
from multiprocessing import get_all_start_methods, get_context
from os import cpu_count
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa import runs
from mfa.designs import Design, Kind
from mfa.draws import make_draws
from mfa.errors import MfaError, known
from mfa.plans import Plan, plan
from mfa.provenance import with_provenance
from mfa.runs import simulate
from mfa.sample_jobs import CHUNK, Job
from mfa.scenario import Scenario

Array = NDArray[np.float64]
Keep: TypeAlias = str | Sequence[str] | Mapping[str, str | Sequence[str]]

MOST_BYTES = 2**31
"""A result with more bytes than this is refused."""

START = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
"""How processes begin: fresh, because compiled loops have threads that a copy would lack."""

BLOCK = 1024
"""Samples of one task, if it is not said."""


def compute(
    job: Job,
    samples: Sequence[int],
    executor: str | Executor = "serial",
    workers: int | None = None,
    block: int = BLOCK,
) -> tuple[dict[str, Array], float]:
    """Return what a job keeps of samples, in their order, and the worst relative mass balance.

    Parameters
    ----------
    job : Job
    samples : sequence of int
    executor : {"serial", "threads", "processes"} or Executor
        Any executor of :mod:`concurrent.futures` does.
    workers : int, optional
        Threads or processes; without it as many as there are processors.
    block : int
        Samples of one task, rounded up to whole chunks.

    Raises
    ------
    MfaError
        If the executor is unknown, or the result would not fit.
    """
    _require_fitting(job, len(samples))
    tasks = list(_tasks(samples, block))
    numbers = np.asarray(samples)
    found: dict[str, Array] = {}
    worst = 0.0
    for (first, last), (values, residual) in _results(job, tasks, executor, workers):
        inside = (numbers >= first * CHUNK) & (numbers < last * CHUNK)
        for name, own in values.items():
            if name not in found:
                found[name] = np.empty((len(numbers), *own.shape[1:]))
            found[name][inside] = own[numbers[inside] - first * CHUNK]
        worst = max(worst, residual)
    return found, worst


def _tasks(samples: Sequence[int], block: int) -> Iterator[tuple[int, int]]:
    """Yield (first, last + 1) of the chunks of each task."""
    size = max(1, -(-int(block) // CHUNK))
    chunks = sorted({int(number) // CHUNK for number in samples})
    start = 0
    while start < len(chunks):
        end = start + 1
        while end < len(chunks) and chunks[end] == chunks[end - 1] + 1 and end - start < size:
            end += 1
        yield chunks[start], chunks[end - 1] + 1
        start = end


Task = tuple[int, int]
Found = tuple[dict[str, Array], float]


def _results(
    job: Job, tasks: Sequence[Task], executor: str | Executor, workers: int | None
) -> Iterator[tuple[Task, Found]]:
    if executor == "serial":
        for task in tasks:
            yield task, job.block(*task)
        return
    count = max(1, min(workers or cpu_count() or 1, len(tasks)))
    if executor == "threads":
        _ = job.plan, job.certain  # made once, before the threads start
        with ThreadPoolExecutor(count) as pool:
            yield from _finished({pool.submit(job.block, *task): task for task in tasks})
    elif executor == "processes":
        with ProcessPoolExecutor(count, mp_context=get_context(START)) as pool:
            yield from _submitted(pool, job, tasks)
    elif isinstance(executor, Executor):
        yield from _submitted(executor, job, tasks)
    else:
        names = ("serial", "threads", "processes")
        raise MfaError(
            f"executor {executor!r} is unknown. {known(executor, names, 'executors')}; or give an "
            "Executor of concurrent.futures"
        )


def _submitted(pool: Executor, job: Job, tasks: Sequence[Task]) -> Iterator[tuple[Task, Found]]:
    told = pickle.dumps((job.scenario, job.design, dict(job.keep)))
    yield from _finished({pool.submit(_elsewhere, told, *task): task for task in tasks})


def _finished(futures: Mapping[Future[Found], Task]) -> Iterator[tuple[Task, Found]]:
    """Yield tasks with what they found; the first that fails stops those not yet begun."""
    try:
        for future, task in futures.items():
            yield task, future.result()
    except BrokenExecutor as error:
        raise MfaError(
            "a worker died before its samples were computed, most likely for want of memory; use "
            "fewer workers or smaller blocks"
        ) from error
    finally:
        for future in futures:
            future.cancel()


def _elsewhere(told: bytes, first: int, last: int) -> Found:
    """Compute a task in another process, which keeps what it has prepared for the job."""
    return _job(told).block(first, last)


@lru_cache(maxsize=1)
def _job(told: bytes) -> Job:
    return Job(*pickle.loads(told))


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
    design : {"random", "lhs", "sobol"} or Design
    independent : bool
        By default a sample has the same draws in every scenario; with this it has not.
    keep : sequence of str, or mapping of str to dims, optional
        Flows, stocks and parameters of the result, ``{"mine_to_ore": ["mine_country"]}`` summed
        over these dimensions; all flows and stocks if it is not said.
    executor : {"serial", "threads", "processes"} or Executor
        Where blocks are computed: any executor of :mod:`concurrent.futures` does.  A script
        that uses processes has its own code under ``if __name__ == "__main__":``.
    workers : int, optional
    block : int
        Samples of one task, rounded up to multiples of 64.

    Returns
    -------
    Dataset
        Flows and stocks (see :func:`simulate`) beside the parameters that they
        were computed from; the global attributes say what made it.  With samples, what is
        kept of each, with the dimension ``sample`` first.  Its numbers depend on the
        scenario, the seed and the design only, bit for bit, not on executor, workers or block.

    Raises
    ------
    MfaError
        As :func:`mfa.build_parameters` and :func:`mfa.simulate`; if a name that is to be kept
        is unknown or the result would not fit.

    Examples
    --------
    >>> import mfa
    >>> reference = mfa.read_scenario("scenarios/reference.yaml")  # doctest: +SKIP
    >>> result = mfa.run(reference)                                # doctest: +SKIP
    >>> band = mfa.run(reference, samples=1000, keep=["mine_to_ore"])  # doctest: +SKIP
    """
    if samples is None or not isinstance(scenario, Scenario):
        return runs.run(scenario)
    draws = make_draws(scenario, samples, seed, design, independent)
    compiled = plan(scenario.system)
    job = Job(scenario, draws.design, _kept(keep, compiled, scenario))
    if not job.keep:
        raise MfaError("keep: nothing is kept; name a flow, a stock or an uncertain parameter")
    values, worst = compute(job, draws.samples, executor, workers, block)
    one = simulate(compiled, job.certain)
    variables: dict[str, xr.Variable] = {}
    for name, summed in job.keep.items():
        like = (one if name in one else job.certain).variables[name]
        dims = ("sample", *(dim for dim in like.dims if dim not in summed))
        variables[name] = xr.Variable(dims, values[name], like.attrs)
    used = {str(d) for variable in variables.values() for d in variable.dims}
    coords = {d: c for d, c in one.coords.items() if d in used} | {
        d: c for d, c in job.certain.coords.items() if d in used
    }
    label = xr.Variable("sample", np.array(draws.samples), {"long_name": "sample number"})
    attrs = one.attrs | {"balance_residual": worst}
    for key, own in (("flows", compiled.flows), ("stocks", compiled.stocks)):
        attrs[key] = ", ".join(name for name in own if name in job.keep)
    result = xr.Dataset(variables, {**coords, "sample": label}, attrs)
    result = with_provenance(result, [scenario]).assign_attrs(_told(job))
    result.encoding["scenario"]["draws"] = _told(job) | {"samples": _ranges(draws.samples)}
    return result


def _ranges(samples: Sequence[int]) -> list[str]:
    """Return sample numbers as ranges.

    >>> _ranges([0, 1, 2, 7])
    ['0–2', '7']
    """
    found: list[list[int]] = []
    for number in samples:
        if found and number == found[-1][-1] + 1:
            found[-1][-1] = number
        else:
            found.append([number, number])
    return [f"{a}–{b}" if a < b else f"{a}" for a, b in found]


def _told(job: Job) -> dict[str, Any]:
    """Return what the numbers were drawn with, as attributes."""
    design = job.design
    found: dict[str, Any] = {"seed": int(design.seed), "design": design.kind}
    if design.kind == "lhs":
        found["design_samples"] = int(design.count or 0)
    if design.kind == "sobol":
        found["design_columns"] = "; ".join(design.columns)  # names hold commas
    if design.stream:
        found["independent_draws"] = design.stream
    return found


def _kept(keep: Keep | None, compiled: Plan, scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """Return what is kept and what of it is summed, checked."""
    steps = {step.stock: step.stock_dims for step in compiled.steps if step.stock}
    dims: dict[str, tuple[str, ...]] = {**compiled.dims, **steps}
    dims |= {name: spec.dims for name, spec in scenario.system.parameters.items()}
    if keep is None:
        return dict.fromkeys((*compiled.flows, *compiled.stocks), ())
    told: Mapping[str, str | Sequence[str]] = (
        keep
        if isinstance(keep, Mapping)
        else dict.fromkeys([keep] if isinstance(keep, str) else keep, ())
    )
    found: dict[str, tuple[str, ...]] = {}
    for name, summed in told.items():
        if name not in dims:
            raise MfaError(f"keep: there is no {name!r}. {known(name, dims, 'names')}")
        found[name] = (summed,) if isinstance(summed, str) else tuple(summed)
        for dim in found[name]:
            if dim not in dims[name] or dim == "year":
                own = [d for d in dims[name] if d != "year"]
                hint = known(dim, own, "dimensions")
                raise MfaError(f"keep: {name!r} cannot be summed over {dim!r}. {hint}")
    return found


def _require_fitting(job: Job, count: int) -> None:
    sizes = {"year": job.years, **{d: len(o) for d, o in job.scenario.system.dimensions.items()}}
    steps = {step.stock: step.stock_dims for step in job.plan.steps if step.stock}
    cells = 0
    for name, summed in job.keep.items():
        if name in job.certain:
            dims = tuple(map(str, job.certain[name].dims))
        else:
            dims = ("year", *(job.plan.dims[name] if name in job.plan.flows else steps[name]))
        cells += prod(sizes[d] for d in dims if d != "sample" and d not in summed)
    if 8 * cells * count > MOST_BYTES:
        raise MfaError(
            f"{count:,} samples of what is kept would take {8 * cells * count / 2**30:,.1f} GiB, "
            f"{MOST_BYTES / 2**30:g} GiB is the most; name what to keep, and over what it is summed, "
            "like keep={'mine_to_metal': ['region']}"
        )

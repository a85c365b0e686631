"""Runs of many samples: in blocks, on any executor, with the same bits however they are divided.

Arithmetic runs in chunks of 64 samples that start at multiples of 64, in lanes
whose number depends on the system alone.  What is computed for a chunk is fixed
by the scenario, the seed and the design; blocks, workers and the samples that
are asked for only decide which chunks are computed where and what is kept.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from multiprocessing import get_context
from os import cpu_count
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa import runs
from mfa.designs import Design, Kind
from mfa.draws import make_draws
from mfa.errors import MfaError, known
from mfa.parameters import build_parameters
from mfa.plans import Plan, plan
from mfa.provenance import with_provenance
from mfa.runs import simulate
from mfa.sampled_system import sampled_system, widened
from mfa.scenario import Scenario

Array = NDArray[np.float64]

CHUNK = 64
"""Samples that are computed in one go, from a multiple of this on."""

LANE_BYTES = 2**26
"""Flows and stocks of the samples that are computed beside each other take about this at most."""

MOST_BYTES = 2**31
"""A result with more bytes than this is refused."""

BLOCK = 1024
"""Samples of one task, if it is not said."""


@dataclass(frozen=True, eq=False)
class Job:
    """What is computed for each sample, and how the numbers are drawn.

    Attributes
    ----------
    scenario : Scenario
    design : Design
    keep : tuple of str
        Flows, stocks and parameters that are returned.
    """

    scenario: Scenario
    design: Design
    keep: tuple[str, ...]

    @cached_property
    def certain(self) -> xr.Dataset:
        """Parameters as they were written."""
        return build_parameters(self.scenario)

    @cached_property
    def uncertain(self) -> tuple[str, ...]:
        """Names of the parameters that differ between samples."""
        some = self.drawn(range(1), None)
        return tuple(str(name) for name in some if "sample" in some[name].dims)

    @cached_property
    def plan(self) -> Plan:
        """The plan of the system with samples, in lanes."""
        whole = plan(sampled_system(self.scenario.system, self.uncertain, 1))
        cells = [_cells(whole, name, self.years) for name in (*whole.flows, *whole.stocks)]
        lanes = CHUNK
        while lanes > 1 and 8 * lanes * sum(cells) > LANE_BYTES:
            lanes //= 2
        return plan(sampled_system(self.scenario.system, self.uncertain, lanes))

    @property
    def years(self) -> int:
        return self.scenario.years[1] - self.scenario.years[0] + 1

    def drawn(self, samples: Sequence[int], names: Sequence[str] | None) -> xr.Dataset:
        """Return parameters of samples; numbers that a design has not repeat its last one."""
        numbers = np.asarray(samples)
        if self.design.kind == "lhs":
            numbers = np.minimum(numbers, int(self.design.count or 0) - 1)
        return build_parameters(self.scenario, names, samples=numbers.tolist(), design=self.design)

    def block(self, first: int, last: int) -> tuple[dict[str, Array], float]:
        """Return what is kept of all samples of the chunks first … last − 1, and the worst balance."""
        numbers = range(first * CHUNK, last * CHUNK)
        drawn = self.drawn(numbers, self.uncertain)
        whole = self.certain.drop_vars(list(self.uncertain)).assign(
            {name: drawn[name] for name in self.uncertain}
        )
        lanes = len(self.plan.system.dimensions["sample"])
        parts: dict[str, list[Array]] = {name: [] for name in self.keep}
        worst = 0.0
        for start in range(0, len(numbers), lanes):
            here = {"sample": slice(start, start + lanes)}
            some = widened(whole.isel(here, missing_dims="ignore"), self.plan.system)
            result = simulate(self.plan, some)
            worst = max(worst, float(result.attrs["balance_residual"]))
            for name in self.keep:
                found = result if name in result else some
                own = found[name]
                if "sample" not in own.dims:
                    own = own.expand_dims(sample=lanes)
                parts[name].append(own.transpose("sample", ...).values)
        return {name: np.concatenate(own) for name, own in parts.items()}, worst


def _cells(compiled: Plan, name: str, years: int) -> int:
    """Return how many numbers one sample of a flow or stock has."""
    sizes = {d: len(labels) for d, labels in compiled.system.dimensions.items()}
    steps = {step.stock: step for step in compiled.steps if step.stock}
    dims = compiled.dims[name] if name in compiled.flows else steps[name].stock_dims
    return years * prod(sizes[d] for d in dims if d != "sample")


# ------------------------------------------------------------------ executors


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
        with ProcessPoolExecutor(count, mp_context=get_context("forkserver")) as pool:
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
    told = pickle.dumps((job.scenario, job.design, job.keep))
    yield from _finished({pool.submit(_elsewhere, told, *task): task for task in tasks})


def _finished(futures: Mapping[Future[Found], Task]) -> Iterator[tuple[Task, Found]]:
    """Yield tasks with what they found; the first that fails stops those not yet begun."""
    try:
        for future, task in futures.items():
            yield task, future.result()
    finally:
        for future in futures:
            future.cancel()


def _elsewhere(told: bytes, first: int, last: int) -> Found:
    """Compute a task in another process, which keeps what it has prepared for the job."""
    return _job(told).block(first, last)


@lru_cache(maxsize=1)
def _job(told: bytes) -> Job:
    return Job(*pickle.loads(told))


# --------------------------------------------------------------------- result


def run(
    scenario: Scenario,
    samples: int | Iterable[int] | None = None,
    *,
    seed: int = 0,
    design: Kind | Design = "random",
    independent: bool = False,
    keep: str | Sequence[str] | None = None,
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
    keep : sequence of str, optional
        Flows, stocks and uncertain parameters of the result; all flows and stocks if it is not said.
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
    names = (*compiled.flows, *compiled.stocks)
    job = Job(scenario, draws.design, _kept(keep, names, scenario))
    if job.keep == ():
        raise MfaError("keep: nothing is kept; name a flow, a stock or an uncertain parameter")
    values, worst = compute(job, draws.samples, executor, workers, block)
    one = simulate(compiled, job.certain)
    variables: dict[str, xr.Variable] = {}
    for name in job.keep:
        like = (one if name in one else job.certain).variables[name]
        variables[name] = xr.Variable(("sample", *like.dims), values[name], like.attrs)
    used = {str(d) for variable in variables.values() for d in variable.dims}
    coords = {d: c for d, c in one.coords.items() if d in used} | {
        d: c for d, c in job.certain.coords.items() if d in used
    }
    label = xr.Variable("sample", np.array(draws.samples), {"long_name": "sample number"})
    attrs = one.attrs | {"balance_residual": worst}
    for key, own in (("flows", compiled.flows), ("stocks", compiled.stocks)):
        attrs[key] = ", ".join(name for name in own if name in job.keep)
    result = xr.Dataset(variables, {**coords, "sample": label}, attrs)
    return with_provenance(result, [scenario]).assign_attrs(_told(job))


def _told(job: Job) -> dict[str, Any]:
    """Return what the numbers were drawn with, as attributes."""
    design = job.design
    found: dict[str, Any] = {"seed": int(design.seed), "design": design.kind}
    if design.kind == "lhs":
        found["design_samples"] = int(design.count or 0)
    if design.kind == "sobol":
        found["design_columns"] = "; ".join(design.columns)
    if design.stream:
        found["independent_draws"] = design.stream
    return found


def _kept(
    keep: str | Sequence[str] | None, names: Sequence[str], scenario: Scenario
) -> tuple[str, ...]:
    if keep is None:
        return tuple(names)
    allowed = (*names, *scenario.system.parameters)
    for name in [keep] if isinstance(keep, str) else keep:
        if name not in allowed:
            raise MfaError(f"keep: there is no {name!r}. {known(name, allowed, 'names')}")
    return (keep,) if isinstance(keep, str) else tuple(dict.fromkeys(keep))


def _require_fitting(job: Job, count: int) -> None:
    flows = (*job.plan.flows, *job.plan.stocks)
    cells = sum(
        _cells(job.plan, name, job.years) if name in flows else job.certain[name].size
        for name in job.keep
    )
    if 8 * cells * count > MOST_BYTES:
        raise MfaError(
            f"{count:,} samples of what is kept would take {8 * cells * count / 2**30:,.1f} GiB, "
            f"{MOST_BYTES / 2**30:g} GiB is the most; name what to keep, like keep=['{flows[0]}']"
        )

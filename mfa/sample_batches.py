"""Many samples of one or several scenarios in one command: kept chunk by chunk, and gone on with.

For each scenario the chunks that are not finished are computed and written as
parts; when all are there the result is assembled.  What was finished with the
same inputs before is not done again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from time import perf_counter
from typing import Literal

from mfa.contents import inputs_of
from mfa.designs import Kind
from mfa.errors import MfaError, each
from mfa.folders import check_target
from mfa.kept import Keep
from mfa.parts import Parts
from mfa.progress import chunk_progress
from mfa.sample_jobs import CHUNK
from mfa.sample_memory import Fit, fitting
from mfa.sample_pools import Pool, opened, tasks_of
from mfa.sample_results import is_finished, store_of, write
from mfa.sample_tasks import Failure, Work
from mfa.sampling import prepared, sample_bytes
from mfa.scenario import Scenario
from mfa.teams import cores

MEMORY = 2**31
"""Bytes that a run may take, if it is not said."""

BLOCK = 256
"""Samples of one task, if it is not said: what is lost at most when a worker is killed."""


@dataclass(frozen=True)
class Order:
    """What is asked of a batch of samples; see ``mfa run --help``."""

    samples: int
    seed: int = 0
    design: Kind = "random"
    independent: bool = False
    keep: Keep | None = None
    executor: Literal["serial", "threads", "processes"] = "processes"
    workers: int | None = None
    cluster: str | None = None
    block: int = BLOCK
    memory: int = MEMORY
    store: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Item:
    """One scenario of a batch."""

    work: Work
    parts: Parts
    folder: Path
    inputs: str
    store: str

    @property
    def name(self) -> str:
        return self.work.scenario.name

    @property
    def bytes(self) -> int:
        return sample_bytes(self.work) * sum(map(len, self.parts.samples.values()))


@dataclass(frozen=True)
class Done:
    """What became of one scenario."""

    name: str
    folder: Path
    seconds: float
    computed: int
    found_before: int
    failed: tuple[Failure, ...] = ()
    skipped: bool = False
    note: str = ""


def items(
    scenarios: Sequence[Scenario], folder: Path, order: Order, modules: Sequence[str] = ()
) -> list[Item]:
    """Return what is to be done for each scenario, checked; nothing is written.

    Raises
    ------
    MfaError
        With the problems of all scenarios: of their values, of what is kept, of their folders.
    """

    def item(scenario: Scenario) -> Item:
        target = folder / scenario.name
        check_target(target)
        work, numbers = prepared(
            scenario,
            order.samples,
            order.seed,
            order.design,
            order.independent,
            order.keep,
            modules,
        )
        _ = work.certain
        store = store_of(work, len(numbers), order.memory, order.store)
        inputs = inputs_of(work, numbers)
        return Item(work, Parts(target, inputs, numbers, work.recipe.names), target, inputs, store)

    return each(scenarios, item)


def run(todo: Sequence[Item], order: Order) -> Iterator[Done]:
    """Compute and write each scenario, and yield what became of it as soon as it is whole.

    Raises
    ------
    MfaError
        If a worker died or nothing more can be written: what was finished is whole and stays.
    """
    count = sum(len(item.parts.samples) for item in todo)
    finished = _finished(todo, order)
    fits, note = _fit([item for item in todo if item.name not in finished], order)
    with _pool(order, fits.workers) as pool, chunk_progress(count) as told:
        for position, item in enumerate(todo):
            start, label = perf_counter(), f"{item.name} ({position + 1} of {len(todo)})"
            if order.force:
                rmtree(item.parts.folder, ignore_errors=True)
            elif item.name in finished:
                told(label, len(item.parts.samples))
                yield Done(item.name, item.folder, 0.0, 0, len(item.parts.samples), skipped=True)
                continue
            missing = item.parts.missing()
            before = len(item.parts.samples) - len(missing)
            told(label, before)
            tasks = tasks_of(missing, _block(fits, pool, len(missing)))
            with _gone_on_with(item):
                for (first, last), found in pool.results(item.work, tasks):
                    item.parts.write(first, found)
                    told(label, last - first)
            failed = write(item.work, item.parts, item.folder, item.store, item.inputs)
            seconds = perf_counter() - start
            yield Done(item.name, item.folder, seconds, len(missing), before, failed, note=note)


def _fit(todo: Sequence[Item], order: Order) -> tuple[Fit, str]:
    """Return how many workers, and chunks at a time, there are, and what the memory left out."""
    chunks = sum(len(i.parts.samples if order.force else i.parts.missing()) for i in todo)
    serial = order.executor == "serial" or order.cluster is not None
    wanted = 1 if serial else min(order.workers or cores(), max(1, chunks))
    fits = fitting([item.work for item in todo], order.memory, wanted, order.block)
    few = f"{fits.workers} of {wanted} workers, as many as fit --memory"
    return fits, few if fits.workers < wanted else ""


def _finished(todo: Sequence[Item], order: Order) -> set[str]:
    """Return the names of scenarios that need not be done."""
    if order.force:
        return set()
    return {i.name for i in todo if is_finished(i.folder, i.inputs, order.store)}


def _pool(order: Order, workers: int) -> AbstractContextManager[Pool]:
    if order.cluster is not None:
        from mfa.clusters import connected

        return connected(order.cluster)
    serial = order.executor == "processes" and workers == 1
    return opened("serial" if serial else order.executor, workers)


def _block(fits: Fit, pool: Pool, missing: int) -> int:
    """Return the samples of a task: as fits, but fewer to occupy all workers."""
    return CHUNK * max(1, min(fits.chunks, -(-missing // pool.workers)))


@contextmanager
def _gone_on_with(item: Item) -> Iterator[None]:
    """Add to an error what is left and how to go on."""
    try:
        yield
    except MfaError as error:
        have = len(item.parts.samples) - len(item.parts.missing())
        raise MfaError(
            f"{item.name}: {error}\n{have} of {len(item.parts.samples)} chunks are finished and kept "
            f"in {item.parts.folder}; the same command goes on from there"
        ) from error


# ------------------------------------------------------------------ in advance


def estimate(todo: Sequence[Item], order: Order) -> Iterator[tuple[str, ...]]:
    """Yield what each scenario would take: samples, size, memory, time, measured on one chunk."""
    finished = _finished(todo, order)
    fits, _ = _fit([item for item in todo if item.name not in finished], order)
    for item in todo:
        chunks = len(item.parts.samples)
        if item.name in finished:
            yield item.name, "finished before, skipped", "", "", ""
            continue
        missing = chunks if order.force else len(item.parts.missing())
        seconds = _seconds_of_a_chunk(item.work)
        workers = min(fits.workers, max(1, missing))
        size, peak = item.bytes, _most_memory()
        assembling = 2 * size if item.store == "netcdf" else size // max(1, chunks) * 64
        file = "result.nc" if item.store == "netcdf" else "result.zarr"
        memory = f"{_size(peak + assembling)} here"
        if workers > 1:
            memory += f", {_size(peak)} in each of {workers} workers"
        yield (
            item.name,
            f"{order.samples:,} samples in {chunks:,} chunks, {chunks - missing:,} finished",
            f"{_size(size)} in {file}",
            memory,
            f"{_duration(missing * seconds / workers)} ({1e3 * seconds / CHUNK:.2g} ms a sample)",
        )


def _seconds_of_a_chunk(work: Work) -> float:
    """Return how long a chunk takes; once more if it was short, since the first one prepares."""
    seconds = 0.0
    for _ in range(2):
        start = perf_counter()
        work.block(0, 1)
        seconds = perf_counter() - start
        if seconds > 2.0:
            break
    return seconds


def _most_memory() -> int:
    """Return the most bytes that this process has held so far; nothing where that is not told."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    import sys

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)


def _size(count: float) -> str:
    """Write a number of bytes.

    >>> _size(3 * 2**30), _size(2000)
    ('3.0 GiB', '2.0 KiB')
    """
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} GiB"


def _duration(seconds: float) -> str:
    """Write a duration.

    >>> _duration(3.2), _duration(500), _duration(90_000)
    ('3.2 s', '8.3 min', '25.0 h')
    """
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:,.1f} h"

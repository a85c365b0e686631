"""What many samples may take of the memory: how many workers, and how many chunks at a time, fit.

Counted is what samples take beside the program itself and its inputs: what a
worker needs for a chunk, what it draws for more of them, and what is on its way
back and waits to be written.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from mfa.errors import MfaError
from mfa.sample_jobs import CHUNK
from mfa.sample_pools import UNDER_WAY
from mfa.sample_tasks import Work
from mfa.sampling import sample_bytes

LOOPED = 4
"""Times the flows and stocks of a chunk that loops, which are computed year by year, take at most."""

ROOM = 2**22
"""Bytes of tables that do not grow with the system."""

SPREAD = 1.02
"""How much more a chunk may take when it is measured again: small objects lie about differently."""


@dataclass(frozen=True)
class Need:
    """What samples of a scenario take.

    Attributes
    ----------
    name : str
        Of the scenario.
    chunk : int
        Bytes that a worker has at most while it computes a chunk.
    more : int
        Bytes of each further chunk of the same task.
    kept : int
        Bytes of what comes back of a chunk.
    """

    name: str
    chunk: int
    more: int
    kept: int

    def total(self, workers: int, chunks: int, waiting: int | None = None) -> int:
        """Return the bytes of so many workers with tasks of so many chunks.

        >>> Need("reference", chunk=70, more=15, kept=2).total(workers=2, chunks=3)
        224
        """
        waiting = UNDER_WAY * workers if waiting is None else waiting
        return workers * (self.chunk + (chunks - 1) * self.more) + waiting * chunks * self.kept


@dataclass(frozen=True)
class Fit:
    """How many workers fit into a budget, with tasks of how many chunks."""

    workers: int
    chunks: int


def fitting(works: Sequence[Work], memory: int, workers: int, block: int) -> Fit:
    """Return the most workers, and then the largest tasks, that fit into a budget.

    Parameters
    ----------
    works : sequence of Work
        One after the other.
    memory : int
        Bytes.
    workers : int
        Wanted.
    block : int
        Samples of a task, wanted.

    Raises
    ------
    MfaError
        If not even one chunk fits: what would.
    """
    wanted = max(1, -(-block // CHUNK))
    fits = Fit(workers, wanted)
    for work in works:
        need = most(work)
        if need.total(fits.workers, fits.chunks) > memory:
            need = measured(work)
        fits = _reduced(need, memory, fits)
    return fits


def _reduced(need: Need, memory: int, fits: Fit) -> Fit:
    """Return as many workers, and then chunks, as fit."""
    least = need.total(1, 1)
    if least > memory:
        raise MfaError(
            f"{need.name}: one chunk of {CHUNK} samples takes {_size(least)}, more than --memory "
            f"{_size(memory)}; give --memory {ceil(SPREAD * least / 2**20)}MiB or more"
        )
    workers = next(n for n in range(fits.workers, 0, -1) if need.total(n, 1) <= memory)
    chunks = next(n for n in range(fits.chunks, 0, -1) if need.total(workers, n) <= memory)
    return Fit(workers, chunks)


def most(work: Work) -> Need:
    """Return what samples take at most, from sizes alone: as if all flows and stocks were made."""
    lanes = work.job.lanes
    looped = any(part.kind != "all years" for part in lanes.plan.parts)
    chunk = lanes.most_bytes * (LOOPED if looped else 1) + ROOM
    return Need(work.scenario.name, chunk, *_beside(work))


def measured(work: Work) -> Need:
    """Return what samples take, of one chunk that is computed for that."""
    work.block(0, 1)  # what is prepared once, and what is imported, is not of a chunk
    own = not tracemalloc.is_tracing()
    gc.collect()
    if own:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        work.block(0, 1)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        if own:
            tracemalloc.stop()
    return Need(work.scenario.name, peak, *_beside(work))


def _beside(work: Work) -> tuple[int, int]:
    """Return the bytes of a further chunk of a task, and of what is kept of it."""
    kept = CHUNK * sample_bytes(work)
    drawn = CHUNK * work.job.drawn(range(1), work.job.uncertain).nbytes
    return 2 * drawn + 4 * kept, 2 * kept


def _size(count: float) -> str:
    """Write a number of bytes.

    >>> _size(3 * 2**20), _size(10**6)
    ('3 MiB', '0.954 MiB')
    """
    return f"{count / 2**20:.3g} MiB" if count < 2**30 else f"{count / 2**30:.3g} GiB"

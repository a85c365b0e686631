"""Where the tasks of many samples run: here, in threads, in processes, or on any Executor.

No more tasks are under way than keep all workers busy, so that results do not
pile up in memory; tasks come back as they are finished, in any order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_all_start_methods, get_context, parent_process
from multiprocessing.connection import wait as wait_for
from threading import Thread
from typing import Any

from mfa import sample_tasks
from mfa.errors import MfaError, known
from mfa.sample_jobs import CHUNK
from mfa.sample_tasks import Found, Work
from mfa.teams import cores

Task = tuple[int, int]
"""First and last + 1 of the chunks of a task."""

START = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
"""How processes begin: fresh, because compiled loops have threads that a copy would lack."""

EXECUTORS = ("serial", "threads", "processes")

UNDER_WAY = 2
"""Tasks for each worker that are submitted at a time."""


@dataclass(frozen=True)
class Pool:
    """Workers that take tasks.

    Attributes
    ----------
    executor : Executor, optional
        Without it tasks run in this thread.
    workers : int
    here : bool
        Whether the workers share the memory of this process.
    send : function of bytes
        What tasks are given instead of a description of the work.
    lost : tuple of exceptions
        What futures raise when a worker was lost.
    """

    executor: Executor | None = None
    workers: int = 1
    here: bool = True
    send: Callable[[bytes], Any] = field(default=lambda told: told)
    lost: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError)

    def results(self, work: Work, tasks: Sequence[Task]) -> Iterator[tuple[Task, Found]]:
        """Yield tasks with what they found, as they are finished.

        Raises
        ------
        MfaError
            If a worker died; tasks not yet begun are then cancelled.
        """
        if self.executor is None:
            for task in tasks:
                yield task, work.block(*task)
            return
        if self.here:
            _ = work.job.plan, work.certain  # made once, before the threads start
            run: Callable[..., Future[Found]] = lambda task: self._submit(work.block, *task)  # noqa: E731
        else:
            told = self.send(sample_tasks.told(work))
            run = lambda task: self._submit(sample_tasks.elsewhere, told, *task)  # noqa: E731
        waiting, under_way = list(reversed(tasks)), dict[Future[Found], Task]()
        try:
            while waiting or under_way:
                while waiting and len(under_way) < UNDER_WAY * self.workers:
                    task = waiting.pop()
                    under_way[run(task)] = task
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    yield under_way.pop(future), future.result()
        except self.lost as error:
            raise MfaError(
                "a worker died before its samples were computed, most likely for want of memory; use "
                "fewer workers or smaller blocks"
            ) from error
        finally:
            for future in under_way:
                future.cancel()

    def _submit(self, function: Callable[..., Found], *arguments: Any) -> Future[Found]:
        assert self.executor is not None
        return self.executor.submit(function, *arguments)


@contextmanager
def opened(executor: str | Executor = "serial", workers: int | None = None) -> Iterator[Pool]:
    """Open workers for some time.

    Parameters
    ----------
    executor : {"serial", "threads", "processes"} or Executor
        Any executor of :mod:`concurrent.futures` does; it is not shut down.
    workers : int, optional
        Threads or processes; without it as many as there are processors.

    Raises
    ------
    MfaError
        If the executor is unknown.
    """
    count = max(1, workers or cores())
    if executor == "serial":
        yield Pool()
    elif executor == "threads":
        with ThreadPoolExecutor(count) as pool:
            yield Pool(pool, count)
    elif executor == "processes":
        context = get_context(START)
        with ProcessPoolExecutor(count, context, initializer=_end_with_parent) as processes:
            yield Pool(processes, count, here=False)
    elif isinstance(executor, Executor):
        yield Pool(executor, count, here=False)
    else:
        raise MfaError(
            f"executor {executor!r} is unknown. {known(executor, EXECUTORS, 'executors')}; or give an "
            "Executor of concurrent.futures"
        )


def _end_with_parent() -> None:
    """End this process when the one that started it was killed: nobody takes what it computes."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def tasks_of(chunks: Sequence[int], block: int) -> list[Task]:
    """Return the tasks of some chunks, in order: neighbours together, up to a block of samples.

    >>> tasks_of([0, 1, 2, 5], 100)
    [(0, 2), (2, 3), (5, 6)]
    """
    size = max(1, -(-int(block) // CHUNK))
    found: list[Task] = []
    for chunk in sorted(set(chunks)):
        if found and found[-1][1] == chunk and chunk - found[-1][0] < size:
            found[-1] = found[-1][0], chunk + 1
        else:
            found.append((chunk, chunk + 1))
    return found

"""Worker processes that do numbered tasks for one, and keep what they made between them.

What a worker refuses comes back as the error that it is.  A worker that dies,
an interruption or an error ends all of them; none outlives its parent.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from mfa.errors import MfaError, Problems

Task = Callable[[str, int], Any]
"""What a worker does: the kind of the task, its number, and what comes of it."""

METHOD = "fork" if sys.platform == "linux" else "spawn"
"""How processes start; elsewhere a copy of a running process is not safe."""

PATIENCE = 5.0
"""Seconds that a worker has to tidy up before it is killed."""


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(eq=False)
class _Worker:
    process: Any
    line: Connection
    number: int | None = None
    done: list[int] = field(default_factory=list)


class Team:
    """A few processes with a desk each; a context that leaves none behind.

    Parameters
    ----------
    size : int
    desk : function without arguments that returns a :data:`Task`
        Called in each process; a top-level function or a ``partial`` of one.
    """

    def __init__(self, size: int, desk: Callable[[], Task]) -> None:
        self._size, self._desk = size, desk
        self._workers: list[_Worker] = []

    def __enter__(self) -> Team:
        sys.stdout.flush()  # what is still in a buffer would be copied and printed twice
        sys.stderr.flush()
        context: Any = get_context(METHOD)
        for _ in range(self._size):
            mine, theirs = context.Pipe()
            lines = [*(worker.line for worker in self._workers), mine] if METHOD == "fork" else []
            process = context.Process(target=_serve, args=(theirs, self._desk, lines), daemon=True)
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, mine))
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for worker in self._workers:
            worker.line.close()
            if error is not None and worker.process.is_alive():
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def share(
        self, kind: str, numbers: Iterable[int], told: Callable[[int], None]
    ) -> dict[int, Any]:
        """Do tasks wherever a worker is free; return what came of each, or raise all problems."""
        queue = deque(numbers)
        return self._perform(kind, lambda worker: queue, told, to_the_end=True)

    def finish(self, kind: str, told: Callable[[int], None]) -> dict[int, Any]:
        """Let every worker do further tasks of the numbers that it has done; stop at a problem."""
        queues = {worker: deque(worker.done) for worker in self._workers}
        return self._perform(kind, queues.__getitem__, told, to_the_end=False)

    def _perform(
        self, kind: str, queue_of: Callable[[_Worker], deque[int]],
        told: Callable[[int], None], *, to_the_end: bool,
    ) -> dict[int, Any]:  # fmt: skip
        found: dict[int, Any] = {}
        problems = Problems()

        def give(worker: _Worker) -> None:
            queue = queue_of(worker)
            worker.number = queue.popleft() if queue and (to_the_end or not problems) else None
            if worker.number is not None:
                self._speak(worker, kind, worker.number)

        for worker in self._workers:
            give(worker)
        while busy := {w.line: w for w in self._workers if w.number is not None}:
            for line in wait([*busy]):
                worker = busy[line]  # type: ignore[index]
                assert worker.number is not None
                outcome, made = self._hear(worker, kind)
                if outcome == "refused":
                    problems.include(MfaError(made))
                elif outcome == "failed":
                    raise RuntimeError(f"in a worker process:\n{made}")
                else:
                    found[worker.number] = made
                    if to_the_end:
                        worker.done.append(worker.number)
                    told(worker.number)
                give(worker)
        problems.raise_if_any()
        return found

    def _speak(self, worker: _Worker, kind: str, number: int) -> None:
        try:
            worker.line.send((kind, number))
        except OSError:
            raise Died(kind, number, worker.process) from None

    def _hear(self, worker: _Worker, kind: str) -> tuple[str, Any]:
        try:
            outcome, made = worker.line.recv()
        except (EOFError, OSError):
            assert worker.number is not None
            raise Died(kind, worker.number, worker.process) from None
        return outcome, made


class Died(Exception):
    """A worker ended in the middle of a task: its kind and number, and how the worker ended."""

    def __init__(self, kind: str, number: int, process: Any) -> None:
        process.join(PATIENCE)
        self.kind, self.number, code = kind, number, process.exitcode
        self.how = f"ended with code {code}"
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            short = " (perhaps there was too little memory)" if name == "SIGKILL" else ""
            self.how = f"was ended by {name}{short}"
        super().__init__(self.how)


def _serve(line: Connection, desk: Callable[[], Task], others: Sequence[Connection]) -> None:
    """Do what is asked, until the other end of the line is closed."""
    for other in others:  # copies of the parent's ends, which would keep lines open
        other.close()
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # the parent is interrupted too, and ends the workers
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was begun is tidied up
    task = desk()
    gc.freeze()  # what was imported and read stays; looking through it again and again takes a twentieth
    try:
        while True:
            kind, number = line.recv()
            line.send(_outcome(task, kind, number))
    except (EOFError, BrokenPipeError):
        return


def _outcome(task: Task, kind: str, number: int) -> tuple[str, Any]:
    try:
        return "done", task(kind, number)
    except MfaError as error:
        return "refused", error.problems
    except Exception:
        return "failed", traceback.format_exc()

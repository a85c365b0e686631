"""Parts of a run of many samples: every finished chunk is a file until all of them are.

``<folder of the result>/.parts/<hash of the inputs>/000017.npz`` holds chunk 17.
A part is written under another name and renamed, so that one that is there is
whole.  What was begun and killed goes on with the parts that are there; other
inputs have another hash and never meet them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mfa.errors import MfaError
from mfa.files import replacing
from mfa.sample_jobs import CHUNK
from mfa.sample_tasks import Failure, Found

Array = NDArray[np.float64]

PARTS = ".parts"
"""The folder of parts inside a folder of results."""


class Parts:
    """The parts of one run.

    Parameters
    ----------
    folder : path
        Of the result.
    inputs : str
        The hash of all that decides the numbers.
    samples : sequence of int
        All sample numbers, rising.
    names : sequence of str
        Variables that are kept.
    """

    def __init__(
        self, folder: Path, inputs: str, samples: Sequence[int], names: Sequence[str]
    ) -> None:
        self.folder = folder / PARTS / inputs[:16]
        self.names = tuple(names)
        self.samples: dict[int, list[int]] = {}
        for number in samples:
            self.samples.setdefault(number // CHUNK, []).append(number)

    def path(self, chunk: int) -> Path:
        return self.folder / f"{chunk:06d}.npz"

    def missing(self) -> list[int]:
        """Return the chunks that are not finished, in order."""
        return [chunk for chunk in self.samples if not self._is_whole(chunk)]

    def write(self, first: int, found: Found) -> None:
        """Write what was found for chunks from the first on: of the samples that are asked for.

        Raises
        ------
        MfaError
            If it cannot be written; parts that are there stay as they are.
        """
        failed = {one.sample: one for one in found.failed}
        count = len(next(iter(found.values.values()), ())) // CHUNK
        last = max([first + count - 1, first, *(number // CHUNK for number in failed)])
        for chunk in range(first, last + 1):
            asked = self.samples.get(chunk, [])
            sound = [number for number in asked if number not in failed]
            own = [failed[number] for number in asked if number in failed]
            rows = [number - first * CHUNK for number in sound]
            some = {name: found.values[name][rows] for name in self.names} if sound else {}
            note = {"worst": found.worst, "failed": [asdict(one) for one in own]}
            with replacing(self.path(chunk)) as temporary, temporary.open("wb") as file:
                np.savez(
                    file,
                    allow_pickle=False,
                    **{"samples ": np.array(sound, dtype=int), "note ": np.array(json.dumps(note))},
                    **some,
                )

    def read(self) -> Iterator[tuple[list[int], dict[str, Array]]]:
        """Yield the sample numbers and values of each part, in order.

        Raises
        ------
        MfaError
            If a part is missing or damaged.
        """
        for chunk in self.samples:
            path = self.path(chunk)
            try:
                with _opened(path) as held:
                    numbers = [int(number) for number in held["samples "]]
                    values = {name: held[name] for name in self.names} if numbers else {}
            except (OSError, ValueError, KeyError, BadZipFile) as error:
                raise MfaError(
                    f"{path} is damaged ({error}); remove it and run the same command again: "
                    "only its 64 samples are computed anew"
                ) from error
            if numbers:
                yield numbers, values

    def told(self) -> tuple[float, list[Failure]]:
        """Return the worst mass balance of all parts, and the samples that failed."""
        worst, failed = 0.0, list[Failure]()
        for chunk in self.samples:
            with _opened(self.path(chunk)) as held:
                note = json.loads(str(held["note "]))
            worst = max(worst, note["worst"])
            failed += [Failure(**one) for one in note["failed"]]
        return worst, failed

    def _is_whole(self, chunk: int) -> bool:
        """Say whether a part is there with all its samples; one cut short has no directory at its end."""
        if not self.path(chunk).is_file():
            return False
        try:
            with _opened(self.path(chunk)) as held:
                numbers, note = held["samples "], json.loads(str(held["note "]))
                names = {*held.files}
        except (OSError, ValueError, KeyError, BadZipFile):
            return False
        failed = [one["sample"] for one in note["failed"]]
        kept = not len(numbers) or {*self.names} <= names
        return kept and sorted([*numbers.tolist(), *failed]) == self.samples[chunk]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
        yield held

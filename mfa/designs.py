"""Designs: which uniform numbers a sample has, by name and number, without drawing those before.

``random``
    Monte Carlo.  A number belongs to (seed, name, sample number) and to nothing else.
``lhs``
    Latin hypercube: each of the N equal parts of (0, 1) holds one sample.  A number
    belongs to N as well.
``sobol``
    One scrambled Sobol sequence over all columns, in the order of their names.  A
    number belongs to the columns as well: sequences that are scrambled one by one
    would be correlated.
``saltelli``
    For Sobol indices.  Of each row of two Sobol samples A and B beside each other there
    are as many samples as inputs plus two: A, B, and A with one input after the other
    from B.  What is drawn for several years, shares or fields together is one input.
    Saltelli, A. et al. (2010), doi:10.1016/j.cpc.2009.09.018
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from mfa.errors import MfaError, known

Array = NDArray[np.float64]
Kind: TypeAlias = Literal["random", "lhs", "sobol", "saltelli"]

MOST_COLUMNS = 21201
"""The Sobol sequence has no more dimensions than this (Joe and Kuo, 2008)."""

BITS = 30
"""A Sobol sequence has 2³⁰ points, each in the middle of its interval."""


JOINT = ("sobol", "saltelli")
"""Designs in which all columns are drawn together."""


def input_of(column: str) -> str:
    """Return the input that a column is a part of: one that is written once, drawn for several things.

    >>> input_of("cover 2030"), input_of("mix material=Cu"), input_of("life[region=A b]")
    ('cover', 'mix', 'life[region=A b]')
    """
    return re.sub(r" (\d{1,4}|\w+=[^\]]*)$", "", column)


def inputs_of(columns: Iterable[str]) -> list[str]:
    """Return the inputs that columns belong to, sorted."""
    return sorted({input_of(column) for column in columns})


@dataclass(frozen=True)
class Design:
    """How uniform numbers are drawn.

    Attributes
    ----------
    seed : int
    kind : str
        random, lhs, sobol or saltelli.
    count : int, optional
        Number of all samples N, which ``lhs`` needs.
    columns : tuple of str
        All names that are drawn, sorted, which ``sobol`` and ``saltelli`` need.
    stream : str
        Designs with another stream draw other numbers.
    """

    seed: int = 0
    kind: Kind = "random"
    count: int | None = None
    columns: tuple[str, ...] = ()
    stream: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise MfaError(
                f"unknown design {self.kind!r}. {known(self.kind, get_args(Kind), 'designs')}"
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | np.integer):
            raise MfaError(f"seed is a whole number, not {self.seed!r}")
        if self.kind == "lhs" and not self.count:
            raise MfaError("design 'lhs' needs the number of all samples")
        if self.kind in JOINT and list(self.columns) != sorted(set(self.columns)):
            raise MfaError(f"the columns of design {self.kind!r} are sorted names, each once")

    def uniforms(self, name: str, samples: Sequence[int]) -> Array:
        """Return the uniform numbers of one name for samples, in (0, 1).

        Parameters
        ----------
        name : str
        samples : sequence of int
            Sample numbers, from 0 on.

        Raises
        ------
        MfaError
            If a sample number is negative, or not below N (lhs), or the name is no column (sobol).

        Examples
        --------
        >>> some = Design(seed=7).uniforms("lifetime", range(1000, 1003))
        >>> float(some[2]) == float(Design(seed=7).uniforms("lifetime", [1002])[0])
        True
        """
        numbers = tuple(samples)
        self.require(numbers)
        if not numbers:
            return np.empty(0)
        if self.kind == "random":
            return self._random(name, numbers)
        if self.kind == "lhs":
            return self._hypercube(name, numbers)
        if name not in self.columns:
            raise MfaError(
                f"design {self.kind!r} has no column {name!r}. {known(name, self.columns)}"
            )
        return (self._sobol if self.kind == "sobol" else self._saltelli)(name, numbers)

    def require(self, numbers: Sequence[int]) -> None:
        """Raise unless the design has these sample numbers."""
        first, last = min(numbers, default=0), max(numbers, default=0)
        if first < 0:
            raise MfaError(f"a sample number is 0 or more, not {first}")
        if self.kind == "lhs" and self.count and last >= self.count:
            raise MfaError(f"sample {last} is not among {self.count} samples of design 'lhs'")
        if self.kind == "sobol" and last >= 2**BITS:
            raise MfaError(f"sample {last} is beyond the {2**BITS:,} of a Sobol sequence")

    def _random(self, name: str, numbers: Sequence[int]) -> Array:
        return np.concatenate(
            [
                _uniform(_words(self._key("random", name), first, last))
                for first, last in _runs(numbers)
            ]
        )

    def _hypercube(self, name: str, numbers: Sequence[int]) -> Array:
        count = int(self.count or 0)
        inside = self._random(f"{name} within its part", numbers)
        return (_strata(self._key("lhs", name), count)[list(numbers)] + inside) / count

    def _sobol(self, name: str, numbers: Sequence[int]) -> Array:
        column, width = self.columns.index(name), len(self.columns)
        return np.concatenate(
            [_sobol_table(self._key("sobol"), width, *run)[:, column] for run in _runs(numbers)]
        )

    def _saltelli(self, name: str, numbers: Sequence[int]) -> Array:
        inputs = inputs_of(self.columns)
        rows, which = np.divmod(np.array(numbers), len(inputs) + 2)
        first, last = int(rows.min()), int(rows.max()) + 1
        table = _sobol_table(self._key("saltelli"), 2 * len(self.columns), first, last)
        from_b = (which == 1) | (which == 2 + inputs.index(input_of(name)))
        column = self.columns.index(name) + np.where(from_b, len(self.columns), 0)
        return np.asarray(table[rows - first, column])

    def _key(self, *parts: str) -> int:
        """Return the key of a generator: a hash of the seed and what it is for."""
        text = "\0".join((str(int(self.seed)), self.stream, *parts))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last + 1) of each run of consecutive numbers."""
    for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        yield run[0], run[-1] + 1


def _words(key: int, first: int, last: int) -> NDArray[np.uint64]:
    """Return the random words number first … last − 1 of a key, four to a turn of the counter.

    Salmon, J. K. et al. (2011), Parallel random numbers: as easy as 1, 2, 3,
    doi:10.1145/2063384.2063405
    """
    turn = first // 4
    generator = np.random.Philox(key=key, counter=turn)
    words = generator.random_raw(last - 4 * turn)
    return np.asarray(words[first - 4 * turn :], dtype=np.uint64)


def _uniform(words: NDArray[np.uint64]) -> Array:
    """Return numbers in the open interval (0, 1) of the upper 52 bits."""
    return ((words >> np.uint64(12)).astype(float) + 0.5) * 2.0**-52


@lru_cache(maxsize=512)
def _strata(key: int, count: int) -> NDArray[np.int64]:
    """Return for every sample the part of (0, 1) that it stands in."""
    return np.argsort(_words(key, 0, count), kind="stable")


@lru_cache(maxsize=2)
def _sobol_table(key: int, columns: int, first: int, last: int) -> Array:
    """Return samples first … last − 1 of one scrambled sequence, (sample, column)."""
    from scipy.stats import qmc

    if columns > MOST_COLUMNS:
        raise MfaError(
            f"a Sobol sequence has at most {MOST_COLUMNS} columns, this design needs {columns}; "
            "use design 'random' or 'lhs'"
        )
    engine = qmc.Sobol(columns, scramble=True, bits=BITS, rng=key)
    parts = []
    if first == 0:  # by itself: scipy warns if the first draw is no power of two
        parts, first = [engine.random(1)], 1
    else:
        engine.fast_forward(first)
    if last > first:
        parts.append(engine.random(last - first))
    return np.concatenate(parts) + 2.0 ** -(BITS + 1)

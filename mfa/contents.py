"""Hashes of what goes into a run of samples and of what comes out, which decide what is done anew."""

from __future__ import annotations

import hashlib
import inspect
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.files import sha256
from mfa.manifest import fingerprint
from mfa.provenance import versions
from mfa.rules import USER_RULES
from mfa.sample_tasks import Work

OF_THE_MOMENT = ("history", "provenance", "checksums", "input_sha256", "content_sha256", "inputs")
"""Attributes that say when, by which command and from what, or repeat the content: no part of it."""

SLAB_BYTES = 2**26
"""Values that are hashed in one go."""


def inputs_of(work: Work, samples: Sequence[int]) -> str:
    """Return the SHA-256 of all that decides the numbers of a run of samples, bit for bit.

    That is the scenario, the design, the sample numbers, what is kept, the rules of the user, and
    this program with the packages that it computes with.
    """
    rules = {name: _source(rule.function) for name, rule in sorted(USER_RULES.items())}
    content = {
        "scenario": fingerprint(work.scenario),
        "design": asdict(work.design),
        "samples": sha256(json.dumps([int(number) for number in samples])),
        "keep": [list(work.recipe.names), {n: list(d) for n, d in work.recipe.raw.items()}],
        "rules": rules,
        "program": _program(),
        "packages": versions(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    return sha256(json.dumps(content, sort_keys=True))


@lru_cache(maxsize=1)
def _program() -> str:
    """Return the SHA-256 of the source of this package."""
    folder = Path(__file__).parent
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(path.relative_to(folder).as_posix().encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def _source(function: Any) -> str:
    """Return the SHA-256 of the file of a function; of its code if it was typed somewhere."""
    file = Path(inspect.getfile(function))
    return sha256(file.read_bytes() if file.is_file() else function.__code__.co_code)


class Digest:
    """The hash of the content of a result: values, labels and attributes, not the moment.

    Values may come in slabs of samples, in order; how they are divided does not count.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def add(self, name: str, rows: NDArray[Any]) -> None:
        """Add values (sample, …) of a variable."""
        own = self.values.setdefault(name, hashlib.sha256())
        own.update(np.ascontiguousarray(rows, dtype="<f8").data.cast("B"))

    def of(self, described: xr.Dataset, samples: Sequence[int] | None = None) -> str:
        """Return the hash; dims, labels and attributes are those of a Dataset, whose values do not count.

        Sample numbers are taken from it too, unless they are given.
        """
        variables = {
            str(name): [
                self.values[str(name)].hexdigest(),
                list(map(str, own.dims)),
                _plain(own.attrs),
            ]
            for name, own in described.data_vars.items()
        }
        labels = {str(d): list(map(str, own.values)) for d, own in described.coords.items()}
        if samples is not None:
            labels["sample"] = list(map(str, samples))
        told = {k: v for k, v in _plain(described.attrs).items() if k not in OF_THE_MOMENT}
        return sha256(json.dumps([variables, labels, told], sort_keys=True))


def content_of(result: xr.Dataset) -> str:
    """Return the hash of the content of a result with samples, read slab by slab."""
    digest = Digest()
    for name, rows in slabs(result):
        digest.add(name, rows)
    return digest.of(result)


def slabs(result: xr.Dataset) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the variables of a result with samples in slabs of some samples."""
    for name, own in result.data_vars.items():
        count = result.sizes["sample"]
        size = max(1, SLAB_BYTES * count // max(1, own.nbytes)) if "sample" in own.dims else count
        for start in range(0, count, size):
            rows = own.isel(sample=slice(start, start + size)) if "sample" in own.dims else own
            yield str(name), np.asarray(rows.values)


def _plain(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(key): value.item() if isinstance(value, np.generic) else value
        for key, value in attrs.items()
        if not str(key).startswith("_")
    }

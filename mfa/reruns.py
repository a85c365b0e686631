"""A result made again from its manifest, and compared with the numbers that were saved."""

from __future__ import annotations

import json
import platform
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr

from mfa import runs, sampling
from mfa.contents import SLAB_BYTES, Digest
from mfa.designs import JOINT, Design, Kind
from mfa.explain import aligned
from mfa.kept import dims_of
from mfa.plans import plan
from mfa.provenance import software_commit, versions
from mfa.sample_jobs import CHUNK
from mfa.saved_results import Saved, saved
from mfa.scenario import Scenario


@dataclass(frozen=True)
class Difference:
    """By how much a variable differs: in how many cells, at most, and where that is."""

    name: str
    cells: int
    size: int
    absolute: float = float("nan")
    relative: float = float("nan")
    where: str = ""

    def row(self) -> tuple[str, ...]:
        """Return the line of a table."""
        if self.absolute != self.absolute:
            return self.name, self.where, "", "", ""
        return (
            self.name,
            f"{self.cells:,} of {self.size:,}",
            f"{self.absolute:.3g}",
            f"{self.relative:.1e}",
            self.where,
        )


@dataclass(frozen=True)
class Rerun:
    """What a second run of a manifest gave.

    Attributes
    ----------
    folder : Path
    before, now : str
        SHA-256 of the numbers as saved and as computed again: values, dims, labels and units.
    variables : int
    differences : tuple of Difference
    packages : tuple of (name, version then, version now)
        Those that differ; the program itself is one of them.
    """

    folder: Path
    before: str
    now: str
    variables: int
    differences: tuple[Difference, ...]
    packages: tuple[tuple[str, str, str], ...]

    @property
    def same(self) -> bool:
        return self.before == self.now

    def __str__(self) -> str:
        changed = [f"{name} {old} → {new}" for name, old, new in self.packages]
        others = f"versions that differ: {', '.join(changed)}" if changed else ""
        if self.same:
            head = f"{self.folder}: the same {self.variables} variables, sha256 {self.now}"
            return "\n".join(filter(None, (head, others)))
        rows: list[tuple[str, ...]] = [
            ("variable", "cells that differ", "at most by", "relative", "at")
        ]
        rows += [one.row() for one in self.differences]
        return "\n".join(
            [
                f"{self.folder}: other numbers in {len(self.differences)} of {self.variables} variables",
                f"saved  sha256 {self.before}",
                f"again  sha256 {self.now}",
                aligned(rows),
                others or "no package differs: the folder or this program was changed by hand",
            ]
        )


def rerun(folder: str | Path, *, workers: int = 1) -> Rerun:
    """Run the manifest of a result again and compare all numbers; nothing is written.

    Parameters
    ----------
    folder : path
        Of results, with samples or without.
    workers : int
        Processes for samples.

    Returns
    -------
    Rerun
        ``same`` says whether the hashes of the numbers are equal; else ``differences`` names the
        variables, and ``packages`` what has another version now.

    Raises
    ------
    MfaError
        If there is no whole result, its numbers were edited, or its manifest cannot be run.

    Examples
    --------
    >>> import mfa
    >>> mfa.rerun("results/reference").same  # doctest: +SKIP
    True
    """
    kept = saved(folder)
    stored = kept.sound()
    digests, frames = (Digest(), Digest()), [stored, stored]
    found: dict[str, Difference] = {}
    for old, new in _pairs(kept, stored, workers):
        frames = [_turned(old, new), new]
        for digest, own in zip(digests, frames, strict=True):
            for name, data in own.data_vars.items():
                digest.add(str(name), data.values)
        for name in dict.fromkeys(map(str, (*old.data_vars, *new.data_vars))):
            _note(found, name, frames[0].get(name), new.get(name))
        _note_samples(found, old, new)
    numbers = stored["sample"].values.tolist() if kept.sampled else None
    before, now = (
        digest.of(own.drop_attrs(deep=False), numbers)
        for digest, own in zip(digests, frames, strict=True)
    )
    return Rerun(
        kept.folder,
        before,
        now,
        len(stored.data_vars),
        tuple(found.values()),
        tuple(other_versions(kept.attrs)),
    )


def _pairs(
    kept: Saved, stored: xr.Dataset, workers: int
) -> Iterator[tuple[xr.Dataset, xr.Dataset]]:
    """Yield what was saved and what is computed again: all of it, or some samples at a time."""
    if not kept.sampled:
        several = len(kept.scenarios) > 1
        yield stored, runs.run_batch(kept.scenarios) if several else runs.run(kept.scenarios[0])
        return
    scenario, how = kept.scenario(), drawing(kept)
    names = kept_of(scenario, stored)
    numbers = [int(number) for number in stored["sample"].values]
    for some in _slabs(numbers, max(1, SLAB_BYTES * len(numbers) // max(1, stored.nbytes))):
        with warnings.catch_warnings():  # samples that fail now are told as differences
            warnings.simplefilter("ignore", UserWarning)
            executor = "processes" if workers > 1 else "serial"
            fresh = sampling.run(
                scenario, some, design=how, keep=names, executor=executor, workers=workers
            )
        yield stored.sel(sample=some).load(), fresh


def _slabs(numbers: Sequence[int], size: int) -> Iterator[list[int]]:
    """Divide sample numbers at multiples of 64, so that no chunk is computed twice."""
    chunks: dict[int, list[int]] = {}
    for number in numbers:
        chunks.setdefault(number // CHUNK, []).append(number)
    held: list[int] = []
    for own in chunks.values():
        if held and len(held) + len(own) > size:
            yield held
            held = []
        held = [*held, *own]
    yield held


def drawing(kept: Saved) -> Design:
    """Return the design that the samples of a result were drawn with, as its manifest tells it."""
    told = kept.manifest.draws
    kind = cast("Kind", told["design"])
    return Design(
        int(told["seed"]),
        kind,
        int(told["design_samples"]) if "design_samples" in told else None,
        tuple(filter(None, told["design_columns"].split("; "))) if kind in JOINT else (),
        told.get("independent_draws", ""),
    )


def kept_of(scenario: Scenario, stored: xr.Dataset) -> dict[str, tuple[str, ...]]:
    """Return what was kept of each sample: names, and the dimensions over which each was summed."""
    dims = dims_of(plan(scenario.system))
    return {
        str(name): tuple(d for d in dims.get(str(name), ()) if d != "year" and d not in data.dims)
        for name, data in stored.data_vars.items()
    }


def _turned(old: xr.Dataset, new: xr.Dataset) -> xr.Dataset:
    """Return variables with their dimensions in the order in which they are computed now."""
    same = {
        name: data.transpose(*new[name].dims)
        for name, data in old.data_vars.items()
        if name in new and {*data.dims} == {*new[name].dims}
    }
    return old.assign(same)


def _note(
    found: dict[str, Difference], name: str, old: xr.DataArray | None, new: xr.DataArray | None
) -> None:
    if old is None or new is None:
        what = "not computed any more" if new is None else "not in what was saved"
        found[name] = Difference(name, 0, 0, where=what)
        return
    if old.shape != new.shape:
        found.setdefault(name, Difference(name, 0, 0, where="another shape"))
        return
    before, now = np.asarray(old.values), np.asarray(new.values)
    other = ~((before == now) | (np.isnan(before) & np.isnan(now)))
    earlier = found.get(name, Difference(name, 0, 0, 0.0, 0.0))
    if not other.any():
        if name in found:
            found[name] = _with(earlier, size=earlier.size + other.size)
        return
    apart = np.where(other, np.abs(np.nan_to_num(now) - np.nan_to_num(before)), 0.0)
    scale = np.maximum(np.abs(np.nan_to_num(before)), np.abs(np.nan_to_num(now)))
    share = np.divide(apart, scale, out=np.zeros_like(apart), where=scale > 0)
    cell = np.unravel_index(int(np.argmax(apart)), apart.shape)
    where = ", ".join(
        f"{d}={old[d].values[i]}" for d, i in zip(old.dims, cell, strict=True) if d in old.coords
    )
    worse = not apart.max() <= earlier.absolute
    found[name] = Difference(
        name,
        earlier.cells + int(other.sum()),
        earlier.size + other.size,
        float(apart.max()) if worse else earlier.absolute,
        max(float(share.max()), earlier.relative),
        where if worse else earlier.where,
    )


def _with(one: Difference, size: int) -> Difference:
    return Difference(one.name, one.cells, size, one.absolute, one.relative, one.where)


def _note_samples(found: dict[str, Difference], old: xr.Dataset, new: xr.Dataset) -> None:
    if "sample" not in old.dims:
        return
    lost = sorted({*old["sample"].values.tolist()} - {*new["sample"].values.tolist()})
    if lost:
        shown = ", ".join(sampling.ranges(lost))
        found["sample"] = Difference("sample", 0, 0, where=f"cannot be run any more: {shown}")


def other_versions(attrs: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what had another version when a result was made: packages, Python, machine, commit."""
    told = json.loads(attrs.get("provenance", "{}"))
    then = {**told.get("packages", {}), "python": told.get("python", "")}
    then |= {"platform": told.get("platform", ""), "commit": told.get("commit", "")}
    now = {**versions(), "python": platform.python_version(), "platform": platform.platform()}
    now["commit"] = software_commit()
    for name in dict.fromkeys((*then, *now)):
        old, new = then.get(name, ""), now.get(name, "")
        if old != new and not (name == "commit" and not (old and new)):
            yield name, old or "none", new or "none"

"""The result of a run of samples, assembled once from its parts: netCDF, or Zarr if it is large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa import results
from mfa.contents import Digest, content_of, slabs
from mfa.errors import MfaError
from mfa.folders import replacing_folder
from mfa.parts import Parts
from mfa.sample_tasks import Failure, Work
from mfa.sampling import assembled, require_some, sample_bytes

Array = NDArray[np.float64]

STORES = ("netcdf", "zarr")

ROWS = 1024
"""Samples in one chunk of a Zarr store."""

CHUNK_YEARS = 16
"""Years in one chunk of a Zarr store, so that quantiles of some years read only these."""


def store_of(work: Work, count: int, memory: int, asked: str | None) -> str:
    """Return how a result is stored: netCDF, which is made in memory, if twice its size fits there.

    Raises
    ------
    MfaError
        If it has to be Zarr and that package is missing, or netCDF is asked for and does not fit.
    """
    size = sample_bytes(work) * count
    fits = 2 * size <= memory
    store = asked or ("netcdf" if fits else "zarr")
    if store == "netcdf" and not fits:
        raise MfaError(
            f"{work.scenario.name}: {count:,} samples of what is kept take {size / 2**30:.2g} GiB and "
            f"twice that to be written as netCDF, the budget is {memory / 2**30:.2g} GiB; leave --store "
            "netcdf out, keep less or give more --memory"
        )
    if store == "zarr" and find_spec("zarr") is None:
        why = "is asked for" if fits else f"is needed for {size / 2**30:.2g} GiB of samples"
        raise MfaError(f"Zarr {why}, its package is missing: pip install 'mfa[zarr]'")
    return store


def write(work: Work, parts: Parts, folder: Path, store: str, inputs: str) -> tuple[Failure, ...]:
    """Write the folder of a result from all its parts, and return which samples are left out.

    Parameters
    ----------
    work : Work
    parts : Parts
        All finished.
    folder : path
        Replaced as a whole, with the parts in it; a crash leaves it as it was.
    store : {"netcdf", "zarr"}
    inputs : str
        Hash of the inputs, by which a finished result is known again.

    Raises
    ------
    MfaError
        If no sample could be run, a part is damaged, or the folder cannot be written.
    """
    worst, failed = parts.told()
    numbers = [number for own in parts.samples.values() for number in own]
    sound = require_some(numbers, failed)
    how = {"input_sha256": inputs}
    if store == "netcdf":
        values = _gathered(work, parts, len(sound))
        result = assembled(work, sound, values, worst, failed).assign_attrs(how)
        content = content_of(result)
        results.save(_with_content(result, how, content), folder)
        return tuple(failed)
    empty = {n: np.empty((0, *work.certain[n].shape)) for n in work.recipe.names}
    frame = assembled(work, (), empty, worst, failed, told=sound).assign_attrs(how)
    del frame.attrs["checksums"]
    with replacing_folder(folder) as new:
        digest = _write_zarr(frame, sound, parts, new / "result.zarr")
        _finish_zarr(new / "result.zarr", content := digest.of(frame, sound))
        stored = results.read_zarr(new / "result.zarr")
        stored.encoding["scenario"] = frame.encoding["scenario"]
        results.write_beside(_with_content(stored, how, content), stored, new, _means(stored))
    return tuple(failed)


def is_finished(folder: Path, inputs: str, store: str | None = None) -> bool:
    """Say whether a folder holds the whole result of these inputs, its numbers as they were written.

    If it is said how they are to be stored, only if they are.
    """
    nc, zarr = folder / "result.nc", folder / "result.zarr"
    if store is not None and not (nc if store == "netcdf" else zarr).exists():
        return False
    if not ((folder / "manifest.yaml").is_file() and (folder / "summary.csv").is_file()):
        return False
    if not nc.is_file() and not (zarr.is_dir() and find_spec("zarr")):
        return False
    try:
        with (
            xr.open_dataset(nc, engine="h5netcdf") if nc.is_file() else results.read_zarr(zarr)
        ) as stored:
            attrs = stored.attrs
            return attrs.get("input_sha256") == inputs and attrs.get(
                "content_sha256"
            ) == content_of(stored)
    except (OSError, ValueError, KeyError):  # MfaError is a ValueError
        return False  # damaged: it is computed anew


def _means(stored: xr.Dataset) -> xr.Dataset:
    """Return the means over samples, read slab by slab."""
    sums: dict[str, Array] = {}
    for name, rows in slabs(stored):
        sums[name] = sums.get(name, np.zeros(rows.shape[1:])) + rows.sum(axis=0)
    count = stored.sizes["sample"]
    means = {n: (stored[n].dims[1:], own / count, stored[n].attrs) for n, own in sums.items()}
    coords = {d: c for d, c in stored.coords.items() if d != "sample"}
    return xr.Dataset(means, coords, stored.attrs)


def _with_content(result: xr.Dataset, how: dict[str, str], content: str) -> xr.Dataset:
    told = {**how, "content_sha256": content}
    described = result.assign_attrs(told)
    document = result.encoding["scenario"]
    described.encoding["scenario"] = {**document, "draws": {**document["draws"], **told}}
    return described


def _gathered(work: Work, parts: Parts, count: int) -> dict[str, Array]:
    values = {n: np.empty((count, *work.certain[n].shape)) for n in work.recipe.names}
    start = 0
    for numbers, own in parts.read():
        for name, array in own.items():
            values[name][start : start + len(numbers)] = array
        start += len(numbers)
    return values


def _write_zarr(frame: xr.Dataset, sound: Sequence[int], parts: Parts, path: Path) -> Digest:
    """Write labels, then values region by region, each chunk of the store once."""
    import zarr

    labels = frame.drop_vars(list(frame.data_vars)).assign_coords(
        sample=("sample", np.array(sound), frame["sample"].attrs)
    )
    labels.to_zarr(path, mode="w", zarr_format=2, consolidated=False)
    group = zarr.open_group(path, mode="a", zarr_format=2)
    arrays = {}
    for key, variable in frame.variables.items():
        if key in frame.coords:
            continue
        shape = (len(sound), *variable.shape[1:])
        chunks = [
            min(ROWS, size)
            if dim == "sample"
            else min(CHUNK_YEARS, size)
            if dim == "year"
            else size
            for dim, size in zip(variable.dims, shape, strict=True)
        ]
        arrays[str(key)] = group.create_array(
            str(key),
            shape=shape,
            chunks=tuple(chunks),
            dtype="float64",
            fill_value=float("nan"),
            attributes={**variable.attrs, "_ARRAY_DIMENSIONS": list(map(str, variable.dims))},
        )
    digest, start = Digest(), 0
    for values in _rows(parts):
        end = start
        for name, own in values.items():
            end = start + len(own)
            arrays[name][start:end] = own
            digest.add(name, own)
        start = end
    return digest


def _rows(parts: Parts) -> Iterator[dict[str, Array]]:
    """Yield the values of all parts in slabs of as many samples as a chunk of the store has."""
    held: dict[str, list[Array]] = {name: [] for name in parts.names}
    count = 0
    for numbers, values in parts.read():
        for name, own in values.items():
            held[name].append(own)
        count += len(numbers)
        while count >= ROWS:
            whole = {name: np.concatenate(own) for name, own in held.items()}
            yield {name: own[:ROWS] for name, own in whole.items()}
            held = {name: [own[ROWS:]] for name, own in whole.items()}
            count -= ROWS
    if count:
        yield {name: np.concatenate(own) for name, own in held.items()}


def _finish_zarr(path: Path, content: str) -> None:
    import zarr

    group: Any = zarr.open_group(path, mode="a", zarr_format=2)
    group.attrs["content_sha256"] = content
    zarr.consolidate_metadata(path, zarr_format=2)

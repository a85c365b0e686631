"""Results: the attributes that make them citable, files in and out."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

import numpy as np
import xarray as xr

from mfa import manifest
from mfa.assessment import of_the_world
from mfa.bands import BAND, SLAB_BYTES, quantiles
from mfa.cf_units import from_cf, to_cf
from mfa.errors import MfaError, Place, known, shortly
from mfa.files import parse_yaml, read_text
from mfa.folders import check_target, replacing_folder
from mfa.netcdf import to_bytes
from mfa.panels import totals
from mfa.plans import Plan
from mfa.provenance import now, of_the_run
from mfa.schema import Buffer, Market


def describe(compiled: Plan, name: str) -> dict[str, str]:
    """Return the attributes of a flow or stock of a plan."""
    processes = compiled.system.processes
    if name in compiled.flows:
        flow = compiled.flows[name]
        attrs = {
            "units": "t/yr",
            "long_name": f"flow from {_words(flow.source)} to {_words(flow.target)}",
            "kind": "flow",
            "source": flow.source,
            "target": flow.target,
            "cell_methods": "year: sum",
        }
        for end, process in (("source", flow.source), ("target", flow.target)):
            at, reading = processes[process].at, processes[process].as_
            if at:
                attrs[f"at_{end}"] = ", ".join(f"{d}={label}" for d, label in at.items())
            if flow.computed_by != process and {*reading} & {*compiled.dims[name]}:
                attrs[f"as_{end}"] = ", ".join(f"{d}={read}" for d, read in reading.items())
        into, out_of = processes[flow.target], processes[flow.source]
        if isinstance(out_of, Buffer):
            return attrs  # what a stockpile releases is neither mined now nor recycled
        if isinstance(into, Market):
            attrs["role"] = "primary" if flow.source == into.from_[-1] else "secondary"
            attrs["market"] = flow.target
        elif isinstance(out_of, Market) and flow.target != out_of.surplus_to:
            attrs["role"], attrs["market"] = "demand", flow.source
        return attrs
    process = compiled.stocks[name]
    return {
        "units": "t",
        "long_name": f"stock of {_words(process)} at the end of the year",
        "kind": "stock",
        "process": process,
        "rule": processes[process].rule,
        "cell_methods": "year: point",
    }


def _words(name: str) -> str:
    return name.replace("_", " ")


# -------------------------------------------------------------------- files


def save(result: xr.Dataset, folder: str | Path) -> Path:
    """Write a result: ``result.nc``, ``summary.csv``, ``manifest.yaml`` and ``figures/``.

    Everything is written to a temporary folder beside the target, which is
    renamed at the end: a crash leaves an earlier result whole.

    Parameters
    ----------
    result : Dataset
        As returned by :func:`mfa.run` or :func:`mfa.run_batch`; variables of
        your own beside those of the run go into ``result.nc`` only.
    folder : path
        Replaced when it holds an earlier result; files in it, and in its
        ``figures/``, that no run wrote are kept.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    MfaError
        If the Dataset does not say what made it, if its numbers are not those
        that the run computed (they were edited or are a selection: the manifest
        could not make them again), if the folder holds something that is no
        result, or if it cannot be written.
    """
    folder = Path(folder)
    _must_be_a_result(result, "save")
    check_target(folder)
    own = of_the_run(result)
    if result.encoding.get("scenario") is None:
        raise MfaError(
            "the Dataset does not say which scenario made it (its encoding lacks 'scenario'); "
            "save what mfa.run returned or mfa.load read, or write the bare arrays with .to_netcdf()"
        )
    with replacing_folder(folder) as new:
        _write_netcdf(result, new / "result.nc")
        write_beside(result, own, new)
    return folder


def write_beside(
    result: xr.Dataset, own: xr.Dataset, folder: Path, drawn: xr.Dataset | None = None
) -> None:
    """Write what stands beside the numbers of a result: its table, figures and manifest.

    Parameters
    ----------
    result : Dataset
        With its attributes and merged scenario.
    own : Dataset
        The variables that the run computed.
    folder : path
    drawn : Dataset, optional
        What figures show, if not these variables: means, if there are very many samples.
    """
    from mfa.plot import write

    (folder / "figures").mkdir()
    figures = write(own if drawn is None else drawn, folder / "figures")
    _write_summary(own, folder / "summary.csv")
    made = json.loads(result.attrs["provenance"])
    head = {
        "mfa_version": result.attrs["mfa_version"],
        "created": now(),
        "command": made["command"],
        "figures": [f"{name}.png" for name in figures],
    }
    text = manifest.to_yaml(result.encoding["scenario"], **head)
    (folder / "manifest.yaml").write_text(text, encoding="utf-8")


def _must_be_a_result(result: object, function: str) -> None:
    if not isinstance(result, xr.Dataset):
        raise MfaError(
            f"{function} wants a result, the Dataset that mfa.run returned or mfa.load read; "
            f"this is {shortly(result)}"
        )


def _write_netcdf(result: xr.Dataset, path: Path) -> None:
    stored = to_cf(result)
    files = result.encoding["scenario"]["files"]
    stored.attrs = result.attrs | {"inputs": "\n".join(f"{sha}  {f}" for f, sha in files.items())}
    path.write_bytes(to_bytes(stored))


def load(path: str | Path) -> xr.Dataset:
    """Read a result into memory.

    Parameters
    ----------
    path : path
        A folder of results, or the ``result.nc`` or ``result.zarr`` in it.

    Returns
    -------
    Dataset
        Equal to what was saved, attributes included, and ready to be saved
        again; the values of a ``result.zarr`` are read when they are used.  Of a
        ``result.nc`` without ``manifest.yaml`` beside it only the merged scenario is missing.

    Raises
    ------
    MfaError
        If there is no result at the path.
    """
    if not isinstance(path, str | PathLike):
        raise MfaError(f"load wants the path of a folder of results; this is {shortly(path)}")
    path = Path(path)
    result = read_stored(path)
    folder = path if path.is_dir() and path.suffix != ".zarr" else path.parent
    beside = folder / "manifest.yaml"
    if beside.exists():
        root = manifest.plain(parse_yaml(read_text(beside), str(beside), manifest.MOST_NODES))
        kept = {key: root.get(key, {}) for key in ("scenarios", "tables", "files", "references")}
        kept |= {key: root[key] for key in ("fits", "draws", "bibliography") if key in root}
        if ", ".join(one["sha256"] for one in kept["scenarios"]) == result.attrs.get(
            "scenario_sha256"
        ):
            result.encoding["scenario"] = kept
            result.attrs.pop("inputs", None)
    return result


def read_stored(path: Path) -> xr.Dataset:
    """Return the numbers of a result, as netCDF or Zarr, of its folder or its file."""
    stored = path if path.suffix == ".zarr" else path / "result.zarr"
    return read_zarr(stored) if stored.is_dir() else read_netcdf(path)


def read_netcdf(path: Path) -> xr.Dataset:
    file = path / "result.nc" if path.is_dir() else path
    if not file.is_file():
        near = sorted(found.parent.name for found in path.parent.glob("*/result.nc"))
        raise MfaError(f"there is no result {file}. {known(path.name, near, 'results beside it')}")
    try:
        result = xr.load_dataset(file, engine="h5netcdf")
    except OSError as error:
        raise MfaError(f"cannot be read as netCDF: {error}", Place(str(file))) from None
    for name, coordinate in result.coords.items():
        if coordinate.dtype.kind in "OT":
            result = result.assign_coords(
                {name: (coordinate.dims, coordinate.values.astype(str), coordinate.attrs)}
            )
    for variable in result.variables.values():
        variable.encoding = {}
    result.encoding = {}
    result.attrs = {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in result.attrs.items()
    }
    return from_cf(result)


def read_zarr(path: Path) -> xr.Dataset:
    """Return a result whose values are read when they are used."""
    if find_spec("zarr") is None:
        raise MfaError(f"{path} needs the package zarr: pip install 'mfa[zarr]'")
    try:
        result = xr.open_dataset(path, engine="zarr", chunks=None, cache=False)
    except (OSError, ValueError, KeyError) as error:
        raise MfaError(f"cannot be read as Zarr: {error}", Place(str(path))) from None
    for variable in result.variables.values():
        variable.encoding = {}
    result.encoding = {}
    return result


# ------------------------------------------------------------------- tables


def summary_years(result: xr.Dataset, every: int = 5) -> list[int]:
    """Return the years of a table: the first reported, each fifth (or so), 2024 and the last."""
    years = [int(year) for year in result["year"].values]
    first = int(result.attrs.get("report_from", years[0]))
    return [y for y in years if y >= first and (y in (first, 2024, years[-1]) or y % every == 0)]


def rows(
    data: xr.DataArray, years: Iterable[int], name: str
) -> Iterator[tuple[str, str, int, float]]:
    """Yield (scenario, material, year, value) of world totals."""
    there = {year: position for position, year in enumerate(data["year"].values.tolist())}
    wanted = [year for year in years if year in there]
    chosen = totals(data.variable.isel(year=[there[year] for year in wanted]))
    names = [str(s) for s in data["scenario"].values] if "scenario" in chosen.dims else [name]
    materials = [str(m) for m in data["material"].values] if "material" in chosen.dims else [""]
    turned = chosen.transpose("scenario", "material", "year", missing_dims="ignore")
    array = np.reshape(turned.values, (len(names), len(materials), len(wanted)))
    for i, scenario in enumerate(names):
        for j, material in enumerate(materials):
            for year, value in zip(wanted, array[i, j].tolist(), strict=True):
                yield scenario, material, year, value


def worldwide(result: xr.Dataset) -> Iterator[tuple[str, xr.DataArray]]:
    """Yield what a table of the world holds: flows and stocks as they are, indicators of the sum of places.

    An indicator without years, a milestone, is put at the last: it is what was seen until then.
    """
    for quantity in result.data_vars:
        bare = result.variables[quantity]
        if bare.attrs.get("kind") in ("flow", "stock"):
            yield str(quantity), result[quantity]
        elif bare.attrs.get("kind") == "indicator" and "year" not in bare.dims:
            if bare.attrs["units"] == "year":
                last = result["year"].values[-1:]
                yield str(quantity), result[quantity].expand_dims(year=last)
        elif bare.attrs.get("kind") == "indicator":
            world = of_the_world(result, str(quantity))
            if world is not None:
                yield str(quantity), world


def _write_summary(result: xr.Dataset, path: Path) -> None:
    years, name = summary_years(result), result.attrs["scenario_name"]
    table = _of_samples if "sample" in result.dims else _of_one
    head = ["scenario", "quantity", "material", "year", "value", "unit"]
    if "sample" in result.dims:
        head += [*(f"p{100 * level:g}" for level in BAND), "standard_error"]
    lines = list(table(result, years, name))
    lines.sort(key=lambda line: line[0])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(lines)


def _of_one(result: xr.Dataset, years: list[int], name: str) -> Iterator[tuple[str, ...]]:
    for quantity, data in worldwide(result):
        for scenario, material, year, value in rows(data, years, name):
            if value == value:  # an indicator that is undefined has no row
                yield scenario, quantity, material, str(year), f"{value:.9g}", data.attrs["units"]


def _of_samples(result: xr.Dataset, years: list[int], name: str) -> Iterator[tuple[str, ...]]:
    """Yield the mean over samples, quantiles, and the standard error of the mean, of world totals."""
    for key, data in result.data_vars.items():
        kind, dims = data.attrs.get("kind"), {*data.dims} - {"sample", "year", "material"}
        if kind not in ("flow", "stock", "indicator") or "year" not in data.dims:
            continue
        if dims and data.attrs["units"] not in ("t", "t/yr"):
            continue  # a rate of places has no total
        size = max(1, SLAB_BYTES * result.sizes["year"] // max(1, data.nbytes))
        for start in range(0, len(years), size):
            own = data.sel(year=years[start : start + size])
            yield from _bands(str(key), own.sum([*dims], keep_attrs=True) if dims else own, name)


def _bands(key: str, data: xr.DataArray, name: str) -> Iterator[tuple[str, ...]]:
    values = data.transpose("sample", ...).compute()
    years = [int(year) for year in values["year"].values]
    count, mean = values.sizes["sample"], values.mean("sample", skipna=False)
    error = ((values - mean) ** 2).sum("sample") / max(count - 1, 1) / count
    error = error**0.5 if count > 1 else error * np.nan
    parts = [mean, *quantiles(values.rename("x"))["x"], error]
    columns = [list(rows(part, years, name)) for part in parts]
    for found in zip(*columns, strict=True):
        scenario, material, year, value = found[0]
        if value == value:
            told = [f"{one[3]:.9g}" if one[3] == one[3] else "" for one in found]
            yield scenario, key, material, str(year), told[0], data.attrs["units"], *told[1:]

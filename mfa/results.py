"""Results: the attributes that make them citable, files in and out."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mfa import manifest
from mfa.errors import MfaError, Place, known, shortly
from mfa.files import parse_yaml, read_text
from mfa.folders import check_target, replacing_folder
from mfa.panels import totals
from mfa.plans import Plan
from mfa.provenance import now, of_the_run
from mfa.schema import Market

if TYPE_CHECKING:
    import pandas as pd


Row = tuple[str, str, int]
"""Quantity, material and year."""


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
            at = processes[process].at
            if at:
                attrs[f"at_{end}"] = ", ".join(f"{d}={label}" for d, label in at.items())
        into, out_of = processes[flow.target], processes[flow.source]
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
    from mfa.plot import overview

    folder = Path(folder)
    _must_be_a_result(result, "save")
    check_target(folder)
    own = of_the_run(result)
    document = result.encoding.get("scenario")
    if document is None:
        raise MfaError(
            "the Dataset does not say which scenario made it (its encoding lacks 'scenario'); "
            "save what mfa.run returned or mfa.load read, or write the bare arrays with .to_netcdf()"
        )
    figures = overview(own)
    with replacing_folder(folder) as new:
        (new / "figures").mkdir()
        _write_netcdf(result, new / "result.nc")
        _write_summary(own, new / "summary.csv")
        made = json.loads(result.attrs["provenance"])
        head = {
            "mfa_version": result.attrs["mfa_version"],
            "created": now(),
            "command": made["command"],
            "figures": [f"{name}.png" for name in figures],
        }
        text = manifest.to_yaml(document, **head)
        (new / "manifest.yaml").write_text(text, encoding="utf-8")
        for name, figure in figures.items():
            figure.savefig(new / "figures" / f"{name}.png", pil_kwargs={"compress_level": 3})
    return folder


def _must_be_a_result(result: object, function: str) -> None:
    if not isinstance(result, xr.Dataset):
        raise MfaError(
            f"{function} wants a result, the Dataset that mfa.run returned or mfa.load read; "
            f"this is {shortly(result)}"
        )


def _write_netcdf(result: xr.Dataset, path: Path) -> None:
    import h5netcdf
    from xarray.backends import H5NetCDFStore

    stored = result.copy()
    files = result.encoding["scenario"]["files"]
    stored.attrs = result.attrs | {"inputs": "\n".join(f"{sha}  {f}" for f, sha in files.items())}
    packed = {"zlib": True, "complevel": 4, "shuffle": True}
    encoding = {n: packed for n, v in stored.data_vars.items() if v.ndim and v.dtype.kind == "f"}
    whole = BytesIO()  # on a full disk the HDF5 library does not raise, it crashes
    with h5netcdf.File(whole, "w") as file:
        stored.dump_to_store(H5NetCDFStore(file), encoding=encoding)
    path.write_bytes(whole.getbuffer())


def load(path: str | Path) -> xr.Dataset:
    """Read a result into memory.

    Parameters
    ----------
    path : path
        A folder written by :func:`save`, or a ``result.nc``.

    Returns
    -------
    Dataset
        Equal to what was saved, attributes included, and ready to be saved
        again; of a ``result.nc`` without ``manifest.yaml`` beside it only the
        merged scenario is missing.

    Raises
    ------
    MfaError
        If there is no result at the path.
    """
    if not isinstance(path, str | PathLike):
        raise MfaError(f"load wants the path of a folder of results; this is {shortly(path)}")
    result = _read_netcdf(Path(path))
    beside = (Path(path) if Path(path).is_dir() else Path(path).parent) / "manifest.yaml"
    if beside.exists():
        root = manifest.plain(parse_yaml(read_text(beside), str(beside), manifest.MOST_NODES))
        kept = {key: root.get(key, {}) for key in ("scenarios", "tables", "files", "references")}
        if ", ".join(one["sha256"] for one in kept["scenarios"]) == result.attrs.get(
            "scenario_sha256"
        ):
            result.encoding["scenario"] = kept
            result.attrs.pop("inputs", None)
    return result


def _read_netcdf(path: Path) -> xr.Dataset:
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
    return result


# ------------------------------------------------------------------- tables


def summary_years(result: xr.Dataset, every: int = 5) -> list[int]:
    """Return the years of a table: the first reported, each fifth (or so), 2024 and the last."""
    years = [int(year) for year in result["year"].values]
    first = int(result.attrs.get("report_from", years[0]))
    return [y for y in years if y >= first and (y in (first, 2024, years[-1]) or y % every == 0)]


def _rows(
    data: xr.DataArray, years: Iterable[int], name: str
) -> Iterator[tuple[str, str, int, float]]:
    """Yield (scenario, material, year, value) of world totals."""
    chosen = totals(data).sel(year=list(years))
    full = chosen.expand_dims([dim for dim in ("scenario", "material") if dim not in chosen.dims])
    names = [str(s) for s in chosen["scenario"].values] if "scenario" in chosen.dims else [name]
    materials = [str(m) for m in chosen["material"].values] if "material" in chosen.dims else [""]
    array = np.asarray(full.transpose("scenario", "material", "year").values)
    for i, scenario in enumerate(names):
        for j, material in enumerate(materials):
            for year, value in zip(chosen["year"].values, array[i, j], strict=True):
                yield scenario, material, int(year), float(value)


def _write_summary(result: xr.Dataset, path: Path) -> None:
    years, name = summary_years(result), result.attrs["scenario_name"]
    lines: list[tuple[str, str, str, int, str, str]] = [
        (scenario, str(quantity), material, year, f"{value:.9g}", data.attrs["units"])
        for quantity, data in result.data_vars.items()
        if data.attrs.get("kind") in ("flow", "stock")
        for scenario, material, year, value in _rows(data, years, name)
    ]
    lines.sort(key=lambda line: line[0])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("scenario", "quantity", "material", "year", "value", "unit"))
        writer.writerows(lines)


def compare(
    results: Mapping[str, str | Path | xr.Dataset] | Sequence[str | Path | xr.Dataset],
    flow: str | None = None,
) -> pd.DataFrame:
    """Put world totals of several results side by side.

    Parameters
    ----------
    results : mapping of name to result, or sequence of results
        Folders, ``result.nc`` files or Datasets.
    flow : str, optional
        One flow or stock.  Without it, demand, primary and secondary supply of every
        market of the systems; of systems without a market, every flow.

    Returns
    -------
    DataFrame
        World totals, one column for each scenario, in ``attrs["units"]``: t/yr,
        or t for a stock; rows by quantity, material and year: the first
        reported, each decade, 2024 and the last.  NaN is what one of the
        results does not hold.

    Raises
    ------
    MfaError
        If there is no such result, flow or stock, or the results have nothing
        in common.
    """
    import pandas as pd

    if isinstance(results, str | PathLike | xr.Dataset) or not isinstance(results, Iterable):
        raise MfaError(
            f"compare wants several results, this is {shortly(results)}; put it in a list with the "
            "others: mfa.compare([first, second])"
        )
    given = (
        list(results.items()) if isinstance(results, Mapping) else [("", each) for each in results]
    )
    if not given:
        raise MfaError("there is no result to compare")
    columns: list[tuple[str, str, dict[Row, float]]] = []
    units = set()
    for label, each in given:
        data = each if isinstance(each, xr.Dataset) else _read_netcdf(Path(each))
        years, own = summary_years(data, 10), str(data.attrs.get("scenario_name", "result"))
        found: dict[str, dict[Row, float]] = {}
        for quantity, names in _compared(data, flow).items():
            for name in names:
                units.add(str(data[name].attrs.get("units", "t/yr")))
                for scenario, material, year, value in _rows(data[name], years, own):
                    column, key = found.setdefault(scenario, {}), (quantity, material, year)
                    column[key] = column.get(key, 0.0) + value
        for scenario, column in found.items():
            title = scenario if not label else label if len(found) == 1 else f"{label}: {scenario}"
            columns.append((title, "" if isinstance(each, xr.Dataset) else str(each), column))
    if len(columns) > 1 and not set.intersection(*({*column} for _, _, column in columns)):
        raise MfaError(
            "the results have no quantity, material and year in common, so that there is nothing to "
            f"compare: {', '.join(title for title, _, _ in columns)}"
        )
    titles = _apart([(title, folder) for title, folder, _ in columns])
    frame = pd.DataFrame(dict(zip(titles, (column for _, _, column in columns), strict=True)))
    first = {key[:2]: place for place, key in reversed([*enumerate(frame.index)])}
    frame = frame.loc[sorted(frame.index, key=lambda key: (first[key[:2]], key[2]))]
    frame.index = frame.index.set_names(["quantity", "material", "year"])
    frame.attrs["units"] = units.pop() if len(units) == 1 else "t/yr"
    return frame


def _apart(titles: Sequence[tuple[str, str]]) -> list[str]:
    """Tell equal titles apart by the folder that each is read from, or by a number.

    >>> _apart([("a", "x/a"), ("b", "x/b"), ("a", "y/a")]), _apart([("a", ""), ("a", "")])
    (['a (x/a)', 'b', 'a (y/a)'], ['a', 'a (2)'])
    """
    names = [title for title, _ in titles]
    found: list[str] = []
    for title, folder in titles:
        name = f"{title} ({folder})" if folder and names.count(title) > 1 else title
        same = sum(other == name or other.startswith(f"{name} (") for other in found)
        found.append(f"{name} ({same + 1})" if same else name)
    return found


def _compared(data: xr.Dataset, flow: str | None) -> dict[str, list[str]]:
    """Return the quantities to compare, and the flows that each is the sum of."""
    flows, stocks = (
        {str(name): v.attrs for name, v in data.data_vars.items() if v.attrs.get("kind") == kind}
        for kind in ("flow", "stock")
    )
    if flow is not None:
        if flow not in flows | stocks:
            raise MfaError(
                f"there is no flow or stock {flow!r} in {data.attrs.get('scenario_name')}. "
                f"{known(flow, flows | stocks, 'flows and stocks')}"
            )
        return {flow: [flow]}
    found: dict[str, list[str]] = {}
    for role in ("demand", "primary", "secondary"):
        for name, attrs in flows.items():
            if attrs.get("role") == role:
                found.setdefault(f"{attrs['market']}: {role}", []).append(name)
    return dict(sorted(found.items(), key=lambda item: item[0].partition(":")[0])) or {
        name: [name] for name in flows
    }

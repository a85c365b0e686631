"""What levers contribute, as text and as CSV (``mfa decompose``)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.explain import aligned
from mfa.files import replacing
from mfa.results import summary_years

FORMATS = (".csv", ".png")


def as_text(parts: xr.DataArray) -> str:
    """Return a table: the reference, what each lever adds, the change and the scenario.

    Years stand beside each other; of more than twelve the first reported, each
    tenth, 2024 and the last.
    """
    unit, factor = str(parts.attrs["units"]), 1.0
    ends = np.abs(parts["reference"].values)
    if unit in ("t", "t/yr") and max(ends.max(initial=0.0), np.abs(parts.values).max()) >= 1e4:
        unit, factor = f"k{unit}", 1e3
    elif unit == "1":
        unit, factor = "%", 0.01
    years = [int(year) for year in parts["year"].values] if "year" in parts.dims else []
    if len(years) > 12:
        years = summary_years(parts.to_dataset(name="parts").assign_attrs(parts.attrs), 10)
    shown = parts.sel(year=years) if years else parts
    places = [str(dim) for dim in parts.dims if dim not in ("lever", "year")]
    rows: list[tuple[str, ...]] = [("", *places, *(map(str, years) if years else [unit]))]
    for labels in product(*([str(label) for label in parts[dim].values] for dim in places)):
        cell = shown.sel(dict(zip(places, labels, strict=True))) / factor
        own = cell["reference"] / factor
        change = cell.sum("lever")
        lines = [(str(parts.attrs["reference_scenario"]), own)]
        lines += [(f"  {lever}", cell.sel(lever=lever)) for lever in cell["lever"].values]
        lines += [("  change", change), (str(parts.attrs["scenario"]), own + change)]
        for name, values in lines:
            sign = "+" if name.startswith(" ") else ""
            numbers = [f"{value:{sign},.2f}" for value in np.atleast_1d(values.values)]
            rows.append((name, *labels, *numbers))
    head = f"{parts.attrs['long_name']}" + (f", {unit}" if years else "")
    table = aligned(rows, right=range(1 + len(places), len(rows[0])))
    return f"{head}\n{table}\n{_how(parts, factor, unit)}"


def _how(parts: xr.DataArray, factor: float, unit: str) -> str:
    if parts.attrs["method"] == "exact":
        return f"Shapley values, exact: {parts.attrs['evaluations']} combinations were run"
    largest = float(parts["standard_error"].max()) / factor
    return (
        f"Shapley values, sampled: {parts.attrs['orders']} orders with seed {parts.attrs['seed']}, "
        f"{parts.attrs['evaluations']} runs; standard error at most {largest:,.2g} {unit}"
    )


def write(parts: xr.DataArray, path: Path) -> None:
    """Write parts as a long table (``.csv``) or as a waterfall (``.png``).

    Raises
    ------
    MfaError
        If the name ends in something else, the place cannot be written, or a
        waterfall would have more than one number for each lever.
    """
    require_format(path)
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            with temporary.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows(_rows(parts))
            return
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        from mfa.waterfalls import waterfall

        height = 1.4 + 0.34 * (parts.sizes["lever"] + 2)
        figure = Figure(figsize=(8.0, height), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        waterfall(parts, figure.add_subplot())
        figure.savefig(temporary, format="png")


def require_format(path: Path) -> None:
    """Raise unless a path ends in one of the formats."""
    if path.suffix not in FORMATS:
        raise MfaError(
            f"--out {str(path)!r}: parts are written as a table (.csv) or a waterfall (.png); name a "
            "file that ends so"
        )


def _rows(parts: xr.DataArray) -> Iterator[tuple[str, ...]]:
    dims = [str(dim) for dim in parts.dims if dim != "lever"]
    unit = str(parts.attrs["units"])
    yield ("lever", *dims, "value", "standard_error", "unit")
    end = parts["reference"] + parts.sum("lever")
    columns: list[tuple[str, xr.DataArray, xr.DataArray | None]]
    columns = [(str(parts.attrs["reference_scenario"]), parts["reference"], None)]
    columns += [
        (str(lever), parts.sel(lever=lever), parts["standard_error"].sel(lever=lever))
        for lever in parts["lever"].values
    ]
    columns += [(str(parts.attrs["scenario"]), end, None)]
    for name, values, errors in columns:
        for index in np.ndindex(values.shape):
            labels = [str(parts[dim].values[i]) for dim, i in zip(dims, index, strict=True)]
            error = "" if errors is None else f"{errors.values[index]:.9g}"
            yield (name, *labels, f"{values.values[index]:.12g}", error, unit)

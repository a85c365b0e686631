"""What of a result is exported: its quantities, from the first reported year, samples as percentiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from mfa.bands import BAND, quantiles
from mfa.errors import MfaError, known, shortly

KINDS = ("indicator", "flow", "stock", "parameter")
"""Kinds of variables, in the order in which they are exported."""


def chosen(result: xr.Dataset, only: Sequence[str] = ()) -> list[str]:
    """Return the names of the quantities to export: those asked for, or all.

    Raises
    ------
    MfaError
        If there is no such quantity, naming those that there are.
    """
    require_result(result)
    kinds = {str(name): v.attrs.get("kind") for name, v in result.data_vars.items()}
    there = [name for kind in KINDS for name, own in kinds.items() if own == kind]
    for name in only:
        if name not in there:
            raise MfaError(
                f"the result {result.attrs.get('scenario_name', '')!r} has no quantity {name!r}. "
                f"{known(name, there, 'quantities')}"
            )
    if not there:
        raise MfaError("the result has no flow, stock, indicator or parameter to export")
    return [name for name in there if not only or name in only]


def require_result(result: object) -> None:
    """Raise unless this is a result."""
    if not isinstance(result, xr.Dataset):
        raise MfaError(
            f"a result is wanted, the Dataset of mfa.run or mfa.load; this is {shortly(result)}"
        )


def reported_years(result: xr.Dataset) -> list[int]:
    """Return the years of a result from the first reported one on."""
    first = int(result.attrs.get("report_from", 0))
    return [int(year) for year in result["year"].values if year >= first]


def reported(result: xr.Dataset, name: str) -> xr.DataArray:
    """Return a quantity over the reported years; samples become the dimension ``percentile``.

    Percentiles are those of :func:`mfa.quantiles`, 5, 25, 50, 75 and 95.
    """
    data = result[name]
    if "year" in data.dims:
        data = data.sel(year=reported_years(result))
    return with_percentiles(data) if "sample" in data.dims else data.load()


def with_percentiles(data: xr.DataArray) -> xr.DataArray:
    """Return percentiles in the place of samples."""
    found = quantiles(data.rename("x").to_dataset(), at=BAND)["x"]
    percent = np.round(100 * found["quantile"].values).astype(int)
    return found.rename(quantile="percentile").assign_coords(percentile=percent).rename(data.name)

"""Parts of a result on disk: the variables that are asked for, and no others."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from mfa.cf_units import from_cf
from mfa.errors import MfaError, Place
from mfa.netcdf import Wanted, read_some
from mfa.results import read_stored


def some(
    folder: Path, wanted: Wanted | None = None, names: Collection[str] | None = None
) -> xr.Dataset:
    """Return some of the variables of a result; those that are not asked for are not read.

    Parameters
    ----------
    folder : path
        Or its ``result.nc`` or ``result.zarr``.
    wanted : function of the name and the attributes of a variable, optional
    names : collection of str, optional
        Look at no others.

    Raises
    ------
    MfaError
        If there is no result, or it cannot be read.
    """
    file = folder / "result.nc" if folder.is_dir() else folder
    if file.is_file() and not (folder / "result.zarr").is_dir():
        try:
            return from_cf(read_some(file, wanted, names))
        except OSError as error:
            raise MfaError(f"cannot be read as netCDF: {error}", Place(str(file))) from None
    whole = read_stored(folder)
    chosen = [n for n in whole.data_vars if names is None or n in names]
    return whole[[n for n in chosen if wanted is None or wanted(str(n), whole[n].attrs)]]

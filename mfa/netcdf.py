"""Datasets as netCDF-4 files.

A result is plain: every dimension has labels, every variable is numbers or text.
Such a Dataset is written with h5py as the netCDF-4 format says (datasets with
dimension scales, https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html),
in a third of the time that the general way takes; any other goes that way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import xarray as xr

PACKED = {"compression": "gzip", "compression_opts": 1}
"""Of arrays of numbers; higher levels take twice the time for a twentieth of the space.

The bytes are not shuffled: numbers that come again, zeros above all, are packed as they are.
"""

CHUNK = 2**24
"""Most bytes of an array that are packed together."""


FORMAT = ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS", "_FillValue")
"""Attributes of the format, not of what is stored."""


def to_bytes(data: xr.Dataset) -> bytes:
    """Return the content of a netCDF-4 file that holds a Dataset.

    >>> data = xr.Dataset({"x": ("year", [1.0, 2.0], {"units": "t"})}, {"year": [2000, 2001]})
    >>> xr.load_dataset(BytesIO(to_bytes(data)), engine="h5netcdf").identical(data)
    True
    """
    whole = BytesIO()  # on a full disk the HDF5 library does not raise, it crashes
    if _is_plain(data):
        _write_plain(data, whole)
    else:
        _write_any(data, whole)
    return whole.getvalue()


Wanted: TypeAlias = Callable[[str, Mapping[str, Any]], bool]
"""Says of a variable, by its name and attributes, whether it is to be read."""


def read_some(
    path: Path, wanted: Wanted | None = None, names: Collection[str] | None = None
) -> xr.Dataset:
    """Return some of the variables of a netCDF-4 file, and all of its global attributes.

    Opening every variable of a result takes ten times as long as reading those that are compared.

    Parameters
    ----------
    path : path
    wanted : function of the name and the attributes of a variable, optional
        All of those that are looked at, if it is left out.
    names : collection of str, optional
        Look at no others.

    Raises
    ------
    OSError
        If it is no file of this format, or damaged.
    """
    import h5py  # type: ignore[import-untyped]

    with h5py.File(path, "r") as file:
        arrays = {name: own for name, own in file.items() if isinstance(own, h5py.Dataset)}
        scales = {  # the name of an object is slow to find, its address is not
            h5py.h5o.get_info(own.id).addr: name for name, own in arrays.items() if own.is_scale
        }
        variables: dict[str, xr.Variable] = {}
        for name in {*arrays} - {*scales.values()} if names is None else {*arrays} & {*names}:
            own, attrs = arrays[name], _attrs(arrays[name])
            if wanted is None or wanted(name, attrs):
                ends = (own.dims[axis][0] for axis in range(own.ndim))
                dims = [scales[h5py.h5o.get_info(end.id).addr] for end in ends]
                variables[name] = xr.Variable(dims, own[()], attrs)
        variables = {name: variables[name] for name in arrays if name in variables}
        used = dict.fromkeys(str(d) for variable in variables.values() for d in variable.dims)
        labels = {d: xr.Variable(d, _labels(arrays[d]), _attrs(arrays[d])) for d in used}
        return xr.Dataset(variables, labels, _attrs(file))


def _attrs(owner: Any) -> dict[str, Any]:
    """Return the attributes that were written, less those that the format itself needs."""
    found = {}
    for key, value in owner.attrs.items():
        if key in FORMAT or key.startswith(("_N", "_nc")):
            continue
        if isinstance(value, bytes):
            value = value.decode("utf-8")
        elif isinstance(value, np.ndarray) and value.size == 1:
            value = value.item()
        found[key] = value.item() if isinstance(value, np.generic) else value
    return found


def _labels(scale: Any) -> np.ndarray:
    if scale.dtype.kind == "O":
        return np.array(scale.asstr()[()].tolist())
    return np.asarray(scale[()])


def _is_plain(data: xr.Dataset) -> bool:
    """Say whether all dimensions have labels, nothing else has, and all is numbers or text."""
    kinds = {str(name): variable.dtype.kind for name, variable in data.variables.items()}
    values = [*data.attrs.values(), *(a for v in data.variables.values() for a in v.attrs.values())]
    return (
        set(data.coords) == set(data.dims)
        and all(data[dim].ndim == 1 and data.sizes[dim] for dim in data.dims)
        and all(kinds[str(dim)] in "iU" for dim in data.dims)
        and all(kinds[str(name)] == "f" for name in data.data_vars)
        and all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in values)
    )


def _write_plain(data: xr.Dataset, target: BytesIO) -> None:
    import h5py

    with h5py.File(target, "w", track_order=True) as file:
        versions = f"version=2,hdf5={h5py.version.hdf5_version},h5py={h5py.__version__}"
        _describe(file, {"_NCProperties": np.bytes_(versions)})
        _describe(file, data.attrs)
        scales = {}
        for number, dim in enumerate(data.dims):
            labels = data.variables[dim]
            text = labels.dtype.kind == "U"
            values = labels.values.astype(object) if text else labels.values
            kind = h5py.string_dtype() if text else labels.dtype
            scale = file.create_dataset(str(dim), data=values, dtype=kind, track_order=True)
            scale.make_scale(str(dim))
            _describe(scale, _place([number]) | labels.attrs)
            scales[dim] = scale
        for name in data.data_vars:
            variable = data.variables[name]
            packed = variable.ndim and variable.size
            how: dict[str, Any] = PACKED | {"chunks": _chunks(variable)} if packed else {}
            values = np.asarray(variable.values)
            stored = file.create_dataset(
                str(name), data=values, fillvalue=np.nan, track_order=True, **how
            )
            _describe(stored, _place([[*data.dims].index(dim) for dim in variable.dims]))
            for axis, dim in enumerate(variable.dims):
                stored.dims[axis].attach_scale(scales[dim])
            empty = {"_FillValue": np.array([np.nan], dtype=variable.dtype)}
            _describe(stored, empty | variable.attrs)


def _place(numbers: list[int]) -> dict[str, Any]:
    """Return the attributes that say which dimensions a variable has, by their numbers."""
    if not numbers:
        return {}
    first, every = np.int32(numbers[0]), np.array(numbers, dtype=np.int32)
    return {"_Netcdf4Dimid": first, "_Netcdf4Coordinates": every}


def _chunks(variable: xr.Variable) -> tuple[int, ...]:
    """Return the shape of what is packed together: whole arrays, large ones cut along their first axes."""
    shape = [*variable.shape]
    for axis, size in enumerate(shape):
        below = variable.dtype.itemsize * prod(shape[axis + 1 :])
        shape[axis] = min(size, max(1, CHUNK // below))
        if below <= CHUNK:
            break
    return tuple(shape)


def _describe(owner: Any, attrs: Mapping[Any, Any]) -> None:
    """Write attributes, text as text and numbers as arrays; h5py's own way takes five times as long."""
    from h5py import h5a, h5s, h5t, string_dtype

    for key, value in attrs.items():
        if isinstance(value, str):
            array = np.array(value, dtype=string_dtype())
        else:
            array = np.asarray(value if isinstance(value, np.generic) else np.atleast_1d(value))
        space = h5s.create_simple(array.shape) if array.ndim else h5s.create(h5s.SCALAR)
        kind = h5t.py_create(array.dtype, logical=True)
        h5a.create(owner.id, str(key).encode(), kind, space).write(array)


def _write_any(data: xr.Dataset, target: BytesIO) -> None:
    import h5netcdf
    from xarray.backends import H5NetCDFStore

    packed = {"zlib": True, "complevel": PACKED["compression_opts"], "shuffle": False}
    encoding = {
        name: packed | {"chunksizes": _chunks(variable)}
        for name, variable in data.variables.items()
        if name in data.data_vars and variable.ndim and variable.size and variable.dtype.kind == "f"
    }
    with h5netcdf.File(target, "w") as file:
        data.dump_to_store(H5NetCDFStore(file), encoding=encoding)

"""Bilateral matrices: which dimension sends and which receives, and their values in that order."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.errors import MfaError

Array = NDArray[np.float64]

SENDERS = ("exporter", "origin", "supplier", "from")
RECEIVERS = ("importer", "destination", "user", "to")


def pair(data: xr.DataArray, name: str, *, sender_first: bool) -> tuple[str, str]:
    """Return the dimensions (sender, receiver) of a bilateral matrix.

    They are known by their names, ``exporter``, ``origin``, ``supplier`` or
    ``from``, and ``importer``, ``destination``, ``user`` or ``to``; one of the
    two is enough if there is no third dimension.  With other names a matrix of
    two dimensions is read in the order in which its equation is written.

    >>> import mfa
    >>> m = mfa.array([[1.0, 2.0]], "t/yr", importer=["DE"], exporter=["CL", "AU"])
    >>> pair(m, "trade", sender_first=True)
    ('exporter', 'importer')
    """
    dims = [str(dim) for dim in data.dims]
    sends = [dim for dim in dims if dim in SENDERS]
    gets = [dim for dim in dims if dim in RECEIVERS]
    if len(sends) == len(gets) == 1:
        return sends[0], gets[0]
    if len(dims) == 2:
        if len(sends) == 1 and not gets:
            return sends[0], next(dim for dim in dims if dim != sends[0])
        if len(gets) == 1 and not sends:
            return next(dim for dim in dims if dim != gets[0]), gets[0]
        if not sends and not gets:
            first, second = dims
            return (first, second) if sender_first else (second, first)
    raise MfaError(
        f"{name}: which of {dims} sends and which receives? Name the two exporter and importer, "
        "origin and destination, supplier and user, or from and to"
    )


def require_same_places(data: xr.DataArray, name: str, sender: str, receiver: str) -> list[Any]:
    """Return the labels of the places; raise unless both dimensions have the same, in one order."""
    there, here = (data.get_index(dim).tolist() for dim in (sender, receiver))
    if there != here:
        only = sorted(set(map(str, there)) ^ set(map(str, here)))
        raise MfaError(
            f"{name}: {sender!r} and {receiver!r} have to be the same places in the same order; "
            f"not in both: {only or 'none, the order differs'}"
        )
    return there


def on_places(
    data: xr.DataArray, name: str, places: list[Any], dims: tuple[str, str]
) -> str | None:
    """Return the dimension of places that a value per place has, None if it is one for all."""
    own = [str(dim) for dim in data.dims if data.get_index(dim).tolist() == places]
    named = [dim for dim in own if dim in dims]
    if named or own:
        return (named or own)[0]
    wrong = [dim for dim in data.dims if dim in dims]
    if wrong or any(set(data.get_index(dim)) & set(places) for dim in data.dims):
        raise MfaError(f"{name}: its places are not those of the matrix, {places}")
    return None

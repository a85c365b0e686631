"""What goes into an indicator and what comes out: numbers or labelled arrays, checked.

Arrays that meet have the same labels, in the same order, on every dimension
that they share; one that was selected (``.sel(material="Co")``) meets only
what was selected alike.  Units are compared where both sides say them.  NaN
where an indicator is undefined is an answer; NaN in a mass is an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.dims import order, require_contiguous, require_same_labels
from mfa.errors import MfaError, shortly

ROUNDING = 1e-9
"""A part may exceed its whole by this share of it, and by 1e-12 of the largest (CONVENTIONS §9)."""


def masses(**inputs: Any) -> dict[str, xr.DataArray]:
    """Return inputs as labelled arrays: finite, not below 0, with labels that agree.

    >>> list(masses(collected=6, end_of_life=10))
    ['collected', 'end_of_life']
    """
    arrays = labelled(**inputs)
    for name, data in arrays.items():
        if not all_within(data.values, 0.0, np.inf):
            require_numbers(name, data)
            refuse(data < 0, name, data, "it has to be 0 or more")
    return arrays


def all_within(values: Any, low: float, high: float) -> bool:
    """Say whether all numbers lie within bounds, none of them NaN or infinite; two quick passes.

    >>> all_within(np.array([0.0, 0.5]), 0, 1), all_within(np.array([np.nan]), 0, np.inf)
    (True, False)
    """
    if not values.size:
        return True
    least, most = values.min(), values.max()
    return bool(low <= least and most <= high and most < np.inf)


def require_numbers(name: str, data: xr.DataArray) -> None:
    """Raise at the first cell that is NaN or infinite (CONVENTIONS §4)."""
    refuse(~(abs(data) < np.inf), name, data, "absent is not zero: leave the label out")


def labelled(**inputs: Any) -> dict[str, xr.DataArray]:
    """Return inputs as labelled arrays whose shared dimensions have the same labels."""
    arrays = {name: _labelled(name, value) for name, value in inputs.items()}
    require_same_labels(**arrays)
    _require_same_selection(arrays)
    return arrays


def _labelled(name: str, value: Any) -> xr.DataArray:
    if isinstance(value, xr.DataArray) and value.dtype.kind in "biuf":
        return value.astype(float, copy=False)
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise MfaError(
            f"{name}: {shortly(value)} is neither a number nor a labelled array; "
            "mfa.array(values, unit, year=…) gives it labels"
        )
    return xr.DataArray(float(value))


def _require_same_selection(arrays: dict[str, xr.DataArray]) -> None:
    """Raise where one label was selected in one array, and not in another that has the coordinate."""
    chosen = {
        label: (name, coord.item())
        for name, data in arrays.items()
        for label, coord in data.coords.items()
        if not coord.ndim
    }
    for label, (name, value) in chosen.items():
        for other, data in arrays.items():
            if label not in data.coords:
                continue
            coord = data.coords[label]
            if coord.ndim or coord.item() != value:
                has = f"all of {label!r}" if coord.ndim else f"{label}={coord.item()}"
                raise MfaError(
                    f"{name} is of {label}={value} only, {other} has {has}; select both alike, "
                    "or with .sel(…, drop=True) if that is meant"
                )


def require_units(*names: str, **arrays: xr.DataArray) -> str | None:
    """Return the one unit of these inputs, None if no one says it; raise if two differ."""
    said = {
        name: str(arrays[name].attrs["units"]) for name in names if "units" in arrays[name].attrs
    }
    if len(set(said.values())) > 1:
        told = ", ".join(f"{name} in {unit}" for name, unit in said.items())
        raise MfaError(
            f"units differ: {told}; mfa.array(values, unit, …) converts to the canonical"
        )
    return next(iter(said.values()), None)


def require_one_of(units: tuple[str, ...], name: str, data: xr.DataArray) -> None:
    """Raise if an input says a unit that is none of these."""
    said = data.attrs.get("units")
    if said is not None and said not in units:
        raise MfaError(f"{name} is in {said}; it has to be in {' or '.join(units)}")


def total(**arrays: xr.DataArray) -> xr.DataArray:
    """Add inputs that have the same dimensions (CONVENTIONS §2); a plain 0 adds nothing.

    >>> float(total(**masses(old_scrap=3, new_scrap=1)))
    4.0
    """
    terms = {n: data for n, data in arrays.items() if data.ndim or data.item() != 0}
    require_same_dims(**terms)
    first, *rest = terms.values() if terms else arrays.values()
    for data in rest:
        first = first + data
    return first


def require_same_dims(**arrays: xr.DataArray) -> None:
    """Raise if inputs that are added, or compared, have different dimensions."""
    names = list(arrays)
    for name in names[1:]:
        a, b = arrays[names[0]], arrays[name]
        if set(a.dims) != set(b.dims):
            raise MfaError(
                f"{names[0]} has the dimensions {list(a.dims)}, {name} has {list(b.dims)}; "
                "adding never broadcasts: sum or expand one of them first"
            )


def require_years(name: str, data: xr.DataArray) -> None:
    """Raise if there is no dimension ``year``, or its years are not contiguous."""
    if "year" not in data.dims:
        raise MfaError(f"{name}: needs the dimension 'year'; has {list(data.dims)}")
    if not data.sizes["year"]:
        raise MfaError(f"{name}: has no years")
    require_contiguous(data["year"].values)


def share(part: str, whole: str, arrays: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return a part over its whole, NaN where the whole is 0; raise if the part is larger."""
    above, below = arrays[part], arrays[whole]
    refuse(
        above > below * (1 + ROUNDING) + 1e-12 * below.max(),
        part,
        above,
        f"it is a part of {whole} and cannot be larger: is each flow in its role?",
    )
    return ratio(above, below)


def ratio(above: xr.DataArray, below: xr.DataArray) -> xr.DataArray:
    """Divide; NaN where the divisor is 0, without a warning.

    >>> ratio(xr.DataArray([1.0, 1.0]), xr.DataArray([4.0, 0.0])).values
    array([0.25,  nan])
    """
    return above / below.where(below != 0)


def refuse(wrong: xr.DataArray, name: str, data: xr.DataArray, why: str) -> None:
    """Raise if a cell is wrong, with the value and the labels of the first one."""
    if not wrong.any():
        return
    cell = np.unravel_index(int(np.argmax(wrong.values)), wrong.shape)
    labels = {d: wrong[d].values[i] for d, i in zip(wrong.dims, cell, strict=True)}
    own = data.sel({d: label for d, label in labels.items() if d in data.dims})
    where = ", ".join(f"{d}={label}" for d, label in labels.items())
    raise MfaError(f"{name}: {own.item():g}{' at ' if where else ''}{where}; {why}")


def answer(result: xr.DataArray, name: str, units: str | None, *inputs: Any) -> Any:
    """Return a number if all inputs were numbers, else an array in the order of every saved one."""
    if not any(isinstance(value, xr.DataArray) for value in inputs):
        return result.item()
    result = result.transpose(*order(result.dims)).rename(name)
    result.attrs = {} if units is None else {"units": units}
    return result

"""Units as the CF conventions want them: those that UDUNITS knows.

UDUNITS has no money and does not count vehicles or people; CF writes what is counted without a
unit (CF 1.11, section 3.1, https://cfconventions.org).  In a file ``units`` is what is left, and
the attribute ``units_counted`` is the unit of this package, which it gets back when it is read.
"""

from __future__ import annotations

import xarray as xr

COUNTED = ("USD", "vehicle", "person")
"""Units that UDUNITS does not know."""

WRITTEN = {"kWh": ("kW", "h")}
"""Units that it writes in another way; each part gets the power."""

KNOWN = ("t", "yr", "MJ")
"""Canonical units that it knows."""


def udunits(unit: str) -> str:
    """Return a canonical unit of this package as UDUNITS writes it; any other unit as it is.

    >>> [udunits(unit) for unit in ("t/yr", "kWh/vehicle", "USD/t", "t/person/yr", "1")]
    ['t/yr', 'kW h', 't-1', 't yr-1', '1']
    """
    above, *below = unit.split("/")
    powers: list[tuple[str, int]] = []
    for sign, words in ((1, above.split()), (-1, [w for part in below for w in part.split()])):
        for word in words:
            name, _, power = word.partition("^")
            if name == "1" or name in COUNTED:
                continue
            if name not in (*KNOWN, *WRITTEN) or not (power or "1").isdecimal():
                return unit
            parts = WRITTEN.get(name, (name,))
            powers += [(part, sign * int(power or 1)) for part in parts]
    names = [word.partition("^")[0] for word in unit.replace("/", " ").split()]
    if not {*names} & {*COUNTED, *WRITTEN}:
        return unit
    return " ".join(f"{name}{'' if power == 1 else power}" for name, power in powers) or "1"


def to_cf(data: xr.Dataset) -> xr.Dataset:
    """Return a shallow copy whose units are those of UDUNITS."""
    found = data.copy()
    for variable in found.variables.values():
        unit = str(variable.attrs.get("units", ""))
        if udunits(unit) != unit:
            variable.attrs |= {"units": udunits(unit), "units_counted": unit}
    return found


def from_cf(data: xr.Dataset) -> xr.Dataset:
    """Give a Dataset that was read the units back that it had before it was written."""
    for variable in data.variables.values():
        if "units_counted" in variable.attrs:
            variable.attrs["units"] = variable.attrs.pop("units_counted")
    return data

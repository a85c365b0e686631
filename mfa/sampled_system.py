"""A system whose flows have samples: the same boxes and arrows with one more dimension, first.

Samples then ride along through every rule as any other dimension does that
nothing sums: loops are solved and cohorts followed for all of them at once.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import xarray as xr

from mfa.schema import Sink, Source, Stock
from mfa.system import System, expressions, factors

DRIVERS = {"gives", "takes", "inflow", "stock"}
"""Keys of processes whose products of parameters drive flows."""


def sampled_system(system: System, uncertain: Collection[str], lanes: int) -> System:
    """Return a system with the dimension ``sample`` in front, for so many samples at a time.

    Parameters
    ----------
    system : System
    uncertain : collection of str
        Parameters that differ between samples.
    lanes : int
        Number of samples that are computed beside each other.

    Returns
    -------
    System
        What drives a flow has samples too, certain or not, so that all flows do.
    """
    wide = {*uncertain, *_drivers(system, uncertain)}
    parameters = {
        name: spec.model_copy(update={"dims": ("sample", *spec.dims)}) if name in wide else spec
        for name, spec in system.parameters.items()
    }
    labels = tuple(str(number) for number in range(lanes))
    return system.model_copy(
        update={"parameters": parameters, "dimensions": {"sample": labels, **system.dimensions}}
    )


def _drivers(system: System, uncertain: Collection[str]) -> set[str]:
    """Return one factor of each product that drives a flow in which nothing is uncertain."""
    found: set[str] = set()
    for process in system.processes.values():
        if not isinstance(process, Source | Sink | Stock):
            continue
        for (key, *_), text in expressions(process).items():
            names = factors(text)
            if key in DRIVERS and not {*names} & {*uncertain, *found}:
                found.add(names[0])
    return found


def widened(parameters: xr.Dataset, system: System, start: int = 0) -> dict[str, xr.Variable]:
    """Return parameters of some samples as a sampled system declares them.

    Parameters
    ----------
    parameters : Dataset
        With at least as many samples from ``start`` on as the system has lanes.
    system : System
        Of :func:`sampled_system`.
    start : int
    """
    count = len(system.dimensions["sample"])
    found = {}
    for name, variable in parameters.variables.items():
        if name in parameters.coords:
            continue
        if "sample" in variable.dims:
            variable = variable.isel(sample=slice(start, start + count))
        elif "sample" in system.parameters[str(name)].dims:
            values = np.broadcast_to(variable.values, (count, *variable.shape))
            variable = xr.Variable(("sample", *variable.dims), values, variable.attrs)
        found[str(name)] = variable
    return found

"""Which numbers of a scenario with capacities can be explained: those that no shortage has touched."""

from __future__ import annotations

import numpy as np

from mfa.errors import MfaError
from mfa.saved_results import Saved
from mfa.stored_parts import some
from mfa.trace_numbers import Numbers


def must_be_free_of_shortage(kept: Saved, run: Numbers, name: str, year: int) -> None:
    """Raise if capacities changed a flow up to a year: then steps do not tell what is stored.

    What a shortage leaves is settled for all demands of a year at once, while a trace follows
    one step after the other.

    Parameters
    ----------
    kept : Saved
    run : Numbers
        As the steps alone give them.
    name : str
        What is to be explained; parameters always can be.
    year : int

    Raises
    ------
    MfaError
    """
    if run.plan.scarcity is None or name in run.scenario.parameters:
        return
    stored = some(kept.folder, lambda key, attrs: attrs.get("kind") == "flow" and key in run.values)
    compared = 0
    if "scenario" in stored.dims:
        stored = stored.sel(scenario=run.scenario.name)
    for key, data in stored.data_vars.items():
        own = (*run.dims(str(key)), "year")
        if {*data.dims} != {*own}:
            continue
        found = data.transpose(*own).values[..., : year - run.first + 1]
        wanted = run.values[str(key)][..., : year - run.first + 1]
        compared += 1
        if not np.allclose(found, wanted, rtol=1e-9, atol=1e-6):
            raise _settled(kept, name, year)
    if not compared:
        raise _settled(kept, name, year)


def _settled(kept: Saved, name: str, year: int) -> MfaError:
    return MfaError(
        f"{name} in {year} cannot be explained step by step: capacities of {kept.folder} change its flows by "
        "then, and what they leave is settled for all demands of a year at once; explain a parameter, an "
        f"earlier year, or the same scenario without its disruption ('mfa rerun {kept.folder}' tells whether "
        "the result is the one that was run)"
    )

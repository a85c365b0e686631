"""What stands in the ``lifetime:`` of a stock: names of parameters, or quantities."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mfa.errors import MfaError, known
from mfa.schema import Lifetime
from mfa.steps import Array, Dims, Step
from mfa.survival import survival_values
from mfa.units import parse


def lifetime_parameters(lifetime: Lifetime) -> dict[str, str]:
    """Return the parameters of a lifetime law as written."""
    names = ("mean", "std", "shape", "scale")
    return {n: str(getattr(lifetime, n)) for n in names if getattr(lifetime, n) is not None}


def lifetime_quantity(step: Step, key: str, text: str) -> float:
    place = step.signature.system.place("processes", step.name, "lifetime", key)
    try:
        quantity = parse(text)
    except MfaError:
        hint = known(text, step.signature.system.parameters, "parameters")
        message = (
            f"process {step.name!r}: {key} {text!r} is neither a parameter nor a quantity. {hint}"
        )
        raise MfaError(message, place) from None
    expected = "" if key == "shape" else "yr"
    if quantity.unit != expected:
        raise MfaError(
            f"process {step.name!r}: {key} {text!r} must be "
            + ("a number without a unit" if key == "shape" else "a number of years, like '12 yr'"),
            place,
        )
    return quantity.value


def survival_of(
    step: Step,
    told: Lifetime,
    dims: Dims,
    parameter: Callable[[str, Dims], Array],
    years: range,
) -> tuple[Array, bool]:
    """Return survival over the dimensions of the lifetime, and whether it has cohorts."""
    count = len(years)
    if told.law == "table":
        return _survival_table(step, told, count), False
    values, by_cohort = lifetime_values(step, told, dims, parameter)
    if not by_cohort:
        values = {key: array[..., 0] for key, array in values.items()}
    survival = alive(step, told, values, years)
    if by_cohort and survival.shape[-2] == 1:
        survival = np.broadcast_to(survival, (*survival.shape[:-2], count, count))
    return survival, by_cohort


def lifetime_values(
    step: Step, told: Lifetime, dims: Dims, parameter: Callable[[str, Dims], Array]
) -> tuple[dict[str, Array], bool]:
    """Return the parameters of a lifetime, the year last, and whether they differ by cohort.

    A table has none.
    """
    specs = step.signature.system.parameters
    values: dict[str, Array] = {}
    by_cohort = False
    for key, text in lifetime_parameters(told).items():
        if text in specs:
            values[key] = parameter(text, dims)
            by_cohort = by_cohort or "year" in specs[text].dims
        else:
            values[key] = np.full((1,) * (len(dims) + 1), lifetime_quantity(step, key, text))
    return values, by_cohort


def alive(step: Step, told: Lifetime, values: Mapping[str, Array], years: range) -> Array:
    """Return the survival that follows from parameters of a lifetime, (..., age)."""
    try:
        return survival_values(told.law, len(years), told.inflow_at, told.below_zero, **values)
    except MfaError as error:
        place = step.signature.system.place("processes", step.name, "lifetime")
        raise MfaError(f"process {step.name!r}: {error.problems[0].message}", place) from None


def _survival_table(step: Step, told: Lifetime, years: int) -> Array:
    given = np.array(told.survival or ())
    if (
        not np.isfinite(given).all()
        or given.size == 0
        or given[-1] != 0
        or given[0] > 1
        or (np.diff(given) > 0).any()
    ):
        raise MfaError(
            f"process {step.name!r}: law 'table' needs 'survival': shares in use at the end of the entry year "
            "and of each year after it, from at most 1, never rising, ending with 0",
            step.signature.system.place("processes", step.name, "lifetime"),
        )
    survival = np.zeros(max(years, given.size))
    survival[: given.size] = given
    return survival[:years]

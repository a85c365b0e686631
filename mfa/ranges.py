"""Ranges: the numbers of a distribution are in order and fit the value they stand beside."""

from __future__ import annotations

from mfa.errors import MfaError
from mfa.forms import Form, Known, Number


def require_range(form: Form) -> None:
    """Raise unless what is known of a value's uncertainty agrees with the value.

    Bounds in the unit of the value are values; bounds without a unit beside a
    value with one, or beside a path or a table, are factors, and 1 is the value.

    Parameters
    ----------
    form : Form
        Nothing is checked unless it carries a distribution.

    Raises
    ------
    MfaError
        For a range upside down, a value outside it, two different units, a
        deviation or shape that is not above 0.
    """
    if not isinstance(form, Known) or not form.distribution:
        return
    name, place = form.distribution, form.bounds[0].place
    low, high = form.bounds
    if not isinstance(low, Number) or not isinstance(high, Number):
        raise MfaError(f"{name!r} takes a list of 2 numbers", place)
    if low.unit != high.unit and 0.0 not in (low.value, high.value):
        units = f"{low.unit or 'no unit'} and {high.unit or 'no unit'}"
        raise MfaError(f"{name!r}: its numbers have {units}; write both with the same", place)
    if name not in ("uniform", "triangular"):
        for number in form.bounds if name == "beta" else (high,):
            if isinstance(number, Number) and number.value <= 0:
                raise MfaError(f"{name!r}: {number.value:g} must be above 0", number.place)
        return
    span = f"{low.value:g} to {high.value:g}"
    if not low.value < high.value:
        message = f"{name!r}: its range {span} is inverted; the lower comes first"
        raise MfaError(message, place)
    value = form.value
    if isinstance(value, Number) and value.unit in (low.unit, high.unit):
        middle, what = value.value, f"the value {value.value:g}"
    elif low.unit is None and high.unit is None:
        middle, what = 1.0, "the factor 1, which leaves the value as it is,"
    else:
        return
    if not low.value <= middle <= high.value:
        raise MfaError(f"{name!r}: {what} lies outside its range {span}", place)

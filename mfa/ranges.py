"""Ranges: the numbers of a distribution are in order and fit the value they stand beside."""

from __future__ import annotations

from dataclasses import replace

from mfa.distributions import Distribution, quantile_table
from mfa.errors import MfaError
from mfa.forms import Change, Fields, Form, Items, Known, Number, Rest

MIDDLE = 0.998
"""A value lies within the middle part of this size of its distribution."""


def require_range(form: Form) -> None:
    """Raise unless what is known of a value's uncertainty agrees with the value.

    Bounds in the unit of the value are values; bounds without a unit beside a
    value with one, or beside labels, a path or a table, are factors, and 1 is the value.

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
    if not isinstance(form, Known) or form.distribution in ("", "fitted"):
        return
    if isinstance(form.value, Change | Fields):
        kind = form.value.kind if isinstance(form.value, Change) else form.value.fields[0][0]
        message = (
            f"{form.distribution!r} beside a change; write it inside: "
            f"{{{kind}: {{value: …, {form.distribution}: …}}}}"
        )
        raise MfaError(message, form.place)
    if isinstance(form.value, Known) and form.value.distribution:
        message = f"{form.value.distribution!r} within {form.distribution!r}; keep one of them"
        raise MfaError(message, form.value.place)
    if form.distribution == "dirichlet":
        _dirichlet(form)
    elif isinstance(form.value, Rest):
        message = f"{form.distribution!r} beside 'rest', which takes what the other labels leave"
        raise MfaError(message, form.place)
    else:
        distribution_of(form)


def _dirichlet(form: Known) -> None:
    (given,) = form.bounds
    if not isinstance(given, Number) or given.unit not in (None, "1") or given.value < 1e-6:
        message = "'dirichlet' is a plain number, 1e-6 or more: as if so many observations stood behind the shares"
        raise MfaError(message, given.place)
    for key, there in (("truncated", bool(form.cut)), ("redraw", form.redraw is not None)):
        if there:
            raise MfaError(f"{key!r} cannot stand beside 'dirichlet'", form.place)


def distribution_of(form: Known) -> tuple[Distribution, bool]:
    """Return the distribution beside a value, and whether it is one of factors.

    Raises
    ------
    MfaError
        As :func:`require_range`.
    """
    numbers = _numbers(form, form.bounds)
    cut = _numbers(form, form.cut)
    relative = _relative(form, [*_sized(form.distribution, numbers), *cut])
    value = form.value.value if isinstance(form.value, Number) else 1.0
    middle = 1.0 if relative else value
    found = _distribution(form, [number.value for number in numbers], middle)
    if cut:
        low, high = cut[0].value, cut[1].value
        if not low < high or found.below(high) - found.below(low) <= 0:
            raise MfaError(f"'truncated': nothing lies in {low:g} to {high:g}", cut[0].place)
        found = replace(found, lowest=low, highest=high)
    _require_inside(form, found, middle, relative)
    return found, relative


def _numbers(form: Known, forms: tuple[Form, ...]) -> list[Number]:
    found = [each for each in forms if isinstance(each, Number)]
    if len(found) < len(forms):
        count = f"{len(forms)} " if form.distribution != "empirical" else ""
        raise MfaError(f"{form.distribution!r} takes a list of {count}numbers", forms[0].place)
    return found


def _sized(name: str, numbers: list[Number]) -> list[Number]:
    """Return those numbers of a distribution that are values or factors."""
    plain = {"lognormal": numbers[1:], "beta": numbers[:2]}.get(name, [])
    for number in plain:
        if number.unit not in (None, "1"):
            what = "coefficient of variation" if name == "lognormal" else "shape"
            raise MfaError(f"{name!r}: a {what} has no unit", number.place)
    return {"lognormal": numbers[:1], "beta": numbers[2:]}.get(name, numbers)


def _relative(form: Known, numbers: list[Number]) -> bool:
    """Say whether the numbers of a distribution are factors; raise where their units do not fit."""
    name, value = form.distribution, form.value
    units = {number.unit for number in numbers if number.unit or number.value != 0}
    if len(units) > 1:
        shown = " and ".join(number.unit or "no unit" for number in numbers[:2])
        raise MfaError(
            f"{name!r}: its numbers have {shown}; write both with the same", numbers[0].place
        )
    unit = next(iter(units), None)
    if not numbers:  # the shapes of a beta distribution over 0 to 1
        if not isinstance(value, Number) or value.unit not in (None, "1"):
            message = "'beta' with two numbers is for a share; write [a, b, low, high]"
            raise MfaError(message, form.bounds[0].place)
        return False
    if form.factors:
        return True
    if isinstance(value, Number) and (
        value.unit == unit or value.value == 0 or (value.unit is None and unit == "1")
    ):
        return False
    if unit is None:
        return True
    many = "several labels" if isinstance(value, Items) else "a path or table"
    beside = f"a value in {value.unit or 'no unit'}" if isinstance(value, Number) else many
    message = (
        f"{name!r}: its numbers are in {unit}, beside {beside}; "
        "write factors, in which 1 is the value, like [0.8, 1.2]"
    )
    raise MfaError(message, numbers[0].place)


def _distribution(form: Known, numbers: list[float], middle: float) -> Distribution:
    name, place = form.distribution, form.bounds[0].place if form.bounds else form.place
    if name == "empirical":
        return _empirical(form, numbers)
    positive = {"normal": [1], "lognormal": [0, 1], "beta": [0, 1]}.get(name, [])
    for i in positive:
        if numbers[i] <= 0:
            raise MfaError(f"{name!r}: {numbers[i]:g} must be above 0", form.bounds[i].place)
    if name in ("normal", "lognormal"):
        return Distribution(name, tuple(numbers))
    low, high = numbers[-2:] if name != "beta" or len(numbers) == 4 else (0.0, 1.0)
    if not low < high:
        span = f"{low:g} to {high:g}"
        raise MfaError(f"{name!r}: its range {span} is inverted; the lower comes first", place)
    if name in ("triangular", "pert"):
        return Distribution(name, (low, min(max(middle, low), high), high))
    return Distribution(name, tuple(numbers))


def _empirical(form: Known, values: list[float]) -> Distribution:
    place = form.place
    if not form.at:
        try:
            return Distribution("empirical", table=quantile_table(values))
        except MfaError as error:
            raise MfaError(error.problems[0].message, place) from None
    if form.at[0] != 0.0 or form.at[-1] != 1.0:
        message = (
            f"'empirical': its shares run from {form.at[0]:g} to {form.at[-1]:g}, not from 0 to 1"
        )
        raise MfaError(message, place)
    rising = all(a < b for a, b in zip(form.at, form.at[1:], strict=False))
    if not rising or sorted(values) != values or values[0] == values[-1]:
        raise MfaError("'empirical': a larger share has a larger value", place)
    return Distribution("empirical", table=tuple(zip(form.at, values, strict=True)))


def _require_inside(form: Known, found: Distribution, middle: float, relative: bool) -> None:
    """Raise if the value, or the factor 1, lies outside what is drawn."""
    if not relative and not isinstance(form.value, Number):
        return
    what = "the factor 1, which leaves the value as it is," if relative else f"the value {middle:g}"
    hint = ""
    if relative and isinstance(form.value, Number):
        hint = "; numbers without a unit are factors, write them in the unit of the value"
    low, high = found.support
    name, place = form.distribution, form.bounds[0].place
    if not low <= middle <= high:
        raise MfaError(f"{name!r}: {what} lies outside its range {low:g} to {high:g}{hint}", place)
    tail = (1 - MIDDLE) / 2
    if name == "normal" and found.numbers[0] == middle:
        return  # the most likely value, though truncation may leave only one side of it
    if name in ("normal", "lognormal", "beta") and not tail <= found.below(middle) <= 1 - tail:
        first, last = found.quantile([tail, 1 - tail])
        raise MfaError(
            f"{name!r}: {what} lies outside {first:.4g} to {last:.4g}, where {MIDDLE:.1%} of the draws are{hint}",
            place,
        )

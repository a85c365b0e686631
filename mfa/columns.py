"""Columns: the names that draws belong to, and where in the values of a scenario they stand.

One distribution that is written is one draw for everything it stands beside:
all labels it covers, all years.  Its name is the parameter with the labels
under which it was written, ``fabrication_yield[end_use=superalloys]``, and
where it stands inside a value the way there, ``vehicle_sales.then.midpoint``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mfa.errors import MfaError
from mfa.forms import Change, Fields, Form, Items, Joined, Known, LawOf, TableOf, YearPath
from mfa.ranges import require_range


def named(
    form: Form, parameter: str, selection: Mapping[str, str], dims: tuple[str, ...], giver: str
) -> Form:
    """Return a form in which each distribution is checked and knows the name of its draws.

    Parameters
    ----------
    form : Form
        As it was read.
    parameter : str
    selection : mapping of dimension to label
        The labels under which the form was written.
    dims : tuple of str
        Dimensions of the parameter, which order the labels in a name.
    giver : str
        Who wrote it; a part of the names of changes, which come one after the other.

    Raises
    ------
    MfaError
        Of :func:`mfa.ranges.require_range`.
    """

    def name(where: Mapping[str, str], way: str) -> str:
        labels = ", ".join(f"{dim}={where[dim]}" for dim in dims if dim in where)
        return f"{parameter}[{labels}]{way}" if labels else f"{parameter}{way}"

    def inside(form: Form, where: Mapping[str, str], way: str) -> Form:
        def each(pairs: tuple[tuple[str, Form], ...]) -> tuple[tuple[str, Form], ...]:
            return tuple((key, inside(own, where, f"{way}.{key}")) for key, own in pairs)

        match form:
            case Known(value=value):
                require_range(form)
                own = replace(form, value=inside(value, where, way))
                if form.fit is not None:
                    return replace(own, column=f"fit {form.fit.path}")
                return replace(own, column=name(where, way)) if form.distribution else own
            case Items(values, dim):
                parts = (
                    (label, inside(own, {**where, str(dim): label}, way)) for label, own in values
                )
                return replace(form, values=tuple(parts))
            case YearPath(points):
                years = ((year, inside(own, where, f"{way}.{year}")) for year, own in points)
                return replace(form, points=tuple(years))
            case LawOf(fields=fields) | Fields(fields=fields):
                return replace(form, fields=each(fields))
            case Joined(observed, then):
                seen = inside(observed, where, f"{way}.observed")
                return replace(form, observed=seen, then=inside(then, where, f"{way}.then"))
            case Change(kind, value):
                return replace(form, value=inside(value, where, f"{way}.{kind} by {giver}"))
            case TableOf():
                return _table(form)
        return form

    return inside(form, selection, "")


def _table(form: TableOf) -> TableOf:
    for part in (form.before, form.after, form.scale):
        if part is not None and not isinstance(part, str):
            for found in uncertain(part):
                raise MfaError(
                    f"{found.distribution!r} inside a table; write it beside the whole: "
                    "{value: {table: …}, uniform: [0.8, 1.2]}",
                    found.place,
                )
    return form


def uncertain(form: Form) -> Iterator[Known]:
    """Yield every value with a distribution in a form, from the outside inwards."""
    match form:
        case Known(value=value):
            if form.distribution:
                yield form
            yield from uncertain(value)
        case Change(value=value):
            yield from uncertain(value)
        case Joined(observed, then):
            yield from uncertain(observed)
            yield from uncertain(then)
        case Items(values=parts) | LawOf(fields=parts) | Fields(fields=parts):
            for _, inner in parts:
                yield from uncertain(inner)
        case YearPath(points):
            for _, inner in points:
                yield from uncertain(inner)

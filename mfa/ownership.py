"""Ownership: which assignment owns which cell of a parameter.

A later assignment takes its cells from an earlier one; a change leaves the
form as it was given and is kept beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa.assignments import Assignment, kind_of
from mfa.dated import DATED
from mfa.demand import LAWS
from mfa.dims import require_size
from mfa.errors import MfaError, known
from mfa.forms import Change, Fields, Form, Joined, Known, LawOf
from mfa.scenario import Scenario


@dataclass(frozen=True)
class Entry:
    """A form as it stands after all changes, and the assignments it came from."""

    form: Form
    origins: tuple[Assignment, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Owners:
    """For every cell of a parameter (all dimensions but the year) the entry that owns it."""

    dims: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    owner: NDArray[np.int64]
    entries: tuple[Entry, ...]
    yearly: bool = True


def resolve(scenario: Scenario, name: str) -> Owners:
    """Return who owns each cell of a parameter, after all layers of a scenario."""
    spec, system = scenario.system.parameters[name], scenario.system
    dims = tuple(d for d in spec.dims if d != "year")
    labels = tuple(system.dimensions[d] for d in dims)
    years = scenario.years[1] - scenario.years[0] + 1 if "year" in spec.dims else 1
    try:
        require_size({d: len(own) for d, own in zip(dims, labels, strict=True)} | {"year": years})
    except MfaError as error:
        place = system.place("parameters", name)
        raise MfaError(f"{name}: {error.problems[0].message}", place) from None
    owner = np.full(tuple(map(len, labels)), -1, dtype=np.int64)
    entries: list[Entry] = []
    for given in scenario.assignments:
        if given.parameter != name:
            continue
        index = tuple(
            labels[i].index(given.selection[d]) if d in given.selection else slice(None)
            for i, d in enumerate(dims)
        )
        if isinstance(given.form, Fields) or kind_of(given.form) != "replace":
            _change(owner, index, given, entries, name)
        else:
            entries.append(Entry(given.form, (given,)))
            owner[index] = len(entries) - 1
    return Owners(dims, labels, owner, tuple(entries), "year" in spec.dims)


def _change(owner: Any, index: Any, given: Assignment, entries: list[Entry], name: str) -> None:
    """Let changed copies of the inherited entries own the chosen cells."""
    block = owner[index]
    changed = np.array(block, copy=True)
    for number in np.unique(block):
        if number < 0:
            if isinstance(given.form, Fields) and not any(
                field in law.fields for law in LAWS.values() for field, _ in given.form.fields
            ):
                raise MfaError(f"{name}: {_no_label(given.form)}", given.form.places[0])
            what = (
                "scale"
                if not isinstance(given.form, Fields)
                else ", ".join(k for k, _ in given.form.fields)
            )
            raise MfaError(f"{name}: there is no inherited value to change ({what})", given.place)
        old = entries[number]
        if isinstance(given.form, Fields):
            form = _with_fields(old.form, given.form)
            entries.append(Entry(form, (*old.origins, given), old.changes))
        else:
            inner = given.form.value if isinstance(given.form, Known) else given.form
            assert isinstance(inner, Change)
            entries.append(Entry(old.form, (*old.origins, given), (*old.changes, inner)))
        changed[block == number] = len(entries) - 1
    owner[index] = changed


def _with_fields(form: Form, fields: Fields) -> Form:
    """Return a form with named fields of its law changed.

    The fields of ``{observed, then, join}`` are those of the law in ``then``.
    """
    match form:
        case Known(value=value, fit=fit):
            if fit is not None:  # what is changed is not drawn any more
                names = {name for name, _ in fields.fields}
                left = tuple(name for name in fit.fields if name not in names)
                form = replace(form, fit=replace(fit, fields=left))
            return replace(form, value=_with_fields(value, fields))
        case Joined(then=then):
            return replace(form, then=_with_fields(then, fields))
        case LawOf(law, old, _):
            allowed = LAWS[law].fields
            for (field, _), place in zip(fields.fields, fields.places, strict=True):
                if field not in allowed:
                    hint = known(field, allowed, f"fields of law {law!r}")
                    raise MfaError(f"{field!r} is neither a label nor a field here. {hint}", place)
            changed = tuple({**dict(old), **dict(fields.fields)}.items())
            return replace(form, fields=changed, place=fields.place)
    raise MfaError(_no_label(fields), fields.places[0])


def _no_label(fields: Fields) -> str:
    """Say that a name is no label, and which labels could stand there."""
    name = fields.fields[0][0]
    if name in DATED:
        return f"{name!r} dates a change, and there is none here; write 'scale' or 'add' beside it"
    if not fields.labels:
        return f"{name!r} is no field of the inherited value (it is no law), and no label can stand here"
    near = [
        dim
        for dim, labels in fields.labels
        if get_close_matches(name.lower(), [label.lower() for label in labels], n=1)
    ]
    shown = [(d, own) for d, own in fields.labels if not near or d == near[0]]
    hints = " ".join(known(name, own, f"labels of {dim}") for dim, own in shown)
    return f"there is no label {name!r} here. {hints}"

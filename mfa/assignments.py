"""Assignments: what one written value says, for which cells, and who gave it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mfa.columns import named
from mfa.demand import LAWS
from mfa.errors import MfaError, Place, Problems
from mfa.forms import (
    Change,
    Fields,
    Form,
    Items,
    Joined,
    Known,
    LawOf,
    Rest,
    TableOf,
    Vocabulary,
    YearPath,
    read_form,
)
from mfa.system import System

Layer = Literal["default", "item", "lever", "set", "override"]


@dataclass(frozen=True)
class Given:
    """One value as it was written for a parameter: where, by whom, for which labels."""

    parameter: str
    raw: Any = field(repr=False)
    selection: Mapping[str, str]
    layer: Layer
    giver: str
    place: Place


@dataclass(frozen=True)
class Assignment:
    """One value form for a rectangle of cells of one parameter, and who gave it."""

    parameter: str
    selection: Mapping[str, str]
    form: Form
    place: Place
    layer: Layer
    giver: str

    @property
    def given_by(self) -> str:
        """Who gave it, after its layer; a default is nobody's."""
        return "default" if self.layer == "default" else f"{self.layer} {self.giver}"


def assign(given: Given, system: System) -> list[Assignment]:
    """Return the assignments of one written value: one for each label it names."""
    spec = system.parameters[given.parameter]
    fixed = given.selection
    open_dims = {d: system.dimensions[d] for d in spec.dims if d != "year" and d not in fixed}
    laws = {name: tuple(law.fields) for name, law in LAWS.items()}
    words = Vocabulary(
        open_dims, laws, tuple(system.parameters), given.parameter in system.unlimited
    )
    form = read_form(given.raw, words, given.place)
    unfolded = list(leaves(named(form, given.parameter, fixed, spec.dims, given.giver)))
    return [
        Assignment(
            given.parameter,
            {**fixed, **chosen},
            leaf,
            getattr(leaf, "place", given.place),
            given.layer,
            given.giver,
        )
        for chosen, leaf in unfolded
    ]


def leaves(form: Form, inside_of: str | None = None) -> Iterator[tuple[dict[str, str], Form]]:
    """Unfold items into one leaf for each label; wrappers go down to the leaves."""
    match form:
        case Items(values, dim, _):
            for label, inner in values:
                for chosen, leaf in leaves(inner, dim):
                    yield {str(dim): label, **chosen}, leaf
        case Known(value=Items() as items):
            for chosen, leaf in leaves(items):
                yield chosen, replace(form, value=leaf, factors=True)
        case Known(value=Rest(place=place) as rest):
            if inside_of is None:
                raise MfaError("'rest' needs the other labels beside it", place)
            yield {}, replace(form, value=replace(rest, dim=inside_of))
        case Change(value=Items() as items):
            for chosen, leaf in leaves(items):
                yield chosen, replace(form, value=leaf)
        case Known(value=Known() | Change() as inner):
            for chosen, leaf in leaves(inner):
                yield chosen, replace(form, value=leaf)
        case Rest(place=place):
            if inside_of is None:
                raise MfaError("'rest' needs the other labels beside it", place)
            yield {}, replace(form, dim=inside_of)
        case _:
            yield {}, form


def within(form: Form) -> Iterator[Form]:
    """Yield a form and every form written inside it, from the outside inwards."""
    yield form
    parts: Iterable[Form] = ()
    match form:
        case TableOf():
            edges = (form.before, form.after, form.scale)
            parts = [edge for edge in edges if edge is not None and not isinstance(edge, str)]
        case Joined(observed, then):
            parts = (observed, then)
        case Known(value=value) | Change(value=value):
            parts = (value,)
        case Items(values=values) | YearPath(points=values) | LawOf(fields=values) | Fields(values):
            parts = [inner for _, inner in values]
    for part in parts:
        yield from within(part)


def tables_of(form: Form) -> Iterator[TableOf]:
    """Yield every table that a form names."""
    return (each for each in within(form) if isinstance(each, TableOf))


def parameters_of(form: Form) -> Iterator[str]:
    """Yield every other parameter that a form is a law of, or is multiplied with."""
    for each in within(form):
        if isinstance(each, LawOf):
            yield from filter(None, (each.of, each.times))


def kind_of(form: Form) -> str:
    """Return what an assignment does to the inherited value: replace, scale or add."""
    inner = form.value if isinstance(form, Known) else form
    return inner.kind if isinstance(inner, Change) else "replace"


def refuse_conflicts(assignments: list[Assignment], system: System, problems: Problems) -> None:
    """Two levers on one cell are an error unless both scale or both add."""
    by_parameter: dict[str, list[Assignment]] = {}
    for assignment in assignments:
        if assignment.layer == "lever":
            by_parameter.setdefault(assignment.parameter, []).append(assignment)
    for name, given in by_parameter.items():
        for i, one in enumerate(given):
            for other in given[i + 1 :]:
                if one.giver == other.giver or not overlap(one.selection, other.selection):
                    continue
                kinds = kind_of(one.form), kind_of(other.form)
                if kinds[0] != kinds[1] or kinds[0] == "replace":
                    cell = {**one.selection, **other.selection}
                    where = ", ".join(f"{d}={label}" for d, label in cell.items()) or "all cells"
                    problems.add(
                        f"{name}: levers {one.giver!r} ({kinds[0]}, {one.place}) and {other.giver!r} "
                        f"({kinds[1]}) both set {where}; keep one, or let both scale",
                        other.place,
                    )


def overlap(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Say whether two selections of labels have a cell in common."""
    return all(one[dim] == other[dim] for dim in one.keys() & other.keys())


def covers(new: Assignment, old: Assignment) -> bool:
    """Say whether an assignment takes away what another has said, without a word of it."""
    if new.parameter != old.parameter or not overlap(new.selection, old.selection):
        return False
    if isinstance(new.form, Fields):
        same = {name for name, _ in new.form.fields}
        return isinstance(old.form, Fields) and bool(same & {name for name, _ in old.form.fields})
    return kind_of(new.form) == "replace"

"""Targets: what an indicator has to reach, as levers and scenarios ask for it.

A target is checked by every run and changes none of its flows.  A minimum is a
step: it holds from its year on until the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from mfa.assignments import leaves
from mfa.errors import MfaError, Place, Problems, known
from mfa.files import place_of
from mfa.forms import Fields, Form, Number, Vocabulary, YearPath, read_form
from mfa.schema import TargetOf, validate
from mfa.system import System

Cell: TypeAlias = tuple[tuple[str, str], ...]
"""Labels by dimension, sorted."""


@dataclass(frozen=True)
class Step:
    """A minimum and the year from which it holds; None is the first of the run."""

    year: int | None
    value: float
    unit: str


@dataclass(frozen=True)
class Clause:
    """What one file asks of a target: a minimum for each cell it names."""

    name: str
    of: str
    steps: Mapping[Cell, tuple[Step, ...]]
    raw: Any = field(repr=False)
    source: str
    layer: Literal["lever", "set"]
    giver: str
    place: Place

    @property
    def dims(self) -> tuple[str, ...]:
        """The dimensions that it names."""
        return tuple(dim for dim, _ in next(iter(self.steps)))


def read_clause(
    name: str,
    raw: Any,
    system: System,
    layer: Literal["lever", "set"],
    giver: str,
    place: Place,
) -> Clause:
    """Return a target as one file asks for it.

    Parameters
    ----------
    name : str
        Of the target; letters, digits and underscores.
    raw : mapping
        ``of``, ``at``, ``at_least``, ``source``, ``reason``.

    Raises
    ------
    MfaError
        If a key, a label or a value is wrong; with its place.
    """
    if not re.fullmatch(r"[^\W\d]\w*", name):
        message = f"target {name!r} becomes the variable 'target_{name}'; write letters, digits and underscores"
        raise MfaError(message, place)
    spec = validate(TargetOf, raw, raw)
    fixed: dict[str, str] = {}
    for dim, label in spec.at.items():
        if dim not in system.dimensions:
            hint = known(dim, system.dimensions, "dimensions")
            raise MfaError(
                f"unknown dimension {dim!r}. {hint}", place_of(raw, ("at", dim), key=True)
            )
        if label not in system.dimensions[dim]:
            hint = known(label, system.dimensions[dim], "labels")
            message = f"dimension {dim!r} has no label {label!r}. {hint}"
            raise MfaError(message, place_of(raw, ("at", dim)))
        fixed[dim] = label
    at = place_of(raw, ("at_least",))
    at = at if at.file else place
    open_dims = {dim: own for dim, own in system.dimensions.items() if dim not in fixed}
    form = read_form(raw["at_least"], Vocabulary(open_dims, {}, ()), at)
    steps: dict[Cell, tuple[Step, ...]] = {}
    for chosen, leaf in leaves(form):
        cell = {**fixed, **chosen}
        steps[tuple(sorted(cell.items()))] = _steps(leaf, cell.get(system.conserves or ""), at)
    if len({tuple(dim for dim, _ in cell) for cell in steps}) > 1:
        raise MfaError("some minima name a dimension that others do not; name the same in all", at)
    return Clause(name, spec.of, steps, raw, spec.source, layer, giver, place)


def _steps(form: Form, material: str | None, fallback: Place) -> tuple[Step, ...]:
    match form:
        case Number():
            return (_step(None, form, material),)
        case YearPath(points=points) if all(isinstance(value, Number) for _, value in points):
            return tuple(_step(y, v, material) for y, v in points if isinstance(v, Number))
        case Fields(fields=fields, places=places, labels=known_labels):
            name, labels = fields[0][0], [label for _, own in known_labels for label in own]
            raise MfaError(f"{name!r} is no label. {known(name, labels, 'labels')}", places[0])
    message = (
        "a minimum is a number with its unit, or numbers by year, perhaps by label: "
        "{Co: {2031: 16 %, 2036: 26 %}}"
    )
    raise MfaError(message, getattr(form, "place", fallback))


def _step(year: int | None, number: Number, material: str | None) -> Step:
    if number.element and number.element != material:
        message = f"a minimum of {number.element} is asked of {material or 'every material'}"
        raise MfaError(message, number.place)
    if number.unit == "1" and not 0 <= number.value <= 1:
        message = (
            f"a minimum of {100 * number.value:g} % is asked for; a share lies between 0 and 1"
        )
        raise MfaError(message, number.place)
    return Step(year, number.value, number.unit or "")


class Targets:
    """The targets of a scenario while its files are read, weakest first."""

    def __init__(self) -> None:
        self.clauses: dict[str, list[Clause]] = {}

    def add(self, clause: Clause, problems: Problems) -> None:
        """Take a clause: a scenario's own replaces, levers stand beside each other."""
        before = self.clauses.get(clause.name, [])
        if clause.layer == "set" or any(other.layer == "set" for other in before):
            self.clauses[clause.name] = [clause]
            return
        for other in before:
            if message := _conflict(clause, other):
                problems.add(f"target {clause.name!r}: {message}", clause.place)
                return
        self.clauses[clause.name] = [*before, clause]

    def all(self) -> tuple[Clause, ...]:
        return tuple(clause for own in self.clauses.values() for clause in own)


def _conflict(new: Clause, old: Clause) -> str:
    both = f"levers {old.giver!r} ({old.place}) and {new.giver!r} ({new.place})"
    if new.of != old.of or set(new.dims) != set(old.dims):
        what = "different indicators" if new.of != old.of else "different dimensions"
        return f"{both} name {what}; give one of them another name"
    for cell in new.steps.keys() & old.steps.keys():
        if new.steps[cell] != old.steps[cell]:
            where = ", ".join(f"{d}={label}" for d, label in cell) or "all cells"
            return f"{both} ask for different minima at {where}; keep one, or give it another name"
    return ""


def by_name(clauses: Iterable[Clause]) -> dict[str, list[Clause]]:
    """Return clauses by the target that they belong to."""
    found: dict[str, list[Clause]] = {}
    for clause in clauses:
        found.setdefault(clause.name, []).append(clause)
    return found

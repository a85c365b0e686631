"""Scenarios: a system, its years, and an ordered list of assignments with their origin.

Weakest first: declared default → item files → for each scenario from the root
to the child its levers, then its ``set`` → ``override()`` and ``--set``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from mfa.demand import LAWS
from mfa.errors import MfaError, Place, Problems, known
from mfa.files import Branch, Table, inside, parse_value, place_of, read_table, read_yaml, sha256
from mfa.forms import (
    Change,
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
from mfa.schema import LeverFile, ScenarioFile, validate
from mfa.system import System, folder_of, read_system

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


@dataclass(frozen=True)
class Scenario:
    """Named differences, resolved down to one list of assignments (frozen).

    Attributes
    ----------
    name : str
        Name of the file, or the title given to :meth:`override`.
    title, about : str
    system : System
    years : (int, int)
        First and last year of the run.
    report_from : int
        First year of figures, indicators and exports.
    given : tuple of Given
        Every value as written, weakest first.
    assignments : tuple of Assignment
        The same, unfolded to one value form for each rectangle of cells.
    tables : mapping of path to Table
    files : mapping of path to SHA-256
        Every file that was read.
    lineage : tuple of str
        The scenario and its parents, child first.
    """

    name: str
    title: str
    about: str
    system: System
    years: tuple[int, int]
    report_from: int
    given: tuple[Given, ...]
    assignments: tuple[Assignment, ...]
    tables: Mapping[str, Table]
    files: Mapping[str, str]
    lineage: tuple[str, ...]
    folder: str

    def override(self, title: str | None = None, **parameters: Any) -> Scenario:
        """Return a scenario that differs from this one by the given values.

        Parameters
        ----------
        title : str, optional
            Title and name of the new scenario.
        **parameters
            Values in the forms of scenario files: a number, a text with a
            unit, or a mapping such as ``{"midpoint": 2030}`` or
            ``{"scale": 1.2}``.

        Raises
        ------
        MfaError
            If a parameter is not declared or a value cannot be read.
        """
        return _assigned(self, parameters, Place("override()"), title or f"{self.title}, changed")

    def set(self, *settings: str) -> Scenario:
        """Return a scenario with ``NAME=VALUE`` texts applied, as typed for ``--set``."""
        scenario = self
        for text in settings:
            name, equals, value = text.partition("=")
            if not equals:
                raise MfaError(f"--set {text}: write it as NAME=VALUE")
            place = Place(f"--set {text}", 1, len(name) + 2)
            raw = parse_value(value, place.file)
            scenario = _assigned(scenario, {name.strip(): raw}, place, scenario.title)
        return replace(scenario, name=self.name)

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(self.system.parameters)

    def _repr_html_(self) -> str:
        from html import escape

        facts = {
            "title": self.title,
            "about": self.about,
            "system": self.system.title,
            "years": f"{self.years[0]}–{self.years[1]}, reported from {self.report_from}",
            "inherits": " → ".join(self.lineage[1:]) or "nothing",
            "values": len(self.assignments),
        }
        rows = "".join(f"<tr><th>{k}</th><td>{escape(str(v))}</td></tr>" for k, v in facts.items())
        return f"<table>{rows}</table>"


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario with its parents, levers, item files and tables.

    Parameters
    ----------
    path : path of a YAML file
        Its folder is the scenario folder: ``systems/``, ``levers/``, ``data/``
        and the folders of items are looked up in it.

    Returns
    -------
    Scenario

    Raises
    ------
    MfaError
        With file, line and column of every problem.
    """
    return _Reader().read(Path(path))


# ------------------------------------------------------------------ reading


class _Reader:
    """Reads one scenario; remembers every file and collects every problem."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.tables: dict[str, Table] = {}
        self.given: list[Given] = []
        self.levers_named: dict[str, str] = {}
        self.problems = Problems()

    def read(self, path: Path) -> Scenario:
        chain = self.chain(path)
        head, head_root, head_path = chain[-1]
        if not head.system:
            message = f"{head_path.stem!r} has neither 'system' nor 'inherits'; a root scenario names its system"
            raise MfaError(message, Place(str(head_path), 1, 1))
        folder = head_path.parent
        system_path = inside(folder, head.system, place_of(head_root, ("system",)))
        system_path = folder / head.system
        if not system_path.is_file():
            near = known(
                system_path.name, [p.name for p in system_path.parent.glob("*.yaml")], "systems"
            )
            raise MfaError(
                f"there is no file {system_path}. {near}", place_of(head_root, ("system",))
            )
        system = read_system(system_path)
        self.note(system_path)
        years, report_from = self.period(chain)
        assignments = [*self.defaults(system, folder), *self.items(system, folder)]
        for file, root, at in reversed(chain):
            assignments += self.levers(file, root, at, system, [p.parent for _, _, p in chain])
            assignments += self.values(
                file.set, root.get("set", {}), system, {}, "set", at.stem, at.parent
            )
        _refuse_conflicts(assignments, system, self.problems)
        self.problems.raise_if_any()
        first = chain[0][0]
        return Scenario(
            name=path.stem,
            title=first.title,
            about=first.about,
            system=system,
            years=years,
            report_from=report_from,
            given=tuple(self.given),
            assignments=tuple(assignments),
            tables=self.tables,
            files=dict(sorted(self.files.items())),
            lineage=tuple(p.stem for _, _, p in chain),
            folder=str(folder),
        )

    def note(self, path: Path) -> None:
        self.files[str(path)] = sha256(path.read_bytes())

    def chain(self, path: Path) -> list[tuple[ScenarioFile, Branch, Path]]:
        """Return the scenario and its parents, child first."""
        found: list[tuple[ScenarioFile, Branch, Path]] = []
        place: Place | None = None
        while True:
            seen = [p.resolve() for _, _, p in found]
            if path.resolve() in seen:
                circle = " → ".join([p.stem for _, _, p in found] + [path.stem])
                raise MfaError(f"'inherits' goes round in a circle: {circle}", place)
            root = read_yaml(path, place)
            self.note(path)
            file = validate(ScenarioFile, root)
            found.append((file, root, path))
            if not file.inherits:
                return found
            place = place_of(root, ("inherits",))
            if file.system:
                message = "names a 'system' and 'inherits' as well; the system is the parent's"
                raise MfaError(message, place_of(root, ("system",), key=True))
            name = file.inherits if file.inherits.endswith(".yaml") else f"{file.inherits}.yaml"
            path = self.named(path.parent, name, place, "scenarios")

    def named(self, folder: Path, name: str, place: Place, what: str) -> Path:
        inside(folder, name, place)
        path = folder / name
        if not path.exists():
            near = known(path.stem, [p.stem for p in path.parent.glob("*.yaml")], what)
            raise MfaError(f"there is no file {path}. {near}", place)
        return path

    def period(self, chain: list[tuple[ScenarioFile, Branch, Path]]) -> tuple[tuple[int, int], int]:
        for file, root, _ in chain:
            if file.years is not None:
                first, last = file.years
                if last < first:
                    message = f"the last year {last} lies before the first year {first}"
                    raise MfaError(message, place_of(root, ("years",)))
                for position, year in enumerate(file.years):
                    if not 1 <= year <= 9999:
                        raise MfaError(
                            f"{year} is no calendar year", place_of(root, ("years", position))
                        )
                break
        else:
            raise MfaError("'years' is missing: [first, last]", Place(str(chain[-1][2]), 1, 1))
        for file, root, _ in chain:
            if file.report_from is not None:
                if not first <= file.report_from <= last:
                    message = (
                        f"'report_from' {file.report_from} lies outside the years {first}–{last}"
                    )
                    raise MfaError(message, place_of(root, ("report_from",)))
                return (first, last), file.report_from
        return (first, last), first

    def defaults(self, system: System, folder: Path) -> Iterator[Assignment]:
        for name, spec in system.parameters.items():
            if spec.default is not None:
                place = system.place("parameters", name, "default")
                yield from self.value(
                    name, spec.default, system, {}, "default", "system", place, folder
                )

    def items(self, system: System, folder: Path) -> Iterator[Assignment]:
        """Read the file of every label of every dimension that has a folder."""
        for dim, labels in system.dimensions.items():
            for label in labels:
                inside(folder, f"{folder_of(dim)}/{label}.yaml", system.place("dimensions", dim))
                path = folder / folder_of(dim) / f"{label}.yaml"
                if not path.exists():
                    continue
                root = read_yaml(path)
                self.note(path)
                values = {k: v for k, v in root.items() if k not in ("title", "about")}
                for name in values:
                    spec = system.parameters.get(str(name))
                    if spec and dim not in spec.dims:
                        message = f"{name}: has no dimension {dim!r} (its dims: {', '.join(spec.dims) or 'none'})"
                        self.problems.add(message, place_of(root, (name,), key=True))
                        values = {k: v for k, v in values.items() if k != name}
                giver = f"{folder_of(dim)}/{label}"
                yield from self.values(values, root, system, {dim: label}, "item", giver, folder)

    def levers(
        self, file: ScenarioFile, root: Branch, at: Path, system: System, folders: list[Path]
    ) -> Iterator[Assignment]:
        for position, lever in enumerate(file.levers):
            place = place_of(root, ("levers", position))
            if lever in self.levers_named:
                first = self.levers_named[lever]
                where = "" if first == at.stem else f" (first in {first!r}, which is inherited)"
                self.problems.add(f"lever {lever!r} is named twice{where}", place)
                continue
            self.levers_named[lever] = at.stem
            try:
                for folder in folders:
                    inside(folder, f"levers/{lever}.yaml", place)
            except MfaError as error:
                self.problems.include(error)
                continue
            candidates = [folder / "levers" / f"{lever}.yaml" for folder in folders]
            path = next((p for p in candidates if p.exists()), None)
            if path is None:
                shipped = [p.stem for folder in folders for p in folder.glob("levers/*.yaml")]
                self.problems.add(
                    f"there is no lever {lever!r}. {known(lever, shipped, 'levers')}", place
                )
                continue
            try:
                lever_root = read_yaml(path, place)
                self.note(path)
                checked = validate(LeverFile, lever_root)
            except MfaError as error:
                self.problems.include(error)
                continue
            values = lever_root["set"]
            yield from self.values(
                checked.set, values, system, {}, "lever", lever, path.parent.parent
            )

    def values(
        self, values: Mapping[str, Any], root: Any, system: System, selection: Mapping[str, str],
        layer: Layer, giver: str, folder: Path,
    ) -> Iterator[Assignment]:  # fmt: skip
        for name in values:
            if name not in system.parameters:
                message = (
                    f"unknown parameter {name!r}. {known(name, system.parameters, 'parameters')}"
                )
                self.problems.add(message, place_of(root, (name,), key=True))
                continue
            place = place_of(root, (name,))
            yield from self.value(name, root[name], system, selection, layer, giver, place, folder)

    def value(
        self, name: str, raw: Any, system: System, selection: Mapping[str, str],
        layer: Layer, giver: str, place: Place, folder: Path,
    ) -> Iterator[Assignment]:  # fmt: skip
        given = Given(name, raw, selection, layer, giver, place)
        self.given.append(given)
        try:
            found = assign(given, system)
            for assignment in found:
                self.load_tables(assignment.form, folder)
        except MfaError as error:
            for problem in error.problems:
                self.problems.add(f"{name}: {problem.message}", problem.place)
            return
        yield from found

    def load_tables(self, form: Form, folder: Path) -> None:
        for table in tables_of(form):
            inside(folder, table.path, table.place)
            file, same = folder / table.path, self.tables.get(table.path)
            if same is None:
                self.tables[table.path] = read_table(file, table.place)
                self.note(file)
            elif Path(same.path).exists() and Path(same.path).resolve() != file.resolve():
                message = f"another table, {same.path}, has the name {table.path!r} too; rename one of them"
                raise MfaError(message, table.place)


def assign(given: Given, system: System) -> list[Assignment]:
    """Return the assignments of one written value: one for each label it names."""
    spec = system.parameters[given.parameter]
    fixed = given.selection
    open_dims = {d: system.dimensions[d] for d in spec.dims if d != "year" and d not in fixed}
    laws = {name: tuple(law.fields) for name, law in LAWS.items()}
    form = read_form(given.raw, Vocabulary(open_dims, laws), given.place)
    return [
        Assignment(
            given.parameter,
            {**fixed, **chosen},
            leaf,
            getattr(leaf, "place", given.place),
            given.layer,
            given.giver,
        )
        for chosen, leaf in _leaves(form)
    ]


def _leaves(form: Form, inside_of: str | None = None) -> Iterator[tuple[dict[str, str], Form]]:
    """Unfold items into one leaf for each label; wrappers go down to the leaves."""
    match form:
        case Items(values, dim, _):
            for label, inner in values:
                for chosen, leaf in _leaves(inner, dim):
                    yield {str(dim): label, **chosen}, leaf
        case Known(value=Items() as items) | Change(value=Items() as items):
            for chosen, leaf in _leaves(items):
                yield chosen, replace(form, value=leaf)
        case Known(value=Known() | Change() as inner):
            for chosen, leaf in _leaves(inner):
                yield chosen, replace(form, value=leaf)
        case Rest(place=place):
            if inside_of is None:
                raise MfaError("'rest' needs the other labels beside it", place)
            yield {}, replace(form, dim=inside_of)
        case _:
            yield {}, form


def tables_of(form: Form) -> Iterator[TableOf]:
    """Yield every table that a form names."""
    match form:
        case TableOf():
            yield form
            for edge in (form.before, form.after, form.scale):
                if edge is not None and not isinstance(edge, str):
                    yield from tables_of(edge)
        case Joined(observed, then):
            yield from tables_of(observed)
            yield from tables_of(then)
        case Known(value=value) | Change(value=value):
            yield from tables_of(value)
        case Items(values=values) | YearPath(points=values) | LawOf(fields=values):
            for _, inner in values:
                yield from tables_of(inner)


def _assigned(scenario: Scenario, values: Mapping[str, Any], place: Place, title: str) -> Scenario:
    reader = _Reader()
    reader.tables = dict(scenario.tables)
    reader.files = dict(scenario.files)
    added: list[Assignment] = []
    for name, raw in values.items():
        if name not in scenario.system.parameters:
            hint = known(name, scenario.system.parameters, "parameters")
            reader.problems.add(f"unknown parameter {name!r}. {hint}", place)
            continue
        giver = place.file
        added += reader.value(
            name, raw, scenario.system, {}, "override", giver, place, Path(scenario.folder)
        )
    reader.problems.raise_if_any()
    return replace(
        scenario,
        name=re.sub(r"\W+", "_", title.lower()).strip("_"),
        title=title,
        given=(*scenario.given, *reader.given),
        assignments=(*scenario.assignments, *added),
        tables=reader.tables,
        files=reader.files,
        lineage=(title, *scenario.lineage),
    )


# ---------------------------------------------------------------- conflicts


def kind_of(form: Form) -> str:
    """Return what an assignment does to the inherited value: replace, scale or add."""
    inner = form.value if isinstance(form, Known) else form
    return inner.kind if isinstance(inner, Change) else "replace"


def _refuse_conflicts(assignments: list[Assignment], system: System, problems: Problems) -> None:
    """Two levers on one cell are an error unless both scale or both add."""
    by_parameter: dict[str, list[Assignment]] = {}
    for assignment in assignments:
        if assignment.layer == "lever":
            by_parameter.setdefault(assignment.parameter, []).append(assignment)
    for name, given in by_parameter.items():
        for i, one in enumerate(given):
            for other in given[i + 1 :]:
                if one.giver == other.giver or not _overlap(one.selection, other.selection):
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


def _overlap(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one[dim] == other[dim] for dim in one.keys() & other.keys())

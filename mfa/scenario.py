"""A scenario: a system, its years, and an ordered list of assignments with their origin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from mfa.assignments import Assignment, Given, Layer, assign, covers, tables_of
from mfa.cards import card, few, folded
from mfa.correlations import Correlation
from mfa.errors import MfaError, Place, Problems, known
from mfa.files import Branch, inside, parse_value, sha256
from mfa.fit_values import expanded, read_fit
from mfa.forms import Form
from mfa.system import System
from mfa.table_files import Table, read_table
from mfa.targets import Clause


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
    folder : str
        The folder that the paths of tables start from.
    years_at : Place
        Where the years were written, if not by the root.
    targets : tuple of Clause
        What indicators have to reach; a run checks it.
    varied : mapping of parameter to text
        What a scenario of a grid varies.
    correlation : Correlation, optional
        Which draws are correlated, and how.
    fits : mapping of path to content
        The files of the fits that values stand for.
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
    years_at: Place = field(default_factory=Place)
    targets: tuple[Clause, ...] = ()
    varied: Mapping[str, str] = field(default_factory=dict)
    correlation: Correlation | None = None
    fits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    def override(self, title: str | None = None, **parameters: Any) -> Scenario:
        """Return a scenario that differs from this one by the given values.

        Parameters
        ----------
        title : str, optional
            Title and name of the new scenario.
        **parameters
            Values in the forms of scenario files: a number, a text with a
            unit, or a mapping such as ``{"midpoint": 2030}`` or
            ``{"scale": 1.2}``, or a labelled array with a unit, from
            :func:`mfa.array`.

        Raises
        ------
        MfaError
            If a parameter is not declared or a value cannot be read.
        """
        if title is not None and not isinstance(title, str):
            raise MfaError(
                f"override(): the title is a text, not {title!r}; values are given by name, like "
                "override(collection_rate=0.5)"
            )
        values = {name: plain(raw) for name, raw in parameters.items()}
        return _assigned(self, values, Place("override()"), title or f"{self.title}, changed")

    def set(self, *settings: str) -> Scenario:
        """Return a scenario with ``NAME=VALUE`` texts applied, as typed for ``--set``."""
        scenario = self
        count = len(self.assignments)
        for text in settings:
            name, equals, value = text.partition("=")
            if not equals:
                raise MfaError(f"--set {text}: write it as NAME=VALUE")
            place = Place(f"--set {text}", 1, len(name) + 2)
            raw = parse_value(" " * (len(name) + 1) + value, place.file)
            earlier = scenario.assignments[count:]
            scenario = _assigned(scenario, {name.strip(): raw}, place, scenario.title)
            for new in scenario.assignments[count + len(earlier) :]:
                for old in earlier:
                    if covers(new, old):
                        message = f"{new.parameter}: {old.giver!r} before it sets the same cells; keep one"
                        raise MfaError(message, place)
        return replace(scenario, name=self.name)

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(self.system.parameters)

    def _repr_html_(self) -> str:
        facts = {
            "years": f"{self.years[0]}–{self.years[1]}, reported from {self.report_from}",
            "inherits": " → ".join(self.lineage[1:]) or "nothing",
            "values": f"{len(self.assignments)} given for {len(self.system.parameters)} parameters",
            "changed": few(self._changed(), 8),
            "targets": few([clause.name for clause in self.targets]),
            "system": self.system.title,
        }
        drawing = folded("the system", self.system.drawing())
        return card("mfa scenario", self.title, facts, about=self.about, parts=[drawing])

    def _changed(self) -> list[str]:
        """Return the parameters that are given otherwise than in the root of the lineage."""
        root = self.lineage[-1] if self.lineage else self.name
        own = [g.parameter for g in self.given if g.layer not in ("default", "item")]
        given_by = [g.giver for g in self.given if g.layer not in ("default", "item")]
        changed = [name for name, giver in zip(own, given_by, strict=True) if giver != root]
        return list(dict.fromkeys(changed))


def plain(raw: Any) -> Any:
    """Return a value as it could stand in a file: a labelled array becomes nested mappings.

    >>> import mfa
    >>> plain(mfa.array(12, "yr"))
    '12.0 yr'
    >>> plain(mfa.array([1, 2], "kt", region=["CN", "DE"]))
    {'region': {'CN': '1000.0 t', 'DE': '2000.0 t'}}
    """
    if not hasattr(raw, "dims"):
        return raw
    if not raw.dims:
        unit = raw.attrs.get("units", "")
        return f"{float(raw)!r} {unit}" if unit not in ("", "1", "year") else float(raw)
    dim = next((d for d in raw.dims if d != "year"), "year")
    if dim not in raw.coords:
        raise MfaError(f"override(): dimension {dim!r} of the array has no labels")
    inner = {label: plain(raw.sel({dim: label})) for label in raw.coords[dim].values.tolist()}
    return inner if dim == "year" else {str(dim): inner}


class Collector:
    """Turns written values into assignments; remembers every file and every problem."""

    def __init__(
        self,
        tables: Mapping[str, Table] | None = None,
        files: Mapping[str, str] | None = None,
        fits: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.tables = dict(tables or {})
        self.files = dict(files or {})
        self.fits: dict[Path, Branch] = {}
        self.fits_named = dict(fits or {})
        self.given: list[Given] = []
        self.problems = Problems()

    def note(self, path: Path) -> None:
        self.files[str(path)] = sha256(path.read_bytes())

    def value(
        self, name: str, raw: Any, system: System, selection: Mapping[str, str],
        layer: Layer, giver: str, place: Place, folder: Path,
    ) -> Iterator[Assignment]:  # fmt: skip
        try:
            raw = expanded(raw, partial(self.fit, folder), place)
            given = Given(name, raw, selection, layer, giver, place)
            self.given.append(given)
            found = assign(given, system)
            for assignment in found:
                self.load_tables(assignment.form, folder)
        except MfaError as error:
            for problem in error.problems:
                self.problems.add(f"{name}: {problem.message}", problem.place)
            return
        yield from found

    def fit(self, folder: Path, name: str, at: Place) -> Branch:
        """Return the content of the file of a fit, which is read once."""
        file = inside(folder, name, at)
        if file not in self.fits:
            self.fits[file] = read_fit(file, name, at)
            self.note(file)
        content = self.fits_named.setdefault(name, self.fits[file])
        if content != self.fits[file]:
            message = f"another fit has the name {name!r} too; rename one of them"
            raise MfaError(message, at)
        return self.fits[file]

    def load_tables(self, form: Form, folder: Path) -> None:
        for table in tables_of(form):
            inside(folder, table.file, table.place)
            file, same = folder / table.file, self.tables.get(table.path)
            if same is None:
                self.tables[table.path] = read_table(file, table.place, table.sheet)
                self.note(file)
            elif Path(same.path).exists() and Path(same.path).resolve() != file.resolve():
                message = f"another table, {same.path}, has the name {table.path!r} too; rename one of them"
                raise MfaError(message, table.place)


def _assigned(scenario: Scenario, values: Mapping[str, Any], place: Place, title: str) -> Scenario:
    collector = Collector(scenario.tables, scenario.files, scenario.fits)
    added: list[Assignment] = []
    for name, raw in values.items():
        if name not in scenario.system.parameters:
            hint = known(name, scenario.system.parameters, "parameters")
            collector.problems.add(f"unknown parameter {name!r}. {hint}", place)
            continue
        giver = place.file
        added += collector.value(
            name, raw, scenario.system, {}, "override", giver, place, Path(scenario.folder)
        )
    collector.problems.raise_if_any()
    return replace(
        scenario,
        name=re.sub(r"\W+", "_", title.lower()).strip("_"),
        title=title,
        given=(*scenario.given, *collector.given),
        assignments=(*scenario.assignments, *added),
        tables=collector.tables,
        files=collector.files,
        fits=collector.fits_named,
        lineage=(title, *scenario.lineage),
    )

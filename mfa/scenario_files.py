"""Scenario files: a scenario, its parents, levers, items and tables are read and merged.

Weakest first: declared default → item files → for each scenario from the root
to the child its levers, then its ``set`` → the values of a grid → ``override()``
and ``--set``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from mfa.assignments import Assignment, Layer, refuse_conflicts
from mfa.correlations import Correlation, correlation
from mfa.errors import MfaError, Place, known
from mfa.files import Branch, inside, place_of, read_yaml, yaml_files
from mfa.grids import text_of, variants
from mfa.scenario import Collector, Scenario
from mfa.schema import LeverFile, ScenarioFile, validate
from mfa.system import System, read_system
from mfa.targets import Targets, read_clause


def read_scenarios(path: str | Path) -> list[Scenario]:
    """Read a scenario with its parents, levers, item files and tables, or all of a grid.

    Parameters
    ----------
    path : path of a YAML file
        Its folder is the scenario folder: ``systems/``, ``levers/``, ``data/``
        and the folders of items are looked up in it.

    Returns
    -------
    list of Scenario
        One, or with ``vary:`` one for each combination of its values.

    Raises
    ------
    MfaError
        With file, line and column of every problem.
    """
    return _Reader().read(Path(path))


_Entry = tuple[Collector, list[Assignment]]
"""One value of a grid: what was read for it, and what it says."""


class _Reader(Collector):
    """Reads one file: a scenario or a grid."""

    def __init__(self) -> None:
        super().__init__()
        self.levers_named: dict[str, str] = {}
        self.targets = Targets()

    def read(self, path: Path) -> list[Scenario]:
        chain = self.chain(path)
        head, head_root, head_path = chain[-1]
        if not head.system:
            message = f"{head_path.stem!r} has neither 'system' nor 'inherits'; a root scenario names its system"
            raise MfaError(message, Place(str(head_path), 1, 1))
        folder = head_path.parent
        inside(folder, head.system, place_of(head_root, ("system",)))
        system_path = folder / head.system
        if not system_path.is_file():
            near = known(
                system_path.name, [p.name for p in yaml_files(system_path.parent)], "systems"
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
            self.read_targets(root, system, "set", at.stem)
        refuse_conflicts(assignments, system, self.problems)
        first, root, _ = chain[0]
        entries = self.varied(first, root, system, path) if first.vary else {}
        if "vary" in root and not first.vary:
            message = "vary: it names no parameter; write 'vary: {parameter: [value, value]}', or leave it out"
            self.problems.add(message, place_of(root, ("vary",), key=True))
        self.problems.raise_if_any()
        whole = Scenario(
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
            years_at=years_at(chain),
            targets=self.targets.all(),
            correlation=correlation_of(chain),
            fits=self.fits_named,
        )
        if not entries:
            return [whole]
        where = place_of(root, ("vary",))
        return [
            _variant(whole, variant.name, variant.values, taken)
            for variant in variants(path.stem, {n: root["vary"][n] for n in entries}, where)
            for taken in [[entries[n][i] for n, i in zip(entries, variant.entries, strict=True)]]
        ]

    def varied(
        self, file: ScenarioFile, root: Branch, system: System, path: Path
    ) -> dict[str, list[_Entry]]:
        """Read every value of a grid, each on top of what all its scenarios share."""
        found: dict[str, list[_Entry]] = {}
        for name in file.vary:
            if name not in system.parameters:
                message = (
                    f"unknown parameter {name!r}. {known(name, system.parameters, 'parameters')}"
                )
                self.problems.add(message, place_of(root, ("vary", name), key=True))
                continue
            written = root["vary"][name]
            for position, raw in enumerate(written):
                place = place_of(root, ("vary", name, position))
                if raw in written[:position]:
                    first = written.index(raw) + 1
                    message = (
                        f"{name}: entries {first} and {position + 1} are the same, {text_of(raw)}"
                    )
                    self.problems.add(message, place)
                    continue
                own = Collector(self.tables, self.files, self.fits_named)
                made = [
                    *own.value(
                        name, raw, system, {}, "set", f"{path.stem}, vary", place, path.parent
                    )
                ]
                for problem in own.problems:
                    self.problems.add(problem.message, problem.place)
                found.setdefault(name, []).append((own, made))
        return found

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
            refuse_other_kinds(root, path)
            file = validate(ScenarioFile, root)
            if file.vary and found:
                message = (
                    f"{path.stem!r} is a grid ('vary' in {place_of(root, ('vary',), key=True)}), which "
                    "stands for several scenarios; inherit its parent and write the values you want in 'set'"
                )
                raise MfaError(message, place)
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
            near = known(path.stem, [p.stem for p in yaml_files(path.parent)], what)
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
                    at, given = place_of(root, ("report_from",)), years_at(chain)
                    if given.file and given.file != at.file:
                        message = (
                            f"the years {first}–{last} leave out 'report_from' {file.report_from} "
                            f"({at}); give a 'report_from' here as well"
                        )
                        raise MfaError(message, given)
                    message = (
                        f"'report_from' {file.report_from} lies outside the years {first}–{last}"
                    )
                    raise MfaError(message, at)
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
            items = system.folder_of_items(dim)
            for label in labels:
                inside(folder, f"{items}/{label}.yaml", system.place("dimensions", dim))
                path = folder / items / f"{label}.yaml"
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
                giver = f"{items}/{label}"
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
                shipped = [p.stem for folder in folders for p in yaml_files(folder / "levers")]
                self.problems.add(
                    f"there is no lever {lever!r}. {known(lever, shipped, 'levers')}", place
                )
                continue
            try:
                lever_root = read_yaml(path, place)
                self.note(path)
                checked = validate(LeverFile, lever_root)
                if not {"set", "targets"} & {*lever_root}:
                    message = "a lever has 'set:', 'targets:' or both, and this one has neither"
                    raise MfaError(message, Place(str(path), 1, 1))
            except MfaError as error:
                self.problems.include(error)
                continue
            self.read_targets(lever_root, system, "lever", lever)
            values = lever_root.get("set", {})
            yield from self.values(
                checked.set, values, system, {}, "lever", lever, path.parent.parent
            )

    def read_targets(
        self, root: Branch, system: System, layer: Literal["lever", "set"], giver: str
    ) -> None:
        for name, raw in root.get("targets", {}).items():
            place = place_of(root, ("targets", name), key=True)
            try:
                clause = read_clause(str(name), raw, system, layer, giver, place)
            except MfaError as error:
                for problem in error.problems:
                    self.problems.add(f"target {name!r}: {problem.message}", problem.place)
                continue
            self.targets.add(clause, self.problems)

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


def _variant(
    whole: Scenario, name: str, values: Mapping[str, str], taken: list[_Entry]
) -> Scenario:
    """Return one scenario of a grid; it holds the tables that it needs and no others."""
    said = ", ".join(f"{parameter} {text}" for parameter, text in values.items())
    return replace(
        whole,
        name=name,
        title=f"{whole.title}: {said}",
        given=(*whole.given, *(given for own, _ in taken for given in own.given)),
        assignments=(*whole.assignments, *(one for _, made in taken for one in made)),
        tables={p: table for own, _ in taken for p, table in own.tables.items()},
        files=dict(sorted({f: sha for own, _ in taken for f, sha in own.files.items()}.items())),
        fits={name: fit for own, _ in taken for name, fit in own.fits_named.items()},
        lineage=(name, *whole.lineage),
        varied=values,
    )


def years_at(chain: list[tuple[ScenarioFile, Branch, Path]]) -> Place:
    """Return where a scenario changed the years of its parents; nowhere if the root gives them."""
    for file, root, _ in chain[:-1]:
        if file.years is not None:
            return place_of(root, ("years",))
    return Place()


def correlation_of(chain: list[tuple[ScenarioFile, Branch, Path]]) -> Correlation | None:
    """Return the correlation of the draws that a scenario, or the nearest of its parents, tells."""
    for file, root, _ in chain:
        if file.correlation is not None:
            told = file.correlation
            return correlation(told.of, told.matrix, place_of(root, ("correlation",)))
    return None


def refuse_other_kinds(root: Branch, path: Path) -> None:
    """Raise if a file is plainly a system, a lever or an item and not a scenario."""
    keys, folder = {*root}, path.resolve().parent
    scenario = {"system", "inherits", "years", "levers", "vary"}
    if keys & scenario:
        return
    if "processes" in keys:
        kind, fix = "a system", "name it with 'system:' in a scenario; 'mfa plan' prints it"
    elif folder.name == "levers" and keys & {"set", "targets"}:
        kind, fix = "a lever", f"name it in a scenario: 'levers: [{path.stem}]'"
    elif len(keys - {*ScenarioFile.model_fields}) > 1 and (folder.parent / "systems").is_dir():
        kind, fix = f"an item of the folder {folder.name}/", "every scenario beside it reads it"
    else:
        return
    raise MfaError(f"this file is {kind}, not a scenario; {fix}", Place(str(path), 1, 1))

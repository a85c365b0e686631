"""The manifest of a result: everything that a run was made of, in one YAML file.

It holds the system, every value as it was written with the file and line it
came from, and the tables themselves, so that the run can be made again from
this file alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path, PurePath
from typing import Any, Literal

from pydantic import Field

from mfa import scenario_files
from mfa.assignments import Assignment, Given, Layer, assign
from mfa.correlations import Correlation, correlation
from mfa.errors import MfaError, Place, Problems, known
from mfa.files import parse_yaml, place_of, read_text, sha256
from mfa.forms import table_name
from mfa.references import bibliography, references
from mfa.scenario import Scenario
from mfa.schema import CorrelationOf, Model, Name, validate
from mfa.system import System
from mfa.table_files import parse_table
from mfa.targets import Clause, read_clause
from mfa.yaml_text import quoted, to_text

VERSION = 1
"""The version of the manifest's own layout."""

MOST_NODES = 20_000_000
"""A manifest of many scenarios repeats what they share: it may unfold further than a scenario."""


class ValueOf(Model):
    """One value as it was written, and where."""

    parameter: str
    layer: Layer
    giver: str
    at: str
    select: dict[str, Name] = Field(default_factory=dict)
    value: Any


class TargetGiven(Model):
    """One target as a file asked for it, and where."""

    name: str
    layer: Literal["lever", "set"]
    giver: str
    at: str
    target: Any


class ScenarioOf(Model):
    """One merged scenario."""

    name: str
    title: str
    about: str = ""
    lineage: tuple[str, ...]
    years: tuple[int, int]
    report_from: int
    folder: str
    sha256: str
    correlation: CorrelationOf | None = None
    system: Any
    values: tuple[ValueOf, ...]
    targets: tuple[TargetGiven, ...] = ()


class TableText(Model):
    """One table, whole."""

    sha256: str
    text: str


class ManifestFile(Model):
    """A manifest as it stands in its file."""

    manifest: Literal[1]
    mfa_version: str = ""
    created: str = ""
    command: str = ""
    figures: tuple[str, ...] = ()
    scenarios: tuple[ScenarioOf, ...]
    tables: dict[str, TableText] = Field(default_factory=dict)
    fits: dict[str, Any] = Field(default_factory=dict)
    draws: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    references: dict[str, str] = Field(default_factory=dict)
    bibliography: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class FromManifest(Scenario):
    """A scenario that was read from a manifest, which brings its references and their entries along."""

    references: Mapping[str, str] = field(default_factory=dict)
    bibliography: Mapping[str, str] = field(default_factory=dict)


# ---------------------------------------------------------------- documents


def document(scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """Return scenarios as plain mappings, lists, texts and numbers.

    Raises
    ------
    MfaError
        If two scenarios call different tables by one path.
    """
    tables: dict[str, dict[str, str]] = {}
    for scenario in scenarios:
        for path, table in sorted(scenario.tables.items()):
            entry = {"sha256": sha256(table.text), "text": table.text}
            if tables.setdefault(path, entry) != entry:
                raise MfaError(
                    f"two scenarios of one result read different tables named {path!r}; "
                    "save them apart"
                )
    files = {relative(file, s.folder): found for s in scenarios for file, found in s.files.items()}
    cited: dict[str, str] = {}
    entries: dict[str, str] = {}
    for scenario in scenarios:
        brought = scenario.references if isinstance(scenario, FromManifest) else {}
        cited |= {key: brought.get(key, text) for key, text in references(scenario).items()}
        entries |= bibliography_of(scenario)
    fits: dict[str, Any] = {}
    for scenario in scenarios:
        for path, content in sorted(scenario.fits.items()):
            if fits.setdefault(path, plain(content)) != plain(content):
                raise MfaError(
                    f"two scenarios of one result read different fits named {path!r}; save them apart"
                )
    return {
        **({"fits": fits} if fits else {}),
        "scenarios": [_scenario_document(scenario) for scenario in scenarios],
        "tables": dict(sorted(tables.items())),
        "files": dict(sorted(files.items())),
        "references": dict(sorted(cited.items())),
        "bibliography": dict(sorted(entries.items())),
    }


def bibliography_of(scenario: Scenario) -> dict[str, str]:
    """Return the BibTeX entry of each source that a scenario names and its bibliography holds."""
    brought = scenario.bibliography if isinstance(scenario, FromManifest) else {}
    return {**{key: str(entry) for key, entry in bibliography(scenario).items()}, **brought}


def _scenario_document(scenario: Scenario) -> dict[str, Any]:
    names = {file: relative(file, scenario.folder) for file in scenario.files}
    return {
        "name": scenario.name,
        "title": scenario.title,
        "about": scenario.about,
        "lineage": list(scenario.lineage),
        "years": list(scenario.years),
        "report_from": scenario.report_from,
        "folder": Path(scenario.folder).resolve().name,
        "sha256": fingerprint(scenario),
        **_correlation(scenario),
        "system": system_document(scenario.system),
        "values": [
            {
                "parameter": given.parameter,
                "layer": given.layer,
                "giver": given.giver,
                "at": str(_moved(given.place, names)),
                **({"select": dict(given.selection)} if given.selection else {}),
                "value": plain(given.raw),
            }
            for given in scenario.given
        ],
        **({"targets": [_target(c, names) for c in scenario.targets]} if scenario.targets else {}),
    }


def _target(clause: Clause, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": clause.name,
        "layer": clause.layer,
        "giver": clause.giver,
        "at": str(_moved(clause.place, names)),
        "target": plain(clause.raw),
    }


def _correlation(scenario: Scenario) -> dict[str, Any]:
    if scenario.correlation is None:
        return {}
    told = scenario.correlation
    return {"correlation": {"of": list(told.of), "matrix": [list(row) for row in told.matrix]}}


def system_document(system: System) -> dict[str, Any]:
    """Return a system as plain mappings; :class:`mfa.System` makes the same system of it."""

    def fields(model: Model) -> Any:
        return plain(model.model_dump(by_alias=True, exclude_unset=True))

    head = {"title": system.title, "about": system.about, "conserves": system.conserves}
    return {key: text for key, text in head.items() if text} | {
        "dimensions": {dim: list(labels) for dim, labels in system.dimensions.items()},
        "parameters": {name: fields(spec) for name, spec in system.parameters.items()},
        "processes": {name: fields(process) for name, process in system.processes.items()},
        **({"roles": plain(system.roles)} if system.roles else {}),
        **({"potential": fields(system.potential)} if system.potential else {}),
    }


def plain(raw: Any) -> Any:
    """Return a value as written, without what it remembers of its file.

    >>> plain({2025: (1, "45 %")})
    {2025: [1, '45 %']}
    """
    if raw is None or isinstance(raw, bool | str):
        return raw
    if isinstance(raw, Mapping):
        return {key: plain(value) for key, value in raw.items()}
    if isinstance(raw, list | tuple):
        return [plain(value) for value in raw]
    return raw if type(raw) is int else float(raw)


def relative(file: str, folder: str) -> str:
    """Return the name of a file as seen from beside its scenario folder, never absolute.

    >>> relative("/home/me/study/scenarios/materials/Co.yaml", "/home/me/study/scenarios")
    'scenarios/materials/Co.yaml'
    """
    root = Path(folder).resolve()
    if PurePath(file).is_relative_to(folder):
        return (root.name / PurePath(file).relative_to(folder)).as_posix()
    whole = Path(file).resolve()
    if whole.is_relative_to(root.parent):
        return whole.relative_to(root.parent).as_posix()
    return whole.name if PurePath(file).is_absolute() else PurePath(file).as_posix()


def _moved(place: Place, names: Mapping[str, str]) -> Place:
    """Return a place by the name that its file has in a manifest, if it has one."""
    if place.file not in names:
        return place
    return Place(names[place.file], place.line, place.column)


def fingerprint(scenario: Scenario) -> str:
    """Return the SHA-256 of what decides the numbers of a scenario.

    That is its system, years, values and the contents of its tables; where
    they are written, in which order of keys, titles and comments do not count.
    """
    contents = {path: sha256(table.text) for path, table in scenario.tables.items()}
    fits = {
        path: sha256(json.dumps(plain(content), sort_keys=True))
        for path, content in scenario.fits.items()
    }
    names = {"table": contents, "fit": fits}

    def hashed(raw: Any) -> Any:
        if isinstance(raw, Mapping) and isinstance(raw.get("sheet"), str) and "table" in raw:
            rest = {key: value for key, value in raw.items() if key != "sheet"}
            return hashed({**rest, "table": table_name(raw)})
        if isinstance(raw, Mapping):
            return {
                _key(key): names[key].get(value, value)
                if key in names and isinstance(value, str)
                else hashed(value)
                for key, value in raw.items()
            }
        return [hashed(value) for value in raw] if isinstance(raw, list) else raw

    system = system_document(scenario.system)
    for key in ("title", "about"):
        system.pop(key, None)
    for spec in system["parameters"].values():
        for key in ("is", "default"):
            spec.pop(key, None)
    values: dict[str, list[Any]] = {}
    for given in scenario.given:
        values.setdefault(given.parameter, []).append(
            [dict(given.selection), hashed(plain(given.raw))]
        )
    merged = {"system": hashed(system), "years": scenario.years, "values": values}
    if scenario.targets:
        merged["targets"] = [
            [
                clause.name,
                clause.of,
                sorted(
                    (cell, [(s.year, s.value, s.unit) for s in steps])
                    for cell, steps in clause.steps.items()
                ),
            ]
            for clause in scenario.targets
        ]
    merged |= _correlation(scenario)
    return sha256(json.dumps(merged, sort_keys=True, ensure_ascii=False))


# --------------------------------------------------------------------- YAML


def _key(key: Any) -> str:
    """Write a key as JSON wants it, so that the year 2025 and the label '2025' stay two things."""
    return f"'{key}'" if isinstance(key, str) and re.fullmatch(r"'*-?\d+'*", key) else str(key)


def to_yaml(content: Mapping[str, Any], **head: str | Sequence[str]) -> str:
    """Return the text of a manifest file for a :func:`document`."""
    after = ("tables", "files", "references", "bibliography")
    rest = {key: value for key, value in content.items() if key not in after}
    stream = StringIO()
    stream.write(to_text({"manifest": VERSION, **head, **_shared(rest)}))
    if content["tables"]:
        stream.write("tables:\n")
    for path, table in content["tables"].items():
        stream.write(f"  {quoted(path)}:\n    sha256: '{table['sha256']}'\n")
        stream.write(f"    text: {_block(table['text'])}\n")
    for name in ("files", "references"):
        if content.get(name):
            stream.write(f"{name}:\n")
        for key, found in content.get(name, {}).items():
            stream.write(f"  {quoted(key)}: {quoted(found)}\n")
    if content.get("bibliography"):
        stream.write("bibliography:\n")
    for key, entry in content.get("bibliography", {}).items():
        stream.write(f"  {quoted(key)}: {_block(entry, 4)}\n")
    return stream.getvalue()


def _shared(content: dict[str, Any]) -> dict[str, Any]:
    """Let scenarios with equal systems name one object, which YAML writes once."""
    scenarios: list[dict[str, Any]] = []
    for scenario in content["scenarios"]:
        same = next(
            (s["system"] for s in scenarios if s["system"] == scenario["system"]),
            scenario["system"],
        )
        scenarios.append({**scenario, "system": same})
    return {**content, "scenarios": scenarios}


def _block(text: str, indent: int = 6) -> str:
    """Write a text as a YAML block, line by line as it is, where YAML can hold it."""
    lines = text.split("\n")
    if not text.strip() or not text.replace("\n", "").replace("\t", "").isprintable():
        return quoted(text)
    keep = "-" if lines[-1] else "" if lines[-2] else "+"
    body = lines if lines[-1] else lines[:-1]
    return f"|2{keep}\n" + "\n".join(f"{' ' * indent}{line}" if line else "" for line in body)


# ------------------------------------------------------------------ reading


def is_manifest(text: str) -> bool:
    """Say whether the text of a YAML file is that of a manifest."""
    return re.search(r"^manifest\s*:", text, re.MULTILINE) is not None


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario with its parents, levers, item files and tables.

    Parameters
    ----------
    path : path of a YAML file
        Its folder is the scenario folder: ``systems/``, ``levers/``, ``data/``
        and the folders of items are looked up in it.  The ``manifest.yaml`` of
        a result can be read as well; it needs no other file.

    Returns
    -------
    Scenario

    Raises
    ------
    MfaError
        With file, line and column of every problem.
    """
    found = read_scenarios(path)
    if len(found) > 1 or found[0].varied:
        what = "file is a grid that stands for" if found[0].varied else "manifest holds"
        shown = ", ".join(scenario.name for scenario in found[:4]) + (", …" if found[4:] else "")
        message = f"the {what} {len(found)} scenarios ({shown}); read them with mfa.read_scenarios"
        varied = found[0].given[len(found[0].given) - len(found[0].varied) :]
        raise MfaError(message, varied[0].place if varied else Place(str(path)))
    return found[0]


def read_scenarios(path: str | Path) -> list[Scenario]:
    """Read all scenarios of a file: the one of a scenario, those of a grid or of a manifest.

    Parameters
    ----------
    path : path of a YAML file
        As for :func:`read_scenario`; with ``vary:`` it is a grid.

    Returns
    -------
    list of Scenario
        Those of a grid in the order of its values, the last parameter varying
        fastest; ``varied`` says what each one varies.

    Raises
    ------
    MfaError
        With file, line and column of every problem.
    """
    if is_manifest(read_text(path)):
        return [*read_manifest(path)]
    return scenario_files.read_scenarios(path)


def read_manifest(path: str | Path) -> list[FromManifest]:
    """Read the scenarios of a manifest; nothing but this one file is needed.

    Parameters
    ----------
    path : path of a ``manifest.yaml``

    Returns
    -------
    list of Scenario
        Running them gives the numbers of the first run, bit for bit.

    Raises
    ------
    MfaError
        With line and column, if the file is no manifest, was made by a newer
        version, or a table in it was changed.
    """
    return opened(path)[1]


def opened(path: str | Path) -> tuple[ManifestFile, list[FromManifest]]:
    """Return a manifest as it stands in its file, and its scenarios; see :func:`read_manifest`."""
    path = Path(path)
    root = parse_yaml(read_text(path), str(path), MOST_NODES)
    if root.get("manifest") != VERSION:
        found = root.get("manifest")
        message = (
            f"'manifest: {VERSION}' is wanted, this is {found!r}; use the version that wrote it"
        )
        raise MfaError(message, place_of(root, ("manifest",)))
    file = validate(ManifestFile, root)
    problems = Problems()
    for name, table in file.tables.items():
        if sha256(table.text) != table.sha256:
            message = f"the table {name!r} is not the one that was run: its SHA-256 differs"
            problems.add(message, place_of(root, ("tables", name, "text")))
    problems.raise_if_any()
    tables = {name: parse_table(table.text, name) for name, table in file.tables.items()}
    scenarios: list[FromManifest] = []
    for position, one in enumerate(file.scenarios):
        at = ("scenarios", position)
        system = System(**plain(one.system))
        given = tuple(_given(value, system, place_of(root, at)) for value in one.values)
        used = {name for value in given for name in _tables_in(value.raw)}
        if missing := sorted(used - tables.keys()):
            raise MfaError(
                f"the table {missing[0]!r} is missing. {known(missing[0], tables, 'tables')}",
                place_of(root, at),
            )
        fits = sorted(set(_fits_in([value.raw for value in given])))
        if missing := [name for name in fits if name not in file.fits]:
            raise MfaError(f"the fit {missing[0]!r} is missing", place_of(root, at))
        assignments: list[Assignment] = [a for value in given for a in assign(value, system)]
        scenarios.append(
            FromManifest(
                name=one.name,
                title=one.title,
                about=one.about,
                system=system,
                years=one.years,
                report_from=one.report_from,
                given=given,
                assignments=tuple(assignments),
                tables={name: table for name, table in tables.items() if name in used},
                files=file.files,
                lineage=one.lineage,
                folder=str(path.parent / one.folder),
                references=file.references,
                bibliography=file.bibliography,
                targets=tuple(_clause(target, system) for target in one.targets),
                fits={name: file.fits[name] for name in fits},
                correlation=_correlated(one, place_of(root, at)),
            )
        )
    return file, scenarios


def _correlated(one: ScenarioOf, place: Place) -> Correlation | None:
    told = one.correlation
    return None if told is None else correlation(told.of, told.matrix, place)


def _given(value: ValueOf, system: System, place: Place) -> Given:
    if value.parameter not in system.parameters:
        hint = known(value.parameter, system.parameters, "parameters")
        raise MfaError(f"unknown parameter {value.parameter!r}. {hint}", place)
    written = _written(value.at)
    return Given(
        value.parameter, plain(value.value), value.select, value.layer, value.giver, written
    )


def _clause(target: TargetGiven, system: System) -> Clause:
    written = _written(target.at)
    raw = plain(target.target)
    return read_clause(target.name, raw, system, target.layer, target.giver, written)


def _written(text: str) -> Place:
    at = re.fullmatch(r"(.*):(\d+):(\d+)", text, re.DOTALL)
    return Place(at[1], int(at[2]), int(at[3])) if at else Place(text)


def _fits_in(raw: Any) -> Iterable[str]:
    if isinstance(raw, Mapping) and isinstance(raw.get("fitted"), Mapping):
        yield raw["fitted"]["fit"]
    inner = raw.values() if isinstance(raw, Mapping) else raw if isinstance(raw, list) else ()
    for value in inner:
        yield from _fits_in(value)


def _tables_in(raw: Any) -> Iterable[str]:
    if isinstance(raw, Mapping):
        if isinstance(raw.get("table"), str):
            yield table_name(raw)
        for value in raw.values():
            yield from _tables_in(value)

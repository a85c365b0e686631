"""Imports go downwards only."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import mfa

FOLDER = Path(mfa.__file__).parent
FLOORS = [
    "errors",
    "units",
    "dims",
    "files",
    "kernels",
    "lifetime",
    "stocks",
    "schema",
    "system",
    "scenario",
    "parameters",
    "steps",
    "plans",
    "execution",
    "results",
    "runs",
    "cli",
]
"""From the ground up: none of these reaches one that is named after it, by any way."""


def imports() -> dict[str, set[str]]:
    """Return the modules that each module imports, anywhere in its text."""
    names = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    found: dict[str, set[str]] = {}
    for name in names:
        found[name] = set()
        for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mfa."):
                found[name].add(node.module.split(".")[1])
            elif isinstance(node, ast.ImportFrom) and node.module == "mfa":
                found[name] |= {alias.name for alias in node.names} & names
    return found


def test_no_module_imports_itself_by_any_way() -> None:
    list(TopologicalSorter(imports()).static_order())  # raises for a circle, and names it


def test_floors_stand_on_each_other() -> None:
    graph = imports()
    reached: dict[str, set[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        reached[name] = graph[name].union(*(reached[other] for other in graph[name]))
    for number, lower in enumerate(FLOORS):
        assert lower in graph
        assert not reached[lower] & set(FLOORS[number + 1 :]), lower

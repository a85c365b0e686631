"""Imports go downwards only."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import mfa

FOLDER = Path(mfa.__file__).parent
FLOORS = [
    "errors",
    "bibtex",
    "units",
    "dims",
    "files",
    "workbooks",
    "table_files",
    "distributions",
    "designs",
    "contractions",
    "products",
    "weibull_years",
    "cards",
    "stages",
    "arranging",
    "system_drawings",
    "kernels",
    "lifetime",
    "stocks",
    "indicators",
    "trade",
    "networks",
    "disruptions",
    "schema",
    "role_names",
    "system",
    "targets",
    "grids",
    "scenario",
    "draws",
    "parameters",
    "steps",
    "lifetime_fields",
    "reuse",
    "trade_steps",
    "buffer_step",
    "capacities",
    "scarcity",
    "role_plans",
    "plans",
    "role_arrays",
    "potentials",
    "assessment",
    "reconciliation",
    "execution",
    "later_years",
    "shortage_levels",
    "shortage_pace",
    "shortage_demands",
    "shortage_walks",
    "shortages",
    "shortage_results",
    "lean_shares",
    "lean_stocks",
    "lean_execution",
    "target_checks",
    "sankeys",
    "sankey_figures",
    "plot",
    "results",
    "runs",
    "contributions",
    "batches",
    "kept",
    "sample_lanes",
    "sample_tasks",
    "sample_pools",
    "sampling",
    "sample_memory",
    "contents",
    "parts",
    "sample_results",
    "sample_batches",
    "used_sources",
    "saved_results",
    "citations",
    "reruns",
    "trace_origins",
    "trace_numbers",
    "trace_limits",
    "trace_stocks",
    "trace_steps",
    "tracing",
    "checklists",
    "exchange",
    "report",
    "cli_report",
    "cli",
]
"""From the ground up: none of these reaches one that is named after it, by any way."""


def imports() -> dict[str, set[str]]:
    """Return the modules that each module imports, anywhere in its text."""
    paths = {
        ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__"): path
        for path in FOLDER.rglob("*.py")
        if path != FOLDER / "__init__.py"
    }
    found: dict[str, set[str]] = {}
    for name, path in paths.items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("mfa"):
                continue
            room = str(node.module).removeprefix("mfa").removeprefix(".")
            parts = {f"{room}.{alias.name}".strip(".") for alias in node.names} & set(paths)
            found[name] |= parts or {room} & set(paths)
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

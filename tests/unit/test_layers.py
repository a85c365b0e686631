"""Imports go downwards only."""

import ast
from pathlib import Path

import mfa

LAYERS = [
    {"errors"},
    {"units", "rules", "files"},
    {"dims", "folders", "user_rules"},
    {"demand", "kernels", "balances", "survival", "panels"},
    {"lifetime", "schema", "forms", "regions"},
    {"stock_arrays", "flows", "tables"},
    {"stocks", "system", "evaluation"},
    {"assignments"},
    {"scenario", "steps"},
    {"scenario_files", "ownership", "process_steps", "stock_step", "ordering"},
    {"parameters", "plans"},
    {"execution", "references"},
    {"manifest", "explain", "plot"},
    {"provenance"},
    {"results"},
    {"runs", "comparison"},
    {"cli"},
]


def test_imports_go_downwards_only() -> None:
    height = {name: level for level, names in enumerate(LAYERS) for name in names}
    folder = Path(mfa.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(height)
    for path in folder.glob("*.py"):
        if path.stem == "__init__":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mfa."):
                names = [node.module.split(".")[1]]
            elif isinstance(node, ast.ImportFrom) and node.module == "mfa":
                names = [alias.name for alias in node.names if alias.name in height]
            else:
                continue
            for name in names:
                assert height[name] < height[path.stem], f"{path.name} imports {name}"

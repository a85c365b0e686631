"""The page on validation, made by running the conformance tests and noting what they compare."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "conformance"
RANDOM = "test_against_flodym.py"
"""Compares with a package that need not be installed, on random systems: nothing is published."""

ROUNDING = 1e-12
"""Below this share a difference is one of rounding, which may differ between machines."""


def pages() -> dict[str, str]:
    """Return the page on validation."""
    return {"validation.md": page(recorded())}


def recorded(*files: str) -> dict[str, list[dict[str, Any]]]:
    """Run the conformance tests, or those of some files, and return what they compared.

    Raises
    ------
    RuntimeError
        If a test fails: a page that says otherwise must not be made.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "record.json"
        options = ["-q", "-p", "tests.conformance.recording", "-p", "no:cacheprovider"]
        chosen = [str(TESTS / file) for file in files or [""]]
        where = ["--record", str(target), *chosen, f"--ignore={TESTS / RANDOM}"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *where],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the conformance tests fail:\n{done.stdout}{done.stderr}")
        found: dict[str, list[dict[str, Any]]] = json.loads(target.read_text("utf-8"))
    return found


def page(told: dict[str, list[dict[str, Any]]]) -> str:
    """Return the page for what was compared."""
    rows = told["rows"]
    numbers = sum(row["numbers"] for row in rows)
    cases = {row["case"] for row in [*rows, *told["touched"]] if row["case"]}
    lines = [
        "# Validation",
        "",
        f"{len(cases)} published or worked cases, {numbers:,} numbers of theirs beside ours. This page is",
        "written by the tests that compare them, each time the pages are built; if one fails there is no",
        "page. Of each comparison the pair that differs most is shown. The difference is relative to the",
        "largest number of the comparison; one below 10⁻¹² is rounding. Larger ones are those of figures",
        "that were published in few digits, and of closed forms in continuous time, which yearly steps",
        "approach. A source that says *analytic* is a closed form worked by hand.",
        "",
        "Besides, two hundred random stocks are compared with flodym, both ways, to 10⁻⁹, and the laws",
        "that no number can break (mass, sums of shares, order of levers) are tested on random systems.",
        "",
    ]
    for module in dict.fromkeys(row["module"] for row in told["touched"] + rows):
        lines += section(module, told)
    return "\n".join(lines)


def section(module: str, told: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return the comparisons of one file of tests."""
    tree = ast.parse((TESTS / f"{module}.py").read_text("utf-8"))
    words = (ast.get_docstring(tree) or "").splitlines()[0]
    title = module.removeprefix("test_").removesuffix("_cases").replace("_", " ").capitalize()
    rows = [row for row in told["rows"] if row["module"] == module]
    lines = [f"## {title}", "", words, "", "```{raw} html", OPEN]
    lines += [f"<tr>{''.join(f'<th>{head}</th>' for head in HEADS)}</tr>"]
    for (case, source), some in groupby(rows, lambda row: (row["case"], row["source"])):
        for place, row in enumerate(some):
            lines += [] if place else [about(row, case, source)]
            lines += [numbers(row)]
    shown = {row["case"] for row in rows}
    others = {
        row["case"]: row
        for row in told["touched"]
        if row["module"] == module and row["case"] not in shown
    }
    for case, row in others.items():
        test = row["test"].partition("[")[0].removeprefix("test_").replace("_", " ")
        lines += [about(row, case, row["source"])]
        lines += [
            f'<tr><td colspan="{len(HEADS)}">no single number; tested: {escape(test)}</td></tr>'
        ]
    return [*lines, "</table></div>", "```", ""]


OPEN = '<div class="pst-scrollable-table-container"><table class="table compared">'
HEADS = ("quantity", "numbers", "published", "ours", "difference")


def about(row: dict[str, Any], case: str, source: str) -> str:
    """Return the row that names a case and its source."""
    name = f"<strong>{escape(case)}</strong> {escape(row['title'])}".strip()
    told = f"{name} <br><em>{escape(source)}</em>" if case else f"<em>{escape(source)}</em>"
    return f'<tr class="case"><td colspan="{len(HEADS)}">{told}</td></tr>'


def numbers(row: dict[str, Any]) -> str:
    """Return the row of the numbers of a comparison."""
    gap = row["difference"]
    cells = (
        escape(row["what"].replace("_", " ")),
        f"{row['numbers']:,}",
        f"{row['published']:.7g}",
        f"{row['ours']:.7g}",
        "0" if gap < ROUNDING else f"{gap:.0e}",
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"

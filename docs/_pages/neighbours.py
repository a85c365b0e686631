"""How-to pages that stand in ``docs/`` itself appear in the list of how-to pages by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MARK = "<!-- pages of the folder above -->"
ELSEWHERE = {"index", "performance"}
"""Pages of ``docs/`` that stand in another list."""


def fill(app: Any, docname: str, source: list[str]) -> None:
    """Replace the mark in a page by the names of the pages of ``docs/``."""
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, "\n".join(names(Path(app.srcdir))))


def names(folder: Path) -> list[str]:
    """Return the pages of the folder that no other list has, as entries of a toctree."""
    found = sorted(path.stem for path in folder.glob("*.md"))
    return [f"/{name}" for name in found if name not in ELSEWHERE]

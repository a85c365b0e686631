"""Pages that no list names appear among the how-to pages by themselves.

They stand in ``docs/how-to/``, or in ``docs/`` itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

MARK = "<!-- other pages -->"
ELSEWHERE = {"index", "performance"}
"""Pages of ``docs/`` that stand in another list."""


def fill(app: Any, docname: str, source: list[str]) -> None:
    """Replace the mark in a page by the pages that it does not name yet."""
    if MARK in source[0]:
        here = Path(app.srcdir) / docname
        source[0] = source[0].replace(MARK, "\n".join(others(here.parent, source[0])))


def others(folder: Path, text: str) -> list[str]:
    """Return the other pages of a folder and of the one above, as entries of a toctree."""
    named = {line.strip() for line in text.splitlines()} | {"index"}
    beside = sorted(path.stem for path in folder.glob("*.md"))
    above = sorted(path.stem for path in folder.parent.glob("*.md"))
    return [name for name in beside if name not in named] + [
        f"/{name}" for name in above if name not in ELSEWHERE
    ]

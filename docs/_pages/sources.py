"""The sources of the shipped data, each as a list: their table is too wide for a page."""

from __future__ import annotations

import re
from pathlib import Path

FILE = Path(__file__).parents[2] / "scenarios" / "data" / "SOURCES.md"
WIDE = 5
"""A table with as many columns or more becomes one list for each row."""


def pages() -> dict[str, str]:
    """Return the page of sources."""
    return {"sources.md": unfolded(FILE.read_text("utf-8"))}


def unfolded(text: str) -> str:
    """Return a page with its wide tables as lists."""
    lines: list[str] = []
    head: list[str] = []
    for line in text.splitlines():
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] if line[:1] == "|" else []
        if len(cells) < WIDE:
            head = []
            lines.append(line)
        elif not head:
            head = cells
        elif set(line) - set("|-: "):
            told = [
                f"- {name}: {cell}" for name, cell in zip(head[1:], cells[1:], strict=True) if cell
            ]
            lines += [f"**{cells[0]}**", "", *told, ""]
    return "\n".join(lines) + "\n"

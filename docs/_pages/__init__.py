"""What is generated when the pages are built: reference, keys, commands, validation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer

from _pages import commands, keys, library, neighbours, notebooks, sources, units, validation

GENERATED = (library, keys, commands, units, sources, notebooks, validation)
"""Each has ``pages()``: the text of each page, by its path below ``generated/``."""


def setup(app: Any) -> dict[str, Any]:
    """Write the generated pages before sources are read, and connect the rest."""
    app.connect("builder-inited", write_all)
    app.connect("missing-reference", library.resolve)
    app.connect("autodoc-process-docstring", library.escape)
    app.connect("source-read", neighbours.fill)
    app.add_lexer("mermaid", TextLexer)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def write_all(app: Any) -> None:
    """Write every generated page that differs from what is there, and remove the others."""
    folder = Path(app.srcdir) / "generated"
    texts = {path: text for module in GENERATED for path, text in module.pages().items()}
    for inside, _, names in os.walk(folder):  # which does not walk through links
        for old in (Path(inside) / name for name in names):
            if old.relative_to(folder).as_posix() not in texts:
                old.unlink()
    for path, text in texts.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_text("utf-8") != text:
            target.write_text(text, encoding="utf-8")
    notebooks.link(folder)

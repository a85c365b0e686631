"""The notebooks as pages: copies, beside which the scenarios stand where they look for them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]

BESIDE = ("scenarios", "results")
"""Folders that notebooks read from."""


def pages() -> dict[str, str]:
    """Return the notebooks, by the path that they have as pages."""
    found = sorted((ROOT / "notebooks").glob("*.ipynb"))
    return {f"notebooks/{path.name}": path.read_text("utf-8") for path in found}


def link(folder: Path) -> None:
    """Make what the notebooks find in ``..`` stand there, seen from the copies too."""
    for name in BESIDE:
        target = folder / name
        if not target.is_symlink():
            target.symlink_to(ROOT / name, target_is_directory=True)

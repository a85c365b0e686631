"""Labels: what stands along each declared dimension, written out or found as files.

A dimension is a list of labels, ``{like: other}`` with the labels of another,
or ``all``: one label for each YAML file in the folder of its name, or in the one
that ``{all: folder}`` names, so that two systems can have items of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfa.errors import Place, Problems, known
from mfa.files import place_of, yaml_files
from mfa.schema import All, Like

ALWAYS = ("year", "cohort", "age", "sample", "scenario")
"""Dimensions that every result may have; no system declares them."""


def folder_of(dim: str, written: Any = None) -> str:
    """Return the name of the folder with one file for each label of a dimension, as declared.

    >>> folder_of("technology"), folder_of("material", {"all": "bulk_materials"})
    ('technologies', 'bulk_materials')
    """
    if isinstance(written, All):
        return written.all
    if isinstance(written, Mapping) and "all" in written:
        return str(written["all"])
    return f"{dim[:-1]}ies" if dim.endswith("y") else f"{dim}s"


def labels_of(
    dimensions: Mapping[str, Any], root: Any, folder: Path | None, problems: Problems
) -> dict[str, tuple[str, ...]]:
    """Return the labels of every declared dimension; what is wrong goes into `problems`."""
    found: dict[str, tuple[str, ...]] = {}
    for dim, written in dimensions.items():
        place = place_of(root, ("dimensions", dim))
        if dim in ALWAYS:
            problems.add(f"dimension {dim!r} is always there and needs no labels", place)
            continue
        found[dim] = _labels(dim, written, root, folder, found, problems)
    return found


def _labels(
    dim: str,
    written: Any,
    root: Any,
    folder: Path | None,
    found: Mapping[str, tuple[str, ...]],
    problems: Problems,
) -> tuple[str, ...]:
    place = place_of(root, ("dimensions", dim))
    if isinstance(written, Like):
        written = {"like": written.like}
    if isinstance(written, All):
        written = {"all": written.all}
    if isinstance(written, Mapping) and [*written] == ["like"]:
        if written["like"] not in found:
            hint = known(written["like"], found, "dimensions")
            problems.add(
                f"dimension {dim!r} is like {written['like']!r}, which is not declared before it. "
                + hint,
                place,
            )
        return found.get(written["like"], ())
    if written == "all" or (isinstance(written, Mapping) and [*written] == ["all"]):
        return _of_files(dim, folder_of(dim, written), folder or Path(), place, problems)
    if not isinstance(written, list | tuple):
        problems.add(
            f"dimension {dim!r} is {written!r}; write its labels as a list, like [China, Europe], or "
            f"'all' for every file in {folder_of(dim)}/, or {{like: another dimension}}",
            place,
        )
        return ()
    if not written:
        problems.add(f"dimension {dim!r} has no labels; name one or more", place)
    for position, label in enumerate(written):
        at = place_of(root, ("dimensions", dim, position))
        if isinstance(label, bool) or not isinstance(label, str | int) or label == "":
            problems.add(f"dimension {dim!r}: {label!r} is not a label; write a text", at)
    labels = tuple(map(str, written))
    if doubled := {label for label in labels if labels.count(label) > 1}:
        problems.add(f"dimension {dim!r} names {sorted(doubled)} twice", place)
    return labels


def _of_files(
    dim: str, name: str, folder: Path, place: Place, problems: Problems
) -> tuple[str, ...]:
    """Return the names of the item files of a dimension; a ``.yml`` beside them is an error."""
    labels = tuple(path.stem for path in yaml_files(folder / name))
    odd = [p.name for p in yaml_files(folder / name, ".yml")]
    if odd:
        problems.add(
            f"dimension {dim!r}: {name}/{odd[0]} would not be read; rename it to "
            f"{Path(odd[0]).stem}.yaml",
            place,
        )
    elif not labels:
        problems.add(f"dimension {dim!r}: there is no file {name}/*.yaml in {folder}", place)
    return labels

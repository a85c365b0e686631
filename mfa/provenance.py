"""What a result says of itself: which scenario, inputs, program and command made it."""

from __future__ import annotations

import json
import platform
import shlex
import subprocess
import sys
import zlib
from collections.abc import Hashable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mfa import __version__, manifest
from mfa.errors import MfaError
from mfa.files import sha256
from mfa.scenario import Scenario

PACKAGES = (
    "numpy",
    "xarray",
    "pandas",
    "scipy",
    "pydantic",
    "ruamel.yaml",
    "h5netcdf",
    "h5py",
    "numba",
)
"""Packages whose versions are written into every result."""

CONVENTIONS = "CF-1.13 CF-1.11"
"""What files of results follow: the newest version, and the newest that the CF checker knows."""

WHERE_LIMITED = ("shortage_iterations", "shortage_residual")
"""What a run says of itself if its system has capacities."""

OF_THE_RUN = ("inflow_convention", "balance_residual", "first_year", "flows", "stocks")
"""Attributes that :func:`mfa.simulate` gives a result."""


def with_provenance(result: xr.Dataset, scenarios: Sequence[Scenario]) -> xr.Dataset:
    """Return a result with the global attributes that say what made it.

    Parameters
    ----------
    result : Dataset
        As computed; its own attributes are kept.
    scenarios : sequence of Scenario
        What was run, in the order of the dimension ``scenario``.

    Returns
    -------
    Dataset
        A shallow copy.  ``checksums`` is the CRC-32 of every variable that was
        computed.  The merged scenarios are far too long to be printed with the
        attributes: they are in ``encoding["scenario"]``, and :func:`mfa.save`
        writes them as ``manifest.yaml``.
    """
    files = {
        manifest.relative(file, s.folder): found
        for s in scenarios
        for file, found in s.files.items()
    }
    made = {
        "packages": versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "command": _command(),
    }
    if own := software_commit():
        made["commit"] = own
    merged = manifest.document(scenarios)
    attrs: dict[str, Any] = {
        "Conventions": CONVENTIONS,
        "title": "; ".join(scenario.title for scenario in scenarios),
        "source": f"mfa {__version__}",
        "history": f"{now()} {made['command']}",
        "references": "\n".join(merged["references"].values()) or "none cited",
        "comment": "; ".join(scenario.about for scenario in scenarios if scenario.about),
        "mfa_version": __version__,
        "scenario_name": ", ".join(scenario.name for scenario in scenarios),
        "scenario_sha256": ", ".join(one["sha256"] for one in merged["scenarios"]),
        "inputs_sha256": sha256("\n".join(sorted(set(files.values())))),
        "report_from": min(scenario.report_from for scenario in scenarios),
        **{key: result.attrs[key] for key in OF_THE_RUN},
        **{key: result.attrs[key] for key in WHERE_LIMITED if key in result.attrs},
    }
    if commit := _git_commit(scenarios[0].folder):
        attrs["git_commit"] = commit
    attrs["provenance"] = json.dumps(made)
    described = result.copy()
    found = checksums(described, described.data_vars)
    attrs["checksums"] = ", ".join(f"{name} {own}" for name, own in found.items())
    described.attrs, described.encoding = attrs, {"scenario": merged}
    for dim, coordinate in described.coords.items():
        coordinate.attrs = {
            "long_name": "calendar year" if dim == "year" else str(dim).replace("_", " ")
        }
    return described


def checksums(result: xr.Dataset, names: Iterable[Hashable]) -> dict[Hashable, str]:
    """Return the CRC-32 of the numbers and labels of variables, whatever the order of their dims."""
    labels = {
        dim: list(map(str, result.indexes[dim] if dim in result.indexes else range(size)))
        for dim, size in result.sizes.items()
    }
    ends = {dim: f"{dim}: {own}".encode() for dim, own in labels.items()}
    checked = {}
    for name in names:
        variable = result.variables[name]
        turned = variable.transpose(*sorted(map(str, variable.dims)))
        found = zlib.crc32(np.ascontiguousarray(turned.values).reshape(-1).view("u1").data)
        for dim in turned.dims:
            found = zlib.crc32(ends[dim], found)
        checked[name] = f"{found:08x}"
    return checked


def of_the_run(result: xr.Dataset) -> xr.Dataset:
    """Return the variables that the run computed; raise if one is not as it was then.

    Raises
    ------
    MfaError
        Naming the variables that are missing, edited or a selection.
    """
    pairs = [text.partition(" ") for text in result.attrs.get("checksums", "").split(", ") if text]
    listed = {name: found for name, _, found in pairs}
    if not listed:
        raise MfaError(
            "the Dataset does not say what the run computed (its attribute 'checksums' is missing); "
            "run its manifest again"
        )
    lost = [name for name in listed if name not in result.data_vars]
    now_found = checksums(result, [name for name in listed if name not in lost])
    other = [str(name) for name, found in now_found.items() if listed[str(name)] != found]
    if lost or other:
        which = [
            f"{', '.join(names[:3])}{', …' if len(names) > 3 else ''} {what}"
            for names, what in ((lost, "missing"), (other, "edited, or a selection"))
            if names
        ]
        raise MfaError(
            f"these are not the numbers of the run ({'; '.join(which)}), and its manifest could not make "
            "them again; save the whole result, put changed numbers under names of their own, or write "
            "the bare arrays with .to_netcdf()"
        )
    return result[list(listed)]


def now() -> str:
    """Return the date and time, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return the versions of this package and of those it computes with."""
    found = {"mfa": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _command() -> str:
    program = Path(sys.argv[0])
    if program.stem == "mfa" or program.parts[-2:] == ("mfa", "cli.py"):
        return shlex.join(["mfa", *sys.argv[1:]])
    return f"python {program.name}".strip()


@lru_cache(maxsize=1)
def software_commit() -> str:
    """Return the commit of this program, if it runs from a checkout of its own repository."""
    package = Path(__file__).resolve().parent
    found = _parsed_by_git(package, "--show-toplevel", "HEAD")
    if not found:
        return ""
    top, commit = found
    return commit if Path(top).resolve() == package.parent else ""


def _git_commit(folder: str) -> str:
    """Return the commit of a folder under git, or nothing."""
    return "".join(_parsed_by_git(folder, "HEAD"))


def _parsed_by_git(folder: str | Path, *what: str) -> list[str]:
    """Return what ``git rev-parse`` says of a folder, line by line; nothing where it knows none."""
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", *what],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return found.stdout.splitlines()

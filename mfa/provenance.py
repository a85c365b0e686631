"""What a result says of itself: which scenario, inputs, program and command made it."""

from __future__ import annotations

import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import xarray as xr

from mfa import __version__, manifest
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

LONGEST_PROVENANCE = 20_000
"""Longer than this, the list of files is left to the manifest."""


def with_provenance(result: xr.Dataset, scenarios: Sequence[Scenario]) -> xr.Dataset:
    """Return a result with the global attributes that say what made it.

    Parameters
    ----------
    result : Dataset
        As computed; its ``balance_residual`` and ``inflow_convention`` are kept.
    scenarios : sequence of Scenario
        What was run, in the order of the dimension ``scenario``.

    Returns
    -------
    Dataset
        A shallow copy.  The attribute ``scenario`` holds the merged scenarios
        as JSON; :func:`mfa.save` writes it as ``manifest.yaml`` and leaves it out
        of ``result.nc``.
    """
    files = {
        manifest.relative(file, s.folder): found
        for s in scenarios
        for file, found in s.files.items()
    }
    made: dict[str, Any] = {
        "packages": _versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "command": _command(),
        "files": dict(sorted(files.items())),
    }
    if len(json.dumps(made)) > LONGEST_PROVENANCE:
        made["files"] = f"{len(files)} files, listed in manifest.yaml"
    merged = manifest.document(scenarios)
    attrs: dict[str, Any] = {
        "Conventions": "CF-1.13",
        "title": "; ".join(scenario.title for scenario in scenarios),
        "institution": "",
        "source": f"mfa {__version__}",
        "history": f"{now()} {made['command']}",
        "references": "see manifest.yaml",
        "comment": "; ".join(scenario.about for scenario in scenarios if scenario.about),
        "mfa_version": __version__,
        "scenario_name": ", ".join(scenario.name for scenario in scenarios),
        "scenario_sha256": ", ".join(one["sha256"] for one in merged["scenarios"]),
        "inputs_sha256": sha256("\n".join(sorted(set(files.values())))),
        "report_from": min(scenario.report_from for scenario in scenarios),
        **{
            key: value
            for key, value in result.attrs.items()
            if key in ("inflow_convention", "balance_residual")
        },
    }
    if commit := _git_commit(scenarios[0].folder):
        attrs["git_commit"] = commit
    attrs["provenance"] = json.dumps(made)
    attrs["scenario"] = manifest.to_json(merged)
    described = result.copy()
    described.attrs = attrs
    for dim, coordinate in described.coords.items():
        coordinate.attrs = {
            "long_name": "calendar year" if dim == "year" else str(dim).replace("_", " ")
        }
    return described


def now() -> str:
    """Return the date and time, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
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


def _git_commit(folder: str) -> str:
    """Return the commit of a folder under git, or nothing."""
    try:
        found = subprocess.run(
            ["git", "-C", folder, "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()

"""A folder of results as it was saved: its numbers, and the manifest that says what made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import xarray as xr

from mfa import manifest
from mfa.contents import content_of
from mfa.errors import MfaError, Place, known, shortly
from mfa.folders import OWN
from mfa.manifest import ManifestFile
from mfa.provenance import of_the_run
from mfa.results import read_stored
from mfa.scenario import Scenario
from mfa.stored_parts import some


@dataclass(frozen=True)
class Saved:
    """A result on disk and its manifest; numbers are read when they are asked for.

    Attributes
    ----------
    folder : Path
    scenarios : tuple of Scenario
        In the order of the dimension ``scenario``, if there are several.
    manifest : ManifestFile
    attrs : mapping
        Global attributes of the result.
    """

    folder: Path
    scenarios: tuple[Scenario, ...]
    manifest: ManifestFile
    attrs: Mapping[str, Any]

    @property
    def sampled(self) -> bool:
        """Return whether it has samples."""
        return bool(self.manifest.draws)

    def data(self) -> xr.Dataset:
        """Return all numbers."""
        return read_stored(self.folder)

    def sound(self) -> xr.Dataset:
        """Return the numbers of the run; refuse if they are not those that were written.

        Raises
        ------
        MfaError
            Naming the variables that are missing or edited.
        """
        data = self.data()
        told = data.attrs.get("content_sha256")
        if told is None:
            return of_the_run(data)
        if content_of(data) != told:
            raise MfaError(
                f"{self.folder}: these are not the numbers of the run: the hash of their content is not the one "
                "that was written; run its manifest again: "
                f"mfa run {self.folder / 'manifest.yaml'} -o ELSEWHERE"
            )
        return data

    def scenario(self, name: str | None = None) -> Scenario:
        """Return the one scenario, or that of a name.

        Raises
        ------
        MfaError
            If there are several and none is named, or there is none of this name.
        """
        names = [one.name for one in self.scenarios]
        if name is None and len(names) > 1:
            raise MfaError(
                f"{self.folder} holds {len(names)} scenarios ({', '.join(names)}); say which: "
                f"scenario={names[0]}"
            )
        if name is not None and name not in names:
            raise MfaError(
                f"{self.folder} holds no scenario {name!r}. {known(name, names, 'scenarios')}"
            )
        return self.scenarios[0 if name is None else names.index(name)]


def saved(folder: str | Path) -> Saved:
    """Open a folder of results by its manifest.

    Parameters
    ----------
    folder : path
        Of results, or of the ``result.nc``, ``result.zarr`` or ``manifest.yaml`` in it.

    Raises
    ------
    MfaError
        If there is no result, it is not finished, or its manifest is missing, damaged or that of
        another result.
    """
    if not isinstance(folder, str | PathLike):
        raise MfaError(f"a folder of results is wanted; this is {shortly(folder)}")
    path = Path(folder)
    if path.name in OWN and path.parent != path and not (path / "manifest.yaml").exists():
        path = path.parent
    file = path / "manifest.yaml"
    if not path.is_dir():
        near = sorted(found.parent.name for found in path.parent.glob("*/manifest.yaml"))
        raise MfaError(
            f"there is no folder of results {path}. {known(path.name, near, 'results beside it')}"
        )
    stored = [name for name in ("result.nc", "result.zarr") if (path / name).exists()]
    if not stored:
        if (path / ".parts").is_dir():
            raise MfaError(
                f"{path}: its run of samples was interrupted; the command that began it goes on from there"
            )
        raise MfaError(f"{path} holds no result; 'mfa run FILE -o {path.parent}' writes one")
    if not file.is_file():
        raise MfaError(
            f"{path} has no manifest.yaml, which says what its numbers were made of; "
            "take the whole folder along, or run the scenario again"
        )
    told, scenarios = manifest.opened(file)
    attrs = attributes(path)
    wanted = ", ".join(one.sha256 for one in told.scenarios)
    if attrs.get("scenario_sha256") != wanted:
        raise MfaError(
            f"the manifest is not that of {path / stored[0]}: their scenarios have different hashes; "
            "take both from one folder",
            Place(str(file)),
        )
    return Saved(path, tuple(scenarios), told, attrs)


def attributes(folder: Path) -> dict[str, Any]:
    """Return the global attributes of a result."""
    return dict(some(folder, names=()).attrs)

"""Which scenarios a report shows: folders of results become one case for each scenario."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from mfa.errors import MfaError
from mfa.manifest import FromManifest, fingerprint, read_manifest
from mfa.stored_parts import some

SHOWN = ("flow", "stock", "indicator", "target")
"""Kinds of variables that a page shows; what parameters were is told by the manifest."""


@dataclass(frozen=True)
class Case:
    """One scenario of a result.

    Attributes
    ----------
    name : str
    title : str
    folder : str
        As it was given.
    data : Dataset
        Without the dimension ``scenario``.
    scenario : FromManifest or None
        As the manifest holds it; None where there is no manifest of this result.
    """

    name: str
    title: str
    folder: str
    data: xr.Dataset
    scenario: FromManifest | None

    @property
    def conserved(self) -> str:
        """The dimension of the minerals, or of whatever the system conserves."""
        named = self.scenario.system.conserves if self.scenario else None
        return named or "material"

    @property
    def materials(self) -> list[str]:
        """The labels of that dimension; one without a name if there is none."""
        labels = self.data.coords.get(self.conserved)
        return [""] if labels is None else [str(label) for label in labels.values]

    @property
    def reported(self) -> slice:
        """Where the reported years stand among all years."""
        years = self.data["year"].values.tolist()
        first = int(self.data.attrs.get("report_from", years[0]))
        return slice(next((i for i, year in enumerate(years) if year >= first), 0), None)

    @property
    def years(self) -> list[int]:
        """The reported years."""
        return [int(year) for year in self.data["year"].values[self.reported]]


def read_cases(path: str) -> list[Case]:
    """Read the scenarios of one result.

    Parameters
    ----------
    path : str
        A folder of results, or the ``result.nc`` or ``result.zarr`` in it.

    Returns
    -------
    list of Case

    Raises
    ------
    MfaError
        If there is no result, or it or its manifest cannot be read.
    """
    place = Path(path)
    folder = place if place.is_dir() and place.suffix != ".zarr" else place.parent
    beside = folder / "manifest.yaml"
    scenarios = read_manifest(beside) if beside.exists() else []
    data = some(place, lambda _, attrs: attrs.get("kind") in SHOWN)
    if "year" not in data.coords or not data.sizes["year"]:
        raise MfaError(f"{path} has no years, so it is no result of mfa run")
    if ", ".join(map(fingerprint, scenarios)) != data.attrs.get("scenario_sha256"):
        scenarios = []  # of another run
    by_name = {scenario.name: scenario for scenario in scenarios}
    run = str(data.attrs.get("scenario_name", "")).split(", ")
    found = []
    for position, name in enumerate(_names(data) or run[:1]):
        own = data.isel(scenario=position, drop=True) if "scenario" in data.dims else data
        scenario = by_name.get(name)
        title = scenario.title if scenario else name.replace("_", " ")
        found.append(Case(name or folder.name, title or folder.name, path, own, scenario))
    return found


def _names(data: xr.Dataset) -> list[str]:
    return [str(name) for name in data["scenario"].values] if "scenario" in data.dims else []

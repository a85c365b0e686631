"""Which scenarios a report shows: folders of results become one case for each scenario."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from mfa.comparison import apart, results_among
from mfa.errors import MfaError, each
from mfa.manifest import read_manifest
from mfa.results import load
from mfa.scenario import Scenario


@dataclass(frozen=True)
class Case:
    """One scenario of a result.

    Attributes
    ----------
    name : str
        Told apart from the others of the report.
    title : str
    folder : str
        As it was given.
    data : Dataset
        Without the dimension ``scenario``.
    scenario : Scenario or None
        As the manifest holds it; None where there is no manifest of this result.
    """

    name: str
    title: str
    folder: str
    data: xr.Dataset
    scenario: Scenario | None

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


def read_cases(paths: Sequence[str]) -> tuple[list[Case], list[str]]:
    """Read the scenarios of results, and name the paths that hold none.

    Parameters
    ----------
    paths : sequence of str
        Folders of results, or the ``result.nc`` in them; others beside them, as a shell expands
        ``results/*``, are left out.

    Returns
    -------
    list of Case, list of str

    Raises
    ------
    MfaError
        If one of the results cannot be read, or has no years.
    """
    kept, beside = results_among(paths)
    found = [case for cases in each(kept, lambda path: list(_cases(path))) for case in cases]
    names = apart([(case.name, case.folder) for case in found])
    renamed = [
        Case(name, case.title, case.folder, case.data, case.scenario)
        for name, case in zip(names, found, strict=True)
    ]
    return renamed, beside


def _cases(path: str) -> Iterator[Case]:
    data = load(path)
    if "year" not in data.coords or not data.sizes["year"]:
        raise MfaError(f"{path} has no years, so it is no result of mfa run")
    scenarios = _scenarios(path, data)
    run = str(data.attrs.get("scenario_name", "")).split(", ")
    names = [str(n) for n in data["scenario"].values] if "scenario" in data.dims else run[:1]
    for position, name in enumerate(names):
        own = data.isel(scenario=position, drop=True) if "scenario" in data.dims else data
        scenario = scenarios.get(name)
        title = scenario.title if scenario else name.replace("_", " ")
        yield Case(name or Path(path).name, title or path, path, own, scenario)


def _scenarios(path: str, data: xr.Dataset) -> dict[str, Scenario]:
    """Return the scenarios of the manifest beside a result, if it is that of this result."""
    if "scenario" not in data.encoding:
        return {}
    place = Path(path)
    folder = place if place.is_dir() and place.suffix != ".zarr" else place.parent
    return {scenario.name: scenario for scenario in read_manifest(folder / "manifest.yaml")}

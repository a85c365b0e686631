"""Many scenarios in one command: all are read and run before one is written (``mfa run``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import xarray as xr

from mfa import results, runs
from mfa.errors import MfaError, each
from mfa.folders import check_target
from mfa.manifest import read_scenarios
from mfa.progress import progress
from mfa.scenario import Scenario
from mfa.target_checks import verdicts
from mfa.teams import Died, Task, Team
from mfa.user_rules import import_rules

Told = tuple[float, float, tuple[tuple[str, str, str], ...]]
"""What a process says of a run: its balance residual, seconds and verdicts on targets."""

MOST_KEPT = 2**30
"""Bytes of results that one process keeps until they are written; others it makes again."""


@dataclass(frozen=True)
class Written:
    """One scenario that was run and written."""

    name: str
    folder: Path
    balance_residual: float
    seconds: float
    targets: tuple[tuple[str, str, str], ...] = ()


def read(files: Sequence[str], settings: Sequence[str] = ()) -> list[Scenario]:
    """Read the scenarios of all files, with values of ``--set`` applied.

    Raises
    ------
    MfaError
        With the problems of all files, or if two scenarios have one name.
    """
    with progress(len(files)) as advance:

        def scenarios(file: str) -> list[Scenario]:
            advance(f"reading {file}")
            return [changed(scenario, settings) for scenario in read_scenarios(file)]

        found = [scenario for several in each(files, scenarios) for scenario in several]
    names = [scenario.name for scenario in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise MfaError(
            f"two scenarios are named {twice[0]!r} and would be written to one folder; "
            "run them apart"
        )
    return found


def changed(scenario: Scenario, settings: Sequence[str]) -> Scenario:
    """Apply ``--set``; the title says so wherever it is shown, the name stays that of the file."""
    if not settings:
        return scenario
    title = f"{scenario.title}, changed ({'; '.join(settings)})"
    return replace(scenario.set(*settings), title=title)


def run(
    scenarios: Sequence[Scenario], folder: Path, *, workers: int = 1, modules: Sequence[str] = ()
) -> list[Written]:
    """Run scenarios and write a folder of results for each; what is written is the same with any workers.

    Parameters
    ----------
    scenarios : sequence of Scenario
        With different names.
    folder : path
        Of the folders.
    workers : int
        Processes; with 1, or one scenario, all is done in this one.
    modules : sequence of str
        With the user's own rules, for processes that start empty.

    Raises
    ------
    MfaError
        Before anything is written: with the problems of all scenarios and
        folders.  Later: what was written till then is whole and stays.
    """
    each(scenarios, lambda scenario: check_target(folder / scenario.name))
    desk = partial(_desk, tuple(scenarios), folder, tuple(modules))
    size = min(workers, len(scenarios))
    return _together(scenarios, desk, folder, size) if size > 1 else _alone(scenarios, desk, folder)


def _alone(scenarios: Sequence[Scenario], desk: Callable[[], Task], folder: Path) -> list[Written]:
    task = desk()
    with progress(2 * len(scenarios)) as advance:

        def done(kind: str, number: int) -> Any:
            advance(f"{_DOING[kind]} {scenarios[number].name}")
            return task(kind, number)

        ran = each(range(len(scenarios)), partial(done, "run"))
        for number in range(len(scenarios)):
            done("save", number)
    return _written(scenarios, folder, dict(enumerate(ran)))


def _together(
    scenarios: Sequence[Scenario], desk: Callable[[], Task], folder: Path, size: int
) -> list[Written]:
    saved: list[int] = []
    with Team(size, desk) as team, progress(2 * len(scenarios)) as advance:

        def told(kind: str, number: int) -> None:
            advance(f"{_DOING[kind]} {scenarios[number].name}")
            if kind == "save":
                saved.append(number)

        with _explained(scenarios, saved):
            ran = team.share("run", range(len(scenarios)), partial(told, "run"))
            team.finish("save", partial(told, "save"))
    return _written(scenarios, folder, ran)


_DOING = {"run": "running", "save": "writing"}


@contextmanager
def _explained(scenarios: Sequence[Scenario], saved: Sequence[int]) -> Iterator[None]:
    """Say what is left when a worker dies."""
    try:
        yield
    except Died as error:
        name = scenarios[error.number].name
        kept = ", ".join(scenarios[number].name for number in sorted(saved)) or "none"
        raise MfaError(
            f"the process that was {_DOING[error.kind]} {name!r} {error.how}; written and whole are: "
            f"{kept}; run the others again, with --workers 1 if memory is short"
        ) from None


def _written(scenarios: Sequence[Scenario], folder: Path, ran: dict[int, Told]) -> list[Written]:
    return [
        Written(scenario.name, folder / scenario.name, *ran[number])
        for number, scenario in enumerate(scenarios)
    ]


# --------------------------------------------------------------- one process


@dataclass
class _Desk:
    """Runs and saves the scenarios of a batch, and keeps results in between."""

    scenarios: Sequence[Scenario]
    folder: Path
    kept: dict[int, xr.Dataset] = field(default_factory=dict)

    def __call__(self, kind: str, number: int) -> Any:
        return {"run": self.run, "save": self.save}[kind](number)

    def run(self, number: int) -> Told:
        """Return the balance residual, the seconds and the verdicts on targets of a run."""
        start = perf_counter()
        result = runs.run(self.scenarios[number])
        seconds = perf_counter() - start
        if sum(one.nbytes for one in self.kept.values()) + result.nbytes <= MOST_KEPT:
            self.kept[number] = result
        return float(result.attrs["balance_residual"]), seconds, tuple(verdicts(result))

    def save(self, number: int) -> None:
        """Write the result of a run."""
        scenario = self.scenarios[number]
        result = self.kept.pop(number) if number in self.kept else runs.run(scenario)
        results.save(result, self.folder / scenario.name)


def _desk(scenarios: Sequence[Scenario], folder: Path, modules: Sequence[str]) -> Task:
    """Return a desk; in a process that started empty the user's rules are imported first."""
    from mfa.rules import USER_RULES

    if not USER_RULES:
        import_rules(modules)
    return _Desk(scenarios, folder)

"""Many scenarios in one command: the same with any workers, and nothing is lost when one fails."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import xarray as xr
from click.testing import CliRunner

import mfa
from mfa import batches, plot, results, runs, teams
from mfa.cli import main
from mfa.files import writing
from tests.unit.test_cli import REFERENCE, SALES, SYSTEM

NAMES = ("reference", "more", "less", "half")

needs_fork = pytest.mark.skipif(teams.METHOD != "fork", reason="processes start empty here")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "reference.yaml": REFERENCE,
        "systems/cans.yaml": SYSTEM,
        "data/sales.csv": SALES,
        **{
            f"{name}.yaml": f"title: {name}\ninherits: reference\nset:\n  sales: {{scale: {factor}}}\n"
            for name, factor in {"more": 1.5, "less": 0.9, "half": 0.5}.items()
        },
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scenarios() -> list[mfa.Scenario]:
    return batches.read([f"{name}.yaml" for name in NAMES])


def content(folder: Path) -> dict[str, object]:
    """Return everything below a folder, without the moment at which it was made."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        key = path.relative_to(folder).as_posix()
        if path.name == "result.nc":
            data = xr.load_dataset(path, engine="h5netcdf")
            found[key] = data.drop_attrs().to_dict(), {**data.attrs, "history": ""}
        elif path.name == "manifest.yaml":
            found[key] = re.sub(r"created: .*", "", path.read_text("utf-8"))
        elif path.is_file():
            found[key] = path.read_bytes()
    return found


def quick(result: xr.Dataset, folder: Path) -> list[str]:
    return []


def test_what_is_written_is_the_same_with_any_workers(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = batches.run(scenarios(), study / "one", workers=1)
    two = batches.run(scenarios(), study / "two", workers=2)
    assert [(w.name, w.balance_residual) for w in one] == [
        (w.name, w.balance_residual) for w in two
    ]
    assert [w.name for w in two] == [*NAMES]
    assert content(study / "one") == content(study / "two")
    assert len(content(study / "one")) == len(NAMES) * 5
    monkeypatch.setattr(batches, "MOST_KEPT", 0)
    batches.run(scenarios(), study / "again", workers=1)
    assert content(study / "again") == content(study / "one")


def test_the_command_says_how_long_all_took(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "write", quick)
    files = [f"{name}.yaml" for name in NAMES]
    for workers, how in (("1", "1 worker"), ("3", "3 workers"), ("9", "4 workers")):
        done = CliRunner().invoke(main, ["run", *files, "--workers", workers])
        assert done.exit_code == 0
        *lines, last = done.stdout.splitlines()
        assert [line.split()[0] for line in lines] == [*NAMES]
        assert re.fullmatch(rf"4 scenarios in \d+\.\d s, {how}", last)
    assert CliRunner().invoke(main, ["run", *files, "--workers", "0"]).exit_code == 2


@needs_fork
@pytest.mark.parametrize("workers", [1, 2])
def test_problems_of_all_runs_are_told_before_anything_is_written(
    workers: int, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(scenario: mfa.Scenario) -> xr.Dataset:
        if scenario.name in ("more", "half"):
            raise mfa.MfaError(f"{scenario.name} is bad")
        return mfa.simulate(scenario.system, mfa.build_parameters(scenario))

    monkeypatch.setattr(runs, "run", run)
    with pytest.raises(mfa.MfaError) as error:
        batches.run(scenarios(), study / "out", workers=workers)
    assert sorted(str(error.value).splitlines()) == ["half is bad", "more is bad"]
    assert not (study / "out").exists()


@needs_fork
@pytest.mark.parametrize("workers", [1, 2])
def test_on_a_full_disk_what_is_finished_is_kept(
    workers: int, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(result: xr.Dataset, folder: Path) -> list[str]:
        if result.attrs["scenario_name"] == "half":
            time.sleep(0.5)  # the other worker is done by then
            with writing(folder):
                raise OSError(28, "No space left on device")
        return []

    monkeypatch.setattr(plot, "write", write)
    with pytest.raises(mfa.MfaError, match="No space left on device; make room"):
        batches.run(scenarios(), study / "out", workers=workers)
    left = sorted(path.name for path in (study / "out").iterdir())
    assert "half" not in left
    assert {"reference"} <= {*left} <= {*NAMES}
    for name in left:
        assert mfa.load(study / "out" / name).attrs["scenario_name"] == name


@needs_fork
def test_a_worker_that_dies_is_named_and_the_rest_is_whole(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = os.getpid()

    def write(result: xr.Dataset, folder: Path) -> list[str]:
        if result.attrs["scenario_name"] == "half":
            assert os.getpid() != parent
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
        return []

    monkeypatch.setattr(plot, "write", write)
    with pytest.raises(mfa.MfaError) as error:
        batches.run(scenarios(), study / "out", workers=2)
    message = str(error.value)
    assert message.startswith(
        "the process that was writing 'half' was ended by SIGKILL (perhaps there was too little "
        "memory); written and whole are: "
    )
    whole = message.partition("whole are: ")[2].partition(";")[0].split(", ")
    assert whole == [name for name in NAMES if (study / "out" / name).exists()] != []
    for name in whole:
        assert mfa.load(study / "out" / name).attrs["scenario_name"] == name
    monkeypatch.setattr(plot, "write", quick)
    batches.run(scenarios(), study / "out", workers=2)
    assert sorted(path.name for path in (study / "out").iterdir()) == sorted(NAMES)


@needs_fork
def test_a_fault_in_a_worker_comes_back_with_its_traceback(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(result: xr.Dataset, folder: Path) -> Path:
        raise ZeroDivisionError("a fault of the program")

    monkeypatch.setattr(results, "save", save)
    with pytest.raises(
        RuntimeError, match=r"(?s)in a worker process:.*in save.*a fault of the program"
    ):
        batches.run(scenarios(), study / "out", workers=2)


INTERRUPTED = """\
import time
from pathlib import Path
from mfa import plot

def write(result, folder):
    Path(f"begun_{result.attrs['scenario_name']}").touch()
    time.sleep(60)

plot.write = write
"""


@needs_fork
def test_an_interruption_ends_all_workers_and_leaves_nothing_half(study: Path) -> None:
    (study / "slow.py").write_text(INTERRUPTED, "utf-8")
    command = [sys.executable, "-m", "mfa.cli", "run", "more.yaml", "less.yaml", "-o", "out"]
    process = subprocess.Popen(
        [*command, "--import", "slow.py", "--workers", "2"], stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while len(list(study.glob("begun_*"))) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(list((study / "out").iterdir())) == 2  # both are being written beside their places
    for attempt in range(3):  # Python drops an interruption that falls into a finaliser
        process.send_signal(signal.SIGINT)
        try:
            _, stderr = process.communicate(timeout=15)
            break
        except subprocess.TimeoutExpired:
            assert attempt < 2, "three interruptions did not end it"
    assert process.returncode == 1
    assert "Aborted" in stderr
    assert "Traceback" not in stderr
    assert list((study / "out").iterdir()) == []


@pytest.mark.slow
def test_workers_that_start_empty_write_the_same(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches.run(scenarios(), study / "one", workers=1)
    monkeypatch.setattr(teams, "METHOD", "spawn")
    batches.run(scenarios(), study / "two", workers=2)
    assert content(study / "one") == content(study / "two")


def test_scenarios_with_one_name_are_refused(study: Path) -> None:
    with pytest.raises(mfa.MfaError, match="two scenarios are named 'more'"):
        batches.read(["more.yaml", "more.yaml"])

"""Batches of samples: killed they go on, finished they are not done again, failing samples are told."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner, Result

import mfa
from mfa import parts, sample_batches, sample_tasks
from mfa.cli import main
from mfa.contents import content_of
from mfa.errors import MfaError
from mfa.sample_memory import SPREAD, fitting, measured, most
from mfa.sample_options import size
from mfa.sampling import prepared
from tests.unit.test_kept import FAILING, ROLES
from tests.unit.test_sampling import SCENARIO, SYSTEM

Call = Callable[..., Result]

MORE = "title: More\ninherits: loop\nset:\n  wanted: {scale: 1.5}\n"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "system.yaml").write_text(SYSTEM.replace("demand", "wanted") + ROLES)
    (tmp_path / "loop.yaml").write_text(SCENARIO.replace("demand", "wanted"))
    (tmp_path / "more.yaml").write_text(MORE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call() -> Call:
    def called(*args: str, exit_code: int = 0) -> Result:
        done = CliRunner().invoke(main, ["run", *args])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == exit_code, done.output
        return done

    return called


SERIAL = ("--executor", "serial")


def no_moment(result: xr.Dataset) -> dict[str, object]:
    return {k: v for k, v in result.attrs.items() if k not in ("history", "provenance")}


def assert_same(one: xr.Dataset, two: xr.Dataset) -> None:
    assert no_moment(one) == no_moment(two)
    assert list(one.variables) == list(two.variables)
    for name in one.variables:
        assert one[name].values.tobytes() == two[name].values.tobytes(), name
        assert one[name].attrs == two[name].attrs


def test_a_batch_is_what_python_gives_scenario_by_scenario_with_paired_draws(
    study: Path, call: Call
) -> None:
    done = call("loop.yaml", "more.yaml", "--samples", "100", "--seed", "5", *SERIAL)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["loop", "more", "2"]
    for name in ("loop", "more"):
        found = mfa.load(f"results/{name}")
        own = mfa.run(mfa.read_scenario(f"{name}.yaml"), samples=100, seed=5)
        assert [*found.data_vars] == [*own.data_vars]
        for variable in own:
            assert found[variable].values.tobytes() == own[variable].values.tobytes()
        assert found.attrs["content_sha256"] == content_of(found)
        assert not (study / "results" / name / parts.PARTS).exists()
        text = (study / "results" / name / "manifest.yaml").read_text()
        assert "input_sha256" in text and "0–99" in text
    one, other = (mfa.load(f"results/{name}")["demand"] for name in ("loop", "more"))
    np.testing.assert_allclose(other, 1.5 * one, rtol=1e-12)  # the same draws in both
    call("loop.yaml", "more.yaml", "--samples", "100", "--seed", "5", "--independent", *SERIAL)
    one, other = (mfa.load(f"results/{name}")["demand"] for name in ("loop", "more"))
    assert float(abs(other / one - 1.5).max()) > 0.1


def test_the_table_has_bands(study: Path, call: Call) -> None:
    call("loop.yaml", "--samples", "64", *SERIAL)
    head, *lines = (study / "results/loop/summary.csv").read_text().splitlines()
    assert head.endswith("value,unit,p5,p25,p50,p75,p95,standard_error")
    row = next(line for line in lines if line.startswith("loop,demand,Cu,2030,")).split(",")
    values = mfa.load("results/loop")["demand"].sel(year=2030, material="Cu").values
    told = [float(value) for value in (row[4], *row[6:])]
    expected = [values.mean(), *np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])]
    np.testing.assert_allclose(told, [*expected, values.std(ddof=1) / 8], rtol=1e-8)


def test_what_is_finished_is_skipped_until_inputs_change_or_force(study: Path, call: Call) -> None:
    args = ("loop.yaml", "--samples", "70", *SERIAL)
    call(*args)
    file = study / "results/loop/result.nc"
    before = file.stat().st_mtime_ns
    assert "skipped" in call(*args).stdout
    assert "skipped" in call("loop.yaml", "--samples", "70", "--executor", "threads").stdout
    assert file.stat().st_mtime_ns == before
    assert "70 samples" in call(*args, "--force").stdout
    assert file.stat().st_mtime_ns != before
    assert "71 samples" in call("loop.yaml", "--samples", "71", *SERIAL).stdout
    assert "70 samples" in call(*args).stdout
    assert "70 samples" in call(*args, "--seed", "9").stdout
    assert "70 samples" in call(*args, "--set", "making=85 %").stdout
    with xr.open_dataset(file, engine="h5netcdf") as stored:
        changed = stored.load() * 1.001
        changed.attrs = stored.attrs
    changed.to_netcdf(file, engine="h5netcdf")  # edited: no longer what was written
    assert "70 samples" in call(*args, "--set", "making=85 %").stdout


def test_a_large_result_goes_to_zarr_with_the_same_content(study: Path, call: Call) -> None:
    pytest.importorskip("zarr")
    args = ("loop.yaml", "--samples", "5000", "--keep", "demand", "--design", "sobol", *SERIAL)
    call(*args)
    small = mfa.load("results/loop")
    assert "5,000 samples" in call(*args, "--force", "--memory", "4MB").stdout
    assert not (study / "results/loop/result.nc").exists()
    large = mfa.load("results/loop")
    assert large.attrs["content_sha256"] == small.attrs["content_sha256"] == content_of(large)
    assert large["demand"].values.tobytes() == small["demand"].values.tobytes()
    assert large["sample"].values.tolist() == list(range(5000))
    assert large["material"].values.tolist() == small["material"].values.tolist()
    assert large.encoding["scenario"]["draws"]["design"] == "sobol"
    assert "skipped" in call(*args, "--memory", "4MB").stdout
    table = mfa.compare({"large": "results/loop", "small": small}, "demand")
    np.testing.assert_array_equal(table["large"], table["small"])
    band = mfa.quantiles(large, "demand", [0.5])
    np.testing.assert_array_equal(band["demand"][0], np.quantile(small["demand"], 0.5, axis=0))
    with pytest.raises(MfaError, match="twice that to be written as netCDF"):
        sample_batches.items(
            [mfa.read_scenario("loop.yaml")],
            study / "results",
            sample_batches.Order(5000, memory=4 * 10**6, store="netcdf"),
        )
    assert (
        "5,000 samples" in call(*args, "--store", "netcdf").stdout
        and (study / "results/loop/result.nc").exists()
    )


def test_the_memory_that_is_given_holds(study: Path, call: Call) -> None:
    args = ("loop.yaml", "--samples", "1500", "--block", "1000", "--keep", "demand", *SERIAL)
    done = call(*args, "--memory", "100KB", exit_code=2)
    told = re.search(
        r"loop: one chunk of 64 samples takes (.*) MiB, more than --memory 0.0954 MiB; "
        r"give --memory (\d+)MiB or more",
        done.stderr,
    )
    assert told and not (study / "results").exists()
    assert "give --memory" in call(*args, "--memory", "100KB", "--dry-run", exit_code=2).stderr
    call(*args, "--memory", f"{told[2]}MiB", "--store", "netcdf")
    work, _ = prepared(mfa.read_scenario("loop.yaml"), 1500, keep="all")
    need = measured(work)
    assert need.chunk < most(work).chunk
    least = round(SPREAD * need.total(1, 1))
    for memory in (least, 2 * least, 8 * least):
        fits = fitting([work], memory, 4, 4096)
        assert need.total(fits.workers, fits.chunks) <= memory
        tracemalloc.start()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        work.block(0, fits.chunks)
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        assert fits.workers * peak <= 1.02 * memory, (fits, peak)
    assert fits.workers == 4


def test_resume_is_what_is_done_without_it(study: Path, call: Call) -> None:
    args = ("loop.yaml", "--samples", "70", *SERIAL)
    call(*args)
    assert "skipped" in call(*args, "--resume").stdout
    assert "70 samples" in call(*args, "--force").stdout


def test_a_failing_sample_is_told_and_can_be_run_alone(study: Path, call: Call) -> None:
    (study / "system.yaml").write_text(FAILING)
    (study / "loop.yaml").write_text(SCENARIO + "  exported: {value: 10 %, uniform: [0 %, 24 %]}\n")
    (study / "more.yaml").unlink()
    args = ("loop.yaml", "--samples", "100", "--seed", "4", "--keep", "use_stock")
    done = call(*args, *SERIAL)
    assert "93 samples" in done.stdout
    assert "loop, left out: sample 3: " in done.stderr
    assert "shares sum to 1.02856 at region=A, year=2025" in done.stderr
    assert "exported = 0.229" in done.stderr
    assert "7 samples could not be run; add --sample K" in done.stderr
    found = mfa.load("results/loop")
    assert found.sizes["sample"] == 93 and 3 not in found["sample"]
    assert found.attrs["failed_samples"] == "3, 18, 31, 39, 52, 90, 93"
    manifest = (study / "results/loop/manifest.yaml").read_text()
    assert re.search(r"failed_samples: \"?3, 18, 31", manifest)
    alone = call(*args[:5], "--sample", "3", exit_code=2)
    assert "sample 3: " in alone.stderr and "exported = 0.229" in alone.stderr
    alone = call(*args[:5], "--sample", "4")
    assert "sample 4: demand = " in alone.stdout
    one = mfa.load("results/loop-sample-4")
    assert one["use_stock"].values.tobytes() == found["use_stock"].sel(sample=[4]).values.tobytes()
    assert one["exported"].dims == ("sample",) or "region" in one["exported"].dims


def test_nothing_is_begun_if_a_scenario_is_wrong(study: Path, call: Call) -> None:
    (study / "bad.yaml").write_text(
        "title: Bad\ninherits: loop\nset:\n  recycling: 90 %\n  making: 0 %\n"
    )
    done = call("loop.yaml", "bad.yaml", "--samples", "64", *SERIAL, exit_code=2)
    assert "making" in done.stderr and not (study / "results").exists()
    done = call("loop.yaml", "--samples", "64", "--keep", "demnd", exit_code=2)
    assert "keep: there is no 'demnd'. Did you mean" in done.stderr
    assert not (study / "results").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--seed", "3"], "--seed is for many samples; say how many: --samples 1000 --seed"),
        (["--dry-run"], "--dry-run is for many samples"),
        (["--sample", "3", "--design", "lhs"], "--sample with --design lhs needs --samples"),
        (["--samples", "5", "--sample", "5"], "--sample 5: the samples are 0 to 4"),
        (["--samples", "5", "--memory", "2 lots"], "--memory '2 lots': write a size like 500MB"),
        (["--samples", "5", "--keep", "all,demand"], "--keep all keeps every flow and stock"),
        (["--samples", "5", "--cluster", "x", "--workers", "2"], "--workers and --cluster exclude"),
        (["--samples", "5", "--resume", "--force"], "--resume and --force exclude each other"),
        (["--samples", "0"], "0 is not in the range x>=1"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    study: Path, call: Call, args: list[str], message: str
) -> None:
    assert message in call("loop.yaml", *args, exit_code=2).stderr
    assert not (study / "results").exists()


def test_a_dry_run_tells_and_writes_nothing(study: Path, call: Call) -> None:
    done = call("loop.yaml", "more.yaml", "--samples", "1000", "--dry-run", *SERIAL)
    for line, name in zip(done.stdout.splitlines(), ("loop", "more"), strict=True):
        assert line.split()[0] == name
        assert "1,000 samples in 16 chunks, 0 finished" in line
        assert "2.5 MiB in result.nc" in line  # 4 quantities × 41 years × 2 metals × 8 bytes
        assert "ms a sample" in line
    assert not (study / "results").exists()


def test_sizes_are_read() -> None:
    assert [size(text) for text in ("1KB", "1kib", "1.5GiB", "100")] == [
        1000,
        1024,
        1610612736,
        100,
    ]


# -------------------------------------------------------------- interrupted


def test_a_full_disk_is_told_and_what_is_finished_is_gone_on_with(
    study: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = ("loop.yaml", "--samples", "400", "--block", "64", *SERIAL)
    whole = np.savez

    def full(file: object, *args: object, **arrays: object) -> None:
        if len(list((study / "results/loop").rglob("00000?.npz"))) == 3:
            raise OSError(28, "No space left on device")
        whole(file, *args, **arrays)  # type: ignore[arg-type]

    monkeypatch.setattr(np, "savez", full)
    done = call(*args, exit_code=2)
    assert "No space left on device; make room" in done.stderr
    assert "3 of 7 chunks are finished and kept in results/loop/.parts/" in done.stderr
    assert len(list((study / "results/loop").rglob("*.npz"))) == 3
    monkeypatch.setattr(np, "savez", whole)
    assert "gone on after 3 of 7 chunks" in call(*args).stdout
    found = mfa.load("results/loop")
    call(*args, "--force")
    assert_same(found, mfa.load("results/loop"))


def test_a_part_that_was_cut_short_is_computed_again(study: Path, call: Call) -> None:
    order = sample_batches.Order(200, executor="serial")
    (item,) = sample_batches.items([mfa.read_scenario("loop.yaml")], study / "results", order)
    item.parts.write(0, item.work.block(0, 3))
    assert item.parts.missing() == [3]
    path = item.parts.path(1)
    path.write_bytes(path.read_bytes()[:-10])
    assert item.parts.missing() == [1, 3]
    damaged = bytearray(item.parts.path(2).read_bytes())
    damaged[len(damaged) // 2] ^= 255
    item.parts.path(2).write_bytes(damaged)
    with pytest.raises(MfaError, match=r"000002\.npz is damaged .*remove it and run the same"):
        list(sample_batches.run([item], order))
    item.parts.path(2).unlink()
    (done,) = sample_batches.run([item], order)
    assert (done.found_before, done.computed) == (3, 1)
    own = mfa.run(mfa.read_scenario("loop.yaml"), samples=200)
    assert mfa.load("results/loop")["demand"].values.tobytes() == own["demand"].values.tobytes()


def _die(*_: object) -> None:
    os._exit(3)


def test_a_worker_that_dies_is_told_with_what_is_left(
    study: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_tasks, "elsewhere", _die)
    done = call("loop.yaml", "--samples", "200", "--workers", "2", exit_code=2)
    assert "loop: a worker died" in done.stderr
    assert "0 of 4 chunks are finished" in done.stderr and "goes on from there" in done.stderr


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "mfa.cli", "run", *args]


BATCH = ("loop.yaml", "--samples", "1500", "--seed", "2", "--block", "64", "--keep", "all")


def killed(folder: str, after: Callable[[Path], bool], *how: str) -> int:
    """Start a batch, kill it when it is time, and return how many parts there are."""
    process = subprocess.Popen(
        command(*BATCH, "-o", folder, *how), stdout=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + 60
    while process.poll() is None and not after(Path(folder)) and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    return len(list(Path(folder).rglob("0*.npz")))


def assert_nobody_left(folder: Path) -> None:
    """Fail if a process still works in a folder some seconds after its parent was killed."""
    if not Path("/proc").is_dir():
        return
    until = time.monotonic() + 10
    while time.monotonic() < until:
        left = []
        for own in Path("/proc").glob("[0-9]*"):
            try:
                here = (own / "cwd").readlink() == folder and int(own.name) != os.getpid()
                python = b"multiprocessing" in (own / "cmdline").read_bytes()
            except OSError:
                continue
            left += [own.name] if here and python else []
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"processes {left} are left")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_batch_that_is_killed_goes_on_and_ends_with_the_same_bits(
    study: Path, call: Call
) -> None:
    def some_parts(folder: Path) -> bool:
        return len(list(folder.rglob("0*.npz"))) >= 3

    left = killed("one", some_parts, "--workers", "2")
    assert 3 <= left < 24 and not (study / "one/loop/result.nc").exists()
    assert_nobody_left(study)
    done = subprocess.run(command(*BATCH, "-o", "one"), capture_output=True, text=True, check=True)
    assert f"gone on after {left} of 24 chunks" in done.stdout and done.stderr == ""
    subprocess.run(command(*BATCH, "-o", "two"), check=True, capture_output=True)
    one, two = mfa.load("one/loop"), mfa.load("two/loop")
    assert one.attrs["content_sha256"] == two.attrs["content_sha256"]
    assert_same(one, two)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_fifty_kills_at_random_moments_change_nothing(study: Path) -> None:
    subprocess.run(command(*BATCH, "-o", "whole"), check=True, capture_output=True)
    whole = mfa.load("whole/loop")
    moments = random.Random(6)
    for number in range(50):
        end = time.monotonic() + moments.uniform(0.5, 5.0)
        killed(f"out{number % 5}", lambda _, end=end: time.monotonic() > end, "--workers", "2")  # type: ignore[misc]
    for number in range(5):
        args = command(*BATCH, "-o", f"out{number}")
        done = subprocess.run(args, check=True, capture_output=True, text=True)
        assert done.stderr == ""
        found = mfa.load(f"out{number}/loop")
        assert found.attrs["content_sha256"] == whole.attrs["content_sha256"]
        assert_same(found, whole)
        left = {path.name for path in Path(f"out{number}/loop").iterdir()}
        assert left == {"result.nc", "manifest.yaml", "summary.csv", "figures"}
    assert_nobody_left(study)


# ----------------------------------------------------------------- progress


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_progress_is_shown_on_a_terminal_and_not_in_a_pipe(study: Path) -> None:
    import pty

    args = ("loop.yaml", "more.yaml", "--samples", "640", "--block", "64", *SERIAL)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*args),
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        shown += piece
        if not piece:
            break
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    text = shown.decode()
    assert process.returncode == 0
    assert "loop (1 of 2)" in text and "more (2 of 2)" in text
    assert "/20" in text and "chunks, time left" in text
    assert [line.split()[0] for line in out.decode().splitlines()] == ["loop", "more", "2"]
    done = subprocess.run(command(*args, "--force"), capture_output=True, check=True)
    assert done.stderr == b""

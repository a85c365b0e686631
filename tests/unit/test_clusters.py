"""Samples on a real scheduler of dask with two worker processes: the same bits, and clear errors."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import mfa
from mfa import sample_tasks
from mfa.cli import main
from mfa.clusters import connected
from mfa.errors import MfaError
from mfa.sample_batches import Order, items, run
from mfa.sample_pools import tasks_of
from tests.unit.test_kept import ROLES
from tests.unit.test_sampling import SCENARIO, SYSTEM

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster:
            yield cluster.scheduler_address


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mfa.Scenario:
    (tmp_path / "system.yaml").write_text(SYSTEM.replace("demand", "wanted") + ROLES)
    (tmp_path / "loop.yaml").write_text(SCENARIO.replace("demand", "wanted"))
    monkeypatch.chdir(tmp_path)
    return mfa.read_scenario("loop.yaml")


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_a_cluster_gives_the_same_bits(
    address: str, scenario: mfa.Scenario, block: int, tmp_path: Path
) -> None:
    order = Order(300, seed=4, cluster=address, block=block, keep="all")
    (done,) = run(items([scenario], tmp_path / "out", order), order)
    assert done.computed == 5
    found = mfa.load(tmp_path / "out" / "loop")
    own = mfa.run(scenario, samples=300, seed=4, keep="all")
    for name in own:
        assert found[name].values.tobytes() == own[name].values.tobytes()


def test_its_executor_does_in_python_too(address: str, scenario: mfa.Scenario) -> None:
    with distributed.Client(address, set_as_default=False) as client:
        found = mfa.run(scenario, samples=130, executor=client.get_executor(pure=False))
    own = mfa.run(scenario, samples=130)
    assert found["demand"].values.tobytes() == own["demand"].values.tobytes()


def test_tasks_run_in_the_two_workers(address: str) -> None:
    with connected(address) as pool:
        assert pool.workers == 2 and pool.executor is not None
        found = {pool.executor.submit(os.getpid).result() for _ in range(20)}
    assert found and os.getpid() not in found


def test_the_command_takes_an_address(address: str, scenario: mfa.Scenario) -> None:
    args = [sys.executable, "-m", "mfa.cli", "run", "loop.yaml", "--samples", "200"]
    done = subprocess.run([*args, "--cluster", address], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("loop  results/loop  200 samples")
    assert done.stderr == ""


def test_an_address_where_nobody_answers(
    scenario: mfa.Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from mfa import clusters

    monkeypatch.setattr(clusters, "PATIENCE", "0.5s")
    args = ["run", "loop.yaml", "--samples", "64", "--cluster", "tcp://127.0.0.1:1"]
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 2
    assert "--cluster tcp://127.0.0.1:1: no scheduler answers" in done.stderr


def _die(*_: object) -> None:
    os._exit(3)


def test_workers_that_die_are_told(
    scenario: mfa.Scenario, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sample_tasks, "elsewhere", _die)
    order = Order(64)
    (item,) = items([scenario], tmp_path / "out", order)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        connected(cluster.scheduler_address) as pool,
        pytest.raises(MfaError, match="a worker died before its samples were computed"),
    ):
        list(pool.results(item.work, tasks_of([0], 64)))

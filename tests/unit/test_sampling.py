"""Many samples: the same bits in every block size, executor and number of workers."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa.designs import Design
from mfa.errors import MfaError

SYSTEM = """
title: A loop of two metals
conserves: material
dimensions: {region: [A, B], product: [cars, wires], material: [Cu, Al]}
parameters:
  demand:     {dims: [year, region, product, material], unit: kt/yr, min: 0}
  life:       {dims: [product], unit: yr, min: 1}
  making:     {dims: [product], min: 0.1, max: 1}
  collection: {dims: [year, region], min: 0, max: 1}
  recycling:  {dims: [material], min: 0, max: 1}
processes:
  mine:     {rule: source}
  metal:    {rule: market, from: [recycle, mine], sum: [product], surplus_to: store}
  fabricate: {rule: make, from: metal, yield: making, loss_to: collect}
  use:      {rule: stock, inflow: demand, from: fabricate, to: collect,
             lifetime: {law: weibull, mean: life, shape: 2.5}}
  collect:  {rule: split, sum: [product], shares: {recycle: collection, landfill: rest}}
  recycle:  {rule: split, shares: {metal: recycling, landfill: rest}}
  store:    {rule: sink}
  landfill: {rule: sink}
"""
SCENARIO = """
title: Loop
system: system.yaml
years: [1990, 2030]
set:
  demand:
    value: {1990: 10 kt/yr, 2030: 50 kt/yr}
    lognormal: [1, 0.2]
  life: {cars: {value: 12 yr, uniform: [8 yr, 16 yr]}, wires: {value: 25 yr, pert: [15 yr, 40 yr]}}
  making: {value: 90 %, uniform: [80 %, 95 %]}
  collection: {value: 60 %, uniform: [40 %, 80 %], redraw: {ar1: 0.8}}
  recycling: {value: 90 %, beta: [45, 5]}
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> mfa.Scenario:
    folder: Path = tmp_path_factory.mktemp("loop")
    (folder / "system.yaml").write_text(SYSTEM)
    (folder / "loop.yaml").write_text(SCENARIO)
    return mfa.read_scenario(folder / "loop.yaml")


@pytest.fixture(scope="module")
def whole(scenario: mfa.Scenario) -> xr.Dataset:
    return mfa.run(scenario, samples=300, seed=4, keep="all")


def test_each_sample_is_the_run_of_its_own_values(
    scenario: mfa.Scenario, whole: xr.Dataset
) -> None:
    parameters = mfa.build_parameters(scenario, samples=300, seed=4)
    for number in (0, 63, 64, 299):
        own = mfa.simulate(scenario.system, parameters.isel(sample=number, drop=True))
        for name in own:
            found = whole[name].sel(sample=number)
            assert found.dims == own[name].dims and found.attrs == own[name].attrs
            scale = float(abs(own[name]).max())
            assert float(abs(found - own[name]).max()) <= 1e-13 * scale
    assert whole.attrs["balance_residual"] < 1e-9
    assert whole.attrs["seed"] == 4 and whole.attrs["design"] == "random"


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize(
    ("executor", "workers"), [("serial", None), ("threads", 2), ("processes", 2)]
)
def test_results_have_the_same_bits_however_they_are_divided(
    scenario: mfa.Scenario, whole: xr.Dataset, executor: str, workers: int | None, block: int
) -> None:
    found = mfa.run(
        scenario, samples=300, seed=4, keep="all", executor=executor, workers=workers, block=block
    )
    for name in whole:
        assert found[name].values.tobytes() == whole[name].values.tobytes(), name
    assert found.attrs["balance_residual"] == whole.attrs["balance_residual"]


@pytest.mark.parametrize("numbers", [[130], [299, 5, 64], range(60, 70)])
def test_some_samples_alone_have_the_same_bits(
    scenario: mfa.Scenario, whole: xr.Dataset, numbers: list[int]
) -> None:
    found = mfa.run(scenario, samples=numbers, seed=4, keep="all")
    assert found["sample"].values.tolist() == list(numbers)
    for name in whole:
        own = whole[name].sel(sample=list(numbers))
        assert found[name].values.tobytes() == own.values.tobytes(), name


@pytest.mark.parametrize("kind", ["lhs", "sobol"])
def test_designs_run_to_their_last_sample(
    scenario: mfa.Scenario, kind: str, tmp_path: Path
) -> None:
    one = mfa.run(scenario, samples=70, seed=1, design=kind, keep="use_stock")
    two = mfa.run(scenario, samples=70, seed=1, design=kind, keep="use_stock", block=64)
    assert one["use_stock"].values.tobytes() == two["use_stock"].values.tobytes()
    assert one.attrs["design"] == kind
    folder = mfa.save(one, tmp_path / "out") or tmp_path / "out"
    text = (Path(folder) / "manifest.yaml").read_text()
    assert f"design: {kind}" in text and "0–69" in text
    assert mfa.read_scenario(Path(folder) / "manifest.yaml").name == scenario.name
    if kind == "sobol":
        assert one.attrs["design_columns"].split("; ")[:2] == ["collection 1800", "collection 1801"]


def test_an_executor_of_the_user_does(scenario: mfa.Scenario, whole: xr.Dataset) -> None:
    with ThreadPoolExecutor(1) as pool:
        found = mfa.run(scenario, samples=128, seed=4, executor=pool, keep=["use_stock"], block=64)
    assert list(found.data_vars) == ["use_stock"]
    assert found["use_stock"].equals(whole["use_stock"].isel(sample=slice(128)))


class Plain(Executor):
    """As little as an executor has to be: each call is made in another process, one at a time."""

    def __init__(self) -> None:
        self.processes = ProcessPoolExecutor(1, get_context("spawn"))
        self.calls = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls += 1
        done: Future[Any] = Future()
        done.set_result(self.processes.submit(fn, *args, **kwargs).result())
        return done

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.processes.shutdown(wait, cancel_futures=cancel_futures)


def test_any_executor_does(scenario: mfa.Scenario, whole: xr.Dataset) -> None:
    with Plain() as executor:
        found = mfa.run(
            scenario, samples=128, seed=4, executor=executor, keep=["use_stock"], block=64
        )
    assert executor.calls == 2
    assert found["use_stock"].equals(whole["use_stock"].isel(sample=slice(128)))


def test_what_is_kept_are_flows_stocks_and_parameters(scenario: mfa.Scenario) -> None:
    found = mfa.run(scenario, samples=3, keep=["use_stock", "life", "mine_to_metal"])
    assert list(found.data_vars) == ["use_stock", "life", "mine_to_metal"]
    assert found["life"].dims == ("sample", "product")
    assert found["life"].equals(
        mfa.build_parameters(scenario, samples=3)["life"].assign_attrs(found["life"].attrs)
    )
    total = mfa.run(scenario, samples=3, keep={"mine_to_metal": "region", "life": ()})
    assert total["mine_to_metal"].dims == ("sample", "year", "material")
    np.testing.assert_allclose(total["mine_to_metal"], found["mine_to_metal"].sum("region"))
    with pytest.raises(MfaError, match="'use_stock' cannot be summed over 'year'"):
        mfa.run(scenario, samples=3, keep={"use_stock": ["year"]})
    with pytest.raises(MfaError, match=r"keep: there is no 'use_stok'\. Did you mean"):
        mfa.run(scenario, samples=3, keep=["use_stok"])


def test_what_is_refused(scenario: mfa.Scenario) -> None:
    with pytest.raises(MfaError, match="executor 'proceses' is unknown"):
        mfa.run(scenario, samples=3, executor="proceses")
    with pytest.raises(MfaError, match=r"would take [\d.]+ GiB, 2 GiB is the most"):
        mfa.run(scenario, samples=1_000_000, keep="all")
    with pytest.raises(MfaError, match="not among 5 samples"):
        mfa.run(scenario, samples=[7], design=Design(1, "lhs", 5))


def _die(*_: object) -> None:
    os._exit(3)


def test_a_worker_that_dies_is_told(
    scenario: mfa.Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mfa import sample_tasks

    monkeypatch.setattr(sample_tasks, "elsewhere", _die)
    with pytest.raises(MfaError, match="a worker died before its samples were computed"):
        mfa.run(scenario, samples=128, executor="processes", workers=1, keep="use_stock")


def test_a_scenario_without_uncertainty_has_equal_samples(scenario: mfa.Scenario) -> None:
    certain = scenario.override(
        demand="1 kt/yr", life="10 yr", making=0.9, collection=0.5, recycling=0.9
    )
    found = mfa.run(certain, samples=2, keep="use_stock")["use_stock"]
    assert found.dims[0] == "sample" and found[0].equals(found[1].drop_vars("sample")) is False
    np.testing.assert_array_equal(found[0].values, found[1].values)
    np.testing.assert_allclose(found[0].values, mfa.run(certain)["use_stock"].values, rtol=1e-13)

"""A linear model, whose mean and variance are known exactly, within the Monte-Carlo error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mfa

SYSTEM = """
title: Two customers of one mine
conserves: material
dimensions: {material: [Cu]}
parameters:
  wires: {dims: [year, material], unit: kt/yr, min: 0}
  pipes: {dims: [year, material], unit: kt/yr, min: 0}
  yield: {dims: [], min: 0, max: 1}
processes:
  mine:  {rule: source}
  metal: {rule: make, from: mine, yield: yield, loss_to: tailings}
  wire:  {rule: sink, from: metal, takes: wires}
  pipe:  {rule: sink, from: metal, takes: pipes}
  tailings: {rule: sink}
"""
SCENARIO = """
title: Linear
system: system.yaml
years: [2020, 2021]
set:
  wires: {value: 100 kt/yr, normal: [100 kt/yr, 10 kt/yr]}
  pipes: {value: 60 kt/yr, uniform: [50 kt/yr, 70 kt/yr]}
  yield: 80 %
"""
MEAN = 1e3 * (100 + 60) / 0.8
VARIANCE = 1e6 * (10**2 + 20**2 / 12) / 0.8**2


@pytest.mark.parametrize("design", ["random", "lhs", "sobol"])
def test_mean_and_variance_are_those_of_the_sum(tmp_path: Path, design: str) -> None:
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "linear.yaml").write_text(SCENARIO)
    count = 4096
    scenario = mfa.read_scenario(tmp_path / "linear.yaml")
    result = mfa.run(scenario, samples=count, seed=3, design=design, keep=["mine_to_metal"])
    mined = result["mine_to_metal"].sel(year=2021, material="Cu").values
    assert abs(mined.mean() - MEAN) < 4 * np.sqrt(VARIANCE / count)
    assert abs(mined.var(ddof=1) / VARIANCE - 1) < 4 * np.sqrt(2 / (count - 1))

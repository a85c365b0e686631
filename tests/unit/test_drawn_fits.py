"""Laws that stand for a fit are drawn from its joint covariance, the same draws in all places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import demand
from mfa.demand.fit_files import write
from mfa.demand.fit_scores import parameters_at, scores_needed
from mfa.demand.fitted import Fit
from mfa.designs import Design
from mfa.draws import columns_of
from mfa.manifest import document, fingerprint, read_manifest, to_yaml

SYSTEM = """\
title: Steel
dimensions: {region: [A, B], use: [roads, cars]}
parameters:
  gdp_per_capita: {dims: [year, region], unit: USD/person, min: 0}
  population: {dims: [region], unit: person}
  consumption: {dims: [year, region, use], unit: t/yr, min: 0}
processes: {}
"""
HEAD = """\
title: Growth
system: system.yaml
years: [2000, 2040]
set:
  gdp_per_capita: {2000: 4000 USD/person, 2040: 30000 USD/person}
  population: {A: 1e6 person, B: 2e6 person}
"""
LAW = "{fit: steel.yaml, of: gdp_per_capita, times: population%s}"


@pytest.fixture(scope="module")
def fit() -> Fit:
    """Return a fit of two countries with one shape and a saturation each."""
    income = mfa.array(np.linspace(1e3, 40e3, 60), "USD/person", year=range(1950, 2010))
    top = mfa.array([0.5, 0.3], "t/person/yr", region=["A", "B"])
    law = demand.gompertz(income, saturation=top, midpoint=8e3, rate=2e-4)
    noise = np.random.default_rng(1).normal(0, 0.01, law.shape)
    income = xr.ones_like(law).assign_attrs(units="USD/person") * income
    return demand.fit("gompertz", income, law + noise, own=["saturation"], x_dim="year")


def read(folder: Path, fit: Fit, text: str) -> mfa.Scenario:
    (folder / "system.yaml").write_text(SYSTEM)
    write(fit, folder / "steel.yaml")
    (folder / "growth.yaml").write_text(f"{HEAD}  consumption: {text}\n")
    return mfa.read_scenario(folder / "growth.yaml")


def scores(told: dict[str, object], samples: range) -> np.ndarray:
    design = Design(5)
    names = [f"fit steel.yaml {i:03d}" for i in range(scores_needed(told))]
    return np.stack([design.uniforms(name, samples) for name in names], axis=-1)


def test_draws_have_the_joint_covariance_of_the_fit(fit: Fit) -> None:
    told = fit.to_mapping()
    drawn = parameters_at(told, scores(told, range(40_000)))
    columns = np.stack([*drawn["saturation"].T, drawn["midpoint"], drawn["rate"]])
    scale = np.sqrt(np.diag(fit.covariance.values))
    expected = fit.covariance.values / np.outer(scale, scale)
    np.testing.assert_allclose(np.cov(columns) / np.outer(scale, scale), expected, atol=0.04)


def test_every_place_has_the_same_draws(fit: Fit, tmp_path: Path) -> None:
    text = f"{{A: {LAW % ''}, B: {LAW % ''}}}"
    scenario = read(tmp_path, fit, text)
    told = fit.to_mapping()
    assert columns_of(scenario) == [f"fit steel.yaml {i:03d}" for i in range(5)]
    found = mfa.build_parameters(scenario, samples=30, seed=5)
    whole = mfa.build_parameters(read(tmp_path, fit, LAW % ""), samples=30, seed=5)
    assert found["consumption"].dims == ("sample", "year", "region", "use")
    np.testing.assert_allclose(found["consumption"], whole["consumption"], rtol=1e-12)
    drawn = parameters_at(told, scores(told, range(30)))
    for i, (region, people) in enumerate((("A", 1e6), ("B", 2e6))):
        curve = demand.gompertz(
            found["gdp_per_capita"].sel(region=region).values,
            saturation=drawn["saturation"][:, i, None],
            midpoint=drawn["midpoint"][:, None],
            rate=drawn["rate"][:, None],
        )
        own = found["consumption"].sel(region=region, use="cars")
        np.testing.assert_allclose(own, people * curve, rtol=1e-12)


def test_what_the_scenario_tells_is_not_drawn(fit: Fit, tmp_path: Path) -> None:
    some = read(tmp_path, fit, LAW % ", saturation: {B: 400 kg/person/yr}")
    high = some.override(gdp_per_capita="1e7 USD/person")
    found = mfa.build_parameters(high, samples=20)["consumption"].isel(year=0, use=0)
    np.testing.assert_allclose(found.sel(region="B"), 0.4 * 2e6)
    assert float(found.sel(region="A").std()) > 0
    every = read(tmp_path, fit, LAW % ", saturation: 400 kg/person/yr")
    changed = every.override(consumption={"rate": "2e-4 person/USD", "midpoint": "8000 USD/person"})
    assert "sample" not in mfa.build_parameters(changed, samples=20)["consumption"].dims


def test_blocks_and_the_manifest_draw_the_same(fit: Fit, tmp_path: Path) -> None:
    scenario = read(tmp_path, fit, LAW % "")
    whole = mfa.build_parameters(scenario, samples=130, seed=2)
    for first in (0, 7, 128):
        part = mfa.build_parameters(scenario, samples=range(first, first + 2), seed=2)
        assert part.identical(whole.isel(sample=slice(first, first + 2)))
    (tmp_path / "manifest.yaml").write_text(to_yaml(document([scenario])))
    (tmp_path / "steel.yaml").unlink()
    (again,) = read_manifest(tmp_path / "manifest.yaml")
    assert fingerprint(again) == fingerprint(scenario)
    assert mfa.build_parameters(again, samples=130, seed=2).identical(whole)


def test_an_unidentified_saturation_is_drawn_along_its_profile(tmp_path: Path) -> None:
    income = np.linspace(1e3, 6e3, 25)
    law = demand.gompertz(income, saturation=500.0, midpoint=8e3, rate=2e-4)
    noise = np.random.default_rng(0).normal(0, 3, 25)
    found = demand.fit("gompertz", income, law + noise)
    assert found.method == "profile"
    told = found.to_mapping()
    drawn = parameters_at(told, scores(told, range(4000)))
    theirs = found.sample(4000, seed=1)
    for name in ("saturation", "midpoint", "rate"):
        own, other = (np.quantile(x, [0.25, 0.5, 0.75]) for x in (drawn[name], theirs[name]))
        np.testing.assert_allclose(own, other, rtol=0.1)

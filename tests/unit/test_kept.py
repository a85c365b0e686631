"""What is kept of samples: by default what roles add up to; samples that fail are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa.errors import MfaError
from tests.unit.test_sampling import SCENARIO, SYSTEM

ROLES = """\
roles:
  demand: metal_to_fabricate
  primary_supply: mine_to_metal
  old_scrap_supply: recycle_to_metal
  in_use: use_stock
"""

FAILING = SYSTEM.replace(
    "shares: {recycle: collection, landfill: rest}}",
    "shares: {recycle: collection, abroad: exported, landfill: rest}}\n  abroad: {rule: sink}",
).replace("processes:", "  exported:   {dims: [region], min: 0, max: 1}\nprocesses:")
"""What is exported and collected is more than there is in some samples."""


def written(folder: Path, system: str, scenario: str = SCENARIO) -> mfa.Scenario:
    (folder / "system.yaml").write_text(system)
    (folder / "loop.yaml").write_text(scenario)
    return mfa.read_scenario(folder / "loop.yaml")


@pytest.fixture(scope="module")
def with_roles(tmp_path_factory: pytest.TempPathFactory) -> mfa.Scenario:
    return written(
        tmp_path_factory.mktemp("roles"),
        SYSTEM.replace("demand", "wanted") + ROLES,
        SCENARIO.replace("demand", "wanted"),
    )


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> mfa.Scenario:
    more = SCENARIO + "  exported: {value: 10 %, uniform: [0 %, 24 %]}\n"
    return written(tmp_path_factory.mktemp("failing"), FAILING, more)


def test_by_default_the_quantities_of_roles_are_kept_of_the_world(with_roles: mfa.Scenario) -> None:
    found = mfa.run(with_roles, samples=3)
    assert list(found.data_vars) == [
        "demand", "primary_supply", "secondary_supply", "indicator_in_use",
    ]  # fmt: skip
    everything = mfa.run(with_roles, samples=3, keep="all")
    for name, whole in [("demand", "metal_to_fabricate"), ("indicator_in_use", "use_stock")]:
        assert found[name].dims == ("sample", "year", "material")
        over = [d for d in everything[whole].dims if d not in found[name].dims]
        np.testing.assert_allclose(found[name], everything[whole].sum(over), rtol=1e-13)
    assert found["demand"].attrs == mfa.run(with_roles)["demand"].attrs
    both = found["primary_supply"] + found["secondary_supply"]
    assert bool((both >= found["demand"] * (1 - 1e-12)).all())


def test_rates_of_the_world_are_those_of_single_runs(with_roles: mfa.Scenario) -> None:
    names = ["indicator_recycled_content", "indicator_peak_year", "demand", "use_stock"]
    found = mfa.run(with_roles, samples=5, seed=2, keep=names)
    assert list(found.data_vars) == names
    parameters = mfa.build_parameters(with_roles, samples=5, seed=2)
    one = parameters.isel(sample=4, drop=True)
    alone = mfa.simulate(with_roles.system, one).assign(one.data_vars)
    alone = alone.assign(mfa.assess(with_roles.system, alone).data_vars)
    primary, secondary = (
        alone[name].sum("region") for name in ("primary_supply", "secondary_supply")
    )
    rate = found["indicator_recycled_content"].sel(sample=4)
    assert rate.dims == ("year", "material")
    np.testing.assert_allclose(rate, secondary / (primary + secondary), rtol=1e-12)
    peak = found["indicator_peak_year"].sel(sample=4)
    np.testing.assert_array_equal(peak, alone["indicator_peak_year"])
    assert found["use_stock"].dims == ("sample", "year", "region", "product", "material")


@pytest.mark.parametrize(
    ("executor", "block"), [("serial", 1), ("threads", 128), ("processes", 64)]
)
def test_rates_have_the_same_bits_however_they_are_divided(
    with_roles: mfa.Scenario, executor: str, block: int
) -> None:
    keep = ["indicator_recycled_content", "demand"]
    whole = mfa.run(with_roles, samples=150, keep=keep)
    parts = mfa.run(with_roles, samples=150, keep=keep, executor=executor, workers=2, block=block)
    for name in keep:
        assert whole[name].values.tobytes() == parts[name].values.tobytes()


def test_without_roles_all_flows_and_stocks_are_kept_summed(failing: mfa.Scenario) -> None:
    found = mfa.run(failing, samples=[0])
    assert set(found.data_vars) == {
        *mfa.plan(failing.system).flows,
        *mfa.plan(failing.system).stocks,
    }
    assert all(own.dims == ("sample", "year", "material") for own in found.data_vars.values())


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (["demnd"], r"keep: there is no 'demnd'\. Did you mean \"demand\"\?"),
        ({"demand": "region"}, "'demand' cannot be summed over 'region'"),
        ([], "nothing is kept"),
        ("indicator_in_use_stock_per_capita", "there is no 'indicator_in_use_stock_per_capita'"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    with_roles: mfa.Scenario, keep: list[str], message: str
) -> None:
    with pytest.raises(MfaError, match=message):
        mfa.run(with_roles, samples=2, keep=keep)


def test_a_sample_that_fails_is_left_out_and_told_and_the_rest_are_as_before(
    failing: mfa.Scenario,
) -> None:
    with pytest.warns(
        UserWarning, match=r"sample 3: .*shares sum to 1\.0.*its values: .*exported = 0\.229"
    ):
        found = mfa.run(failing, samples=130, seed=4)
    lost = [number for number in range(130) if number not in found["sample"]]
    drawn = mfa.build_parameters(failing, ["collection", "exported"], samples=130, seed=4)
    most = (drawn["collection"] + drawn["exported"]).max(["year", "region"])
    assert lost == [int(n) for n in drawn["sample"][most.values > 1]] and len(lost) > 3
    assert found.attrs["failed_samples"].split(", ")[0] == "3"
    sound = failing.override(exported="10 %")  # nothing fails; only what follows from it differs
    same = mfa.run(sound, samples=130, seed=4, keep="use_stock")["use_stock"]
    with pytest.warns(UserWarning, match="left out: sample 3"):
        kept = mfa.run(failing, samples=130, seed=4, keep="use_stock")["use_stock"]
    assert kept.values.tobytes() == same.sel(sample=kept["sample"].values).values.tobytes()


def test_failing_samples_are_the_same_however_they_are_divided(failing: mfa.Scenario) -> None:
    def found(**how: object) -> xr.Dataset:
        with pytest.warns(UserWarning, match="left out: sample 3"):
            return mfa.run(failing, samples=200, seed=4, keep="collect_to_landfill", **how)  # type: ignore[arg-type]

    whole, parts = found(), found(block=1, executor="threads", workers=2)
    name = "collect_to_landfill"
    assert whole[name].values.tobytes() == parts[name].values.tobytes()
    assert whole.attrs["balance_residual"] == parts.attrs["balance_residual"]


def test_a_sample_that_fails_alone_is_an_error(failing: mfa.Scenario) -> None:
    with pytest.raises(MfaError, match=r"^sample 3: .*shares sum to"):
        mfa.run(failing, samples=[3], seed=4)
    impossible = failing.override(exported="90 %")
    with pytest.raises(MfaError, match="shares sum to"):
        mfa.run(impossible, samples=100)

"""Roles and what is computed from them: potentials, rates and milestones by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import manifest
from mfa.assessment import RATES, of_the_world
from mfa.errors import MfaError
from mfa.indicators import INDICATORS
from mfa.role_names import ROLES

YEARS = [2030, 2031, 2032]
LABELS = {"region": ["N", "S"], "use": ["car", "can"], "material": ["Co", "Cu"]}
ROLES_OF = {
    "demand": "metal_to_fabricate",
    "primary_supply": "mine_to_metal",
    "old_scrap_supply": "recycle_to_metal",
    "new_scrap_supply": "scrap_to_metal",
    "end_of_life": ["cars_to_collect", "cans_to_collect"],
    "collected": "collect_to_recycle",
    "non_functional": "collect_to_downcycled",
    "in_use": ["cars_stock", "cans_stock"],
    "population": "people",
    "reserves": "ore",
    "mined": "mine_to_metal",
}
POTENTIAL = {
    "technical": "best_collection * best_recovery",
    "economic": {"price": "price", "cost_low": "low", "cost_high": "high"},
}


def parameter(*dims: str, unit: str = "1") -> dict[str, Any]:
    return {"dims": list(dims), "unit": unit}


def fields(**changed: Any) -> dict[str, Any]:
    """A system of cars, which stand at a use, and cans, which have one, in two regions."""
    life = {"law": "fixed", "mean": "1 yr", "inflow_at": "end"}
    return {
        "title": "Cars and cans",
        "conserves": "material",
        "dimensions": LABELS,
        "parameters": {
            "cars_made": parameter("year", "region", "material", unit="t/yr"),
            "cans_made": parameter("year", "region", "use", "material", unit="t/yr"),
            "made_well": parameter(),
            "scrap_back": parameter(),
            "collection": parameter("use"),
            "spoiled": parameter(),
            "recovery": parameter("material"),
            "best_collection": parameter("use"),
            "best_recovery": parameter("material"),
            "price": parameter("year", "material", unit="USD/t"),
            "low": parameter("use", unit="USD/t"),
            "high": parameter("use", unit="USD/t"),
            "people": parameter("year", "region", unit="person"),
            "ore": parameter("material", unit="t"),
        },
        "processes": {
            "mine": {"rule": "source"},
            "metal": {
                "rule": "market",
                "from": ["recycle", "scrap", "mine"],
                "surplus_to": "surplus",
                "sum": ["use"],
            },
            "fabricate": {
                "rule": "make",
                "from": "metal",
                "yield": "made_well",
                "loss_to": "scrap",
            },
            "cars": {
                "rule": "stock",
                "at": {"use": "car"},
                "from": "fabricate",
                "to": "collect",
                "inflow": "cars_made",
                "lifetime": life,
            },
            "cans": {
                "rule": "stock",
                "from": "fabricate",
                "to": "collect",
                "inflow": "cans_made",
                "lifetime": life,
            },
            "collect": {
                "rule": "split",
                "shares": {"recycle": "collection", "downcycled": "spoiled", "dump": "rest"},
            },
            "recycle": {"rule": "split", "shares": {"metal": "recovery", "dump": "rest"}},
            "scrap": {"rule": "split", "shares": {"metal": "scrap_back", "dump": "rest"}},
            **{sink: {"rule": "sink"} for sink in ("dump", "surplus", "downcycled")},
        },
        "roles": ROLES_OF,
        "potential": POTENTIAL,
        **changed,
    }


def numbers(**changed: Any) -> xr.Dataset:
    cans = np.zeros((3, 2, 2, 2))
    cans[:, :, 1] = 10.0  # cans only
    given = {
        "cars_made": (
            ("year", "region", "material"),
            np.full((3, 2, 2), 20.0) * [[[1]], [[2]], [[3]]],
        ),
        "cans_made": (("year", "region", "use", "material"), cans),
        "made_well": 0.8,
        "scrap_back": 0.5,
        "collection": ("use", [0.6, 0.4]),
        "spoiled": 0.1,
        "recovery": ("material", [0.9, 0.5]),
        "best_collection": ("use", [1.0, 0.5]),
        "best_recovery": ("material", [0.9, 0.8]),
        "price": (("year", "material"), np.full((3, 2), [30000.0, 10000.0])),
        "low": ("use", [10000.0, 0.0]),
        "high": ("use", [20000.0, 40000.0]),
        "people": (("year", "region"), np.full((3, 2), [2.0, 4.0])),
        "ore": ("material", [1000.0, 3000.0]),
        **changed,
    }
    return xr.Dataset(given, coords={"year": YEARS, **LABELS})


def run(system: mfa.System, **changed: Any) -> xr.Dataset:
    data = numbers(**changed)
    data = data[list(system.parameters)]
    result = mfa.simulate(system, data).assign(data.data_vars)
    return result.assign(mfa.assess(system, result).data_vars)


# --------------------------------------------------------------------- numbers


def test_potentials_by_hand() -> None:
    """Cars stand at their use while shares and costs of it are applied; then all is added up."""
    found = run(mfa.System(**fields())).sel(year=2031, region="N")
    # at end of life: of each metal 20 t in cars, 10 t in cans, all of the year before
    assert found.secondary_potential_theoretical.values.tolist() == [30.0, 30.0]
    cars, cans = np.array([20 * 0.9, 20 * 0.8]), np.array([5 * 0.9, 5 * 0.8])
    np.testing.assert_allclose(found.secondary_potential_technical, cars + cans)
    worth = (cars @ [30000, 10000]) / 40, (cans @ [30000, 10000]) / 20
    pays = (worth[0] - 10000) / 10000, worth[1] / 40000
    assert 0 < pays[0] < 1 and 0 < pays[1] < 1
    np.testing.assert_allclose(found.secondary_potential_economic, cars * pays[0] + cans * pays[1])
    np.testing.assert_allclose(found.break_even_cost, worth)
    assert found.break_even_cost.dims == ("use",)


def test_rates_by_hand_and_of_the_world() -> None:
    result = run(mfa.System(**fields()))
    found = result.sel(year=2031, region="S", material="Co")
    collected, old = 20 * 0.6 + 10 * 0.4, (20 * 0.6 + 10 * 0.4) * 0.9
    made = (40 + 10) / 0.8
    new = made * 0.2 * 0.5
    expected = {
        "collection_rate": collected / 30,
        "process_efficiency": 0.9,
        "eol_recycling_rate": old / 30,
        "nonfunctional_recycling_rate": 0.1,
        "recycled_content": (old + new) / made,
        "eol_recycling_input_rate": old / made,
        "old_scrap_ratio": old / (old + new),
        "mean_number_of_uses": 1 / (1 - old / 30),
        "in_use_stock_per_capita": 50 / 4,
        "net_addition_to_stock": 20.0,
        "urban_mine_to_reserve": 50 / 1000,
        "static_reserve_life": 1000 / (made - old - new),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(found[f"indicator_{name}"], value, err_msg=name)
        assert name in INDICATORS
    assert {*RATES} <= {*INDICATORS}
    world = of_the_world(result, "indicator_collection_rate")
    assert world is not None
    twice = result.indicator_collected.sum("region")
    np.testing.assert_allclose(world, twice / result.secondary_potential_theoretical.sum("region"))
    assert of_the_world(result, "indicator_in_use_stock_per_capita") is None
    assert of_the_world(result, "break_even_cost") is None


def test_rates_are_those_of_the_indicators() -> None:
    """The same numbers as the pure functions, where these are asked one by one."""
    result = run(mfa.System(**fields()))
    supply = result.primary_supply + result.secondary_supply
    given = {
        "collected": result.indicator_collected,
        "end_of_life": result.secondary_potential_theoretical,
        "recycled": result.old_scrap_supply,
        "old_scrap": result.old_scrap_supply,
        "new_scrap": result.new_scrap_supply,
        "downcycled": result.indicator_non_functional,
        "total_input": supply.assign_attrs(units="t/yr"),
        "recycling_rate": result.indicator_eol_recycling_rate,
        "stock": result.indicator_in_use,
        "population": result.indicator_population,
    }
    for name in (*RATES, "mean_number_of_uses", "in_use_stock_per_capita"):
        own = INDICATORS[name]
        wanted = own.function(*(given[role] for role in own.inputs))
        found = result[f"indicator_{name}"]
        np.testing.assert_allclose(found, wanted.transpose(*found.dims), rtol=1e-12, err_msg=name)
        assert found.attrs["units"] == wanted.attrs["units"]
    world = result[["primary_supply", "secondary_supply"]].sum("region")
    peak = INDICATORS["peak_year"].function(world.primary_supply)
    np.testing.assert_array_equal(result.indicator_peak_year, peak)
    crossing = INDICATORS["crossing_year"].function(world.secondary_supply, world.primary_supply)
    np.testing.assert_array_equal(result.indicator_crossing_year, crossing)
    avoided = INDICATORS["avoided_primary"].function(result.secondary_supply)
    np.testing.assert_allclose(
        result.indicator_avoided_primary, avoided.transpose("year", "region", "material")
    )


def test_what_is_undefined_is_nan_and_what_is_nothing_is_zero() -> None:
    first = run(mfa.System(**fields())).sel(year=2030)
    for name in ("collection_rate", "process_efficiency", "eol_recycling_rate"):
        assert first[f"indicator_{name}"].isnull().all(), name
    assert first.break_even_cost.isnull().all()
    for name in ("theoretical", "technical", "economic"):
        assert (first[f"secondary_potential_{name}"] == 0).all()
    assert (first.indicator_recycled_content > 0).all()  # new scrap is there from the start


def test_every_variable_says_what_it_is() -> None:
    result = run(mfa.System(**fields()))
    own = [v for v in result.data_vars.values() if v.attrs.get("kind") == "indicator"]
    assert len(own) > 25
    for variable in own:
        assert variable.attrs["units"] and variable.attrs["long_name"]
        assert ("cell_methods" in variable.attrs) == ("year" in variable.dims)
    assert result.indicator_peak_year.dims == ("material",)
    assert result.demand.dims == ("year", "region", "material")
    assert result.indicator_in_use.attrs["cell_methods"] == "year: point"


def test_surplus_saves_no_primary_metal() -> None:
    """More comes back than is asked for in the last year: what is turned away replaces nothing."""
    made = np.zeros((3, 2, 2))
    made[:2] = 100.0
    nothing = np.zeros((3, 2, 2, 2))
    result = run(
        mfa.System(**fields()),
        cars_made=(("year", "region", "material"), made),
        cans_made=(("year", "region", "use", "material"), nothing),
    )
    last = result.sel(year=2032)
    assert (last.demand == 0).all() and (last.secondary_supply > 0).all()
    gained = result.indicator_avoided_primary.diff("year").sel(year=2032)
    np.testing.assert_allclose(gained, 0.0, atol=1e-12)
    balance = result.primary_supply + result.secondary_supply - result.metal_to_surplus
    np.testing.assert_allclose(balance, result.demand, atol=1e-12)
    assert (last.indicator_recycled_content == 1).all()


def test_costs_by_metal_recycle_each_metal_for_itself() -> None:
    changed = fields()
    changed["parameters"] |= {n: parameter("material", unit="USD/t") for n in ("low", "high")}
    result = run(
        mfa.System(**changed), low=("material", [0.0, 9000.0]), high=("material", [1.0, 10000.0])
    )
    found = result.sel(year=2032, region="N")
    assert found.break_even_cost.dims == ("use", "material")
    technical = found.secondary_potential_technical
    np.testing.assert_allclose(found.secondary_potential_economic, technical * [1.0, 0.0])


def test_systems_without_roles_have_no_indicators() -> None:
    system = mfa.System(**fields(roles={}, potential=None))
    assert not [n for n, v in run(system).data_vars.items() if v.attrs.get("kind") == "indicator"]
    assert "roles" not in str(mfa.plan(system))
    assert "roles" not in manifest.system_document(system)


def test_part_of_the_roles_gives_part_of_the_indicators() -> None:
    roles = {"end_of_life": ["cars_to_collect", "cans_to_collect"], "in_use": "cars_stock"}
    result = run(mfa.System(**fields(roles=roles, potential=None)))
    own = {n for n, v in result.data_vars.items() if v.attrs.get("kind") == "indicator"}
    assert own == {
        "secondary_potential_theoretical",
        "indicator_in_use",
        "indicator_net_addition_to_stock",
    }


def test_closed_loop_in_a_steady_state_needs_primary_metal_for_its_losses_only() -> None:
    steady = np.full((3, 2, 2), 50.0)
    whole = {
        "collection": ("use", [1.0, 1.0]),
        "spoiled": 0.0,
        "recovery": ("material", [1.0, 1.0]),
    }
    result = run(
        mfa.System(**fields()),
        cars_made=(("year", "region", "material"), steady),
        cans_made=(("year", "region", "use", "material"), np.zeros((3, 2, 2, 2))),
        **whole,
    ).sel(year=2032)
    np.testing.assert_allclose(result.primary_supply, result.scrap_to_dump.sum("use"))
    assert result.indicator_mean_number_of_uses.isnull().all()  # nothing is ever lost
    assert (result.indicator_eol_recycling_rate == 1).all()


def test_hibernating_metal_and_rejects_stand_apart() -> None:
    """Metal that nobody uses any more is in no potential until it leaves."""
    roles = {"in_use": "cars_stock", "hibernating": "cans_stock", "new_scrap": "fabricate_to_scrap"}
    result = run(mfa.System(**fields(roles=roles, potential=None))).sel(year=2031, region="N")
    assert result.indicator_in_use.values.tolist() == [40.0, 40.0]
    assert result.indicator_hibernating.values.tolist() == [10.0, 10.0]
    np.testing.assert_allclose(result.indicator_new_scrap, 0.2 * 50 / 0.8)
    assert not [name for name in result if "potential" in str(name)]


def test_several_scenarios_at_once() -> None:
    system = mfa.System(**fields())
    one, two = run(system), run(system, scrap_back=0.2)
    both = xr.concat(
        [one, two], dim="scenario", coords="minimal", compat="equals", data_vars="all", join="exact"
    )
    again = mfa.assess(system, both.drop_vars([n for n in both if n.startswith("indicator_")]))
    for name, variable in again.data_vars.items():
        assert variable.dims[0] == "scenario"
        np.testing.assert_allclose(variable.sel(scenario=0), one[name], err_msg=str(name))
        np.testing.assert_allclose(variable.sel(scenario=1), two[name], err_msg=str(name))


def test_a_plan_shows_its_roles_and_a_manifest_keeps_them() -> None:
    system = mfa.System(**fields())
    text = str(mfa.plan(system))
    assert "roles, indicators over year, region, material" in text
    assert "end_of_life = cars_to_collect + cans_to_collect" in text
    assert "technical potential = end_of_life × best_collection * best_recovery" in text
    document = manifest.system_document(system)
    again = mfa.System(**json.loads(json.dumps(document)))
    assert (again.roles, again.potential) == (system.roles, system.potential)
    xr.testing.assert_identical(run(again), run(system))


# ------------------------------------------------------------------- refusals

WRONG = {
    "unknown role": ({"roles": {"demnd": "metal_to_fabricate"}}, r'Did you mean "demand"'),
    "unknown flow": (
        {"roles": {"demand": "metal_to_fabricat"}},
        r'Did you mean "metal_to_fabricate"',
    ),
    "stock for a flow": (
        {"roles": {"demand": "cars_stock"}},
        "is a stock, this role is played by a flow",
    ),
    "flow for a stock": (
        {"roles": {"in_use": "mine_to_metal"}},
        "is a flow, this role is played by a stock",
    ),
    "parameter for a flow": (
        {"roles": {"demand": "price"}},
        "is a parameter, this role is played by a flow",
    ),
    "twice": ({"roles": {"in_use": ["cars_stock", "cars_stock"]}}, "twice; once is enough"),
    "nothing": ({"roles": {"in_use": []}}, "is played by nothing"),
    "two parameters": (
        {"roles": {"population": ["people", "ore"]}},
        "played by one parameter, not by 2",
    ),
    "old and new": (
        {"roles": {**ROLES_OF, "new_scrap_supply": ["scrap_to_metal", "recycle_to_metal"]}},
        "would be counted twice",
    ),
    "upstream and downstream": (
        {"roles": {**ROLES_OF, "end_of_life": ["cars_to_collect", "collect_to_recycle"]}},
        "metal of 'cars_to_collect' flows on in 'collect_to_recycle' and would be counted twice",
    ),
    "supplier without a role": (
        {"roles": {k: v for k, v in ROLES_OF.items() if k != "new_scrap_supply"}},
        "'scrap_to_metal' enters the market 'metal'",
    ),
    "potential of nothing": ({"roles": {"demand": "metal_to_fabricate"}}, "'end_of_life: …'"),
    "unknown parameter": (
        {"potential": {"technical": "best_colection"}},
        'Did you mean "best_collection"',
    ),
    "a number": ({"potential": {"technical": "0.9"}}, "a system holds no numbers"),
    "technical with a unit": (
        {"potential": {"technical": "price"}},
        "is in USD/t, it must be in 1",
    ),
    "price without": (
        {"potential": {**POTENTIAL, "economic": {**POTENTIAL["economic"], "price": "ore"}}},  # type: ignore[dict-item]
        "it must be in USD/t",
    ),
    "unknown key": ({"potential": {**POTENTIAL, "economical": {}}}, 'Did you mean "economic"'),
    "no cost": (
        {"potential": {**POTENTIAL, "economic": {"price": "price"}}},
        "'cost_low' is missing",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_roles_are_refused(case: str) -> None:
    changed, message = WRONG[case]
    with pytest.raises(MfaError, match=message):
        mfa.plan(mfa.System(**fields(**changed)))


def test_a_share_by_a_dimension_that_discarded_products_lack_is_refused() -> None:
    changed = fields()
    changed["parameters"]["best_recovery"] = parameter("origin")
    changed["dimensions"] = {**LABELS, "origin": ["x", "y"]}
    message = "best_recovery has the dimension 'origin', which cars_to_collect.*has not"
    with pytest.raises(MfaError, match=message):
        mfa.plan(mfa.System(**changed))


def test_people_and_reserves_have_their_units() -> None:
    with pytest.raises(MfaError, match="role 'population': ore is in t, it must be in person"):
        mfa.plan(mfa.System(**fields(roles={**ROLES_OF, "population": "ore"})))


def test_a_parameter_cannot_have_the_name_of_an_indicator() -> None:
    changed = fields()
    changed["parameters"]["demand"] = parameter()
    with pytest.raises(
        MfaError, match="the parameter 'demand' and the role 'demand' would both be"
    ):
        mfa.System(**changed)
    mfa.System(**{**changed, "roles": {}, "potential": None})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"best_collection": ("use", [1.2, 0.5])},
            "best_collection.*1.08 at .*use=car.*within 0 and 1",
        ),
        ({"high": ("use", [9000.0, 40000.0])}, "high: 9000 at use=car; it is below low"),
    ],
)
def test_impossible_potentials_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(MfaError, match=message):
        run(mfa.System(**fields()), **changed)


def test_a_part_larger_than_its_whole_is_a_wrong_role() -> None:
    roles = {**ROLES_OF, "end_of_life": "cans_to_collect"}
    with pytest.raises(MfaError, match=r"role 'collected'.*collection rate would be above 1"):
        run(mfa.System(**fields(roles=roles, potential=None)))


def test_assess_says_what_it_wants() -> None:
    system = mfa.System(**fields())
    with pytest.raises(MfaError, match="assess wants a Plan or a System, this is None"):
        mfa.assess(None, xr.Dataset())  # type: ignore[arg-type]
    with pytest.raises(MfaError, match="assess wants the Dataset of a run"):
        mfa.assess(system, {})  # type: ignore[arg-type]
    bare = mfa.simulate(system, numbers())
    with pytest.raises(MfaError, match="the result lacks 'people'"):
        mfa.assess(system, bare)


def test_every_role_has_a_meaning() -> None:
    assert {"demand", "end_of_life", "in_use"} < {*ROLES}
    assert all(role.meaning for role in ROLES.values())

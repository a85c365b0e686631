"""The table of shocks under version control, and what it calls a recovery."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import mfa

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shocks():
    place = importlib.util.spec_from_file_location("shocks", ROOT / "scenarios" / "shocks.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kept(shocks):
    return pd.read_csv(shocks.SUMMARY, index_col=["shock", "case", "material"])


def test_the_summary_is_reproduced(shocks, kept):
    made = shocks.table()
    assert list(made.index) == list(kept.index) and list(made.columns) == list(kept.columns)
    np.testing.assert_allclose(
        made.astype(float).to_numpy(), kept.astype(float).to_numpy(), rtol=1e-6, atol=2e-3
    )


def years_of(values, first=2026):
    return xr.DataArray(values, {"year": range(first, first + len(values))}, ("year",))


def a_result(short, in_use):
    """A result of one material and nothing else but what recoveries are made of."""
    one = {"material": ["Co"]}
    names = {"unmet_demand": short, "indicator_in_use": in_use}
    found = {n: years_of(v).expand_dims(one).assign_attrs(units="t") for n, v in names.items()}
    return xr.Dataset({**found, "demand_response": 0 * found["unmet_demand"]})


def test_recovery_is_for_good(shocks):
    free = a_result([0, 0, 0, 0, 0], [100.0, 100, 100, 100, 100])
    hit = a_result([0, 5, 0, 5, 0], [100.0, 95, 99.5, 98.9, 99.1])
    assert shocks.met_again(hit, "Co") == 2030  # not 2028
    assert shocks.stock_back(hit, free, "Co") == 2030
    np.testing.assert_allclose(
        shocks.stock_gap(hit, free, "Co"), [0, 0.05, 0.005, 0.011, 0.009], atol=1e-12
    )
    assert np.isnan(shocks.met_again(free, "Co")) and np.isnan(shocks.stock_back(free, free, "Co"))
    gone = a_result([0, 0, 0, 0, 5], [100.0, 100, 100, 100, 90])
    assert np.isnan(shocks.met_again(gone, "Co")) and np.isnan(shocks.stock_back(gone, free, "Co"))


def test_a_shock_that_comes_later_is_the_same_otherwise(shocks):
    own = shocks.lever("indonesia_nickel_stop")["mine_capacity"]["Indonesia"]["Ni"]
    later = shocks.dated(own, later=8, recover=5)
    assert (later["from"], later["to"], later["recover"]) == (own["from"] + 8, own["to"] + 8, 5)
    assert later["scale"] == own["scale"] and "recover" not in own


def test_the_price_says_why_and_not_who(shocks):
    told = shocks.scenario("indonesia_nickel")
    plain, priced = mfa.run(told), shocks.run(told)
    assert not plain.demand_response.any() and (plain.price_index == 1).all()
    xr.testing.assert_allclose(
        plain.unmet_demand, priced.unmet_demand + priced.demand_response, rtol=1e-12, atol=1e-6
    )
    xr.testing.assert_equal(plain.mine_to_ore, priced.mine_to_ore)
    highest = priced.price_index.sel(material="Ni").max()
    assert float(highest) == 10 and float(priced.unmet_demand.sel(material="Ni").sum()) > 0


def test_what_the_table_says(kept):
    short = kept.short_kt.unstack("case")
    assert (short["stockpile"] < 0.9 * short["alone"]).all()
    assert (short["stockpile and recycling"] <= short["recycling"]).all()
    assert (short["from 2035 with recycling"] <= short["from 2035"]).all()
    assert (short["mines back slowly"] > short["alone"]).all()
    again = kept.met_again.unstack("case")
    assert (again["alone"] == 2031).all() and (again["mines back slowly"] == 2034).all()
    assert (kept.released_kt > 0).sum() == 4  # where a stockpile is, and something is short
    # A cell that lacks nickel takes no cobalt, so cobalt is not what is scarce.
    assert (kept.price_index.xs(("indonesia_nickel", "Co"), level=("shock", "material")) == 1).all()

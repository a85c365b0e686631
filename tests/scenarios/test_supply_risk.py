"""Supply risk of the shipped statistics and of scenarios: the table under version control."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mfa.indicators import risk

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def supply_risk():
    place = importlib.util.spec_from_file_location(
        "supply_risk", ROOT / "scenarios" / "supply_risk.py"
    )
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kept(supply_risk):
    return pd.read_csv(supply_risk.SUMMARY)


def test_the_summary_is_reproduced(supply_risk, kept):
    made = supply_risk.summary()
    names, numbers = ["what", "of", "year"], ["value", "low", "high"]
    pd.testing.assert_frame_equal(made[names], kept[names])
    np.testing.assert_allclose(made[numbers], kept[numbers], atol=6e-5)


@pytest.mark.parametrize(("material", "index"), [("Li", 0.235), ("Co", 0.577), ("Ni", 0.412)])
def test_concentration_of_mining_in_2024(supply_risk, material, index):
    """Other countries as one producer; divided, the index is lower by less than 0.01."""
    found = supply_risk.concentration(supply_risk.mined(2024)).sel(material=material)
    assert float(found["index"]) == pytest.approx(index, abs=0.001)
    low, high = (float(found.bounds.sel(bound=bound)) for bound in ("low", "high"))
    assert index - 0.01 < low <= high <= float(found["index"]) + 1e-12


def test_us_lithium_that_is_withheld_hardly_matters(supply_risk):
    """More than half is imported, so less is mined than imported: the index falls by 0.003."""
    most = supply_risk.us_lithium(2024)
    assert most == pytest.approx(3020 - 1690)
    amounts = supply_risk.mined(2024).sel(material="Li")
    assert float(amounts.sel(country="United States")) == 0
    with_it = amounts.where(amounts["country"] != "United States", most)
    indices = [
        float(risk.herfindahl(risk.shares(a, "country"), "country")) for a in (amounts, with_it)
    ]
    assert 0 < indices[0] - indices[1] < 0.003


def test_refining_is_of_the_sum_of_rows(supply_risk):
    """The world total that is printed disagrees for nickel, by a tenth of a per cent and more."""
    amounts = supply_risk.refined()
    rows = pd.read_csv(ROOT / "scenarios" / "data" / "iea_mining_refining_2024.csv")
    rows = rows[(rows.stage == "refining") & (rows.country == "World")].set_index("material").value
    away = {
        m: float(amounts.sel(material=m).sum() / rows[m] - 1) for m in amounts["material"].values
    }
    assert max(away, key=lambda m: abs(away[m])) == "Ni" and abs(away["Ni"]) > 0.001
    assert all(abs(v) < 0.001 for m, v in away.items() if m != "Ni")
    found = supply_risk.concentration(amounts)
    assert float(found["index"].sel(material="graphite")) == pytest.approx(0.917, abs=0.001)
    # A fifth of the copper is refined by "others": one producer or many makes 0.13.
    copper = found.sel(material="Cu")
    assert float(copper["index"]) > float(copper.bounds.sel(bound="high")) + 0.12


def test_us_trade_exposure_is_the_reliance_that_is_published(supply_risk):
    """Where both are: within 2 points of rounding, 3 in the estimates of 2025, whose stocks jump."""
    exposure = supply_risk.us_trade_exposure()
    published = supply_risk.table("us_import_reliance", ("year", "commodity"))
    compared = 0
    for material, name in (
        ("Co", "cobalt"),
        ("Cu", "copper"),
        ("Ni", "nickel"),
        ("graphite", "graphite"),
    ):
        for year in range(2017, 2026):
            low, high = exposure.sel(material=material, year=year).values
            assert low == high
            limit = 0.03 if year == 2025 else 0.0201
            assert low == pytest.approx(float(published.sel(year=year, commodity=name)), abs=limit)
            compared += 1
    assert compared == 36


def test_withheld_lithium_gives_bounds_and_no_zero(supply_risk):
    found = supply_risk.us_trade_exposure().sel(material="Li").to_pandas()
    low, high = found.loc["low"], found.loc["high"]
    assert (low < high).all() and (low >= 0.25).all() and (high <= 1).all()
    assert low[2017] == 0.5 and high[2017] == pytest.approx(0.548)


def test_the_partial_score_ranks_much_like_the_published_one(supply_risk, kept):
    scores = supply_risk.partial_scores()
    assert scores.sizes["commodity"] == 20
    missing = {"ruthenium", "dysprosium", "iridium", "cerium", "hafnium", "germanium", "samarium"}
    everyone = set(supply_risk.table("us_supply_risk", ("commodity",))["commodity"].values)
    assert everyone - set(scores["commodity"].values) == missing
    found = supply_risk.rank_correlation(scores).correlation
    assert 0.75 < found["score", "high"] <= found["score", "low"] < 0.9
    assert found["score", "low"] > found["potential", "low"] > found["exposure", "low"]
    assert "vulnerability is missing" in " ".join(supply_risk.partial_scores.__doc__.split())


def test_recycling_lowers_the_risk_of_cobalt(kept):
    value = kept.set_index(["what", "of", "year"]).value
    for stage in ("risk_mining", "risk_refining"):
        now, later = (value[f"reference: {stage}", "Co", year] for year in (2024, 2050))
        assert later < 0.75 * now
        assert value[f"circular: {stage}", "Co", 2050] < 0.95 * later
    # Recycling changes who supplies in all, not how concentrated mining is.
    assert value["circular: mining", "Co", 2050] == value["reference: mining", "Co", 2050]

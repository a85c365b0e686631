"""Forecasts of the past with the shipped data: the table under version control and in the README."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def hindcast():
    place = importlib.util.spec_from_file_location("hindcast", ROOT / "scenarios" / "hindcast.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kept(hindcast):
    return pd.read_csv(hindcast.SUMMARY)


def chosen(table, what, drivers="observed", years_ahead="all"):
    rows = table[
        (table.what == what) & (table.drivers == drivers) & (table.years_ahead == years_ahead)
    ]
    return rows.set_index("method")


def test_the_summary_is_reproduced(hindcast, kept):
    """Draws are the same everywhere; one observation more or less in a band is rounding."""
    made = hindcast.summary()
    names = ["what", "drivers", "years_ahead", "method", "count"]
    pd.testing.assert_frame_equal(made[names], kept[names])
    np.testing.assert_allclose(made[["mape", "bias"]], kept[["mape", "bias"]], atol=0.05)
    inside = abs(made[["in_80", "in_95"]] - kept[["in_80", "in_95"]]).max(axis=1)
    assert (inside <= 101 / kept["count"] + 0.01).all()


def test_the_readme_shows_the_summary(hindcast, kept):
    assert hindcast.shown(kept) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_errors_of_naive_growth_by_hand(hindcast, kept):
    """Growth of the ten years before 1985, without the package."""
    used = hindcast.steel().used.sel(region=["Canada", "Indonesia"]).to_pandas()
    growth = (used.loc[1985] / used.loc[1975]) ** 0.1
    ahead = used.loc[1986:]
    told = pd.DataFrame({c: used.loc[1985, c] * growth[c] ** (ahead.index - 1985) for c in used})
    told.index = ahead.index
    scores = hindcast.steel_scores("observed", samples=10).sel(model="naive growth", origin=1985)
    found = scores.relative_error.sel(region=["Canada", "Indonesia"]).values
    np.testing.assert_allclose(found, (told / ahead - 1).values, rtol=1e-9)
    assert chosen(kept, "steel").loc["naive growth", "count"] == 4 * 23 + 4 * 9


def test_nothing_after_the_origin_is_seen(hindcast, monkeypatch):
    """Steel after 1985 is multiplied by three: no forecast moves."""
    data = hindcast.steel()
    before = hindcast.steel_scores("trend", samples=20)
    later = data.assign(used=data.used.where(data.year <= 1985, 3 * data.used))
    monkeypatch.setattr(hindcast, "steel", lambda: later)
    after = hindcast.steel_scores("trend", samples=20)
    for name in ("low", "mid", "high"):
        np.testing.assert_array_equal(before[name], after[name])
    np.testing.assert_allclose(after.observed, 3 * before.observed)


def test_what_the_readme_says_of_the_s_curve(kept):
    """Wins and losses are stated; they change only together with the words."""
    steel, metals = chosen(kept, "steel").mape, chosen(kept, "metals").mape
    assert steel["S-curve"] < steel["naive growth"] and metals["S-curve"] < metals["naive growth"]
    assert abs(metals["S-curve"] - metals["econometric"]) < 1.5
    far = chosen(kept, "metals", years_ahead="21-42").mape
    assert far["S-curve"] < 0.75 * far["naive growth"]
    for method in ("S-curve", "S-curve, error stays"):
        for drivers in ("observed", "trend"):
            assert (
                chosen(kept, "metals", drivers, "1-5").mape[method]
                > (chosen(kept, "metals", drivers, "1-5").mape["last value"])
            )
        extrapolated = chosen(kept, "metals", "trend").mape
        assert extrapolated[method] > extrapolated["last value"]
        aluminium, copper = (chosen(kept, m, "trend").mape for m in ("Al", "Cu"))
        assert aluminium[method] > aluminium["last value"]
        assert copper[method] < copper["last value"]
    fades, stays = (chosen(kept, "steel").in_80[m] for m in ("S-curve", "S-curve, error stays"))
    assert fades < 60 and stays > 80
    assert chosen(kept, "metals").in_80["S-curve, error stays"] < 70
    assert chosen(kept, "steel").mape["S-curve, pooled"] > steel["S-curve"]

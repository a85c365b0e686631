"""Forecasts of the past with the shipped data: the table under version control and on its page."""

import importlib.util
import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mfa.demand import METHODS

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
    assert hindcast.shown(kept) in (ROOT / "docs/explanation/hindcast.md").read_text(
        encoding="utf-8"
    )


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
    for method in ("S-curve", "S-curve, error fades"):
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
    assert steel["S-curve"] < steel["S-curve, pooled"] < steel["S-curve"] + 3


def test_the_default_of_the_errors_is_the_one_whose_bands_hold_most_nearly_what_they_say(kept):
    """Mean distance of the coverage from 80 and 95 %, over both kinds of series and of incomes."""
    away = {}
    for after in ("", ", error stays", ", error fades"):
        rows = [
            chosen(kept, what, drivers).loc[f"{family}{after}"]
            for what in ("steel", "metals")
            for drivers in ("observed", "trend")
            for family in ("S-curve", "econometric", "inverted U")
        ]
        away[after] = np.mean([abs(r.in_80 - 80) for r in rows] + [abs(r.in_95 - 95) for r in rows])
    assert away[""] < away[", error stays"] < 0.5 * away[", error fades"]
    for method in ("s_curve", "econometric", "intensity"):
        told = inspect.signature(METHODS[method].function).parameters["errors"]
        assert told.default == "drift"


def test_what_the_readme_says_of_bands(kept):
    for drivers in ("observed", "trend"):
        steel, metals = (chosen(kept, what, drivers) for what in ("steel", "metals"))
        assert steel.in_80["S-curve, error fades"] < 60
        assert steel.in_80["S-curve"] >= 90 and 95 <= steel.in_95["S-curve"] < 97
        assert 60 <= metals.in_80["S-curve"] < 75 and 80 <= metals.in_95["S-curve"] < 90

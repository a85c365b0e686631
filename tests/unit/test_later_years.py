"""What is short is found from the first year that binds on; the same as if all years were made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import shortages
from mfa.later_years import LaterYears
from mfa.rules import USER_RULES
from tests.laws import test_laws_of_shortage as laws
from tests.unit.test_shortages import dataset, loop, looped, system

INF = np.inf
SCENARIOS = Path(__file__).parents[2] / "scenarios"


def both_ways(
    monkeypatch: pytest.MonkeyPatch, built: mfa.System, numbers: xr.Dataset
) -> tuple[xr.Dataset, xr.Dataset, LaterYears]:
    """Return a run from the first year that binds, one of all years, and what the first made again."""
    made: list[LaterYears] = []

    def kept(*given: Any) -> LaterYears:
        made.append(LaterYears(*given))
        return made[-1]

    monkeypatch.setattr(shortages, "LaterYears", kept)
    found = mfa.simulate(built, numbers)
    monkeypatch.setattr(shortages, "LaterYears", lambda *given: LaterYears(*given[:-1], 0))
    return found, mfa.simulate(built, numbers), made[0]


def assert_same(one: xr.Dataset, other: xr.Dataset) -> None:
    assert set(one.data_vars) == set(other.data_vars)
    for name in one.data_vars:
        size = float(abs(other[name]).max())
        np.testing.assert_allclose(one[name], other[name], rtol=1e-11, atol=1e-11 * (size or 1.0))


@pytest.mark.parametrize("limiting", ["product", "material"])
@pytest.mark.parametrize("reroute", [True, False])
def test_years_before_a_shortage_need_not_be_made_again(
    monkeypatch: pytest.MonkeyPatch, limiting: str, reroute: bool
) -> None:
    numbers = laws.numbers(7, 0.4)
    for name in ("plant_most", "mine_most"):
        numbers[name][{"year": slice(0, 4)}] = INF
    built = laws.system(reroute, limiting)
    found, whole, made = both_ways(monkeypatch, built, numbers)
    assert made.start == 4 and found.unmet_demand.any()
    assert not found.unmet_demand[{"year": slice(0, 4)}].any()
    assert_same(found, whole)
    assert found.attrs["balance_residual"] < 1e-9


def test_shipped_shock_is_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    shock = mfa.read_scenario(SCENARIOS / "cobalt_shock_stockpile.yaml")
    numbers = mfa.build_parameters(shock)  # second life, stockpiles, sinks, old cohorts
    found, whole, made = both_ways(monkeypatch, shock.system, numbers)
    # stockpiles of 2024 ask more of one country than it can deliver, so it begins there or later
    assert made.years[0] > 2015 and made.years[-1] == 2050
    assert_same(found, whole)


def test_cohorts_that_live_ever_longer_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = dict(loop().processes)
    parameters = {"sales": (["year"], "t/yr"), "life": (["year"], "yr"), "back": ([], "1"),
                  "most": (["year"], "t/yr"), "yield": ([], "1"), "new": ([], "1")}  # fmt: skip
    processes["use"] = {
        "rule": "stock", "from": "make", "to": "collect", "inflow": "sales",
        "lifetime": {"law": "weibull", "mean": "life", "shape": "2"},
    }  # fmt: skip
    built = system(parameters, processes)  # type: ignore[arg-type]
    numbers = looped([INF, INF, INF, 55.0, INF, 62.5, INF, 70.0])
    numbers["life"] = ("year", np.linspace(1.0, 4.0, 8))
    found, whole, made = both_ways(monkeypatch, built, numbers)
    assert made.start == 3 and (found.unmet_demand[[3, 5]] > 0).all()
    assert_same(found, whole)


def test_only_what_a_shortage_reaches_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = {"sales": (["year"], "t/yr"), "most": (["year"], "t/yr")}
    processes = {
        "mine": {"rule": "source", "capacity": "most"},
        "use": {"rule": "sink", "takes": "sales", "from": "mine"},
        "spring": {"rule": "source", "gives": "sales", "to": "sea"},
        "sea": {"rule": "sink"},
    }
    numbers = dataset({"sales": (("year",), [9.0] * 3), "most": (("year",), [INF, 8.0, INF])})
    found, whole, made = both_ways(monkeypatch, system(parameters, processes), numbers)  # type: ignore[arg-type]
    assert [step.name for part in made.parts for step in part.steps] == ["use"]
    np.testing.assert_allclose(found.use_stock, [9, 17, 26])
    assert_same(found, whole)


def test_a_rule_of_a_user_may_look_at_any_year(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(USER_RULES)

    @mfa.rule("first_ten", direction="push")
    def first_ten(mass: Any) -> dict[str, Any]:
        """Keep the first ten tonnes of all years: kept = min(10, cumulated) as it grows."""
        kept = np.diff(np.minimum(np.cumsum(mass, axis=-1), 10.0), prepend=0.0)
        return {"kept": kept, "rest": mass - kept}

    try:
        parameters = {"sales": (["year"], "t/yr"), "most": (["year"], "t/yr"), "life": ([], "yr")}
        processes = {
            "mine": {"rule": "source", "capacity": "most"},
            "use": {"rule": "stock", "from": "mine", "to": "yard", "inflow": "sales",
                    "lifetime": {"law": "fixed", "mean": "life"}},
            "yard": {"rule": "first_ten", "to": {"kept": "shed", "rest": "end"}},
            "shed": {"rule": "sink"},
            "end": {"rule": "sink"},
        }  # fmt: skip
        numbers = dataset({"sales": (("year",), [9.0] * 5), "most": (("year",), [INF] * 3 + [8, 8]),
                           "life": ((), 1.0)})  # fmt: skip
        built = system(parameters, processes)  # type: ignore[arg-type]
        found, whole, made = both_ways(monkeypatch, built, numbers)
    finally:
        USER_RULES.clear()
        USER_RULES.update(before)
    assert made.start == 0
    np.testing.assert_allclose(found.unmet_demand, [0, 0, 0, 1, 1])
    np.testing.assert_allclose(found.shed_stock[-1], 10)
    assert_same(found, whole)

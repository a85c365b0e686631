"""Published and recorded stocks of ODYM, flodym and pyDSM, and worked cases from the literature.

The figures in ``cases/*_stock.json`` are facts; each file names its source and convention.
Figures that record a defect of a peer are asserted to differ from ours.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from mfa import lifetime, stocks
from mfa.dims import years
from mfa.errors import MfaError
from mfa.lifetime_laws import LAWS

CASES = Path(__file__).parent / "cases"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / f"{name}_stock.json").read_text("utf-8"))
    return found


def chosen(name: str, *kinds: str) -> list[Any]:
    cases = [case for case in read(name)["cases"] if case.get("kind", "flodym") in kinds]
    return [pytest.param(case, id=case["id"]) for case in cases]


def case_of(name: str, label: str) -> dict[str, Any]:
    return next(case for case in read(name)["cases"] if case["id"] == label)


def run_years(count: int, first: int = 2000) -> xr.DataArray:
    return years(first, first + count - 1)


def series(values: Any, first: int = 2000, dim: str = "year") -> xr.DataArray:
    data = np.asarray(values, dtype=float)
    return xr.DataArray(data, dims=dim, coords={dim: np.arange(first, first + len(data))})


def peer_survival(told: dict[str, Any], span: xr.DataArray, inflow_at: str = "end") -> xr.DataArray:
    """Make the survival that a peer's lifetime dictionary asks for."""
    given = {key.lower(): value for key, value in told.items()}
    law = {"lognormal": "lognormal", "foldednormal": "folded_normal"}.get(
        given["type"].lower(), given["type"].lower()
    )
    std = given.get("effective_stddev", given.get("stddev", given.get("std")))
    found = {
        "mean": given.get("mean"),
        "std": std,
        "shape": given.get("shape", given.get("weibull_shape")),
        "scale": given.get("scale", given.get("weibull_scale")),
    }
    asked = {name: value for name, value in found.items() if value is not None}
    survival: xr.DataArray = getattr(lifetime, law)(span, inflow_at=inflow_at, **asked)
    return survival


def close(ours: Any, theirs: Any, decimals: int) -> None:
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=0, atol=1.5 * 10.0**-decimals)


@pytest.mark.parametrize("case", chosen("odym", "inflow_driven", "consistency"))
def test_odym_inflow_driven(case: dict[str, Any]) -> None:
    inflow = np.asarray(case["inputs"]["inflow"], dtype=float)
    count = case["inputs"].get("n_years", len(inflow))
    entering = series(np.pad(inflow, (0, count - len(inflow))))
    if case["id"] == "odym-inflow-normal-0":
        # ODYM takes any lifetime with mean 0 as "leaves at once"; a normal law has no such case
        with pytest.raises(MfaError, match="mean must be above 0"):
            peer_survival(case["lifetime"], run_years(count))
        survival = lifetime.table(run_years(count), survival=[0.0])
    else:
        survival = peer_survival(case["lifetime"], run_years(count))
    use = stocks.from_inflow(entering, survival)
    cohorts = stocks.by_cohort(entering, survival)
    for name, expected in case["expected"].items():
        if name == "stock_at_index":
            for index, value in expected.items():
                close(use.stock[int(index)], value, case["decimals"])
            continue
        ours = {
            "stock": use.stock,
            "outflow": use.outflow,
            "stock_change": np.diff(use.stock, prepend=0.0),
            "stock_t_c": cohorts.stock,
            "outflow_t_c": cohorts.outflow,
        }[name]
        close(ours, expected, case["decimals"])


@pytest.mark.parametrize(
    "case", chosen("odym", "stock_driven", "stock_driven_negative_inflow_correct")
)
def test_odym_stock_driven(case: dict[str, Any]) -> None:
    stock = series(case["inputs"]["stock"])
    survival = peer_survival(case["lifetime"], run_years(stock.size))
    choice = "retire_early" if case["kind"].endswith("correct") else "allow"
    use = stocks.from_stock(stock, survival, on_decline=choice)
    close(use.inflow, case["expected"]["inflow"], case["decimals"])
    close(use.inflow - use.outflow, np.diff(stock, prepend=0.0), 12)
    if (use.inflow < 0).any():
        with pytest.raises(MfaError, match="falls faster than it retires in year 2009"):
            stocks.from_stock(stock, survival)
    if "stock_t_c" in case["expected"]:
        cohorts = stocks.by_cohort(use.inflow, survival)
        close(cohorts.stock, case["expected"]["stock_t_c"], case["decimals"])
        close(cohorts.outflow, case["expected"]["outflow_t_c"], case["decimals"])


@pytest.mark.parametrize("case", chosen("odym", "inflow_from_final_age_structure"))
def test_odym_backcast(case: dict[str, Any]) -> None:
    final = series(case["inputs"]["final_stock_by_cohort"], dim="cohort")
    survival = peer_survival(case["lifetime"], run_years(final.size))
    past = stocks.backcast_inflow(final, survival)
    close(past, case["expected"]["inflow"], case["decimals"])


@pytest.mark.parametrize("case", chosen("odym", "stock_driven_with_initial_stock"))
def test_odym_initial_stock(case: dict[str, Any]) -> None:
    told = case["inputs"]
    first = told["first_prescribed_index"]
    whole = np.asarray(told["prescribed_stock"], dtype=float)
    initial = series(told["initial_stock_by_cohort"], dim="cohort")
    survival = peer_survival(case["lifetime"], run_years(len(whole)))
    choice = "retire_early" if told.get("negative_inflow_correct") else "allow"
    stock = series(whole[first:], first=2000 + first)
    use = stocks.from_stock(stock, survival, initial=initial, on_decline=choice)
    past = stocks.backcast_inflow(initial, survival)
    both = np.concatenate([past, use.inflow])
    close(both, case["expected"]["inflow"], case["decimals"])
    before = float(initial.sum())
    close(use.inflow - use.outflow, np.diff(stock, prepend=before), 12)


@pytest.mark.parametrize("case", chosen("odym", "stock_driven_with_initial_stock_and_type_split"))
def test_odym_types_share_a_stock(case: dict[str, Any]) -> None:
    told = case["inputs"]
    initial = np.asarray(told["initial_stock_by_cohort_type"], dtype=float)[:3]
    whole = told.get("future_stock") or told["prescribed_stock"][3:]
    share = np.asarray(told["type_split_of_inflow"], dtype=float)[-len(whole) :]
    survival = peer_survival(case["lifetime"], run_years(3 + len(whole)))
    by_type = xr.DataArray(
        initial, dims=("cohort", "type"), coords={"cohort": [2000, 2001, 2002], "type": ["a", "b"]}
    )
    choice = "retire_early" if told.get("negative_inflow_correct") else "allow"
    shares = xr.DataArray(
        share,
        dims=("year", "type"),
        coords={"year": np.arange(2003, 2003 + len(whole)), "type": ["a", "b"]},
    )
    stock = series(whole, first=2003)
    use = stocks.from_stock(stock, survival, initial=by_type, on_decline=choice, shares=shares)
    past = stocks.backcast_inflow(by_type, survival)
    ours = xr.concat([past, use.inflow], "year", join="exact").transpose("year", "type")
    close(ours, case["expected"]["inflow_by_type"], case["decimals"])
    close(use.stock.sum("type"), stock, 12)


def test_the_inverted_lognormal_of_odym_is_not_ours() -> None:
    for row in read("odym")["lognormal_inverted"]["rows"]:
        mean, std = row["asked_mean"], row["asked_std"]
        survival = lifetime.lognormal(run_years(60), mean=mean, std=std, inflow_at="end")
        close(survival.sel(age=1), row["correct_sf_at_1"], 12)
        close(survival.sel(age=mean), row["correct_sf_at_mean"], 12)
        if mean != std:
            assert abs(float(survival.sel(age=mean)) - row["odym_sf_at_mean"]) > 1e-3


def lobatto(points: int) -> tuple[Any, Any]:
    """Return nodes in [0, 1] and weights of Gauss–Lobatto quadrature, both ends included."""
    legendre = np.polynomial.legendre.Legendre.basis(points - 1)
    nodes = np.concatenate([[-1.0], np.sort(np.real(legendre.deriv().roots())), [1.0]])
    weights = 1.0 / (points * (points - 1) * legendre(nodes) ** 2)
    return (nodes + 1.0) / 2.0, weights


def flodym_survival(told: dict[str, Any], convention: str, span: xr.DataArray) -> xr.DataArray:
    """Make the survival of a flodym case; its quadrature only combines S(x) at other ages."""
    if not convention.startswith("n_pts="):
        factor = told.get("factor")
        asked = {key: value for key, value in told.items() if not key.startswith("factor")}
        if factor is not None:
            dim = told["factor_applies"].removeprefix("by_")
            scale = series(factor, dim=dim)
            asked |= {"mean": told["mean"] * scale, "std": told["std"] * scale}
        if isinstance(told.get("weibull_scale"), list):
            asked["weibull_scale"] = series(told["weibull_scale"], dim="cohort")
        return peer_survival(asked, span, convention)
    nodes, weights = lobatto(int(convention.removeprefix("n_pts=")))
    ages = np.arange(span.size)[:, None] + nodes
    name = {"FoldedNormal": "folded_normal"}.get(told["type"], told["type"].lower())
    law = LAWS[name]
    asked = {key.removeprefix("weibull_"): v for key, v in told.items() if key != "type"}
    names = next(accepted for accepted in law.accepts if set(accepted) == set(asked))
    own = law.accepts[names](*(np.asarray(asked[key]) for key in names))
    # without a check that it never rises: quadrature of a step (fixed) need not fall by itself
    values = law.alive(ages, *own) @ weights
    return lifetime.table(span, survival=np.minimum.accumulate(np.clip(values, 0.0, 1.0)))


@pytest.mark.parametrize("case", chosen("flodym", "flodym"))
def test_flodym(case: dict[str, Any]) -> None:
    if "stock" in case:
        stock = series(case["stock"])
        survival = flodym_survival(case["lifetime"], case["convention"], run_years(stock.size))
        use = stocks.from_stock(stock, survival, on_decline="allow")
        close(use.inflow, case["expected"]["inflow"], 9)
        # falls too fast: flodym keeps it without a word, we refuse unless told
        with pytest.raises(MfaError, match="year 2002"):
            stocks.from_stock(stock, survival)
    else:
        inflow = series(case["inflow"])
        survival = flodym_survival(case["lifetime"], case["convention"], run_years(inflow.size))
        use = stocks.from_inflow(inflow, survival)
        close(use.stock, case["expected"]["stock"], 9)
    close(use.outflow, case["expected"]["outflow"], 9)


def test_flodym_published_stationary_stocks() -> None:
    """CONVENTIONS §10: spread is right for short and long lifetimes alike."""
    targets = read("flodym")["published_targets"]
    span = years(1900, 2100)
    inflow = series(np.ones(span.size), first=1900)
    for name, value in targets["long_lifetime_mean_30_std_10"].items():
        moment = "spread" if name.startswith("n_pts") else name
        survival = lifetime.lognormal(span, mean=30, std=10, inflow_at=moment)
        assert abs(float(stocks.from_inflow(inflow, survival).stock[-1]) - value) < 0.01
    short = lifetime.lognormal(span, mean=0.3, std=0.1)
    assert abs(float(stocks.from_inflow(inflow, short).stock[-1]) - 0.3) < 1e-9


def test_flodym_howto() -> None:
    told = read("flodym")["howto"]
    span = years(told["years"][0], told["years"][-1])
    survival = peer_survival(told["lifetime"], span, told["convention"])
    use = stocks.from_inflow(series(np.full(span.size, told["inflow"])), survival)
    close(use.stock, told["stock"], 8)


def test_recorded_defects_of_flodym_are_not_ours() -> None:
    one = lifetime.normal(run_years(1), mean=5, std=1)
    assert stocks.from_inflow(series([2.0]), one).stock.size == 1
    with pytest.raises(MfaError, match=r"std must be above 0, not -1\.0"):
        lifetime.normal(run_years(3), mean=5, std=-1)
    gone = lifetime.fixed(run_years(3), mean=0.3, inflow_at="start")
    with pytest.raises(MfaError, match="nothing is left at the end of the year of entry"):
        stocks.from_stock(series([1.0, 2.0, 3.0]), gone)
    solved = stocks.from_stock(series([1.0, 2.0, 3.0]), lifetime.fixed(run_years(3), mean=0.3))
    close(solved.inflow, np.array([1.0, 2.0, 3.0]) / 0.3, 12)


def test_pydsm() -> None:
    """PyDSM takes cohorts whole at age 0, as ``end`` does; only its Weibull has no defect."""
    for case in read("pydsm")["cases"]:
        told = case["inputs"]
        values = next(iter(told.values()))
        survival = peer_survival(case["lifetime"], run_years(len(values)))
        if "inflow" in told:
            ours, theirs = stocks.from_inflow(series(values), survival).stock, "stock"
        elif "stock" in told:
            ours = stocks.from_stock(series(values), survival, on_decline="allow").inflow
            theirs = "inflow"
        else:
            ours = stocks.backcast_inflow(series(values, dim="cohort"), survival)
            theirs = "inflow"
        if case["lifetime"]["Type"] == "Weibull":
            close(ours, case["expected"][theirs], case["decimals"])
        else:  # it takes the density at whole ages for the share that leaves in a year
            assert np.abs(ours.values - case["expected"][theirs]).max() > 1e-2


def method(label: str) -> tuple[dict[str, Any], dict[str, Any]]:
    case = case_of("method", label)
    return case["inputs"], case["expected"]


@pytest.mark.parametrize("label", ["DSM-01", "DSM-02"])
def test_method_inflow_driven(label: str) -> None:
    told, expected = method(label)
    survival = peer_survival(told["lifetime"], run_years(10))
    use = stocks.from_inflow(series(told["inflow"]), survival)
    close(use.stock, expected["stock"], 9)
    close(use.outflow, expected["outflow"], 9)


def test_method_lognormal_dsm_06() -> None:
    told, expected = method("DSM-06")
    first = told["inflow_first_20_years"]
    survival = peer_survival(told["lifetime"], run_years(told["n_years"]))
    inflow = series(np.pad(np.asarray(first, float), (0, told["n_years"] - len(first))))
    use = stocks.from_inflow(inflow, survival)
    close(use.stock[told["index"]], expected["stock_at_index"], 9)


def test_method_backcast_dsm_09() -> None:
    told, expected = method("DSM-09")
    final = series(told["initial_stock_by_cohort_oldest_first"], dim="cohort")
    survival = peer_survival(told["lifetime"], run_years(final.size))
    close(stocks.backcast_inflow(final, survival), expected["historic_inflow"], 12)


@pytest.mark.parametrize("label", ["DSM-11", "DSM-20"])
def test_method_stock_driven(label: str) -> None:
    told, expected = method(label)
    stock = series(told["stock"])
    survival = peer_survival(told["lifetime"], run_years(stock.size))
    use = stocks.from_stock(stock, survival, on_decline="allow")
    close(use.inflow, expected["inflow"], 7)
    negative = np.flatnonzero(use.inflow < 0).tolist()
    assert negative == expected.get("negative_inflow_indices", [])


@pytest.mark.parametrize("moment", ["start", "middle", "end"])
def test_method_stationary_dsm_13(moment: str) -> None:
    told, expected = method("DSM-13")
    survival = peer_survival(told["lifetime"], run_years(told["n_years"]), moment)
    use = stocks.from_inflow(series(np.ones(told["n_years"])), survival)
    assert abs(float(use.stock[-1]) - expected[f"stock_inflow_at_{moment}"]) < 0.01


def test_method_continuous_growth_dsm_15() -> None:
    """The year is a step of 1/100 of the lifetime's unit, so that the sums near the integrals."""
    told, expected = method("DSM-15")
    steps, count = 100, 2001
    growth, mean = told["g"] / steps, told["lifetime_fixed"] * steps
    inflow = series(np.exp(growth * np.arange(5 * count)), first=0)
    use = stocks.from_inflow(inflow, lifetime.fixed(years(0, 5 * count - 1), mean=mean))
    now = inflow[-1]
    np.testing.assert_allclose(use.outflow[-1] / now, expected["outflow_over_inflow"], rtol=5e-4)
    np.testing.assert_allclose(
        use.stock[-1] / now / steps, expected["stock_over_inflow"], rtol=5e-4
    )


def test_method_annual_growth_dsm_16() -> None:
    told, expected = method("DSM-16")
    inflow = series(1.05 ** np.arange(100))
    use = stocks.from_inflow(inflow, peer_survival(told["lifetime"], run_years(100)))
    close(use.outflow[99] / inflow[99], expected["outflow_over_inflow"], 9)
    close(use.stock[99] / inflow[99], expected["stock_over_inflow"], 9)


def test_method_logistic_stock_dsm_21() -> None:
    """At fine steps the discrete inflow nears dS/dt + S/τ of the logistic stock."""
    told, expected = method("DSM-21")
    steps = 50
    time = np.arange(-60 * steps, 60 * steps + 1) / steps
    stock = series(told["K"] / (1.0 + np.exp(-told["r"] * time)), first=0)
    survival = lifetime.exponential(years(0, time.size - 1), mean=told["mean_lifetime"] * steps)
    inflow = stocks.from_stock(stock, survival).inflow * steps
    np.testing.assert_allclose(inflow[60 * steps], expected["inflow"], rtol=2e-3)
    np.testing.assert_allclose(inflow[-1], expected["steady_state_inflow"], rtol=5e-3)


def test_method_lifetime_parameters() -> None:
    told, expected = method("LIF-01")
    law = LAWS["weibull"].accepts[("mean", "std")]
    shape, scale = law(np.array(float(told["mean"])), np.array(float(told["std"])))
    np.testing.assert_allclose([shape, scale], [expected["shape"], expected["scale"]], rtol=1e-11)
    survival = lifetime.weibull(run_years(20), mean=10, std=3, inflow_at="end")
    close(survival.sel(age=10), expected["survival_at_mean"], 10)
    told, expected = method("LIF-03")
    gamma = LAWS["gamma"].accepts[("mean", "std")](np.array(10.0), np.array(3.0))
    close(gamma, [expected["gamma_shape"], expected["gamma_scale"]], 10)
    log = LAWS["lognormal"].accepts[("mean", "std")](np.array(10.0), np.array(3.0))
    close(log[1:], [expected["lognormal_mu"], expected["lognormal_sigma"]], 10)
    told, expected = method("LIF-06")
    survival = lifetime.logistic(run_years(20), mean=10, std=3, inflow_at="end")
    close(survival.sel(age=told["ages"]), expected["survival"], 12)

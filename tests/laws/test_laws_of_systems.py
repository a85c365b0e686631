"""Laws that hold for every system, on random ones (CONVENTIONS: mass is conserved and always checked)."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_systems import FIRST_YEAR, MASS, Case, cases

import mfa

few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
many = settings(few, max_examples=120)


def masses(result: xr.Dataset) -> list[str]:
    return [str(n) for n, v in result.data_vars.items() if v.attrs.get("kind") in ("flow", "stock")]


def same(one: xr.Dataset, other: xr.Dataset, rtol: float = 0.0) -> None:
    """Compare all flows and stocks: bit for bit, or to a share of each one's largest value."""
    assert set(masses(one)) == set(masses(other))
    for name in masses(one):
        a, b = one[name], other[name].transpose(*one[name].dims)
        for dim in a.dims:
            assert list(a[dim].values) == list(b[dim].values)
        if rtol == 0.0:
            assert np.array_equal(a.values, b.values), name
        else:
            largest = max(np.abs(one[n].values).max() for n in masses(one))
            np.testing.assert_allclose(
                a.values, b.values, rtol=rtol, atol=rtol * max(largest, 1e-300)
            )


# ------------------------------------------------------------------ balance


@many
@given(cases())
def test_every_process_balances(case: Case) -> None:
    """Recomputed here from the saved flows and stocks, in each cell all of them have."""
    result = case.run()
    assert result.attrs["balance_residual"] <= 1e-9
    flows = {n: v for n, v in result.data_vars.items() if v.attrs["kind"] == "flow"}
    stocks = {
        v.attrs["process"]: v for v in result.data_vars.values() if v.attrs["kind"] == "stock"
    }
    largest = max(float(abs(v).max()) for v in flows.values())
    for name, process in case.processes.items():
        into = [v for v in flows.values() if v.attrs["target"] == name]
        out = [v for v in flows.values() if v.attrs["source"] == name]
        if process["rule"] == "source":
            assert not into
            assert out
            continue
        ends = [*into, *out, *([stocks[name]] if name in stocks else [])]
        common = set.intersection(*({*end.dims} for end in ends))

        def total(side: list[xr.DataArray], common: set[Any] = common) -> Any:
            return sum(v.sum([d for d in v.dims if d not in common]) for v in side)

        change = 0.0
        if name in stocks:
            stock = total([stocks[name]])
            change = stock - stock.shift(year=1, fill_value=0.0)
        residual = abs(total(into) - total(out) - change)
        throughput = np.maximum(total(into), total(out))
        assert float((residual - 1e-9 * throughput).max()) <= 1e-12 * largest, name


# -------------------------------------------------------------- orders, labels


@few
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_keys_is_irrelevant(case: Case, random: Any) -> None:
    """Processes, parameters and the fields of a process: the same bits. Shares: the rest is a
    difference, dimensions: sums run in another order, so both to 1e-12.
    """

    def shuffled(mapping: dict[str, Any]) -> dict[str, Any]:
        keys = list(mapping)
        random.shuffle(keys)
        return {key: mapping[key] for key in keys}

    plain = case.run()
    processes = shuffled({name: shuffled(process) for name, process in case.processes.items()})
    system = case.system(processes=processes, parameters=shuffled(case.parameters))
    names = list(case.parameters)
    random.shuffle(names)
    given_ = case.dataset()
    parameters = xr.Dataset({name: given_[name] for name in names}, coords=given_.coords)
    same(plain, mfa.simulate(system, parameters))

    def shares(process: dict[str, Any]) -> dict[str, Any]:
        return (
            {**process, "shares": shuffled(process["shares"])}
            if process["rule"] == "split"
            else process
        )

    turned = case.system(
        processes={name: shares(process) for name, process in processes.items()},
        dimensions=shuffled(case.dimensions),
    )
    same(plain, mfa.simulate(turned, case.dataset()), rtol=1e-12)


@few
@given(cases(), st.randoms(use_true_random=False))
def test_permuting_labels_permutes_results(case: Case, random: Any) -> None:
    order = list(case.dimensions["region"])
    random.shuffle(order)
    permuted = case.system(dimensions={**case.dimensions, "region": order})
    parameters = case.dataset()
    if "region" in parameters.dims:
        parameters = parameters.sel(region=order)
    expected = case.run()
    found = mfa.simulate(permuted, parameters)
    if "region" in found.dims:
        assert list(found.region.values) == order
        found = found.sel(region=case.dimensions["region"])
    same(expected, found, rtol=1e-12)


# -------------------------------------------------------------------- scale


@few
@given(cases())
def test_ten_times_the_mass_in_gives_ten_times_the_mass_out(case: Case) -> None:
    """A power of two even bit for bit: nothing but sums and products of masses and shares."""
    plain = case.run()
    for factor, rtol in ((10.0, 1e-12), (1024.0, 0.0)):
        scaled = case.dataset()
        for name, spec in case.parameters.items():
            if spec["unit"] in MASS:
                scaled[name] = scaled[name] * factor
        found = mfa.simulate(case.system(), scaled)
        expected = plain.copy()
        for name in masses(plain):
            expected[name] = (plain[name] * factor).assign_attrs(plain[name].attrs)
        same(expected, found, rtol)


# --------------------------------------------------------------------- time


@few
@given(cases(stocks=False))
def test_a_static_system_equals_one_year_of_the_dynamic_run(case: Case) -> None:
    """Without cohorts no year knows of another: each equals a run of that year alone."""
    dynamic = case.run()
    for position in range(case.years):
        year = FIRST_YEAR + position
        static = mfa.simulate(case.system(), case.dataset().sel(year=[year]))
        for name in masses(dynamic):
            if dynamic[name].attrs["kind"] == "flow":
                expected = dynamic[name].sel(year=[year])
                largest = float(abs(dynamic[name]).max())
                np.testing.assert_allclose(static[name], expected, rtol=1e-12, atol=1e-12 * largest)


@few
@given(cases())
def test_a_stationary_past_does_not_depend_on_the_future(case: Case) -> None:
    """The first years of a run equal a run that ends with them."""
    assume(case.years > 1)
    whole = case.run()
    part = mfa.simulate(case.system(), case.dataset().isel(year=slice(0, case.years - 1)))
    same(part, whole.isel(year=slice(0, case.years - 1)), rtol=1e-12)


# ---------------------------------------------------- loops by other means


def networks(stocks: bool) -> Any:
    """Draw the size, the targets and the seed of a network of splits (and stocks)."""

    @st.composite
    def network(draw: Any) -> tuple[int, list[list[int]], list[bool], int]:
        size = draw(st.integers(2, 6))
        targets = [
            draw(
                st.lists(
                    st.sampled_from([j for j in range(size) if j != i]), unique=True, max_size=3
                )
            )
            for i in range(size)
        ]
        is_stock = [stocks and draw(st.booleans()) for _ in range(size)]
        targets = [
            found[:1] if kept else found for found, kept in zip(targets, is_stock, strict=True)
        ]
        return size, targets, is_stock, draw(st.integers(0, 2**32 - 1))

    return network()


def assembled(
    drawn: Any, years: int, regions: int
) -> tuple[mfa.System, xr.Dataset, np.ndarray, np.ndarray, dict[int, np.ndarray]]:
    """Return system, parameters, source (year, region, node), routes (year, region, from, to), survivals.

    What is not sent to a node leaves through the sink ``out``; node 0 is a stock never, so that
    whatever reaches it loses some of its mass there.
    """
    size, targets, is_stock, seed = drawn
    random = np.random.default_rng(seed)
    routes = np.zeros((years, regions, size, size))
    given = random.uniform(0, 10, (years, regions, size))
    parameters: dict[str, Any] = {}
    values: dict[str, Any] = {}
    processes: dict[str, Any] = {"out": {"rule": "sink"}}
    survivals: dict[int, np.ndarray] = {}
    for i in range(size):
        parameters[f"u{i}"] = {"dims": ["year", "region"], "unit": "t/yr"}
        values[f"u{i}"] = (("year", "region"), given[..., i])
        processes[f"s{i}"] = {"rule": "source", "gives": f"u{i}", "to": f"n{i}"}
        if is_stock[i] and i:
            to = targets[i][0] if targets[i] else None
            left = np.sort(random.uniform(0, 0.9, random.integers(1, 5)))[::-1]
            left[0] = random.choice([left[0], 1.0])
            survivals[i] = np.concatenate([left, np.zeros(years + 1)])
            told = {"law": "table", "survival": [*left.tolist(), 0.0]}
            processes[f"n{i}"] = {
                "rule": "stock",
                "to": "out" if to is None or to > i else f"n{to}",
                "lifetime": told,
            }
            if to is not None and to < i:
                routes[..., i, to] = 1.0
            continue
        shares = {}
        for j in targets[i]:
            name = f"a{i}{j}"
            parameters[name] = {"dims": ["year", "region"]}
            share = random.uniform(0, 0.95 / len(targets[i]), (years, regions))
            values[name] = (("year", "region"), share)
            routes[..., i, j] = share
            shares[f"n{j}"] = name
        processes[f"n{i}"] = {"rule": "split", "shares": {**shares, "out": "rest"}}
    labels = {"year": np.arange(2000, 2000 + years), "region": [f"r{i}" for i in range(regions)]}
    system = mfa.System(
        title="Network",
        dimensions={"region": labels["region"]},
        parameters=parameters,
        processes=processes,
    )
    return system, xr.Dataset(values, coords=labels), given, routes, survivals


def through(result: xr.Dataset, size: int) -> np.ndarray:
    """Return what enters each node, (year, region, node)."""
    into = [
        sum(
            v.transpose("year", "region").values
            for v in result.data_vars.values()
            if v.attrs.get("target") == f"n{i}"
        )
        for i in range(size)
    ]
    return np.stack(into, axis=-1)


@many
@given(networks(stocks=False))
def test_a_loop_equals_the_dense_solution(drawn: Any) -> None:
    """Solve x = u + Aᵀ x for every year and region, all nodes as unknowns."""
    system, parameters, given_, routes, _ = assembled(drawn, years=3, regions=2)
    found = through(mfa.simulate(system, parameters), drawn[0])
    identity = np.eye(drawn[0])
    for year in range(3):
        for region in range(2):
            expected = np.linalg.solve(identity - routes[year, region].T, given_[year, region])
            np.testing.assert_allclose(found[year, region], expected, rtol=1e-11)


@many
@given(networks(stocks=True))
def test_a_loop_through_stocks_equals_an_explicit_recursion(drawn: Any) -> None:
    """Year by year: x = u + Aᵀ(r x + released from earlier cohorts), r = 1 for a split and
    1 − s(0) for a stock; the stock is what is left of every cohort.
    """
    years, regions, size = 6, 2, drawn[0]
    system, parameters, given_, routes, survivals = assembled(drawn, years, regions)
    result = mfa.simulate(system, parameters)
    found = through(result, size)
    for region in range(regions):
        entered = np.zeros((years, size))
        for year in range(years):
            past, at_once = np.zeros(size), np.ones(size)
            for i, left in survivals.items():
                at_once[i] = 1 - left[0]
                past[i] = sum(
                    entered[c, i] * (left[year - c - 1] - left[year - c]) for c in range(year)
                )
            route = routes[year, region].T
            matrix = np.eye(size) - route * at_once
            entered[year] = np.linalg.solve(matrix, given_[year, region] + route @ past)
        np.testing.assert_allclose(found[:, region], entered, rtol=1e-11)
        for i, left in survivals.items():
            stock = [sum(entered[c, i] * left[t - c] for c in range(t + 1)) for t in range(years)]
            np.testing.assert_allclose(
                result[f"n{i}_stock"].sel(region=f"r{region}"),
                stock,
                rtol=1e-11,
                atol=1e-11 * entered.max(),
            )


@many
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_a_market_in_a_loop_through_a_stock_equals_an_explicit_recursion(
    seed: int, rest_years: int
) -> None:
    """Tailings are worked again after some years: last = max(0, demand − reworked), the loss of
    last / yield − last rests, a share of it is reworked.
    """
    random = np.random.default_rng(seed)
    demand, share, gain = random.uniform(0, 10, 12), random.uniform(0, 1), random.uniform(0.2, 0.9)
    system = mfa.System(
        title="Tailings",
        parameters={
            "demand": {"dims": ["year"], "unit": "t/yr"},
            "gain": {},
            "share": {},
            "rest": {"unit": "yr"},
        },
        processes={
            "use": {"rule": "sink", "takes": "demand", "from": "metal"},
            "metal": {"rule": "market", "from": ["rework", "refine"], "surplus_to": "spare"},
            "refine": {"rule": "make", "from": "mine", "yield": "gain", "loss_to": "pond"},
            "mine": {"rule": "source"},
            "pond": {
                "rule": "stock",
                "to": "rework",
                "lifetime": {"law": "fixed", "mean": "rest", "inflow_at": "end"},
            },
            "rework": {"rule": "split", "shares": {"metal": "share", "lost": "rest"}},
            "spare": {"rule": "sink"},
            "lost": {"rule": "sink"},
        },
    )
    given_ = {"demand": ("year", demand), "gain": gain, "share": share, "rest": float(rest_years)}
    result = mfa.simulate(system, xr.Dataset(given_, coords={"year": np.arange(2000, 2012)}))
    loss = np.zeros(12)
    for year in range(12):
        reworked = share * loss[year - rest_years] if year >= rest_years else 0.0
        last = max(0.0, demand[year] - reworked)
        loss[year] = last / gain - last
        np.testing.assert_allclose(result.refine_to_metal[year], last, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(
            result.metal_to_spare[year], max(0.0, reworked - demand[year]), atol=1e-9
        )
    np.testing.assert_allclose(result.refine_to_pond, loss, rtol=1e-11, atol=1e-12)


# ---------------------------------------------------------------- scenarios


def written(case: Case, name: str) -> Any:
    """Return a parameter as it would stand in a scenario file: items, then a path over years."""
    spec, values = case.parameters[name], case.values[name]
    unit = "" if spec["unit"] == "1" else f" {spec['unit']}"
    dims = [d for d in spec["dims"] if d != "year"]
    array = xr.DataArray(values, dims=spec["dims"]).transpose(
        *dims, *(["year"] if "year" in spec["dims"] else [])
    )

    def nested(part: Any, left: list[str]) -> Any:
        if left:
            return {
                label: nested(inner, left[1:])
                for label, inner in zip(case.dimensions[left[0]], part, strict=True)
            }
        if "year" in spec["dims"]:
            return {FIRST_YEAR + i: f"{float(v)!r}{unit}" for i, v in enumerate(part)}
        return f"{float(part)!r}{unit}"

    return nested(array.values, dims)


@settings(few, max_examples=15)
@given(cases())
def test_a_scenario_without_differences_equals_its_parent(case: Case) -> None:
    """Bit for bit; and what is read from text equals what was given as arrays (whose axes may lie
    in another order in memory, so to 1e-12).
    """
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "system": case.fields(),
            "parent": {
                "title": "Parent",
                "system": "system.yaml",
                "years": [FIRST_YEAR, FIRST_YEAR + case.years - 1],
                "set": {name: written(case, name) for name in case.parameters},
            },
            "child": {"title": "Child", "inherits": "parent"},
        }
        for name, content in files.items():
            text = json.dumps(content, indent=1)
            for year in range(FIRST_YEAR, FIRST_YEAR + case.years):
                text = text.replace(f'"{year}":', f"{year}:")
            (Path(folder) / f"{name}.yaml").write_text(text, "utf-8")
        parent, child = (
            mfa.run(mfa.read_scenario(Path(folder) / f"{n}.yaml")) for n in ("parent", "child")
        )
    same(parent, child)
    same(case.run(), parent, rtol=1e-12)

"""Samples compute what is kept only: the same numbers as whole runs, and mass is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mfa
from mfa.buffer_step import BufferStep
from mfa.errors import BalanceError, MfaError
from mfa.lean_execution import Lean
from mfa.products import Product, dense, joined
from mfa.sample_lanes import Lanes
from mfa.weibull_years import mean_of_years

SYSTEM = """
title: All that samples meet
conserves: material
dimensions: {region: [A, B], country: [X, Y, Z], product: [cars, wires, pipes, cans], material: [Cu, Al]}
parameters:
  demand:      {dims: [year, material], unit: kt/yr, min: 0}
  part:        {dims: [product, material], min: 0, max: 1, default: 0}
  place:       {dims: [region], min: 0, max: 1}
  fleet:       {dims: [year, region], unit: vehicle, min: 0}
  content:     {dims: [material], unit: kg/vehicle, min: 0}
  life:        {dims: [product, material], unit: yr, min: 1}
  sleep:       {dims: [product], unit: yr, min: 1}
  making:      {dims: [product], min: 0.1, max: 1}
  hidden:      {dims: [region], min: 0, max: 1}
  collection:  {dims: [year, region], min: 0, max: 1}
  again:       {min: 0, max: 1}
  mine_share:  {dims: [country, material], min: 0, max: 1, sums: country}
processes:
  ore:       {rule: source}
  mine:      {rule: trade, from: ore, shares: mine_share, sum: [region]}
  metal:     {rule: market, from: [recycle, mine], sum: [product], surplus_to: store}
  fabricate: {rule: make, from: metal, yield: making, loss_to: collect}
  use:       {rule: stock, inflow: demand * part * place, from: fabricate, to: retire,
              lifetime: {law: weibull, mean: life, shape: 2.5}}
  trucks:    {rule: stock, at: {product: cars}, stock: fleet, content: content, from: fabricate, to: retire,
              lifetime: {law: weibull, mean: 11 yr, shape: 3, inflow_at: end}}
  retire:    {rule: split, shares: {attic: hidden, collect: rest}}
  attic:     {rule: stock, to: collect, lifetime: {law: weibull, mean: sleep, shape: 2}}
  collect:   {rule: split, shares: {sort: collection, landfill: rest}}
  sort:      {rule: split, shares: {press: rest}}
  press:     {rule: split, shares: {sort2: again, recycle: rest}}
  sort2:     {rule: split, shares: {sort: rest}}   # a loop within the year
  recycle:   {rule: split, shares: {metal: rest}}
  store:     {rule: sink}
  landfill:  {rule: sink}
"""
SCENARIO = """
title: All
system: system.yaml
years: [1990, 2030]
set:
  demand: {value: {1990: 10 kt/yr, 2030: 50 kt/yr}, uniform: [0.8, 1.2]}
  part: {cars: {Cu: 40 %}, wires: {Cu: 60 %}, cans: {Al: 100 %}}
  place: {A: 70 %, B: 30 %}
  fleet: {1990: 1000 vehicle, 2030: 9000 vehicle}
  content: {value: 20 kg/vehicle, uniform: [10 kg/vehicle, 30 kg/vehicle]}
  life: {value: 12 yr, uniform: [8 yr, 16 yr]}
  sleep: {value: 4 yr, uniform: [2 yr, 6 yr]}
  making: {value: 90 %, uniform: [80 %, 95 %]}
  hidden: 20 %
  collection: {value: 60 %, uniform: [40 %, 80 %]}
  again: 5 %
  mine_share: {X: 50 %, Y: 30 %, Z: rest}
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> mfa.Scenario:
    folder: Path = tmp_path_factory.mktemp("all")
    (folder / "system.yaml").write_text(SYSTEM)
    (folder / "all.yaml").write_text(SCENARIO)
    return mfa.read_scenario(folder / "all.yaml")


def lanes_of(scenario: mfa.Scenario, keep: dict[str, tuple[str, ...]]) -> tuple[Lanes, object]:
    drawn = mfa.build_parameters(scenario, samples=16, seed=3)
    uncertain = [str(n) for n in drawn if "sample" in drawn[n].dims]
    years = range(scenario.years[0], scenario.years[1] + 1)
    return Lanes(scenario.system, uncertain, years, keep, 16), drawn


@pytest.mark.parametrize("numba", ["0", "1"])
def test_what_is_kept_is_what_whole_runs_give(
    scenario: mfa.Scenario, monkeypatch: pytest.MonkeyPatch, numba: str
) -> None:
    monkeypatch.setenv("MFA_NUMBA", numba)
    compiled = mfa.plan(scenario)
    dims = dict(compiled.dims) | {s.stock: s.stock_dims for s in compiled.steps if s.stock}
    for away in (
        (),
        ("region",),
        ("region", "product"),
        ("region", "product", "material", "country"),
    ):
        keep = {name: tuple(d for d in own if d in away) for name, own in dims.items()}
        lanes, drawn = lanes_of(scenario, keep)
        found, worst = lanes.compute(drawn)
        assert worst < 1e-9
        for number in (0, 7, 15):
            own = mfa.simulate(compiled, drawn.isel(sample=number, drop=True))
            for name, summed in keep.items():
                wanted = own[name].sum(list(summed)).values
                scale = max(abs(own[name]).max().item(), 1e-300)
                np.testing.assert_allclose(found[name][number], wanted, atol=1e-12 * scale * 10)


def test_what_does_not_differ_between_samples_is_computed_once(scenario: mfa.Scenario) -> None:
    lanes, drawn = lanes_of(scenario, {"use_stock": ()})
    lanes.compute(drawn)
    kept = dict(lanes.fixed)
    lanes.compute(drawn)
    assert kept and all(lanes.fixed[key] is own for key, own in kept.items())


@pytest.mark.parametrize("days", ["0", "{value: 30, uniform: [10, 50]}"])
def test_a_stockpile_is_computed_if_it_is_to_hold_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    system = SYSTEM.replace("[recycle, mine]", "[recycle, reserve, mine]").replace(
        "  store: ",
        "  reserve: {rule: buffer, from: mine, to: metal, target_days: days, fill_rate: filled}\n  store: ",
    )
    told = "parameters:\n  days: {unit: 1, min: 0}\n  filled: {unit: 1, default: 50 %}\n"
    (tmp_path / "system.yaml").write_text(system.replace("parameters:\n", told))
    (tmp_path / "all.yaml").write_text(f"{SCENARIO}  days: {days}\n")
    keep: dict[str, tuple[str, ...]] = {"reserve_stock": (), "ore_to_mine": ()}
    lanes, drawn = lanes_of(mfa.read_scenario(tmp_path / "all.yaml"), keep)
    filled, original = [], BufferStep.evaluate

    def evaluate(self: BufferStep, *args: Any) -> Any:
        filled.append(self.name)
        return original(self, *args)

    monkeypatch.setattr(BufferStep, "evaluate", evaluate)
    found, _ = lanes.compute(drawn)
    assert bool(filled) == (days != "0") == found["reserve_stock"].any()
    own = mfa.simulate(lanes.single, drawn.isel(sample=5, drop=True))
    for name in keep:
        wanted = own[name].values
        np.testing.assert_allclose(found[name][5], wanted, atol=1e-12 * abs(wanted).max())


def test_mass_that_is_lost_is_told(scenario: mfa.Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes, drawn = lanes_of(scenario, {"use_stock": ()})
    original = Lean._computed_share

    def leaking(self: Lean, step: object, name: str) -> object:
        share = original(self, step, name)  # type: ignore[arg-type]
        return share * 0.999 if name == "collect_to_landfill" else share

    monkeypatch.setattr(Lean, "_computed_share", leaking)
    with pytest.raises(BalanceError, match="'the whole system' does not balance at sample="):
        lanes.compute(drawn)


def test_a_sample_that_differs_from_its_own_run_is_told(
    scenario: mfa.Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Lanes._own
    monkeypatch.setattr(Lanes, "_own", lambda self, *given: original(self, *given) * 1.001)
    with pytest.raises(
        MfaError, match=r"sample 0: use_stock is off by .* from a run of that sample"
    ):
        mfa.run(scenario, samples=2, keep="use_stock")


def test_products_are_what_their_dense_arrays_are() -> None:
    draw = np.random.default_rng(5)
    sizes = (3, 4, 5, 2, 6)
    one, two = draw.random((3, 1, 5, 1, 6)), draw.random((1, 4, 5, 2, 6))
    both = Product((one,)).times(two, draw.random((1, 1, 1, 2, 1)))
    whole = dense([both], sizes)
    for axes in ([1], [2], [1, 2], [1, 2, 3]):
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(sizes))
        np.testing.assert_allclose(
            dense([both.summed(axes, sizes)], shape), whole.sum(tuple(axes), keepdims=True)
        )


def test_cells_are_scaled_summed_and_placed_like_the_whole() -> None:
    draw = np.random.default_rng(6)
    sizes = (3, 4, 5, 2, 6)
    cells = Product((draw.random((3, 3, 1, 1, 6)),), {1: (0, 2, 3), 2: (4, 1, 4)})
    scaled = cells.times(draw.random((1, 4, 5, 1, 6)), draw.random((3, 1, 5, 2, 1)))
    whole = dense([scaled], sizes)
    assert np.count_nonzero(whole.any(axis=(0, 3, 4))) == 3
    for axes in ([1], [2], [1, 2], [1, 3], [2, 3]):
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(sizes))
        np.testing.assert_allclose(
            dense([scaled.summed(axes, sizes)], shape), whole.sum(tuple(axes), keepdims=True)
        )
    placed = cells.placed({3: 1})
    assert not dense([placed], sizes)[:, :, :, 0].any()
    np.testing.assert_array_equal(dense([placed], sizes)[:, 2, 1, 1], cells.factors[0][:, 1, 0, 0])


@pytest.mark.parametrize("shape", [0.5, 0.9, 1.5, 3.5, 4.9, 5.1, 10.0, 19.0])
def test_years_of_a_weibull_lifetime_are_exact(shape: float) -> None:
    node, weight = np.polynomial.legendre.leggauss(16)
    nodes, weights = (node.astype(np.longdouble) + 1) / 2, weight.astype(np.longdouble) / 2
    parts = (np.arange(40)[:, None] + nodes) / 40
    for scale in (0.7, 1.5, 5.0, 30.0, 200.0):
        values, unknown = mean_of_years(120, np.array([shape]), np.array([scale]))
        for age in np.flatnonzero(~unknown[1:]) + 1:
            hazard = ((age + parts) / np.longdouble(scale)) ** np.longdouble(shape)
            exact = (weights * np.exp(-hazard)).sum() / 40
            if exact > 1e-100:
                assert abs(values[age] / exact - 1) < 2e-13, (scale, age)


REUSING = """
title: Units that serve again
conserves: material
dimensions: {region: [A, B], kind: [x, y, z], use: [cars, grid], material: [Li, Co]}
parameters:
  sales:    {dims: [year, region], unit: kWh/yr, min: 0}
  kinds:    {dims: [kind], min: 0, max: 1, sums: kind}
  grid:     {dims: [year], unit: kWh/yr, min: 0}
  place:    {dims: [region], min: 0, max: 1}
  content:  {dims: [DIMS], unit: kg/kWh, min: 0}
  life:     {dims: [kind], unit: yr, min: 1}
  usable:   {dims: [year, region], min: 0, max: 1}
  exported: {dims: [region], min: 0, max: 1}
  goes:     {dims: [region, there], min: 0, max: 1, sums: there}
processes:
  ore:     {rule: source}
  make:    {rule: market, from: ore, sum: [region, use]}
  cars:    {rule: stock, at: {use: cars}, from: make, to: retire, inflow: sales * kinds, content: content,
            sum: [kind], lifetime: {law: weibull, mean: life, shape: 3}}
  grids:   {rule: stock, at: {use: grid}, from: make, to: end, inflow: grid * place * kinds, content: content,
            sum: [kind], reused: {from: cars, usable: usable},
            lifetime: {law: weibull, mean: life, shape: 2}}
  retire:  {rule: split, at: {use: cars}, shares: {abroad: exported, end: rest}}
  abroad:  {rule: trade, at: {use: cars}, to: old, shares: goes}
  old:     {rule: stock, at: {use: cars}, sum: [region], as: {there: region}, to: end,
            lifetime: {law: weibull, mean: 5 yr, shape: 2}}
  end:     {rule: sink}
"""
USED = """
title: Used
system: system.yaml
years: [1990, 2030]
set:
  sales: {2000: 0 kWh/yr, 2030: 900 MWh/yr}
  kinds: {x: 50 %, y: 50 %, z: 0}
  grid: {value: {2010: 0 kWh/yr, 2030: 200 MWh/yr}, uniform: [0.5, 1.5]}
  place: {A: 70 %, B: 30 %}
  content: CONTENT
  life: {value: 9 yr, uniform: [6 yr, 12 yr]}
  usable: {value: {2015: 0 %, 2030: 60 %}, uniform: [0.5, 1.5]}
  exported: {A: {value: 10 %, uniform: [0 %, 20 %]}, B: 0 %}
  goes: {there: {A: 0, B: 1}}
"""


@pytest.mark.parametrize(
    ("dims", "content"),
    [
        ("kind, material", "{value: 1 kg/kWh, uniform: [0.5, 1.5]}"),
        ("year, kind, material", "{2000: 1 kg/kWh, 2030: 0.5 kg/kWh}"),
    ],
)
def test_units_that_serve_again_are_counted_as_in_whole_runs(
    tmp_path: Path, dims: str, content: str
) -> None:
    system = REUSING.replace("DIMS", dims).replace(
        "[cars, grid],", "[cars, grid], there: {like: region},"
    )
    (tmp_path / "system.yaml").write_text(system)
    (tmp_path / "used.yaml").write_text(USED.replace("CONTENT", content))
    scenario = mfa.read_scenario(tmp_path / "used.yaml")
    compiled = mfa.plan(scenario)
    own_dims = dict(compiled.dims) | {s.stock: s.stock_dims for s in compiled.steps if s.stock}
    for away in ((), ("region", "use", "there")):
        keep = {name: tuple(d for d in own if d in away) for name, own in own_dims.items()}
        lanes, drawn = lanes_of(scenario, keep)
        found, worst = lanes.compute(drawn)
        assert worst < 1e-9
        for number in (0, 9, 15):
            own = mfa.simulate(compiled, drawn.isel(sample=number, drop=True))
            for name, summed in keep.items():
                wanted = own[name].sum(list(summed)).values
                scale = max(abs(own[name]).max().item(), 1e-300)
                np.testing.assert_allclose(found[name][number], wanted, rtol=0, atol=1e-12 * scale)


def test_what_these_samples_lack_is_not_taken_for_what_all_lack() -> None:
    share = np.zeros((4, 3, 1))
    whole = Product((np.ones((1, 3, 5)),))
    assert whole.scaled(share).is_nothing and len(whole.scaled(share).factors[0]) == 4
    share[2, 1] = 0.5
    np.testing.assert_array_equal(
        dense([whole.scaled(share)], (4, 3, 5)), np.broadcast_to(share, (4, 3, 5))
    )
    some = Product((np.ones((1, 2, 5)),), {1: (0, 1)}).scaled(share)
    assert some.at == {1: (1,)}
    assert dense([some], (4, 3, 5)).sum() == 2.5


def test_a_product_that_begins_late_is_nothing_before() -> None:
    series = np.zeros((2, 3, 6))
    series[:, :, 4:] = 1.0
    late = Product((series,)).trimmed()
    assert late.start == 4 and late.shape == (2, 3, 2)
    share = np.arange(6.0).reshape(1, 1, 6)
    both = joined([late.scaled(share), Product((series,)).times(share)])
    np.testing.assert_array_equal(dense(both, (2, 3, 6)), 2 * series * share)

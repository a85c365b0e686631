"""Draws of a scenario: what is uncertain, what a draw belongs to, bounds, sums and correlation."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import mfa
from mfa.designs import Design
from mfa.draws import columns_of
from mfa.errors import MfaError
from mfa.manifest import document, read_manifest, to_yaml

SYSTEM = """
title: Parameters only
dimensions:
  region: [CN, EU]
  use: [cars, grids, other]
parameters:
  income:  {dims: [year, region], unit: USD/person, min: 0}
  people:  {dims: [region], unit: person, min: 0}
  demand:  {dims: [year, region], unit: kt/yr, min: 0}
  yield:   {dims: [use], min: 0, max: 1}
  life:    {dims: [use], unit: yr, min: 0.1}
  share:   {dims: [region, use], min: 0, max: 1, sums: use}
  weight:  {dims: [year, use], min: 0, normalise: use}
  price:   {dims: [year], unit: USD/t}
processes: {}
"""

FILLED = """
income: 5000 USD/person
people: 1000 person
demand: {2020: 10 kt/yr, 2030: 20 kt/yr}
yield: 90 %
life: 10 yr
share: {cars: 0.5, grids: 0.3, other: rest}
weight: 1
price: 100 USD/t
"""

Write = Callable[..., mfa.Scenario]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a scenario `case`, a child of `base`, and reads it."""

    def make(set: str = "", head: str = "", name: str = "case", **files: str) -> mfa.Scenario:
        root = "title: Base\nsystem: system.yaml\nyears: [2020, 2030]\nset:\n"
        (tmp_path / "system.yaml").write_text(SYSTEM)
        (tmp_path / "base.yaml").write_text(root + textwrap.indent(FILLED.strip(), "  ") + "\n")
        (tmp_path / "levers").mkdir(exist_ok=True)
        for file, text in files.items():
            (tmp_path / "levers" / f"{file}.yaml").write_text(text)
        body = "\nset:\n" + textwrap.indent(textwrap.dedent(set).strip(), "  ") if set else ""
        (tmp_path / f"{name}.yaml").write_text(f"title: Case\ninherits: base\n{head}{body}\n")
        return mfa.read_scenario(tmp_path / f"{name}.yaml")

    return make


def spread(values: xr.DataArray, dim: str) -> float:
    """Return by how much values differ at most along a dimension."""
    return float((values.max(dim) - values.min(dim)).max())


def drawn(scenario: mfa.Scenario, name: str, samples: int = 4000, **how: object) -> xr.DataArray:
    return mfa.build_parameters(scenario, [name], samples=samples, **how)[name]  # type: ignore[arg-type]


# ------------------------------------------------------------- what is drawn


def test_only_what_is_uncertain_has_samples(write: Write) -> None:
    scenario = write("life: {cars: {value: 12 yr, uniform: [8 yr, 16 yr]}}")
    found = mfa.build_parameters(scenario, samples=range(5, 9), seed=1)
    assert found["life"].dims == ("sample", "use") and found["sample"].values.tolist() == [
        5,
        6,
        7,
        8,
    ]
    assert [name for name in found if "sample" in found[name].dims] == ["life"]
    certain = mfa.build_parameters(scenario)
    assert "sample" not in certain.dims
    for name in ("demand", "share", "yield"):
        assert found[name].drop_vars("sample", errors="ignore").identical(certain[name])
    assert (found["life"].sel(use="grids") == 10.0).all()
    assert found["life"].attrs == certain["life"].attrs


def test_factors_multiply_a_path_and_values_replace_a_number(write: Write) -> None:
    scenario = write(
        """
        demand: {value: {2020: 10 kt/yr, 2030: 20 kt/yr}, uniform: [0.8, 1.2]}
        life: {value: 12 yr, uniform: [8 yr, 20 yr]}
        yield: {value: 80 %, uniform: [0.9, 1.1]}
        """
    )
    found = mfa.build_parameters(scenario, samples=2000)
    factor = found["demand"] / mfa.build_parameters(scenario)["demand"]
    assert spread(factor, "year") < 1e-12 and spread(factor, "region") < 1e-12
    assert float(factor.min()) == pytest.approx(0.8, abs=1e-3)
    assert float(factor.max()) == pytest.approx(1.2, abs=1e-3)
    assert float(found["life"].mean()) == pytest.approx(14.0, rel=0.02)
    assert float(found["yield"].min()) == pytest.approx(0.72, abs=1e-3)
    assert spread(found["life"], "use") == 0.0  # one that is written is one draw


def test_labels_that_share_a_distribution_keep_their_ratio(write: Write) -> None:
    scenario = write("life: {value: {cars: 10 yr, grids: 20 yr, other: 5 yr}, uniform: [0.5, 1.5]}")
    assert columns_of(scenario) == ["life"]
    found = drawn(scenario, "life", 500)
    np.testing.assert_allclose(found.sel(use="grids") / found.sel(use="cars"), 2.0, rtol=1e-12)
    shares = write("share: {value: {cars: 0.5, grids: 0.3, other: rest}, uniform: [0.8, 1.2]}")
    found = drawn(shares, "share", 500)
    np.testing.assert_allclose(found.sel(use="cars") / found.sel(use="grids"), 5 / 3, rtol=1e-12)
    np.testing.assert_allclose(found.sum("use"), 1.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("written", "quantiles"),
    [
        ("{value: 10 yr, normal: [10 yr, 2 yr]}", stats.norm(10, 2)),
        ("{value: 10 yr, normal: [1, 0.2]}", stats.norm(10, 2)),
        ("{value: 10 yr, triangular: [5 yr, 11 yr]}", stats.triang(5 / 6, 5, 6)),
        ("{value: 10 yr, pert: [8 yr, 16 yr]}", stats.beta(2, 4, 8, 8)),
        ("{value: 10 yr, beta: [2, 3, 0.5, 1.75]}", stats.beta(2, 3, 5, 12.5)),
        ("{value: 10 yr, lognormal: [10 yr, 0.2]}", stats.lognorm(0.19804, scale=9.80581)),
        ("{value: 10 yr, lognormal: [1, 20 %]}", stats.lognorm(0.19804, scale=9.80581)),
        (
            "{value: 10 yr, normal: [10 yr, 2 yr], truncated: [8 yr, 14 yr]}",
            stats.truncnorm(-1, 2, 10, 2),
        ),
    ],
)
def test_distributions_have_their_quantiles(
    write: Write, written: str, quantiles: stats.rv_continuous
) -> None:
    found = drawn(write(f"life: {{cars: {written}}}"), "life", 2**12, design="sobol")
    at = [0.05, 0.25, 0.5, 0.75, 0.95]
    own = np.quantile(found.sel(use="cars"), at)
    np.testing.assert_allclose(own, quantiles.ppf(at), rtol=2e-3)


def test_a_table_of_quantiles_and_a_list_of_observations(write: Write) -> None:
    scenario = write(
        """
        life:
          cars: {value: 10 yr, empirical: {0: 5 yr, 50 %: 10 yr, 1: 25 yr}}
          grids: {value: 10 yr, empirical: [8 yr, 12 yr, 10 yr]}
        """
    )
    found = drawn(scenario, "life", 2**12, design="sobol")
    own = np.quantile(found.sel(use="cars"), [0.25, 0.5, 0.75])
    np.testing.assert_allclose(own, [7.5, 10.0, 17.5], rtol=2e-3)
    np.testing.assert_allclose(found.sel(use="grids").mean(), 10.0, rtol=1e-3)
    assert float(found.sel(use="grids").max()) == pytest.approx(12.0, rel=1e-3)


def test_fields_of_laws_are_drawn_inside_the_law(write: Write) -> None:
    scenario = write(
        """
        demand:
          observed: {2020: 10 kt/yr, 2022: 12 kt/yr}
          until: 2022
          then: {law: growth, start: 2022, level: 1 kt/yr, rate: {value: 0.02 1/yr, uniform: [0.01 1/yr, 0.05 1/yr]}}
          join: ratio
        """
    )
    assert columns_of(scenario) == ["demand.then.rate"]
    found = drawn(scenario, "demand", 300, seed=2)
    rate = (found.sel(year=2025) / found.sel(year=2024) - 1).isel(region=0)
    assert spread(found.sel(year=2022), "sample") == 0.0
    assert 0.01 <= float(rate.min()) < 0.012 and 0.048 < float(rate.max()) <= 0.05
    one = scenario.override(demand={"rate": f"{float(rate[7])!r} 1/yr"})
    np.testing.assert_allclose(mfa.build_parameters(one)["demand"], found[7], rtol=1e-12)


@pytest.mark.parametrize("join", ["ratio", "offset", "interpolate", "none"])
def test_a_drawn_history_goes_on_as_each_of_its_draws(write: Write, join: str) -> None:
    then = "{2027: 30 kt/yr, 2030: 40 kt/yr}"
    observed = "{2020: 10 kt/yr, 2024: 12 kt/yr}"
    text = "demand: {{observed: {0}, until: 2024, then: {1}, join: {2}}}"
    some = f"{{value: {observed}, uniform: [0.5, 1.5]}}"
    more = f"{{value: {then}, uniform: [0.7, 1.3]}}"
    found = drawn(write(text.format(some, more, join)), "demand", 3)
    for k in range(3):
        low = float(found[k].sel(year=2020, region="CN")) / 10_000
        high = (found[k] / drawn(write(text.format(some, then, join)), "demand", 3)[k]).sel(
            year=2030, region="CN"
        )
        factors = [low, float(high)]
        if join in ("none", "interpolate"):
            fixed = [
                "{" + ", ".join(f"{y}: {v * f!r} kt/yr" for y, v in points) + "}"
                for points, f in zip(
                    [((2020, 10), (2024, 12)), ((2027, 30), (2030, 40))], factors, strict=True
                )
            ]
            own = mfa.build_parameters(write(text.format(*fixed, join)))["demand"]
            np.testing.assert_allclose(found[k], own, rtol=1e-12)
        assert float(found[k].sel(year=2024, region="EU")) == pytest.approx(low * 12_000)


def test_a_law_of_an_uncertain_parameter_follows_it(write: Write) -> None:
    scenario = write(
        """
        income: {value: 5000 USD/person, uniform: [4000 USD/person, 6000 USD/person]}
        demand: {law: gompertz, of: income, times: people, saturation: 1 t/person/yr,
                 midpoint: 5000 USD/person, rate: 0.001 person/USD}
        """
    )
    found = mfa.build_parameters(scenario, samples=50)
    x = found["income"].values
    expected = 1000.0 * np.exp(-np.exp(-0.001 * (x - 5000.0)))
    np.testing.assert_allclose(found["demand"], expected, rtol=1e-12)


def test_a_change_can_be_uncertain(write: Write) -> None:
    lever = "title: More\nset: {life: {scale: {value: 1.2, uniform: [1.1, 1.4]}}}"
    scenario = write(
        "life: {cars: {value: 10 yr, uniform: [9 yr, 11 yr]}}", head="levers: more", more=lever
    )
    # the lever comes first, then what the scenario sets in its place
    assert columns_of(scenario) == ["life.scale by more", "life[use=cars]"]
    found = drawn(scenario, "life", 1000)
    assert float(found.sel(use="grids").min()) == pytest.approx(11.0, rel=1e-2)
    assert float(found.sel(use="cars").max()) == pytest.approx(11.0, rel=1e-2)


def test_shipped_reference_draws_what_is_written(shipped: Path) -> None:
    scenario = mfa.read_scenario(shipped / "reference.yaml")
    assert len(columns_of(scenario)) == 120
    found = mfa.build_parameters(scenario, samples=256, design="sobol")
    cobalt = found["fabrication_yield"].sel(end_use="superalloys")
    np.testing.assert_allclose(np.quantile(cobalt, [0.25, 0.75]), [0.5, 0.7], rtol=0.02)


@pytest.fixture
def shipped() -> Path:
    return Path(__file__).parents[2] / "scenarios"


# ------------------------------------------------- what a draw belongs to


@pytest.mark.parametrize("kind", ["random", "lhs", "sobol"])
@pytest.mark.parametrize("block", [1, 7, 64])
def test_blocks_never_change_a_draw(write: Write, kind: str, block: int) -> None:
    scenario = write(
        """
        demand: {value: {2020: 10 kt/yr, 2030: 20 kt/yr}, lognormal: [1, 0.3]}
        life: {value: 12 yr, uniform: [8 yr, 20 yr]}
        share: {value: {cars: 0.5, grids: 0.3, other: rest}, dirichlet: 20}
        price: {value: 100 USD/t, normal: [1, 0.1], redraw: {ar1: 0.9}}
        """
    )
    columns = tuple(columns_of(scenario)) if kind == "sobol" else ()
    design = Design(11, kind, 130, columns)  # type: ignore[arg-type]
    whole = mfa.build_parameters(scenario, samples=range(130), design=design)
    for first in range(0, 130, block):
        numbers = range(first, min(first + block, 130))
        part = mfa.build_parameters(scenario, samples=numbers, design=design)
        xr.testing.assert_identical(part, whole.sel(sample=list(numbers)))


def test_a_draw_does_not_depend_on_other_parameters_or_years(write: Write) -> None:
    one = write(
        "life: {value: 12 yr, uniform: [8 yr, 20 yr]}\nprice: {value: 100 USD/t, normal: [1, 0.1], redraw: {ar1: 0.9}}"
    )
    two = write(
        """
        demand: {value: {2020: 10 kt/yr}, uniform: [0.5, 1.5]}
        life: {value: 12 yr, uniform: [8 yr, 20 yr]}
        price: {value: 100 USD/t, normal: [1, 0.1], redraw: {ar1: 0.9}}
        """,
        head="years: [2015, 2040]\n",
        name="other",
    )
    assert drawn(one, "life", 9).equals(drawn(two, "life", 9))
    price = drawn(two, "price", 9).sel(year=slice(2020, 2030))
    assert drawn(one, "price", 9).equals(price)


def test_scenarios_are_paired_unless_told_otherwise(write: Write) -> None:
    one = write("life: {value: 12 yr, uniform: [8 yr, 20 yr]}")
    two = write("life: {value: 12 yr, uniform: [10 yr, 14 yr]}", name="other")
    u = [
        (drawn(s, "life", 40, seed=3).isel(use=0) - a) / b
        for s, a, b in ((one, 8, 12), (two, 10, 4))
    ]
    np.testing.assert_allclose(u[0], u[1], rtol=1e-12)
    apart = drawn(two, "life", 40, seed=3, independent=True)
    assert not np.isclose((apart.isel(use=0) - 10) / 4, u[0]).any()
    assert apart.equals(drawn(two, "life", 40, seed=3, independent=True))


# ------------------------------------------------------------------- years


def test_one_draw_for_all_years_unless_each_is_drawn(write: Write) -> None:
    text = "price: {{value: 100 USD/t, normal: [1, 0.1]{}}}"
    once = drawn(write(text.format("")), "price")
    assert spread(once, "year") == 0.0
    yearly = drawn(write(text.format(", redraw: yearly")), "price")
    carried = drawn(write(text.format(", redraw: {ar1: 0.8}")), "price")
    for found, expected in ((yearly, 0.0), (carried, 0.8)):
        np.testing.assert_allclose(found.std("sample"), 10.0, rtol=0.05)
        for lag in (1, 3):
            r = np.corrcoef(found.isel(year=2), found.isel(year=2 + lag))[0, 1]
            assert r == pytest.approx(expected**lag, abs=0.06)


# -------------------------------------------------------------------- sums


def test_dirichlet_shares_sum_to_one_around_what_is_written(write: Write) -> None:
    scenario = write(
        """
        share:
          CN: {value: {cars: 0.5, grids: 0.3, other: rest}, dirichlet: 20}
        """
    )
    found = drawn(scenario, "share", 4000)
    cn, eu = found.sel(region="CN"), found.sel(region="EU")
    assert float(abs(cn.sum("use") - 1.0).max()) <= 4 * np.spacing(1.0) and (cn >= 0).all()
    assert spread(eu, "sample") == 0.0
    mean = np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(cn.mean("sample"), mean, atol=0.01)
    np.testing.assert_allclose(cn.var("sample"), mean * (1 - mean) / 21, rtol=0.1)
    assert len(columns_of(scenario)) == 3


def test_dirichlet_over_a_path_and_over_weights(write: Write) -> None:
    scenario = write(
        """
        weight:
          value: {cars: {2020: 1, 2030: 6}, grids: 3, other: 1}
          dirichlet: 50
        """
    )
    found, written = drawn(scenario, "weight", 3000), mfa.build_parameters(scenario)["weight"]
    assert float(abs(found.sum("use") - 1.0).max()) <= 4 * np.spacing(1.0)
    np.testing.assert_allclose(found.mean("sample"), written, atol=0.01)


def test_the_rest_takes_what_a_drawn_share_leaves(write: Write) -> None:
    scenario = write("share: {cars: {value: 0.5, uniform: [0.4, 0.6]}, grids: 0.3, other: rest}")
    found = drawn(scenario, "share", 500)
    assert float(abs(found.sum("use") - 1.0).max()) < 1e-12
    other, cars = found.sel(use="other"), found.sel(use="cars")
    np.testing.assert_allclose(other, 0.7 - cars, atol=1e-12)


# ------------------------------------------------------------- correlation

CORRELATED = """correlation:
  of: ["life[use=cars]", demand, yield]
  matrix: [[1, 0.7, 0], [0.7, 1, -0.3], [0, -0.3, 1]]
"""
THREE = """
life: {cars: {value: 12 yr, uniform: [8 yr, 20 yr]}}
demand: {value: {2020: 10 kt/yr, 2030: 20 kt/yr}, lognormal: [1, 0.5]}
yield: {value: 80 %, triangular: [60 %, 95 %]}
"""


def test_ranks_are_correlated_as_the_matrix_says(write: Write) -> None:
    plain, tied = write(THREE), write(THREE, head=CORRELATED, name="tied")
    found = mfa.build_parameters(tied, samples=20_000)
    columns = [
        found["life"].sel(use="cars"),
        found["demand"].isel(year=0, region=0),
        found["yield"].isel(use=0),
    ]
    ranks = stats.spearmanr(np.stack(columns, axis=1)).statistic
    matrix = np.array([[1, 0.7, 0], [0.7, 1, -0.3], [0, -0.3, 1]])
    np.testing.assert_allclose(ranks, 6 / np.pi * np.arcsin(matrix / 2), atol=0.02)
    for name in ("life", "demand", "yield"):  # the margins stay
        own, other = (np.quantile(drawn(s, name, 20_000), [0.1, 0.5, 0.9]) for s in (plain, tied))
        np.testing.assert_allclose(own, other, rtol=0.02)
    assert drawn(tied, "life", 50).equals(drawn(plain, "life", 50))


def test_a_manifest_draws_the_same(write: Write, tmp_path: Path) -> None:
    scenario = write(THREE, head=CORRELATED)
    file = tmp_path / "manifest.yaml"
    file.write_text(to_yaml(document([scenario])))
    (again,) = read_manifest(file)
    assert mfa.build_parameters(again, samples=20).equals(
        mfa.build_parameters(scenario, samples=20)
    )


# ------------------------------------------------------------------ refused

WRONG = {
    "a tail beyond a bound": (
        "yield: {value: 90 %, normal: [90 %, 5 %]}",
        "case.yaml:5:33: yield: 'normal': 2.3% of its draws (1 and above) would lie above its bound 1; "
        "write 'truncated: [low, high]' beside it, or a distribution within",
    ),
    "a range beyond a bound": (
        "yield: {value: 90 %, uniform: [80 %, 105 %]}",
        "'uniform': 20.0% of its draws (1 and above) would lie above its bound 1",
    ),
    "a factor beyond a bound": (
        "yield: {value: 90 %, uniform: [0.8, 1.2]}",
        "'uniform': 22.2% of its draws (1.111 and above) would lie above its bound 1",
    ),
    "below a bound": (
        "demand: {value: {2020: 10 kt/yr}, normal: [1, 0.5]}",
        "'normal': 2.3% of its draws (0 and below) would lie below its bound 0 kt/yr",
    ),
    "shares drawn one by one": (
        "share: {cars: {value: 0.5, uniform: [0.4, 0.6]}, grids: 0.3, other: 0.2}",
        "shares over use that are drawn one by one do not sum to 1",
    ),
    "a rest below zero": (
        "share: {cars: {value: 0.5, uniform: [0.4, 0.8]}, grids: 0.3, other: rest}",
        "below its bound 0, in ",
    ),
    "dirichlet for what is no share": (
        "life: {value: 12 yr, dirichlet: 3}",
        "case.yaml:5:9: life: 'dirichlet' is for shares; this parameter has neither 'sums' nor 'normalise'",
    ),
    "two concentrations": (
        "share: {cars: {value: 0.5, dirichlet: 3}, grids: {value: 0.5, dirichlet: 4}, other: 0}",
        "two different 'dirichlet' in one sum",
    ),
    "years of what has none": (
        "life: {value: 12 yr, uniform: [8 yr, 16 yr], redraw: yearly}",
        "case.yaml:5:9: life: values change over years, but the parameter has no dimension 'year'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused_when_it_is_drawn(write: Write, case: str) -> None:
    text, message = WRONG[case]
    scenario = write(text)
    mfa.build_parameters(scenario)  # it is sound as long as nothing is drawn
    with pytest.raises(MfaError) as caught:
        mfa.build_parameters(scenario, samples=400)
    assert message in str(caught.value)


UNREAD = {
    "truncated alone": (
        "life: {value: 1 yr, truncated: [1 yr, 2 yr]}",
        "5:23: life: 'truncated' needs a distribution",
    ),
    "redraw alone": (
        "price: {value: 1 USD/t, redraw: yearly}",
        "'redraw' needs a distribution beside it",
    ),
    "another redraw": (
        "price: {value: 1 USD/t, uniform: [0.9, 1.1], redraw: monthly}",
        "case.yaml:5:56: price: 'redraw' is yearly or {ar1: 0.9}, not 'monthly'",
    ),
    "ar1 of 1": (
        "price: {value: 1 USD/t, uniform: [0.9, 1.1], redraw: {ar1: 1}}",
        "case.yaml:5:62: price: 'ar1' is the correlation",
    ),
    "too many numbers": (
        "life: {value: 1 yr, uniform: [1 yr, 2 yr, 3 yr]}",
        "'uniform' takes a list of 2 numbers",
    ),
    "no list": ("life: {value: 1 yr, empirical: 3 yr}", "'empirical' takes a list of numbers"),
    "shares that end early": (
        "life: {value: 2 yr, empirical: {0: 1 yr, 90 %: 3 yr}}",
        "its shares run from 0 to 0.9, not from 0 to 1",
    ),
    "quantiles that fall": (
        "life: {value: 2 yr, empirical: {0: 3 yr, 1: 1 yr}}",
        "a larger share has a larger value",
    ),
    "no share": ("life: {value: 2 yr, empirical: {0 yr: 3 yr, 1: 1 yr}}", "'0 yr' is no share"),
    "a cv in years": (
        "life: {value: 2 yr, lognormal: [2 yr, 1 yr]}",
        "a coefficient of variation has no unit",
    ),
    "units beside a path": (
        "demand: {value: {2020: 1 kt/yr}, uniform: [1 kt/yr, 2 kt/yr]}",
        "'uniform': its numbers are in t/yr, beside a path or table; write factors",
    ),
    "units beside labels": (
        "life: {value: {cars: 1 yr, grids: 2 yr, other: 3 yr}, uniform: [1 yr, 3 yr]}",
        "'uniform': its numbers are in yr, beside several labels; write factors",
    ),
    "beside the rest": (
        "share: {cars: 0.5, grids: 0.3, other: {value: rest, uniform: [0.9, 1.1]}}",
        "case.yaml:5:41: share: 'uniform' beside 'rest', which takes what the other labels leave",
    ),
    "another unit": (
        "life: {value: 2 yr, uniform: [1 t, 3 t]}",
        "its numbers are in t, beside a value in yr",
    ),
    "a mean far off": (
        "life: {value: 2 yr, normal: [20 yr, 1 yr]}",
        "the value 2 lies outside 16.91 to 23.09",
    ),
    "nothing left": (
        "life: {value: 2 yr, uniform: [1 yr, 3 yr], truncated: [4 yr, 5 yr]}",
        "'truncated': nothing lies in 4 to 5",
    ),
    "beside a change": (
        "life: {value: {scale: 2}, uniform: [1, 3]}",
        "write it inside: {scale: {value: …, uniform: …}}",
    ),
    "one in another": (
        "life: {value: {value: 2 yr, uniform: [1 yr, 3 yr]}, uniform: [0.5, 2]}",
        "'uniform' within 'uniform'; keep one of them",
    ),
    "inside a table": (
        "demand: {table: a.csv, before: {value: 1 kt/yr, uniform: [1 kt/yr, 2 kt/yr]}}",
        "'uniform' inside a table; write it beside the whole",
    ),
    "a negative dirichlet": (
        "share: {value: {cars: 1, grids: 0, other: rest}, dirichlet: -1}",
        "'dirichlet' is a plain number",
    ),
    "a dirichlet redrawn": (
        "share: {value: {cars: 1, grids: 0, other: rest}, dirichlet: 3, redraw: yearly}",
        "'redraw' cannot stand beside 'dirichlet'",
    ),
    "a beta beside years": ("life: {value: 2 yr, beta: [2, 3]}", "write [a, b, low, high]"),
}


@pytest.mark.parametrize("case", UNREAD)
def test_what_is_refused_when_it_is_read(write: Write, case: str) -> None:
    text, message = UNREAD[case]
    with pytest.raises(MfaError) as caught:
        write(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("of: [life, yield]\n  matrix: [[1, 0.5]]", "has 2 rows of 2 numbers"),
        (
            "of: [life, yield]\n  matrix: [[1, 0.5], [0.4, 1]]",
            "not symmetric: 0.5 and 0.4 between life and yield",
        ),
        ("of: [life, yield]\n  matrix: [[1, 2], [2, 1]]", "-1 to 1 beside it"),
        ("of: [life, yield]\n  matrix: [[1, 1], [1, 1]]", "not positive definite"),
        ("of: [life, life]\n  matrix: [[1, 0], [0, 1]]", "a name stands twice"),
        ("of: [life]\n  matrix: [[1]]", "the list has 1 entries, it takes 2"),
    ],
)
def test_a_matrix_that_is_no_correlation_is_refused(
    write: Write, written: str, message: str
) -> None:
    with pytest.raises(MfaError) as caught:
        write(THREE, head=f"correlation:\n  {written}\n")
    assert message in str(caught.value)


def test_a_correlation_of_what_is_not_drawn_is_refused(write: Write) -> None:
    scenario = write("life: {cars: {value: 12 yr, uniform: [8 yr, 20 yr]}}", head=CORRELATED)
    mfa.build_parameters(scenario)
    with pytest.raises(MfaError, match=r"case.yaml:\d+:3: correlation: 'demand' is not drawn once"):
        mfa.build_parameters(scenario, samples=3)


def test_no_samples_are_refused(write: Write) -> None:
    with pytest.raises(MfaError, match="there are no samples to draw"):
        mfa.build_parameters(write(), samples=0)
    with pytest.raises(MfaError, match="needs the number of all samples"):
        mfa.build_parameters(write(), samples=range(3), design="lhs")

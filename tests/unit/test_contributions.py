"""What each lever contributes: parts sum to the change, and the order never decides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner, Result
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import mfa
from mfa import contributions, plot, runs
from mfa.cli import main
from tests.unit.test_cli import REFERENCE, SALES, SYSTEM

SCENARIOS = Path(__file__).parents[2] / "scenarios"

LEVERS = {
    "fewer": "set:\n  sales: {scale: {2000: 1, 2006: 0.6}}\n",
    "lighter": "set:\n  content: {scale: 0.8}\n",
    "take_back": "set:\n  collected: {Home: {2000: 10 %, 2004: 95 %}}\n",
    "deposit": "set:\n  collected: {Abroad: {scale: 2}}\n",
    "nothing": "set:\n  collected: {Abroad: {scale: 1}}\n  sales: {scale: 1}\n",
    "all_back": "set:\n  collected: 90 %\n",
}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "reference.yaml": REFERENCE,
        "systems/cans.yaml": SYSTEM,
        "data/sales.csv": SALES,
        **{f"levers/{name}.yaml": f"title: {name}\n{text}" for name, text in LEVERS.items()},
        "first.yaml": "title: First\ninherits: reference\nlevers: [fewer, take_back]\n",
        "all.yaml": (
            "title: All\ninherits: first\nlevers: [lighter, deposit, nothing]\n"
            "set: {sales: {Home: {scale: 0.9}}}\n"
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*args: str, exit_code: int = 0) -> Result:
    done = CliRunner().invoke(main, args)
    assert done.exit_code == exit_code, done.output
    return done


def test_levers_are_those_of_the_file_and_its_parents_and_what_each_sets(study: Path) -> None:
    names = [*contributions.players(mfa.read_scenario("all.yaml"))]
    assert names == ["fewer", "take_back", "lighter", "deposit", "nothing", "set of all"]
    changed = mfa.read_scenario("first.yaml").override(content={"scale": 0.5})
    assert [*contributions.players(changed)] == ["fewer", "take_back", "override()"]
    assert not contributions.players(mfa.read_scenario("reference.yaml"))


@pytest.mark.parametrize("of", ["metal_to_use", "recycle_to_metal", "use_stock", "recycle_to_metal + mine_to_metal"])  # fmt: skip
def test_parts_sum_to_the_change(study: Path, of: str) -> None:
    scenario = mfa.read_scenario("all.yaml")
    parts = mfa.decompose(scenario, of, sum=["region"])
    assert parts.dims == ("lever", "year", "material")
    both = mfa.run_batch([mfa.read_scenario("reference.yaml"), scenario])
    total = sum(both[name.strip()] for name in of.split("+")).sum("region")
    change = total.sel(scenario="all") - total.sel(scenario="reference")
    largest = float(np.abs(total).max())
    assert np.abs(parts.sum("lever") - change).max() <= 1e-9 * largest
    assert np.abs(parts["reference"] - total.sel(scenario="reference")).max() <= 1e-9 * largest
    assert float(np.abs(parts).max()) > 1e-3 * largest
    assert parts.attrs["evaluations"] == 2**6


def test_a_lever_of_no_strength_contributes_exactly_nothing(study: Path) -> None:
    parts = mfa.decompose(mfa.read_scenario("all.yaml"), "mine_to_metal", sum=["region"])
    assert (parts.sel(lever="nothing") == 0).all()
    assert (parts.drop_sel(lever="nothing") != 0).any("year").all()


def test_two_levers_that_scale_share_what_they_do_together(study: Path) -> None:
    (study / "two.yaml").write_text(
        "title: Two\ninherits: reference\nset: {content: {scale: 0.5}}\nlevers: [fewer]\n", "utf-8"
    )
    two = mfa.read_scenario("two.yaml")
    parts = mfa.decompose(two, "metal_to_use", year=2012, at={"region": "Home"}, sum=["material"])
    # 3000 cans of 2 kg are 6 t; alone 0.6 of the cans are 3.6 t, half the weight 3 t, both 1.8 t
    assert float(parts["reference"]) == pytest.approx(6.0)
    assert parts.values.tolist() == pytest.approx([(-2.4 - 1.2) / 2, (-3.0 - 1.8) / 2])


def test_the_order_in_which_levers_are_named_does_not_matter(study: Path) -> None:
    def parts() -> xr.DataArray:
        return mfa.decompose(mfa.read_scenario("x.yaml"), "use_stock", year=2010, sum=["region"])

    text = "title: x\ninherits: reference\nlevers: [{}]\n"
    names = ["fewer", "lighter", "take_back", "deposit"]
    (study / "x.yaml").write_text(text.format(", ".join(names)), "utf-8")
    one = parts()
    (study / "x.yaml").write_text(text.format(", ".join(names[::-1])), "utf-8")
    other = parts().sel(lever=one.lever)
    assert np.abs(one - other).max() <= 1e-12 * float(one["reference"].max())


def test_only_what_a_lever_touches_is_built_again(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[list[str] | None] = []
    build = contributions.build_parameters

    def counted(scenario: mfa.Scenario, names: list[str] | None = None) -> xr.Dataset:
        built.append(names)
        return build(scenario, names)

    monkeypatch.setattr(contributions, "build_parameters", counted)
    mfa.decompose(mfa.read_scenario("first.yaml"), "mine_to_metal", year=2010)
    assert built == [None, *[["sales", "collected"]] * 3]


def test_shared_parameters_give_the_numbers_of_a_run(study: Path) -> None:
    scenario = mfa.read_scenario("all.yaml")
    levers = contributions.players(scenario)
    some = contributions._Combinations(scenario, levers, mfa.plan(scenario.system))
    some.result(())
    assert some.result(tuple(levers)).drop_attrs().equals(mfa.run(scenario).drop_attrs())


def test_a_law_of_a_touched_parameter_is_built_again() -> None:
    bulk = mfa.read_scenario(SCENARIOS / "bulk_reference.yaml")
    richer = bulk.override(gdp_per_capita={"scale": 1.2})
    names = contributions.touched(richer, [("override", "override()")])
    assert names == ["gdp_per_capita", "consumption"]


def test_replacements_that_conflict_are_named_before_anything_runs(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "simulate", lambda *args: pytest.fail("it was run first"))
    (study / "both.yaml").write_text(
        "title: Both\ninherits: first\nset: {collected: 50 %, sales: {add: 1 vehicle/yr}}\n",
        "utf-8",
    )
    with pytest.raises(mfa.MfaError) as error:
        mfa.decompose(mfa.read_scenario("both.yaml"), "mine_to_metal")
    first, second = str(error.value).splitlines()
    assert first == (
        "both.yaml:3:18: collected: 'take_back' (replaces, levers/take_back.yaml:3:21) and 'set of both' "
        "(replaces) both change region=Home, so that the later decides and their contributions cannot "
        "be told apart; keep one, or let both scale"
    )
    assert "sales: 'fewer' (scales, levers/fewer.yaml:3:10) and 'set of both' (adds)" in second


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"of": "mine_to_metall"}, "'mine_to_metall' cannot be decomposed. Did you mean \"mine_to_metal\""),
        ({"of": "sales"}, "'sales' is a parameter; cannot be decomposed"),
        ({"year": 1999}, "the year 1999 lies outside the run, 2000–2012"),
        ({"at": {"regoin": "Home"}}, "no dimension 'regoin'. Did you mean \"region\""),
        ({"at": {"region": "Hom"}}, "there is no region 'Hom'. Did you mean \"Home\""),
        ({"at": {"year": "2010"}}, "no dimension 'year'; choose years with 'year'"),
        ({"sum": ["place"]}, "there is no dimension 'place'"),
        ({"at": {"region": "Home"}, "sum": ["region"]}, "region: it is chosen \\(at\\) and summed as well"),
        ({"orders": 0}, "orders must be 1 or more, not 0"),
        ({"of": "mine_to_metal + use_stock"}, "cannot be added: their units are t/yr and t"),
    ],
)  # fmt: skip
def test_what_cannot_be_decomposed_is_said(
    study: Path, arguments: dict[str, object], message: str
) -> None:
    given = {"of": "mine_to_metal", **arguments}
    with pytest.raises(mfa.MfaError, match=message):
        mfa.decompose(mfa.read_scenario("first.yaml"), **given)  # type: ignore[arg-type]


def test_a_scenario_without_levers_has_nothing_to_divide(study: Path) -> None:
    with pytest.raises(mfa.MfaError, match="'reference' has no levers and no 'set' beside those"):
        mfa.decompose(mfa.read_scenario("reference.yaml"), "mine_to_metal")
    with pytest.raises(mfa.MfaError, match="decompose wants a Scenario, this is the text"):
        mfa.decompose("first.yaml", "mine_to_metal")  # type: ignore[arg-type]


def test_a_combination_that_cannot_be_run_is_named(study: Path) -> None:
    (study / "levers" / "more.yaml").write_text(
        "title: more\nset:\n  collected: {Home: {scale: 1.3}}\n", "utf-8"
    )
    (study / "levers" / "less.yaml").write_text(
        "title: less\nset:\n  collected: {Home: {scale: 0.5}}\n", "utf-8"
    )
    (study / "pair.yaml").write_text(
        "title: Pair\ninherits: reference\nlevers: [less, more]\n", "utf-8"
    )
    pair = mfa.read_scenario("pair.yaml")
    mfa.run(pair)
    with pytest.raises(
        mfa.MfaError, match=r"with more: collected: 1\.17 at region=Home, year=2010"
    ):
        mfa.decompose(pair, "mine_to_metal", year=2010, sum=["region"])


def test_more_than_eight_levers_are_sampled_with_a_stated_error(study: Path) -> None:
    names = [f"l{i}" for i in range(9)]
    for i, name in enumerate(names):
        text = f"title: {name}\nset:\n  content: {{scale: 0.{90 + i}}}\n"
        (study / "levers" / f"{name}.yaml").write_text(text, "utf-8")
    (study / "nine.yaml").write_text(
        f"title: Nine\ninherits: reference\nlevers: [{', '.join(names)}]\n", "utf-8"
    )
    nine = mfa.read_scenario("nine.yaml")
    place = {"region": "Home", "material": "Sn"}
    parts = mfa.decompose(nine, "metal_to_use", year=2012, at=place, orders=8, seed=3)
    change = 6.0 * (np.prod([0.90 + i / 100 for i in range(9)]) - 1)
    assert float(parts.sum()) == pytest.approx(change, abs=1e-9)
    assert parts.attrs["method"] == "sampled"
    assert (parts.attrs["orders"], parts.attrs["seed"]) == (8, 3)
    assert float(parts["standard_error"].max()) > 0
    done = call(
        "decompose", "nine.yaml", "--of", "metal_to_use", "--year", "2012", "--at", "region=Home",
        "--at", "material=Sn", "--orders", "8", "--seed", "3",
    )  # fmt: skip
    assert "sampled: 8 orders with seed 3" in done.stdout
    assert "standard error at most" in done.stdout


def test_the_command_prints_a_table_and_writes_table_and_figure(study: Path) -> None:
    done = call(
        "decompose", "first.yaml", "--of", "metal_to_use", "--year", "2012", "--at", "material=Sn",
        "--sum", "region", "-o", "out/parts.csv", "-o", "out/parts.png",
    )  # fmt: skip
    head, unit, *rows, last = done.stdout.splitlines()
    assert head == "metal_to_use, Sn, 2012: first against reference"
    assert unit.split() == ["t/yr"]
    assert [row.split() for row in rows] == [
        ["reference", "6.04"],
        ["fewer", "-2.42"],
        ["take_back", "+0.00"],
        ["change", "-2.42"],
        ["first", "3.62"],
    ]
    assert last == "Shapley values, exact: 4 combinations were run"
    lines = (study / "out" / "parts.csv").read_text("utf-8").splitlines()
    assert lines[0] == "lever,value,standard_error,unit"
    assert lines[2] == "fewer,-2.416,0,t/yr"
    assert (study / "out" / "parts.png").read_bytes().startswith(b"\x89PNG")
    years = call("decompose", "first.yaml", "--of", "metal_to_use", "--sum", "region").stdout
    assert years.splitlines()[1].split() == ["material", "2000", "2010", "2012"]
    for args, message in {
        ("--of", "use_stock", "-o", "x.pdf"): "--out 'x.pdf': parts are written as a table (.csv)",
        ("--of", "use_stock", "--at", "region"): "--at region: write it as DIM=LABEL",
        ("--of", "use_stock", "--at", "region=Home", "--at", "region=Abroad"): (
            "--at region: both 'Home' and 'Abroad' are chosen"
        ),
        ("--of", "use_stock", "-o", "x.png"): "a waterfall has one bar for each lever",
    }.items():
        assert message in call("decompose", "first.yaml", *args, exit_code=2).stderr
    assert not list(study.glob("*.png"))
    twice = call(
        "decompose", "first.yaml", "--of", "metal_to_use", "--sum", "region", "--sum", "region"
    )
    assert twice.stdout == years


def test_a_waterfall_goes_from_the_reference_to_the_end() -> None:
    parts = xr.DataArray(
        [-0.3, 0.1, 0.0],
        {"lever": ["one_lever", "other", "none"], "reference": 0.5},
        "lever",
        attrs={"units": "1", "long_name": "share", "scenario": "new"},
    )
    parts = parts.assign_coords(standard_error=("lever", [0.01, 0.01, 0.0]))
    ax = plot.waterfall(parts, Figure().add_subplot())
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "reference", "one lever", "other", "none", "new",
    ]  # fmt: skip
    assert ax.get_xlabel() == "%"
    assert [t.get_text() for t in ax.texts] == ["50.0", "−30.0", "+10.0", "+0.0", "30.0"]
    bars = [(bar.get_x(), bar.get_width(), to_hex(bar.get_facecolor())) for bar in ax.patches]
    assert [round(x, 9) for x, _, _ in bars] == [0, 20, 20, 30, 0]
    assert [round(w, 9) for _, w, _ in bars] == [50, 30, 10, 0, 30]
    assert len({colour for *_, colour in bars}) == 3
    low, high = ax.get_xlim()
    assert low <= 0 < 50 < high


def test_the_shipped_circular_scenario_decomposes() -> None:
    circular = mfa.read_scenario(SCENARIOS / "circular.yaml")
    parts = mfa.decompose(
        circular, "mine_to_ore", year=2050, at={"material": "Li"}, sum=["mine_country"]
    )
    assert parts.sel(lever="collection_directive") < 0
    assert parts.sel(lever="recovery_targets") < 0

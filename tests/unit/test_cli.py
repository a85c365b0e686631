"""The command line: what is printed, what is written, and how it exits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xarray as xr
from click.testing import CliRunner, Result

import mfa
from mfa import plot, rules, runs
from mfa.cli import main

SCENARIOS = Path(__file__).parents[2] / "scenarios"

SYSTEM = """\
title: Cans
conserves: material
dimensions:
  region: [Home, Abroad]
  material: [Sn]
parameters:
  sales: {dims: [year, region], unit: vehicle/yr, is: cans sold}
  content: {dims: [material], unit: kg/vehicle, default: 2 kg/vehicle}
  collected: {dims: [year, region], unit: "1", max: 1, default: 40 %}
processes:
  mine: {rule: source}
  metal: {rule: market, from: [recycle, mine], surplus_to: pile}
  use: {rule: stock, from: metal, to: recycle, inflow: sales, content: content,
        lifetime: {law: weibull, mean: 4 yr, shape: 2}}
  recycle: {rule: split, shares: {metal: collected, pile: rest}}
  pile: {rule: sink}
"""

REFERENCE = """\
title: Tiny
system: systems/cans.yaml
years: [2000, 2012]
set:
  sales: {table: data/sales.csv, before: hold, after: hold, between: interpolate}
  collected:
    Home: {2000: 10 %, 2010: 90 %}
"""

SALES = """\
year,region,value,unit
2003,Home,1000,vehicle/yr
2010,Home,3000,vehicle/yr
2003,Abroad,10,vehicle/yr
2010,Abroad,20,vehicle/yr
"""

Call = Callable[..., Result]


@pytest.fixture(autouse=True)
def _only_built_in_rules_afterwards() -> Iterator[None]:
    before, modules = dict(rules.USER_RULES), set(sys.modules)
    yield
    rules.USER_RULES.clear()
    rules.USER_RULES.update(before)
    for name in ("my_rules", "no_rules", "bad"):
        if name not in modules:
            sys.modules.pop(name, None)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a tiny study, as the current one."""
    for name, text in {
        "reference.yaml": REFERENCE,
        "more.yaml": "title: More\ninherits: reference\nset:\n  sales: {scale: 1.5}\n",
        "systems/cans.yaml": SYSTEM,
        "data/sales.csv": SALES,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that calls mfa without drawing, and checks how it exits."""
    monkeypatch.setattr(plot, "write", lambda result, folder: [])

    def called(*args: str | Path, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(main, [str(arg) for arg in args])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exit_code, result.output
        assert "Traceback" not in result.output
        return result

    return called


# ------------------------------------------------------------------------ run


def test_run_writes_one_folder_for_each_scenario(study: Path) -> None:
    done = CliRunner().invoke(main, ["run", "reference.yaml", "more.yaml", "-o", "deep/out"])
    assert done.exit_code == 0
    assert done.stderr == ""
    *lines, last = done.stdout.splitlines()
    assert last.startswith("2 scenarios in ")
    assert [line.split()[:2] for line in lines] == [
        ["reference", "deep/out/reference"],
        ["more", "deep/out/more"],
    ]
    assert all("balance residual" in line and line.endswith(" s") for line in lines)
    assert sorted(path.name for path in (study / "deep" / "out").iterdir()) == ["more", "reference"]
    for name in ("reference", "more"):
        folder = study / "deep" / "out" / name
        assert sorted(path.name for path in folder.iterdir()) == [
            "figures", "manifest.yaml", "result.nc", "summary.csv",
        ]  # fmt: skip
        assert [path.name for path in (folder / "figures").glob("*.png")]
    more, less = (mfa.load(study / "deep" / "out" / n) for n in ("more", "reference"))
    assert float(more.metal_to_use.sum()) == pytest.approx(1.5 * float(less.metal_to_use.sum()))


def test_a_pipe_gets_the_lines_of_results_and_nothing_else(study: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "mfa.cli", "run", "reference.yaml"],
        capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"reference  {Path('results/reference')}  balance residual ")
    assert (study / "results" / "reference" / "result.nc").is_file()


def test_the_reference_scenario_runs(call: Call, tmp_path: Path) -> None:
    done = call("run", SCENARIOS / "reference.yaml", "-o", tmp_path)
    assert done.stdout.startswith("reference ")
    result = mfa.load(tmp_path / "reference")
    assert {"Li", "Co", "Ni"} <= set(result.material.values.tolist())
    assert float(result.metal_to_fabricate.sel(year=2024, material="Li").sum()) > 0


def test_a_manifest_alone_runs_again_bit_for_bit(call: Call, study: Path) -> None:
    call("run", "more.yaml", "--set", "content=3 kg/vehicle")
    alone = study / "elsewhere"
    alone.mkdir()
    shutil.move(study / "results" / "more" / "manifest.yaml", alone / "manifest.yaml")
    for name in ("reference.yaml", "more.yaml", "systems", "data"):
        path = study / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    call("run", alone / "manifest.yaml", "-o", alone)
    first, again = mfa.load(study / "results" / "more" / "result.nc"), mfa.load(alone / "more")
    for name, variable in first.variables.items():
        assert variable.values.tobytes() == again[name].values.tobytes(), name
    shown = call("show", alone / "manifest.yaml", "content").stdout
    assert "3 kg/vehicle" in shown
    assert "--set content=3 kg/vehicle" in shown
    assert call("check", alone / "manifest.yaml").stdout.startswith("ok ")
    assert "metal (market)" in call("plan", alone / "manifest.yaml").stdout


def test_set_changes_the_result_and_is_its_origin(call: Call, study: Path) -> None:
    call("run", "reference.yaml", "-o", "a")
    call("run", "reference.yaml", "-o", "b", "--set", "content=4 kg/vehicle",
         "--set", "collected={Home: 0 %}")  # fmt: skip
    once, twice = mfa.load(study / "a" / "reference"), mfa.load(study / "b" / "reference")
    xr.testing.assert_allclose(twice.metal_to_use, 2 * once.metal_to_use)
    assert float(twice.recycle_to_metal.sel(region="Home").sum()) == 0
    shown = call("show", "b/reference/manifest.yaml", "content").stdout
    assert "from --set content=4 kg/vehicle" in shown


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("contnt=1 kg/vehicle", 'Did you mean "content"'),
        ("content", "write it as NAME=VALUE"),
        ("content=1 kg", "--set content=1 kg:1:9"),
        ("collected=1.2", "--set collected=1.2:1:11"),
        ("content=[", "--set content=["),
    ],
)
def test_a_wrong_setting(setting: str, message: str, call: Call, study: Path) -> None:
    done = call("run", "reference.yaml", "--set", setting, exit_code=2)
    assert message in done.stderr
    assert done.stdout == ""
    assert not (study / "results").exists()


def test_all_files_are_read_before_anything_is_written(call: Call, study: Path) -> None:
    (study / "bad.yaml").write_text("title: Bad\ninherits: reference\nset:\n  sals: 1\n", "utf-8")
    (study / "worse.yaml").write_text("title: Worse\ninherit: reference\n", "utf-8")
    done = call("run", "reference.yaml", "bad.yaml", "worse.yaml", exit_code=2)
    assert "bad.yaml:4:3: " in done.stderr
    assert 'Did you mean "sales"' in done.stderr
    assert "worse.yaml:2:1: " in done.stderr
    assert not (study / "results").exists()


def test_folders_that_cannot_be_written(call: Call, study: Path) -> None:
    done = call("run", "reference.yaml", "./reference.yaml", exit_code=2)
    assert "two scenarios are named 'reference'" in done.stderr
    (study / "results" / "more").mkdir(parents=True)
    (study / "results" / "more" / "thesis.docx").touch()
    done = call("run", "reference.yaml", "more.yaml", exit_code=2)
    assert "thesis.docx" in done.stderr
    assert [path.name for path in (study / "results").iterdir()] == ["more"]
    assert "is a file" in call("run", "more.yaml", "-o", "data/sales.csv", exit_code=2).stderr
    assert "no_such.yaml" in call("run", "no_such.yaml", exit_code=2).stderr


# ------------------------------------------------------------- check and show


def test_check(call: Call, study: Path) -> None:
    done = call("check", "reference.yaml", "more.yaml")
    assert done.stdout == (
        "ok  reference.yaml  3 parameters, 6 flows, 2000–2012\n"
        "ok  more.yaml       3 parameters, 6 flows, 2000–2012\n"
    )
    (study / "data" / "sales.csv").write_text(SALES.replace("3000", "many"), "utf-8")
    done = call("check", "reference.yaml", exit_code=2)
    assert "data/sales.csv:3:11: " in done.stderr
    assert "many" in done.stderr
    assert not (study / "results").exists()


def test_show_names_where_a_value_was_written(call: Call, study: Path) -> None:
    shown = call("show", "more.yaml", "sales").stdout
    assert "sales [vehicle/yr] over year, region: cans sold" in shown
    assert "2010: 4500" in shown
    assert "from reference.yaml:5:18 (set reference)" in shown
    assert "then scaled by 1.5: more.yaml:4:10 (set more)" in shown
    assert "table data/sales.csv" in shown
    shown = call("show", "more.yaml", "collected").stdout
    assert "region: Home" in shown
    assert "from reference.yaml:7:11 (set reference)" in shown
    line = next(i for i, text in enumerate(SYSTEM.splitlines(), 1) if "collected:" in text)
    column = SYSTEM.splitlines()[line - 1].index("40 %") + 1
    assert f"from systems/cans.yaml:{line}:{column} (default)" in shown


def test_show_without_a_parameter_lists_them(call: Call, study: Path) -> None:
    shown = call("show", "more.yaml").stdout
    assert "inherits    reference" in shown
    for name in ("sales", "content", "collected"):
        assert any(line.startswith(name) for line in shown.splitlines())


def test_show_suggests_a_parameter(call: Call, study: Path) -> None:
    done = call("show", "more.yaml", "colected", exit_code=2)
    assert 'Did you mean "collected"?' in done.stderr
    assert done.stdout == ""


# ----------------------------------------------------------- plan and compare


def test_plan(call: Call, study: Path) -> None:
    of_scenario = call("plan", "more.yaml").stdout
    assert "metal_to_use = sales * content" in of_scenario
    assert call("plan", "systems/cans.yaml").stdout == of_scenario
    drawn = call("plan", "more.yaml", "--mermaid").stdout
    assert drawn.startswith("flowchart ")
    assert "metal" in drawn


def test_compare(call: Call, study: Path) -> None:
    call("run", "reference.yaml", "more.yaml")
    shown = call("compare", "results/reference", "results/more", "--show", "table")
    shown = shown.stdout.splitlines()
    assert shown[0] == "World totals, t/yr"
    assert shown[1].split() == ["quantity", "material", "year", "reference", "more"]
    assert "metal: demand     Sn        2010        6.0   9.1" in shown
    text = call("compare", "results/reference", "results/more", "--csv", "--flow", "metal_to_use")
    head, first, *_ = text.stdout.splitlines()
    assert head == "quantity,material,year,reference,more"
    assert first.split(",")[:3] == ["metal_to_use", "Sn", "2000"]
    done = call("compare", "results/mor", exit_code=2)
    assert 'Did you mean "more"' in done.stderr
    done = call("compare", "results/more", "--flow", "metal_to_us", exit_code=2)
    assert 'Did you mean "metal_to_use"' in done.stderr


# ------------------------------------------------------------------------ new


def test_new_writes_a_child_that_runs(call: Call, study: Path) -> None:
    assert call("new", "mine").stdout == "wrote mine.yaml\ntry: mfa run mine.yaml\n"
    assert "inherits: reference" in (study / "mine.yaml").read_text("utf-8")
    call("run", "mine.yaml", "reference.yaml")
    mine, reference = (mfa.load(study / "results" / n) for n in ("mine", "reference"))
    xr.testing.assert_equal(mine, reference)
    before = (study / "mine.yaml").read_bytes()
    done = call("new", "mine.yaml", exit_code=2)
    assert "mine.yaml is there already and is not overwritten" in done.stderr
    assert (study / "mine.yaml").read_bytes() == before


@pytest.mark.parametrize("beside", [True, False], ids=["beside a reference", "alone"])
def test_new_writes_a_system_that_runs(beside: bool, call: Call, study: Path) -> None:
    file = Path("own.yaml" if beside else "new/own.yaml")
    call("new", file, *(["--system"] if beside else []))
    assert (study / file.parent / "systems" / "own.yaml").is_file()
    assert call("check", file).stdout.startswith("ok ")
    call("run", file)
    assert mfa.load(study / "results" / "own").attrs["balance_residual"] < 1e-9
    (study / file).unlink()
    done = call("new", file, "--system", exit_code=2)
    assert "is there already" in done.stderr
    assert not (study / file).exists()


# ---------------------------------------------------------------- rules, help

RULES = '''\
"""My own rules."""

import mfa


@mfa.rule("sorting", equation="good = share · in; bad = in − good")
def sorting(arrivals, share):
    good = arrivals * share
    return {"good": good, "bad": arrivals - good}
'''


def test_a_rule_of_a_user_from_end_to_end(call: Call, study: Path) -> None:
    own = SYSTEM.replace(
        "recycle: {rule: split, shares: {metal: collected, pile: rest}}",
        "recycle: {rule: sorting, share: collected, to: {good: metal, bad: pile}}",
    )
    call("run", "reference.yaml", "-o", "a")
    (study / "systems" / "cans.yaml").write_text(own, "utf-8")
    (study / "my_rules.py").write_text(RULES, "utf-8")
    done = call("check", "reference.yaml", exit_code=2)
    assert "'sorting'" in done.stderr
    for option in ("my_rules.py", "my_rules"):
        rules.USER_RULES.clear()
        sys.modules.pop("my_rules", None)
        assert call("check", "reference.yaml", "--import", option).stdout.startswith("ok ")
    call("run", "reference.yaml", "-o", "b", "--import", "my_rules.py")
    built_in, own_rule = (mfa.load(study / n / "reference") for n in "ab")
    for name in built_in.data_vars:
        xr.testing.assert_allclose(own_rule[name], built_in[name])
    assert "good = share · in" in call("plan", "reference.yaml", "--import", "my_rules.py").stdout
    manifest = "b/reference/manifest.yaml"
    call("run", manifest, "-o", "c", "--import", "my_rules.py")
    xr.testing.assert_equal(mfa.load(study / "c" / "reference"), own_rule)
    rules.USER_RULES.clear()
    assert "'sorting'" in call("run", manifest, "-o", "c", exit_code=2).stderr


def test_importing_what_is_not_there(call: Call, study: Path) -> None:
    (study / "my_rules.py").write_text(RULES, "utf-8")
    done = call("check", "reference.yaml", "--import", "my_rule.py", exit_code=2)
    assert 'Did you mean "my_rules.py"' in done.stderr
    done = call("check", "reference.yaml", "--import", "no_rules", exit_code=2)
    assert "--import no_rules: there is no such module" in done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "from mfa.cli import main; main(['--help'], standalone_mode=False)",
        "from mfa.cli import main; main(['run', '--help'], standalone_mode=False)",
        "from mfa.cli import main; main(['--version'], standalone_mode=False)",
        "import mfa",
        "import mfa; dir(mfa)",
    ],
)
def test_help_and_import_load_nothing_heavy(code: str) -> None:
    heavy = [
        "numpy",
        "xarray",
        "pandas",
        "scipy",
        "matplotlib",
        "pydantic",
        "ruamel",
        "h5py",
        "pint",
    ]
    ask = f"import sys; print('loaded:', *[m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {ask}"],
        capture_output=True, text=True, check=True, encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_help_names_every_command(call: Call) -> None:
    shown = call("--help").stdout
    for name in ("run", "check", "show", "plan", "compare", "explain", "cite", "rerun", "new"):
        assert f"\n  {name} " in shown
    assert call("--version").stdout == f"mfa, version {mfa.__version__}\n"


def test_an_unknown_command_is_answered_with_one_that_exists(call: Call) -> None:
    done = call("chek", "reference.yaml", exit_code=2)
    assert "No such command 'chek'. Did you mean \"check\"?" in done.stderr
    assert "known" not in done.stderr
    assert call("run", exit_code=2).stderr


# ------------------------------------------------------- what goes wrong


def test_figures_of_the_user_stay(study: Path) -> None:
    for _ in range(2):
        done = CliRunner().invoke(main, ["run", "reference.yaml", "-o", "lose"])
        assert done.exit_code == 0
        (study / "lose" / "reference" / "figures" / "for_paper.png").write_text("x", "utf-8")
    assert (study / "lose" / "reference" / "figures" / "flows_Sn.png").is_file()


def test_a_place_that_cannot_be_written_is_known_before_the_run(
    call: Call, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (study / "f").write_text("a file", "utf-8")
    (study / "dangling").symlink_to("nowhere")
    monkeypatch.setattr(runs, "run", lambda scenario: pytest.fail("it was run first"))
    for target, message in {
        "f/sub": "f is a file; give the name of a folder",
        "dangling": "dangling is a link to nowhere, which is not there",
        "long" * 100: "cannot be written: File name too long; choose another place",
    }.items():
        done = call("run", "reference.yaml", "-o", target, exit_code=2)
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="a system without /proc")
def test_a_file_system_that_cannot_be_written(call: Call, study: Path) -> None:
    for args in (("run", "reference.yaml", "-o", "/proc/x"), ("new", "/proc/x.yaml")):
        done = call(*args, exit_code=2)
        assert "/proc/x" in done.stderr
        assert "cannot be written: " in done.stderr
        assert done.stderr.endswith("; choose another place\n")
    assert "is a file" in call("run", "reference.yaml", "-o", "/dev/null", exit_code=2).stderr


@pytest.mark.parametrize("name", ["bad.py", "bad"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\ndef f(:\n    pass\n", "bad.py:2:7: --import {}: this is not Python: invalid syntax"),
        ("import math\n\nmath.sqrt(-1)\n", "bad.py:3:1: --import {}: ValueError: "),
        ("import mfa\n@mfa.rule('x', direction='z')\ndef f(a): ...\n", "bad.py:2:2: --import {}: rule 'x'"),
        ("import not_there_at_all\n", "bad.py:1:1: --import {}: ModuleNotFoundError: "),
        ("raise SystemExit('no')\n", "bad.py:1:1: --import {}: SystemExit: no"),
    ],
)  # fmt: skip
def test_a_file_of_the_user_that_cannot_be_imported(
    name: str, code: str, message: str, call: Call, study: Path
) -> None:
    (study / "bad.py").write_text(code, "utf-8")
    done = call("run", "reference.yaml", "--import", name, exit_code=2)
    assert message.format(name) in done.stderr
    assert "bad" not in sys.modules


def test_a_changed_run_says_so(study: Path) -> None:
    done = CliRunner().invoke(main, ["run", "reference.yaml", "--set", "content={scale: 2}"])
    assert done.exit_code == 0
    folder = Path("results/reference")
    assert done.stdout.startswith(f"reference, changed  {folder}  ")
    assert done.stderr == f"note: {folder} now holds a run changed by --set content={{scale: 2}}\n"
    title = "Tiny, changed (content={scale: 2})"
    assert mfa.load(folder).attrs["title"] == title
    assert mfa.read_scenario(folder / "manifest.yaml").title == title
    figures = plot.overview(mfa.load(folder))
    assert figures["flows_Sn"].axes[0].get_title(loc="left").startswith(title)


def test_check_names_all_that_is_wrong_in_all_files(call: Call, study: Path) -> None:
    system = SYSTEM.replace("content: content", "content: contnt")
    (study / "systems" / "wrong.yaml").write_text(system, "utf-8")
    both = REFERENCE.replace("systems/cans", "systems/wrong").replace("10 %", "110 %")
    (study / "bad.yaml").write_text(both, "utf-8")
    (study / "typo.yaml").write_text("title: Typo\ninherit: reference\n", "utf-8")
    done = call("check", "bad.yaml", "typo.yaml", "nope.yaml", "reference.yaml", exit_code=2)
    for message in ("contnt", "typo.yaml:2:1", "no file nope.yaml"):
        assert message in done.stderr
    values = REFERENCE.replace("10 %", "110 %").replace("sales:", "sales: {}\n  sals:")
    (study / "bad.yaml").write_text(values, "utf-8")
    done = call("check", "bad.yaml", "nope.yaml", exit_code=2)
    assert "bad.yaml:" in done.stderr
    assert "no file nope.yaml" in done.stderr


def test_compare_of_what_differs(call: Call, study: Path) -> None:
    call("run", "reference.yaml", "-o", "a")
    call("run", "reference.yaml", "-o", "b", "--set", "content={scale: 3}")
    shown = call("compare", "a/reference", "b/reference", "--flow", "use_stock").stdout.splitlines()
    assert shown[0] == "World totals at the end of the year, t"
    assert shown[1].endswith("reference (a/reference)  reference (b/reference)")
    text = call("compare", "a/reference", "b/reference", "--csv", "--flow", "use_stock").stdout
    for line in text.splitlines()[1:]:
        one, three = line.split(",")[3:]
        assert float(three) == pytest.approx(3 * float(one), rel=1e-9)
        assert len(one.replace(".", "").lstrip("0")) <= 10
    more = SYSTEM.replace("[Sn]", "[Sn, Zn]")
    (study / "systems" / "cans.yaml").write_text(more, "utf-8")
    call("run", "reference.yaml", "-o", "c")
    shown = call("compare", "a/reference", "c/reference", "--show", "table").stdout
    assert "nan" not in shown
    assert "metal: demand     Zn        2010" in shown
    call("new", "other/own.yaml")
    own = study / "other" / "systems" / "own.yaml"
    own.write_text(own.read_text("utf-8").replace("[Sn]", "[Pb]"), "utf-8")
    call("run", "other/own.yaml", "-o", "d")
    done = call("compare", "a/reference", "d/own", "--show", "table", exit_code=2)
    assert "have no quantity, material and year in common" in done.stderr


def test_new_says_what_it_made_and_how_to_run_it(call: Call, study: Path) -> None:
    shown = call("new", "my study/a b.txt", "--system").stdout.splitlines()
    assert shown[-2] == "note: scenario files end in .yaml, so a b.txt became a b.txt.yaml"
    assert shown[-1] == "try: mfa run 'my study/a b.txt.yaml'"
    assert call("check", "my study/a b.txt.yaml").stdout.startswith("ok ")
    for name in ("", ".", ".."):
        assert "is no name of a file; try" in call("new", name, exit_code=2).stderr


def test_show_counts_values_by_year(call: Call, study: Path) -> None:
    lines = call("show", "reference.yaml").stdout.splitlines()
    assert any(line.startswith("sales ") and " 2 × 13 years " in line for line in lines)
    assert any(line.startswith("content ") and " 1  " in line for line in lines)


def test_a_model_without_flows_is_refused(call: Call, study: Path) -> None:
    head = SYSTEM.partition("processes:")[0]
    (study / "systems" / "cans.yaml").write_text(f"{head}processes: {{}}\n", "utf-8")
    for command in ("run", "check"):
        done = call(command, "reference.yaml", exit_code=2)
        assert "has no processes, so there is nothing to run" in done.stderr
        assert "systems/cans.yaml:" in done.stderr

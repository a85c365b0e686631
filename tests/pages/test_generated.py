"""The generated pages have every key, command, unit, public name and case, each with its words."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Literal

import click
import pytest

import mfa
from mfa import fit_values, forms, schema
from mfa.cli import main
from mfa.units import COMPOUNDS, UNITS

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))

from _pages import commands, keys, library, neighbours, sources, units, validation  # noqa: E402

MODELS = [
    found
    for _, found in inspect.getmembers(schema, inspect.isclass)
    if issubclass(found, schema.Model) and found is not schema.Model
]
FORMS = {**forms.KEYWORDS, "law": forms.LAW, "fit": fit_values.BESIDE}


# -------------------------------------------------------------------- files


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_of_a_file_says_what_it_means_and_is_on_a_page(model: type[schema.Model]) -> None:
    told = keys.meanings(model)
    pages = keys.systems() + keys.scenarios()
    for name, field in model.model_fields.items():
        assert told[name].endswith("."), name
        row = next(
            line for line in pages.splitlines() if line.startswith(f"| `{field.alias or name}`")
        )
        assert len(row) > 20
        assert f"| {told[name].replace('``', '`')} |" in pages


@pytest.mark.parametrize("form", FORMS)
def test_every_key_of_a_value_says_what_it_means_and_is_on_the_page(form: str) -> None:
    page = keys.values()
    told = FORMS[form]
    assert told
    for key, meaning in told.items():
        assert meaning
        assert f"| `{key}` | {keys.cell(meaning.replace('``', '`'))} |" in page


class Painted(schema.ScenarioFile):
    colour: Literal["red", "blue"] = "red"
    """Colour of its lines."""


class Mute(schema.ScenarioFile):
    colour: str = ""


def test_a_new_key_appears_by_itself_and_one_without_words_is_refused() -> None:
    assert "| `colour` | `red` or `blue` | `red` | Colour of its lines. |" in keys.rows(Painted)
    with pytest.raises(KeyError, match="colour"):
        keys.rows(Mute)


def test_needed_keys_and_defaults_are_told() -> None:
    systems = keys.systems()
    assert "| `title` | text | **needed** |" in systems
    assert "`start` or `middle` or `end` or `spread` | `spread` |" in systems
    for rule in schema.BUILT_IN:
        assert f"### rule: {rule}" in systems
    assert "[lifetime](#lifetime)" in systems


# ------------------------------------------------------------------ commands


def test_every_command_and_every_option_is_on_the_page() -> None:
    page = commands.pages()["commands.md"]
    for name, command in main.commands.items():
        assert f"## mfa {name}\n" in page
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, (name, option.name)
                for flag in option.opts:
                    assert f"`{flag}" in page or f", {flag}" in page, (name, flag)


def test_every_unit_and_every_traded_form_is_on_the_page() -> None:
    page = units.pages()["units.md"]
    for name in (*UNITS, *COMPOUNDS):
        assert f"`{name}`" in page


def test_every_cell_of_the_table_of_sources_is_on_the_page() -> None:
    text = sources.FILE.read_text("utf-8")
    page = sources.pages()["sources.md"]
    wide = [line for line in text.splitlines() if line.count("|") > sources.WIDE]
    assert len(wide) > 20
    for line in wide[2:]:
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert f"**{cells[0]}**\n" in page
            assert all(cell in page for cell in cells)
    for line in text.splitlines():
        if not line.startswith("|"):
            assert line in page


# -------------------------------------------------------------------- Python


@pytest.mark.parametrize("name", ["mfa", *library.modules()])
def test_every_public_name_is_on_the_page_of_its_module_with_words(name: str) -> None:
    module = importlib.import_module(name)
    names = list(mfa._HOMES) if name == "mfa" else library.public(module)
    page = library.page(name, module, names)
    assert names and module.__doc__
    for one in names:
        found = getattr(module, one)
        if isinstance(found, ModuleType):
            assert f"[`{one}`]({name}.{one}.md)" in page
        elif callable(found):
            assert inspect.getdoc(found), one
            assert f":: {name}.{one}\n" in page
        else:
            assert f".. py:data:: {name}.{one}\n" in page


def test_references_lead_to_public_names_and_only_to_what_exists() -> None:
    assert library.lookup("mfa.dims.years", None) == (mfa.years, "mfa.dims.years")
    assert library.lookup("years", "mfa") == (mfa.years, "mfa.years")
    assert library.lookup("mfa.dims.yeras", None) is None
    assert library.homes()[id(mfa.years)] == "mfa.years"


def test_what_a_table_holds_is_said() -> None:
    assert library.listed_in({"b": 1, "a": 2}) == "Its names: ``a``, ``b``."
    assert library.listed_in(("x", "y")) == "Its values: ``x``, ``y``."
    assert "#" in library.page("mfa.plot", mfa.plot, ["COLOURS"])


def test_bars_of_formulas_are_kept_and_those_of_examples_left() -> None:
    lines = ["a |S| and ``x | y``", ">>> 1 | 2", "3 | 4", "", "|b|"]
    library.escape(None, "", "", None, None, lines)
    assert lines == [r"a \|S\| and ``x | y``", ">>> 1 | 2", "3 | 4", "", r"\|b\|"]


def test_pages_that_no_list_names_are_found(tmp_path: Path) -> None:
    for name in ("index", "performance", "exchange", "how-to/index", "how-to/named", "how-to/new"):
        path = tmp_path / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text("# A page\n")
    assert neighbours.others(tmp_path / "how-to", "named\n") == ["new", "/exchange"]


# ---------------------------------------------------------------- validation


def test_what_a_conformance_test_compares_is_on_the_page() -> None:
    told = validation.recorded("test_supply_cases.py")
    page = validation.page(told)
    found = {(row["case"], row["what"]): row for row in told["rows"]}
    peak = found["SUP-01", "peak_rate"]
    assert (peak["published"], peak["source"]) == (1.5, "Hubbert curve")
    assert peak["ours"] == pytest.approx(1.5)
    assert "<td>peak rate</td><td>1</td><td>1.5</td><td>1.5</td><td>0</td>" in page
    cases = json.loads((ROOT / "tests/conformance/cases/supply.json").read_text("utf-8"))["cases"]
    for case in cases:
        assert f"<strong>{case['id']}</strong>" in page


def test_a_failing_comparison_makes_no_page(tmp_path: Path) -> None:
    broken = tmp_path / "test_broken.py"
    broken.write_text("def test_no():\n    assert False\n")
    with pytest.raises(RuntimeError, match="the conformance tests fail"):
        validation.recorded(str(broken))


@pytest.mark.slow
def test_the_whole_page_has_every_case_and_comes_out_the_same_twice() -> None:
    first, second = (validation.pages()["validation.md"] for _ in range(2))
    assert first == second
    for file in (ROOT / "tests/conformance/cases").glob("*.json"):
        for case in json.loads(file.read_text("utf-8")).get("cases", []):
            assert f"<strong>{case['id']}</strong>" in first, case["id"]


@pytest.mark.slow
def test_the_pages_build_without_a_warning_and_ask_nobody(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    pytest.importorskip("myst_nb")
    how = ["-q", "-W", "--keep-going", "-D", "nb_execution_mode=off", "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *how, str(ROOT / "docs"), str(tmp_path / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "html").rglob("*.html"):
        text = page.read_text("utf-8")
        for wanted in ('src="http', "src='http", 'rel="stylesheet" href="http', "@import"):
            assert wanted not in text, page.name
        assert str(ROOT) not in text, page.name

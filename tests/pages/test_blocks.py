"""Every code block of the README and of the pages runs; what cannot is told."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mfa.indicators import INDICATORS
from mfa.rules import USER_RULES
from tests.pages.blocks import BlockError, blocks, lines_of, run_page

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [
        ROOT / "README.md",
        ROOT / "scenarios" / "README.md",  # a page includes it
        *(ROOT / "docs").rglob("*.md"),
    ]
    if not {"generated", "_build"} & set(path.relative_to(ROOT).parts)
)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a copy of what a user has: the scenarios, and nothing else."""
    without = shutil.ignore_patterns("raw", "preparing", "__pycache__")
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios", ignore=without)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.syspath_prepend(str(tmp_path))
    rules, indicators, modules = dict(USER_RULES), dict(INDICATORS), set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    for kept, known in ((rules, USER_RULES), (indicators, INDICATORS)):
        for name in [name for name in known if name not in kept]:
            known.pop(name)
    import matplotlib.pyplot as plt

    plt.close("all")
    os.chdir(ROOT)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_block_of_a_page_runs(page: Path, copy: Path) -> None:
    text = page.read_text("utf-8")
    shown = [block for block in blocks(text) if not block.not_run and "{" not in block.kind]
    assert run_page(text, page.name) == len(shown)


FENCE = "```"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{FENCE}python\n1 / 0\n{FENCE}", "page:1: ZeroDivisionError"),
        (f"a\n\n{FENCE}sh\nmfa run no.yaml\n{FENCE}", "page:3: .*exit code 2"),
        (f"{FENCE}sh\nrm -r scenarios\n{FENCE}", "this command is not known"),
        (f"{FENCE}python\nprint(1)\n{FENCE}\n{FENCE}text\n2\n{FENCE}", "printed was\n1"),
        (f"{FENCE}text\n2\n{FENCE}", "nothing was printed"),
        (f"{FENCE}rust\nfn main()\n{FENCE}", "a block of kind 'rust' is not known"),
        (f"{FENCE}yaml\na: [1\n{FENCE}", "page:1: "),
        ("words:\n\n    mfa rnu\n", "page:3: .*rnu"),
    ],
)
def test_a_block_that_fails_is_told_with_its_line(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BlockError, match=message):
        run_page(text, "page")


def test_what_a_block_may_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = f"""
{FENCE}{{code-block}} yaml
:caption: folder/my.yaml

title: One
{FENCE}

<!-- not run: it would divide by zero -->
{FENCE}python
1 / 0
{FENCE}

{FENCE}python
x = 2
print(f"x is {{x}} of 10")
{FENCE}
{FENCE}text
x is ... of 10
{FENCE}
"""
    assert run_page(page, "page") == 3
    assert (tmp_path / "folder" / "my.yaml").read_text() == "title: One\n"
    assert lines_of("pip install mfa  # once\n\n$ mfa check a.yaml") == [
        "pip install mfa",
        "mfa check a.yaml",
    ]

"""The code blocks of a Markdown page, and how each is run.

=========================== ==================================================================
block                       what is done with it
=========================== ==================================================================
``python``                  runs, in the order of the page and with the names of the blocks before
``sh``, or indented         each line is a command: ``mfa …``, ``cd``, ``python FILE``
``text`` after one of them  is what was printed; ``...`` stands for anything
anything with a caption     is written to the file that the caption names
``yaml``                    has to be YAML
=========================== ==================================================================

What cannot run is told: a command by the list :data:`NOT_RUN`, any other block by a comment
``<!-- not run: why -->`` before it.  A block of another kind is an error.
"""

from __future__ import annotations

import contextlib
import doctest
import glob
import io
import os
import re
import runpy
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from mfa.cli import main
from mfa.files import read_yaml

NOT_RUN = {
    "make ": "installs, or runs these tests",
    "python3 -m venv ": "makes an environment",
    "python -m pip ": "installs",
    "pip install ": "installs",
    ".venv/bin/python -m pip ": "installs",
    ".venv/bin/python -m pytest ": "runs these tests",
    ".venv/bin/mfa run scenarios/*.yaml -o results": "is what make run does, over all scenarios",
    ".venv/bin/mfa report results/* -o results/report.html": "reports on that",
    ".venv/bin/jupyter ": "opens a browser",
    "mfa run scenarios/*.yaml --samples 10000 ": "takes hours",
    "dask scheduler": "waits for workers",
    "dask worker": "waits for work",
}
"""Beginnings of commands that no test runs, and why."""

LAYOUT = {
    "toctree",
    "include",
    "image",
    "figure",
    "eval-rst",
    "raw",
    "literalinclude",
    "note",
    "grid",
}
"""Directives that have no code."""

PRINTED = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class BlockError(AssertionError):
    """A block that does not do what its page says."""


@dataclass(frozen=True)
class Block:
    """A block of code, the line where it begins, and what stands beside it."""

    kind: str
    text: str
    line: int
    caption: str = ""
    not_run: str = ""


def blocks(text: str) -> Iterator[Block]:
    """Return the blocks of a page in order."""
    comment = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "html_block":
            found = re.search(r"<!-- not run: (.+?) -->", token.content, re.DOTALL)
            comment = found[1] if found else comment
        elif token.type in ("fence", "code_block"):
            assert token.map is not None
            yield _block(token.info.strip(), token.content, token.map[0] + 1, comment)
            comment = ""
        elif token.type.endswith("_open"):
            comment = ""


def _block(info: str, content: str, line: int, comment: str) -> Block:
    directive = re.fullmatch(r"\{([\w-]+)\}\s*(.*)", info)
    if directive is None:
        return Block(info or "sh", content, line, "", comment)
    if directive[1] != "code-block":
        return Block(f"{{{directive[1]}}}", content, line, "", comment)
    options = dict(re.findall(r"^:([\w-]+):[ \t]*(.*)$", content, re.MULTILINE))
    body = re.sub(r"\A(:[\w-]+:.*\n)+\n?", "", content)
    return Block(directive[2], body, line, options.get("caption", "").strip("`"), comment)


def run_page(text: str, name: str) -> int:
    """Run all blocks of a page in the current folder; return how many ran.

    Raises
    ------
    BlockError
        With the page and the line of the first block that fails.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    printed: str | None = None
    ran = 0
    for block in blocks(text):
        if block.kind.strip("{}") in LAYOUT and block.kind.startswith("{"):
            continue
        if block.not_run:
            printed = None
            continue
        try:
            printed = _run(block, names, printed)
        except (Exception, SystemExit) as error:
            raise BlockError(f"{name}:{block.line}: {type(error).__name__}: {error}") from error
        ran += 1
    return ran


def _run(block: Block, names: dict[str, Any], printed: str | None) -> str | None:
    """Run one block; return what it printed, if something did."""
    if block.caption:
        path = Path(block.caption)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return None
    if block.kind == "python":
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block.text, "block", "exec"), names)
        return out.getvalue()
    if block.kind in ("sh", "bash"):
        return "".join(map(command, lines_of(block.text)))
    if block.kind == "yaml":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "block.yaml"
            path.write_text(block.text, encoding="utf-8")
            read_yaml(path)
        return None
    if block.kind == "text":
        if printed is None:
            raise BlockError("nothing was printed before this text")
        if not doctest.OutputChecker().check_output(block.text, printed, PRINTED):
            raise BlockError(f"printed was\n{printed}")
        return None
    if block.kind == "mermaid":
        return None
    raise BlockError(f"a block of kind {block.kind!r} is not known; say why it is not run")


def lines_of(text: str) -> list[str]:
    """Return the commands of a block, without comments, long ones in one line.

    >>> lines_of("mfa run a.yaml \\\\\\n  -o out   # all\\n# nothing\\n")
    ['mfa run a.yaml -o out']
    """
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    bare = (re.sub(r"(^|\s)#\s.*$", "", line).strip() for line in joined.splitlines())
    return [line.removeprefix("$ ") for line in bare if line]


def command(line: str) -> str:
    """Run one command and return what it printed; nothing for one of :data:`NOT_RUN`."""
    if any(f"{line} ".startswith(start) for start in NOT_RUN):
        return ""
    written, _, target = line.partition(" > ")
    words = [name for word in shlex.split(written) for name in (sorted(glob.glob(word)) or [word])]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if words[0] == "mfa":
            if code := main(words[1:], standalone_mode=False):
                raise BlockError(f"{line}: exit code {code}")
        elif words[0] == "cd":
            os.chdir(words[1])
        elif words[0] == "python" and words[1].endswith(".py"):
            runpy.run_path(words[1], run_name="__main__")
        else:
            raise BlockError(f"{line}: this command is not known; see NOT_RUN")
    if target:
        Path(target.strip()).write_text(out.getvalue(), encoding="utf-8")
        return ""
    return out.getvalue()

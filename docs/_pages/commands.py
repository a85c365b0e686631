"""The command line, as click knows it: every command, argument and option."""

from __future__ import annotations

import inspect

import click

from mfa.cli import main


def pages() -> dict[str, str]:
    """Return the page of the command line."""
    lines = ["# Command line", "", inspect.cleandoc(main.help or ""), ""]
    lines += [
        "Bad input is told in a message with file, line and column, and ends with exit code 2; an",
        "unforeseen failure ends with 1. `--help` stands beside every command.",
        "",
        "| command | what it does |",
        "|---|---|",
    ]
    lines += [
        f"| [`mfa {name}`](#mfa-{name}) | {cell(command.get_short_help_str(200))} |"
        for name, command in sorted(main.commands.items())
    ]
    for name, command in sorted(main.commands.items()):
        lines += ["", *section(name, command)]
    return {"commands.md": "\n".join(lines) + "\n"}


def section(name: str, command: click.Command) -> list[str]:
    """Return what is said of one command."""
    context = click.Context(command, info_name=f"mfa {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"## mfa {name}", "", "```text", f"mfa {name} {usage}".rstrip(), "```", ""]
    lines += [inspect.cleandoc(command.help or ""), ""]
    rows = []
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            told = option.get_help_record(context)
            assert told is not None
            rows.append(f"| `{cell(told[0])}` | {cell(told[1])} |")
    return lines + (["| option | what it does |", "|---|---|", *rows, ""] if rows else [])


def cell(text: str) -> str:
    """Return a text that may stand in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")

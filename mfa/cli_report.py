"""The command ``mfa report``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from mfa.errors import MfaError
from mfa.files import replacing


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR…")
@click.option(
    "-o", "--out", "file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="The page, or the checklist.  [default: report.html; a checklist is printed]",
)  # fmt: skip
@click.option(
    "--checklist", is_flag=True,
    help="The reporting checklist of the study, filled in from the run, in Markdown, instead of the page.",
)  # fmt: skip
@click.option(
    "--import", "modules", multiple=True, metavar="MODULE",
    help="Python file or module with your own rules.",
)  # fmt: skip
def report(
    folders: Sequence[str], file: Path | None, checklist: bool, modules: Sequence[str]
) -> None:
    """Write results as one interactive page that opens offline.

    Figures, indicators, risk, assumptions with their sources, and the data
    behind each figure, for every scenario in the folders.
    """
    if modules:
        from mfa.user_rules import import_rules

        import_rules(modules)
    if checklist:
        _checklist(folders, file)
        return
    from mfa.report import report as write

    target, names, beside = write([*folders], file or Path("report.html"), modules=modules)
    if beside:
        click.echo(f"left out, no results: {', '.join(beside)}", err=True)
    size = target.stat().st_size / 1e6
    count = "1 scenario" if len(names) == 1 else f"{len(names)} scenarios"
    click.echo(f"wrote {target}: {count}, {size:.1f} MB")


def _checklist(folders: Sequence[str], file: Path | None) -> None:
    from mfa.checklists import checklist

    text = "\n\n".join(checklist(Path(folder)).rstrip() for folder in folders) + "\n"
    if file is None:
        click.echo(text, nl=False)
        return
    if file.suffix != ".md":
        raise MfaError(f"{str(file)!r}: a checklist is Markdown; name a file that ends in .md")
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    click.echo(f"wrote {file}")

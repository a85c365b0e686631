"""Commands on results that are there: compare, explain, cite and rerun."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mfa.errors import MfaError

FOLDER = click.argument("folder", metavar="DIR")
IMPORTS = click.option(
    "--import",
    "modules",
    multiple=True,
    metavar="MODULE",
    help="Python file or module with your own rules.",
)


def import_rules(modules: Sequence[str]) -> None:
    """Import the rules of the user."""
    if modules:
        from mfa.user_rules import import_rules as imported

        imported(modules)


# --------------------------------------------------------------------- compare


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR…")
@click.option(
    "--flow", metavar="NAME",
    help="Side by side: one flow, stock or indicator instead of demand, primary and secondary supply.",
)  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help="Print all numbers, comma-separated.")
@click.option(
    "--show", type=click.Choice(["differences", "table"]),
    help="What differs from the first, or all side by side.  "
    "[default: differences of two; table of others, and with --csv or --flow]",
)  # fmt: skip
@click.option("--year", type=int, metavar="YEAR", help="Differences of this year only.")
@click.option(
    "--by", type=click.Choice(["absolute", "relative"]),
    help="Which differences are the largest.  [default: absolute]",
)  # fmt: skip
@click.option(
    "--most", type=click.IntRange(min=0), metavar="N",
    help="Differences shown of each unit; 0 for all.  [default: 12]",
)  # fmt: skip
@IMPORTS
def compare(
    folders: Sequence[str], flow: str | None, as_csv: bool, show: str | None, year: int | None,
    by: str | None, most: int | None, modules: Sequence[str],
) -> None:  # fmt: skip
    """Compare results: what differs between two, or several side by side.

    Of two results: first the parameters that differ, from which file and line,
    then the world totals that follow, the largest difference first.  Of more,
    or with --show table, --flow or --csv: world totals side by side.
    """
    import_rules(modules)
    from mfa.comparison import results_among

    results, beside = results_among(folders)
    if beside:
        click.echo(f"left out, no results: {', '.join(beside)}", err=True)
    plain = len(results) == 2 and flow is None and not as_csv
    only = {"--year": year, "--by": by, "--most": most}
    if (show or ("differences" if plain else "table")) == "table":
        if given := [name for name, value in only.items() if value is not None]:
            raise MfaError(f"{given[0]} is for differences; write --show differences beside it")
        _side_by_side(results, flow, as_csv)
        return
    if flow is not None:
        raise MfaError(
            "--flow is for results side by side; differences are of all flows and stocks"
        )
    if len(results) < 2:
        raise MfaError("differences are between two results; name another one")
    for number, other in enumerate(results[1:]):
        if number:
            click.echo("")
        _differences(
            results[0], other, as_csv, year, by or "absolute", 12 if most is None else most
        )


def _differences(
    first: str, second: str, as_csv: bool, year: int | None, by: str, most: int
) -> None:
    from mfa.differences import differences, largest
    from mfa.explain import aligned

    found = differences(first, second, year=year, by=by)
    one, other = found.names
    if as_csv:
        click.echo(
            found.results.to_csv(index=False, lineterminator="\n", float_format="%.10g"), nl=False
        )
        return
    click.echo(f"{one} → {other}")
    for text in found.structure:
        click.echo(f"  {text}")
    names = dict.fromkeys(one.parameter for one in found.parameters)
    click.echo(f"\nparameters that differ: {len(names)} of {found.compared} that both have")
    for own in found.parameters:
        click.echo(f"  {own.parameter}: {own.change}")
        for text in own.cells:
            click.echo(f"      {text}")
        if own.now:
            click.echo(f"      {own.now}; before {own.before}")
    variables = found.results["variable"].nunique()
    click.echo(f"\nvariables whose world totals differ: {variables}")
    for head, lines, more in largest(found.results, most):
        title = ("variable", "material", "year", one, other, "difference", "")
        click.echo(f"\n{head}, largest {by} difference first")
        click.echo(aligned([title, *lines], right=range(3, 7)))
        if more:
            click.echo(f"… and {more} more; --most 0 shows all, --csv every year")


def _side_by_side(results: Sequence[str], flow: str | None, as_csv: bool) -> None:
    from mfa.comparison import PEAK, SHARE, SUPPLY
    from mfa.comparison import compare as compared
    from mfa.explain import aligned

    table = compared(results, flow)
    if as_csv:
        click.echo(table.to_csv(lineterminator="\n", float_format="%.10g"), nl=False)
        return
    unit = table.attrs["units"]
    is_mass = ~table.index.get_level_values("quantity").isin([SHARE, PEAK])
    large = unit.startswith("t") and float(table[is_mass].abs().max().max()) >= 1e4
    digits, mined = {SHARE: ".1f", PEAK: ".0f"}, SUPPLY["primary_supply"]

    def cell(key: tuple[str, str, int], place: int, value: float) -> str:
        quantity, material, year = key
        if value != value:  # NaN: not in this one, or no peak up to the last year
            supplied = values.get((mined, material, year))
            there = supplied is not None and supplied[place] > 0
            return "not yet" if quantity == PEAK and there else ""
        usual = ",.1f" if unit.startswith("t") else ".0f" if unit == "year" else ",.3f"
        scaled = value / 1e3 if large and quantity not in digits else value
        return format(scaled, digits.get(quantity, usual))

    keys = [(str(quantity), str(material), int(year)) for quantity, material, year in table.index]
    values = dict(zip(keys, table.values.tolist(), strict=True))
    rows = [
        (*map(str, key), *(cell(key, place, value) for place, value in enumerate(row)))
        for key, row in values.items()
    ]
    head = ("quantity", "material", "year", *map(str, table.columns))
    what = "World totals at the end of the year" if unit == "t" else "World totals"
    click.echo(f"{what}, {'k' if large else ''}{unit}")
    click.echo(aligned([head, *rows], right=range(3, len(head))))


# ------------------------------------------------------- explain, cite, rerun


@click.command()
@FOLDER
@click.argument("name", metavar="NAME")
@click.argument("cell", nargs=-1, metavar="year=YEAR [DIM=LABEL…]")
@click.option(
    "--steps", type=click.IntRange(min=1), default=25, show_default=True, metavar="N",
    help="Numbers that are followed, the largest first.",
)  # fmt: skip
@IMPORTS
def explain(
    folder: str, name: str, cell: Sequence[str], steps: int, modules: Sequence[str]
) -> None:
    """Explain a number of a result, back to files, lines and sources.

    NAME is a flow, a stock, a parameter, or a quantity or rate of roles.
    Dimensions that are left out are added up; sample=17 chooses a sample,
    scenario=NAME one of several scenarios.
    """
    import_rules(modules)
    from mfa.tracing import trace

    given: dict[str, str] = {}
    for text in cell:
        dim, equals, label = text.partition("=")
        if not equals:
            raise MfaError(f"{text!r}: write a dimension and its label, like material=Co")
        if given.setdefault(dim, label) != label:
            raise MfaError(f"{dim}: both {given[dim]!r} and {label!r} are given; choose one")
    sample = given.pop("sample", None)
    if sample is not None and not sample.isdecimal():
        raise MfaError(f"sample={sample}: a sample is a number, like sample=0")
    scenario, year = given.pop("scenario", None), given.pop("year", None)
    number = None if sample is None else int(sample)
    click.echo(
        str(trace(folder, name, given, year=year, scenario=scenario, sample=number, steps=steps))
    )


@click.command()
@FOLDER
@click.option(
    "--format", "name", type=click.Choice(["bibtex", "cff"]), default="bibtex", show_default=True,
    help="BibTeX, or the Citation File Format.",
)  # fmt: skip
@IMPORTS
def cite(folder: str, name: str, modules: Sequence[str]) -> None:
    """Print what to cite for a result: software, sources of its data, methods."""
    import_rules(modules)
    from mfa.citations import cite as cited
    from mfa.citations import in_format

    click.echo(in_format(cited(folder), name))


@click.command()
@FOLDER
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="Processes for samples.",
)  # fmt: skip
@IMPORTS
@click.pass_context
def rerun(ctx: click.Context, folder: str, workers: int, modules: Sequence[str]) -> None:
    """Run the manifest of a result again and prove that its numbers are the same.

    Nothing is written.  The exit code is 0 if they are, 1 if they differ; then
    the variables are named, by how much they differ, and which packages do.
    """
    import_rules(modules)
    from mfa.reruns import rerun as again

    found = again(folder, workers=workers)
    click.echo(str(found))
    ctx.exit(0 if found.same else 1)


COMMANDS = (compare, explain, cite, rerun)
"""Registered in :mod:`mfa.cli`."""

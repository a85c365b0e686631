"""The command line: ``mfa run``, ``check``, ``show``, ``plan``, ``fit``, ``decompose`` and others.

Commands on results that are there stand in :mod:`mfa.cli_results`.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from mfa import __version__, cli_results
from mfa.cli_exchange import export
from mfa.cli_report import report
from mfa.cli_results import IMPORTS, import_rules
from mfa.errors import MfaError, each, known
from mfa.files import replacing
from mfa.sample_options import order_of, run_samples, sampling

if TYPE_CHECKING:
    from mfa.scenario import Scenario

FILES = click.argument("files", nargs=-1, required=True, metavar="FILE…")
FILE = click.argument("file", metavar="FILE")


class Commands(click.Group):
    """Turns bad input into a message and exit code 2, and suggests commands."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MfaError as error:
            click.echo(str(error), err=True)
            ctx.exit(2)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command {args[0]!r}. {known(args[0], self.commands, 'commands')}")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mfa")
def main() -> None:
    """Dynamic material-flow analysis: scenarios in, flows and stocks out."""


@main.command()
@FILES
@click.option(
    "-o", "--out", "folder", default="results", show_default=True, metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path), help="Where the folders of results go.",
)  # fmt: skip
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PARAM=VALUE",
    help="A value for every scenario of this run.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that work side by side; without it one for each core.",
)
@sampling
@IMPORTS
def run(
    files: Sequence[str], folder: Path, settings: Sequence[str], workers: int | None,
    modules: Sequence[str], **given: Any,
) -> None:  # fmt: skip
    """Run scenarios and write one folder of results for each.

    A FILE is a scenario, a grid of scenarios, or the manifest.yaml of an earlier
    result.  All files are read and run before anything is written.  With --set
    the folder keeps its name, and its title says what was changed.

    With --samples the uncertain values are drawn, and the folder has all
    samples.  A run that was interrupted goes on where it stopped, one that is
    finished is not done again.
    """
    start = perf_counter()
    order = order_of(given, workers)
    import_rules(modules)
    from mfa import batches
    from mfa.explain import aligned
    from mfa.teams import cores

    scenarios = batches.read(files, settings)
    if order is not None:
        run_samples(scenarios, folder, order, given, modules)
        return
    count = min(workers or cores(), len(scenarios))
    done = batches.run(scenarios, folder, workers=count, modules=modules)
    ending = ", changed" if settings else ""
    lines = [
        (
            f"{one.name}{ending}",
            str(one.folder),
            f"balance residual {one.balance_residual:.1e}",
            f"{one.seconds:.2f} s",
        )
        for one in done
    ]
    click.echo(aligned(lines))
    if len(done) > 1:
        how = f"{count} workers" if count > 1 else "1 worker"
        click.echo(f"{len(done)} scenarios in {perf_counter() - start:.1f} s, {how}")
    if targets := [(f"{one.name}{ending}", *found) for one in done for found in one.targets]:
        click.echo(f"\ntargets\n{aligned(targets)}")
    if settings:
        changed = "; ".join(settings)
        for one in done:
            click.echo(f"note: {one.folder} now holds a run changed by --set {changed}", err=True)


@main.command()
@FILES
@IMPORTS
def check(files: Sequence[str], modules: Sequence[str]) -> None:
    """Check scenarios without running them; name all that is wrong in all files."""
    import_rules(modules)

    from mfa.explain import aligned

    def checked(file: str) -> list[tuple[str, str, str]]:
        from mfa.parameters import build_parameters
        from mfa.plans import plan as compile_plan
        from mfa.runs import prepare
        from mfa.target_checks import rehearse

        def line(scenario: Scenario) -> tuple[str, str, str]:
            steps: list[Callable[[], Any]] = [
                partial(compile_plan, scenario.system),
                partial(build_parameters, scenario),
            ]
            compiled, parameters = each(steps, lambda step: step())
            each(
                [
                    partial(prepare, compiled, parameters),
                    partial(rehearse, compiled, scenario.targets),
                ],
                lambda step: step(),
            )
            values = f"{len(scenario.parameters)} parameters, {len(compiled.flows)} flows"
            if compiled.roles is not None:
                values += f", {len(compiled.roles.terms)} roles"
            if names := {clause.name for clause in scenario.targets}:
                values += f", {len(names)} target{'s' if len(names) > 1 else ''}"
            return "ok", file, f"{values}, {scenario.years[0]}–{scenario.years[1]}"

        scenarios = _scenarios(file)
        lines = each(scenarios, line)
        if not scenarios[0].varied:
            return lines
        return [("ok", file, f"{len(lines)} scenarios, each {lines[0][2]}")]

    click.echo(aligned([line for lines in each(files, checked) for line in lines]))


@main.command()
@FILE
@click.argument("parameter", required=False, metavar="[PARAM]")
@IMPORTS
def show(file: str, parameter: str | None, modules: Sequence[str]) -> None:
    """Show a scenario, or the values of one parameter and where each comes from.

    Of a grid: its scenarios and what each varies, or the parameter in each.
    """
    import_rules(modules)
    from mfa.explain import explain_grid, explain_parameter, explain_scenario

    scenarios = _scenarios(file)
    if scenarios[0].varied:
        click.echo(explain_grid(scenarios, parameter))
        return
    for scenario in scenarios:
        click.echo(
            explain_parameter(scenario, parameter) if parameter else explain_scenario(scenario)
        )


@main.command()
@FILE
@click.option(
    "--mermaid", is_flag=True, help="Print the drawing of the system in the Mermaid language."
)
@IMPORTS
def plan(file: str, mermaid: bool, modules: Sequence[str]) -> None:
    """Print the steps that a scenario or a system compiles to."""
    import_rules(modules)
    from mfa.files import read_yaml
    from mfa.plans import plan as compile_plan
    from mfa.system import read_system

    system = read_system(file) if "processes" in read_yaml(file) else _scenarios(file)[0].system
    compiled = compile_plan(system)
    click.echo(compiled.mermaid() if mermaid else str(compiled))


@main.command()
@click.argument("data", metavar="DATA.csv")
@click.option("--law", required=True, help="logistic, gompertz, richards, modified_exponential, …")
@click.option(
    "--by",
    required=True,
    metavar="COLUMN|CSV",
    help="What the law is a function of: year, a column, a table.",
)
@click.option("--per", metavar="CSV", help="A table that the value is divided by: the population.")
@click.option(
    "--group", metavar="COLUMN", help="Labels with a saturation each; they share the shape."
)
@click.option("--where", multiple=True, metavar="COLUMN=LABEL", help="Rows that count.")
@click.option("--first", type=int, metavar="YEAR", help="First year that counts.")
@click.option("--last", type=int, metavar="YEAR", help="Last year that counts.")
@click.option(
    "--scale",
    default="linear",
    type=click.Choice(["linear", "log"]),
    show_default=True,
    help="The law is one of the value of --by, or of its logarithm.",
)
@click.option(
    "--noise",
    default="additive",
    type=click.Choice(["additive", "relative"]),
    show_default=True,
    help="Errors are alike in size, or in proportion to the value.",
)
@click.option(
    "--pooling", default="free", type=click.Choice(["free", "partial"]), show_default=True,
    help="Saturations of groups on their own, or drawn towards each other.",
)  # fmt: skip
@click.option(
    "-o", "--out", metavar="FIT.yaml", help="Where to write it; without it, it is only shown."
)
def fit(
    data: str, law: str, by: str, per: str | None, group: str | None, where: Sequence[str],
    first: int | None, last: int | None, scale: str, noise: str, pooling: str, out: str | None,
) -> None:  # fmt: skip
    """Fit a growth law to a table, say what the data identify, and write it for scenarios."""
    from mfa.demand import fit as fitted
    from mfa.demand.fit_data import read_points
    from mfa.demand.fit_files import describe, write

    if out is not None and (not out or Path(out).suffix not in (".yaml", ".yml")):
        raise MfaError(f"--out {out!r}: a fit is written as YAML; name a file that ends in .yaml")
    for part in where:
        if "=" not in part:
            raise MfaError(f"--where {part!r}: name a column and its label, COLUMN=LABEL")
    chosen = dict(part.partition("=")[::2] for part in where)
    x, y = read_points(data, by, per=per, group=group, where=chosen, years=(first, last))
    found = fitted(
        law, x, y, x_dim="year", scale=scale, noise=noise, pooling=pooling, missing="drop"
    )
    if out:
        write(found, out, shlex.join(sys.argv[1:]))
    click.echo(describe(found))
    if y.attrs["left_out"]:
        click.echo(y.attrs["left_out"])
    if out:
        click.echo(f"wrote {out}")


@main.command()
@FILE
@click.option(
    "--of", required=True, metavar="NAME[+NAME…]", help="Flow, stock or indicator, or a sum."
)
@click.option("--year", "years", type=int, multiple=True, help="Only this year.")
@click.option("--at", "chosen", multiple=True, metavar="DIM=LABEL", help="Only this label.")
@click.option("--sum", "over", multiple=True, metavar="DIM", help="A dimension to add up.")
@click.option(
    "--orders", type=int, default=32, show_default=True,
    help="Orders to draw with more than 8 levers.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draw.")
@click.option(
    "-o", "--out", "outs", multiple=True, metavar="FILE", type=click.Path(path_type=Path),
    help="A table (.csv) or a waterfall (.png).",
)  # fmt: skip
@IMPORTS
def decompose(
    file: str, of: str, years: Sequence[int], chosen: Sequence[str], over: Sequence[str],
    orders: int, seed: int, outs: Sequence[Path], modules: Sequence[str],
) -> None:  # fmt: skip
    """Divide the change of a scenario against its root among its levers."""
    import_rules(modules)
    from mfa.contribution_tables import as_text, require_format, write
    from mfa.contributions import decompose as decomposed
    from mfa.manifest import read_scenario

    for path in outs:
        require_format(path)
    if wrong := [text for text in chosen if "=" not in text]:
        raise MfaError(f"--at {wrong[0]}: write it as DIM=LABEL")
    year = years[0] if len(years) == 1 else list(years) or None
    at: dict[str, str] = {}
    for dim, label in (text.split("=", 1) for text in chosen):
        if at.setdefault(dim, label) != label:
            raise MfaError(
                f"--at {dim}: both {at[dim]!r} and {label!r} are chosen; choose one, or leave it out "
                "to keep all"
            )
    parts = decomposed(
        read_scenario(file), of, year=year, at=at, sum=over, orders=orders, seed=seed
    )
    for path in outs:
        write(parts, path)
    click.echo(as_text(parts))


@main.command()
@IMPORTS
def indicators(modules: Sequence[str]) -> None:
    """List the indicators: what each means, what it is made from, where it is defined."""
    import_rules(modules)
    from mfa.indicators import INDICATORS

    for name, found in sorted(INDICATORS.items()):
        click.echo(f"{name}({', '.join(found.inputs)})\n    {found.meaning}")
        if found.reference:
            click.echo(f"    {' '.join(found.reference.split())}")


@main.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--system",
    "own_system",
    is_flag=True,
    help="With a system of its own, even beside a reference.yaml.",
)
def new(file: Path, own_system: bool) -> None:
    """Write a commented scenario that runs as it is.

    Beside a reference.yaml it inherits that scenario; elsewhere it gets a
    small system of its own in systems/.
    """
    if file.name in ("", ".."):
        raise MfaError(f"{str(file)!r} is no name of a file; try: mfa new my_scenario.yaml")
    given, file = file, file if file.suffix == ".yaml" else file.with_name(f"{file.name}.yaml")
    templates = Path(__file__).parent / "templates"
    child = not own_system and (file.parent / "reference.yaml").exists()
    system = Path("systems") / file.name
    text = (templates / ("child.yaml" if child else "scenario.yaml")).read_text(encoding="utf-8")
    written = {file: text.replace("{system}", system.as_posix())}
    if not child:
        written[file.parent / system] = (templates / "system.yaml").read_text(encoding="utf-8")
    if there := [path for path in written if path.exists()]:
        raise MfaError(f"{there[0]} is there already and is not overwritten; choose another name")
    for path, content in written.items():
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
        click.echo(f"wrote {path}")
    if given.suffix not in ("", ".yaml"):
        click.echo(f"note: scenario files end in .yaml, so {given.name} became {file.name}")
    click.echo(f"try: mfa run {shlex.quote(str(file))}")


main.add_command(export)
main.add_command(report)
for _command in cli_results.COMMANDS:
    main.add_command(_command)

# ------------------------------------------------------------------ helpers


def _scenarios(file: str) -> list[Scenario]:
    from mfa.manifest import read_scenarios

    return read_scenarios(file)


if __name__ == "__main__":
    main()

"""The command ``mfa export``: results for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mfa.errors import MfaError, each

if TYPE_CHECKING:
    import xarray as xr

FORMATS = ("iamc", "excel", "datapackage", "premise", "stan")

OF_FORMATS = {
    "long": ("iamc",),
    "dialect": ("iamc",),
    "years": ("iamc",),
    "only": ("excel", "datapackage"),
    "year": ("stan",),
    "couple": ("premise",),
}
"""The formats that an option is for."""


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR…")
@click.option("--to", required=True, type=click.Choice(FORMATS), help="What to write.")
@click.option(
    "-o", "--out", required=True, metavar="PATH", type=click.Path(path_type=Path),
    help="A file (.csv or .xlsx), or the folder of a datapackage or of premise.",
)  # fmt: skip
@click.option("--long", is_flag=True, help="iamc: a row, not a column, for each year.")
@click.option("--dialect", help="iamc: whose names, common-definitions (default) or circomod.")
@click.option(
    "--years",
    type=click.Choice(["reporting", "all"]),
    help="iamc: every fifth year to 2050 and every tenth after (default), or all.",
)
@click.option("--only", multiple=True, metavar="NAME", help="excel, datapackage: this quantity.")
@click.option("--year", multiple=True, type=int, help="stan: this period; else every fifth year.")
@click.option(
    "--couple",
    metavar="MODEL=PATHWAY",
    help="premise: the pathway it goes with, image=SSP2-Base (default).",
)
def export(folders: Sequence[str], to: str, out: Path, **given: Any) -> None:
    """Write results for pyam, Excel, frictionless, premise or STAN.

    A DIR is a folder of results; --to iamc puts several into one table.
    """
    told = {name: value for name, value in given.items() if value}
    for name in told:
        if to not in OF_FORMATS[name]:
            raise MfaError(f"--{name} is for --to {' and '.join(OF_FORMATS[name])}, not for {to}")
    if len(folders) > 1 and to != "iamc":
        raise MfaError(f"--to {to} writes one result; export each to a path of its own")
    from mfa.results import load

    results = each(folders, load)
    written = _write(results, to, out, told)
    click.echo(f"wrote {written}")


def _write(results: Sequence[xr.Dataset], to: str, out: Path, told: dict[str, Any]) -> Path:
    from mfa import exchange

    match to:
        case "iamc":
            return exchange.write_iamc(results, out, **told)
        case "excel":
            return exchange.write_excel(results[0], out, **told)
        case "datapackage":
            return exchange.write_datapackage(results[0], out, **told)
        case "stan":
            return exchange.write_stan(results[0], out, told.get("year", ()))
    model, equals, pathway = told.get("couple", "image=SSP2-Base").partition("=")
    if not equals:
        raise MfaError(f"--couple {model}: write it as MODEL=PATHWAY")
    return exchange.write_premise(results[0], out, model, pathway)

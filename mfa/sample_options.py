"""Options of ``mfa run`` for many samples, and what it prints of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mfa.errors import MfaError

if TYPE_CHECKING:
    from mfa.sample_batches import Order
    from mfa.scenario import Scenario

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--samples", type=click.IntRange(min=1), metavar="N",
        help="Draw the uncertain values so many times, and keep every sample.",
    ),
    click.option("--seed", type=int, metavar="S", help="Of the draws.  [default: 0]"),
    click.option(
        "--design", type=click.Choice(["random", "lhs", "sobol", "saltelli"]),
        help="Monte Carlo, Latin hypercube, Sobol sequence, or for Sobol indices.  [default: random]",
    ),
    click.option(
        "--independent", is_flag=True,
        help="Other draws in every scenario; else a sample has the same in all of them.",
    ),
    click.option(
        "--keep", multiple=True, metavar="NAME[:DIM+DIM]…",
        help="A flow, stock, parameter (summed over dims), quantity of a role or rate; all: every flow and stock.",
    ),
    click.option(
        "--sample", type=click.IntRange(min=0), metavar="K",
        help="Only this sample, whole, in a folder of its own.",
    ),
    click.option(
        "--executor", type=click.Choice(["serial", "threads", "processes"]),
        help="Where samples are computed.  [default: processes]",
    ),
    click.option(
        "--cluster", metavar="ADDRESS", help="Of a dask scheduler whose workers compute the samples."
    ),
    click.option(
        "--block", type=click.IntRange(min=1), metavar="B",
        help="Samples of one task, rounded up to 64.  [default: 256]",
    ),
    click.option(
        "--memory", metavar="SIZE",
        help="What samples may take, beside the program and its inputs, like 500MB or 4GiB: fewer workers "
        "and smaller tasks if it has to be.  [default: 2GiB]",
    ),
    click.option(
        "--store", type=click.Choice(["netcdf", "zarr"]),
        help="How samples are stored.  [default: netcdf if twice their size fits the memory]",
    ),
    click.option(
        "--resume", is_flag=True,
        help="Go on where an earlier run stopped, and skip what is finished: this is the default.",
    ),
    click.option("--force", is_flag=True, help="Do again what is finished."),
    click.option("--dry-run", is_flag=True, help="Tell size, memory and time, and stop."),
)  # fmt: skip

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
BINARY = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def sampling(command: Function) -> Function:
    """Give a command the options of many samples."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def order_of(given: dict[str, Any], workers: int | None) -> Order | None:
    """Return what is asked for, or nothing if no samples are.

    Raises
    ------
    MfaError
        If options are given that mean nothing without others.
    """
    told = {key: value for key, value in given.items() if value not in (None, (), False)}
    if "samples" not in told and "sample" not in told:
        if told:
            name = "--" + min(told).replace("_", "-")
            raise MfaError(f"{name} is for many samples; say how many: --samples 1000 {name} …")
        return None
    if "resume" in told and "force" in told:
        raise MfaError(
            "--resume and --force exclude each other: one keeps what is finished, the other does it again"
        )
    if "samples" not in told and told.get("design") == "lhs":
        raise MfaError("--sample with --design lhs needs --samples: a draw belongs to their number")
    if told.get("samples") and told.get("sample", 0) >= told.get("samples", 1):
        last = told["samples"] - 1
        raise MfaError(f"--sample {told['sample']}: the samples are 0 to {last}")
    if "cluster" in told:
        for name, value in (("--executor", told.get("executor")), ("--workers", workers)):
            if value is not None:
                raise MfaError(
                    f"{name} and --cluster exclude each other: the cluster has its own workers"
                )
    from mfa.sample_batches import Order

    for key in ("sample", "dry_run", "resume"):
        told.pop(key, None)
    if "keep" in told:
        told["keep"] = kept(told["keep"])
    if "memory" in told:
        told["memory"] = size(told["memory"])
    told.setdefault("samples", 1)
    return Order(workers=workers, **told)


def kept(words: Sequence[str]) -> str | dict[str, tuple[str, ...]]:
    """Read what is to be kept.

    >>> kept(["demand", "mine_to_ore:mine_country"])
    {'demand': (), 'mine_to_ore': ('mine_country',)}
    """
    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    if "all" in names:
        if names != ["all"]:
            raise MfaError("--keep all keeps every flow and stock; leave the other names out")
        return "all"
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        head, colon, dims = name.partition(":")
        found[head] = tuple(dims.split("+")) if colon else ()
    return found


def size(text: str) -> int:
    """Read a number of bytes.

    >>> size("2GiB"), size("500 MB")
    (2147483648, 500000000)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*", text, re.IGNORECASE)
    if found is None or (found[3] and not found[2]) or not float(found[1]):
        raise MfaError(f"--memory {text!r}: write a size like 500MB or 4GiB")
    scale = (BINARY if found[3] else UNITS)[found[2].upper()]
    return int(float(found[1]) * scale)


def run_samples(
    scenarios: Sequence[Scenario],
    folder: Path,
    order: Order,
    given: dict[str, Any],
    modules: Sequence[str],
) -> None:
    """Run samples of scenarios and print what became of each."""
    from mfa import sample_batches
    from mfa.explain import aligned
    from mfa.sampling import ranges

    if given["sample"] is not None:
        _one_sample(scenarios, folder, order, given)
        return
    start = perf_counter()
    todo = sample_batches.items(scenarios, folder, order, modules)
    if given["dry_run"]:
        click.echo(aligned(list(sample_batches.estimate(todo, order))))
        return
    lost = 0
    for done in sample_batches.run(todo, order):
        if done.skipped:
            what = "finished before with the same inputs, skipped; --force does it again"
        else:
            what = f"{order.samples - len(done.failed):,} samples, {done.seconds:.1f} s"
            if done.found_before:
                what += f", gone on after {done.found_before} of {done.found_before + done.computed} chunks"
        click.echo(f"{done.name}  {done.folder}  {what}")
        if done.note:
            click.echo(f"note: {done.note}", err=True)
        lost += len(done.failed)
        for one in done.failed[:MOST_FAILURES]:
            click.echo(f"note: {done.name}, left out: {one}", err=True)
        if len(done.failed) > MOST_FAILURES:
            more = ", ".join(ranges([one.sample for one in done.failed[MOST_FAILURES:]]))
            click.echo(f"note: {done.name}, left out as well: samples {more}", err=True)
    if lost:
        first = "add --sample K to the command to run sample K alone"
        click.echo(f"note: {lost} samples could not be run; {first}", err=True)
    if len(todo) > 1:
        click.echo(f"{len(todo)} scenarios in {perf_counter() - start:.1f} s")


MOST_FAILURES = 5
"""Failing samples of a scenario whose values are printed."""


def _one_sample(
    scenarios: Sequence[Scenario], folder: Path, order: Order, given: dict[str, Any]
) -> None:
    from mfa.errors import each
    from mfa.results import save
    from mfa.sampling import one_sample

    number = given["sample"]

    def ran(scenario: Scenario) -> Any:
        return one_sample(
            scenario, number, order.samples, order.seed, order.design, order.independent
        )

    for scenario, (result, told) in zip(scenarios, each(scenarios, ran), strict=True):
        target = save(result, folder / f"{scenario.name}-sample-{number}")
        click.echo(f"{scenario.name}  {target}  sample {number}: {told}")

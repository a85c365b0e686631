"""Units of what processes name: what drives a flow is mass per year, a share has no unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mfa.errors import Problems
from mfa.lifetime_fields import lifetime_parameters
from mfa.schema import UserProcess
from mfa.steps import Step
from mfa.stock_step import StockStep
from mfa.system import System, expressions, factors
from mfa.units import product

OTHERS = {
    "capacity": "t/yr",
    "target": "t",
    "target_days": "1",
    "fill_rate": "1",
    "release_rate": "t/yr",
    "elasticity": "1",
    "highest_price": "1",
    "ratio": "1",
}
"""Units of what limits a flow, by the last key of its path."""


def check_units(system: System, compiled: list[Step], problems: Problems) -> None:
    """What drives a flow is mass per year, what drives a stock with content is what it contains."""

    def unit(expression: str) -> str:
        return product(*(system.parameters[name].unit for name in factors(expression)))

    def must_be(step: Step, key: str, expression: str, expected: str, *inside: Any) -> None:
        found = unit(expression)
        if found != expected:
            problems.add(
                f"process {step.name!r}: {key} ({expression}) is in {found}, it must be in {expected}",
                system.place("processes", step.name, key, *inside),
            )

    for name in system.processes:
        _check_limits(system, name, unit, problems)
    for step in compiled:
        process = step.process
        if isinstance(step, StockStep) and step.driver:
            key = "stock" if step.by_stock else "inflow"
            text = " * ".join(filter(None, (step.driver, step.content)))
            must_be(step, key, text, "t" if step.by_stock else "t/yr")
            _check_reused_units(step, unit, must_be, problems)
        elif getattr(process, "gives", None):
            must_be(step, "gives", process.gives, "t/yr")  # type: ignore[attr-defined]
        elif getattr(process, "takes", None):
            must_be(step, "takes", process.takes, "t/yr")  # type: ignore[attr-defined]
        for (key, *inside), text in _share_expressions(step).items():
            must_be(step, key, text, "1", *inside)
        if isinstance(step, StockStep):
            for key, text in lifetime_parameters(step.lifetime).items():
                if text in system.parameters:
                    must_be(step, "lifetime", text, "1" if key == "shape" else "yr", key)


def _check_limits(
    system: System, name: str, unit: Callable[[str], str], problems: Problems
) -> None:
    """A capacity is mass per year, a ratio of by-product to host has no unit."""
    if isinstance(system.processes[name], UserProcess):
        return
    for path, text in expressions(system.processes[name]).items():
        expected = OTHERS.get(str(path[-1]))
        if path[0] == "shares" or expected is None or (found := unit(text)) == expected:
            continue
        problems.add(
            f"process {name!r}: {path[-1]} ({text}) is in {found}, it must be in {expected}",
            system.place("processes", name, *path),
        )


def _check_reused_units(
    step: StockStep,
    unit: Callable[[str], str],
    must_be: Callable[..., None],
    problems: Problems,
) -> None:
    """What another stock retires is counted in the unit in which this one demands."""
    if step.reuse is None or not step.driver:
        return
    other = step.reuse.other
    retired = unit(other.inflow) if other.inflow else product(unit(str(other.stock)), "1/yr")
    if retired != unit(step.driver):
        problems.add(
            f"process {step.name!r}: it demands units in {unit(step.driver)}, {step.reuse.source!r} retires "
            f"them in {retired}; reused units have to be of one kind",
            step.signature.system.place("processes", step.name, "reused", "from"),
        )
    must_be(step, "reused", step.reuse.usable, "1", "usable")


def _share_expressions(step: Step) -> dict[tuple[Any, ...], str]:
    """Return the shares and yields of a process, which have no unit, by their path."""
    if isinstance(step.process, UserProcess):
        return {}
    found = expressions(step.process)
    return {path: text for path, text in found.items() if path[0] in ("yield", "shares", "from")}

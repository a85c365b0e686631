"""Names: in a result every dimension, parameter, flow and stock has a name of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mfa.errors import Place, Problems
from mfa.flows import Flow
from mfa.labels import ALWAYS
from mfa.schema import Buffer, Process, Sink, Source, Stock, Trade

RESERVED = {
    **dict.fromkeys(ALWAYS, "a dimension of every result"),
    "title": "the title of a file",
    "about": "the description of a file",
}
"""Names that no parameter can have, and what they are."""


SHORTAGE = {
    "unmet_demand": "the unmet demand of a system with capacities",
    "demand_response": "what demand gives up in a system with capacities",
    "price_index": "the price index of a system with capacities",
}
"""What stands in the result of a system with capacities, and what it is."""


def is_limited(process: Process) -> bool:
    """Say whether a process can deliver less than it is asked for."""
    if isinstance(process, Trade):
        return bool(process.capacity or process.limit)
    return isinstance(process, Source) and process.capacity is not None


def refuse_clashes(
    dimensions: Iterable[str],
    parameters: Iterable[str],
    processes: Mapping[str, Process],
    flows: Mapping[str, Flow],
    place: Callable[..., Place],
    indicators: Mapping[str, str] | None = None,
) -> None:
    """Raise if two things that stand beside each other in a result have one name.

    Parameters
    ----------
    dimensions, parameters : names
    processes, flows : mappings by name
    place : function of a path, and whether its key is meant
        Where something is written, for errors.
    indicators : mapping, optional
        What stands beside them in a result with roles, by name.

    Raises
    ------
    MfaError
        Naming both things, for every clash.
    """
    problems = Problems()
    taken = dict(RESERVED) | {dim: f"the dimension {dim!r}" for dim in dimensions}
    taken |= indicators or {}
    if any(is_limited(process) for process in processes.values()):
        taken |= SHORTAGE
    for name, flow in flows.items():
        _take(taken, name, f"the flow from {flow.source!r} to {flow.target!r}",
              place("processes", flow.computed_by), problems)  # fmt: skip
    for process, own in processes.items():
        if isinstance(own, Sink | Stock | Buffer):
            _take(taken, f"{process}_stock", f"the stock of process {process!r}",
                  place("processes", process), problems)  # fmt: skip
    for name in parameters:
        at = place("parameters", name, key=True)
        _take(taken, name, f"the parameter {name!r}", at, problems)
    problems.raise_if_any()


def _take(taken: dict[str, str], name: str, what: str, place: Place, problems: Problems) -> None:
    if name in taken:
        problems.add(
            f"{what} and {taken[name]} would both be {name!r} in a result; rename one of them",
            place,
        )
    else:
        taken[name] = what

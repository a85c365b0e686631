"""Flows: the arrows that processes name, and the one process that computes each.

A gap or a double claim is an error that names the flow and says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mfa.errors import Place, Problems, known
from mfa.rules import USER_RULES
from mfa.schema import (
    Buffer,
    Make,
    Market,
    Process,
    Sink,
    Source,
    Split,
    Stock,
    Trade,
    UserProcess,
)


@dataclass(frozen=True)
class Flow:
    """An arrow from one process to another, and the process that computes it."""

    source: str
    target: str
    computed_by: str

    @property
    def name(self) -> str:
        return flow_name(self.source, self.target)


def flow_name(source: str, target: str) -> str:
    """Return the name of the flow between two processes.

    >>> flow_name("mine", "refine")
    'mine_to_refine'
    """
    return f"{source}_to_{target}"


def _arrows(name: str, process: Process) -> Iterable[tuple[tuple[str | int, ...], str, str, bool]]:
    """Yield (path, source, target, is it computed here) for each arrow a process names."""
    match process:
        case Source():
            if process.to:
                yield ("to",), name, process.to, process.gives is not None
        case Sink():
            if process.from_:
                yield ("from",), process.from_, name, process.takes is not None
        case Stock():
            if process.from_:
                yield ("from",), process.from_, name, bool(process.inflow or process.stock)
            yield ("to",), name, process.to, True
        case Make():
            sources = process.from_ if isinstance(process.from_, dict) else [process.from_]
            for source in sources:
                yield ("from",), source, name, True
            if process.loss_to:
                yield ("loss_to",), name, process.loss_to, True
        case Split():
            for target in process.shares:
                yield ("shares", target), name, target, True
        case Market():
            for position, source in enumerate(process.from_):
                yield ("from", position), source, name, position == len(process.from_) - 1
            if process.surplus_to:
                yield ("surplus_to",), name, process.surplus_to, True
        case Trade():
            if process.from_:
                yield ("from",), process.from_, name, True
            if process.to:
                yield ("to",), name, process.to, True
        case Buffer():
            yield ("from",), process.from_, name, True
            yield ("to",), name, process.to, True
        case UserProcess():
            pull = USER_RULES[process.rule].direction == "pull"
            for source in process.from_.values():
                yield ("from",), source, name, pull
            for target in process.to.values():
                yield ("to",), name, target, not pull


def connect(processes: Mapping[str, Process], place: Callable[..., Place]) -> dict[str, Flow]:
    """Return every flow with the one process that computes it.

    Parameters
    ----------
    processes : mapping of name to process
    place : function of a path, and whether its key is meant
        Where something is written, for errors.

    Raises
    ------
    MfaError
        Naming each flow that nobody computes or that two processes compute,
        each process that does not exist or is not connected.
    """
    problems = Problems()
    ends: dict[str, tuple[str, str]] = {}
    claims: dict[str, list[tuple[str, Place]]] = {}
    for name, process in processes.items():
        for path, source, target, computes in _arrows(name, process):
            written = place("processes", name, *path, key=path[0] == "shares")
            missing = [end for end in (source, target) if end not in processes]
            for end in missing:
                problems.add(
                    f"process {name!r}: there is no process {end!r}. "
                    + known(end, processes, "processes"),
                    written,
                )
            if source == target:
                problems.add(
                    f"process {name!r} sends to itself; let that go through a process of its own",
                    written,
                )
            if missing or source == target:
                continue
            flow = flow_name(source, target)
            first = ends.setdefault(flow, (source, target))
            if first != (source, target):
                problems.add(
                    f"the flow from {source!r} to {target!r} and the flow from {first[0]!r} to "
                    f"{first[1]!r} would both be {flow!r} in a result; rename a process",
                    written,
                )
            claims.setdefault(flow, [])
            if computes:
                claims[flow].append((name, written))
    problems.raise_if_any()
    for flow, (source, target) in ends.items():
        _one_claim(processes, place, flow, source, target, claims[flow], problems)
    fought_over = {source for flow, (source, _) in ends.items() if len(claims[flow]) > 1}
    for name in processes:
        if name not in fought_over:
            _check_connected(processes[name], name, ends, place, problems)
    problems.raise_if_any()
    return {flow: Flow(*ends[flow], claims[flow][0][0]) for flow in sorted(ends)}


def _one_claim(
    processes: Mapping[str, Process],
    place: Callable[..., Place],
    flow: str,
    source: str,
    target: str,
    claims: list[tuple[str, Place]],
    problems: Problems,
) -> None:
    rules = {end: processes[end].rule for end in (source, target)}
    if not claims:
        problems.add(
            f"flow {flow!r} is computed by nobody: {source!r} ({rules[source]}) waits to be asked and "
            f"{target!r} ({rules[target]}) waits for arrivals; give one of them a driver, "
            f"a share, or make {target!r} a rule that asks",
            place("processes", target if "from" in _keys(processes[target]) else source),
        )
    if len(claims) > 1 and getattr(processes[source], "loss_to", None) == target:
        problems.add(
            f"process {source!r} sends its loss to {target!r}, which asks it for its product: "
            f"{flow!r} can be only one of them; let the loss go to a process of its own",
            place("processes", source, "loss_to"),
        )
    elif len(claims) > 1:
        (first, _), (second, written) = claims[0], claims[1]
        problems.add(
            f"flow {flow!r} is computed twice, by {first!r} ({processes[first].rule}) and by "
            f"{second!r} ({processes[second].rule}); put a market between them, or let one of "
            "them only receive",
            written,
        )


def _keys(process: Process) -> Iterable[str]:
    return process.model_dump(by_alias=True, exclude_none=True)


def _check_connected(
    process: Process,
    name: str,
    ends: Mapping[str, tuple[str, str]],
    place: Callable[..., Place],
    problems: Problems,
) -> None:
    inputs = [f for f, (_, target) in ends.items() if target == name]
    outputs = [f for f, (source, _) in ends.items() if source == name]
    missing = ""
    if not inputs and not outputs:
        missing = "is connected to nothing"
    elif _waits_to_be_asked(process) and not _asked(process, outputs):
        missing = "is asked by nobody: no process takes from it"
    elif isinstance(process, Split | Trade) and not inputs:
        missing = "receives nothing: no process sends to it"
    elif isinstance(process, Stock) and not inputs:
        missing = "has neither a driver ('inflow' or 'stock') nor arrivals"
    if missing:
        message = f"process {name!r} ({process.rule}) {missing}"
        problems.add(message, place("processes", name))


def _waits_to_be_asked(process: Process) -> bool:
    return isinstance(process, Make | Market) or (
        isinstance(process, Trade) and process.from_ is not None
    )


def _asked(process: Process, outputs: list[str]) -> bool:
    own = {getattr(process, "loss_to", None), getattr(process, "surplus_to", None)} - {None}
    return len(outputs) > len(own)


def ask_flows(flows: Mapping[str, Flow], name: str) -> list[str]:
    """Return the flows that leave a process and are computed by who takes them."""
    return [f for f, flow in flows.items() if flow.source == name and flow.computed_by != name]


def arrival_flows(flows: Mapping[str, Flow], name: str) -> list[str]:
    """Return the flows that reach a process and are computed elsewhere."""
    return [f for f, flow in flows.items() if flow.target == name and flow.computed_by != name]

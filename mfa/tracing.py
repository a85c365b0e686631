"""A number of a result explained: back through the steps to parameters, files, lines and sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mfa.bibtex import Entry, entries
from mfa.errors import MfaError, known
from mfa.kept import dims_of
from mfa.manifest import bibliography_of
from mfa.parameters import build_parameters
from mfa.reruns import drawing
from mfa.saved_results import Saved, saved
from mfa.scenario import Scenario
from mfa.shortage_results import shortage_frame
from mfa.stored_parts import some
from mfa.trace_limits import must_be_free_of_shortage
from mfa.trace_nodes import Made, Node, Spot, number, spot
from mfa.trace_numbers import Numbers, numbers_of
from mfa.trace_origins import Origin
from mfa.trace_roles import of_rate, of_roles, role_quantities, role_rates
from mfa.trace_steps import made

SHOWN = 3
"""Terms of a sum that are shown one by one."""

LEAST = 0.1
"""Terms with a smaller share of the number that is asked for are not followed further."""

STEPS = 25
"""Numbers that are followed, if it is not said."""


@dataclass(frozen=True)
class Trace:
    """A number and what it is made of, down to values in files.

    Attributes
    ----------
    root : Node
    origins : tuple of Origin
        The parameters that were met, in this order.
    entries : mapping of key to Entry
        Of the sources that have an entry.
    whole : bool
        Whether all large terms were followed; not if ``steps`` were too few.
    """

    root: Node
    origins: tuple[Origin, ...]
    entries: Mapping[str, Entry]
    whole: bool = True

    @property
    def value(self) -> float:
        return self.root.made.value

    @property
    def unit(self) -> str:
        return self.root.made.unit

    @property
    def sources(self) -> dict[str, str]:
        """Return the reference of every source that was met, one line each, by its key."""
        keys = dict.fromkeys(key for one in self.origins for key in one.sources)
        return {key: self.entries[key].line() if key in self.entries else key for key in keys}

    @property
    def assumptions(self) -> dict[str, str]:
        """Return where each assumption that was met is declared, by parameter."""
        return {
            one.head(): f"{one.lines[0]}: {'; '.join(one.assumptions)}"
            for one in self.origins
            if not one.sources
        }

    def __str__(self) -> str:
        numbers = {one.head(): place for place, one in enumerate(self.origins, 1)}
        lines = [*_tree(self.root, numbers, "")]
        if self.origins:
            lines += ["", "values and where they stand"]
        for one in self.origins:
            unit = "" if one.unit == "1" else f" {one.unit}"
            lines.append(f"  [{numbers[one.head()]}] {one.head()} = {number(one.value)}{unit}")
            lines += [f"      {text}" for text in one.lines]
            lines += [f"      source: {key}" for key in one.sources]
            word = "reason" if one.sources else "assumption"
            lines += [f"      {word}: {text}" for text in one.assumptions]
        if self.sources:
            lines += ["", "sources"]
            lines += [f"  {key}: {line}" for key, line in self.sources.items()]
        if not self.whole:
            lines += ["", "not all large terms were followed; more steps follow more of them"]
        return "\n".join(lines)


def trace(
    folder: str | Path,
    name: str,
    cell: Mapping[str, str] | None = None,
    *,
    year: int | str | None = None,
    scenario: str | None = None,
    sample: int | None = None,
    steps: int = STEPS,
    **labels: str,
) -> Trace:
    """Explain a number of a result: what it is the sum of, down to files, lines and sources.

    Parameters
    ----------
    folder : path
        Of results; its manifest is all that is needed.
    name : str
        A flow, a stock, a parameter, or an indicator that is a quantity or a rate of roles.
    cell : mapping of dimension to label, optional
        Dimensions that are left out are added up.
    year : int
    scenario : str, optional
        Of a result with several.
    sample : int, optional
        Of a result with samples: its number.
    steps : int
        Numbers that are followed at most: the largest terms first.
    **labels
        The same as ``cell``, for dimensions whose names are none of the above.

    Returns
    -------
    Trace
        Printable; ``root`` is the tree, ``origins`` the parameters with their places, ``sources``
        the references.

    Raises
    ------
    MfaError
        If the name, a dimension or a label is unknown, or the result does not hold the number
        that its manifest gives: it was edited, or made by another version.

    Examples
    --------
    >>> import mfa
    >>> print(mfa.trace("results/reference", "mine_to_ore", year=2035, material="Co"))  # doctest: +SKIP
    """
    tracer = Tracer(folder, scenario=scenario, sample=sample)
    return tracer.trace(name, {**(cell or {}), **labels}, year=year, steps=steps)


class Tracer:
    """A result that is ready to be explained number by number.

    Parameters
    ----------
    folder, scenario, sample
        As for :func:`trace`.
    """

    def __init__(
        self, folder: str | Path, *, scenario: str | None = None, sample: int | None = None
    ) -> None:
        self.kept, self.sample = saved(folder), sample
        self.scenario = self.kept.scenario(scenario)
        self.run = numbers_of(self.scenario, _parameters(self.kept, self.scenario, sample))
        texts = bibliography_of(self.scenario).values()
        self.entries = {key: entry for text in texts for key, entry in entries(text).items()}

    def trace(
        self, name: str, cell: Mapping[str, str], *, year: int | str | None, steps: int = STEPS
    ) -> Trace:
        """Explain one number; see :func:`trace`."""
        self._must_be_traceable(name)
        where = _checked(self.run, name, {dim: str(label) for dim, label in cell.items()})
        asked = spot(name, where, _year(year, self.scenario))
        must_be_free_of_shortage(self.kept, self.run, name, asked.year)
        seen: dict[Spot, None] = {}
        met: dict[str, Origin] = {}
        root = _grown(self.run, asked, 1.0, seen, met, steps)
        if name not in self.scenario.parameters:
            _must_be_stored(self.kept, root, self.scenario, self.sample)
        return Trace(root, tuple(met.values()), self.entries, len(seen) < steps)

    def _must_be_traceable(self, name: str) -> None:
        if name in shortage_frame(self.run.plan):
            raise MfaError(
                f"{name} is settled for all demands and capacities of a year at once, not step by step; "
                f"explain a parameter: {', '.join(self.run.plan.system.parameters)}"
            )
        there = {*dims_of(self.run.plan), *role_quantities(self.run), *role_rates(self.run)}
        if name not in there and name in some(self.kept.folder, names=(name,)):
            raise MfaError(
                f"{name} is a potential or a milestone, made of many numbers of a run at once; "
                f"explain what it is made of: {', '.join(role_quantities(self.run)) or 'its flows'}"
            )


def _parameters(kept: Saved, scenario: Scenario, sample: int | None) -> Any:
    if not kept.sampled:
        if sample is not None:
            raise MfaError(f"{kept.folder} has no samples; leave 'sample' out")
        return build_parameters(scenario)
    numbers = some(kept.folder).sizes if sample is None else {}
    if sample is None:
        raise MfaError(
            f"{kept.folder} holds {numbers['sample']:,} samples "
            f"({', '.join(kept.manifest.draws['samples'])}), each made of values of its own; say which: sample=0"
        )
    held = some(kept.folder)["sample"].values.tolist()
    if sample not in held:
        raise MfaError(
            f"{kept.folder} has no sample {sample}; it has {', '.join(kept.manifest.draws['samples'])}"
        )
    found = build_parameters(scenario, samples=[sample], design=drawing(kept))
    return found.isel(sample=0, drop=True)


def _year(given: Any, scenario: Scenario) -> int:
    first, last = scenario.years
    try:
        year = int(str(given))
    except ValueError:
        year = None
    if year is None or not first <= year <= last:
        said = "" if given is None else f", not {given}"
        raise MfaError(f"say a year from {first} to {last}{said}: year={last}")
    return year


def _checked(run: Numbers, name: str, cell: dict[str, str]) -> dict[str, str]:
    """Return a cell whose dimensions and labels a variable has."""
    roles = role_quantities(run) | role_rates(run)
    dims = {n: tuple(d for d in own if d != "year") for n, own in dims_of(run.plan).items()}
    dims |= dict.fromkeys(roles, run.plan.roles.dims if run.plan.roles else ())
    if name not in dims:
        hint = known(name, dims, "what can be explained")
        raise MfaError(f"there is no flow, stock, parameter or quantity {name!r}. {hint}")
    labels = run.plan.system.dimensions
    for dim, label in cell.items():
        if dim not in dims[name]:
            raise MfaError(
                f"{name} has no dimension {dim!r}. {known(dim, dims[name], 'dimensions')}"
            )
        if label not in labels[dim]:
            raise MfaError(f"{dim!r} has no label {label!r}. {known(label, labels[dim], 'labels')}")
    if name in run.plan.system.parameters and (left := [d for d in dims[name] if d not in cell]):
        shown = " ".join(f"'{d}={labels[d][0]}'" for d in left)
        raise MfaError(
            f"{name} is a parameter, which is not added up; say a label of each: {shown}"
        )
    return cell


def _grown(
    run: Numbers, at: Spot, share: float, seen: dict[Spot, None], met: dict[str, Origin], most: int
) -> Node:
    """Return a number and what is below its largest terms; nothing is explained twice."""
    seen[at] = None
    own = _made(run, at)
    for origin in own.origins:
        met.setdefault(origin.head(), origin)
    parts = tuple(sorted(own.parts, key=lambda part: -abs(part.amount)))
    own = replace(own, parts=parts)
    below: dict[int, Node] = {}
    for position, part in enumerate(parts[:SHOWN]):
        if part.spot is None or part.spot in seen or (len(seen) >= most and met):
            continue
        of_all = share * abs(part.amount / own.value) if own.value else 0.0
        if position == 0 or (not below and not own.origins) or of_all >= LEAST:
            below[position] = _grown(run, part.spot, of_all, seen, met, most)
    return Node(at, own, below)


def _made(run: Numbers, at: Spot) -> Made:
    cell, name = dict(at.cell), at.name
    if name in run.plan.system.parameters:
        origins = tuple(run.origin(name, cell, at.year))
        return Made(origins[0].value, origins[0].unit, "a parameter", (), origins)
    if name in (terms := role_quantities(run)):
        return of_roles(run, name, terms[name], cell, at.year)
    if name in (rates := role_rates(run)):
        return of_rate(run, rates[name], cell, at.year)
    return made(run, name, cell, at.year)


# ------------------------------------------------------------------ what is stored


def _must_be_stored(kept: Saved, root: Node, scenario: Scenario, sample: int | None) -> None:
    """Raise if the result holds another number than its manifest gives."""
    data = some(kept.folder, names=(root.spot.name,))
    if root.spot.name not in data or root.made.unit == "1":
        return  # it was not kept of samples, or is a rate, which has no sum
    found = data[root.spot.name]
    if "scenario" in found.dims:
        found = found.sel(scenario=scenario.name)
    if "sample" in found.dims:
        found = found.sel(sample=sample)
    own = {dim: label for dim, label in root.spot.cell if dim in found.dims}
    if len(own) < len(root.spot.cell):
        return  # what was kept is summed over one of these
    stored = float(found.sel({"year": root.spot.year, **own}).sum())
    apart = abs(stored - root.made.value)
    if apart > 1e-9 * max(abs(stored), abs(root.made.value)) and apart > 1e-9:
        raise MfaError(
            f"{kept.folder} holds {number(stored)} for {root.spot}, its manifest gives {number(root.made.value)}: "
            f"the result was edited or made by another version; 'mfa rerun {kept.folder}' tells more"
        )


# ------------------------------------------------------------------ as text


def _tree(node: Node, numbers: Mapping[str, int], indent: str) -> list[str]:
    own = node.made
    unit = "" if own.unit == "1" else f" {own.unit}"
    marks = "".join(f" [{numbers[one.head()]}]" for one in own.origins)
    lines = [
        f"{indent}{node.spot} = {number(own.value)}{unit}",
        f"{indent}  = {own.equation}{marks}",
    ]
    lines += _terms(node, numbers, f"{indent}  ")
    return lines


def _terms(node: Node, numbers: Mapping[str, int], indent: str) -> list[str]:
    own = node.made
    lines: list[str] = []
    share: Callable[[float], str] = (
        (lambda amount: f" ({100 * amount / own.value:.3g} %)")
        if own.value and own.adds_up
        else lambda amount: ""
    )
    for position, part in enumerate(own.parts[:SHOWN]):
        if part.amount == 0 and position > 0:
            break
        lines.append(f"{indent}· {part.text}: {number(part.amount)}{share(part.amount)}")
        if position in node.below:
            lines += _tree(node.below[position], numbers, f"{indent}    ")
    rest = [part.amount for part in own.parts[SHOWN:] if part.amount]
    if rest:
        lines.append(f"{indent}· {len(rest)} more: {number(sum(rest))}{share(sum(rest))}")
    return lines

"""What each lever of a scenario contributes to its change against the root that it comes from.

The levers are the players of :func:`mfa.indicators.decomposition.shapley`: every lever file
that the scenario or a parent names, and the ``set`` of each of them.  What the
root itself says is the reference.  Each combination is run in memory; what no
lever touches is built once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import xarray as xr

from mfa.assignments import Assignment, Given, kind_of, overlap, parameters_of
from mfa.errors import MfaError, Problems, known, shortly
from mfa.forms import Fields
from mfa.indicators.decomposition import shapley
from mfa.parameters import build_parameters
from mfa.plans import Plan, plan
from mfa.runs import computed
from mfa.scenario import Scenario

ORDERS = 32
"""Orders that are drawn with more than eight levers, unless it is said otherwise."""


def decompose(
    scenario: Scenario,
    of: str | Sequence[str],
    *,
    year: int | Sequence[int] | None = None,
    at: Mapping[str, str] | None = None,
    sum: Sequence[str] = (),
    orders: int = ORDERS,
    seed: int = 0,
) -> xr.DataArray:
    """Divide the change of a quantity against the root scenario among the levers.

    Each lever is given its Shapley value: the mean, over all orders, of what it
    adds to those before it (:func:`mfa.indicators.decomposition.shapley`); the parts sum to
    the change.

    Parameters
    ----------
    scenario : Scenario
        With levers, a ``set``, parents, or values of :meth:`Scenario.override`.
        Each lever file is one lever, the ``set`` of each scenario below the root
        another; a grid is not decomposed, one of its scenarios is.
    of : str or sequence of str
        A flow, a stock or an indicator of the result; several, or names with
        ``+`` between them, are added.
    year : int or sequence of int, optional
        Without it all years.
    at : mapping of dimension to label, optional
        Only these cells.
    sum : sequence of str
        Dimensions to add up; all others are kept.
    orders, seed : int
        Of the draw with more than 8 levers; up to 8 all combinations are run.

    Returns
    -------
    array (lever, …)
        In the units of the quantity, with the coordinates ``reference`` (its value
        in the root) and ``standard_error`` (0 where exact).  The attributes
        ``scenario`` and ``reference_scenario`` name the two ends.

    Raises
    ------
    MfaError
        Before anything is run: if there is no lever, or two levers change a cell
        in such a way that their order would decide.  If a name is not known, or a
        combination cannot be run or gives no number.

    References
    ----------
    Shapley (1953), doi:10.1515/9781400881970-018; Shorrocks (2013), doi:10.1007/s10888-011-9214-z

    Examples
    --------
    >>> import mfa
    >>> circular = mfa.read_scenario("scenarios/circular.yaml")       # doctest: +SKIP
    >>> mfa.decompose(circular, "mine_to_ore", year=2050,             # doctest: +SKIP
    ...               at={"material": "Co"}, sum=["mine_country"])
    """
    if not isinstance(scenario, Scenario):
        hint = "; read it first, with mfa.read_scenario" if isinstance(scenario, str) else ""
        raise MfaError(f"decompose wants a Scenario, this is {shortly(scenario)}{hint}")
    levers = players(scenario)
    if orders < 1:
        raise MfaError(f"orders must be 1 or more, not {orders}: it is how many are drawn")
    if not levers:
        raise MfaError(
            f"{scenario.name!r} has no levers and no 'set' beside those of its root, so that there is no "
            "change to divide; decompose a scenario that inherits another"
        )
    refuse_orders(scenario, levers)
    wanted = _Quantity.of(of, scenario, year, at or {}, sum)
    runs = _Combinations(scenario, levers, plan(scenario.system))
    parts = shapley(
        lambda chosen: wanted.select(runs.result(chosen)), list(levers), orders=orders, seed=seed
    )
    root = scenario.lineage[-1]
    ends = {"of": " + ".join(wanted.names), "scenario": scenario.name, "reference_scenario": root}
    title = f"{wanted.title}: {scenario.name} against {root}"
    return parts.assign_attrs(ends, long_name=title, report_from=scenario.report_from)


# ------------------------------------------------------------------ levers


Player = tuple[str, str]
"""The layer and the giver of values."""


def players(scenario: Scenario) -> dict[str, Player]:
    """Return the levers of a scenario by name, in the order in which they are applied."""
    root = ("set", scenario.lineage[-1])
    own = [n for n, given in enumerate(scenario.given) if _player(given) == root]
    after = scenario.given[own[-1] + 1 if own else 0 :]
    found = dict.fromkeys(
        _player(given) for given in after if given.layer not in ("default", "item")
    )
    return {_name(player): player for player in found}


def _player(value: Given | Assignment) -> Player:
    return value.layer, value.giver


def _name(player: Player) -> str:
    layer, giver = player
    return f"set of {giver}" if layer == "set" else giver


def refuse_orders(scenario: Scenario, levers: Mapping[str, Player]) -> None:
    """Raise if two levers change a cell in such a way that the later of them decides.

    Scaling and scaling, adding and adding, and changes of different fields of
    a law can be done in any order.
    """
    problems = Problems()
    names = {player: name for name, player in levers.items()}
    given = [one for one in scenario.assignments if _player(one) in names]
    for one, other in combinations(given, 2):
        if one.parameter != other.parameter or _player(one) == _player(other):
            continue
        if not overlap(one.selection, other.selection) or _any_order(one, other):
            continue
        cell = {**one.selection, **other.selection}
        where = ", ".join(f"{dim}={label}" for dim, label in cell.items()) or "all cells"
        problems.add(
            f"{one.parameter}: {names[_player(one)]!r} ({_verb(one)}, {one.place}) and "
            f"{names[_player(other)]!r} ({_verb(other)}) both change {where}, so that the later decides "
            "and their contributions cannot be told apart; keep one, or let both scale",
            other.place,
        )
    problems.raise_if_any()


def _any_order(one: Assignment, other: Assignment) -> bool:
    kinds = {_kind(one), _kind(other)}
    if kinds == {"fields"}:
        assert isinstance(one.form, Fields) and isinstance(other.form, Fields)
        return not {n for n, _ in one.form.fields} & {n for n, _ in other.form.fields}
    return (len(kinds) == 1 and "replace" not in kinds) or kinds in (
        {"fields", "scale"},
        {"fields", "add"},
    )


def _kind(one: Assignment) -> str:
    return "fields" if isinstance(one.form, Fields) else kind_of(one.form)


def _verb(one: Assignment) -> str:
    return {"replace": "replaces", "scale": "scales", "add": "adds", "fields": "changes the law"}[
        _kind(one)
    ]


# ---------------------------------------------------------------- quantity


@dataclass(frozen=True)
class _Quantity:
    """What is decomposed: flows or stocks that are added, chosen cells, dimensions to sum."""

    names: tuple[str, ...]
    years: int | list[int] | None
    at: Mapping[str, str]
    over: tuple[str, ...]

    @classmethod
    def of(
        cls, names: str | Sequence[str], scenario: Scenario, year: int | Sequence[int] | None,
        at: Mapping[str, str], over: Sequence[str],
    ) -> _Quantity:  # fmt: skip
        """Return it checked against the dimensions and years of a scenario."""
        problems = Problems()
        dimensions, (first, last) = scenario.system.dimensions, scenario.years
        years = None if year is None else [year] if isinstance(year, int) else sorted({*year})
        for one in years or ():
            if not first <= one <= last:
                problems.add(f"the year {one} lies outside the run, {first}–{last}")
        summed = (over,) if isinstance(over, str) else tuple(dict.fromkeys(over))
        for dim in (*at, *summed):
            if dim not in dimensions:
                hint = "; choose years with 'year'" if dim == "year" else ""
                problems.add(
                    f"there is no dimension {dim!r}{hint}. {known(dim, dimensions, 'dimensions')}"
                )
            elif dim in at and dim in summed:
                problems.add(f"{dim}: it is chosen (at) and summed as well; do one of the two")
            elif dim in at and at[dim] not in dimensions[dim]:
                hint = known(at[dim], dimensions[dim], f"labels of {dim}")
                problems.add(f"there is no {dim} {at[dim]!r}. {hint}")
        problems.raise_if_any()
        added = names.split("+") if isinstance(names, str) else names
        chosen = years[0] if isinstance(year, int) and years else years
        return cls(tuple(name.strip() for name in added), chosen, dict(at), summed)

    @property
    def title(self) -> str:
        years = self.years if isinstance(self.years, list) else [self.years] if self.years else []
        shown = [str(y) for y in years] if len(years) < 4 else [f"{years[0]}–{years[-1]}"]
        return ", ".join((" + ".join(self.names), *self.at.values(), *shown))

    def select(self, result: xr.Dataset) -> xr.DataArray:
        """Return the quantity of a result, (…)."""
        terms = [self._term(result, name) for name in self.names]
        total = terms[0]
        for name, term in zip(self.names[1:], terms[1:], strict=True):
            same = {"dims": term.dims, "units": term.attrs.get("units")}
            for what, found in same.items():
                first = total.dims if what == "dims" else total.attrs.get("units")
                if found != first:
                    raise MfaError(
                        f"{self.names[0]} and {name} cannot be added: their {what} are {first} and "
                        f"{found}; sum or choose what only one of them has"
                    )
            total = (total + term).assign_attrs(units=total.attrs.get("units"))
        for dim in self.over:
            if not any(dim in result[name].dims for name in self.names):
                raise MfaError(f"{' + '.join(self.names)} has no dimension {dim!r} to sum")
        return total

    def _term(self, result: xr.Dataset, name: str) -> xr.DataArray:
        kinds = {str(n): v.attrs.get("kind") for n, v in result.data_vars.items()}
        quantities = [n for n, kind in kinds.items() if kind != "parameter"]
        if name not in quantities:
            what = "is a parameter; " if name in kinds else ""
            hint = known(name, quantities, "flows, stocks and indicators")
            raise MfaError(f"{name!r} {what}cannot be decomposed. {hint}")
        data = result[name]
        if lacking := [dim for dim in self.at if dim not in data.dims]:
            own = ", ".join(map(str, data.dims))
            raise MfaError(f"{name} has no dimension {lacking[0]!r} to choose from (it has {own})")
        chosen = data.sel(self.at, drop=True)
        if self.years is not None:
            chosen = chosen.sel(year=self.years)
        chosen = (
            chosen.drop_vars("year")
            if "year" not in chosen.dims and "year" in chosen.coords
            else chosen
        )
        over = [dim for dim in self.over if dim in chosen.dims]
        if over and data.attrs.get("units") == "1":
            raise MfaError(
                f"{name} is a share, shares are not added up over {', '.join(over)}; choose with 'at'"
            )
        units = {"units": data.attrs.get("units", "")}
        return chosen.sum(over).drop_attrs().assign_attrs(units)


# ------------------------------------------------------------------- runs


class _Combinations:
    """Runs a scenario with some of its levers; what none of them touches is built once."""

    def __init__(self, scenario: Scenario, levers: Mapping[str, Player], compiled: Plan) -> None:
        self._scenario, self._levers, self._compiled = scenario, levers, compiled
        self._touched = touched(scenario, [*levers.values()])
        self._without: xr.Dataset | None = None

    def result(self, chosen: tuple[str, ...]) -> xr.Dataset:
        """Return what a combination leads to."""
        part = restricted(self._scenario, {self._levers[name] for name in chosen}, self._levers)
        try:
            if self._without is None:
                self._without = build_parameters(part)
                return computed(part, self._compiled, self._without)
            parameters = self._without.assign(build_parameters(part, self._touched).data_vars)
            return computed(part, self._compiled, parameters)
        except MfaError as error:
            problems, what = Problems(), ", ".join(chosen) if chosen else "none of the levers"
            for problem in error.problems:
                problems.add(f"with {what}: {problem.message}", problem.place)
            problems.raise_if_any()
            raise


def restricted(scenario: Scenario, chosen: set[Player], levers: Mapping[str, Player]) -> Scenario:
    """Return a scenario without what the levers say that are not chosen."""
    out = {*levers.values()} - chosen
    return replace(
        scenario,
        given=tuple(one for one in scenario.given if _player(one) not in out),
        assignments=tuple(one for one in scenario.assignments if _player(one) not in out),
    )


def touched(scenario: Scenario, levers: Sequence[Player]) -> list[str]:
    """Return the parameters that levers change, and those that are laws of these."""
    found = {one.parameter for one in scenario.assignments if _player(one) in levers}
    uses = [(one.parameter, {*parameters_of(one.form)}) for one in scenario.assignments]
    while more := {name for name, of in uses if of & found} - found:
        found |= more
    return [name for name in scenario.system.parameters if name in found]

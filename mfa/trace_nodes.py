"""What a traced number is made of: nodes, their parts and the parameters that stand in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mfa.trace_origins import Origin

Cell = Mapping[str, str]


@dataclass(frozen=True)
class Spot:
    """A variable in a cell: labels of all its dimensions, or of some, the others being added up."""

    name: str
    cell: tuple[tuple[str, str], ...]
    year: int

    def __str__(self) -> str:
        where = ", ".join([*(f"{dim}={label}" for dim, label in self.cell), f"year={self.year}"])
        return f"{self.name}[{where}]"


def spot(name: str, cell: Cell, year: int) -> Spot:
    """Return a spot; the order of its labels does not matter.

    >>> str(spot("ore_to_metal", {"region": "EU"}, 2030))
    'ore_to_metal[region=EU, year=2030]'
    """
    return Spot(name, tuple(sorted(cell.items())), year)


@dataclass(frozen=True)
class Part:
    """A term of a sum: what it is, how much it adds, and what it is made of in turn."""

    text: str
    amount: float
    spot: Spot | None = None


@dataclass(frozen=True)
class Made:
    """How a number is made in one step: its equation, the terms, the parameters with their origins.

    ``adds_up`` says whether the terms are a sum; those of a rule of the user are not known to be.
    """

    value: float
    unit: str
    equation: str
    parts: tuple[Part, ...] = ()
    origins: tuple[Origin, ...] = ()
    adds_up: bool = True


@dataclass(frozen=True)
class Node:
    """A number and how it is made; below it what its largest terms are made of.

    Attributes
    ----------
    spot : Spot
    made : Made
    below : mapping of the number of a part to its node
    """

    spot: Spot
    made: Made
    below: Mapping[int, Node] = field(default_factory=dict)


def number(value: float) -> str:
    """Write a number for a reader: whole thousands with commas, small ones with four digits.

    >>> number(123456.7), number(0.123456), number(0.0)
    ('123,457', '0.1235', '0')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"

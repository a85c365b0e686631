"""The process rules on bare arrays: asks or arrivals in, flows out.

Every array has the year as its last axis.  *Asks* are demands that arrive from
downstream, *arrivals* are masses that come from upstream.  A rule is a pure
function; which flows it is given and which it computes is decided in
:mod:`mfa.process_steps`, loops are solved in :mod:`mfa.execution`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mfa.errors import MfaError

Array = NDArray[np.float64]


def make(asks: Array, recipe: Mapping[str, Array | None], yield_: Array | None) -> dict[str, Array]:
    """Return the inputs of a production step: in_k = recipe_k · asks / yield.

    Parameters
    ----------
    asks : (..., year) [t/yr]
        What customers ask for.
    recipe : mapping of input name to share, (..., year) [1]
        Shares of the inputs; ``None`` stands for what the others leave to 1.
    yield_ : (..., year) [1], optional
        Share of the inputs that ends in the product.

    Examples
    --------
    >>> make(np.array([75.0]), {"metal": None}, np.array([0.75]))
    {'metal': array([100.])}
    """
    total = asks if yield_ is None else asks / yield_
    return split(total, recipe)


def split(arrivals: Array, shares: Mapping[str, Array | None]) -> dict[str, Array]:
    """Divide arrivals by shares: out_k = share_k · in; ``None`` takes the rest.

    The rest is a difference, so that the outputs sum to the arrivals.

    Examples
    --------
    >>> split(np.array([10.0]), {"recycle": np.array([0.7]), "landfill": None})
    {'recycle': array([7.]), 'landfill': array([3.])}
    """
    outputs: dict[str, Array] = {}
    rest = arrivals
    for name, share in shares.items():
        if share is not None:
            outputs[name] = arrivals * share
            rest = rest - outputs[name]
    return {name: rest if share is None else outputs[name] for name, share in shares.items()}


def market(asks: Array, arrivals: Array | None) -> tuple[Array, Array]:
    """Return what the last supplier is asked for, and the surplus of the others.

    last = max(0, asks − arrivals); surplus = max(0, arrivals − asks).

    Examples
    --------
    >>> market(np.array([10.0, 10.0]), np.array([4.0, 12.0]))
    (array([6., 0.]), array([0., 2.]))
    """
    if arrivals is None:
        return asks, np.zeros_like(asks)
    missing = asks - arrivals
    return np.maximum(missing, 0.0), np.maximum(-missing, 0.0)


def trade(mass: Array, shares: Array, axes: tuple[int, ...] = ()) -> Array:
    """Return what each place has of a mass: part_place = Σ share_place · mass.

    Parameters
    ----------
    mass, shares : arrays that broadcast against each other, (..., year)
        Asks by destination and the share of each origin, or arrivals by origin
        and the share of each destination.
    axes : tuple of int
        Axes that are summed afterwards: the destinations, or the origins.

    Examples
    --------
    >>> trade(np.array([[10.0]]), np.array([[0.7], [0.3]]))
    array([[7.],
           [3.]])
    """
    parts = mass * shares
    return parts.sum(axis=axes, keepdims=True) if axes else parts


@dataclass(frozen=True)
class UserRule:
    """A rule from a user's own file; see :func:`rule`."""

    name: str
    direction: Literal["push", "pull"]
    equation: str
    parameters: tuple[str, ...]
    function: Callable[..., Mapping[str, Array]]


USER_RULES: dict[str, UserRule] = {}
"""Rules registered with :func:`rule`, by name."""


def rule(
    name: str, direction: Literal["push", "pull"] = "push", equation: str = ""
) -> Callable[[Callable[..., Mapping[str, Array]]], Callable[..., Mapping[str, Array]]]:
    """Register a function as a process rule, for use in system files.

    The first argument of the function is the mass that arrives (``push``) or
    that is asked for (``pull``), (..., year) [t/yr]; the others are the names
    of the fields that the process gives as products of parameters, aligned to
    it.  The function returns one array for each name in the process's ``to:``
    (``push``) or ``from:`` (``pull``), and has to be linear in the mass.

    Raises
    ------
    MfaError
        If the direction is unknown or the function takes no mass.

    Examples
    --------
    >>> @rule("refurbish", equation="reused = share · in; waste = in − reused")
    ... def refurbish(arrivals, share):
    ...     return {"reused": arrivals * share, "waste": arrivals * (1 - share)}
    >>> USER_RULES.pop("refurbish").parameters
    ('share',)

    In the system file::

        refurbish: {rule: refurbish, share: refurbished_share,
                    to: {reused: second_use, waste: collect}}
    """
    if direction not in ("push", "pull"):
        raise MfaError(f"rule {name!r}: direction is 'push' or 'pull', not {direction!r}")

    def register(
        function: Callable[..., Mapping[str, Array]],
    ) -> Callable[..., Mapping[str, Array]]:
        arguments: list[Any] = list(inspect.signature(function).parameters)
        if not arguments:
            raise MfaError(
                f"rule {name!r}: its function takes no mass; give it one argument or more"
            )
        text = equation or (function.__doc__ or "").strip().partition("\n")[0]
        USER_RULES[name] = UserRule(name, direction, text, tuple(arguments[1:]), function)
        return function

    return register

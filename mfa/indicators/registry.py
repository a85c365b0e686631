"""The list of indicators, and the decorator that puts a function into it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mfa.errors import MfaError

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Indicator:
    """A pure function of flows, stocks and parameters; ``inputs`` are the roles they play."""

    name: str
    meaning: str
    inputs: tuple[str, ...]
    reference: str
    function: Callable[..., Any]


INDICATORS: dict[str, Indicator] = {}
"""Indicators registered with :func:`indicator`, by name."""


def indicator(
    name: str = "", *, meaning: str = "", reference: str = ""
) -> Callable[[Function], Function]:
    """Register a function as an indicator; the function itself is left as it is.

    Parameters
    ----------
    name : str
        The function's own name if left out.
    meaning : str
        The first line of the function's docstring, less "Return", if left out.
    reference : str
        Where it is defined: what stands under "References" in the docstring if left out.

    Its inputs are the arguments of the function that have no default.

    Raises
    ------
    MfaError
        If it has no meaning or no inputs, or if another function has the name.

    Examples
    --------
    >>> @indicator("reuse_share", meaning="Share of retired units used again")
    ... def share(reused, retired):
    ...     return reused / retired
    >>> INDICATORS.pop("reuse_share").inputs
    ('reused', 'retired')
    """

    def register(function: Function) -> Function:
        own = name or function.__name__
        text = inspect.getdoc(function) or ""
        words = meaning or text.partition("\n")[0].removeprefix("Return ")
        if not words:
            raise MfaError(
                f"indicator {own!r}: say what it means, in the first line of its docstring "
                "or as meaning='…'"
            )
        arguments = inspect.signature(function).parameters.values()
        inputs = tuple(a.name for a in arguments if a.default is a.empty)
        if not inputs:
            raise MfaError(f"indicator {own!r}: its function takes nothing; give it one argument")
        there = INDICATORS.get(own)
        if there is not None and _home(there.function) != _home(function):
            raise MfaError(
                f"indicator {own!r} is there already, as {'.'.join(_home(there.function))}; "
                "choose another name"
            )
        source = reference or _references(text)
        INDICATORS[own] = Indicator(own, words, inputs, source, function)
        return function

    return register


def _home(function: Callable[..., Any]) -> tuple[str, str]:
    """Say where a function was written; a notebook's cell may be run again."""
    return str(function.__module__), str(getattr(function, "__qualname__", function))


def _references(text: str) -> str:
    """Return what stands under the heading "References" of a docstring, on one line."""
    section = text.partition("References\n----------\n")[2].partition("\n\n")[0]
    return " ".join(section.split())

"""Dated changes: how strong a policy or a shock is in each year, from its first to its last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mfa.errors import MfaError

DATED = {
    "from": "first year of a dated change: the year of the decision",
    "to": "last year of its full strength; without it the change stays",
    "lead": "years between the decision and the first effect",
    "ramp": "years to full strength, of which the first has 1/ramp",
    "recover": "years after ``to`` until nothing is left of it",
}
"""Keys that date a change, and what each means."""


def strengths(
    told: Mapping[str, Any], complain: Callable[[str, str], MfaError]
) -> list[tuple[int, float]]:
    """Return the strength of a change at years, between which it is linear; 0 before, 1 in full.

    Parameters
    ----------
    told : mapping
        ``from``, its first year; ``to``, its last, without it for good; ``lead``, years between
        the decision in ``from`` and the first effect (0); ``ramp``, years to full strength, of
        which the first has 1/ramp (1); ``recover``, years after ``to`` until nothing is left (1).
    complain : function of a key and a message
        Makes the error.

    Examples
    --------
    Four years of permits, then a third more each year:

    >>> strengths({"from": 2026, "lead": 4, "ramp": 3}, lambda key, text: MfaError(text))
    [(2029, 0.0), (2032, 1.0)]
    >>> strengths({"from": 2027, "to": 2030}, lambda key, text: MfaError(text))
    [(2026, 0.0), (2027, 1.0), (2030, 1.0), (2031, 0.0)]
    """
    if "from" not in told:
        raise complain(next(iter(told)), "a dated change needs 'from': its first year")
    for key, value in told.items():
        least = 1 if key in ("ramp", "recover") else 0
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            what = "a year" if key in ("from", "to") else f"a number of years, {least} or more"
            raise complain(key, f"{key!r} is {what}, not {value!r}")
    first, last = told["from"] + told.get("lead", 0), told.get("to")
    ramp, recover = told.get("ramp", 1), told.get("recover", 1)
    if last is None:
        if "recover" in told:
            raise complain("recover", "without 'to' it never ends, so it cannot recover")
        return [(first - 1, 0.0), (first + ramp - 1, 1.0)]
    if last < first:
        raise complain("to", f"it would end in {last}, before its first effect in {first}")
    full = min(first + ramp - 1, last)
    top = (full - first + 1) / ramp
    points = [(first - 1, 0.0), (full, top), (last, top), (last + recover, 0.0)]
    return [*dict(points).items()]

"""How a distribution is written beside a value: its numbers, where it is cut, when it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mfa.errors import MfaError, Place


class Takes(NamedTuple):
    """How many numbers may describe a distribution beside a value, and what they mean."""

    numbers: tuple[int, ...]
    meaning: str


DISTRIBUTIONS: dict[str, Takes] = {
    "normal": Takes((2,), "``[mean, sd]``"),
    "lognormal": Takes((2,), "``[mean, cv]``, a mean and a coefficient of variation"),
    "uniform": Takes((2,), "``[low, high]``, all alike"),
    "triangular": Takes((2,), "``[low, high]``, most often near the value"),
    "pert": Takes((2,), "``[low, high]``, as triangular and smooth"),
    "beta": Takes((2, 4), "``[a, b]`` between 0 and 1, or ``[a, b, low, high]``"),
    "empirical": Takes((), "quantiles ``{0 %: 5 yr, 100 %: 25 yr}``, or a list of observations"),
    "dirichlet": Takes((1,), "beside shares: how many observations stand behind them"),
    "fitted": Takes((), "written by the program: the fit of which the law is drawn"),
}
"""Distributions a value may carry.

``fitted`` is not written by hand: it stands in what ``{fit: FILE}`` becomes.
"""

BESIDE = {
    "truncated": "``[low, high]``: beyond these nothing is drawn",
    "redraw": "``yearly``, or ``{ar1: 0.9}`` for years that are correlated; else one draw for all",
}
"""What may stand beside a distribution."""


@dataclass(frozen=True)
class Fitted:
    """A law whose fields are drawn together from a fit: its file, the group and fields taken.

    ``told`` are labels of the group whose saturation was given in the scenario instead.
    """

    path: str
    label: str
    fields: tuple[str, ...]
    told: tuple[str, ...]


Read = Callable[[Any, Place], Any]
At = Callable[..., Place]


def require_alone(raw: Mapping[Any, Any], at: At) -> None:
    """Raise if something stands beside a value that only belongs beside a distribution."""
    for key in BESIDE:
        if key in raw:
            raise MfaError(f"{key!r} needs a distribution beside it", at(raw, key, of_key=True))


def read_uncertainty(raw: Mapping[Any, Any], name: str, read: Read, at: At) -> dict[str, Any]:
    """Return what is written of a distribution, as fields of :class:`mfa.forms.Known`.

    Parameters
    ----------
    raw : mapping
        The value as it was written, with the distribution under its name.
    name : str
        One of :data:`DISTRIBUTIONS`.
    read : function of something written and its place
        Gives the form of a number.
    at : function of a mapping and a key
        Gives the place of the value under a key, or with ``of_key`` of the key.

    Raises
    ------
    MfaError
        For something else than a list of as many numbers as the distribution takes.
    """
    if name == "fitted":
        told = raw[name]
        fit = Fitted(
            str(told["fit"]), str(told["label"]), tuple(told["fields"]), tuple(told["told"])
        )
        return {"bounds": (), "fit": fit}
    shares, bounds = _bounds(raw, name, read, at)
    cut = _listed(raw, "truncated", (2,), read, at) if "truncated" in raw else ()
    return {"at": shares, "bounds": bounds, "cut": cut, "redraw": _redraw(raw, at)}


def _bounds(
    raw: Mapping[Any, Any], name: str, read: Read, at: At
) -> tuple[tuple[float, ...], tuple[Any, ...]]:
    """Return the numbers of a distribution, and their probabilities if it is a table of them."""
    given = raw[name]
    if name == "dirichlet" and not isinstance(given, list | tuple):
        return (), (read(given, at(raw, name)),)
    if name != "empirical" or not isinstance(given, Mapping):
        return (), _listed(raw, name, DISTRIBUTIONS[name].numbers, read, at)
    pairs = []
    for key in given:
        where = at(given, key, of_key=True)
        share = read(key, where)
        if getattr(share, "unit", "no number") not in (None, "1"):
            message = f"'empirical' maps shares of the values, from 0 to 1, to values; {key!r} is no share"
            raise MfaError(message, where)
        pairs.append((share.value, read(given[key], at(given, key))))
    pairs.sort(key=lambda pair: pair[0])
    return tuple(share for share, _ in pairs), tuple(form for _, form in pairs)


def _listed(
    raw: Mapping[Any, Any], key: str, sizes: tuple[int, ...], read: Read, at: At
) -> tuple[Any, ...]:
    """Return the list of numbers under a key, which has one of some lengths."""
    given, where = raw[key], at(raw, key)
    if not isinstance(given, list | tuple) or (sizes and len(given) not in sizes):
        count = f"of {' or '.join(map(str, sizes))} numbers" if sizes else "of numbers"
        raise MfaError(f"{key!r} takes a list {count}", where)
    return tuple(read(number, at(raw, key, i)) for i, number in enumerate(given))


def _redraw(raw: Mapping[Any, Any], at: At) -> float | None:
    """Return the correlation between draws of neighbouring years; None for one draw for all."""
    given = raw.get("redraw")
    if "redraw" not in raw:
        return None
    if given == "yearly":
        return 0.0
    if isinstance(given, Mapping) and set(given) == {"ar1"}:
        found = given["ar1"]
        if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 1:
            return float(found)
        raise MfaError(
            f"'ar1' is the correlation from one year to the next, from 0 to below 1, not {found!r}",
            at(given, "ar1"),
        )
    raise MfaError(
        f"'redraw' is yearly or {{ar1: 0.9}}, not {given!r}; without it one draw holds for all years",
        at(raw, "redraw"),
    )

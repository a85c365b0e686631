"""A fit from its file: whole, and as it was fitted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfa.demand.fit_files import digest
from mfa.demand.fitted import Fit
from mfa.errors import MfaError
from mfa.files import place_of, read_yaml

SHOWN = ("law", "parameters", "identified", "effects")
"""What a reader of the file sees first, and an edit would change without effect."""


def whole_fit(given: Mapping[str, Any] | str | Path, name: str = "") -> Fit:
    """Return the fit of a file, given by its path or its content.

    Parameters
    ----------
    given : path, or mapping
        Of a file that ``mfa fit`` wrote, or what stands in it.
    name : str, optional
        What messages call it; the path by default.

    Raises
    ------
    MfaError
        If there is no such file, a field is missing or no number, or the parameters it shows are
        not those it was fitted with.

    Examples
    --------
    >>> from mfa import demand
    >>> fit = demand.fit("logistic", [1.0, 2, 3, 4, 5, 6], [1.0, 2, 4, 6, 7, 7.5])
    >>> whole_fit(fit.to_mapping()).parameters == fit.parameters
    True
    """
    if not isinstance(given, Mapping | str | Path):
        raise MfaError(f"a fit is given by the path of its file, found {given!r}")
    told = given if isinstance(given, Mapping) else read_yaml(Path(given))
    name = name or ("the mapping" if isinstance(given, Mapping) else str(given))
    try:
        fit = Fit.from_mapping(told)
        shown = fit.to_mapping()
    except MfaError as error:
        raise MfaError(f"{name} is no fit: {error.problems[0].message}", place_of(told)) from None
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise MfaError(
            f"{name} is no whole fit ({error}); write it again", place_of(told)
        ) from None
    for part in SHOWN:
        if not _alike(shown.get(part), told.get(part)):
            at = place_of(told, (part,)) if part in told else place_of(told)
            raise MfaError(
                f"{name}: {part!r} is not what was fitted; "
                "write the fit again, or give values beside it",
                at,
            )
    if "sha256" in told and told["sha256"] != digest(told):
        raise MfaError(
            f"{name} is not as it was written; write the fit again, or give values beside it",
            place_of(told),
        )
    return fit


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping):
        return (
            isinstance(other, Mapping)
            and set(one) == set(map(str, other))
            and all(_alike(one[key], other[key]) for key in one)
        )
    if isinstance(one, float):
        return isinstance(other, int | float) and abs(one - other) <= 1e-9 * abs(one)
    return bool(one == other)

"""``{fit: FILE, of: …}`` in a scenario: a law whose fields stand in the file of a fit.

The form is turned into the law it stands for when the scenario is read, so
that everything after it, the manifest too, knows the numbers and where they
are from.  A saturation that the data do not identify is refused, unless the
scenario says what it is to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from mfa.demand.fit_reading import whole_fit
from mfa.demand.laws import LAWS
from mfa.errors import MfaError, Place, Problem, known
from mfa.files import Branch, place_of, read_yaml
from mfa.units import canonical, quotient

BESIDE = {
    "fit": "YAML file that ``mfa fit`` wrote",
    "of": "parameter that the fitted law is one of; without it the years",
    "times": "parameter that the law is multiplied with",
}
"""What may stand beside the fields of the law, which replace those of the fit."""

CALENDAR = (1000.0, 3000.0)
"""First years of data: x without unit that begins within is taken for calendar years."""


Read: TypeAlias = Callable[[str, Place], Branch]
"""Gives the whole, checked content of the file of a fit, named as in the scenario."""


def expanded(raw: Any, read: Read, place: Place, under: tuple[str, ...] = ()) -> Any:
    """Return a value with every ``{fit: …}`` in it replaced by its law.

    Parameters
    ----------
    raw : value as it was read
    read : function of a name and the place where it stands
        Gives the content of the file of a fit, see :func:`read_fit`.
    place : Place
        Where the value stands, if it does not know itself.
    under : tuple of str
        Labels that the value stands under; of a fit with groups it takes the one it names.
    """
    if not isinstance(raw, Mapping):
        return raw
    if "fit" in raw:
        return _law(raw, read, getattr(raw, "place", place), under)
    inner = {key: expanded(value, read, place, (*under, str(key))) for key, value in raw.items()}
    if all(inner[key] is value for key, value in raw.items()):
        return raw
    return _branch(inner, raw, place)


def read_fit(file: Path, name: str, at: Place) -> Branch:
    """Return the content of the file of a fit, which is whole and as it was fitted.

    Raises
    ------
    MfaError
        Otherwise, with its place in the scenario and in the file.
    """
    if file.suffix not in (".yaml", ".yml"):
        raise MfaError(f"'fit' is the name of a YAML file that 'mfa fit' wrote, found {name!r}", at)
    told = read_yaml(file, at)
    try:
        whole_fit(told, name)
    except MfaError as error:
        raise MfaError(
            Problem(one.message, replace(at, source=str(replace(one.place, file=name))))
            for one in error.problems
        ) from None
    return told


def _law(raw: Mapping[Any, Any], read: Read, place: Place, under: tuple[str, ...]) -> Any:
    path = raw["fit"]
    at = place_of(raw, ("fit",)) if isinstance(raw, Branch) else place
    if not isinstance(path, str):
        raise MfaError("'fit' is the name of a YAML file that 'mfa fit' wrote", at)
    told = read(path, at)
    law = str(told["law"])
    if law not in LAWS:
        raise MfaError(f"law {law!r} cannot stand in a scenario. {known(law, LAWS, 'laws')}", at)
    for key in raw:
        if key not in (*BESIDE, *LAWS[law].fields):
            hint = known(key, [*BESIDE, *LAWS[law].fields], "fields")
            wrong = place_of(raw, (key,), key=True) if isinstance(raw, Branch) else place
            raise MfaError(f"a fit of law {law!r} has no field {key!r}. {hint}", wrong)
    _require_same_axis(told, raw, path, at)
    if told.get("covariates") and "saturation" not in raw:
        names = ", ".join(str(one["name"]) for one in told["covariates"])
        raise MfaError(
            f"the saturation of {path} depends on covariates ({names}), which a scenario does not "
            "have; write 'saturation:' beside 'fit', for the values they are to take",
            at,
        )
    label = next((name for name in under if name in map(str, told["labels"])), "")
    _require_identified(told, raw, path, at, label)
    over_years = "of" not in raw
    written = {name: _written(told, name, label, over_years) for name in LAWS[law].fields}
    for name, value in raw.items():
        if name in written and isinstance(value, Mapping) and isinstance(written[name], Mapping):
            written[name] = {**written[name], **value}
        elif name in written:
            written[name] = value
    scale = {"scale": "log"} if told["scaling"]["scale"] == "log" else {}
    beside = {key: raw[key] for key in ("of", "times") if key in raw}
    whole = _from_file({"law": law, **beside, **scale, **written}, told, path, raw, at)
    source = f"{path}, fitted to data {str(told['data_sha256'])[:12]}"
    fitted = {"fit": path, "label": label, **_drawn(written, raw, told)}
    return _branch({"value": whole, "source": source, "fitted": fitted}, raw, place)


def _drawn(
    written: Mapping[str, Any], raw: Mapping[Any, Any], told: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return which fields of the law are drawn from the fit, and the labels that are told instead."""
    labels = set(map(str, told["labels"]))
    some = {
        name for name in written if isinstance(raw.get(name), Mapping) and labels >= set(raw[name])
    }
    fields = [name for name in written if name not in raw or name in some]
    return {"fields": fields, "told": sorted({str(label) for name in some for label in raw[name]})}


def _require_identified(
    told: Mapping[str, Any], raw: Mapping[Any, Any], path: str, at: Place, label: str
) -> None:
    sure, given = told["identified"], raw.get("saturation")
    sure = {label: sure[label]} if label and isinstance(sure, Mapping) else sure
    by_label = sure if isinstance(sure, Mapping) else {"": sure}
    lacking = [str(label) for label, known_ in by_label.items() if not known_]
    if isinstance(given, Mapping):
        lacking = [label for label in lacking if label not in given]
    elif given is not None:
        return
    if lacking:
        whose = f" ({', '.join(lacking)})" if any(lacking) else ""
        raise MfaError(
            f"the data of {path} do not identify the saturation{whose}; write "
            "'saturation:' beside 'fit' with a source or a reason, or fit with more data",
            at,
        )


def _require_same_axis(
    told: Mapping[str, Any], raw: Mapping[Any, Any], path: str, at: Place
) -> None:
    """Raise unless a law fitted over years stands over years, and one over income ``of`` it."""
    scaling, unit = told["scaling"], canonical(str(told["units"].get("x", "1")))[1]
    calendar = told["x_dim"] == "year" and unit == "1" and scaling["scale"] == "linear"
    over_years = calendar and CALENDAR[0] <= float(scaling["shift"]) <= CALENDAR[1]
    if over_years and "of" in raw:
        wrong = place_of(raw, ("of",)) if isinstance(raw, Branch) else at
        raise MfaError(
            f"{path} was fitted over years: leave 'of' out, or fit it over {raw['of']}", wrong
        )
    if not over_years and "of" not in raw:
        over = "a number without unit" if unit == "1" else f"something in {unit}"
        raise MfaError(f"{path} was fitted over {over}: say 'of' which parameter it is a law", at)


def _written(told: Mapping[str, Any], name: str, label: str, over_years: bool) -> Any:
    """Return a fitted parameter as text with its unit, or a mapping of labels to such texts."""
    kind = LAWS[str(told["law"])].fields[name]
    x, y = (canonical(str(told["units"].get(key, "1")))[1] for key in ("x", "y"))
    if kind == "value":
        unit = y
    elif kind == "x":
        unit = "1" if over_years else x
    elif kind == "1/x" and told["scaling"]["scale"] == "linear":
        unit = "1/yr" if over_years else quotient("1", x)
    else:
        unit = "1"

    def text(value: float) -> Any:
        return float(value) if unit == "1" else f"{float(value)!r} {unit}"

    value = told["parameters"][name]
    if isinstance(value, Mapping):
        return text(value[label]) if label else {name: text(v) for name, v in value.items()}
    return text(value)


def _from_file(values: Mapping[Any, Any], told: Branch, path: str, raw: Any, at: Place) -> Branch:
    """Return a mapping that stands in the scenario, and tells where in the file it is from."""
    found = Branch(values)
    own = getattr(raw, "values_at", {})

    def source(key: str) -> Place:
        return replace(at, source=str(replace(place_of(told, ("parameters", key)), file=path)))

    found.place = at
    found.values_at = {key: own.get(key) or source(key) for key in values}
    found.keys_at = dict(found.values_at)
    return found


def _branch(values: Mapping[Any, Any], like: Any, place: Place) -> Branch:
    """Return a mapping that knows its places as another one did."""
    found = Branch(values)
    found.place = getattr(like, "place", place)
    keys, inner = getattr(like, "keys_at", {}), getattr(like, "values_at", {})
    found.keys_at = {key: keys.get(key, found.place) for key in values}
    found.values_at = {key: inner.get(key, found.place) for key in values}
    return found

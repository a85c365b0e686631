"""A fit as plain numbers, text and lists, so that YAML can hold it, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mfa.demand.covariates import Covariate
from mfa.demand.curves import Scaling, curve_of
from mfa.demand.panel import Layout
from mfa.demand.ridges import Ridge
from mfa.errors import MfaError, known
from mfa.files import replacing

PLAIN: dict[str, type] = {
    **dict.fromkeys(("law", "noise", "loss", "dim", "x_dim", "data_sha256"), str),
    **dict.fromkeys(("sigma", "condition", "deviance"), float),
    **{"interior": bool, "degrees": int, "count": int},
}
FORMAT = 1


def to_mapping(fit: Any) -> dict[str, Any]:
    """Return what :func:`fields` reads, with the parameters in front for a reader."""
    shown = {name: _plain(value) for name, value in fit.parameters.items()}
    errors = {name: _plain(value) for name, value in fit.standard_error.items()}
    found: dict[str, Any] = {
        "format": FORMAT,
        "law": fit.law,
        "parameters": shown,
        "standard_error": errors,
        "identified": _plain(fit.identified),
        "covariance": fit.covariance.values.tolist(),
        "columns": list(fit.layout.columns),
        "units": dict(fit.units),
        "scaling": {n: getattr(fit.scaling, n) for n in ("scale", "shift", "width", "level")},
        "labels": list(fit.layout.labels),
        "own": list(fit.layout.own),
        "relative_error": np.asarray(fit.relative_error).tolist(),
        "past_turning": np.asarray(fit.past_turning).tolist(),
        "limits": np.asarray(fit.limits).tolist(),
        "working": np.asarray(fit.working).tolist(),
        "working_covariance": np.asarray(fit.working_covariance).tolist(),
        "criteria": {name: float(value) for name, value in fit.criteria.items()},
    }
    found |= {name: _plain(getattr(fit, name)) for name in PLAIN}
    if fit.layout.covariates:
        found["effects"] = dict(fit.effects)
        found["covariates"] = [dict(vars(one)) for one in fit.layout.covariates]
    if fit.pooling != "free":
        found["pooling"] = fit.pooling
    if fit.ridge is not None:
        ridge = fit.ridge
        found["profile"] = {
            "key": ridge.key,
            "degrees": ridge.degrees,
            "roots": ridge.roots.tolist(),
            "points": ridge.points.tolist(),
            "spreads": ridge.spreads.tolist(),
        }
    if fit.draws is not None:
        found["draws"] = fit.draws.tolist()
    return found


def fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``Fit`` from what :func:`to_mapping` wrote.

    Raises
    ------
    MfaError
        If a field is missing or unknown, or the format is another.
    """
    if not isinstance(given, Mapping):
        raise MfaError(f"a fit is a mapping of its fields, found {given!r}")
    derived = ["format", "parameters", "standard_error", "identified", "covariance", "columns"]
    derived += ["effects"]
    needed = [
        *PLAIN, "units", "scaling", "labels", "own", "relative_error", "past_turning", "limits",
        "working", "working_covariance",
    ]  # fmt: skip
    derived += ["sha256"]
    allowed = {*derived, *needed, "criteria", "profile", "draws", "covariates", "pooling"}
    for name in given:
        if name not in allowed:
            raise MfaError(f"a fit has no field {name!r}. {known(name, allowed)}")
    if given.get("format") != FORMAT:
        raise MfaError(f"format {given.get('format')!r} of a fit is unknown, {FORMAT} is read")
    missing = [name for name in needed if name not in given]
    if missing:
        raise MfaError(f"the fit lacks {', '.join(missing)}")
    _, curve = curve_of(given["law"])
    found: dict[str, Any] = {
        name: _of_kind(name, given[name], kind) for name, kind in PLAIN.items()
    }
    scaling, profile = given["scaling"], given.get("profile")
    covariates = tuple(Covariate(**one) for one in given.get("covariates", ()))
    found |= {
        "layout": Layout(curve, tuple(given["labels"]), tuple(given["own"]), covariates),
        "scaling": Scaling(
            str(scaling["scale"]), *(float(scaling[n]) for n in ("shift", "width", "level"))
        ),
        "units": dict(given["units"]),
        "pooling": str(given.get("pooling", "free")),
        "ridge": None,
        "draws": np.array(given["draws"], dtype=float) if "draws" in given else None,
    }
    groups, width = len(found["layout"].labels) or 1, len(found["layout"].columns)
    for name, shape in (
        ("relative_error", (groups,)), ("past_turning", (groups,)), ("limits", (2, width)),
        ("working", (width,)), ("working_covariance", (width, width)),
    ):  # fmt: skip
        found[name] = np.array(given[name], dtype=bool if name == "past_turning" else float)
        if found[name].shape != shape:
            raise MfaError(f"{name!r} of the fit has the shape {found[name].shape}, not {shape}")
    if profile is not None:
        parts = {n: np.array(profile[n], dtype=float) for n in ("roots", "points", "spreads")}
        found["ridge"] = Ridge(key=int(profile["key"]), degrees=int(profile["degrees"]), **parts)
    return found


def write(fit: Any, path: str | Path, made_by: str = "") -> None:
    """Write a fit as YAML, to a temporary name first."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 100
    yaml.default_flow_style = None
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        if made_by:
            stream.write(f"# mfa {made_by}\n")
        told = to_mapping(fit)
        yaml.dump(told | {"sha256": digest(told)}, stream)


def digest(told: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all fields of a fit but this one, so that an edit is noticed."""
    content = {name: value for name, value in told.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _of_kind(name: str, value: Any, kind: type) -> Any:
    """Return a field of a fit, which has to be text, a number or true or false."""
    accepted = (int, float) if kind is float else kind
    wrong = isinstance(value, bool) != (kind is bool) or not isinstance(value, accepted)
    if wrong or (name == "degrees" and value < 1):
        raise MfaError(f"{name!r} of the fit is {value!r}, which it cannot be")
    return kind(value)


def describe(fit: Any) -> str:
    """Return the parameters of a fit with their standard errors, one line each, for a reader."""
    lines = [f"{fit.law}, {fit.count} points, by {fit.method}"]
    sure = _plain(fit.identified)
    for name, value in fit.parameters.items():
        shown, errors = _plain(value), _plain(fit.standard_error[name])
        unit = fit.natural.unit(name)
        many = isinstance(shown, dict)
        for label in shown if many else [""]:
            number, error = (shown[label], errors[label]) if many else (shown, errors)
            told = sure.get(label, True) if isinstance(sure, dict) else sure
            if not told and name == fit.curve.key:
                place = list(fit.layout.labels).index(label) if many else 0
                error = max(error, float(np.ravel(fit.relative_error)[place]) * number)
            flag = "" if told or name != fit.curve.key else "   not identified by the data"
            known_unit = "" if unit == "1" else f" {unit}"
            line = f"  {name} {label}".ljust(30) + f"{number:12.6g} ± {error:.3g}"
            lines.append(line + known_unit + flag)
    if fit.doubts:
        some = " everywhere" if isinstance(sure, dict) and any(sure.values()) else ""
        lines.append(f"the {fit.curve.key} is not identified{some}: {'; '.join(fit.doubts)}")
    return "\n".join(lines)


def _plain(value: Any) -> Any:
    """Return numbers, or a mapping label → number, of what may be labelled."""
    if getattr(value, "dims", ()):
        dim = value.dims[0]
        return {str(k): v for k, v in zip(value[dim].values, value.values.tolist(), strict=True)}
    return value.item() if hasattr(value, "item") else value

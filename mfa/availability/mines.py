"""The pipeline of mines: projects that come late, ramp up, wear out, or never come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.errors import MfaError, known

Array = NDArray[np.float64]

STATUS = {"operating": 1.0, "construction": 0.9, "permitting": 0.5, "exploration": 0.2}
"""Probabilities of success of a status, where a project does not say its own (assumed)."""


def pipeline(
    projects: Iterable[Any],
    years: Any,
    *,
    base: float = 0.0,
    decline: float = 0.0,
    lead: float = 8.0,
    lead_spread: float = 0.0,
    ramp: int = 3,
    life: float = np.inf,
) -> xr.Dataset:
    """Return the capacity to be expected from mines that work and projects that come.

    capacity = base (1 − decline)^t + Σ size × probability × share of the ramp: a
    project decided in year d with a lead time of L years yields 1/ramp of its
    size in year d + L, 2/ramp in the next, and so on, and stops after its life.
    With a spread, lead times are lognormal and capacity is the mean over them.

    Parameters
    ----------
    projects : list of (year decided, size), or of mappings
        Mappings have ``decided``, ``size`` [t/yr], and may have ``probability``
        or ``status`` (:data:`STATUS`), ``lead``, ``ramp`` and ``life``.
    years : array (year,)
        Contiguous.
    base : float [t/yr]
        Of mines that work in the first year.
    decline : float, in [0, 1)
        Share of the base that is lost in a year.
    lead : float [yr]
        Mean years from decision to first production; 7 to 10 are usual.
    lead_spread : float [yr]
        Standard deviation of the lead time.
    ramp : int [yr]
        Years until a project is at its size, 1 or more.
    life : float [yr]
        Years of production of a project.

    Returns
    -------
    Dataset (year,)
        ``capacity``, ``base`` and ``projects`` [t/yr]; ``by_project`` (project, year).

    Raises
    ------
    MfaError
        If a number cannot be what it says, or a status is unknown.

    References
    ----------
    S&P Global Market Intelligence (2023), Discovery to production averages 15.7 years for 127 mines;
    Heijlen et al. (2021), Nat. Resour. Res. 30, doi:10.1007/s11053-020-09778-0

    Examples
    --------
    >>> found = pipeline([(2, 10)], range(9), base=50, lead=4, ramp=2)
    >>> found.capacity.values.tolist()
    [50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 55.0, 60.0, 60.0]
    """
    axis = np.asarray(getattr(years, "values", list(years)), dtype=float)
    if axis.ndim != 1 or not axis.size or (np.diff(axis) != 1).any():
        raise MfaError("years are contiguous calendar years, one or more")
    _check("base", base, base >= 0)
    _check("decline", decline, 0 <= decline < 1)
    general = {"lead": lead, "ramp": ramp, "life": life}
    listed = [_project(p, i, general) for i, p in enumerate(projects)]
    _check("lead_spread", lead_spread, lead_spread >= 0)
    each = np.array([_capacity(p, axis, lead_spread) for p in listed]).reshape(
        len(listed), len(axis)
    )
    own = base * (1 - decline) ** (axis - axis[0])
    unit = {"units": "t/yr"}
    return xr.Dataset(
        {
            "capacity": ("year", own + each.sum(axis=0), unit),
            "base": ("year", own, unit),
            "projects": ("year", each.sum(axis=0), unit),
            "by_project": (("project", "year"), each, unit),
        },
        coords={"year": axis.astype(int), "project": [p["name"] for p in listed]},
    )


def _check(name: str, value: Any, fine: bool) -> None:
    if not fine or not np.isfinite(value):
        raise MfaError(f"{name} is {value!r}, which it cannot be")


def _project(given: Any, number: int, general: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": f"project {number + 1}", "probability": None, "status": None}
    keys = {*found, "decided", "size", *general}
    if isinstance(given, dict):
        if strange := sorted(map(str, {*given} - keys)):
            raise MfaError(
                f"project {number + 1}: unknown key {strange[0]!r} (known: {', '.join(sorted(keys))})"
            )
        found |= general | given
    elif isinstance(given, tuple | list) and len(given) == 2:
        found |= general | {"decided": given[0], "size": given[1]}
    else:
        raise MfaError(f"project {number + 1}: {given!r} is neither (year, size) nor a mapping")
    name = f"{found['name']}"
    if lacking := [k for k in ("decided", "size") if k not in found]:
        raise MfaError(f"{name}: lacks {lacking[0]!r}")
    if found["status"] is not None and found["status"] not in STATUS:
        raise MfaError(f"{name}: unknown status {found['status']!r} (known: {', '.join(STATUS)})")
    if found["probability"] is None:
        found["probability"] = STATUS.get(found["status"], 1.0)
    _check(f"{name}: probability", found["probability"], 0 <= found["probability"] <= 1)
    _check(f"{name}: size", found["size"], found["size"] >= 0)
    _check(f"{name}: decided", found["decided"], True)
    _check(f"{name}: lead", found["lead"], found["lead"] >= 0)
    if not (int(found["ramp"]) == found["ramp"] and found["ramp"] >= 1):
        raise MfaError(f"{name}: ramp is {found['ramp']!r}; whole years, 1 or more")
    if not found["life"] > 0:
        raise MfaError(f"{name}: life is {found['life']!r}; above 0")
    return found


def _capacity(project: dict[str, Any], years: Array, spread: float) -> Array:
    """Return the expected capacity of one project, (year,)."""
    if spread == 0 or project["lead"] == 0:
        leads, weights = np.array([float(project["lead"])]), np.ones(1)
    else:
        leads, weights = _lognormal(float(project["lead"]), spread)
    whole = np.zeros(len(years))
    for lead, weight in zip(leads, weights, strict=True):
        worked = years - (project["decided"] + lead)  # since the first year of production
        share = np.clip((worked + 1) / project["ramp"], 0.0, 1.0) * (worked >= 0)
        whole += weight * share * (worked < project["life"])
    return np.asarray(project["size"] * project["probability"] * whole)


def _lognormal(mean: float, spread: float) -> tuple[Array, Array]:
    """Return whole years and their probabilities of a lognormal lead time."""
    from scipy.special import ndtr

    width = np.sqrt(np.log1p((spread / mean) ** 2))
    middle = np.log(mean) - width**2 / 2
    years = np.arange(0, int(np.ceil(np.exp(middle + 6 * width))) + 2)
    with np.errstate(divide="ignore"):
        edges = ndtr(
            (np.log(np.maximum(np.append(years - 0.5, years[-1] + 0.5), 0.0)) - middle) / width
        )
    weights = np.diff(edges)
    return years.astype(float), weights / weights.sum()


def mine_capacity(
    projects: Iterable[Any], years: Any, *, base: xr.DataArray, **options: Any
) -> xr.DataArray:
    """Return the capacity of mines by year and the dimensions of a base: a parameter of scenarios.

    :func:`pipeline` for each label, such as each country and material:
    ``scenario.override(mine_capacity=mine_capacity(…))``.

    Parameters
    ----------
    projects : list of mappings
        As for :func:`pipeline`, each with a label for every dimension of the base:
        ``{"mine_country": "Indonesia", "material": "Ni", "decided": 2024, "size": 50e3}``.
    years : array (year,)
        Contiguous.
    base : array (…) [t/yr]
        What mines that work in the first year can give; its labels are those of the result.
    options
        ``decline``, ``lead``, ``lead_spread``, ``ramp`` and ``life`` of :func:`pipeline`.

    Returns
    -------
    array (year, …) [t/yr]

    Raises
    ------
    MfaError
        If a project has no label of the base, or :func:`pipeline` refuses a number.

    Examples
    --------
    >>> base = xr.DataArray([50.0, 0.0], {"mine_country": ["A", "B"]}, ["mine_country"])
    >>> one = {"mine_country": "B", "decided": 2024, "size": 10.0}
    >>> found = mine_capacity([one], range(2024, 2030), base=base, lead=4, ramp=2)
    >>> found.sel(mine_country="B").values.tolist()
    [0.0, 0.0, 0.0, 0.0, 5.0, 10.0]
    """
    if not isinstance(base, xr.DataArray) or not base.dims:
        raise MfaError("base is a labelled array, like mfa.array([…], 't/yr', mine_country=[…])")
    if base.attrs.get("units", "t/yr") != "t/yr":
        raise MfaError(f"base is in {base.attrs['units']}, wanted is t/yr")
    if "year" in base.dims:
        raise MfaError("base holds for the first year; select it: base.sel(year=2024)")
    dims = [str(d) for d in base.dims]
    own: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for number, given in enumerate(projects):
        if not isinstance(given, dict):
            raise MfaError(f"project {number + 1}: {given!r} is no mapping with labels")
        name = given.get("name", f"project {number + 1}")
        for dim in dims:
            labels = [str(label) for label in base[dim].values]
            if dim not in given:
                raise MfaError(f"{name}: lacks {dim!r}; say which of {', '.join(labels)}")
            if str(given[dim]) not in labels:
                hint = known(str(given[dim]), labels, "labels")
                raise MfaError(f"{name}: {dim} {str(given[dim])!r} is not in the base. {hint}")
        cell = tuple(str(given[dim]) for dim in dims)
        rest = {key: value for key, value in given.items() if key not in dims}
        own.setdefault(cell, []).append({"name": name, **rest})
    found = []
    for index in np.ndindex(base.shape):
        cell = tuple(str(base[d].values[i]) for d, i in zip(dims, index, strict=True))
        working = float(base.values[index])
        found.append(pipeline(own.get(cell, []), years, base=working, **options).capacity.values)
    axis = np.asarray(getattr(years, "values", list(years))).astype(int)
    values = np.stack(found, axis=-1).reshape(len(axis), *base.shape)
    coords = {"year": axis, **{d: base[d].values for d in dims}}
    return xr.DataArray(values, coords, ("year", *dims), attrs={"units": "t/yr"})

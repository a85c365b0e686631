"""Data of one fit as flat arrays: points, their group, and which parameter serves which group."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from mfa.demand.covariates import Covariate, shifted
from mfa.demand.curves import BOX, Curve, Scaling
from mfa.demand.options import number, numbers, pair
from mfa.dims import require_same_labels
from mfa.errors import MfaError, known

CALENDAR = 1000.0
"""No technology has been on sale for that many years: x from there on are calendar years."""


@dataclass(frozen=True)
class Points:
    """Observations laid out flat, shape (point,): x, y, weight and number of the group.

    ``covariates`` (covariate, point) as they were given, ``inside`` the same standardised.
    """

    x: Any
    y: Any
    weight: Any
    group: Any
    labels: tuple[str, ...]
    dim: str
    x_dim: str
    units: Mapping[str, str]
    covariates: Any = None
    inside: Any = None

    @property
    def digest(self) -> str:
        """SHA-256 of the numbers that were fitted."""
        parts = (np.ascontiguousarray(v, dtype="<f8") for v in (self.x, self.y, self.weight))
        seen = hashlib.sha256(repr(self.labels).encode())
        for part in (*parts, np.ascontiguousarray(self.group, dtype="<i8")):
            seen.update(part.tobytes())
        return seen.hexdigest()


def lay_out(
    x: Any,
    y: Any,
    weights: Any,
    x_dim: str | None,
    missing: str,
    covariates: Mapping[str, Any] | None = None,
) -> Points:
    """Flatten data with one dimension of points and at most one of groups.

    Raises
    ------
    MfaError
        If labels differ, dimensions do not fit, or a value is missing (NaN)
        and ``missing`` is not ``"drop"``.
    """
    if missing not in ("raise", "drop"):
        raise MfaError(f"missing={missing!r} is unknown. {known(missing, ['raise', 'drop'])}")
    along = next((v for v in (y, x) if getattr(v, "dims", ())), None)
    dim = x_dim or _points_along(along)
    y = _labelled("y", y, dim, x if along is not None and along is x and x.ndim == 1 else None)
    if dim not in y.dims:
        raise MfaError(f"y has no dimension {dim!r}. {known(dim, y.dims, 'dimensions of y')}")
    x = _labelled("x", x, dim, y)
    weights = _labelled("weights", 1.0 if weights is None else weights, dim, y)
    others = [str(d) for d in y.dims if d != dim]
    beside = {
        str(n): _labelled(f"covariate {n!r}", v, dim, y) for n, v in (covariates or {}).items()
    }
    given = {"x": x, "y": y, "weights": weights, **{f"covariate {n!r}": beside[n] for n in beside}}
    for name, v in given.items():
        extra = [str(d) for d in v.dims if d not in y.dims]
        if len(others) > 1 or extra:
            raise MfaError(
                f"y may have one dimension beside {dim!r}, and x, weights and covariates no other "
                f"than y; found y{tuple(y.dims)}, {name}{tuple(v.dims)}: select or stack first"
            )
    coordinates = {d: y.coords[d] for d in y.dims if d in y.coords}
    require_same_labels(**{n: v for n, v in given.items() if set(v.dims) & set(coordinates)})
    order = (*others, dim)
    wide = [v.broadcast_like(y).transpose(*order).values.astype(float) for v in given.values()]
    labels = tuple(str(v) for v in y[others[0]].values) if others else ()
    group = np.broadcast_to(np.arange(len(labels) or 1)[:, None], (len(labels) or 1, y.sizes[dim]))
    flat = [np.ravel(v) for v in wide]
    bad = ~np.isfinite(np.stack(flat)).all(axis=0)
    if bad.any() and missing == "raise":
        at = int(np.argmax(bad))
        where = f"{others[0]}={labels[group.ravel()[at]]}, " if others else ""
        point = y[dim].values[at % y.sizes[dim]]
        raise MfaError(
            f"{_whose(given, flat, at)} is missing (NaN) at {where}{dim}={point}, "
            f"{int(bad.sum())} in all; "
            "absent is not zero: leave the points out, or say missing='drop'"
        )
    keep = ~bad & (flat[2] > 0)
    if (flat[2][~bad] < 0).any():
        raise MfaError("weights must not be negative")
    if not keep.any():
        raise MfaError("no point is left to fit: each is missing or has the weight 0")
    x, y, weight, *rest = (v[keep] for v in flat)
    units = {n: str(given[n].attrs.get("units", "1")) for n in ("x", "y")}
    units |= {n: str(beside[n].attrs.get("units", "1")) for n in beside}
    weight = weight / weight.mean()
    found = group.ravel()[keep]
    if twice := [label for place, label in enumerate(labels) if label in labels[:place]]:
        raise MfaError(f"{others[0]} {twice[0]!r} stands there twice; each label needs its own")
    for place, label in enumerate(labels):
        if not (found == place).any():
            raise MfaError(f"{others[0]} {label!r} has no point: leave it out of the fit")
    wide_rest = np.array(rest).reshape(len(rest), len(x))
    return Points(x, y, weight, found, labels, others[0] if others else "", dim, units, wide_rest)


def _points_along(data: xr.DataArray | None) -> str:
    """Return the dimension of the points: the only one, or the year."""
    dims = () if data is None else data.dims
    if len(dims) > 1 and "year" not in dims:
        raise MfaError(
            f"y has the dimensions {', '.join(map(str, dims))}: say which one is that of the "
            f"points, x_dim={dims[-1]!r}; the other holds the groups"
        )
    return "year" if len(dims) > 1 else str(dims[0]) if dims else "point"


def _whose(given: Mapping[str, Any], flat: list[Any], at: int) -> str:
    """Return the names of what is missing at a point."""
    names = [name for name, v in zip(given, flat, strict=True) if not np.isfinite(v[at])]
    return " and ".join("the weight" if name == "weights" else name for name in names)


def _labelled(name: str, values: Any, dim: str, like: xr.DataArray | None = None) -> xr.DataArray:
    """Return a labelled array; a bare one takes the labels of y, if it is as long."""
    data = numbers(name, values)
    if isinstance(data, xr.DataArray):
        return data.assign_attrs(values.attrs)
    if data.ndim > 1:
        raise MfaError(f"an array of shape {data.shape} needs labels: give a DataArray")
    found = xr.DataArray(data, dims=(dim,)[: data.ndim])
    if like is None or not data.ndim:
        return found
    if len(data) != like.sizes[dim]:
        raise MfaError(f"{len(data)} values of {name} stand beside {like.sizes[dim]}")
    return found.assign_coords({dim: like[dim]}) if dim in like.coords else found


def require_law_fits(name: str, curve: Curve, points: Points, noise: str) -> None:
    """Raise where a law can say nothing about observations by what they are."""
    x, y = points.x, points.y
    if y.any() and np.ptp(y) == 0:
        raise MfaError("y does not vary: any curve that has long reached its level would fit it")
    if curve.level is None:
        if (unit := points.units["y"]) != "1":
            raise MfaError(f"law {name!r} is of shares between 0 and 1, y is in {unit}: divide it")
        if not ((y >= 0) & (y <= 1)).all():
            wrong = y[(y < 0) | (y > 1)][0]
            raise MfaError(f"law {name!r} is of shares between 0 and 1, found {wrong:g}; per cent?")
    if curve.by_age and x.min() >= CALENDAR:
        raise MfaError(
            f"law {name!r} is one of years since the launch, which x = {x.min():g} is not: "
            "subtract the year of the launch, or give a column of years since then"
        )
    if noise == "relative" and not (y > 0).all():
        raise MfaError("noise='relative' needs observations above 0")
    if curve.level is not None and y.sum() < 0:
        raise MfaError(f"law {name!r} is of values above 0, and those of y sum up to {y.sum():g}")


def own_parameters(curve: Curve, own: Sequence[str] | None, groups: bool) -> tuple[str, ...]:
    """Return the parameters that each group has for itself."""
    if own is None:
        return (curve.level,) if curve.level else ()
    if isinstance(own, str) or not isinstance(own, Sequence):
        raise MfaError(f"own must be a list of parameters, such as ['{curve.key}'], found {own!r}")
    if strange := sorted({str(one) for one in own} - set(curve.names)):
        raise MfaError(f"own parameter {strange[0]!r} is unknown. {known(strange[0], curve.names)}")
    if own and not groups:
        raise MfaError("own parameters need a second dimension of y, the groups that have them")
    return tuple(own)


@dataclass(frozen=True)
class Layout:
    """Which column of the working vector serves which parameter of which group.

    ``index`` has shape (group, parameter of the law); own parameters have one
    column for each group, shared ones a single column.
    """

    curve: Curve
    labels: tuple[str, ...]
    own: tuple[str, ...]
    covariates: tuple[Covariate, ...] = ()

    @property
    def effects(self) -> Any:
        """The columns of the effects of covariates, after those of the law: int (covariate,)."""
        return int(self.index.max()) + 1 + np.arange(len(self.covariates))

    def of_group(self, number: int) -> Any:
        """Return the columns that a group uses: parameters of the law, then effects."""
        return np.concatenate([self.index[number], self.effects])

    @property
    def index(self) -> Any:
        groups, columns, found = len(self.labels) or 1, 0, []
        for name in self.curve.names:
            many = bool(self.labels) and name in self.own
            found.append(columns + (np.arange(groups) if many else np.zeros(groups, dtype=int)))
            columns += groups if many else 1
        return np.stack(found, axis=1)

    @property
    def columns(self) -> tuple[str, ...]:
        found: list[str] = []
        for name in self.curve.names:
            many = bool(self.labels) and name in self.own
            found += [f"{name}[{label}]" for label in self.labels] if many else [name]
        return (*found, *(f"effect[{one.name}]" for one in self.covariates))

    def evaluate(self, group: Any, inside: Any = None) -> Any:
        """Return the law over flat points of several groups, with its wide Jacobian.

        ``inside`` (covariate, point) are the standardised covariates there, if the fit has any.
        """
        if self.covariates:
            return shifted(replace(self, covariates=()).evaluate(group), inside)
        if not self.labels:
            return self.curve.evaluate
        index, size = self.index, len(self.columns)
        member = [[index[group, j] == k for k in range(size)] for j in range(index.shape[1])]

        def wide(u: Any, columns: list[Any]) -> tuple[Any, list[Any]]:
            stacked = np.concatenate(columns, axis=-1)
            value, parts = self.curve.evaluate(
                u, [stacked[..., index[group, j]] for j in range(index.shape[1])]
            )
            found = []
            for k in range(size):
                mine = [
                    np.where(member[j][k], part, 0.0)
                    for j, part in enumerate(parts)
                    if member[j][k].any()
                ]
                found.append(sum(mine))
            return value, found

        return wide

    def guess(self, scaling: Scaling, given: Mapping[str, float], otherwise: Any) -> Any:
        """Return a start (column,) from natural values; those not given are taken over."""
        self._require_names("start", given, self.curve.names)
        found = np.array(otherwise, dtype=float)
        for j, (name, kind) in enumerate(self.curve.kinds.items()):
            if name in given:
                value, place = number(f"start of {name!r}", given[name]), found[self.index[0, 1]]
                if kind == "gap" and "midpoint" not in given:
                    raise MfaError(f"a start of {name!r} needs one of 'midpoint', before it")
                found[self.index[:, j]] = scaling.working(kind, value, place)
        if not np.isfinite(found).all():
            raise MfaError(f"the start {dict(given)} lies outside the law")
        return found

    def box(self, scaling: Scaling, points: Points, bounds: Mapping[str, Any]) -> Any:
        """Return lower bound, first and last start, upper bound: shape (4, column)."""
        widths = {one.name: one.width for one in self.covariates}
        self._require_names("bounds", bounds, [*self.curve.names, *widths])
        within = {name: pair(f"bounds of {name!r}", ends) for name, ends in bounds.items()}
        found = np.empty((4, len(self.columns)))
        for j, (name, kind) in enumerate(self.curve.kinds.items()):
            for g, column in enumerate(self.index[:, j]):
                found[:, column] = BOX[kind]
                if kind == "level" and name in self.own and self.labels:
                    top = np.abs(points.y[points.group == g]).max()
                    found[:, column] += np.log(max(top, 1e-300) / scaling.level)
                if name in within:
                    ends = [scaling.working(kind, end) for end in within[name]]
                    if not ends[0] < ends[1]:
                        raise MfaError(f"bounds of {name!r}: {within[name]} lie outside the law")
                    _hold(found[:, column], *ends)
        for column, (name, width) in zip(self.effects, widths.items(), strict=True):
            found[:, column] = BOX["effect"]
            if name in within:
                _hold(found[:, column], *(end * width for end in within[name]))
        return found

    def _require_names(self, what: str, given: Any, names: Sequence[str]) -> None:
        if not isinstance(given, Mapping):
            raise MfaError(f"{what} must be a mapping of parameters to values, found {given!r}")
        if unknown := sorted(set(map(str, given)) - set(names)):
            raise MfaError(f"{what} of {unknown[0]!r}. {known(unknown[0], names)}")


def _hold(column: Any, low: float, high: float) -> None:
    """Put the bounds and starts of one column, shape (4,), within given bounds, in place."""
    given, inside = np.array([low, low, high, high]), np.clip(column, low, high)
    column[:] = np.where(np.isfinite(given), given, inside)
    if not column[1] <= column[2]:
        column[1:3] = inside[1:3]

"""Data of one fit as flat arrays: points, their group, and which parameter serves which group."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from mfa.demand.curves import BOX, Curve, Scaling
from mfa.dims import require_same_labels
from mfa.errors import MfaError, known


@dataclass(frozen=True)
class Points:
    """Observations laid out flat, shape (point,): x, y, weight and number of the group."""

    x: Any
    y: Any
    weight: Any
    group: Any
    labels: tuple[str, ...]
    dim: str
    x_dim: str
    units: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of the numbers that were fitted."""
        parts = (np.ascontiguousarray(v, dtype="<f8") for v in (self.x, self.y, self.weight))
        seen = hashlib.sha256(repr(self.labels).encode())
        for part in (*parts, np.ascontiguousarray(self.group, dtype="<i8")):
            seen.update(part.tobytes())
        return seen.hexdigest()


def lay_out(x: Any, y: Any, weights: Any, x_dim: str | None, missing: str) -> Points:
    """Flatten data with one dimension of points and at most one of groups.

    Raises
    ------
    MfaError
        If labels differ, dimensions do not fit, or a value is missing (NaN)
        and ``missing`` is not ``"drop"``.
    """
    if missing not in ("raise", "drop"):
        raise MfaError(f"missing={missing!r} is unknown. {known(missing, ['raise', 'drop'])}")
    dim = x_dim or (str(y.dims[0]) if getattr(y, "dims", ()) else "point")
    y = _labelled(y, dim)
    if dim not in y.dims:
        raise MfaError(f"y has no dimension {dim!r}. {known(dim, y.dims, 'dimensions of y')}")
    x, weights = (_labelled(v, dim, y) for v in (x, 1.0 if weights is None else weights))
    others = [str(d) for d in y.dims if d != dim]
    extra = sorted({str(d) for v in (x, weights) for d in v.dims} - {str(d) for d in y.dims})
    if len(others) > 1 or extra:
        raise MfaError(
            f"y may have one dimension beside {dim!r}, and x and weights no other than y; "
            f"found y{tuple(y.dims)}, x{tuple(x.dims)}: select or stack first"
        )
    given = {"x": x, "y": y, "weights": weights}
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
            f"x, y or the weight is missing (NaN) at {where}{dim}={point}, {int(bad.sum())} in all; "
            "absent is not zero: leave the points out, or say missing='drop'"
        )
    keep = ~bad & (flat[2] > 0)
    if (flat[2][~bad] < 0).any():
        raise MfaError("weights must not be negative")
    x, y, weight = (v[keep] for v in flat)
    units = {n: str(given[n].attrs.get("units", "1")) for n in ("x", "y")}
    weight = weight / weight.mean() if len(weight) else weight
    found = group.ravel()[keep]
    for number, label in enumerate(labels):
        if not (found == number).any():
            raise MfaError(f"{others[0]} {label!r} has no point: leave it out of the fit")
    return Points(x, y, weight, found, labels, others[0] if others else "", dim, units)


def _labelled(values: Any, dim: str, like: xr.DataArray | None = None) -> xr.DataArray:
    """Return a labelled array; a bare one takes the labels of y, if it is as long."""
    if isinstance(values, xr.DataArray):
        return values
    data = np.asarray(values, dtype=float)
    if data.ndim > 1:
        raise MfaError(f"an array of shape {data.shape} needs labels: give a DataArray")
    found = xr.DataArray(data, dims=(dim,)[: data.ndim])
    if like is None or not data.ndim:
        return found
    if len(data) != like.sizes[dim]:
        raise MfaError(f"{len(data)} values stand beside {like.sizes[dim]} of y")
    return found.assign_coords({dim: like[dim]}) if dim in like.coords else found


@dataclass(frozen=True)
class Layout:
    """Which column of the working vector serves which parameter of which group.

    ``index`` has shape (group, parameter of the law); own parameters have one
    column for each group, shared ones a single column.
    """

    curve: Curve
    labels: tuple[str, ...]
    own: tuple[str, ...]

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
        return tuple(found)

    def evaluate(self, group: Any) -> Any:
        """Return the law over flat points of several groups, with its wide Jacobian."""
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
        unknown = sorted(set(given) - set(self.curve.names))
        if unknown:
            raise MfaError(f"start of {unknown[0]!r}. {known(unknown[0], self.curve.names)}")
        found = np.array(otherwise, dtype=float)
        for j, (name, kind) in enumerate(self.curve.kinds.items()):
            if name in given:
                place = found[self.index[0, 1]]
                found[self.index[:, j]] = scaling.working(kind, float(given[name]), place)
        if not np.isfinite(found).all():
            raise MfaError(f"the start {dict(given)} lies outside the law")
        return found

    def box(self, scaling: Scaling, points: Points, bounds: Mapping[str, Any]) -> Any:
        """Return lower bound, first and last start, upper bound: shape (4, column)."""
        unknown = sorted(set(bounds) - set(self.curve.names))
        if unknown:
            raise MfaError(f"bounds of {unknown[0]!r}. {known(unknown[0], self.curve.names)}")
        found = np.empty((4, len(self.columns)))
        for j, (name, kind) in enumerate(self.curve.kinds.items()):
            for g, column in enumerate(self.index[:, j]):
                found[:, column] = BOX[kind]
                if kind == "level" and name in self.own and self.labels:
                    top = np.abs(points.y[points.group == g]).max()
                    found[:, column] += np.log(max(top, 1e-300) / scaling.level)
                if name in bounds:
                    low, high = (scaling.working(kind, float(v)) for v in bounds[name])
                    if not low < high:
                        raise MfaError(f"bounds of {name}: {tuple(bounds[name])} are not in order")
                    given = np.array([low, low, high, high])
                    inside = np.clip(found[:, column], low, high)
                    found[:, column] = np.where(np.isfinite(given), given, inside)
                    if not found[1, column] <= found[2, column]:
                        found[1:3, column] = inside[1:3]
        return found

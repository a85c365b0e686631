"""From working parameters of a fit to those of its law: labelled, with units, or as flat columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from mfa.demand.covariates import one_over
from mfa.demand.curves import Scaling
from mfa.demand.panel import Layout


@dataclass(frozen=True)
class Natural:
    """The parameters of a fit as its user knows them; ``dim`` is that of the groups."""

    layout: Layout
    scaling: Scaling
    dim: str
    units: Mapping[str, str]

    def labelled(self, working: Any, first: str = "") -> dict[str, Any]:
        """Return the parameters of the law from working vectors (…, column), by name."""
        own = self.layout.own
        shown: dict[str, Any] = {}
        for name, value in self._wide(working).items():
            many = self.dim and (
                name in own or (name == "decline_from" and {"midpoint", "decline_from"} & set(own))
            )
            dims = tuple(d for d in (first, self.dim if many else "") if d)
            data = value if many else value[..., 0]
            labels = {self.dim: list(self.layout.labels)} if many else {}
            unit = {"units": self.unit(name)}
            shown[name] = xr.DataArray(data, labels, dims, attrs=unit) if dims else float(data)
        return shown

    def effects(self, working: Any, first: str = "") -> dict[str, Any]:
        """Return the effects of covariates from working vectors (…, column), by name."""
        found: dict[str, Any] = {}
        for one, column in zip(self.layout.covariates, self.layout.effects, strict=True):
            value = working[..., column] / one.width
            unit = {"units": one_over(one.units)}
            found[one.name] = xr.DataArray(value, dims=(first,), attrs=unit) if first else value
        return found if first else {name: float(value) for name, value in found.items()}

    def flat(self, working: Any) -> Any:
        """Return natural values as columns, in the order of ``layout.columns``."""
        index, found = self.layout.index, np.empty(np.shape(working))
        wide = self._wide(working)
        for j, name in enumerate(self.layout.curve.names):
            found[..., index[:, j]] = wide[name]
        for one, column in zip(self.layout.covariates, self.layout.effects, strict=True):
            found[..., column] = working[..., column] / one.width
        return found

    def slope(self, working: Any) -> Any:
        """Return derivatives of natural by working parameters, (column, column)."""
        step = 1e-6 * np.eye(len(working))
        return ((self.flat(working + step) - self.flat(working - step)) / 2e-6).T

    def unit(self, name: str) -> str:
        """Return the unit of a parameter of the law."""
        kind = self.layout.curve.kinds[name]
        if kind == "rate":
            plain = self.scaling.scale == "log" or self.units["x"] == "1"
            return "1" if plain else one_over(self.units["x"])
        return {"level": self.units["y"], "place": self.units["x"], "gap": self.units["x"]}.get(
            kind, "1"
        )

    def by_group(self, values: Any, kind: type) -> Any:
        """Return a plain value, or in a pooled fit a DataArray (group,)."""
        if not self.dim:
            return kind(np.ravel(values)[0])
        labels = {self.dim: list(self.layout.labels)}
        return xr.DataArray(np.asarray(values).astype(kind), labels, (self.dim,))

    def _wide(self, working: Any) -> dict[str, Any]:
        index = self.layout.index
        columns = [working[..., index[:, j]] for j in range(index.shape[1])]
        return self.scaling.natural(self.layout.curve, columns)

"""A scenario that starts from reconciled data: coefficients with their joint covariance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mfa.correlations import correlation
from mfa.errors import MfaError, Place, known
from mfa.files import replacing
from mfa.reconciliation.elimination import Array
from mfa.reconciliation.hand_over import coefficients, responses
from mfa.scenario import Scenario
from mfa.yaml_text import to_text

SURE = 1e-9
"""A smaller standard uncertainty of a share is none."""

APART = 1e-8
"""By how much correlations are taken back where one draw would follow exactly from others."""

LIKELY = 5.0
"""A share that lies so many standard uncertainties within 0 and 1 is not cut off there."""

MOST = 400
"""More draws than this are not correlated one by one."""


@dataclass(frozen=True)
class Start:
    """Coefficients of a scenario as reconciliation leaves them, drawn together.

    Attributes
    ----------
    names : tuple of str (draw,)
        As ``mfa.run(…, samples=…)`` names the draws: ``refining_yield[material=Ni]``.
    values : array (draw,) [1]
    covariance : array (draw, draw)
        First order, of the reconciled flows behind them.
    written : mapping
        Parameters in the words of a scenario file.
    """

    base: Scenario
    names: tuple[str, ...]
    values: Array
    covariance: Array
    written: Mapping[str, Any]

    @property
    def matrix(self) -> Array:
        """Return the correlation of the draws (draw, draw), positive definite."""
        sd = np.sqrt(np.diag(self.covariance))
        found = self.covariance / np.outer(sd, sd)
        found = np.clip((found + found.T) / 2 / (1 + APART), -1.0, 1.0)
        np.fill_diagonal(found, 1.0)
        return np.asarray(found)

    def scenario(self, title: str | None = None) -> Scenario:
        """Return the scenario with these coefficients, drawn together.

        Raises
        ------
        MfaError
            If the scenario tells a correlation of its own.
        """
        changed = self.base.override(title or f"{self.base.title}, reconciled", **self.written)
        if len(self.names) < 2:
            return changed
        self._refuse_another()
        told = correlation(self.names, self.matrix.tolist(), Place("reconciled"))
        return replace(changed, correlation=told)

    def write(self, path: str | Path, parent: str, title: str | None = None) -> None:
        """Write a scenario file that inherits from `parent` and starts from these coefficients.

        Parameters
        ----------
        path : of the file, beside that of the parent
        parent : str
            As it stands behind ``inherits:``, the name of a scenario without ``.yaml``.

        Raises
        ------
        MfaError
            If the parent tells a correlation, or the file cannot be written.
        """
        content: dict[str, Any] = {
            "title": title or f"{self.base.title}, reconciled",
            "about": "coefficients as reconciled statistics leave them, drawn together",
            "inherits": parent,
            "set": dict(self.written),
        }
        if len(self.names) > 1:
            self._refuse_another()
            matrix = [[float(x) for x in row] for row in self.matrix]
            content["correlation"] = {"of": list(self.names), "matrix": matrix}
        with replacing(path) as made:
            made.write_text(to_text(content), encoding="utf-8")

    def _refuse_another(self) -> None:
        if self.base.correlation is not None:
            raise MfaError(
                "the scenario tells a correlation of its own, which this would replace; start from "
                "a scenario without one",
                self.base.correlation.place,
            )


def start(scenario: Scenario, result: xr.Dataset, *names: str) -> Start:
    """Return coefficients as reconciled, with a joint normal law, to start a scenario from.

    A share c = a / b of reconciled flows has, to first order, the deviation (da − c db) / b;
    shares and yields that rest on the same flows are correlated accordingly, within a sum to 1
    and across processes.  Of shares that sum to 1 the largest is what the others leave, so
    they sum to 1 in every sample.  A law that reaches beyond 0 or 1 is cut off there.

    Parameters
    ----------
    scenario : Scenario
    result : Dataset
        Of ``mfa.reconcile(scenario, …, covariance=True)``; one year, or of no year at all.
    names : str
        Coefficients to hand over; by default all that the result tells.

    Returns
    -------
    Start
        ``start(…).scenario()`` is what :func:`mfa.run` draws from; ``.write(path, parent)``
        makes a file of it.

    Raises
    ------
    MfaError
        If the result has no covariance or several years, a name is no coefficient that it
        tells, or there are more than :data:`MOST` draws.
    """
    if not isinstance(result, xr.Dataset):
        raise MfaError(
            f"a scenario starts from the Dataset of mfa.reconcile(…, covariance=True), not from {result!r:.60}"
        )
    if "year" in result.dims:
        if result.sizes["year"] > 1:
            raise MfaError(
                f"a scenario starts from one year, and the result has {result.sizes['year']}; "
                "choose one: result.sel(year=2024)"
            )
        result = result.isel(year=0)
    implied = coefficients(scenario, result)
    told = [str(n) for n in implied.data_vars]
    for name in names:
        if name not in told:
            raise MfaError(
                f"{name!r} is no coefficient that the result tells. {known(name, told, 'those')}"
            )
    told = [n for n in told if not names or n in names]
    moved = responses(scenario, result, told)
    written: dict[str, Any] = {}
    columns: list[str] = []
    values: list[float] = []
    rows: list[Array] = []
    for name in told:
        spec = scenario.system.parameters[name]
        dims = [d for d in spec.dims if d in implied[name].dims]
        mean = implied[name].transpose(*dims)
        rest = _largest(mean, spec.sums or spec.normalise)
        for index in np.ndindex(mean.shape):
            labels = {d: str(mean[d].values[i]) for d, i in zip(dims, index, strict=True)}
            value, root = float(mean.values[index]), moved[name][index]
            sd = float(np.sqrt((root**2).sum()))
            if not 0 <= value <= 1:
                raise MfaError(
                    f"{name} is {value:.4g} at {labels or 'all'}, which no share is: reconcile with "
                    "bounds=True, or name the coefficients to hand over"
                )
            leaf: Any = value
            if rest is not None and rest[index]:
                leaf = "rest"
            elif sd > SURE:
                where = ", ".join(f"{d}={labels[d]}" for d in dims)
                columns.append(f"{name}[{where}]" if where else name)
                values.append(value)
                rows.append(root)
                leaf = {"value": value, "normal": [value, sd], "reason": "reconciled"}
                if not LIKELY * sd < value < 1 - LIKELY * sd:
                    leaf["truncated"] = [0.0, 1.0]
            _put(written, name, dims[::-1], labels, leaf)
    if len(columns) > MOST:
        raise MfaError(
            f"{len(columns)} draws are too many to be correlated one by one (at most {MOST}); name "
            f"the coefficients to hand over: {', '.join(told)}"
        )
    whole = np.array(rows).reshape(len(rows), -1)
    return Start(scenario, tuple(columns), np.array(values), whole @ whole.T, written)


def _largest(mean: xr.DataArray, dim: str | None) -> Any:
    """Return where the largest of each sum of shares stands; None for shares that are no sum."""
    if not dim or dim not in mean.dims:
        return None
    axis = mean.dims.index(dim)
    first = np.expand_dims(mean.values.argmax(axis=axis), axis)
    place = np.arange(mean.shape[axis]).reshape([-1 if i == axis else 1 for i in range(mean.ndim)])
    return place == first


def _put(
    written: dict[str, Any], name: str, dims: list[str], labels: Mapping[str, str], leaf: Any
) -> None:
    """Write a leaf as {dimension: {label: …}}, the last dimension outermost."""
    inner, key = written, name
    for dim in dims:
        inner = inner.setdefault(key, {}).setdefault(dim, {})
        key = labels[dim]
    inner[key] = leaf

"""The result of a fit: parameters with their uncertainty, bands, draws, critical points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr

from mfa.demand import bands, fit_files, resampling
from mfa.demand.curves import CURVES, Curve, Scaling
from mfa.demand.growth_laws import critical_points
from mfa.demand.panel import Layout, Points
from mfa.demand.ridges import Ridge
from mfa.errors import MfaError

IDENTIFIED = 0.25
"""A saturation is identified if its relative standard error is below this."""

DRAWS = 4000
"""Draws behind every quantile; the same ones each time."""


@dataclass(frozen=True, repr=False)
class Fit:
    """A fitted law.  Made by :func:`mfa.demand.fit` or :meth:`from_mapping`.

    Attributes
    ----------
    law : str
    relative_error : array (group,)
        se(K)/K: the larger of the one from the covariance of ln K and half the
        one-σ (a quarter of the two-σ) interval of its profile likelihood.
    past_turning : bool array (group,)
        The data reach beyond the turning point of the curve, 95 % sure.
    interior : bool
        The optimum lies within the bounds and the Jacobian has full rank.
    sigma : float
        Standard deviation of the noise of one point of mean weight [unit of y;
        1 if the noise is relative]; robust for robust losses.
    limits : array (2, column)
        Bounds of the working parameters; draws are held within them.
    deviance : float
        −2 ln likelihood of normal residuals, up to n (1 + ln 2π).
    """

    law: str
    layout: Layout
    scaling: Scaling
    working: Any
    working_covariance: Any
    relative_error: Any
    past_turning: Any
    interior: bool
    ridge: Ridge | None
    draws: Any
    sigma: float
    degrees: int
    count: int
    limits: Any
    noise: str
    loss: str
    condition: float
    deviance: float
    dim: str
    x_dim: str
    units: Mapping[str, str]
    data_sha256: str
    points: Points | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        said = {True: "identified", False: "not identified"}
        shown = ", ".join(
            f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value.values.round(4)}"
            for name, value in self.parameters.items()
        )
        return f"Fit({self.law}, {shown}, {said[bool(self._sure.all())]}, n={self.count})"

    @property
    def curve(self) -> Curve:
        return CURVES[self.law]

    @property
    def method(self) -> str:
        """Where the uncertainty comes from: ``covariance``, ``profile`` or ``bootstrap``."""
        if self.draws is not None:
            return "bootstrap"
        return "profile" if self.ridge is not None and not self._sure.all() else "covariance"

    @property
    def _sure(self) -> Any:
        precise = np.asarray(self.relative_error) < IDENTIFIED
        return self.interior & precise & np.asarray(self.past_turning)

    @property
    def identified(self) -> Any:
        """Whether the saturation is identified: bool, or DataArray (group,).

        se(K)/K < 0.25 at an interior optimum, and data that reach beyond the
        turning point.  Below it a small standard error only repeats the form
        of the law that was assumed: another S through the same points goes
        elsewhere.
        """
        return self._by_group(self._sure, bool)

    @property
    def parameters(self) -> dict[str, Any]:
        """The law's parameters by name: numbers, or DataArrays (group,) where each has its own."""
        return self._natural(self.working)

    @property
    def covariance(self) -> xr.DataArray:
        """Covariance of the natural parameters, dims (parameter, other).

        By the delta method from the working parameters at an identified
        optimum, otherwise that of the draws of :meth:`sample`.
        """
        if self.method == "covariance":
            slope = self._slope()
            found = slope @ self.working_covariance @ slope.T
        else:
            found = np.cov(self._flat(self._draw(DRAWS, 0)), rowvar=False).reshape(
                2 * (len(self.layout.columns),)
            )
        names = list(self.layout.columns)
        return xr.DataArray(found, {"parameter": names, "other": names}, ("parameter", "other"))

    @property
    def standard_error(self) -> dict[str, Any]:
        """Roots of the diagonal of :attr:`covariance`, shaped as :attr:`parameters`."""
        found = np.sqrt(np.diag(self.covariance.values))
        shown: dict[str, Any] = {}
        for j, name in enumerate(self.curve.names):
            columns = self.layout.index[:, j]
            own = self.dim and name in self.layout.own
            shown[name] = self._by_group(found[columns], float) if own else float(found[columns[0]])
        return shown

    @property
    def criteria(self) -> dict[str, float]:
        """AIC, AICc and BIC of normal residuals; the noise counts as a parameter."""
        free, n = len(self.layout.columns) + 1, self.count
        aic = self.deviance + 2 * free
        small = 2 * free * (free + 1) / (n - free - 1) if n > free + 1 else np.inf
        return {"aic": aic, "aicc": aic + small, "bic": self.deviance + free * np.log(n)}

    def point(self, x: Any) -> xr.DataArray:
        """Return the fitted curve without a band, only if the saturation is identified.

        Raises
        ------
        MfaError
            If it is not: a bare number would hide that the data allow many.
        """
        if not self._sure.all():
            error = float(np.max(self.relative_error))
            why = [f"relative standard error {error:.2g}, below {IDENTIFIED:g} is wanted"]
            why += [] if self.interior else ["the optimum lies on a bound"]
            why += [] if np.all(self.past_turning) else ["the data end before the turning point"]
            raise MfaError(
                f"the {self.curve.key} of this {self.law} fit is not identified "
                f"({'; '.join(why)}): a bare point would hide it. "
                "Use predict(x), which gives the band; bound or pool the saturation; or add data"
            )
        return self.predict(x)[1]

    def predict(
        self, x: Any, level: float = 0.9, *, noise: bool = True
    ) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
        """Return low, mid and high of the band that holds a new observation.

        Parameters
        ----------
        x : number or array (x_dim,), for a pooled fit also (group, x_dim) [unit of x]
        level : float
            Share of new observations within the band.
        noise : bool
            With the residual noise (of a point of mean weight); without it the
            band is that of the curve.

        Returns
        -------
        three DataArrays, dims of x and, pooled, the group [unit of y]
            attrs ``identified`` 1 or 0 and ``method``.  Identified: mid is the
            curve, the band C ± t √(J Cov Jᵀ + σ²).  Not identified: quantiles
            of draws along the profile, mid their median, to be read only with
            its band; :meth:`point` refuses.

        Raises
        ------
        MfaError
            If the level is not a share, or labels of the group differ from the fit's.
        """
        if not 0 < level < 1:
            raise MfaError(f"level must lie between 0 and 1, found {level:g}")
        at = x if isinstance(x, xr.DataArray) else self._points_at(x)
        if (
            self.dim
            and self.dim in at.dims
            and list(map(str, at[self.dim].values)) != [*self.layout.labels]
        ):
            raise MfaError(f"x has other labels of {self.dim!r} than the fit; select them first")
        bands = []
        for number, label in enumerate(self.layout.labels or ("",)):
            own = at.sel({self.dim: label}, drop=True) if self.dim in at.dims else at
            flat = self._band(number, np.ravel(own.values).astype(float), level, noise)
            bands.append([own.copy(data=v.reshape(own.shape)) for v in flat])
        told = {
            "units": self.units["y"],
            "identified": int(self._sure.all()),
            "method": self.method,
        }
        shown = []
        for part in zip(*bands, strict=True):
            found = part[0]
            if self.dim:
                labels = xr.DataArray(list(self.layout.labels), dims=self.dim, name=self.dim)
                found = xr.concat(part, labels.assign_coords({self.dim: labels.values}))
            found.attrs = dict(told)
            shown.append(found.rename(None))
        return shown[0], shown[1], shown[2]

    def sample(self, count: int, seed: int = 0) -> xr.Dataset:
        """Return joint draws of the parameters: a Dataset (sample, …), one variable each.

        The draws are normal in the working parameters (logarithms of K and r)
        with the joint covariance, along the profile where K is not identified,
        or those of a bootstrap.  ``law(x, **fit.sample(1000))`` is an ensemble.
        """
        found = self._natural(self._draw(count, seed), "sample")
        coordinates = {"sample": np.arange(count)}
        return xr.Dataset(found).assign_coords(coordinates)

    def critical_points(self, level: float = 0.9) -> xr.Dataset:
        """Return take-off, turning and zero growth with their intervals [unit of x].

        Variables ``take_off``, ``take_off_low``, ``take_off_high`` and so on:
        exact functions of the parameters, intervals from 4,000 joint draws; a
        saturation that is not identified gives medians of draws.
        """
        best = critical_points(self.law, scale=self.scaling.scale, **self.parameters)
        ensemble = self.sample(DRAWS)
        drawn = critical_points(
            self.law, scale=self.scaling.scale, **{str(n): ensemble[n] for n in ensemble}
        )
        sure, found = self._sure.all(), xr.Dataset()
        for name in best:
            spread = drawn[name]
            low, middle, high = (
                spread.quantile(q, "sample").drop_vars("quantile")
                for q in ((1 - level) / 2, 0.5, (1 + level) / 2)
            )
            for end, value in (
                ("", best[name] if sure else middle),
                ("_low", low),
                ("_high", high),
            ):
                found[f"{name}{end}"] = value.assign_attrs(units=self.units["x"])
        found.attrs = {"identified": int(sure), "level": level}
        return found

    def bootstrap(self, count: int = 1000, *, block: int = 1, seed: int = 0) -> Fit:
        """Return the same fit with its uncertainty from resampled residuals.

        Residuals are centred and drawn in runs of ``block`` neighbours within
        each group (1 is the ordinary bootstrap; for time series about n^{1/3}),
        and all samples are fitted at once.

        References
        ----------
        Künsch, H. R. (1989), Annals of Statistics 17, 1217–1241, doi:10.1214/aos/1176347265

        Raises
        ------
        MfaError
            If the data are not at hand (a fit that was read from a file).
        """
        if self.points is None:
            raise MfaError("a fit read from a file has no data to resample: fit again")
        draws = resampling.bootstrap(
            self.layout, self.scaling, self.points, self.noise, self.working, count, block, seed
        )
        key = self.layout.index[:, self.curve.names.index(self.curve.key)]
        return replace(self, draws=draws, relative_error=draws[:, key].std(axis=0, ddof=1))

    def to_mapping(self) -> dict[str, Any]:
        """Return the fit as plain numbers, text and lists, for YAML; without the data."""
        return fit_files.to_mapping(self)

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Fit:
        """Return the fit that :meth:`to_mapping` wrote; raise on unknown or missing fields."""
        return cls(**fit_files.fields(given))

    def _points_at(self, x: Any) -> xr.DataArray:
        data = np.asarray(x, dtype=float)
        if data.ndim > 1:
            raise MfaError(f"x of shape {data.shape} needs labels: give a DataArray")
        return xr.DataArray(data, dims=(self.x_dim,)[: data.ndim])

    def _band(self, group: int, x: Any, level: float, noise: bool) -> tuple[Any, Any, Any]:
        u, columns = self.scaling.inside(x), self.layout.index[group]
        if self.draws is None and self._sure[group]:
            inner = self.working_covariance[np.ix_(columns, columns)]
            told = self.working[columns], inner, self.degrees
            return bands.delta(self.curve, u, *told, self._noise(noise), level)
        drawn = self._draw(DRAWS, 0)[:, columns]
        return bands.quantiles(self.curve, u, drawn, self._noise(noise), level)

    def _noise(self, wanted: bool) -> bands.Noise:
        return bands.Noise(self.sigma * wanted, self.scaling.level, self.noise == "relative")

    def _draw(self, count: int, seed: int) -> Any:
        """Return draws (count, column) of the working parameters."""
        random = np.random.default_rng(seed)
        if self.draws is not None:
            return self.draws[random.integers(len(self.draws), size=count)]
        if self.method == "profile" and self.ridge is not None:
            return np.clip(self.ridge.draw(count, random), *self.limits)
        values, vectors = np.linalg.eigh(self.working_covariance)
        factor = vectors * np.sqrt(np.maximum(values, 0.0))
        found = self.working + random.standard_normal((count, len(self.working))) @ factor.T
        return np.clip(found, *self.limits)

    def _natural(self, working: Any, first: str = "") -> dict[str, Any]:
        """Natural parameters of working vectors (…, column), labelled."""
        index = self.layout.index
        wide = self.scaling.natural(
            self.curve, [working[..., index[:, j]] for j in range(index.shape[1])]
        )
        shown: dict[str, Any] = {}
        for name, value in wide.items():
            own = self.dim and (
                name in self.layout.own
                or (
                    name == "decline_from"
                    and any(n in self.layout.own for n in ("midpoint", "decline_from"))
                )
            )
            dims = tuple(d for d in (first, self.dim if own else "") if d)
            data = value if own else value[..., 0]
            labels = {self.dim: list(self.layout.labels)} if own else {}
            unit = {"units": self._unit(name)}
            shown[name] = xr.DataArray(data, labels, dims, attrs=unit) if dims else float(data)
        return shown

    def _flat(self, working: Any) -> Any:
        """Natural parameters as columns, in the order of ``layout.columns``."""
        index = self.layout.index
        wide = self.scaling.natural(
            self.curve, [working[..., index[:, j]] for j in range(index.shape[1])]
        )
        found = np.empty(np.shape(working))
        for j, name in enumerate(self.curve.names):
            found[..., index[:, j]] = wide[name]
        return found

    def _slope(self) -> Any:
        """Derivatives of natural by working parameters, (column, column)."""
        step = 1e-6 * np.eye(len(self.working))
        return ((self._flat(self.working + step) - self._flat(self.working - step)) / 2e-6).T

    def _unit(self, name: str) -> str:
        kind = self.curve.kinds[name]
        if kind == "rate":
            plain = self.scaling.scale == "log" or self.units["x"] == "1"
            return "1" if plain else f"1/{self.units['x']}"
        return {"level": self.units["y"], "place": self.units["x"], "gap": self.units["x"]}.get(
            kind, "1"
        )

    def _by_group(self, values: Any, kind: type) -> Any:
        if not self.dim:
            return kind(np.ravel(values)[0])
        labels = {self.dim: list(self.layout.labels)}
        return xr.DataArray(np.asarray(values).astype(kind), labels, (self.dim,))

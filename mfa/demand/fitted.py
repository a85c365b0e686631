"""The result of a fit: parameters with their uncertainty, bands, draws, critical points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from mfa.demand import bands, fit_files, resampling
from mfa.demand.covariates import asked, at_covariates, factor_at, shifted
from mfa.demand.curves import CURVES, Curve, Scaling
from mfa.demand.fit_draws import working_draws
from mfa.demand.growth_laws import critical_points
from mfa.demand.natural_values import Natural
from mfa.demand.options import share, whole
from mfa.demand.panel import Layout, Points
from mfa.demand.ridges import Ridge
from mfa.errors import MfaError

DRAWS = 4000
"""Draws behind every quantile; the same ones each time."""


@dataclass(frozen=True, repr=False, eq=False)
class Fit:
    """A fitted law.  Made by :func:`mfa.demand.fit` or :meth:`from_mapping`.

    Attributes
    ----------
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
    pooling: str = "free"
    points: Points | None = None

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
    def natural(self) -> Natural:
        """How working parameters become those of the law."""
        return Natural(self.layout, self.scaling, self.dim, self.units)

    @property
    def method(self) -> str:
        """Where the uncertainty comes from: ``covariance``, ``profile`` or ``bootstrap``."""
        if self.draws is not None:
            return "bootstrap"
        return "profile" if self.ridge is not None and not self._sure.all() else "covariance"

    @property
    def _sure(self) -> Any:
        precise = np.asarray(self.relative_error) < bands.IDENTIFIED
        return self.interior & precise & np.asarray(self.past_turning)

    @property
    def identified(self) -> Any:
        """Whether the saturation is identified: bool, or DataArray (group,).

        se(K)/K < 0.25 at an interior optimum, and data that reach beyond the
        turning point.  Below it a small standard error only repeats the form
        of the law that was assumed: another S through the same points goes
        elsewhere.
        """
        return self.natural.by_group(self._sure, bool)

    @property
    def doubts(self) -> list[str]:
        """Why the saturation is not identified, in words; empty if it is."""
        return bands.doubts(self.relative_error, self.interior, self.past_turning)

    @property
    def parameters(self) -> dict[str, Any]:
        """The law's parameters by name: numbers, or DataArrays (group,) where each has its own.

        In a fit with covariates the saturation is the one at their means.
        """
        return self.natural.labelled(self.working)

    @property
    def effects(self) -> dict[str, float]:
        """Effects b of the covariates by name, K(z) = K e^{Σ b (z − z̄)} [1 / unit of z].

        The means z̄ are ``{c.name: c.centre for c in fit.layout.covariates}``.
        """
        return self.natural.effects(self.working)

    @property
    def covariance(self) -> xr.DataArray:
        """Covariance of the natural parameters, dims (parameter, other).

        By the delta method from the working parameters at an identified
        optimum, otherwise that of the draws of :meth:`sample`.
        """
        if self.method == "covariance":
            slope = self.natural.slope(self.working)
            found = slope @ self.working_covariance @ slope.T
        else:
            found = np.cov(self.natural.flat(self._draw(DRAWS, 0)), rowvar=False).reshape(
                2 * (len(self.layout.columns),)
            )
        names = list(self.layout.columns)
        return xr.DataArray(found, {"parameter": names, "other": names}, ("parameter", "other"))

    @property
    def standard_error(self) -> dict[str, Any]:
        """Roots of the diagonal of :attr:`covariance`, for all parameters and effects."""
        found = np.sqrt(np.diag(self.covariance.values))
        shown: dict[str, Any] = {}
        for j, name in enumerate(self.curve.names):
            columns = self.layout.index[:, j]
            own = self.dim and name in self.layout.own
            shown[name] = (
                self.natural.by_group(found[columns], float) if own else float(found[columns[0]])
            )
        for one, column in zip(self.layout.covariates, self.layout.effects, strict=True):
            shown[one.name] = float(found[column])
        return shown

    @property
    def criteria(self) -> dict[str, float]:
        """AIC, AICc and BIC of normal residuals; the noise counts as a parameter."""
        free, n = len(self.layout.columns) + 1, self.count
        aic = self.deviance + 2 * free
        small = 2 * free * (free + 1) / (n - free - 1) if n > free + 1 else np.inf
        return {"aic": aic, "aicc": aic + small, "bic": self.deviance + free * np.log(n)}

    def point(self, x: Any, *, covariates: Mapping[str, Any] | None = None) -> xr.DataArray:
        """Return the fitted curve without a band, only if the saturation is identified.

        Raises
        ------
        MfaError
            If it is not: a bare number would hide that the data allow many.
        """
        if doubts := self.doubts:
            raise MfaError(
                f"the {self.curve.key} of this {self.law} fit is not identified "
                f"({'; '.join(doubts)}): a bare point would hide it. "
                "Use predict(x), which gives the band; bound or pool the saturation; or add data"
            )
        return self.predict(x, covariates=covariates)[1]

    def predict(
        self,
        x: Any,
        level: float = 0.9,
        *,
        noise: bool = True,
        covariates: Mapping[str, Any] | None = None,
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
        covariates : mapping name → number or array with dims of x
            Where a fit with covariates is asked; all of them.

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
            If the level is not a share, labels of the group differ from the fit's, or a
            covariate is missing.
        """
        share("level", level)
        at, beside = asked(self.layout, self.dim, self.x_dim, self.units["x"], x, covariates)
        groups = []
        for number in range(len(self.layout.labels) or 1):
            own, *others = (
                one.isel({self.dim: number}, drop=True) if self.dim in one.dims else one
                for one in (at, *beside)
            )
            flat = self._band(number, own, others, level, noise)
            groups.append([own.copy(data=v.reshape(own.shape)) for v in self._possible(flat)])
        told = {"identified": int(self._sure.all()), "method": self.method}
        told |= {"units": self.units["y"]}
        return bands.together(groups, self.dim, self.layout.labels, told)

    def sample(
        self, count: int, seed: int = 0, *, covariates: Mapping[str, Any] | None = None
    ) -> xr.Dataset:
        """Return joint draws of the parameters: a Dataset (sample, …), one variable each.

        The draws are normal in the working parameters (logarithms of K and r)
        with the joint covariance, along the profile where K is not identified,
        or those of a bootstrap; they stay within the bounds of the fit, and the same seed gives
        the same draws.  ``law(x, **fit.sample(1000))`` is an ensemble, for x a DataArray.  For the file of a fit see
        :func:`mfa.demand.fit_parameters`.

        Parameters
        ----------
        count, seed : int
        covariates : mapping name → number or DataArray, optional
            Of a fit with covariates: the saturation is then the one at these values.  Without
            them it is the one at their means, and the effects are variables beside it.

        Raises
        ------
        MfaError
            If count or seed is no whole number, or a covariate is missing or unknown.
        """
        drawn = self._draw(whole("count", count), whole("seed", seed, least=0))
        found = self.natural.labelled(drawn, "sample")
        effects = self.natural.effects(drawn, "sample")
        if covariates is None:
            found |= effects
        else:
            own = self.layout.covariates
            at = at_covariates(own, covariates, "sample")
            level = found[self.curve.key]
            told = level * factor_at(own, effects, at) if own else level
            found[self.curve.key] = told.assign_attrs(level.attrs)
        return xr.Dataset(found).assign_coords(sample=np.arange(count))

    def critical_points(self, level: float = 0.9) -> xr.Dataset:
        """Return take-off, turning and zero growth with their intervals [unit of x].

        Variables ``take_off``, ``take_off_low``, ``take_off_high`` and so on:
        exact functions of the parameters, intervals from 4,000 joint draws; a
        saturation that is not identified gives medians of draws.
        """
        best = critical_points(self.law, scale=self.scaling.scale, **self.parameters)
        share("level", level)
        ensemble = xr.Dataset(self.natural.labelled(self._draw(DRAWS, 0), "sample"))
        ensemble = ensemble.assign_coords(sample=np.arange(DRAWS))
        drawn = critical_points(
            self.law, scale=self.scaling.scale, **{str(name): ensemble[name] for name in ensemble}
        )
        told = best if self._sure.all() else None
        found = bands.intervals(told, drawn, level, self.units["x"])
        return found.assign_attrs(identified=int(told is not None), level=level)

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
            self.layout, self.scaling, self.points, self.noise, self.working, self.limits,
            whole("count", count, least=2), block, whole("seed", seed, least=0),
        )  # fmt: skip
        key = self.layout.index[:, self.curve.names.index(self.curve.key)]
        return replace(self, draws=draws, relative_error=draws[:, key].std(axis=0, ddof=1))

    def to_mapping(self) -> dict[str, Any]:
        """Return the fit as plain numbers, text and lists, for YAML; without the data."""
        return fit_files.to_mapping(self)

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Fit:
        """Return the fit that :meth:`to_mapping` wrote; raise on unknown or missing fields."""
        return cls(**fit_files.fields(given))

    def _band(
        self, group: int, x: xr.DataArray, beside: list[xr.DataArray], level: float, noise: bool
    ) -> tuple[Any, Any, Any]:
        u = self.scaling.inside(np.ravel(x.values).astype(float))
        columns = self.layout.of_group(group)
        inside = [np.ravel(one.broadcast_like(x).transpose(*x.dims).values) for one in beside]
        evaluate = shifted(self.curve.evaluate, np.array(inside).reshape(len(beside), len(u)))
        if self.draws is None and self._sure[group]:
            inner = self.working_covariance[np.ix_(columns, columns)]
            told = self.working[columns], inner, self.degrees
            return bands.delta(evaluate, u, *told, self._noise(noise), level)
        drawn = self._draw(DRAWS, 0)[:, columns]
        return bands.quantiles(evaluate, u, drawn, self._noise(noise), level)

    def _possible(self, band: tuple[Any, Any, Any]) -> tuple[Any, ...]:
        """Return a band without what cannot be: shares lie between 0 and 1."""
        return band if self.curve.level else tuple(np.clip(part, 0.0, 1.0) for part in band)

    def _noise(self, wanted: bool) -> bands.Noise:
        return bands.Noise(self.sigma * wanted, self.scaling.level, self.noise == "relative")

    def _draw(self, count: int, seed: int) -> Any:
        return working_draws(self, count, np.random.default_rng(seed))

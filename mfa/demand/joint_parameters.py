"""Joint draws of the parameters of a fit for those who only have its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mfa.demand.fit_draws import working_draws
from mfa.demand.fit_reading import whole_fit
from mfa.demand.fitted import Fit
from mfa.demand.options import number, whole
from mfa.errors import MfaError, known


@dataclass(frozen=True)
class FitParameters:
    """The parameters of a fit as one flat list, with all that joint draws of them need.

    Attributes
    ----------
    law : str
    names : tuple of str, length p
        ``saturation``, or ``saturation[Canada]`` where each group has its own; effects of
        covariates as ``effect[urbanisation]``.  The order of everything else here.
    fields : tuple of (parameter, label), length p
        The same taken apart: ``("saturation", "Canada")``, label ``""`` where it is shared.
    values : array (p,)
        As in ``parameters`` of the file, in the units below.
    units : tuple of str, length p
    covariance : array (p, p)
    method : str
        Where the uncertainty is from: ``covariance``, ``profile`` or ``bootstrap``.
    identified : tuple of bool, length p
        False for a saturation that the data do not fix.
    """

    law: str
    names: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    values: Any
    units: tuple[str, ...]
    covariance: Any
    method: str
    identified: tuple[bool, ...]
    _fit: Fit = field(repr=False)

    def draw(self, count: int, seed: int = 0, given: Mapping[str, float] | None = None) -> Any:
        """Return joint draws, array (count, p), natural values in the order of ``names``.

        Parameters
        ----------
        count, seed : int
            The same seed gives the same draws; column j of all is :meth:`Fit.sample` of that seed.
        given : mapping of names to values, optional
            Parameters that are told instead, such as a saturation that the data do not identify.
            They keep their value in all draws and the others are those that go with it: along the
            profile if it is that of the saturation, else by the regression of the working
            parameters (logarithms of K and r) on those given, x + Σ_xg Σ_gg⁻¹ (g* − g).

        Raises
        ------
        MfaError
            If count or seed is no whole number, or a name or value of ``given`` is none.
        """
        count, seed = whole("count", count), whole("seed", seed, least=0)
        fit, told = self._fit, dict(given or {})
        if unknown := [name for name in told if name not in self.names]:
            raise MfaError(f"{self.law} has no {unknown[0]!r}. {known(unknown[0], self.names)}")
        columns = [self.names.index(name) for name in told]
        wanted = np.array([self._working(name, value) for name, value in told.items()])
        random = np.random.default_rng(seed)
        along = fit.method == "profile" and fit.ridge is not None and fit.ridge.key in columns
        if along and fit.ridge is not None:
            key = wanted[columns.index(fit.ridge.key)]
            drawn = fit.ridge.draw(count, random, key=float(key))
        else:
            drawn = working_draws(fit, count, random)
        rest = [c for c in columns if not (along and fit.ridge and c == fit.ridge.key)]
        if rest:
            spread = np.cov(drawn, rowvar=False) if count > 1 else fit.working_covariance
            if fit.method == "covariance":
                spread = fit.working_covariance
            pull = spread[:, rest] @ np.linalg.pinv(spread[np.ix_(rest, rest)], hermitian=True)
            drawn = drawn + (wanted[[columns.index(c) for c in rest]] - drawn[:, rest]) @ pull.T
        drawn = np.clip(drawn, *fit.limits)
        found = fit.natural.flat(drawn)
        for name, column in zip(told, columns, strict=True):
            found[:, column] = told[name]
        return found

    def _working(self, name: str, value: Any) -> float:
        """Return the working value of a natural one."""
        fit, column = self._fit, self.names.index(name)
        value = number(f"given {name!r}", value)
        effects = fit.layout.effects.tolist()
        if column in effects:
            return float(value * fit.layout.covariates[effects.index(column)].width)
        j = int(np.argmax((fit.layout.index == column).any(axis=0)))
        group = int(np.argmax(fit.layout.index[:, j] == column))
        place = float(fit.working[fit.layout.index[group, 1]])
        found = fit.scaling.working(list(fit.curve.kinds.values())[j], value, place)
        if not np.isfinite(found):
            raise MfaError(f"{name} = {value:g} lies outside the law {fit.law!r}")
        return float(found)


def fit_parameters(fit: Fit | Mapping[str, Any] | str | Path) -> FitParameters:
    """Return what joint draws of the parameters of a fit need, from the fit or from its file.

    ``{fit: FILE}`` in a scenario stands for the numbers ``parameters`` of that file; they are
    uncertain together, not one by one.  This gives their names, values, joint covariance, and
    joint draws: normal with the covariance, along the profile where the saturation is not
    identified, or those of a bootstrap.

    Parameters
    ----------
    fit : Fit, mapping or path
        A fit, the content of a file that ``mfa fit`` wrote, or the path of one.

    Returns
    -------
    FitParameters

    Raises
    ------
    MfaError
        If the file is not there or is no whole fit.

    Examples
    --------
    >>> from mfa import demand
    >>> income = np.linspace(1e3, 30e3, 30)
    >>> rest = np.random.default_rng(0).normal(0, 5, 30)
    >>> law = demand.logistic(income, saturation=500.0, midpoint=8e3, rate=5e-4)
    >>> found = fit_parameters(demand.fit("logistic", income, law + rest))
    >>> found.names, found.covariance.shape
    (('saturation', 'midpoint', 'rate'), (3, 3))
    >>> drawn = found.draw(2000, seed=1)
    >>> drawn.shape, bool(abs(drawn.mean(axis=0) / found.values - 1).max() < 0.01)
    ((2000, 3), True)
    """
    told = fit if isinstance(fit, Fit) else whole_fit(fit)
    names, layout = told.layout.columns, told.layout
    fields: list[tuple[str, str]] = []
    for name in names:
        parameter, _, label = name.partition("[")
        fields.append((parameter, label.removesuffix("]")))
    units, sure = [], []
    effects = told.natural.effects(told.working[None], "sample")
    for column, (parameter, _) in enumerate(fields):
        if column in layout.effects:
            units.append(effects[fields[column][1]].attrs["units"])
        else:
            units.append(told.natural.unit(parameter))
        group = np.flatnonzero((layout.index == column).any(axis=1))
        own = np.atleast_1d(np.asarray(told.identified))
        sure.append(bool(own[group].all()) if parameter == told.curve.key else True)
    return FitParameters(
        law=told.law, names=names, fields=tuple(fields), values=told.natural.flat(told.working),
        units=tuple(units), covariance=told.covariance.values, method=told.method,
        identified=tuple(sure), _fit=told,
    )  # fmt: skip

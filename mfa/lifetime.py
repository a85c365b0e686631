"""Lifetimes: the share of a cohort still in use, by age, from one of ten laws.

A cohort is what enters use in one year. Survival is told at the END of each
year: ``age`` 0 is the end of the year of entry, ``age`` 1 one year later, and so
on. How old the things then are depends on when in the year they came, which is
never left to guess (CONVENTIONS §10):

=========== ================================= ==========================================
inflow_at   survival at age a is              so that in the steady state stock / inflow is
=========== ================================= ==========================================
``spread``  ∫ S(x) dx from a to a + 1         the mean lifetime, exactly (but see below)
``start``   S(a + 1)                          the mean lifetime − ½, nearly
``middle``  S(a + ½)                          the mean lifetime, nearly
``end``     S(a)                              the mean lifetime + ½, nearly
=========== ================================= ==========================================

``spread``, the default, is the mean over entry times spread evenly over the
year, by the closed-form integral of each law; it is right for lifetimes far
below a year too, where the other three are not. Laws that reach below age 0
(normal, logistic) let that part leave in the year of entry: the steady stock is then longer
than inflow × ``mean``, by the part below 0 (a normal law: by 8 % for std = mean, by 1e-4 for std = mean / 3).

Survival that differs by cohort is computed where it is looked at
(:class:`mfa.cohort_survival.CohortSurvival`): :mod:`mfa.stocks` takes one cohort after
another, and the table of all of them is made only where its values are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from mfa.cohort_survival import CohortSurvival
from mfa.dims import labelled, order, require_contiguous, require_same_labels
from mfa.errors import MfaError
from mfa.lifetime_laws import ImpossibleError
from mfa.survival import FIRST_AGE, Array, require_known, surviving

Number = float | xr.DataArray

HALVINGS = 40
"""How often a step of a distribution is halved: an edge is then found to 1e-12 of a year."""


def fixed(years: xr.DataArray, *, mean: Number, inflow_at: str = "spread") -> xr.DataArray:
    """Everything lasts equally long: S(x) = 1 for x < mean, else 0.

    Parameters
    ----------
    years : DataArray, shape (year,)
        The calendar years of the run; as many ages are returned.
    mean : number or DataArray, shape (...)
        Lifetime [yr], 0 or more; 0 leaves in the year in which it enters. With dimension
        ``cohort`` the lifetime of what entered in that year; with dimension ``year`` that of all
        cohorts in that year: survival then falls from year t − 1 to t in the ratio of year t.
    inflow_at : {"spread", "start", "middle", "end"}
        When a cohort enters its year (see the module).

    Returns
    -------
    DataArray, shape (age, ...), or (cohort, age, ...) if a parameter has ``cohort`` or ``year``
        Share still in use at the end of each year [1]; attrs ``law`` and ``inflow_at``.

    Raises
    ------
    MfaError
        If a value is impossible (the message names its cell) or labels differ from the years.

    Examples
    --------
    >>> from mfa.dims import years
    >>> fixed(years(2020, 2023), mean=2.5).values.tolist()
    [1.0, 1.0, 0.5, 0.0]
    >>> fixed(years(2020, 2023), mean=2.5, inflow_at="end").values.tolist()
    [1.0, 1.0, 1.0, 0.0]
    """
    return _labelled("fixed", years, inflow_at, mean=mean)


def normal(
    years: xr.DataArray,
    *,
    mean: Number,
    std: Number,
    inflow_at: str = "spread",
    below_zero: str = "leaves",
) -> xr.DataArray:
    """Return normal lifetimes: S(x) = Φ((mean − x) / std).

    Parameters
    ----------
    years, inflow_at
        As in :func:`fixed`.
    mean, std : number or DataArray, shape (...)
        Mean and standard deviation [yr] of the whole normal law, each above 0.
    below_zero : {"leaves", "truncate"}
        The law has a part below age 0: it leaves in the year of entry (as in ODYM and flodym), or
        the law is cut at 0 and scaled to 1, which makes the lifetime longer than ``mean``.

    Returns
    -------
    DataArray, shape (age, ...) or (cohort, age, ...), as in :func:`fixed`

    Raises
    ------
    MfaError
        As in :func:`fixed`.

    Examples
    --------
    >>> from mfa.dims import years
    >>> float(normal(years(2020, 2030), mean=5, std=1.5, inflow_at="end").sel(age=5))
    0.5
    """
    return _labelled("normal", years, inflow_at, below_zero, mean=mean, std=std)


def folded_normal(
    years: xr.DataArray, *, mean: Number, std: Number, inflow_at: str = "spread"
) -> xr.DataArray:
    """Folded normal lifetime |X|, X normal: S(x) = Φ((mean − x)/std) + Φ((−mean − x)/std).

    Parameters
    ----------
    years, inflow_at
        As in :func:`fixed`.
    mean, std : number or DataArray, shape (...)
        Mean and standard deviation [yr] BEFORE folding, each above 0 (as in ODYM and flodym);
        the mean lifetime is longer where std is not small against mean.

    Returns
    -------
    DataArray, shape (age, ...) or (cohort, age, ...), as in :func:`fixed`

    Raises
    ------
    MfaError
        As in :func:`fixed`.

    Examples
    --------
    >>> from mfa.dims import years
    >>> float(folded_normal(years(2020, 2030), mean=5, std=9, inflow_at="end").sel(age=0))
    1.0
    """
    return _labelled("folded_normal", years, inflow_at, mean=mean, std=std)


def lognormal(
    years: xr.DataArray, *, mean: Number, std: Number, inflow_at: str = "spread"
) -> xr.DataArray:
    """Lognormal lifetime: S(x) = Φ((μ − ln x)/σ), σ² = ln(1 + std²/mean²), μ = ln mean − σ²/2.

    Parameters
    ----------
    years, inflow_at
        As in :func:`fixed`.
    mean, std : number or DataArray, shape (...)
        Mean and standard deviation of the lifetime itself [yr], each above 0. (ODYM's code has
        mean²/std² where std²/mean² belongs: its lognormal differs unless the two are equal.)

    Returns
    -------
    DataArray, shape (age, ...) or (cohort, age, ...), as in :func:`fixed`

    Raises
    ------
    MfaError
        As in :func:`fixed`.

    Examples
    --------
    The median is mean² / √(mean² + std²), here 400 / 25 = 16:

    >>> from mfa.dims import years
    >>> survival = lognormal(years(2020, 2060), mean=20, std=15, inflow_at="end")
    >>> round(float(survival.sel(age=16)), 12)
    0.5
    """
    return _labelled("lognormal", years, inflow_at, mean=mean, std=std)


def weibull(
    years: xr.DataArray,
    *,
    mean: Number | None = None,
    std: Number | None = None,
    shape: Number | None = None,
    scale: Number | None = None,
    inflow_at: str = "spread",
) -> xr.DataArray:
    """Weibull lifetime: S(x) = exp(−(x/scale)^shape), mean = scale · Γ(1 + 1/shape).

    Parameters
    ----------
    years, inflow_at
        As in :func:`fixed`.
    mean, std, shape, scale : number or DataArray, shape (...)
        Two of them: mean and shape, mean and std, or shape and scale; each above 0, all but the
        shape in [yr]. With mean and std the shape solves Γ(1+2/k)/Γ(1+1/k)² = 1 + std²/mean²
        (between 0.1 and 1000, else an error).

    Returns
    -------
    DataArray, shape (age, ...) or (cohort, age, ...), as in :func:`fixed`

    Raises
    ------
    MfaError
        As in :func:`fixed`.

    Examples
    --------
    A shape of 1 is the exponential law:

    >>> from mfa.dims import years
    >>> survival = weibull(years(2020, 2030), shape=1, scale=4, inflow_at="end")
    >>> bool(survival.sel(age=4) == np.exp(-1))
    True
    """
    return _labelled("weibull", years, inflow_at, mean=mean, std=std, shape=shape, scale=scale)


def gamma(
    years: xr.DataArray,
    *,
    mean: Number | None = None,
    std: Number | None = None,
    shape: Number | None = None,
    scale: Number | None = None,
    inflow_at: str = "spread",
) -> xr.DataArray:
    """Gamma lifetime: S(x) = Γ(shape, x/scale) / Γ(shape), mean = shape · scale.

    Parameters
    ----------
    years, inflow_at
        As in :func:`fixed`.
    mean, std, shape, scale : number or DataArray, shape (...)
        Mean and std, or shape and scale; each above 0, all but the shape in [yr].

    Returns
    -------
    DataArray, shape (age, ...) or (cohort, age, ...), as in :func:`fixed`

    Raises
    ------
    MfaError
        As in :func:`fixed`.

    Examples
    --------
    A shape of 2 has S(x) = (1 + x/scale) · exp(−x/scale):

    >>> from mfa.dims import years
    >>> survival = gamma(years(2020, 2030), shape=2, scale=3, inflow_at="end")
    >>> bool(np.isclose(survival.sel(age=3), 2 * np.exp(-1), rtol=1e-14))
    True
    """
    return _labelled("gamma", years, inflow_at, mean=mean, std=std, shape=shape, scale=scale)


def logistic(
    years: xr.DataArray, *, mean: Number, std: Number, inflow_at: str = "spread"
) -> xr.DataArray:
    """Logistic lifetime: S(x) = 1 / (1 + exp((x − mean)/b)), b = std · √3 / π.

    Parameters
    ----------
    years, inflow_at
        As in :func:`fixed`.
    mean, std : number or DataArray, shape (...)
        Mean and standard deviation [yr] of the whole law, each above 0; its part below age 0
        leaves in the year of entry.

    Returns
    -------
    DataArray, shape (age, ...) or (cohort, age, ...), as in :func:`fixed`

    Raises
    ------
    MfaError
        As in :func:`fixed`.

    Examples
    --------
    >>> from mfa.dims import years
    >>> float(logistic(years(2020, 2030), mean=5, std=1.5, inflow_at="end").sel(age=5))
    0.5
    """
    return _labelled("logistic", years, inflow_at, mean=mean, std=std)


def gompertz(
    years: xr.DataArray,
    *,
    mean: Number | None = None,
    std: Number | None = None,
    shape: Number | None = None,
    scale: Number | None = None,
    inflow_at: str = "spread",
) -> xr.DataArray:
    """Gompertz lifetime: S(x) = exp(−shape · (e^(x/scale) − 1)).

    The hazard (shape/scale) · e^(x/scale) grows exponentially with age; in the other common
    notation, A e^(Bx), A = shape/scale and B = 1/scale (doi:10.1098/rstl.1825.0026).

    Parameters
    ----------
    years, inflow_at
        As in :func:`fixed`.
    mean, std, shape, scale : number or DataArray, shape (...)
        Mean and std (std/mean between 0.0043 and 0.9997; 1 would be exponential), or shape and
        scale; each above 0, all but the shape in [yr].

    Returns
    -------
    DataArray, shape (age, ...) or (cohort, age, ...), as in :func:`fixed`

    Raises
    ------
    MfaError
        As in :func:`fixed`.

    Examples
    --------
    >>> from mfa.dims import years
    >>> survival = gompertz(years(2020, 2030), shape=1, scale=4, inflow_at="end")
    >>> bool(np.isclose(survival.sel(age=4), np.exp(1 - np.e), rtol=1e-14))
    True
    """
    return _labelled("gompertz", years, inflow_at, mean=mean, std=std, shape=shape, scale=scale)


def exponential(years: xr.DataArray, *, mean: Number, inflow_at: str = "spread") -> xr.DataArray:
    """Exponential lifetime (leaching, the same hazard at every age): S(x) = exp(−x/mean).

    Parameters
    ----------
    years, inflow_at
        As in :func:`fixed`.
    mean : number or DataArray, shape (...)
        Mean lifetime [yr], above 0.

    Returns
    -------
    DataArray, shape (age, ...) or (cohort, age, ...), as in :func:`fixed`

    Raises
    ------
    MfaError
        As in :func:`fixed`.

    Examples
    --------
    >>> from mfa.dims import years
    >>> survival = exponential(years(2020, 2030), mean=4, inflow_at="end")
    >>> bool(survival.sel(age=4) == np.exp(-1))
    True
    """
    return _labelled("exponential", years, inflow_at, mean=mean)


def table(
    years: xr.DataArray,
    *,
    survival: ArrayLike | xr.DataArray | None = None,
    hazard: ArrayLike | xr.DataArray | None = None,
) -> xr.DataArray:
    """Return the survival that a table tells, or that follows from a table of hazards.

    Parameters
    ----------
    years : DataArray, shape (year,)
        The calendar years of the run.
    survival : sequence or DataArray, shape (age, ...) or (cohort, age, ...)
        Share still in use at the end of each year: between 0 and 1, never rising; at least as
        many ages as years, or ending at 0. The table itself says when a cohort enters.
    hazard : the same
        Share, of what is in use, that leaves during each year: S(a) = Π_{j≤a} (1 − hazard(j)).

    Returns
    -------
    DataArray, shape (age, ...) or (cohort, age, ...)

    Raises
    ------
    MfaError
        If both or neither are given, or values, ages or cohorts are impossible.

    Examples
    --------
    >>> from mfa.dims import years
    >>> table(years(2020, 2022), hazard=[0.0, 0.5, 0.5]).values.tolist()
    [1.0, 0.5, 0.25]
    """
    given = {"survival": survival, "hazard": hazard}
    named: dict[str, Any] = {
        name: values if isinstance(values, xr.DataArray) else _by_age(values)
        for name, values in given.items()
        if values is not None
    }
    for data in named.values():
        if "age" not in data.dims or not np.array_equal(data["age"], np.arange(data.sizes["age"])):
            raise MfaError("table: needs a dimension 'age' with the labels 0, 1, 2, …")
    return _labelled("table", years, "table", **named)


def from_distribution(
    years: xr.DataArray, distribution: Any, *, inflow_at: str = "spread"
) -> xr.DataArray:
    """Return the survival of any frozen ``scipy.stats`` distribution: S(x) = distribution.sf(x).

    Parameters
    ----------
    years, inflow_at
        As in :func:`fixed`.
    distribution : frozen scipy distribution
        With numbers as parameters, ``scipy.stats.norm(12, 3)``; its unit is the year.

    Returns
    -------
    DataArray, shape (age,)
        For ``spread`` by Gauss–Legendre quadrature between quantiles of the distribution, halved
        where that is not exact yet: steep, kinked and stepped ones are followed.

    Raises
    ------
    MfaError
        If the distribution has no parameters yet (``scipy.stats.norm``), arrays or impossible
        numbers as parameters, or no survival function.

    Examples
    --------
    >>> from mfa.dims import years
    >>> from scipy.stats import uniform
    >>> from_distribution(years(2020, 2022), uniform(0, 2)).round(12).values.tolist()
    [0.75, 0.25, 0.0]
    """
    require_known("inflow_at", inflow_at, FIRST_AGE)
    _require_years(years)
    if hasattr(distribution, "freeze") or not hasattr(distribution, "sf"):
        raise MfaError(
            "from_distribution: needs a distribution with its parameters, as scipy.stats.norm(12, 3) "
            f"or scipy.stats.rv_histogram(...)(), not {distribution!r}"
        )
    if np.ndim(distribution.sf(1.0)):
        raise MfaError("from_distribution: the parameters must be numbers; arrays are for the laws")
    with np.errstate(all="ignore"):
        if np.isnan(distribution.sf(1.0)):
            told = [*getattr(distribution, "args", ()), getattr(distribution, "kwds", {})]
            raise MfaError(f"from_distribution: the survival is not a number; parameters: {told}")
        if inflow_at == "spread":
            values = _yearly_mean(distribution, years.size)
        else:
            values = np.asarray(distribution.sf(np.arange(years.size) + FIRST_AGE[inflow_at]))
    values = np.minimum.accumulate(np.clip(values, 0.0, 1.0))
    name = getattr(getattr(distribution, "dist", None), "name", "distribution")
    return _by_age(values).assign_attrs(units="1", law=str(name), inflow_at=inflow_at)


def bare(data: xr.DataArray, names: Sequence[str]) -> Array:
    """Return the values with the named axes in this order, of length 1 where data has none."""
    values = np.asarray(data.values, dtype=float)
    turned = values.transpose([data.dims.index(name) for name in names if name in data.dims])
    sizes = iter(turned.shape)
    return turned.reshape([next(sizes) if name in data.dims else 1 for name in names])


def labels_of(data: xr.DataArray, dim: Any) -> Any:
    """Return the labels of a dimension, without the array around them that ``data[dim]`` makes."""
    return data.coords.variables[dim].values


def _by_age(values: Any) -> xr.DataArray:
    data = np.asarray(values, dtype=float)
    if data.ndim != 1 or not data.size:
        raise MfaError(
            f"table: takes one value per age, in a sequence of one dimension, not {data.ndim} of "
            f"shape {data.shape}; with other dimensions an xarray.DataArray that names them"
        )
    return xr.DataArray(data, dims="age", coords={"age": np.arange(data.size)})


def _number(law: str, name: str, value: Any) -> float:
    if not isinstance(value, (int, float, np.number, np.ndarray)) or np.ndim(value):
        raise MfaError(
            f"{law}: {name} must be a number or, to vary, an xarray.DataArray with named "
            f"dimensions and labels; it is a {type(value).__name__}: {value!r}"
        )
    return float(value)


def _require_years(years: Any) -> None:
    if not isinstance(years, xr.DataArray):
        raise MfaError(
            "years must be labelled, as those of mfa.dims.years(2020, 2050); "
            f"they are a {type(years).__name__}"
        )
    require_contiguous(years.values)


def _labelled(
    law: str, years: xr.DataArray, inflow_at: str, below_zero: str = "leaves", **parameters: Any
) -> xr.DataArray:
    """Evaluate a law with labels: align, compute on bare arrays, put the labels back."""
    given = {
        name: value if isinstance(value, xr.DataArray) else xr.DataArray(_number(law, name, value))
        for name, value in parameters.items()
        if value is not None
    }
    _require_run_labels(law, years, given)
    found = {str(dim): labels_of(data, dim) for data in given.values() for dim in data.dims}
    lead = [name for name in order(found) if name not in ("age", "cohort", "year")]
    lead += [name for name in ("cohort", "year") if name in found]
    tail = ["age"] if law == "table" else []
    arrays = {name: bare(data, [*lead, *tail]) for name, data in given.items()}
    try:
        timing = "spread" if law == "table" else inflow_at
        values: Any
        if "cohort" in lead and "year" not in lead and law != "table":
            values = CohortSurvival(law, years.size, timing, below_zero, arrays)
        else:
            values = surviving(law, years.size, timing, below_zero, arrays)
    except ImpossibleError as wrong:
        cell = {name: found[name][i] for name, i in zip([*lead, *tail], wrong.index, strict=False)}
        shown = ", ".join(f"{name} {label}" for name, label in cell.items())
        raise MfaError(f"{law}: {wrong}" + (f" ({shown})" if cell else "")) from None
    if "year" in lead:
        values = _survival_under_years(values, "cohort" in lead)
        lead = [name for name in lead if name not in ("cohort", "year")] + ["cohort"]
    labels = {**found, "cohort": years.values, "age": np.arange(years.size)}
    dims = [*lead, "age"]
    names = order(dims)
    turned = np.transpose(values, [dims.index(name) for name in names])
    attrs = {"units": "1", "law": law, "inflow_at": inflow_at}
    return labelled(turned, names, labels, attrs)


def _require_run_labels(law: str, years: xr.DataArray, given: Mapping[str, xr.DataArray]) -> None:
    """Raise unless all labels agree with each other and with the years of the run."""
    _require_years(years)
    require_same_labels(**given)
    for name, data in given.items():
        for dim in ("year", "cohort"):
            if dim in data.dims and not np.array_equal(labels_of(data, dim), years.values):
                first, last = int(years[0]), int(years[-1])
                raise MfaError(f"{law}: {name} needs the {dim} labels {first} to {last}, one each")
        if law != "table" and "age" in data.dims:
            raise MfaError(f"{law}: {name} cannot have the dimension 'age'; see lifetime.table")
        expected = ("1",) if name in ("shape", "survival", "hazard") else ("yr", "year", "1")
        if data.attrs.get("units", "1") not in expected:
            raise MfaError(f"{law}: {name} is in {data.attrs['units']!r}, not in {expected[0]!r}")


def _survival_under_years(values: Array, has_cohort: bool) -> Array:
    """Chain the yearly survival ratios of calendar years: (..., [cohort,] year, age) → by cohort.

    S_c(t) = S_c(t−1) · F_t(a)/F_t(a−1), F_t being the law with the parameters of year t; after
    the last year its parameters hold on.
    """
    count = values.shape[-2]
    cohorts = np.arange(count)

    def at(age: int, of_age: int) -> Array:
        years = np.minimum(cohorts + age, count - 1)
        index = (..., cohorts, years, of_age) if has_cohort else (..., years, of_age)
        return np.asarray(values[index])

    steps = [at(0, 0)]
    for age in range(1, values.shape[-1]):
        before, after = at(age, age - 1), at(age, age)
        steps.append(np.divide(after, before, out=np.zeros_like(after), where=before > 0))
    return np.asarray(np.cumprod(np.stack(steps, axis=-1), axis=-1), dtype=float)


def _yearly_mean(distribution: Any, count: int) -> Array:
    """Return ∫ sf over each year, by quadrature between whole years and quantiles."""
    tail = np.concatenate([[0.0], 2.0 ** np.arange(-52, 0)])
    quantiles = np.concatenate([distribution.ppf(tail), distribution.isf(tail)])
    inside = quantiles[(quantiles > 0) & (quantiles < count)]
    near_zero = 2.0 ** np.arange(-60, 0)
    edges = np.unique(np.concatenate([np.arange(count + 1.0), near_zero, inside]))
    total = np.zeros(count)
    starts, ends = edges[:-1], edges[1:]
    whole = _gauss(distribution, starts, ends)
    for _ in range(HALVINGS):
        middles = (starts + ends) / 2.0
        left, right = _gauss(distribution, starts, middles), _gauss(distribution, middles, ends)
        done = ~(np.abs(left + right - whole) > 1e-13)
        np.add.at(total, middles[done].astype(int), (left + right)[done])
        starts, ends, whole = (
            np.concatenate([first[~done], second[~done]])
            for first, second in ((starts, middles), (middles, ends), (left, right))
        )
    np.add.at(total, starts.astype(int), whole)
    return total


def _gauss(distribution: Any, starts: Array, ends: Array) -> Array:
    """Return ∫ sf between each start and its end, of 16 nodes."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half, middle = (ends - starts) / 2.0, (ends + starts) / 2.0
    survival = distribution.sf(middle[:, np.newaxis] + half[:, np.newaxis] * nodes)
    return np.asarray(survival @ weights * half, dtype=float)

"""Which inputs move a result, from the samples that are stored: shares of the variance and others.

An input is what is written once in a scenario, with all years, shares or
fields that are drawn for it.  Its draws are made again from the seed that the
result tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.bands import with_samples
from mfa.designs import Design, input_of, inputs_of
from mfa.errors import MfaError, known

Array = NDArray[np.float64]

MOST_BINS = 64
"""Parts of an input's range whose means are compared."""

IN_A_BIN = 40
"""Samples that a part has at least."""

NORMAL_95 = 1.959963984540054
"""Quantile of 97.5 % of the normal distribution."""


def sensitivity(
    result: xr.Dataset,
    of: str,
    *,
    year: int | None = None,
    at: Mapping[str, str] | None = None,
    above: float | None = None,
) -> xr.Dataset:
    """Return how much each uncertain input moves a variable of a result with samples.

    Parameters
    ----------
    result : Dataset
        Of ``mfa.run(scenario, samples=…)`` or :func:`mfa.load`.
    of : str
        A variable with samples.
    year : int, optional
        Only this year.
    at : mapping of dim to label, optional
        Only these labels.
    above : float, optional
        A threshold, in the unit of the variable: which inputs push it above?

    Returns
    -------
    Dataset, dims ``(input, …)`` with what else the variable has
        ``first_order`` [1]: share of the variance that goes away on average if the input is known,
        V(E[y | x]) / V(y).  ``total_order`` [1], with design saltelli only: share that is left if all
        other inputs are known, E[V(y | others)] / V(y).  Both with ``…_low`` and ``…_high``, 95 %
        confidence.  ``rank_correlation`` [1]: Spearman's, of inputs that are one number.
        With a threshold ``above_distance`` [1] and ``above_p_value``: the largest distance between the
        distributions of an input in the samples above and not above it, and how probable one
        so large is if the input made no difference (Kolmogorov and Smirnov; Hornberger and
        Spear, 1981, regional sensitivity).  NaN where the variable does not vary.

        With design saltelli the estimators are those of Saltelli et al. (2010,
        doi:10.1016/j.cpc.2009.09.018) and Jansen (1999, doi:10.1016/S0010-4655(98)00154-4); with others
        first_order is of means in parts of equal probability, corrected for the noise in them.
        Of correlated inputs the independent numbers behind them are looked at.

    Raises
    ------
    MfaError
        If the result has no samples, or the variable, year or label is unknown.

    Examples
    --------
    >>> names = ("strong", "weak")
    >>> draws = {name: Design(seed=1, kind="lhs", count=1000).uniforms(name, range(1000)) for name in names}
    >>> y = 3 * draws["strong"] + draws["weak"]
    >>> result = xr.Dataset({"y": ("sample", y)}, {"sample": range(1000)}, {
    ...     "seed": 1, "design": "lhs", "design_samples": 1000, "design_columns": "strong; weak"})
    >>> sensitivity(result, "y").first_order.round(1).values
    array([0.9, 0.1])
    """
    data = _chosen(with_samples(result, "sensitivity"), of, year, at)
    design, columns = _design(result)
    inputs = inputs_of(columns)
    if not inputs:
        raise MfaError("nothing is uncertain in this scenario")
    values = np.asarray(data.values, dtype=float).reshape(data.sizes["sample"], -1)
    numbers = [int(number) for number in data["sample"].values]
    if not np.isfinite(values).all():
        raise MfaError(f"{of} is undefined in some samples; choose a year in which it is not")
    found: dict[str, Array] = {}
    if design.kind == "saltelli":
        found |= _of_rows(values, numbers, len(inputs))
        keep = np.array(numbers) % (len(inputs) + 2) < 2  # A and B are independent samples
        values, numbers = values[keep], [n for n, k in zip(numbers, keep, strict=True) if k]
    single = {input_of(c): c for c in columns if input_of(c) == c}
    draws = {i: design.uniforms(single[i], numbers) for i in inputs if i in single}
    nothing = np.full(values.shape[1], np.nan)

    def each(function: Any) -> Array:
        return np.stack([function(draws[i]) if i in draws else nothing for i in inputs])

    if design.kind != "saltelli":
        parts = {i: _of_bins(values, draws[i]) for i in draws}
        for position, name in enumerate(("first_order", "first_order_low", "first_order_high")):
            found[name] = np.stack([parts[i][position] if i in parts else nothing for i in inputs])
    ranked = _ranks(values)
    found["rank_correlation"] = each(lambda u: _correlation(_ranks(u[:, None]), ranked))
    if above is not None:
        pairs = {i: _distance(values > above, draws[i]) for i in draws}
        for position, name in enumerate(("above_distance", "above_p_value")):
            found[name] = np.stack([pairs[i][position] if i in pairs else nothing for i in inputs])
    return _labelled(found, inputs, data, of, above)


def convergence(
    result: xr.Dataset,
    of: str,
    *,
    year: int | None = None,
    at: Mapping[str, str] | None = None,
    quantile: float = 0.5,
    steps: int = 20,
) -> xr.Dataset:
    """Return the mean and a quantile of the first n samples for growing n, with standard errors.

    Parameters
    ----------
    result, of, year, at
        As for :func:`sensitivity`.
    quantile : float
        Between 0 and 1.
    steps : int
        Numbers of samples at which to look, evenly spaced.

    Returns
    -------
    Dataset, dims ``(samples, …)``
        ``mean`` and ``mean_error``, s / √n; ``quantile`` and ``quantile_error``, half of the distance
        between the order statistics at p ± √(p (1 − p) / n) (no shape of the distribution is
        taken for granted).  Errors are those of independent samples; designs lhs and sobol
        have smaller ones.

    Raises
    ------
    MfaError
        If the result has no samples, or the variable, year or label is unknown.

    Examples
    --------
    >>> data = xr.Dataset({"y": ("sample", [1.0, 3.0, 1.0, 3.0])})
    >>> convergence(data, "y", steps=2).mean_error.values.round(3)
    array([1.   , 0.577])
    """
    data = _chosen(with_samples(result, "convergence"), of, year, at)
    if not 0 < quantile < 1:
        raise MfaError(f"a quantile lies between 0 and 1, not {quantile!r}")
    count = data.sizes["sample"]
    if count < 2:
        raise MfaError("convergence needs two samples or more")
    sizes = sorted({max(2, round(count * (i + 1) / steps)) for i in range(steps)})
    values = np.asarray(data.values, dtype=float)
    columns: dict[str, list[Array]] = {
        n: [] for n in ("mean", "mean_error", "quantile", "quantile_error")
    }
    for size in sizes:
        some = values[:size]
        spread = np.sqrt(quantile * (1 - quantile) / size)
        ends = np.clip([quantile - spread, quantile + spread], 0, 1)
        low, middle, high = np.quantile(some, [ends[0], quantile, ends[1]], axis=0)
        columns["mean"].append(some.mean(axis=0))
        columns["mean_error"].append(some.std(axis=0, ddof=1) / np.sqrt(size))
        columns["quantile"].append(middle)
        columns["quantile_error"].append((high - low) / 2)
    dims = ("samples", *data.dims[1:])
    coords = {d: c for d, c in data.coords.items() if d in data.dims and d != "sample"}
    attrs = {"units": data.attrs.get("units", "1")}
    variables = {name: (dims, np.stack(own), attrs) for name, own in columns.items()}
    return xr.Dataset(variables, {**coords, "samples": sizes}, {"of": of, "level": quantile})


def _chosen(
    result: xr.Dataset, of: str, year: int | None, at: Mapping[str, str] | None
) -> xr.DataArray:
    have = [str(n) for n in result.data_vars if "sample" in result[n].dims]
    if of not in have:
        raise MfaError(f"there is no {of!r} with samples. {known(of, have, 'variables')}")
    data = result[of]
    for dim, label in {**({} if year is None else {"year": year}), **(at or {})}.items():
        labels = data[dim].values.tolist() if dim in data.dims else []
        if label not in labels:
            what = labels or [str(d) for d in data.dims if d != "sample"]
            kind = "labels" if labels else "dimensions"
            raise MfaError(f"{of} has no {dim}={label}. {known(label, what, kind)}")
        data = data.sel({dim: label})
    return data.transpose("sample", ...)


def _design(result: xr.Dataset) -> tuple[Design, list[str]]:
    attrs = result.attrs
    if "design_columns" not in attrs:
        raise MfaError("the result does not say how its samples were drawn; run it again")
    columns = [name for name in str(attrs["design_columns"]).split("; ") if name]
    kind = str(attrs["design"])
    joint = tuple(columns) if kind in ("sobol", "saltelli") else ()
    count = int(attrs["design_samples"]) if "design_samples" in attrs else None
    stream = str(attrs.get("independent_draws", ""))
    return Design(int(attrs["seed"]), kind, count, joint, stream), columns  # type: ignore[arg-type]


def _of_rows(values: Array, numbers: list[int], inputs: int) -> dict[str, Array]:
    """Return Sobol indices of complete rows: A, B, and A with one input from B."""
    width = inputs + 2
    place = {number: i for i, number in enumerate(numbers)}
    rows = [
        row
        for row in range(max(numbers) // width + 1)
        if all(row * width + k in place for k in range(width))
    ]
    if len(rows) < 2:
        raise MfaError(
            f"design 'saltelli' has {width} samples in a row here, {len(numbers)} samples are "
            f"{len(rows)} whole rows; ask for {width} × 256 samples or more"
        )
    index = np.array([[place[row * width + k] for k in range(width)] for row in rows])
    centre = values[index[:, :2]].mean(axis=(0, 1))
    a, b = values[index[:, 0]] - centre, values[index[:, 1]] - centre
    square = (a**2 + b**2) / 2
    variance = square.mean(axis=0)
    first, total = [], []
    for i in range(inputs):
        mixed = values[index[:, 2 + i]] - centre
        first.append(_ratio(b * (mixed - a), square, variance))
        total.append(_ratio((a - mixed) ** 2 / 2, square, variance))
    return {
        f"{name}{end}": np.stack([one[position] for one in own])
        for name, own in (("first_order", first), ("total_order", total))
        for position, end in enumerate(("", "_low", "_high"))
    }


def _ratio(part: Array, square: Array, variance: Array) -> tuple[Array, Array, Array]:
    """Return mean(part) / variance with its 95 % limits (delta method); NaN where nothing varies."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(variance > 0, part.mean(axis=0) / variance, np.nan)
        each = (part - share * square) / variance
    half = NORMAL_95 * each.std(axis=0, ddof=1) / np.sqrt(len(part))
    return share, share - half, share + half


def _of_bins(values: Array, u: Array) -> tuple[Array, Array, Array]:
    """Return the first-order index of an input from means in parts of equal probability.

    Between the parts lies V(E[y | x]) and a part's share of the noise within, which is taken off.
    """
    count = len(u)
    bins = max(2, min(MOST_BINS, count // IN_A_BIN))
    part = np.minimum((u * bins).astype(int), bins - 1)
    size = np.bincount(part, minlength=bins)
    sums = np.stack([np.bincount(part, column, minlength=bins) for column in values.T], axis=-1)
    means = sums / np.maximum(size, 1)[:, None]
    centred = values - values.mean(axis=0)
    between, within = means[part] - values.mean(axis=0), values - means[part]
    variance = (centred**2).mean(axis=0)
    noise = (within**2).sum(axis=0) / max(count - bins, 1)
    each = between**2 + 2 * between * within - (bins - 1) * noise / count
    return _ratio(each, centred**2, variance)


def _ranks(values: Array) -> Array:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values, axis=0))


def _correlation(one: Array, many: Array) -> Array:
    a, b = one - one.mean(axis=0), many - many.mean(axis=0)
    below = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below > 0, (a * b).sum(axis=0) / below, np.nan))


def _distance(is_above: NDArray[np.bool_], u: Array) -> tuple[Array, Array]:
    """Return the distance of Kolmogorov and Smirnov between two groups, and its p-value."""
    from scipy.stats import kstwobign

    order = np.argsort(u)
    up, count = is_above[order], len(u)
    above = up.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.cumsum(up, axis=0) / above - np.cumsum(~up, axis=0) / (count - above)
        distance = np.abs(steps).max(axis=0)
        scaled = distance * np.sqrt(above * (count - above) / count)
    both = (above > 0) & (above < count)
    return np.where(both, distance, np.nan), np.where(both, kstwobign.sf(scaled), np.nan)


def _labelled(
    found: Mapping[str, Array], inputs: list[str], data: xr.DataArray, of: str, above: float | None
) -> xr.Dataset:
    rest = [str(d) for d in data.dims if d != "sample"]
    shape = [data.sizes[d] for d in rest]
    variables = {
        name: (("input", *rest), own.reshape(len(inputs), *shape), {"units": "1"})
        for name, own in found.items()
    }
    coords = {d: data.coords[d] for d in rest if d in data.coords}
    attrs: dict[str, Any] = {"of": of, "samples": data.sizes["sample"]}
    if above is not None:
        attrs["above"] = above
    scalar = {str(n): c for n, c in data.coords.items() if not c.dims}
    return xr.Dataset(variables, {"input": inputs, **coords, **scalar}, attrs)

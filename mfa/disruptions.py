"""Disruptions drawn by chance: how much demand stays unmet, in the mean and in the tail.

Events hit producers at a rate, take a share of their output and last a while.
What is missing is made good by spare capacity of the others, then from a
stockpile.  One year is one step, and all of a sample is in memory at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.errors import MfaError
from mfa.indicators.quantities import labelled, masses, refuse, require_units, require_years
from mfa.indicators.shares import PER_CENT, require_dim, scores

Array = NDArray[np.float64]

NUMBERS = ("rate", "loss_mean", "loss_spread", "duration_mean", "duration_cv")


def draw_losses(
    rate: xr.DataArray,
    loss_mean: Any,
    duration_mean: Any,
    dim: str,
    years: xr.DataArray,
    *,
    loss_spread: Any = 0.2,
    duration_cv: Any = 1.0,
    samples: int = 1000,
    seed: int = 0,
) -> xr.DataArray:
    """Draw which share of its output each producer loses in each year.

    Events come as a Poisson process; each takes a Beta-distributed share for a
    lognormal time, counted by the part of each year that it covers.  Two events
    at once leave (1 − a)(1 − b).  Rates, losses and durations are assumptions
    of whoever asks: none is known well enough to be a default but the spreads,
    which are wide.  A producer's draws come from the seed and its place in the
    list alone, so that scenarios with the same seed meet the same events.

    Parameters
    ----------
    rate : array (dim) [1/yr]
        Events per year of each producer, 0 or more.
    loss_mean : array (dim) or number [1]
        Mean share lost in an event, within (0, 1).
    duration_mean : array (dim) or number [yr]
        Above 0.
    dim : str
        The dimension of the producers.
    years : array (year)
    loss_spread : array (dim) or number [1]
        Standard deviation of the share, below √(m (1 − m)), where events take all or nothing.
    duration_cv : array (dim) or number [1]
        Standard deviation of the duration over its mean, 0 or more.
    samples, seed : int

    Returns
    -------
    array (sample, year, dim) [1], within [0, 1]

    Raises
    ------
    MfaError
        If a number is NaN or out of bounds, or there is no sample.

    References
    ----------
    Own definition: a marked Poisson process

    Examples
    --------
    >>> import mfa
    >>> rate = mfa.array([0.0, 0.5], "1/yr", country=["AU", "CD"])
    >>> lost = draw_losses(rate, 0.5, 1.0, "country", mfa.years(2025, 2034), samples=400)
    >>> lost.dims, float(lost.sel(country="AU").max())
    (('sample', 'year', 'country'), 0.0)
    >>> bool(0.15 < lost.sel(country="CD").mean() < 0.25)  # about rate × loss × duration
    True
    """
    rate = labelled(rate=rate)["rate"]
    require_dim("rate", rate, dim)
    labelled(years=years)
    require_years("years", years)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise MfaError(f"seed: {seed!r} is not a whole number of 0 or more")
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or samples < 1:
        raise MfaError(f"samples: {samples!r} is not a whole number of 1 or more")
    given = dict(
        zip(NUMBERS, (rate, loss_mean, loss_spread, duration_mean, duration_cv), strict=True)
    )
    data = labelled(**given)
    for name, each in data.items():
        if set(each.dims) - {dim}:
            raise MfaError(
                f"{name} has the dimensions {list(each.dims)}; {dim!r} alone is known here"
            )
    masses(rate=data["rate"], duration_cv=data["duration_cv"])
    mean, spread, length = (data[n] for n in ("loss_mean", "loss_spread", "duration_mean"))
    refuse(~((mean > 0) & (mean < 1)), "loss_mean", mean, _INSIDE)
    refuse(
        ~((length > 0) & (length < np.inf)), "duration_mean", length, "it has to be above 0 years"
    )
    wide = ~((spread > 0) & (spread**2 < mean * (1 - mean)))
    refuse(wide, "loss_spread", spread, "it lies above 0 and below √(mean (1 − mean)) of the share")
    count = years.size
    producers = rate.sizes[dim]
    kept = np.ones((samples, count, producers))
    streams = np.random.SeedSequence(seed).spawn(producers)
    flat = {name: np.broadcast_to(each.values, producers) for name, each in data.items()}
    for k, stream in enumerate(streams):
        _hit(kept[:, :, k], {name: float(v[k]) for name, v in flat.items()}, stream)
    coords = {"sample": np.arange(samples), "year": years.values, dim: rate[dim].values}
    return xr.DataArray(1 - kept, coords, name="lost", attrs={"units": "1", "seed": seed})


_INSIDE = "it lies above 0 and below 1; if it is in per cent, divide it by 100"


def _hit(kept: Array, number: dict[str, float], stream: Any) -> None:
    """Multiply what is kept, (sample, year), by what the events of one producer leave."""
    rng = np.random.default_rng(stream)
    samples, count = kept.shape
    # Events before the first year may still last: start as many years earlier as nearly all take.
    lead = number["duration_mean"] * (1 + 5 * number["duration_cv"])
    events = rng.poisson(number["rate"] * (count + lead), samples)
    sample = np.repeat(np.arange(samples), events)
    start = rng.uniform(-lead, count, len(sample))
    mean, spread = number["loss_mean"], number["loss_spread"]
    size = mean * (1 - mean) / spread**2 - 1
    share = rng.beta(mean * size, (1 - mean) * size, len(sample))
    s2 = np.log1p(number["duration_cv"] ** 2)
    drawn = rng.lognormal(np.log(number["duration_mean"]) - s2 / 2, np.sqrt(s2), len(sample))
    for year in range(count):
        covered = (np.minimum(start + drawn, year + 1) - np.maximum(start, year)).clip(0, 1)
        hit = covered > 0
        np.multiply.at(kept[:, year], sample[hit], 1 - share[hit] * covered[hit])


def unmet_demand(
    lost: xr.DataArray,
    production: xr.DataArray,
    dim: str,
    *,
    demand: Any = None,
    spare: Any = 0.0,
    stockpile: Any = 0.0,
    release_rate: Any = np.inf,
    refill_rate: Any = np.inf,
) -> xr.Dataset:
    """Return where the gap of a disruption ends: rerouted, from the stockpile, or unmet.

    In each year and sample: gap = demand − Σ_k production_k (1 − lost_k); spare
    capacity of producers, disrupted alike, fills it in proportion; then the
    stockpile, release = min(gap, rate, stock); the rest is unmet.  Spare
    capacity that is left fills the stockpile again.  Every tonne is counted:
    demand = produced + rerouted + released + unmet − unused.

    Parameters
    ----------
    lost : array (…, year, dim) [1]
        Share of its output that each producer loses, as :func:`draw_losses`; within [0, 1].
    production : array (…, dim) [t/yr]
        Of each producer if nothing happens.
    dim : str
        The dimension of the producers.
    demand : number or array (…) [t/yr], optional
        All that is produced if left out.
    spare : array (…, dim) or number [t/yr]
        Capacity of each producer beyond its production; a number is that of all of them
        together, in equal parts.
    stockpile : number or array (…) [t]
        What it holds when full, as it is at the start.
    release_rate, refill_rate : number or array (…) [t/yr]
        The most that can be taken out, or put in, in a year.

    Returns
    -------
    Dataset (…, year): ``produced``, ``rerouted``, ``released``, ``unmet``, ``unused``, ``refilled``
    [t/yr] and ``stock`` [t] at the end of the year

    Raises
    ------
    MfaError
        If labels or units differ, an amount is NaN or negative, or a share lies outside [0, 1].

    References
    ----------
    Own definition: release = min(gap, rate, stock)

    Examples
    --------
    >>> import mfa
    >>> country, year = ["CD", "ID"], [2027, 2028]
    >>> lost = mfa.array([[0.5, 0], [0.5, 0]], "1", year=year, country=country)
    >>> made = mfa.array([80, 20], "t/yr", country=country)
    >>> spare = mfa.array([0, 10], "t/yr", country=country)
    >>> found = unmet_demand(lost, made, "country", spare=spare, stockpile=40)
    >>> found.unmet.values.tolist(), found.stock.values.tolist()
    ([0.0, 20.0], [10.0, 0.0])
    """
    flows = {"production": production, "spare": spare}
    if demand is not None:
        flows["demand"] = demand
    rates = {"release_rate": release_rate, "refill_rate": refill_rate}
    data = labelled(lost=lost, **flows, stockpile=stockpile, **rates)
    masses(**{name: data[name] for name in (*flows, "stockpile")})
    for name in rates:
        why = "a rate is 0 or more; leave it out where nothing limits it"
        limited = data[name].where(data[name] != np.inf, 0.0)
        scores({name: limited}, 0.0, np.inf, missing=False, why=why)
    scores({"lost": data["lost"]}, missing=False, why=PER_CENT)
    units = require_units(*flows, **data)
    for name in ("lost", "production"):
        require_dim(name, data[name], dim)
    if "year" not in data["lost"].dims:
        raise MfaError(f"lost has the dimensions {list(data['lost'].dims)}; 'year' is missing")
    left = 1 - data["lost"]
    missing = xr.dot(data["lost"], data["production"], dim=dim)  # exactly 0 if nothing is lost
    usual = data["production"].sum(dim)
    produced = (usual - missing).clip(min=0)
    extra = data["spare"] if dim in data["spare"].dims else data["spare"] / left.sizes[dim]
    reserve = (left * extra).sum(dim)
    asked = data["demand"] if demand is not None else usual
    short = ((asked - usual) + missing).broadcast_like(produced)
    gap = short.clip(min=0)
    rerouted = xr.apply_ufunc(np.minimum, gap, reserve)
    left_over = reserve - rerouted
    piles = [
        data[name].broadcast_like(gap) for name in ("stockpile", "release_rate", "refill_rate")
    ]
    stock_like = [
        each.transpose(..., "year") for each in xr.broadcast(gap - rerouted, left_over, *piles)
    ]
    released, refilled, stock = _stockpile(*(each.values for each in stock_like))
    frame = stock_like[0]
    found = xr.Dataset(
        {
            "produced": produced,
            "rerouted": rerouted,
            "released": frame.copy(data=released),
            "unmet": (gap - rerouted).transpose(*frame.dims) - released,
            "unused": (-short).clip(min=0),
            "refilled": frame.copy(data=refilled),
            "stock": frame.copy(data=stock),
        }
    )
    found["unmet"] = found["unmet"].clip(min=0)
    for variable, each in found.data_vars.items():
        own = units if variable != "stock" else data["stockpile"].attrs.get("units")
        each.attrs = {} if own is None else {"units": own}
    return found.transpose(*gap.dims)


def _stockpile(
    gap: Array, left_over: Array, full: Array, out: Array, back: Array
) -> tuple[Array, Array, Array]:
    """Walk through the years, the last axis: release in need, refill from what is left over."""
    released, refilled, stock = (np.zeros(gap.shape) for _ in range(3))
    level = full[..., 0].copy()
    for t in range(gap.shape[-1]):
        released[..., t] = np.minimum(np.minimum(gap[..., t], out[..., t]), level)
        room = (full[..., t] - level).clip(min=0)
        calm = gap[..., t] <= 0
        refilled[..., t] = np.where(
            calm, np.minimum(np.minimum(left_over[..., t], back[..., t]), room), 0
        )
        level = level - released[..., t] + refilled[..., t]
        stock[..., t] = level
    return released, refilled, stock


def tail(unmet: xr.DataArray, *, level: float = 0.95) -> xr.Dataset:
    """Return the expected unmet demand, and how bad the worst cases are.

    Value at risk is the quantile of the samples at the level; expected
    shortfall the mean of the (1 − level) share of samples that are worst, a
    sample at the edge counting in part.

    Parameters
    ----------
    unmet : array (sample, …) [t/yr]
    level : float
        Within (0, 1).

    Returns
    -------
    Dataset (…): ``expected``, ``standard_error`` of it over the samples, ``value_at_risk``,
    ``expected_shortfall`` [t/yr]

    Raises
    ------
    MfaError
        If there are no samples, a value is NaN or negative, or the level lies outside (0, 1).

    References
    ----------
    Rockafellar, Uryasev (2002), Conditional Value-at-Risk for General Loss Distributions,
    doi:10.1016/S0378-4266(02)00271-6

    Examples
    --------
    >>> import mfa
    >>> unmet = mfa.array([0, 0, 0, 10], "t/yr", sample=[0, 1, 2, 3])
    >>> found = tail(unmet, level=0.5)
    >>> float(found.expected), float(found.value_at_risk), float(found.expected_shortfall)
    (2.5, 0.0, 5.0)
    """
    data = masses(unmet=unmet)["unmet"]
    require_dim("unmet", data, "sample")
    if not 0 < level < 1:
        raise MfaError(f"level: {level:g} is not between 0 and 1")
    count = data.sizes["sample"]
    worst = (1 - level) * count
    weight = (worst - np.arange(count)).clip(0, 1) / worst

    def shortfall(values: Array) -> Array:
        ordered: Array = np.sort(values, axis=-1)[..., ::-1] @ weight
        return ordered

    at_risk = data.quantile(level, "sample", method="inverted_cdf").drop_vars("quantile")
    found = xr.Dataset(
        {
            "expected": data.mean("sample"),
            "standard_error": data.std("sample", ddof=1) / count**0.5 if count > 1 else np.nan,
            "value_at_risk": at_risk,
            "expected_shortfall": xr.apply_ufunc(shortfall, data, input_core_dims=[["sample"]]),
        }
    )
    for each in found.data_vars.values():
        each.attrs = {"units": unmet.attrs["units"]} if "units" in unmet.attrs else {}
    return found.assign_attrs(level=level)

"""How far a country depends on others, and a metal on the metals that it is mined with."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.indicators.concentration import BOUND
from mfa.indicators.quantities import (
    answer,
    labelled,
    masses,
    ratio,
    refuse,
    require_same_dims,
    require_units,
    share,
)
from mfa.indicators.registry import indicator
from mfa.indicators.shares import NOT_EVALUABLE, classed, require_dim, scores

FLOWS = ("imports", "exports", "stock_release", "primary", "secondary")


@indicator()
def trade_exposure(
    imports: Any, exports: Any, stock_release: Any, primary: Any, secondary: Any
) -> Any:
    """Return the share of what a country uses that comes from abroad or from stocks (TE).

    (I − E + ΔS) / AC with apparent consumption AC = PP + SP + I − E + ΔS,
    clipped to [0, 1]: 1 for what is only imported, 0 for a net exporter.

    Parameters
    ----------
    imports, exports, primary, secondary : numbers or arrays (…), of the same dimensions [t/yr]
        Trade; domestic production from mines and from old scrap.
    stock_release : number or array (…) [t/yr]
        What stocks fall by, ΔS; below 0 where they grow.

    Returns
    -------
    number or array (…) [1]; NaN where apparent consumption is 0, or below 0, where the
    statistics contradict each other

    Raises
    ------
    MfaError
        If labels, dimensions or units differ, or an amount is NaN, or negative but for the
        release.  A withheld amount is not 0: :func:`trade_exposure_bounds`.

    References
    ----------
    Nassar, Fortier (2021), USGS Open-File Report 2021-1045, doi:10.3133/ofr20211045

    Examples
    --------
    >>> trade_exposure(imports=80, exports=20, stock_release=5, primary=30, secondary=5)
    0.65
    """
    given = dict(zip(FLOWS, (imports, exports, stock_release, primary, secondary), strict=True))
    return answer(_reliance(given).clip(0, 1), "trade_exposure", "1", *given.values())


@indicator()
def net_import_reliance(
    imports: Any, exports: Any, stock_release: Any, primary: Any, secondary: Any
) -> Any:
    """Return net imports and releases from stocks over apparent consumption (NIR).

    (I − E + ΔS) / (PP + SP + I − E + ΔS), at most 1; below 0 for a net exporter.

    Parameters
    ----------
    imports, exports, stock_release, primary, secondary : numbers or arrays (…) [t/yr]
        As :func:`trade_exposure`.

    Returns
    -------
    number or array (…) [1]; NaN where apparent consumption is 0 or below

    Raises
    ------
    MfaError
        As :func:`trade_exposure`.

    References
    ----------
    U.S. Geological Survey, Mineral Commodity Summaries (net import reliance, yearly)

    Examples
    --------
    >>> net_import_reliance(imports=10, exports=20, stock_release=0, primary=30, secondary=0)
    -0.5
    """
    given = dict(zip(FLOWS, (imports, exports, stock_release, primary, secondary), strict=True))
    return answer(_reliance(given), "net_import_reliance", "1", *given.values())


def _reliance(given: dict[str, Any]) -> xr.DataArray:
    data = labelled(**given)
    require_units(*data, **data)
    require_same_dims(**{name: each for name, each in data.items() if each.ndim})
    masses(**{name: each for name, each in data.items() if name != "stock_release"})
    release = data["stock_release"]
    why = "absent is not zero: leave the label out"
    scores({"stock_release": release}, -np.inf, np.inf, missing=False, why=why)
    net = data["imports"] - data["exports"] + release
    used = data["primary"] + data["secondary"] + net
    return ratio(net, used.where(used > 0))


@indicator()
def trade_exposure_bounds(
    imports: Any, exports: Any, stock_release: Any, primary: Any, secondary: Any
) -> xr.DataArray:
    """Return between which values trade exposure lies if some statistics are withheld.

    An amount that is known only within limits is an array with a dimension
    ``bound``, labels ``low`` and ``high``; a high of NaN says that there is no
    upper limit.  TE rises with imports and releases and falls with exports and
    production, so its bounds lie at the corners.

    Parameters
    ----------
    imports, exports, stock_release, primary, secondary : numbers or arrays (bound, …) or (…) [t/yr]
        As :func:`trade_exposure`.  NaN only in the high of production.

    Returns
    -------
    array (bound, …) [1], labels ``low`` and ``high``

    Raises
    ------
    MfaError
        As :func:`trade_exposure`, and if a low is above its high or other labels bound.

    References
    ----------
    Own definition, for the withheld amounts of U.S. Geological Survey, Mineral Commodity Summaries (yearly)

    Examples
    --------
    >>> import mfa
    >>> mined = mfa.array([1000.0, 2000.0], "t/yr", bound=["low", "high"])
    >>> trade_exposure_bounds(1500, 500, 0, mined, 0).values.round(3).tolist()
    [0.333, 0.5]
    """
    given = dict(zip(FLOWS, (imports, exports, stock_release, primary, secondary), strict=True))
    ends = {name: _ends(name, value) for name, value in given.items()}
    falling = ("exports", "primary", "secondary")
    corners = [
        {n: pair[1 - place if n in falling else place] for n, pair in ends.items()}
        for place in (0, 1)
    ]
    unlimited = [n for n in ("primary", "secondary") if np.isnan(ends[n][1]).any()]
    low_given = {n: d.fillna(0.0) if n in unlimited else d for n, d in corners[0].items()}
    low, high = (_reliance(each).clip(0, 1) for each in (low_given, corners[1]))
    for name in unlimited:
        low = low.where(ends[name][1].notnull(), 0.0)
    label = xr.DataArray(["low", "high"], dims=BOUND, coords={BOUND: ["low", "high"]}, name=BOUND)
    found = xr.concat([low, high], label)
    return answer(found, "trade_exposure_bounds", "1", found)  # type: ignore[no-any-return]


def _ends(name: str, value: Any) -> tuple[xr.DataArray, xr.DataArray]:
    data = labelled(**{name: value})[name]
    if BOUND not in data.dims:
        return data, data
    if data[BOUND].values.tolist() != ["low", "high"]:
        raise MfaError(f"{name}: labels of 'bound' are {data[BOUND].values.tolist()}; low, high")
    low, high = (data.sel({BOUND: end}, drop=True) for end in ("low", "high"))
    refuse(low > high, f"{name}, low", low, f"it is above its high, at most {float(high.max()):g}")
    return low, high


@indicator()
def dependent_share(reliance: xr.DataArray, dim: str, *, above: float = 0.0) -> xr.DataArray:
    """Return which share of minerals a country depends on others for.

    Those with a reliance above a threshold over all whose reliance is known.

    Parameters
    ----------
    reliance : array (…, dim) [1]
        Net import reliance, at most 1; NaN, not known, does not count.
    dim : str
        The dimension of the minerals.
    above : float

    Returns
    -------
    array (…) [1], within [0, 1]; NaN where none is known

    Raises
    ------
    MfaError
        If there is no such dimension or a reliance is above 1.

    References
    ----------
    U.S. Geological Survey, Mineral Commodity Summaries (figure of net import reliance, yearly)

    Examples
    --------
    >>> import mfa
    >>> found = mfa.array([1.0, 0.6, -0.2, 0.3], "1", material=["Ga", "Co", "Au", "Ni"])
    >>> float(dependent_share(found, "material"))
    0.75
    """
    data = scores({"reliance": reliance}, -np.inf, 1.0)["reliance"]
    require_dim("reliance", data, dim)
    found = ratio((data > above).sum(dim), data.notnull().sum(dim))
    return answer(found, "dependent_share", "1", reliance)  # type: ignore[no-any-return]


@indicator()
def reliance_quadrant(own: Any, other: Any, *, threshold: float = 0.5) -> Any:
    """Return which of two countries depends on imports of a mineral: both, one of them, or neither.

    A country depends on imports where its net import reliance is above the
    threshold.  Where both do, they compete for the same supply.

    Parameters
    ----------
    own, other : numbers or arrays (…) [1]
        Net import reliance of the two, at most 1; NaN where not known.
    threshold : float

    Returns
    -------
    text or array (…) of text: ``both``, ``own``, ``other``, ``neither``, or ``not evaluable``

    Raises
    ------
    MfaError
        If labels differ or a reliance is above 1.

    References
    ----------
    Gulley, Nassar, Xun (2018), China, the United States, and competition for resources that enable
    emerging technologies, doi:10.1073/pnas.1717152115

    Examples
    --------
    >>> reliance_quadrant(0.9, 0.8), reliance_quadrant(0.9, -0.5), reliance_quadrant(0.1, 0.2)
    ('both', 'own', 'neither')
    """
    data = scores({"own": own, "other": other}, -np.inf, 1.0)
    here, there = data["own"] > threshold, data["other"] > threshold
    found = classed(
        (data["own"].isnull() | data["other"].isnull(), NOT_EVALUABLE),
        (here & there, "both"),
        (here, "own"),
        (there, "other"),
        otherwise="neither",
    )
    return answer(found, "reliance_quadrant", None, own, other)


@indicator()
def byproduct_dependence(byproduct: Any, production: Any) -> Any:
    """Return the share of a metal that is mined as a by-product of others (companionality).

    byproduct / production, within [0, 1].

    Parameters
    ----------
    byproduct, production : numbers or arrays (…) [t/yr]
        Of the metal: from mines of other metals; from all mines.

    Returns
    -------
    number or array (…) [1]; NaN where nothing is mined

    Raises
    ------
    MfaError
        If labels or units differ, an amount is NaN or negative, or the part is larger.

    References
    ----------
    Nassar, Graedel, Harper (2015), By-product Metals Are Technologically Essential but Have Problematic
    Supply, doi:10.1126/sciadv.1400180

    Examples
    --------
    >>> byproduct_dependence(98, 100)
    0.98
    """
    data = masses(byproduct=byproduct, production=production)
    require_units(*data, **data)
    found = share("byproduct", "production", data)
    return answer(found, "byproduct_dependence", "1", byproduct, production)

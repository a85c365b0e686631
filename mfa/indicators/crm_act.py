"""The benchmarks of the EU Critical Raw Materials Act, as proposed and as adopted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, known
from mfa.indicators.quantities import labelled, masses, ratio, require_units
from mfa.indicators.registry import indicator
from mfa.indicators.shares import require_choice, scores

BENCHMARKS = ("extraction", "processing", "recycling", "diversification")

TARGETS = {
    "final": dict(zip(BENCHMARKS, (0.10, 0.40, 0.25, 0.65), strict=True)),
    "proposal": dict(zip(BENCHMARKS, (0.10, 0.40, 0.15, 0.65), strict=True)),
}
"""Regulation (EU) 2024/1252, Article 5, and COM(2023) 160; the last is a most, the others a least."""


@indicator()
def crm_act_benchmarks(
    consumption: Any,
    extraction: Any,
    processing: Any,
    recycling: Any,
    largest_third_country_share: Any,
    *,
    version: str = "final",
    targets: Mapping[str, float] | None = None,
) -> xr.Dataset:
    """Return how far the EU is from the benchmarks of its Critical Raw Materials Act for 2030.

    Extraction, processing and recycling in the EU over its consumption, at
    least 10, 40 and 25 % (15 % in the proposal), and at most 65 % from one
    third country.  The act sets them for 2030; other years are compared with
    the same numbers.

    Parameters
    ----------
    consumption, extraction, processing, recycling : numbers or arrays (…) [t/yr]
        Of the EU, of one strategic raw material or each; a material may be processed and
        recycled more than is consumed.
    largest_third_country_share : number or array (…) [1]
        Share of consumption, at any stage of processing, within [0, 1]: ``risk.largest_share``
        of the origins outside the EU.
    version : {"final", "proposal"}
    targets : mapping of benchmark to share, optional
        Instead of those of the act, for some or all of the benchmarks.

    Returns
    -------
    Dataset, dims (benchmark, …): ``share`` [1], ``target`` (benchmark) [1], ``met`` (bool), ``gap``
    [1], what is missing to the target or above it for diversification, and ``gap_mass``
    [t/yr], the gap times consumption.  Where nothing is consumed shares are NaN and nothing
    is met.

    Raises
    ------
    MfaError
        If labels or units differ, an amount is NaN or negative, a share lies outside [0, 1], or
        the version or a benchmark is unknown.

    References
    ----------
    Regulation (EU) 2024/1252, Article 5; European Commission, COM(2023) 160

    Examples
    --------
    >>> found = crm_act_benchmarks(100, 8, 42, 18, 0.7)
    >>> found.met.values.tolist(), found.gap_mass.values.round(6).tolist()
    ([False, True, False, False], [2.0, 0.0, 7.0, 5.0])
    >>> bool(crm_act_benchmarks(100, 8, 42, 18, 0.7, version="proposal").met.sel(benchmark="recycling"))
    True
    """
    require_choice("version", version, TARGETS)
    limits = TARGETS[version] | dict(targets or {})
    for name in set(limits) - set(BENCHMARKS):
        raise MfaError(f"unknown benchmark {name!r}. {known(name, BENCHMARKS)}")
    scores({f"target_{name}": value for name, value in limits.items()}, missing=False)
    amounts = {
        "consumption": consumption,
        "extraction": extraction,
        "processing": processing,
        "recycling": recycling,
    }
    largest = {"largest_third_country_share": largest_third_country_share}
    data = labelled(**amounts, **largest)
    masses(**{name: data[name] for name in amounts})
    units = require_units(*amounts, **data)
    scores({name: data[name] for name in largest}, missing=False)
    used = data["consumption"]
    parts = [ratio(data[name], used) for name in BENCHMARKS[:3]]
    parts.append(data["largest_third_country_share"].where(used > 0))
    label = xr.DataArray(
        list(BENCHMARKS), dims="benchmark", coords={"benchmark": list(BENCHMARKS)}, name="benchmark"
    )
    share = xr.concat(xr.broadcast(*parts), label, combine_attrs="drop")
    target = xr.DataArray([limits[name] for name in BENCHMARKS], {"benchmark": label})
    sign = xr.DataArray(np.array([1.0, 1.0, 1.0, -1.0]), {"benchmark": label})
    short = sign * (target - share)
    gap = short.clip(min=0)
    found = xr.Dataset(
        {
            "share": share.assign_attrs(units="1"),
            "target": target.assign_attrs(units="1"),
            "met": short <= 1e-12,
            "gap": gap.assign_attrs(units="1"),
            "gap_mass": (gap * used).assign_attrs({} if units is None else {"units": units}),
        }
    )
    return found.assign_attrs(version=version)

"""Indicators of risk, in processor seconds, over 10,000 samples × 76 years × 6 minerals, 20 producers where there are any.

python -m tests.bench.indicators
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr

import mfa
from mfa.indicators import risk

Row = tuple[str, str, str, bool | None]
SAMPLES, PRODUCERS, LIMIT = 10_000, 20, 2.0
MINERALS = ["Li", "Co", "Ni", "Mn", "Cu", "graphite"]


def inputs(samples: int = SAMPLES) -> dict[str, xr.DataArray]:
    """Return shares (sample, year, material, country) and scores and flows without countries."""
    years, rng = mfa.years(2025, 2100).values, np.random.default_rng(0)
    labels = {"sample": np.arange(samples), "year": years, "material": MINERALS}
    country = [f"country {i}" for i in range(PRODUCERS)]
    raw = rng.random((samples, len(years), len(MINERALS), PRODUCERS), dtype=np.float32)
    made = raw.astype(float)
    made /= made.sum(-1, keepdims=True)
    cells = (samples, len(years), len(MINERALS))
    found = {"shares": xr.DataArray(made, {**labels, "country": country})}
    for name in ("a", "b", "c"):
        found[name] = xr.DataArray(rng.random(cells), labels)
    for name in ("able", "willing"):
        found[name] = xr.DataArray(rng.random(PRODUCERS), {"country": country})
    return found


def works(data: dict[str, xr.DataArray]) -> dict[str, Callable[[], Any]]:
    """Return every indicator that is computed for each sample, by name."""
    s, a, b, c = (data[name] for name in ("shares", "a", "b", "c"))
    able, willing = data["able"], data["willing"]
    return {
        "herfindahl": lambda: risk.herfindahl(s, "country"),
        "governance_weighted_herfindahl": lambda: risk.governance_weighted_herfindahl(
            s, 10 * able, "country"
        ),
        "disruption_potential": lambda: risk.disruption_potential(s, able, willing, "country"),
        "trade_exposure": lambda: risk.trade_exposure(a, b, 0.0, c, c),
        "import_reliance_eu": lambda: risk.import_reliance_eu(a, b, c),
        "supply_risk_usgs": lambda: risk.supply_risk_usgs(a, b, c),
        "early_warning": lambda: risk.early_warning(a, b, c),
        "risk_triangle": lambda: risk.risk_triangle(a, b, c),
        "supply_risk_eu": lambda: risk.supply_risk_eu(a, b, c, 0.1, 0.95),
        "geopolitical_risk": lambda: risk.geopolitical_risk(a, b),
        "effective_number": lambda: risk.effective_number(a),
        "static_reserve_life": lambda: risk.static_reserve_life(a, b),
    }


def rows() -> Iterator[Row]:
    """Yield what was measured, as found, limit, and whether it holds."""
    small = works(inputs(10))
    for work in small.values():
        work()  # warm
    spent = {}
    for name, work in works(inputs()).items():
        begin = time.process_time()
        work()
        spent[name] = time.process_time() - begin
    total = sum(spent.values())
    what = f"indicators: {len(spent)} over 10,000 × 76 × 6, {PRODUCERS} producers"
    yield what, f"{total:.2f} s", f"{LIMIT:g} s", total <= LIMIT
    for name, seconds in spent.items():
        yield f"  {name}", f"{seconds * 1e3:.0f} ms", "", None


if __name__ == "__main__":
    from tests.bench.__main__ import row

    for measured in rows():
        row(*measured)

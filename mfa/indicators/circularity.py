"""Indicators of circularity: one function per published formula.

The front door of three smaller rooms: rates of recycling, measures of stocks,
and what happens when.
"""

from mfa.indicators.milestones import avoided_primary, crossing_year, peak_year
from mfa.indicators.recycling_rates import (
    collection_rate,
    eol_recycling_input_rate,
    eol_recycling_rate,
    mean_number_of_uses,
    nonfunctional_recycling_rate,
    old_scrap_ratio,
    process_efficiency,
    recycled_content,
)
from mfa.indicators.stock_measures import (
    growing_reserve_life,
    in_use_stock_per_capita,
    net_addition_to_stock,
    self_sufficiency,
    static_reserve_life,
    urban_mine_to_reserve,
)

__all__ = [
    "avoided_primary",
    "collection_rate",
    "crossing_year",
    "eol_recycling_input_rate",
    "eol_recycling_rate",
    "growing_reserve_life",
    "in_use_stock_per_capita",
    "mean_number_of_uses",
    "net_addition_to_stock",
    "nonfunctional_recycling_rate",
    "old_scrap_ratio",
    "peak_year",
    "process_efficiency",
    "recycled_content",
    "self_sufficiency",
    "static_reserve_life",
    "urban_mine_to_reserve",
]

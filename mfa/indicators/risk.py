"""Indicators of supply risk and criticality: one function per published formula.

The front door of smaller rooms: shares and concentration, governance, the
methods of the U.S. Geological Survey, of early warning, of the European Union,
of the National Research Council, of Yale, GeoPolRisk, import reliance, what
limits supply, and the EU Critical Raw Materials Act.  What a method does not
publish is an argument of its function, and its docstring says so.
"""

from mfa.indicators.concentration import (
    concentration_class,
    effective_number,
    gini,
    herfindahl,
    herfindahl_bounds,
    largest_share,
    normalised_herfindahl,
)
from mfa.indicators.critical_lists import revised_list
from mfa.indicators.crm_act import crm_act_benchmarks
from mfa.indicators.early_warning import (
    alarm,
    early_warning,
    high_cluster,
    needs_study,
    price_volatility,
    production_growth,
    risk_triangle,
)
from mfa.indicators.eu import (
    classify_eu,
    economic_importance_eu,
    import_reliance_eu,
    substitute_availability_eu,
    substitution_index_eu,
    supply_risk_eu,
)
from mfa.indicators.geopolrisk import (
    geopolitical_factor,
    geopolitical_midpoint,
    geopolitical_risk,
    import_risk,
)
from mfa.indicators.governance import governance_weighted_herfindahl, scale_governance
from mfa.indicators.nrc import importance_nrc, matrix_nrc, supply_risk_nrc
from mfa.indicators.panel import normalise, recency_weighted, screen_usgs
from mfa.indicators.reliance import (
    byproduct_dependence,
    dependent_share,
    net_import_reliance,
    reliance_quadrant,
    trade_exposure,
    trade_exposure_bounds,
)
from mfa.indicators.shares import shares
from mfa.indicators.stock_measures import growing_reserve_life, static_reserve_life
from mfa.indicators.supply_limits import (
    byproduct_ceiling,
    days_of_cover,
    depletion_time,
    price_ratio,
    unmet_after_stockpile,
)
from mfa.indicators.usgs import (
    ability_to_supply,
    disruption_potential,
    economic_vulnerability,
    supply_risk_usgs,
    willingness_to_supply,
)
from mfa.indicators.yale import (
    axis_yale,
    criticality_yale,
    depletion_score_yale,
    herfindahl_score_yale,
)

__all__ = [
    "ability_to_supply",
    "alarm",
    "axis_yale",
    "byproduct_ceiling",
    "byproduct_dependence",
    "classify_eu",
    "concentration_class",
    "criticality_yale",
    "crm_act_benchmarks",
    "days_of_cover",
    "dependent_share",
    "depletion_score_yale",
    "depletion_time",
    "disruption_potential",
    "early_warning",
    "economic_importance_eu",
    "economic_vulnerability",
    "effective_number",
    "geopolitical_factor",
    "geopolitical_midpoint",
    "geopolitical_risk",
    "gini",
    "governance_weighted_herfindahl",
    "growing_reserve_life",
    "herfindahl",
    "herfindahl_bounds",
    "herfindahl_score_yale",
    "high_cluster",
    "import_reliance_eu",
    "import_risk",
    "importance_nrc",
    "largest_share",
    "matrix_nrc",
    "needs_study",
    "net_import_reliance",
    "normalise",
    "normalised_herfindahl",
    "price_ratio",
    "price_volatility",
    "production_growth",
    "recency_weighted",
    "reliance_quadrant",
    "revised_list",
    "risk_triangle",
    "scale_governance",
    "screen_usgs",
    "shares",
    "static_reserve_life",
    "substitute_availability_eu",
    "substitution_index_eu",
    "supply_risk_eu",
    "supply_risk_nrc",
    "supply_risk_usgs",
    "trade_exposure",
    "trade_exposure_bounds",
    "unmet_after_stockpile",
    "willingness_to_supply",
]

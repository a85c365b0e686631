"""The room of demand: growth and consumption laws, their fit, intensity of use.

Laws are pure functions: labelled arrays in, labelled arrays out (bare arrays
work as well).  :data:`LAWS` lists those that may stand in scenario files.

What is shown here lives in smaller rooms: S-curves in ``growth_laws``,
technologies in ``diffusion``, ``fit`` in ``fits``, the result of a fit in
``fitted``, intensity and waves in ``intensity``.  Fits load scipy when they
are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mfa.demand.diffusion import bass, bass_peak, bass_rate, fisher_pry, technology_shares
from mfa.demand.growth_laws import (
    critical_points,
    gompertz,
    logistic,
    modified_exponential,
    richards,
    rise_and_decline,
)
from mfa.demand.laws import LAWS, Law, arctangent, growth, paced

_HOMES = {
    "Fit": "mfa.demand.fitted",
    "FitParameters": "mfa.demand.joint_parameters",
    "fit": "mfa.demand.fits",
    "fit_parameters": "mfa.demand.joint_parameters",
    "intensity_peak": "mfa.demand.intensity",
    "inverted_u": "mfa.demand.intensity",
    "nested_test": "mfa.demand.nested",
    "peak_shift": "mfa.demand.wave_order",
    "waves": "mfa.demand.wave_order",
    "zero_growth_seen": "mfa.demand.wave_order",
}

_ROOMS_ABOVE = {
    "mfa.demand.forecast_cases": ("Case", "Outcome", "method"),
    "mfa.demand.forecasts": ("METHODS", "continued", "forecast"),
    "mfa.demand.backtests": ("backtest", "error_figure", "error_table"),
    "mfa.demand.real_tables": ("from_pymrio",),
    "mfa.demand.input_output": ("leontief_output", "material_multiplier", "sector_demand"),
    "mfa.demand.peak_panel": ("observed_peak", "panel_test", "take_off_year"),
}
_HOMES |= {name: room for room, names in _ROOMS_ABOVE.items() for name in names}

if TYPE_CHECKING:
    from mfa.demand.fits import fit
    from mfa.demand.fitted import Fit
    from mfa.demand.intensity import intensity_peak, inverted_u
    from mfa.demand.joint_parameters import FitParameters, fit_parameters
    from mfa.demand.nested import nested_test
    from mfa.demand.wave_order import peak_shift, waves, zero_growth_seen


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mfa.demand' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOMES})


__all__ = [
    "LAWS",
    "Fit",
    "FitParameters",
    "Law",
    "arctangent",
    "bass",
    "bass_peak",
    "bass_rate",
    "critical_points",
    "fisher_pry",
    "fit",
    "fit_parameters",
    "gompertz",
    "growth",
    "intensity_peak",
    "inverted_u",
    "logistic",
    "modified_exponential",
    "nested_test",
    "paced",
    "peak_shift",
    "richards",
    "rise_and_decline",
    "technology_shares",
    "waves",
    "zero_growth_seen",
]

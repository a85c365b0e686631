"""The room of indicators: pure functions of flows, stocks and parameters.

:data:`INDICATORS` lists them by name, with their meaning, inputs and reference;
a user's own is one function under ``@mfa.indicators.indicator()``.
"""

from mfa.indicators import circularity, decomposition, environment, risk
from mfa.indicators.registry import INDICATORS, Indicator, indicator

__all__ = [
    "INDICATORS",
    "Indicator",
    "circularity",
    "decomposition",
    "environment",
    "indicator",
    "risk",
]

"""The room of availability: how much can be mined, at what cost, when, and at what price."""

from mfa.availability.blocks import available, clear
from mfa.availability.depletion import HubbertFit, fit_hubbert, hubbert
from mfa.availability.markets import market_balance, value_flow
from mfa.availability.mines import mine_capacity, pipeline

__all__ = [
    "HubbertFit",
    "available",
    "clear",
    "fit_hubbert",
    "hubbert",
    "market_balance",
    "mine_capacity",
    "pipeline",
    "value_flow",
]

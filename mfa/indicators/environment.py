"""Energy and greenhouse gases along the chain: flow × factor, and whose they are.

The front door of three smaller rooms.  A factor is a number, an array, or one
read from a file with its range (dimension ``estimate``).
"""

from mfa.indicators.embodied import embodied_emissions
from mfa.indicators.factors import factor, read_factors
from mfa.indicators.intensities import (
    allocate,
    avoided_emissions,
    emissions,
    energy,
    grid_linked,
    route_mix,
)

__all__ = [
    "allocate",
    "avoided_emissions",
    "embodied_emissions",
    "emissions",
    "energy",
    "factor",
    "grid_linked",
    "read_factors",
    "route_mix",
]

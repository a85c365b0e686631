"""The room of reconciliation: data that contradict each other, under a system's balances."""

from mfa.reconciliation.least_squares import Adjusted, adjust
from mfa.reconciliation.observed import Observation
from mfa.reconciliation.reconciling import classify, quantity, reconcile

__all__ = ["Adjusted", "Observation", "adjust", "classify", "quantity", "reconcile"]

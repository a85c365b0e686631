"""The room of reconciliation: data that contradict each other, under a system's balances."""

from mfa.reconciliation.bayes import Dirichlet, Gaussian, gaussian
from mfa.reconciliation.hand_over import coefficients, draws
from mfa.reconciliation.labelling import quantity
from mfa.reconciliation.least_squares import Adjusted, adjust
from mfa.reconciliation.observed import Observation
from mfa.reconciliation.propagation import lognormal_draws, lognormal_product, product
from mfa.reconciliation.reconciling import classify, reconcile
from mfa.reconciliation.starting import Start, start

__all__ = [
    "Adjusted",
    "Dirichlet",
    "Gaussian",
    "Observation",
    "Start",
    "adjust",
    "classify",
    "coefficients",
    "draws",
    "gaussian",
    "lognormal_draws",
    "lognormal_product",
    "product",
    "quantity",
    "reconcile",
    "start",
]

"""The room of trade: matrices that agree with their margins, origins, and losses that travel.

A bilateral matrix has two dimensions of places: who sends and who receives,
with the same labels.  ``ras`` and ``least_squares`` make it agree with what is
known of rows and columns, ``reconcile_mirror`` makes one number of two reports,
``trace_origin`` sees through transit, ``loss_propagation`` passes on a loss.
"""

from mfa.trade.balancing import least_squares, ras
from mfa.trade.mirror import reconcile_mirror
from mfa.trade.origins import loss_propagation, trace_origin

__all__ = ["least_squares", "loss_propagation", "ras", "reconcile_mirror", "trace_origin"]

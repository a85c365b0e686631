"""Secondary supply potentials: what could be recycled of what reaches end of life, and what would pay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mfa.role_arrays import Ledger, quotient
from mfa.role_plans import groups, together
from mfa.schema import Economic

Array = NDArray[np.float64]
Dims = tuple[str, ...]

THEORETICAL = "secondary_potential_theoretical"
TECHNICAL = "secondary_potential_technical"
ECONOMIC = "secondary_potential_economic"


def paying_share(value: Array, low: Array, high: Array) -> Array:
    """Return the share of the tonnes that pay: those whose cost is not above the value of a tonne.

    Costs are uniform from the lowest to the highest over the tonnes, so the
    share is clip((value − low) / (high − low), 0, 1); all or nothing if they are equal.

    Parameters
    ----------
    value, low, high : arrays that broadcast against each other [USD/t]
        high ≥ low.

    Examples
    --------
    >>> paying_share(np.array([500.0, 3000.0, 9000.0]), np.array(1000.0), np.array(5000.0))
    array([0. , 0.5, 1. ])
    >>> paying_share(np.array([500.0, 1000.0]), np.array(1000.0), np.array(1000.0))
    array([0., 1.])
    """
    width = np.broadcast_to(high - low, value.shape)
    above = value - low
    ramp = np.divide(above, width, out=np.where(above >= 0, 1.0, 0.0), where=width > 0)
    return np.clip(ramp, 0.0, 1.0)


def add_potentials(ledger: Ledger) -> None:
    """Add the technical and the economic potential of a system that declares them.

    An end-of-life flow of a process that stands ``at`` a label is put at it while
    shares and costs are applied; only then is everything summed over products.
    """
    potential = ledger.system.potential
    if potential is None:
        return
    technical, economic = ledger.zeros(ledger.dims), ledger.zeros(ledger.dims)
    values: list[tuple[Dims, Array, Array]] = []
    for placed, terms in groups(ledger.roles.terms["end_of_life"]).items():
        dims = ledger.sorted(placed)
        reached = np.maximum(ledger.total(terms, dims), 0.0)
        share = ledger.product(potential.technical, dims)
        ledger.refuse((share < 0) | (share > 1 + 1e-9), share, dims, "technical",
                      "a share lies within 0 and 1", potential.technical)  # fmt: skip
        recovered = reached * np.minimum(share, 1.0)
        technical += ledger.summed(recovered, dims)
        if potential.economic:
            paying, value, mass = _paying(ledger, potential.economic, recovered, reached, dims)
            economic += ledger.summed(paying, dims)
            values.append((dims, value, mass))
    technical = np.minimum(technical, np.maximum(ledger.numbers(THEORETICAL), 0.0))
    words = "metal at end of life that the best collection and processes would recycle"
    ledger.add(TECHNICAL, ledger.dims, technical, "t/yr", words)
    if potential.economic:
        words = "the part of the technical potential whose recycling pays"
        ledger.add(ECONOMIC, ledger.dims, np.minimum(economic, technical), "t/yr", words)
        _add_break_even(ledger, values)


def _paying(
    ledger: Ledger, costs: Economic, recovered: Array, reached: Array, dims: Dims
) -> tuple[Array, Array, Array]:
    """Return the paying part of what is recovered, its whole value, and the mass it came from."""
    price = ledger.product(costs.price, dims)
    value, mass = (_of_product(ledger, part, dims) for part in (price * recovered, reached))
    low, high = ledger.product(costs.cost_low, dims), ledger.product(costs.cost_high, dims)
    ledger.refuse(high < low, high, dims, "economic",
                  f"it is below {costs.cost_low}, the lowest cost", costs.cost_high)  # fmt: skip
    tonne = np.divide(value, mass, out=np.zeros_like(value), where=mass > 0)
    return recovered * paying_share(tonne, low, high), value, mass


def _of_product(ledger: Ledger, array: Array, dims: Dims) -> Array:
    """Sum over the metals of a product, keeping the axis; not where each has costs of its own."""
    metals = ledger.system.conserves
    if metals not in dims or not together(ledger.system):
        return array
    return np.asarray(array.sum(axis=dims.index(metals), keepdims=True))


def _add_break_even(ledger: Ledger, values: Sequence[tuple[Dims, Array, Array]]) -> None:
    """Add the value of a tonne at end of life, over what all products have in common."""
    common = set.intersection(*({*dims} for dims, _, _ in values))
    common -= {str(ledger.system.conserves)} if together(ledger.system) else set()
    dims = tuple(d for d in values[0][0] if d in common)
    total, mass = ledger.zeros(dims), ledger.zeros(dims)
    for own, value, reached in values:
        over = tuple(i for i, d in enumerate(own) if d not in common)
        total, mass = total + value.sum(axis=over), mass + reached.sum(axis=over)
    words = "value of what is recovered from a tonne of metal at end of life: the cost at which that just pays"
    ledger.add("break_even_cost", dims, quotient(total, mass), "USD/t", words)

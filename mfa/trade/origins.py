"""Where a metal comes from in the end, and where a loss of supply arrives."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.dims import order
from mfa.errors import MfaError
from mfa.indicators.quantities import labelled, masses, refuse, require_units
from mfa.indicators.shares import PER_CENT, SUM_OF_SHARES, scores
from mfa.trade.matrices import Array, on_places, pair, require_same_places

ITERATIONS = 100_000


def trace_origin(trade: xr.DataArray, production: xr.DataArray) -> xr.DataArray:
    """Return from which producers the supply of each place comes, seen through all transit.

    What arrives in a place mixes with what it makes, and everything that
    leaves it has that mixture.  With X[i, j] what i sends to j, and
    A[i, j] = X[i, j] / (production_j + Σ_i X[i, j]),

        O = diag(production / (production + imports)) · (I − A)⁻¹,

    whose columns add up to 1.

    Parameters
    ----------
    trade : array (…, exporter, importer) [t/yr]
        The same places in both dimensions, nothing on the diagonal; any of the pairs
        exporter and importer, origin and destination, supplier and user, from and to.
    production : array (…, place) [t/yr]
        Of each place, its dimension one of the two.  Releases from stocks are added to it.

    Returns
    -------
    array (…, exporter, importer) [1]
        Share of the producer in the supply of each place, its own included; NaN for a place
        without supply.

    Raises
    ------
    MfaError
        If places or units differ, an amount is NaN or negative, a place sends more than it
        has, or something goes round in a circle and is made nowhere.

    References
    ----------
    Kastner, Kastner, Nonhebel (2011), Tracing Distant Environmental Impacts of Agricultural Products from
    a Consumer Perspective, doi:10.1016/j.ecolecon.2011.01.012

    Examples
    --------
    >>> import mfa
    >>> place = ["CD", "CN", "DE"]  # the Congo sends 8 of 10 to China, China 4 to Germany
    >>> sent = [[0, 8, 0], [0, 0, 4], [0, 0, 0]]
    >>> trade = mfa.array(sent, "t/yr", exporter=place, importer=place)
    >>> made = mfa.array([10, 2, 0], "t/yr", exporter=place)
    >>> trace_origin(trade, made).sel(importer="DE").values.round(9).tolist()
    [0.8, 0.2, 0.0]
    """
    data = masses(trade=trade, production=production)
    require_units(*data, **data)
    sender, receiver = pair(data["trade"], "trade", sender_first=True)
    places = require_same_places(data["trade"], "trade", sender, receiver)
    made = _along(data["production"], "production", places, sender, receiver)
    labelled(trade=data["trade"], production=made)
    own = data["trade"].where(data["trade"][sender] == data["trade"][receiver], 0.0)
    refuse(own > 0, "trade", own, "a place does not trade with itself")
    supply = data["trade"].sum(sender) + made
    sent = data["trade"].sum(receiver).rename({sender: receiver})
    over = sent > supply * (1 + 1e-9) + 1e-12 * float(supply.max())
    refuse(over, "trade, all that leaves", sent, "more than the place makes and imports together")

    def origins(x: Array, p: Array) -> Array:
        total = p + x.sum(-2)
        with np.errstate(divide="ignore", invalid="ignore"):
            a = np.where(total[..., None, :] > 0, x / total[..., None, :], 0.0)
            first = np.where(total > 0, p / total, 0.0)
        identity = np.eye(x.shape[-1])
        try:
            found: Array = first[..., :, None] * np.linalg.inv(identity - a)
        except np.linalg.LinAlgError:
            found = np.full(x.shape, np.nan)
        there = total[..., None, :] > 0
        wrong = there & ~(np.abs(found.sum(-2, keepdims=True) - 1) < 1e-6)
        if wrong.any():
            raise MfaError(
                "trade: something is sent round in a circle and made nowhere; give the production "
                f"of one of the places, or the release of its stocks ({', '.join(map(str, places))})"
            )
        return np.where(there, found, np.nan)

    found = xr.apply_ufunc(
        origins, data["trade"], made,
        input_core_dims=[[sender, receiver], [receiver]], output_core_dims=[[sender, receiver]],
    )  # fmt: skip
    found = found.transpose(*order(found.dims, [sender, receiver])).rename("origin_share")
    return found.assign_attrs(units="1")  # type: ignore[no-any-return]


def loss_propagation(shares: xr.DataArray, shock: Any, pass_through: Any = 1.0) -> xr.DataArray:
    """Return which share of supply each place loses, from its own shock and from its suppliers.

    l = min(1, s + B T l): with T[i, j] the share of the supply of i that comes
    from j and B what i passes on, l = (I − B T)⁻¹ s as long as nobody loses
    everything.  1 − B is absorbed by stocks, spare capacity or substitutes.
    The least of the solutions: a loss starts from a shock.

    Parameters
    ----------
    shares : array (…, user, supplier) [1]
        Each place's supply by supplier; over the suppliers they add up to 1 or less.  Any of
        the pairs importer and exporter, destination and origin, user and supplier, to and
        from; with other names the first dimension is the user.
    shock : array (…, place) or number [1]
        What each place loses by itself, within [0, 1]: an export ban of 60 % is 0.6.
    pass_through : array (…, place) or number [1]
        Within [0, 1]; 1 absorbs nothing.

    Returns
    -------
    array (…, user) [1], within [0, 1]

    Raises
    ------
    MfaError
        If places differ, a share, shock or pass-through is NaN or outside [0, 1], or shares
        add up to more than 1.

    References
    ----------
    Own definition, after the input-output inoperability of Haimes, Jiang (2001), Leontief-Based Model of
    Risk in Complex Interconnected Infrastructures, doi:10.1061/(ASCE)1076-0342(2001)7:1(1)

    Examples
    --------
    >>> import mfa
    >>> place = ["A", "B", "C"]  # B gets 60 % from A, C gets 40 % from B
    >>> shares = mfa.array([[0, 0, 0], [0.6, 0, 0], [0, 0.4, 0]], "1", user=place, supplier=place)
    >>> shock = mfa.array([0.5, 0, 0], "1", user=place)
    >>> loss_propagation(shares, shock).values.round(9).tolist()
    [0.5, 0.3, 0.12]
    """
    data = scores({"shares": shares, "shock": shock, "pass_through": pass_through}, missing=False)
    supplier, user = pair(data["shares"], "shares", sender_first=False)
    places = require_same_places(data["shares"], "shares", supplier, user)
    total = data["shares"].sum(supplier)
    over = total > 1 + SUM_OF_SHARES
    why = f"over {supplier!r} they add up to 1 at most; is {user!r} the one that is supplied?"
    refuse(over, "shares, summed up", total, why)
    hit, passed = (
        _along(data[name], name, places, supplier, user) for name in ("shock", "pass_through")
    )
    labelled(shares=data["shares"], shock=hit, pass_through=passed)
    scores({"shock": hit, "pass_through": passed}, missing=False, why=PER_CENT)

    found = xr.apply_ufunc(
        _losses, data["shares"] * passed, hit,
        input_core_dims=[[user, supplier], [user]], output_core_dims=[[user]],
    )  # fmt: skip
    found = found.transpose(*order(found.dims, [user])).rename("loss")
    return found.assign_attrs(units="1")  # type: ignore[no-any-return]


def _losses(passed: Array, shock: Array) -> Array:
    """Return the least fixed point of l = min(1, s + M l), batched over leading dimensions."""
    shape = np.broadcast_shapes(passed.shape[:-1], shock.shape)
    passed, shock = np.broadcast_to(passed, (*shape, shape[-1])), np.broadcast_to(shock, shape)
    solved = _solved(passed, shock)
    if solved is not None:
        return solved
    loss: Array = shock.copy()
    for _ in range(ITERATIONS):
        new: Array = np.minimum(1.0, shock + np.einsum("...ij,...j->...i", passed, loss))
        moved = float(np.abs(new - loss).max(initial=0.0))
        loss = new
        if moved <= 1e-14:
            break
    else:
        raise MfaError(
            "shares: losses are passed round in a circle that absorbs next to nothing; "
            "give a pass-through below 1"
        )
    return loss


def _solved(passed: Array, shock: Array) -> Array | None:
    """Return (I − M)⁻¹ s if it is a loss for every place, None if somebody loses everything."""
    try:
        solved = np.linalg.solve(np.eye(shock.shape[-1]) - passed, shock[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return None
    found = np.asarray(solved, dtype=np.float64)
    again = shock + np.einsum("...ij,...j->...i", passed, found)
    sound = (found >= -1e-12) & (found <= 1) & (np.abs(again - found) <= 1e-12)
    return np.asarray(found.clip(0, 1), dtype=np.float64) if sound.all() else None


def _along(
    data: xr.DataArray, name: str, places: list[Any], sender: str, receiver: str
) -> xr.DataArray:
    """Return a value per place on the receiver's dimension."""
    dim = on_places(data, name, places, (sender, receiver))
    if dim is None:
        return data.expand_dims({receiver: places}) if receiver not in data.dims else data
    return data if dim == receiver else data.rename({dim: receiver})

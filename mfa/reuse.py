"""Second life: retired units of one stock that still serve lower what another demands.

Mass does not fade, capacity does: how much of a retired unit still serves is a
share of units of the driver (kWh of batteries), never of tonnes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mfa.errors import MfaError, known
from mfa.schema import Reused, Stock
from mfa.steps import Array, Dims, Step, at_worst, sum_over


def retired_units(process: str) -> str:
    """Return the name under which the units that leave a stock are handed on; no flow is named so.

    >>> retired_units("vehicles")
    'units that leave vehicles'
    """
    return f"units that leave {process}"


class Reuse:
    """What lowers the demand of a stock: I = D · max(0, 1 − Σ usable · R / ΣD).

    D are the units that the driver demands, R those that leave the other stock
    in the year, both summed over the types that each stock sums (``sum:``), so
    that types keep their shares of what is demanded.
    """

    def __init__(self, owner: Step, told: Reused):
        self.owner, self.source, self.usable = owner, told.from_, told.usable
        self.signature, self.name = owner.signature, retired_units(told.from_)
        processes = self.signature.system.processes
        other = processes.get(told.from_)
        place = self.signature.system.place("processes", owner.name, "reused", "from")
        if other is None:
            raise MfaError(
                f"process {owner.name!r}: there is no process {told.from_!r} to reuse units of. "
                + known(told.from_, processes, "processes"),
                place,
            )
        if not isinstance(other, Stock) or not (other.inflow or other.stock):
            raise MfaError(
                f"process {owner.name!r}: {told.from_!r} ({other.rule}) has no units that retire; "
                "reused takes those of a stock with 'inflow' or 'stock'",
                place,
            )
        self.other = other

    def settle(self, dims: Dims) -> None:
        """Check that both stocks count their units in the same places."""
        self.dims = dims
        driver = " * ".join(
            filter(None, (self.other.inflow or self.other.stock, self.other.shares))
        )
        self.unit_dims = self.signature.parameter_dims(driver)
        places = tuple(d for d in self.unit_dims if d not in self.other.sum)
        if places != dims:
            raise MfaError(
                f"process {self.owner.name!r}: it demands units by ({', '.join(dims) or 'none'}), "
                f"{self.source!r} retires them by ({', '.join(places) or 'none'}); what is summed at each "
                "of them ('sum:') has to leave the same dimensions",
                self.signature.system.place("processes", self.owner.name, "reused"),
            )
        self.usable_dims = self.signature.sort({*self.unit_dims, *self.other.at})
        extra = [d for d in self.signature.parameter_dims(self.usable) if d not in self.usable_dims]
        if extra:
            raise MfaError(
                f"process {self.owner.name!r}: usable ({self.usable}) has the dimension {', '.join(extra)}, "
                f"which the units of {self.source!r} ({', '.join(self.unit_dims) or 'none'}) do not have",
                self.signature.system.place("processes", self.owner.name, "reused", "usable"),
            )

    def bind(
        self, parameter: Callable[[str, Dims], Array], units: Array, years: range
    ) -> dict[str, Array]:
        """Return the usable share, read where the other stock stands, and the units demanded."""
        own = self.signature.parameter_dims(str(getattr(self.owner, "driver", "")))
        usable = self.usable_share(parameter, years)
        return {"usable": usable, "demanded": sum_over(units, own, self.dims)}

    def usable_share(self, parameter: Callable[[str, Dims], Array], years: range) -> Array:
        """Return the share of the units that leave that still serves, (*unit_dims, year)."""
        usable = parameter(self.usable, self.usable_dims)
        for wrong, found in ((usable < 0, usable.min()), (usable > 1 + 1e-9, usable.max())):
            if wrong.any():
                raise MfaError(
                    f"process {self.owner.name!r}: usable ({self.usable}) is {found:g} "
                    f"{at_worst(self.owner, self.usable_dims, years, wrong.astype(float))}; it is the share "
                    "of what retires that still serves, between 0 and 1",
                    self.signature.system.place("processes", self.owner.name, "reused", "usable"),
                )
        labels = self.signature.system.dimensions
        for dim, label in self.other.at.items():
            axis = self.usable_dims.index(dim)
            if dim not in self.unit_dims:
                here = labels[dim].index(label) if usable.shape[axis] > 1 else 0
                usable = usable.take([here], axis=axis)
        gone = tuple(i for i, d in enumerate(self.usable_dims) if d not in self.unit_dims)
        return usable.squeeze(gone)

    def left(self, flows: Mapping[str, Array], arrays: Mapping[str, Array]) -> Array:
        """Return the share of the demand that new units still have to meet, (*dims, year)."""
        serving = sum_over(flows[self.name] * arrays["usable"], self.unit_dims, self.dims)
        return share_left(arrays["demanded"], serving)

    def equation(self) -> str:
        return f"{self.usable} · units that leave {self.source} (never below 0)"


def share_left(demanded: Array, serving: Array) -> Array:
    """Return max(0, 1 − serving / demanded); 1 where nothing is demanded.

    >>> share_left(np.array([10.0, 10.0, 0.0]), np.array([4.0, 12.0, 3.0])).tolist()
    [0.6, 0.0, 1.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        left = 1.0 - serving / demanded
    return np.where(demanded > 0, np.maximum(left, 0.0), 1.0)

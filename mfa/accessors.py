"""What stands behind ``result.mfa``: figures and the card of a result.

Registered with xarray as soon as both xarray and this package are imported
(:mod:`mfa.after_xarray`); figures are loaded when the first is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

import xarray as xr

from mfa.errors import known

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@xr.register_dataset_accessor("mfa")  # type: ignore[no-untyped-call]
class Accessor:
    """A result as this package sees it: ``result.mfa`` shows its card in Jupyter.

    Examples
    --------
    >>> def flow(source, target, value):
    ...     return ("year", [value], {"kind": "flow", "source": source, "target": target})
    >>> result = xr.Dataset({"mine_to_use": flow("mine", "use", 3.0)}, {"year": [2030]})
    >>> ax = result.mfa.sankey(2030)
    >>> [patch.get_gid() for patch in ax.patches][:3]
    ['mine → use: lost', 'mine', 'use']
    """

    def __init__(self, result: xr.Dataset) -> None:
        self._result = result

    def __repr__(self) -> str:
        from mfa.result_cards import text

        return text(self._result)

    def _repr_html_(self) -> str:
        from mfa.result_cards import html

        return html(self._result)

    def sankey(self, year: int, **options: Any) -> Axes:
        """Draw the flows of one year; see :func:`mfa.plot.sankey`."""
        drawn: Axes = self.plot.sankey(year, **options)
        return drawn

    @property
    def plot(self) -> Figures:
        """The figures of :mod:`mfa.plot`, of this result."""
        return Figures(self._result)


class Figures:
    """The figures of :mod:`mfa.plot` with the result filled in.

    A figure of a whole result gets it; one of an array takes the name of a variable, or an array
    computed from the result, and gets the line at its foot from it.
    """

    def __init__(self, result: xr.Dataset) -> None:
        self._result = result

    def __dir__(self) -> list[str]:
        from mfa import plot

        return sorted(plot.FIGURES)

    def __getattr__(self, name: str) -> Callable[..., Axes]:
        if name.startswith("_"):
            raise AttributeError(name)
        from mfa import plot

        if name not in plot.FIGURES:
            raise AttributeError(
                f"there is no figure {name!r}. {known(name, plot.FIGURES, 'figures')}"
            )
        function: Callable[..., Axes] = getattr(plot, name)
        taken = list(signature(function).parameters)

        @wraps(function)
        def drawn(*given: Any, **options: Any) -> Axes:
            if taken[0] == "result":
                return function(self._result, *given, **options)
            if "result" in taken:
                options.setdefault("result", self._result)
            return function(*(self._array(own) for own in given), **options)

        return drawn

    def _array(self, given: Any) -> Any:
        """Return the variable of that name; what is no name of one stays as it is."""
        if isinstance(given, str) and given in self._result.data_vars:
            return self._result[given]
        return given

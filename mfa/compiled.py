"""Whether the compiled loops of :mod:`mfa.loops` are used: by what is installed and by size."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

WORTH_COMPILING = 2**22
"""Terms of a sum from which on numba, half a second to import, is used where it is installed."""


def loops(terms: int) -> Any:
    """Return the module of compiled loops for so many terms, or None where numpy does the work.

    That is where numba (extra ``fast``) is absent, where the work is too small to pay for its
    import, and where the environment variable ``MFA_NUMBA`` is ``0``.

    Parameters
    ----------
    terms : int
        Products to be summed, e.g. series × years² / 2 for cohorts of each series.

    Examples
    --------
    >>> loops(1000) is None
    True
    """
    if terms < WORTH_COMPILING or os.environ.get("MFA_NUMBA") == "0":
        return None
    return _imported()


@cache
def _imported() -> Any:
    try:
        from mfa import loops
    except ImportError:
        return None
    return loops

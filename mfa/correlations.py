"""The correlation of what is drawn, as a scenario writes it: names and a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mfa.errors import MfaError, Place


@dataclass(frozen=True)
class Correlation:
    """Names of draws and the correlation of their normal scores, (name, other)."""

    of: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    place: Place = field(default_factory=Place, compare=False)


def correlation(of: Sequence[str], matrix: Sequence[Sequence[float]], place: Place) -> Correlation:
    """Return a correlation that is one: symmetric, 1 on the diagonal, positive definite.

    Raises
    ------
    MfaError
        If the matrix is none of a correlation of so many names, or a name stands twice.

    Examples
    --------
    >>> correlation(["a", "b"], [[1, 0.5], [0.5, 1]], Place()).of
    ('a', 'b')
    """
    names = tuple(of)
    if len(set(names)) < len(names):
        raise MfaError("correlation: a name stands twice", place)
    if len(matrix) != len(names) or any(len(row) != len(names) for row in matrix):
        raise MfaError(
            f"correlation: the matrix of {len(names)} names has {len(names)} rows of {len(names)} numbers",
            place,
        )
    numbers = np.array(matrix, dtype=float)
    if (
        not np.isfinite(numbers).all()
        or (np.abs(numbers) > 1).any()
        or (np.diag(numbers) != 1).any()
    ):
        raise MfaError("correlation: the matrix has 1 on its diagonal and -1 to 1 beside it", place)
    if (numbers != numbers.T).any():
        i, j = (int(k) for k in np.argwhere(numbers != numbers.T)[0])
        raise MfaError(
            f"correlation: the matrix is not symmetric: {numbers[i, j]:g} and {numbers[j, i]:g} "
            f"between {names[i]} and {names[j]}",
            place,
        )
    if np.linalg.eigvalsh(numbers).min() <= 1e-10:
        raise MfaError(
            "correlation: no values can be correlated like this (the matrix is not positive "
            "definite); take the strongest ones back a little",
            place,
        )
    return Correlation(names, tuple(map(tuple, numbers.tolist())), place)

"""How far a level goes at once towards what a round finds: sooner at first, slower where rounds circle."""

from __future__ import annotations

import numpy as np

from mfa.shortage_levels import DUST
from mfa.steps import Array

HASTY = 25
"""Rounds with full steps; after them steps are shorter, since two shortages may drive each other."""


class Pace:
    """Counts rounds, and remembers the last two levels of each market."""

    def __init__(self) -> None:
        self.rounds = 0
        self.history: dict[str, tuple[Array, Array]] = {}

    def of_place(self, own: Array, found: Array) -> Array:
        """Return a level on the way to what was found: part of it where rounds have gone in a circle."""
        if self.rounds <= HASTY:
            return found
        pace = 0.5 if self.rounds <= 4 * HASTY else 0.2
        return np.asarray(
            np.where(
                found == 1.0,
                np.where(own > 1 - 1e-9, 1.0, own + pace * (1.0 - own)),
                own + pace * (found - own),
            )
        )

    def of_market(self, name: str, own: Array, found: Array) -> Array:
        """Return what a level tends to: each cell by the secant of its last two rounds."""
        if self.rounds > HASTY:
            return self.of_place(own, found)
        before = self.history.get(name)
        self.history[name] = (np.broadcast_to(own, found.shape), found)
        if before is None:
            return found
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (found - before[1]) / (own - before[0])
        ratio = np.where(np.abs(own - before[0]) > DUST, ratio, 0.0)
        ratio = np.clip(np.nan_to_num(ratio), -0.5, 0.8)
        better = own + (found - own) / (1.0 - ratio)
        return np.asarray(np.where(found < 1.0, np.clip(better, 0.0, 1.0), found))

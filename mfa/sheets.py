"""A canvas that draws a text once and copies it wherever the same text comes again.

The figures of a mineral have nearly the texts of those of the others, and texts
are what takes longest to draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from numpy.typing import NDArray

AROUND = 4
"""Pixels left around a text, since letters may stand beyond the box that is said to hold them."""

MOST = 1000
"""Texts kept, each of some 10 kB; when there are more, all are drawn anew."""

_drawn: dict[tuple[Any, ...], tuple[NDArray[np.uint8], int]] = {}


class Canvas(FigureCanvasAgg):
    """The canvas of a figure, for PNG; upright texts lie on whole pixels."""

    def get_renderer(self) -> Any:
        size = (*self.get_width_height(physical=True), self.figure.dpi)
        if getattr(self, "_made_for", None) != size:
            self._made_for, self.renderer = size, _Renderer(*size)
        return self.renderer


class _Renderer(RendererAgg):
    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        if ismath or angle or gc.get_alpha() != 1.0:
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        key = (s, hash(prop), tuple(gc.get_rgb()), self.dpi)
        if key not in _drawn:
            if len(_drawn) >= MOST:
                _drawn.clear()
            _drawn[key] = self._alone(gc, s, prop, mtext)
        image, below = _drawn[key]
        self.draw_image(gc, round(x) - AROUND, round(self.height - y) - below, image)

    def _alone(self, gc: Any, s: str, prop: Any, mtext: Any) -> tuple[NDArray[np.uint8], int]:
        """Return a text on nothing, the lowest row first, and the rows below its baseline."""
        width, height, descent = self.get_text_width_height_descent(s, prop, False)
        below = int(np.ceil(descent)) + AROUND
        rows = int(np.ceil(height - descent)) + AROUND + below
        paper = RendererAgg(int(np.ceil(width)) + 2 * AROUND, rows, self.dpi)
        ink = paper.new_gc()
        ink.set_foreground(gc.get_rgb(), isRGBA=True)
        paper.draw_text(ink, AROUND, rows - below, s, prop, 0.0, False, mtext)
        return np.asarray(paper.buffer_rgba())[::-1].copy(), below

"""The drawing of a system as SVG: its boxes in stages, what returns beneath; no network, no script."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape
from textwrap import wrap

from mfa.arranging import Band, Box, arrange, centre
from mfa.flow_roles import COLOURS, kinds_of, roles_of
from mfa.stages import Arrow, returning, two_rows

DOTS = 96.0
"""Dots per inch, as browsers have it."""

WIDE, STEP, APART, LINE = 1.02, 0.42, 0.075, 0.13
LETTERS = 15

At = Callable[[float, float], str]
"""From inches to the dots of the drawing, as text."""


def draw(
    rules: Mapping[str, str], arrows: Sequence[Arrow], secondary: Collection[Arrow] = ()
) -> str:
    """Return the drawing of a system as HTML: an SVG element that scrolls if there is no room for it.

    Parameters
    ----------
    rules : mapping of process to rule
        ``stock`` and ``market`` have shapes of their own.
    arrows : sequence of (source, target)
    secondary : collection of (source, target)
        Recycled supply of markets, which is drawn as returning.

    Returns
    -------
    str
        Text takes the colour of the page, so that it can be read on white and on black.

    Examples
    --------
    >>> text = draw({"mine": "source", "use": "stock"}, [("mine", "use")])
    >>> "<svg" in text, text.count("<title>")
    (True, 4)
    """
    names = list(rules)
    unique = list(dict.fromkeys(arrows))
    back = returning(names, unique, secondary)
    stocks = [name for name in names if rules[name] == "stock"]
    markets = [name for name in names if rules[name] == "market"]
    kinds = kinds_of(names, unique, stocks, markets)
    roles = roles_of(names, unique, back, secondary, kinds)
    stage, lower = two_rows(names, unique, back, stocks)
    labels = {name: wrap(name.replace("_", " "), LETTERS) or [name] for name in names}
    boxes = {
        name: Box(
            stage[name], _height(name, labels[name], unique), 0.0,
            (0 if name in lower else 2) if kinds[name] == "sink" else 1, name in lower,
        )
        for name in names
    }  # fmt: skip
    bands = [Band(source, target, APART) for source, target in unique]
    left, right, bottom, top = arrange(boxes, bands, WIDE, STEP)

    def at(x: float, y: float) -> str:
        return f"{(x - left + 0.1) * DOTS:.1f},{(top + 0.1 - y) * DOTS:.1f}"

    shapes = [_arrow(band, roles[band.source, band.target], boxes, at) for band in bands]
    shapes += [
        _box(name, boxes[name], kinds[name], rules[name], labels[name], at) for name in names
    ]
    wide = (right - left + 0.2) * DOTS
    size = f"{wide:.0f} {(top - bottom + 0.2) * DOTS:.0f}"
    told = f"{len(names)} processes and {len(unique)} arrows"
    style = f"width:100%;min-width:{0.62 * wide:.0f}px;max-width:{wide:.0f}px;font:11px sans-serif"
    return (
        '<div style="overflow-x:auto"><svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {size}" aria-label="{told}" style="{style}" fill="currentColor">'
        f"<title>{told}</title>{''.join(shapes)}</svg></div>"
    )


def _height(name: str, label: Sequence[str], arrows: Sequence[Arrow]) -> float:
    sides = max(sum(u == name for u, _ in arrows), sum(v == name for _, v in arrows))
    return max(LINE * len(label) + 0.14, APART * (sides + 1))


def _arrow(band: Band, role: str, boxes: Mapping[str, Box], at: At) -> str:
    line = " ".join(at(x, y) for x, y in centre(band.pieces, band.width))
    target = boxes[band.target]
    x, y = centre(band.pieces, band.width)[-1]
    away = 0.09 if target.lower else -0.09
    head = " ".join((at(x, y), at(x + away, y + 0.04), at(x + away, y - 0.04)))
    title = escape(f"{band.source} → {band.target}: {role}".replace("_", " "))
    colour = COLOURS[role]
    return (
        f'<g><title>{title}</title><polyline points="{line}" fill="none" stroke="{colour}" '
        f'stroke-width="1.6"/><polygon points="{head}" fill="{colour}"/></g>'
    )


def _box(name: str, box: Box, kind: str, rule: str, label: Sequence[str], at: At) -> str:
    x, y = at(box.x, box.y + box.height / 2).split(",")
    middle, centre_y = at(box.x + WIDE / 2, box.y).split(",")
    wide, high = WIDE * DOTS, box.height * DOTS
    round_ = {"source": high / 2, "market": 0, "stock": 4}.get(kind, 4)
    width = {"stock": 3.0, "market": 2.0}.get(kind, 1.2)
    dashed = ' stroke-dasharray="4 3"' if kind == "sink" else ""
    first = float(centre_y) - LINE * DOTS * (len(label) - 1) / 2
    lines = "".join(
        f'<tspan x="{middle}" y="{first + n * LINE * DOTS:.1f}">{escape(line)}</tspan>'
        for n, line in enumerate(label)
    )
    title = escape(f"{name.replace('_', ' ')} ({rule})")
    return (
        f'<g><title>{title}</title><rect x="{x}" y="{y}" width="{wide:.1f}" height="{high:.1f}" '
        f'rx="{round_:.1f}" fill="#7f7f7f" fill-opacity="0.14" stroke="#7f7f7f" stroke-width="{width}"'
        f'{dashed}/><text text-anchor="middle" dominant-baseline="central">{lines}</text></g>'
    )

"""Where boxes and bands stand on a page: columns from left to right, what returns beneath.

All lengths are inches, x to the right and y upwards.  Boxes of a column never overlap, nor do
their texts; the width of a band is the same from one end to the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import cos, pi, sin

BAR = 0.13
"""Width of a box that stands for a process."""

STEP = 1.18
"""From a box to the next stage: room for the bands and for a text of sixteen letters."""

GAP = 0.07
"""Between boxes of a column at least."""

BENEATH = 0.15
"""Between the boxes and a band that returns, and twice the least radius of its bends."""

SWEEPS = 30

Point = tuple[float, float]


@dataclass
class Box:
    """A box to be placed: its stage, its height and that of its text; ``rank`` 0 below, 2 above."""

    stage: int
    height: float
    text: float
    rank: int = 1
    x: float = 0.0
    y: float = 0.0

    @property
    def slot(self) -> float:
        return max(self.height, self.text)


@dataclass
class Band:
    """A band to be placed, between two boxes; ``through`` are points where it lies level."""

    source: str
    target: str
    width: float
    returns: bool
    start: float = 0.0
    end: float = 0.0
    legs: tuple[float, float] = (0.0, 0.0)
    lane: float = 0.0
    through: list[str] = field(default_factory=list)
    points: tuple[Point, ...] = ()


def arrange(boxes: dict[str, Box], bands: Sequence[Band]) -> tuple[float, float, float]:
    """Place boxes and bands; return the left, the lower and the upper end of what was placed.

    Boxes and bands are changed: ``x`` is the left side of a box and ``y`` its middle.
    """
    every = dict(boxes)
    links = [link for band in bands if not band.returns for link in _pieces(band, every)]
    columns: list[list[str]] = [[] for _ in range(1 + max(b.stage for b in every.values()))]
    for name, box in every.items():
        columns[box.stage].append(name)
    _settle(every, columns, links)
    _across(every, columns, bands)
    depth = _lanes(every, columns, bands)
    _ends(every, bands)
    for band in bands:
        band.points = _points(band, every)
    top = max(box.y + box.slot / 2 for box in every.values())
    left = min([0.0, *(band.legs[1] - band.width / 2 for band in bands if band.returns)])
    return left, depth, top


def _pieces(band: Band, every: dict[str, Box]) -> list[tuple[str, str, float]]:
    """Cut a band that passes other stages, so that it has a place of its own in each of them."""
    first, last = every[band.source].stage, every[band.target].stage
    way = [band.source]
    for stage in range(first + 1, last):
        name = f"{band.source}\n{band.target}\n{stage}"
        every[name] = Box(stage, band.width, 0.0)
        band.through.append(name)
        way.append(name)
    way.append(band.target)
    return [(way[i], way[i + 1], band.width) for i in range(len(way) - 1)]


def _settle(
    every: dict[str, Box], columns: list[list[str]], links: Sequence[tuple[str, str, float]]
) -> None:
    """Put every box as near as can be to the middle of those that it is joined with."""
    beside: dict[str, list[tuple[str, float]]] = {name: [] for name in every}
    ahead: dict[str, list[tuple[str, float]]] = {name: [] for name in every}
    for source, target, width in links:
        beside[target].append((source, width))
        ahead[source].append((target, width))
    for names in columns:
        _stack(every, names, [0.0] * len(names))
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for names in columns if forward else columns[::-1]:
            last = sweep >= SWEEPS - 2
            looked = [
                [*beside[n], *ahead[n]] if last else (beside[n] if forward else ahead[n])
                for n in names
            ]
            wishes = [
                _middle(near, every, every[n].y) for n, near in zip(names, looked, strict=True)
            ]
            if sweep < SWEEPS - 6:
                order = sorted(range(len(names)), key=lambda i: (every[names[i]].rank, wishes[i]))
                names[:] = [names[i] for i in order]
                wishes = [wishes[i] for i in order]
            _stack(every, names, wishes)


def _middle(near: Sequence[tuple[str, float]], every: Mapping[str, Box], own: float) -> float:
    weight = sum(width for _, width in near)
    return sum(every[name].y * width for name, width in near) / weight if weight else own


def _stack(every: Mapping[str, Box], names: Sequence[str], wishes: Sequence[float]) -> None:
    slots = [every[name].slot for name in names]
    for name, y in zip(names, apart(wishes, slots, GAP), strict=True):
        every[name].y = y


def apart(wishes: Sequence[float], sizes: Sequence[float], gap: float) -> list[float]:
    """Return ascending middles of things that do not overlap, as near as can be to the wishes.

    Least squares, weighted by size: neighbours that would overlap are pooled (isotonic regression,
    Barlow and Brunk 1972, doi:10.1080/01621459.1972.10481216).

    >>> apart([0.0, 0.0, 5.0], [1.0, 1.0, 1.0], 0.0)
    [-0.5, 0.5, 5.0]
    """
    offsets, at = [], 0.0
    for number, size in enumerate(sizes):
        at += size / 2 + (gap + sizes[number - 1] / 2 if number else -size / 2)
        offsets.append(at)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for wish, size, offset in zip(wishes, sizes, offsets, strict=True):
        mean, weight, members = wish - offset, max(size, 1e-9), 1
        while pools and pools[-1][0] >= mean:
            other, heavy, many = pools.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, members = weight + heavy, members + many
        pools.append((mean, weight, members))
    placed = [mean for mean, _, members in pools for _ in range(members)]
    return [mean + offset for mean, offset in zip(placed, offsets, strict=True)]


def _across(every: dict[str, Box], columns: list[list[str]], bands: Sequence[Band]) -> None:
    """Place the columns: the room between two is wider where bands that return go up or down."""
    out = [0.0] * (len(columns) + 1)
    into = [0.0] * (len(columns) + 1)
    for band in bands:
        if band.returns:
            out[every[band.source].stage] += band.width + BENEATH
            into[every[band.target].stage] += band.width + BENEATH
    x = into[0]
    for stage, names in enumerate(columns):
        for name in names:
            every[name].x = x
        x += BAR + STEP + out[stage] + into[stage + 1]


def _lanes(
    every: Mapping[str, Box], columns: Sequence[Sequence[str]], bands: Sequence[Band]
) -> float:
    """Give each band that returns a level beneath all that it passes; return the lowest."""
    floor = [min(every[n].y - every[n].slot / 2 for n in names) for names in columns]
    used_right = [0.0] * len(columns)
    used_left = [0.0] * len(columns)

    def span(band: Band) -> int:
        return every[band.source].stage - every[band.target].stage

    for band in sorted((b for b in bands if b.returns), key=lambda b: (span(b), every[b.source].y)):
        first, last = every[band.target].stage, every[band.source].stage
        passed = range(min(first, last), max(first, last) + 1)
        level = min(floor[stage] for stage in passed) - BENEATH - band.width / 2
        band.lane = level
        for stage in passed:
            floor[stage] = level - band.width / 2
        right = every[band.source].x + BAR + used_right[last] + (BENEATH + band.width) / 2
        left = every[band.target].x - used_left[first] - (BENEATH + band.width) / 2
        used_right[last] += band.width + BENEATH
        used_left[first] += band.width + BENEATH
        band.legs = right, left
    return min(floor)


def _ends(every: Mapping[str, Box], bands: Sequence[Band]) -> None:
    """Give bands their places at the sides of boxes: by where they come from, what returns below."""

    def place(side: list[Band], box: Box, where: str, key: dict[int, tuple[float, ...]]) -> None:
        top = box.y + sum(band.width for band in side) / 2
        for band in sorted(side, key=lambda b: key[id(b)], reverse=True):
            setattr(band, where, top - band.width / 2)
            top -= band.width

    for name, box in every.items():
        leaving = [band for band in bands if band.source == name]
        coming = [band for band in bands if band.target == name]
        first = {id(b): (b.through or [b.target])[0] for b in leaving}
        last = {id(b): (b.through or [b.source])[-1] for b in coming}
        out = {
            id(b): (0.0, -b.lane) if b.returns else (1.0, every[first[id(b)]].y) for b in leaving
        }
        into = {id(b): (0.0, -b.lane) if b.returns else (1.0, every[last[id(b)]].y) for b in coming}
        place(leaving, box, "start", out)
        place(coming, box, "end", into)


def _points(band: Band, every: Mapping[str, Box]) -> tuple[Point, ...]:
    """Return where the middle of a band is level: its ends, and what it passes."""
    start = (every[band.source].x + BAR, band.start)
    end = (every[band.target].x, band.end)
    if band.returns:
        return start, (band.legs[0], band.lane), (band.legs[1], band.lane), end
    level = [
        point
        for name in band.through
        for point in ((every[name].x, every[name].y), (every[name].x + BAR, every[name].y))
    ]
    return start, *level, end


def outline(
    points: Sequence[Point], width: float, returns: bool, low: float = 0.0, high: float = 1.0
) -> list[Point]:
    """Return the outline of a band, or of a strip in it, as a polygon.

    Parameters
    ----------
    points : sequence of (x, y)
        Where the middle of the whole band is level.
    width : float
    returns : bool
        Down, back to the left, and up again; else from left to right.
    low, high : float
        The strip as parts of the width, from below (for one that returns, from inside).

    Examples
    --------
    >>> corners = outline([(0.0, 0.0), (1.0, 1.0)], 0.5, False)
    >>> corners[0], corners[-1]
    ((0.0, 0.25), (0.0, -0.25))
    """
    upper, lower = (high - 0.5) * width, (low - 0.5) * width
    edge = _bent if returns else _curved
    return [*edge(points, upper, width), *edge(points, lower, width)[::-1]]


def _curved(points: Sequence[Point], offset: float, width: float) -> list[Point]:
    found: list[Point] = []
    for (x0, y0), (x1, y1) in zip(points[:-1], points[1:], strict=True):
        steps = 1 if y0 == y1 else 24
        for step in range(steps + 1):
            t = step / steps
            found.append((x0 + t * (x1 - x0), y0 + (3 - 2 * t) * t * t * (y1 - y0) + offset))
    return found


def _bent(points: Sequence[Point], offset: float, width: float) -> list[Point]:
    (x0, y0), (right, lane), (left, _), (x1, y1) = points
    radius = (width + BENEATH) / 2
    found = [(x0, y0 + offset)]
    corners = (
        (right - radius, y0 - radius, pi / 2),
        (right - radius, lane + radius, 0.0),
        (left + radius, lane + radius, -pi / 2),
        (left + radius, y1 - radius, -pi),
    )
    for x, y, turn in corners:
        for step in range(13):
            angle = turn - step / 12 * pi / 2
            found.append((x + (radius + offset) * cos(angle), y + (radius + offset) * sin(angle)))
    found.append((x1, y1 + offset))
    return found

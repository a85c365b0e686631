"""Where boxes and bands stand on a page: an upper row to the right, a lower row back to the left.

All lengths are inches, x to the right and y upwards.  Boxes of a column never overlap, nor do
their texts; the width of a band is the same from one end to the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import cos, pi, sin

BAR = 0.13
"""Width of a box that stands for a process."""

STEP = 1.12
"""From a box to the next stage: room for the bands and for a text of sixteen letters."""

GAP = 0.08
"""Between boxes of a column at least."""

BEND = 0.14
"""Between bands that go up or down side by side, and twice the least radius of their bends."""

ROWS = 0.25
"""Between the upper and the lower row."""

SWEEPS = 32

Point = tuple[float, float]
Piece = tuple[str, tuple[float, ...]]
"""``level`` (x0, y0, x1, y1), a curve that is level at both ends; ``turn`` (x0, y0, leg, y1, x1)."""


@dataclass
class Box:
    """A box to be placed: its stage, its row, its height and that of its text; the lowest rank is below.

    Bands that do not fill a side are in its middle, or at its foot if it ``keeps`` something on top.
    """

    stage: int
    height: float
    text: float
    rank: int = 1
    lower: bool = False
    keeps: bool = False
    x: float = 0.0
    y: float = 0.0

    @property
    def slot(self) -> float:
        return max(self.height, self.text)


@dataclass
class Band:
    """A band to be placed between two boxes; ``way`` are the boxes and places that it passes."""

    source: str
    target: str
    width: float
    way: list[str] = field(default_factory=list)
    start: float = 0.0
    end: float = 0.0
    legs: dict[int, float] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()


def arrange(
    boxes: Mapping[str, Box], bands: Sequence[Band], bar: float = BAR, step: float = STEP
) -> tuple[float, float, float, float]:
    """Place boxes and bands; return the left, right, lower and upper end of what was placed.

    Boxes and bands are changed: ``x`` is the left side of a box and ``y`` its middle.  In the upper row
    bands run to the right and in the lower one to the left; where one changes rows it turns clockwise,
    down to the right of a column or up to the left of one.  ``bar`` is the width of a box, ``step`` the
    room from it to the next stage.
    """
    every = dict(boxes)
    for band in bands:
        band.way = _way(band, every)
    turns = [
        (band, n) for band in bands for n in range(len(band.way) - 1) if _turns(band, n, every)
    ]
    _settle(every, bands)
    _across(every, turns, bar, step)
    _ends(every, bands)
    _legs(every, turns, bar)
    for band in bands:
        band.pieces = tuple(_pieces(band, every, bar))
    xs = [x for band in bands for x, _ in outline(band.pieces, band.width)]
    ys = [y for band in bands for _, y in outline(band.pieces, band.width)]
    return (
        min([0.0, *xs]),
        max([*xs, *(box.x + bar for box in boxes.values())]),
        min([*ys, *(box.y - box.slot / 2 for box in boxes.values())]),
        max([*ys, *(box.y + box.slot / 2 for box in boxes.values())]),
    )


def _way(band: Band, every: dict[str, Box]) -> list[str]:
    """Return what a band passes: its boxes, and a place of its own in every column between."""
    first, last = every[band.source], every[band.target]
    low, high = first.stage, last.stage
    passed: Iterable[tuple[int, bool]]
    if not first.lower and not last.lower:
        if high > low:
            passed = ((stage, False) for stage in range(low + 1, high))
        else:
            passed = ((stage, True) for stage in range(low, high - 1, -1))
    elif not first.lower:
        if high <= low:
            passed = ((stage, True) for stage in range(low, high, -1))
        else:
            passed = ((stage, False) for stage in range(low + 1, high + 1))
    elif not last.lower:
        if high <= low:
            passed = ((stage, True) for stage in range(low - 1, high - 1, -1))
        else:
            passed = ((stage, False) for stage in range(low, high))
    elif high < low:
        passed = ((stage, True) for stage in range(low - 1, high, -1))
    else:
        passed = ((stage, False) for stage in range(low, high + 1))
    way = [band.source]
    for stage, lower in passed:
        name = f"{band.source}\n{band.target}\n{stage}\n{id(band)}"
        every[name] = Box(stage, band.width, 0.0, 0 if lower == first.lower else -1, lower)
        way.append(name)
    return [*way, band.target]


def _turns(band: Band, number: int, every: Mapping[str, Box]) -> bool:
    return every[band.way[number]].lower != every[band.way[number + 1]].lower


def _settle(every: dict[str, Box], bands: Sequence[Band]) -> None:
    """Place each row, and the lower one beneath the upper one."""
    links = [
        (band.way[n], band.way[n + 1], band.width)
        for band in bands
        for n in range(len(band.way) - 1)
        if not _turns(band, n, every)
    ]
    for lower in (False, True):
        row = {name: box for name, box in every.items() if box.lower == lower}
        if row:
            _settle_row(row, [link for link in links if link[0] in row])
    floor = min((box.y - box.slot / 2 for box in every.values() if not box.lower), default=0.0)
    _hang(every, links, floor - ROWS + GAP)


def _hang(
    every: Mapping[str, Box], links: Sequence[tuple[str, str, float]], ceiling: float
) -> None:
    """Move what hangs together in the lower row up as far as it goes, the highest first."""
    group = {name: name for name, box in every.items() if box.lower}

    def head(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    for source, target, _ in links:
        if source in group and target in group:
            group[head(source)] = head(target)
    together: dict[str, list[Box]] = {}
    for name in group:
        together.setdefault(head(name), []).append(every[name])
    free: dict[int, float] = {}
    for boxes in sorted(together.values(), key=lambda own: -max(b.y + b.slot / 2 for b in own)):
        move = min(free.get(b.stage, ceiling) - GAP - b.y - b.slot / 2 for b in boxes)
        for box in boxes:
            box.y += move
            bottom = box.y - box.slot / 2
            free[box.stage] = min(free.get(box.stage, bottom), bottom)


def _settle_row(row: dict[str, Box], links: Sequence[tuple[str, str, float]]) -> None:
    """Put every box as near as can be to the middle of those that it is joined with."""
    columns = {stage: [n for n in row if row[n].stage == stage] for stage in _stages(row)}
    before: dict[str, list[tuple[str, float]]] = {name: [] for name in row}
    after: dict[str, list[tuple[str, float]]] = {name: [] for name in row}
    for source, target, width in links:
        left, right = sorted((source, target), key=lambda name: row[name].stage)
        before[right].append((left, width))
        after[left].append((right, width))
    for names in columns.values():
        names.sort(key=lambda name: row[name].rank)
        _stack(row, names, [0.0] * len(names))
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        near = {n: before[n] if forward else after[n] for n in row}
        if sweep >= SWEEPS - 4:
            near = {n: [*before[n], *after[n]] for n in row}
        for stage in sorted(columns, reverse=not forward):
            names = columns[stage]
            wishes = [_middle(near[name], row, row[name].y) for name in names]
            if sweep < SWEEPS - 8:
                order = sorted(range(len(names)), key=lambda i: (row[names[i]].rank, wishes[i]))
                names[:] = [names[i] for i in order]
                wishes = [wishes[i] for i in order]
            _stack(row, names, wishes)


def _stages(row: Mapping[str, Box]) -> list[int]:
    return sorted({box.stage for box in row.values()})


def _middle(near: Sequence[tuple[str, float]], row: Mapping[str, Box], own: float) -> float:
    weight = sum(width for _, width in near)
    return sum(row[name].y * width for name, width in near) / weight if weight else own


def _stack(row: Mapping[str, Box], names: Sequence[str], wishes: Sequence[float]) -> None:
    slots = [row[name].slot for name in names]
    for name, y in zip(names, apart(wishes, slots, GAP), strict=True):
        row[name].y = y


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


def _column(band: Band, number: int, every: Mapping[str, Box]) -> tuple[bool, int]:
    """Return whether a turn goes down, and the column beside which it does."""
    one, other = every[band.way[number]], every[band.way[number + 1]]
    return not one.lower, (max if other.lower else min)(one.stage, other.stage)


def _across(
    every: Mapping[str, Box], turns: Sequence[tuple[Band, int]], bar: float, step: float
) -> None:
    """Place the columns: the room between two is wider where bands go up or down."""
    last = max(box.stage for box in every.values())
    right, left = [0.0] * (last + 2), [0.0] * (last + 2)
    for band, number in turns:
        down, stage = _column(band, number, every)
        (right if down else left)[stage] += band.width + BEND
    x, places = left[0], []
    for stage in range(last + 1):
        places.append(x)
        x += bar + step + right[stage] + left[stage + 1]
    for box in every.values():
        box.x = places[box.stage]


def _ends(every: Mapping[str, Box], bands: Sequence[Band]) -> None:
    """Give bands their places at the sides of boxes, in the order of where they come from and go."""

    def order(box: Box, other: Box) -> tuple[float, float]:
        if box.lower == other.lower:
            return (0.0 if box.lower else 1.0), other.y
        return (1.0, -other.y) if box.lower else (0.0, -other.y)

    leaving: dict[str, list[Band]] = {name: [] for name in every}
    coming: dict[str, list[Band]] = {name: [] for name in every}
    for band in bands:
        leaving[band.source].append(band)
        coming[band.target].append(band)
    for name, box in every.items():
        for side, where, next_ in ((leaving[name], "start", 1), (coming[name], "end", -2)):
            filled = sum(band.width for band in side)
            top = filled - box.height / 2 if box.keeps else filled / 2
            top += box.y
            for band in sorted(side, key=lambda b: order(box, every[b.way[next_]]), reverse=True):
                setattr(band, where, top - band.width / 2)
                top -= band.width


def _legs(every: Mapping[str, Box], turns: Sequence[tuple[Band, int]], bar: float) -> None:
    """Place the parts that go up or down side by side, the one that ends highest nearest to the column."""
    used: dict[tuple[bool, int], float] = {}
    for band, number in sorted(turns, key=lambda turn: -min(_heights(turn[0], turn[1], every))):
        down, stage = key = _column(band, number, every)
        x = next(box.x for box in every.values() if box.stage == stage)
        at = used.get(key, 0.0) + (BEND + band.width) / 2
        used[key] = used.get(key, 0.0) + band.width + BEND
        band.legs[number] = x + bar + at if down else x - at


def _heights(band: Band, number: int, every: Mapping[str, Box]) -> tuple[float, float]:
    """Return where a stretch of the way of a band begins and ends."""
    first = band.start if number == 0 else every[band.way[number]].y
    last = band.end if number == len(band.way) - 2 else every[band.way[number + 1]].y
    return first, last


def _pieces(band: Band, every: Mapping[str, Box], bar: float) -> Iterable[Piece]:
    for number in range(len(band.way) - 1):
        one, other = every[band.way[number]], every[band.way[number + 1]]
        y0, y1 = _heights(band, number, every)
        x0 = one.x if one.lower else one.x + bar
        x1 = other.x + bar if other.lower else other.x
        if number in band.legs:
            yield "turn", (x0, y0, band.legs[number], y1, x1)
        else:
            yield "level", (x0, y0, x1, y1)
        if number < len(band.way) - 2:  # through the place of its own in a column
            yield "level", (x1, y1, other.x if other.lower else other.x + bar, y1)


def outline(
    pieces: Sequence[Piece], width: float, low: float = 0.0, high: float = 1.0
) -> list[Point]:
    """Return the outline of a band, or of a strip in it, as a polygon.

    Parameters
    ----------
    pieces : sequence of Piece
        Of its middle.
    width : float
    low, high : float
        The strip as parts of the width; 0 is below where the band runs to the right.

    Examples
    --------
    >>> corners = outline([("level", (0.0, 0.0, 1.0, 1.0))], 0.5)
    >>> corners[0], corners[-1]
    ((0.0, 0.25), (0.0, -0.25))
    """
    upper, lower = (high - 0.5) * width, (low - 0.5) * width
    there = [point for piece in pieces for point in _edge(piece, upper, width)]
    back = [point for piece in pieces for point in _edge(piece, lower, width)]
    return [*there, *back[::-1]]


def centre(pieces: Sequence[Piece], width: float) -> list[Point]:
    """Return the middle of a band as a line.

    >>> centre([("level", (0.0, 0.0, 1.0, 0.0))], 0.5)
    [(0.0, 0.0), (1.0, 0.0)]
    """
    return [point for piece in pieces for point in _edge(piece, 0.0, width)]


def _edge(piece: Piece, offset: float, width: float) -> Iterable[Point]:
    """Yield the points at the left hand of one who walks along, ``offset`` from the middle."""
    kind, numbers = piece
    if kind == "level":
        x0, y0, x1, y1 = numbers
        side = offset if x1 >= x0 else -offset
        steps = 1 if y0 == y1 else 24
        for step in range(steps + 1):
            t = step / steps
            yield x0 + t * (x1 - x0), y0 + (3 - 2 * t) * t * t * (y1 - y0) + side
        return
    x0, y0, leg, y1, x1 = numbers
    radius = (width + BEND) / 2
    down = (
        1.0 if y1 < y0 else -1.0
    )  # clockwise both ways: at the right side down, at the left side up
    yield x0, y0 + down * offset
    for y, turn in ((y0 - down * radius, 0.0), (y1 + down * radius, pi / 2)):
        for step in range(13):
            angle = down * pi / 2 - turn - step / 12 * pi / 2
            yield (
                leg - down * radius + (radius + offset) * cos(angle),
                y + (radius + offset) * sin(angle),
            )
    yield x1, y1 - down * offset

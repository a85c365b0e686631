"""The Sankey diagram drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from textwrap import fill
from typing import TYPE_CHECKING

import xarray as xr

from mfa.arranging import BAR
from mfa.credits import credit
from mfa.drawing import MOST, SCALES, palette
from mfa.flow_roles import COLOURS
from mfa.panels import words
from mfa.sankeys import GATHERED, Node, Sankey, layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#222222"
MARGIN = 0.12
HEAD = 0.62
LEAST = 7.2
"""Inches of a page at least, for its title and its sources."""


def sankey(
    result: xr.Dataset,
    year: int,
    *,
    ax: Axes | None = None,
    gather: float = GATHERED,
    **at: str | int,
) -> Axes:
    """Draw the flows of one year: stages from left to right, what is recycled returns beneath.

    Parameters
    ----------
    result, year, gather, **at
        As for :func:`mfa.sankeys.layout`: ``sankey(result, 2035, material="Co")``.
    ax : Axes, optional
        Where to draw; without it a new figure of the size that the diagram needs.

    Returns
    -------
    Axes
        In inches of the diagram; the width of a band is its flow, in all of them by one scale.  Of one
        material the colour of a band tells what it is: primary, in use, recycled, lost; of several it
        tells the material.  Beneath stand what was drawn together and whose data they are.

    Raises
    ------
    MfaError
        As :func:`mfa.sankeys.layout`.
    """
    drawn, rest = _few_materials(layout(result, year, gather=gather, **at))
    right = max(drawn.right, drawn.left + LEAST)
    factor, unit = _unit(drawn)
    letters = int((right - drawn.left) / 0.0455)
    notes = [
        fill(note, letters)
        for note in (_notes(drawn, rest, factor, unit), credit(result.attrs))
        if note
    ]
    foot = "\n".join(notes)
    below = 0.2 + 0.105 * (foot.count("\n") + 1)
    left, bottom, top = drawn.left - MARGIN, drawn.bottom - below, drawn.top + HEAD
    if ax is None:
        ax = _page(right + MARGIN - left, top - bottom)
    ax.set_aspect("equal")
    ax.set_xlim(left, right + MARGIN)
    ax.set_ylim(bottom, top)
    ax.set_axis_off()
    size = _size(ax)
    several = len(drawn.materials) > 1
    colours = palette(drawn.materials) if several else COLOURS
    _links(ax, drawn, colours, several)
    for node in drawn.nodes:
        _node(ax, node, drawn.scale, factor, 7.6 * size)
    _key(ax, drawn, colours, several, 7.6 * size)
    ax.text(
        drawn.left, top - 0.08, _title(result, drawn, factor, unit), va="top",
        fontsize=10.5 * size, color=INK,
    )  # fmt: skip
    ax.text(
        drawn.left, drawn.bottom - 0.12, foot, va="top", fontsize=5.8 * size, color="#666666",
        linespacing=1.25,
    )  # fmt: skip
    return ax


def _few_materials(drawn: Sankey) -> tuple[Sankey, list[str]]:
    """Return a diagram of at most eight materials, and the smallest beyond seven, which are added up."""
    if len(drawn.materials) <= MOST:
        return drawn, []
    sizes = {m: sum(node.parts[m] for node in drawn.nodes) for m in drawn.materials}
    large = sorted(drawn.materials, key=lambda m: -sizes[m])[: MOST - 1]
    rest = [m for m in drawn.materials if m not in large]
    name = f"{len(rest)} others"
    links = tuple(
        replace(
            link,
            parts={m: link.parts[m] for m in large} | {name: sum(link.parts[m] for m in rest)},
        )
        for link in drawn.links
    )
    return replace(drawn, links=links, materials=(*large, name)), rest


def _page(width: float, height: float) -> Axes:
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height)).add_axes((0.0, 0.0, 1.0, 1.0))


def _size(ax: Axes) -> float:
    """Return inches on paper per inch of the diagram: texts shrink with it."""
    box, figure = ax.get_position(), ax.figure.get_figure(root=True)
    assert figure is not None
    wide, high = figure.get_size_inches()
    (left, right), (low, top) = ax.get_xlim(), ax.get_ylim()
    return float(min(box.width * wide / (right - left), box.height * high / (top - low)))


def _links(ax: Axes, drawn: Sankey, colours: Mapping[str, str], several: bool) -> None:
    from matplotlib.patches import Polygon

    for link in sorted(drawn.links, key=lambda link: -link.value):
        low = 0.0
        for name, part in (link.parts if several else {link.role: link.value}).items():
            if part > 0:
                high = low + part / link.value
                corners = link.outline(low, min(high, 1.0))
                patch = Polygon(corners, facecolor=colours[name], alpha=0.5, linewidth=0)
                patch.set_gid(f"{link.source} → {link.target}: {name}")
                ax.add_patch(patch)
                low = high


def _node(ax: Axes, node: Node, scale: float, factor: float, size: float) -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    bottom = node.y - node.height / 2
    bar = Rectangle((node.x, bottom), BAR, node.height, facecolor="#444444", linewidth=0)
    bar.set_gid(node.name)
    ax.add_patch(bar)
    if node.keeps:  # what stays: beside the bar, hatched, where no band leaves or enters
        amount = abs(node.to_stock) * scale
        x = node.x + BAR if node.to_stock > 0 else node.x - 0.6 * BAR
        stays = Rectangle(
            (x, node.y + node.height / 2 - amount), 0.6 * BAR, amount, facecolor="#cfe8f7",
            edgecolor="#3f7ea6", hatch="/////", linewidth=0.4,
        )  # fmt: skip
        stays.set_gid(f"{node.name}: stock")
        ax.add_patch(stays)
    x = node.x + BAR + (0.6 * BAR if node.to_stock > 0 and node.keeps else 0.0) + 0.05
    lines = [node.label, number(node.value / factor)]
    if node.low == node.low:
        low, high = number(node.low / factor), number(node.high / factor)
        lines += [f"({low}–{high})"] if low != high else []
    if node.keeps:
        lines.append(f"{number(node.to_stock / factor, sign=True)} in stock")
    halo = [withStroke(linewidth=2.2, foreground="white", alpha=0.75)]
    ax.text(
        x, node.y, "\n".join(lines), va="center", fontsize=size, color=INK, linespacing=1.15,
        path_effects=halo,
    )  # fmt: skip


def _key(ax: Axes, drawn: Sankey, colours: Mapping[str, str], several: bool, size: float) -> None:
    from matplotlib.patches import Rectangle

    if several:
        shown = [m for m in drawn.materials if any(link.parts[m] > 0 for link in drawn.links)]
    else:
        shown = [role for role in COLOURS if any(link.role == role for link in drawn.links)]
    x = drawn.left
    y = drawn.top + 0.08
    for name in shown:
        ax.add_patch(
            Rectangle((x, y - 0.05), 0.17, 0.1, facecolor=colours[name], alpha=0.6, linewidth=0)
        )
        ax.text(x + 0.21, y, words(name), va="center", fontsize=size, color=INK)
        x += 0.45 + 0.062 * len(name)


def _title(result: xr.Dataset, drawn: Sankey, factor: float, unit: str) -> str:
    scenario = drawn.at.get("scenario", "")
    titles = str(result.attrs.get("title", "")).split("; ")
    names = str(result.attrs.get("scenario_name", "")).split(", ")
    by_name = dict(zip(names, titles, strict=False)) if len(names) == len(titles) else {}
    head = by_name.get(scenario or names[0], scenario)
    others = [
        f"{words(dim)} {label}"
        for dim, label in drawn.at.items()
        if dim not in ("scenario", "material")
    ]
    one = drawn.materials[0] if len(drawn.materials) == 1 else ""
    what = ", ".join(part for part in (one, *others, str(drawn.year)) if part)
    first = f"{head}: {what}" if head else what
    told = [f"{number(drawn.entering / factor)} {unit} enter"] if drawn.entering else []
    told += [f"{number(drawn.returned / factor)} {unit} return"] if drawn.returned else []
    return f"{first}. {', '.join(told)}" + (" (contained mass)" if told else "")


def _notes(drawn: Sankey, rest: list[str], factor: float, unit: str) -> str:
    together = [
        f"{node.name.strip()}: {', '.join(map(words, node.members))}"
        for node in drawn.nodes
        if len(node.members) > 1 and "," not in node.name
    ]
    notes = [f"All numbers in {unit}", *together]
    if rest:
        notes.append(f"the {len(rest)} other materials: {', '.join(rest)}")
    if drawn.passing:
        notes.append(f"passed through unchanged: {', '.join(map(words, drawn.passing))}")
    if drawn.zero:
        some = ", ".join(words(name) for name in drawn.zero[:6])
        more = f" and {len(drawn.zero) - 6} more" if len(drawn.zero) > 6 else ""
        notes.append(f"carry nothing: {some}{more}")
    return ". ".join(note[0].upper() + note[1:] for note in notes) + "."


def _unit(drawn: Sankey) -> tuple[float, str]:
    largest = max(node.value for node in drawn.nodes)
    factor, prefix = next(((f, p) for f, p in SCALES if largest >= f), SCALES[-1])
    return factor, f"{prefix}t/yr"


def number(value: float, *, sign: bool = False) -> str:
    """Return a number in at most three digits that count.

    >>> number(456.3), number(12.06), number(0.0312), number(2.0, sign=True), number(-1e-5)
    ('456', '12.1', '0.03', '+2.0', '−0')
    """
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 1 else 2 if abs(value) >= 0.005 else 0
    return f"{value:{'+' if sign else ''},.{digits}f}".replace("-", "−")

"""Cards for Jupyter: a few facts and a drawing, readable on white and on black."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

STYLE = (
    "border:1px solid rgba(127,127,127,.45);border-radius:6px;padding:.7em 1em;max-width:980px;"
    "font-family:sans-serif;font-size:13px;line-height:1.4;color:inherit;background:transparent"
)
CELL = "text-align:left;padding:.1em 1em .1em 0;border:0;background:transparent;vertical-align:top"
NUMBER = CELL.replace("left", "right")
SMALL = "font-size:11px;opacity:.75"


def card(
    kind: str,
    title: str,
    facts: Mapping[str, object],
    *,
    about: str = "",
    parts: Iterable[str] = (),
    foot: str = "",
) -> str:
    """Return a card as HTML; everything but ``parts`` is text and is escaped.

    Parameters
    ----------
    kind, title, about, foot : str
    facts : mapping of name to value
        Empty ones are left out.
    parts : iterable of str
        HTML that stands between the facts and the foot.

    Examples
    --------
    >>> "a &lt;b&gt;" in card("System", "a <b>", {"years": "1913–2050"})
    True
    """
    rows = "".join(
        f'<tr style="background:transparent"><th style="{CELL}">{escape(str(name))}</th>'
        f'<td style="{CELL}">{escape(str(value))}</td></tr>'
        for name, value in facts.items()
        if str(value)
    )
    pieces = [
        f'<div style="{SMALL}">{escape(kind)}</div>',
        f'<div style="font-size:16px;font-weight:600">{escape(title)}</div>',
        f"<div>{escape(' '.join(about.split()))}</div>" if about else "",
        f'<table style="margin:.4em 0;border-collapse:collapse">{rows}</table>' if rows else "",
        *parts,
        f'<div style="{SMALL}">{escape(foot)}</div>' if foot else "",
    ]
    return f'<div style="{STYLE}">{"".join(pieces)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as HTML, its first column text and the others numbers.

    >>> table(["", "2035"], [["Co <1>", "456"]]).count("&lt;")
    1
    """
    top = "".join(
        f'<th style="{NUMBER if n else CELL}">{escape(t)}</th>' for n, t in enumerate(head)
    )
    body = "".join(
        '<tr style="background:transparent">'
        + "".join(
            f'<td style="{NUMBER if n else CELL}">{escape(t)}</td>' for n, t in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f'<table style="margin:.4em 0;border-collapse:collapse"><tr>{top}</tr>{body}</table>'


def folded(summary: str, inside: str) -> str:
    """Return HTML that opens on a click, without a script.

    >>> folded("drawing", "<svg/>")
    '<details><summary>drawing</summary><svg/></details>'
    """
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def few(names: Sequence[str], most: int = 6) -> str:
    """Return names in a row, and how many more there are.

    >>> few(["Co", "Li", "Ni"], 2)
    'Co, Li and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def curves(series: Mapping[str, Sequence[float]], colours: Mapping[str, str], told: str) -> str:
    """Return a small drawing of series over the same years, as SVG, with a key.

    >>> curves({"demand": [1.0, 2.0]}, {"demand": "#000000"}, "2020–2021, t/yr").count("<polyline")
    1
    """
    wide, high = 260.0, 70.0
    top = max((max(own) for own in series.values()), default=0.0) or 1.0
    drawn, key = [], []
    for number, (name, own) in enumerate(series.items()):
        step = wide / max(1, len(own) - 1)
        points = " ".join(f"{n * step:.1f},{high - v / top * high:.1f}" for n, v in enumerate(own))
        drawn.append(
            f'<polyline points="{points}" fill="none" stroke="{colours[name]}" stroke-width="2"/>'
        )
        key.append(
            f'<rect x="{wide + 12}" y="{8 + 17 * number}" width="10" height="10" '
            f'fill="{colours[name]}"/><text x="{wide + 27}" y="{17 + 17 * number}">{escape(name)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -4 420 94" width="420" role="img" '
        f'aria-label="{escape(told)}" style="font:11px sans-serif;max-width:100%" fill="currentColor">'
        f'<line x1="0" y1="{high}" x2="{wide}" y2="{high}" stroke="currentColor" stroke-opacity=".4"/>'
        f'{"".join(drawn)}{"".join(key)}<text x="0" y="85">{escape(told)}</text></svg>'
    )

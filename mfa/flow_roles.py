"""What a process and an arrow are, read from the boxes and arrows alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mfa.stages import Arrow, reached

COLOURS = {"primary": "#0072B2", "in use": "#56B4E9", "recycled": "#009E73", "lost": "#999999"}
"""Of the roles of arrows, from the colours of Okabe and Ito."""


def kinds_of(
    names: Sequence[str],
    arrows: Sequence[Arrow],
    stocks: Collection[str],
    markets: Collection[str],
) -> dict[str, str]:
    """Return the kind of every process: source, stock, sink, market or process.

    >>> kinds_of(["mine", "use", "pile"], [("mine", "use"), ("use", "pile")], ["use"], [])
    {'mine': 'source', 'use': 'stock', 'pile': 'sink'}
    """
    into, out = {v for _, v in arrows}, {u for u, _ in arrows}

    def kind(name: str) -> str:
        if name in stocks:
            return "stock"
        if name not in into:
            return "source"
        if name not in out:
            return "sink"
        return "market" if name in markets else "process"

    return {name: kind(name) for name in names}


def roles_of(
    names: Sequence[str],
    arrows: Sequence[Arrow],
    back: Collection[Arrow],
    secondary: Collection[Arrow],
    kinds: Mapping[str, str],
) -> dict[Arrow, str]:
    """Return what each arrow is: before the first market, into use, back to it, or lost.

    >>> roles_of(["mine", "use", "pile"], [("mine", "use"), ("use", "pile")], (), (),
    ...          {"mine": "source", "use": "stock", "pile": "sink"})
    {('mine', 'use'): 'primary', ('use', 'pile'): 'lost'}
    """
    after: dict[str, list[str]] = {name: [] for name in names}
    before: dict[str, list[str]] = {name: [] for name in names}
    for source, target in arrows:
        if (source, target) not in back:
            after[source].append(target)
            if kinds[target] != "stock":
                before[target].append(source)
    markets = [name for name in names if kinds[name] == "market"]
    used = reached([name for name in names if kinds[name] == "stock"], after)
    made = reached(markets, after) | used
    scrap = {u for u, v in arrows if (u, v) in back or (u, v) in secondary}
    giving_back = reached(scrap, before)
    only_back = {
        name
        for name in scrap
        if all((u, v) in back or kinds[v] == "sink" for u, v in arrows if u == name)
    }

    def role(source: str, target: str) -> str:
        if kinds[target] == "sink":
            return "lost"
        if (source, target) in back or (source, target) in secondary or target in only_back:
            return "recycled"
        if kinds[source] == "source" or (source not in made and markets):
            return "primary"
        if kinds[target] == "stock":
            return "in use"
        if source in used:
            return "recycled" if target in giving_back else "lost"
        return "in use"

    return {arrow: role(*arrow) for arrow in arrows}

"""The order of boxes from left to right: which arrows return, and in which stage a box stands.

Nothing here knows numbers: one system has the same stages in every year, mineral and scenario.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

Arrow = tuple[str, str]


def returning(
    nodes: Sequence[str], arrows: Sequence[Arrow], likely: Collection[Arrow] = ()
) -> set[Arrow]:
    """Return the arrows that lead back; without them the others run in one direction only.

    Parameters
    ----------
    nodes : sequence of str
    arrows : sequence of (source, target)
    likely : collection of (source, target), optional
        Arrows that return if they close a ring at all: the secondary supply of markets.

    Returns
    -------
    set of (source, target)
        Of the rings that are left, the arrow that a walk from the sources meets last
        (depth first search, Tarjan 1972, doi:10.1137/0201010).

    Examples
    --------
    >>> ring = [("mine", "metal"), ("metal", "use"), ("use", "recycle"), ("recycle", "metal")]
    >>> returning(["mine", "metal", "use", "recycle"], ring)
    {('recycle', 'metal')}
    >>> returning(["mine", "metal", "use", "recycle"], ring, [("mine", "metal")])
    {('recycle', 'metal')}
    """
    after = _after(nodes, arrows)
    back = {(u, v) for u, v in arrows if u == v}
    back |= {(u, v) for u, v in arrows if (u, v) in likely and u in reached([v], after)}
    after = _after(nodes, [arrow for arrow in arrows if arrow not in back])
    led_to = {v for u, v in arrows if (u, v) not in back}
    done: set[str] = set()
    for start in [*(node for node in nodes if node not in led_to), *nodes]:
        if start in done:
            continue
        way, open_ = [(start, iter(after[start]))], {start}
        while way:
            node, rest = way[-1]
            following = next(rest, None)
            if following is None:
                way.pop()
                open_.discard(node)
                done.add(node)
            elif following in open_:
                back.add((node, following))
            elif following not in done:
                open_.add(following)
                way.append((following, iter(after[following])))
    return back


def stages(
    nodes: Sequence[str], arrows: Sequence[Arrow], back: Collection[Arrow]
) -> dict[str, int]:
    """Return the stage of every node, from 0: one after the last of those that lead to it.

    A node that nothing leads to stands just before the first that it leads to.

    >>> stages(["mine", "synthetic", "ore", "refine"],
    ...        [("mine", "ore"), ("ore", "refine"), ("synthetic", "refine")], set())
    {'mine': 0, 'synthetic': 1, 'ore': 1, 'refine': 2}
    """
    forward = [arrow for arrow in arrows if arrow not in back]
    after = _after(nodes, forward)
    missing = {node: sum(v == node for _, v in forward) for node in nodes}
    found = {node: 0 for node in nodes}
    ready = [node for node in nodes if not missing[node]]
    starts = list(ready)
    while ready:
        node = ready.pop()
        for following in after[node]:
            found[following] = max(found[following], found[node] + 1)
            missing[following] -= 1
            if not missing[following]:
                ready.append(following)
    for node in starts:
        if after[node]:
            found[node] = min(found[following] for following in after[node]) - 1
    return found


def reached(starts: Iterable[str], after: dict[str, list[str]]) -> set[str]:
    """Return the nodes that can be reached, the starts among them."""
    found, open_ = set(starts), list(starts)
    while open_:
        for following in after[open_.pop()]:
            if following not in found:
                found.add(following)
                open_.append(following)
    return found


def _after(nodes: Sequence[str], arrows: Iterable[Arrow]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in arrows:
        found[source].append(target)
    return found

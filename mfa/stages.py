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
    found = dict.fromkeys(nodes, 0)
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


def two_rows(
    nodes: Sequence[str],
    arrows: Sequence[Arrow],
    back: Collection[Arrow],
    stocks: Collection[str] = (),
) -> tuple[dict[str, int], set[str]]:
    """Return the stage of every node where what comes back from use runs to the left, in a lower row.

    Parameters
    ----------
    nodes, arrows, back
        As for :func:`stages`.
    stocks : collection of str
        Never in the lower row, nor is what leads to them.

    Returns
    -------
    stage of each node, and the set of those in the lower row
        In the lower row are the nodes that lead back, and to no stock: those after a stock, and those
        that hand on to nobody else; and whatever they lead to.

    Examples
    --------
    >>> ring = [("mine", "metal"), ("metal", "use"), ("use", "collect"), ("collect", "mill"),
    ...         ("mill", "metal"), ("mill", "slag")]
    >>> stage, lower = two_rows(["mine", "metal", "use", "collect", "mill", "slag"], ring,
    ...                         {("mill", "metal")}, {"use"})
    >>> stage
    {'mine': 0, 'metal': 1, 'use': 2, 'collect': 2, 'mill': 1, 'slag': 0}
    >>> sorted(lower)
    ['collect', 'mill', 'slag']
    """
    forward = [arrow for arrow in arrows if arrow not in back]
    after = _after(nodes, forward)
    before = _after(nodes, [(v, u) for u, v in forward])
    upper = reached(stocks, before)
    sources = {node for node in nodes if not before[node]}
    leading = reached([u for u, v in back if u != v], before) - upper - sources
    directly = {u for u, v in back if all(not after[n] for n in after[u])}
    leading &= reached(stocks, after) | directly
    lower = reached(leading, after)
    lower |= {node for node in sources if after[node] and lower.issuperset(after[node])}
    above = [node for node in nodes if node not in lower]
    stage = stages(above, [(u, v) for u, v in forward if not {u, v} & lower], ())
    rounds = [arrow for arrow in back if arrow[0] in lower and arrow[1] not in lower]
    for _ in nodes:
        below = _leftwards(nodes, before, after, lower, stage)
        late = [(stage[v] - below[u], stage[v]) for u, v in rounds if below[u] < stage[v]]
        if not late:
            break
        by, beyond = max(late)  # too few stages for the way back: the upper row is drawn out
        stage = {node: own + by * (own > beyond) for node, own in stage.items()}
    found = {node: below[node] if node in lower else stage[node] for node in nodes}
    used = {own: number for number, own in enumerate(sorted(set(found.values())))}
    return {node: used[own] for node, own in found.items()}, lower


def _leftwards(
    nodes: Sequence[str],
    before: dict[str, list[str]],
    after: dict[str, list[str]],
    lower: Collection[str],
    stage: dict[str, int],
) -> dict[str, int]:
    """Return the stages of the lower row: each left of what leads to it, beneath the upper row."""
    found: dict[str, int] = {}
    waiting = [node for node in nodes if node in lower and before[node]]
    while waiting:
        late = []
        for node in waiting:
            led = [n for n in before[node] if n not in lower or before[n]]
            if all(n in found or n not in lower for n in led):
                own = [found[n] - 1 if n in lower else stage[n] for n in led]
                found[node] = min(own, default=0)
            else:
                late.append(node)
        assert len(late) < len(waiting), "without the arrows that lead back there is no ring"
        waiting = late
    for node in nodes:
        if node in lower and not before[node]:
            found[node] = max(found[n] for n in after[node]) + 1
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

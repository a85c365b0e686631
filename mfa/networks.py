"""Supply as a network: who sends a mineral to whom, and what happens if somebody stops.

One directed weighted graph per mineral and stage, made from a bilateral matrix
(exporter × importer); graphs are those of networkx, which the extra
``networks`` installs.  Disruptions are drawn in :mod:`mfa.disruptions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.indicators.quantities import masses
from mfa.indicators.shares import PER_CENT, scores
from mfa.trade.matrices import pair, require_same_places
from mfa.trade.origins import loss_propagation

if TYPE_CHECKING:
    import networkx as nx

SINGLE_SOURCE = 0.65
"""Share from one third country that the EU Critical Raw Materials Act allows at most."""


def network(trade: xr.DataArray) -> nx.DiGraph:
    """Return the directed graph of a trade matrix, of one mineral, stage and year.

    Parameters
    ----------
    trade : array (exporter, importer) [t/yr]
        The same places in both dimensions, as in :func:`mfa.trade.trace_origin`.

    Returns
    -------
    networkx.DiGraph
        A node for every place, an edge from exporter to importer for every flow above 0,
        with ``flow`` [t/yr], ``share`` of the importer's imports [1] and ``distance`` 1/flow.

    Raises
    ------
    MfaError
        If networkx is not installed, there is a further dimension, places differ, or a flow is
        NaN or negative.

    References
    ----------
    Own definition; as in Klimek, Obersteiner, Thurner (2015), Systemic Trade Risk of Critical Resources,
    doi:10.1126/sciadv.1500522

    Examples
    --------
    >>> import mfa
    >>> place = ["CD", "CN", "DE"]
    >>> sent = [[0, 80, 0], [0, 0, 40], [0, 0, 0]]
    >>> trade = mfa.array(sent, "t/yr", exporter=place, importer=place)
    >>> sorted(network(trade).edges(data="share"))
    [('CD', 'CN', 1.0), ('CN', 'DE', 1.0)]
    """
    library = _networkx()
    data, sender, receiver = _one_matrix(trade)
    places = data[sender].values.tolist()
    graph = library.DiGraph()
    graph.add_nodes_from(places)
    flows = data.transpose(sender, receiver).values
    into = flows.sum(0)
    for i, j in zip(*np.nonzero(flows), strict=True):
        flow = float(flows[i, j])
        share = flow / float(into[j])
        graph.add_edge(places[i], places[j], flow=flow, share=share, distance=1 / flow)
    return graph


def measures(trade: xr.DataArray) -> xr.Dataset:
    """Return how central each place is in a trade matrix, of one mineral, stage and year.

    Strength is the sum of what a place sends, or receives; betweenness the
    share of shortest ways between all pairs of other places that lead through
    it, with 1/flow as the length of a link; PageRank follows the flows.

    Parameters
    ----------
    trade : array (exporter, importer) [t/yr]
        As :func:`network`.

    Returns
    -------
    Dataset (place): ``out_strength``, ``in_strength`` [t/yr], ``betweenness``, ``pagerank``,
    ``import_herfindahl`` and ``largest_source`` [1]; the last two NaN where nothing is imported

    Raises
    ------
    MfaError
        As :func:`network`.

    References
    ----------
    Freeman (1977), A Set of Measures of Centrality Based on Betweenness, doi:10.2307/3033543;
    Brandes (2001), A Faster Algorithm for Betweenness Centrality, doi:10.1080/0022250X.2001.9990249;
    Barrat et al. (2004), The Architecture of Complex Weighted Networks, doi:10.1073/pnas.0400087101

    Examples
    --------
    >>> import mfa
    >>> place = ["CD", "CN", "DE"]
    >>> sent = [[0, 80, 0], [0, 0, 40], [0, 0, 0]]
    >>> found = measures(mfa.array(sent, "t/yr", exporter=place, importer=place))
    >>> found.betweenness.values.tolist(), found.in_strength.values.tolist()
    ([0.0, 0.5, 0.0], [0.0, 80.0, 40.0])
    """
    library = _networkx()
    data, sender, receiver = _one_matrix(trade)
    graph = network(data)
    places = list(graph)
    flows = data.transpose(sender, receiver).values
    into = flows.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(into > 0, flows / into, np.nan)
    between = library.betweenness_centrality(graph, weight="distance")
    rank = library.pagerank(graph, weight="flow")
    columns = {
        "out_strength": flows.sum(1),
        "in_strength": into,
        "betweenness": [between[place] for place in places],
        "pagerank": [rank[place] for place in places],
        "import_herfindahl": (share**2).sum(0),
        "largest_source": share.max(0),
    }
    found = xr.Dataset({name: ("place", values) for name, values in columns.items()})
    units = trade.attrs.get("units")
    for name, each in found.data_vars.items():
        own = units if str(name).endswith("strength") else "1"
        each.attrs = {} if own is None else {"units": own}
    return found.assign_coords(place=places)


def single_source_links(trade: xr.DataArray, *, above: float = SINGLE_SOURCE) -> xr.DataArray:
    """Return the links on which a place depends: one exporter with more than 65 % of its imports.

    Parameters
    ----------
    trade : array (…, exporter, importer) [t/yr]
        Further dimensions, such as mineral, stage and year, ride along.
    above : float
        Share of the imports, within [0, 1].

    Returns
    -------
    array like trade [1]: the share where it is above, NaN elsewhere

    Raises
    ------
    MfaError
        If places differ, a flow is NaN or negative, or the threshold lies outside [0, 1].

    References
    ----------
    Regulation (EU) 2024/1252, Article 5 (the threshold)

    Examples
    --------
    >>> import mfa
    >>> place = ["AU", "CL", "CN"]
    >>> sent = [[0, 0, 90], [0, 0, 10], [0, 0, 0]]
    >>> found = single_source_links(mfa.array(sent, "t/yr", exporter=place, importer=place))
    >>> float(found.sel(exporter="AU", importer="CN")), int(found.count())
    (0.9, 1)
    """
    scores({"above": above}, missing=False, why=PER_CENT)
    data = masses(trade=trade)["trade"]
    sender, _ = pair(data, "trade", sender_first=True)
    into = data.sum(sender)
    share = data / into.where(into > 0)
    return share.where(share > above).rename("share").assign_attrs(units="1")


def rank_by_removal(
    trade: xr.DataArray, production: xr.DataArray, pass_through: Any = 1.0
) -> xr.DataArray:
    """Return what the others lose of their supply if one place no longer sends anything.

    For each place k all its flows to others are taken out, which is a shock of
    X[k, j] / supply_j to each j; the shocks are passed on as in
    :func:`mfa.trade.loss_propagation`, and k itself is left out of the sum:

        Σ_{j ≠ k} l_j · supply_j / Σ_{j ≠ k} supply_j.

    Transit counts as often as it is supplied.

    Parameters
    ----------
    trade : array (…, exporter, importer) [t/yr]
        The same places in both dimensions.
    production : array (…, place) [t/yr]
        Of each place; its supply is that and its imports.
    pass_through : array (…, place) or number [1]
        Share of a loss that a place passes on, within [0, 1].

    Returns
    -------
    array (…, removed) [1], within [0, 1]; the largest is the most critical producer

    Raises
    ------
    MfaError
        As :func:`mfa.trade.trace_origin` and :func:`mfa.trade.loss_propagation`.

    References
    ----------
    Own definition: removal of nodes, one by one

    Examples
    --------
    >>> import mfa
    >>> place = ["CD", "ID", "CN"]
    >>> sent = mfa.array([[0, 0, 60], [0, 0, 20], [0, 0, 0]], "t/yr", exporter=place, importer=place)
    >>> made = mfa.array([60, 20, 20], "t/yr", exporter=place)
    >>> rank_by_removal(sent, made).values.round(3).tolist()
    [0.5, 0.125, 0.0]
    """
    data = masses(trade=trade, production=production)
    sender, receiver = pair(data["trade"], "trade", sender_first=True)
    places = require_same_places(data["trade"], "trade", sender, receiver)
    made = data["production"]
    made = made.rename({sender: receiver}) if sender in made.dims else made
    if receiver not in made.dims:
        raise MfaError(
            f"production has the dimensions {list(made.dims)}; give its places as {sender!r}"
        )
    supply = data["trade"].sum(sender) + made
    share = data["trade"] / supply.where(supply > 0, 1.0)
    found = [
        _loss_without(place, share, supply, sender, receiver, pass_through) for place in places
    ]
    label = xr.DataArray(places, dims="removed", coords={"removed": places}, name="removed")
    result: xr.DataArray = xr.concat(found, label, combine_attrs="drop")
    order = [*(dim for dim in result.dims if dim != "removed"), "removed"]
    return result.transpose(*order).rename("loss").assign_attrs(units="1")


def _loss_without(
    place: Any,
    share: xr.DataArray,
    supply: xr.DataArray,
    sender: str,
    receiver: str,
    pass_through: Any,
) -> xr.DataArray:
    """Return the share of their supply that all others lose without one exporter."""
    shock = share.sel({sender: place}, drop=True).clip(0, 1)
    rest = share.where(share[sender] != place, 0.0)
    loss = loss_propagation(rest, shock, pass_through)
    others = supply.where(supply[receiver] != place, 0.0)
    total = others.sum(receiver)
    return (loss * others).sum(receiver) / total.where(total > 0)


def _one_matrix(trade: xr.DataArray) -> tuple[xr.DataArray, str, str]:
    data = masses(trade=trade)["trade"]
    if data.ndim != 2:
        raise MfaError(
            f"trade has the dimensions {list(data.dims)}; a network is of one mineral, stage and "
            "year: .sel() one of each, exporter and importer are left"
        )
    sender, receiver = pair(data, "trade", sender_first=True)
    require_same_places(data, "trade", sender, receiver)
    return data, sender, receiver


def _networkx() -> Any:
    try:
        import networkx
    except ModuleNotFoundError:
        raise MfaError(
            "networks need networkx, which is not installed: pip install 'mfa[networks]'"
        ) from None
    return networkx

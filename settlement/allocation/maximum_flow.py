"""The most that can be settled over a graph of contracts: a maximum flow with whole capacities.

Meters that export are fed from one origin by what they have, meters that import empty into one sink, and
a contract is an edge between two meters. The flow begins with what is settled already and is augmented
along shortest paths (Dinic's algorithm), so a total is reached that no other sharing exceeds.

Which of several sharings with that total it is: no meter gives or takes less than where it began; paths
are taken in the order of trading, then of ids. Where the beginning has the greatest total already, it
stands.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from settlement.allocation.trades import Remainders

_ORIGIN: Final = 0
_SINK: Final = 1


class _Network:
    """Edges in pairs: edge `e` and its reverse `e ^ 1` hold what may still flow either way."""

    def __init__(self, nodes: int) -> None:
        self.edges_of: list[list[int]] = [[] for _ in range(nodes)]
        self.ends: list[int] = []
        self.capacity: list[int] = []

    def join(self, start: int, end: int, *, free: int, used: int) -> int:
        """Add an edge on which `used` flows and `free` more may; return its number."""
        edge = len(self.ends)
        for number, node, other, capacity in ((edge, start, end, free), (edge + 1, end, start, used)):
            self.edges_of[node].append(number)
            self.ends.append(other)
            self.capacity.append(capacity)
        return edge

    def levels(self) -> list[int] | None:
        """Return how many edges each node is away from the origin, -1 out of reach; None if the sink is."""
        found = [-1] * len(self.edges_of)
        found[_ORIGIN] = 0
        reached = deque([_ORIGIN])
        while reached:
            node = reached.popleft()
            for edge in self.edges_of[node]:
                end = self.ends[edge]
                if self.capacity[edge] and found[end] < 0:
                    found[end] = found[node] + 1
                    reached.append(end)
        return None if found[_SINK] < 0 else found

    def block(self, levels: list[int]) -> None:
        """Push along every path that goes up by one level at each edge, until none is left."""
        following = [0] * len(self.edges_of)
        path: list[int] = []
        node = _ORIGIN
        while True:
            if node == _SINK:
                node = self._push(path)
            edge = self._next_edge(node, levels, following)
            if edge is not None:
                path.append(edge)
                node = self.ends[edge]
            elif path:
                node = self.ends[path.pop() ^ 1]
                following[node] += 1
            else:
                return

    def _next_edge(self, node: int, levels: list[int], following: list[int]) -> int | None:
        """Return the edge to go on by; those that lead nowhere are passed over for good."""
        edges = self.edges_of[node]
        while following[node] < len(edges):
            edge = edges[following[node]]
            if self.capacity[edge] and levels[self.ends[edge]] == levels[node] + 1:
                return edge
            following[node] += 1
        return None

    def _push(self, path: list[int]) -> int:
        """Fill a path to the sink, and cut it back to where it is full first; return that node."""
        most = min(self.capacity[edge] for edge in path)
        for edge in path:
            self.capacity[edge] -= most
            self.capacity[edge ^ 1] += most
        full = next(at for at, edge in enumerate(path) if not self.capacity[edge])
        node = self.ends[path[full] ^ 1]
        del path[full:]
        return node


def raise_to_maximum(left: Remainders) -> None:
    """Settle more, and some otherwise than before, until the sum over all contracts is the greatest."""
    sources = {meter: 2 + at for at, meter in enumerate(sorted(left.exported))}
    targets = {meter: 2 + len(sources) + at for at, meter in enumerate(sorted(left.imported))}
    network = _Network(2 + len(sources) + len(targets))
    given, taken = _sums(left)
    for meter, node in sources.items():
        network.join(_ORIGIN, node, free=left.exported[meter], used=given[meter])
    edges = [
        network.join(
            sources[trade.source],
            targets[trade.target],
            free=left.wanted(trade),
            used=left.settled[trade.contract_id],
        )
        for trade in left.trades
    ]
    for meter, node in targets.items():
        network.join(node, _SINK, free=left.imported[meter], used=taken[meter])
    while (levels := network.levels()) is not None:
        network.block(levels)
    for trade, edge in zip(left.trades, edges, strict=True):
        left.settle(trade, network.capacity[edge ^ 1] - left.settled[trade.contract_id])


def _sums(left: Remainders) -> tuple[dict[str, int], dict[str, int]]:
    """Return what every source has given and every target has taken."""
    given = dict.fromkeys(left.exported, 0)
    taken = dict.fromkeys(left.imported, 0)
    for trade in left.trades:
        given[trade.source] += left.settled[trade.contract_id]
        taken[trade.target] += left.settled[trade.contract_id]
    return given, taken

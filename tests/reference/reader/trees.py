"""Trees of RFC 9162 with SHA-384: roots, multiproofs, frontiers. SPEC.md section 1.5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .octets import Refusal, h


def leaf(entry: bytes) -> bytes:
    """The leaf of an entry."""
    return h(b"\x00", entry)


def node(left: bytes, right: bytes) -> bytes:
    """The node over two."""
    return h(b"\x01", left, right)


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over the leaves."""
    return Frontier().extended(leaves).root()


def climb(known: dict[int, bytes], width: int, proof: Sequence[bytes]) -> bytes:
    """The root of `width` leaves to which a multiproof of the known ones leads, every node of it used once."""
    rest = iter(proof)
    while width > 1:
        above: dict[int, bytes] = {}
        for index in sorted(known):
            sibling = index ^ 1
            if sibling in known:
                if index < sibling:
                    above[index // 2] = node(known[index], known[sibling])
            elif sibling >= width:
                above[index // 2] = known[index]
            else:
                read = next(rest, None)
                if read is None:
                    raise Refusal("proof-malformed", "proof")
                pair = (known[index], read) if index < sibling else (read, known[index])
                above[index // 2] = node(*pair)
        known, width = above, (width + 1) // 2
    if next(rest, None) is not None:
        raise Refusal("proof-malformed", "proof")
    return known[0]


def along(own: bytes, place: int, path: Sequence[bytes]) -> bytes:
    """The root to which a path leads, bottom up, where bit i of the place says that the own node is on the right."""
    for height, other in enumerate(path):
        own = node(other, own) if place >> height & 1 else node(own, other)
    return own


def subtrees(first: int, end: int) -> list[int]:
    """Widths of the perfect subtrees that cover leaves `first` to `end` - 1, each the largest aligned one that fits."""
    widths = []
    while first < end:
        fits = 1 << (end - first).bit_length() - 1
        widths.append(min(first & -first or fits, fits))
        first += widths[-1]
    return widths


@dataclass(frozen=True)
class Frontier:
    """Size and right edge of a growing tree: the roots of its perfect subtrees from the left."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def extended(self, leaves: Sequence[bytes]) -> Frontier:
        """The frontier with the leaves behind it."""
        return self.over(leaves, self.size + len(leaves), [1] * len(leaves))

    def grown(self, end: int, nodes: Sequence[bytes]) -> Frontier | None:
        """The frontier at `end`, given the subtrees in between; None if one is spare or missing."""
        widths = subtrees(self.size, end)
        return self.over(nodes, end, widths) if len(widths) == len(nodes) and end >= self.size else None

    def over(self, nodes: Sequence[bytes], end: int, widths: Sequence[int]) -> Frontier:
        """The frontier with aligned subtrees of these widths behind it."""
        size, edge = self.size, list(self.nodes)
        for width, right in zip(widths, nodes, strict=True):
            joined, wide = right, width
            while size & wide:
                joined, size, wide = node(edge.pop(), joined), size - wide, wide * 2
            edge.append(joined)
            size += wide
        return Frontier(end, tuple(edge))

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.nodes:
            return h(b"")
        joined = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            joined = node(left, joined)
        return joined

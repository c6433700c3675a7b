"""The RFC 9162 Merkle tree over SHA-384, with the proofs the format uses.

One tree shape everywhere: batches, directories, accounts, ledger. Leaves come in as hashes (48 bytes); functions that
rebuild a root from a proof refuse a spare or missing node, so one proof has one encoding.
Source: RFC 9162 section 2.1; SPEC.md sections 5 and 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha384

from gateway.core.errors import Refused

EMPTY_ROOT = sha384(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """H(0x00 | entry)."""
    return sha384(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """H(0x01 | left | right)."""
    return sha384(b"\x01" + left + right).digest()


def _level_up(level: Sequence[bytes]) -> list[bytes]:
    above = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        above.append(level[-1])
    return above


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash over leaf hashes; `H("")` when there are none."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        level = _level_up(level)
    return level[0]


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that `path` leads to; refuses `proof-malformed` unless it has exactly the nodes needed."""
    if not 0 <= index < size:
        raise Refused("proof-malformed", f"a leaf index must be below {size}, {index} came", at="inclusion proof")
    nodes = iter(path)
    node = leaf
    width = size
    while width > 1:
        if index ^ 1 < width:
            sibling = next(nodes, None)
            if sibling is None:
                raise Refused("proof-malformed", "an inclusion proof misses a node", at="inclusion proof")
            node = node_hash(sibling, node) if index & 1 else node_hash(node, sibling)
        index, width = index >> 1, (width + 1) >> 1
    if next(nodes, None) is not None:
        raise Refused("proof-malformed", "an inclusion proof has a spare node", at="inclusion proof")
    return node


def multiproof(leaves: Sequence[bytes], known: Iterable[int]) -> list[bytes]:
    """Nodes a reader needs to rebuild the root from the leaves at `known` indexes, in the order it reads them."""
    nodes = []
    level = list(leaves)
    indexes = sorted(set(known))
    while len(level) > 1:
        present = set(indexes)
        nodes += [level[i ^ 1] for i in indexes if i ^ 1 not in present and i ^ 1 < len(level)]
        indexes = sorted({i >> 1 for i in indexes})
        level = _level_up(level)
    return nodes


def root_from_multiproof(known: Mapping[int, bytes], size: int, nodes: Sequence[bytes]) -> bytes:
    """The root of a tree of `size` leaves; refuses `proof-malformed` unless every node is consumed exactly once."""
    if not known or min(known) < 0 or max(known) >= size:
        raise Refused("proof-malformed", f"leaf indexes must be 0 to {size - 1}, and one at least", at="multiproof")
    proof = iter(nodes)
    level = dict(sorted(known.items()))
    width = size
    while width > 1:
        above: dict[int, bytes] = {}
        for index, node in level.items():
            parent = index >> 1
            if parent in above:
                continue
            sibling_index = index ^ 1
            if sibling_index >= width:
                above[parent] = node
                continue
            sibling = level.get(sibling_index) or next(proof, None)
            if sibling is None:
                raise Refused("proof-malformed", "a multiproof misses a node", at="multiproof")
            above[parent] = node_hash(sibling, node) if index & 1 else node_hash(node, sibling)
        level, width = above, (width + 1) >> 1
    if next(proof, None) is not None:
        raise Refused("proof-malformed", "a multiproof has a spare node", at="multiproof")
    return level[0]


class Frontier:
    """The right edge of a growing tree: all a reader keeps to follow it. At most 64 hashes whatever the size."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash."""
        self.append_subtree(0, leaf)

    def append_subtree(self, height: int, node: bytes) -> None:
        """Adds a perfect subtree of 2**height leaves; refuses `proof-malformed` if it is not aligned here."""
        if self.size & ((1 << height) - 1):
            raise Refused("proof-malformed", "a subtree must start at a multiple of its size", at="frontier")
        self.size += 1 << height
        while self._peaks and self._peaks[-1][0] == height:
            node = node_hash(self._peaks.pop()[1], node)
            height += 1
        self._peaks.append((height, node))

    def append_range(self, stop: int, nodes: Sequence[bytes]) -> None:
        """Adds what lies from here to `stop` by its subtrees; refuses `proof-malformed` unless exactly these are given.

        Nothing changes then.
        """
        subtrees = aligned_subtrees(self.size, stop)
        if stop < self.size or len(subtrees) != len(nodes):
            raise Refused(
                "proof-malformed",
                f"from {self.size} to {stop} there must be {len(subtrees)} nodes, {len(nodes)} came",
                at="frontier",
            )
        for (height, _), node in zip(subtrees, nodes, strict=True):
            self.append_subtree(height, node)

    def root(self) -> bytes:
        """Tree hash at the present size."""
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            node = node_hash(left, node)
        return node

    def copy(self) -> Frontier:
        """An independent frontier at the same size."""
        twin = Frontier()
        twin.size, twin._peaks = self.size, list(self._peaks)
        return twin

    def nodes(self) -> list[bytes]:
        """The peaks from the left: together with `size` the whole state."""
        return [node for _, node in self._peaks]

    @classmethod
    def from_nodes(cls, size: int, nodes: Sequence[bytes]) -> Frontier:
        """The frontier that `nodes()` and `size` describe; refuses `proof-malformed` on another count."""
        heights = [h for h in range(size.bit_length() - 1, -1, -1) if size >> h & 1]
        if len(heights) != len(nodes):
            raise Refused("proof-malformed", f"a frontier of size {size} has {len(heights)} nodes", at="frontier")
        frontier = cls()
        frontier.size, frontier._peaks = size, list(zip(heights, nodes, strict=True))
        return frontier


def aligned_subtrees(start: int, stop: int) -> list[tuple[int, int]]:
    """(height, index) of the perfect subtrees covering leaves start..stop, each the largest aligned one that fits."""
    subtrees = []
    while start < stop:
        height = (start & -start).bit_length() - 1 if start else stop.bit_length()
        while 1 << height > stop - start:
            height -= 1
        subtrees.append((height, start >> height))
        start += 1 << height
    return subtrees


class GrowingTree:
    """A tree the gateway appends to and proves from: every perfect subtree's root is kept, 96 bytes a leaf.

    Roots and ranges take an explicit size: the tree may grow while a signature over an older size is in flight.
    """

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0]) // 48

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash."""
        height = 0
        node = leaf
        index = self.size
        self._levels[0] += node
        while index & 1:
            node = node_hash(self.subtree(height, index - 1), node)
            height, index = height + 1, index >> 1
            if height == len(self._levels):
                self._levels.append(bytearray())
            self._levels[height] += node

    def subtree(self, height: int, index: int) -> bytes:
        """Root of the perfect subtree number `index` of 2**height leaves."""
        return bytes(self._levels[height][index * 48 : index * 48 + 48])

    def leaves(self, start: int, stop: int) -> list[bytes]:
        """Leaf hashes start..stop."""
        return [self.subtree(0, i) for i in range(start, stop)]

    def range_nodes(self, start: int, stop: int) -> list[bytes]:
        """Roots of `aligned_subtrees(start, stop)`: what a reader at `start` appends to be at `stop`."""
        return [self.subtree(height, index) for height, index in aligned_subtrees(start, stop)]

    def root(self, size: int) -> bytes:
        """Tree hash over the first `size` leaves."""
        frontier = Frontier.from_nodes(size, self.range_nodes(0, size))
        return frontier.root()

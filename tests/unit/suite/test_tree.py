"""The tree: the shape of RFC 9162, proofs that are consumed exactly, and three ways to grow that agree."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.suite import tree
from gateway.core.suite.tree import Frontier, GrowingTree

sizes = st.integers(1, 40)


def _leaves(size: int) -> list[bytes]:
    return [tree.leaf_hash(b"%d" % number) for number in range(size)]


def _naive(entries: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if not entries:
        return hashlib.sha384(b"").digest()
    if len(entries) == 1:
        return hashlib.sha384(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha384(b"\x01" + _naive(entries[:k]) + _naive(entries[k:])).digest()


def _root_or_none(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    try:
        return tree.root_from_path(leaf, index, size, path)
    except Refused:
        return None


def _grown(size: int) -> tuple[GrowingTree, Frontier]:
    growing, frontier = GrowingTree(), Frontier()
    for leaf in _leaves(size):
        growing.append(leaf)
        frontier.append(leaf)
    return growing, frontier


@given(st.integers(0, 70))
def test_every_way_to_a_root_is_that_of_the_rfc(size: int) -> None:
    """Levels, a growing tree and a frontier are three implementations of one definition."""
    growing, frontier = _grown(size)

    expected = _naive([b"%d" % number for number in range(size)])

    assert tree.tree_root(_leaves(size)) == growing.root(size) == frontier.root() == expected
    assert (growing.size, frontier.size) == (size, size)


@given(sizes, st.data())
def test_an_inclusion_path_leads_to_the_root_and_no_other_index_or_size_uses_it(size: int, data: st.DataObject) -> None:
    """A path proves one leaf at one place."""
    index = data.draw(st.integers(0, size - 1))
    leaves = _leaves(size)
    root, path = tree.tree_root(leaves), tree.multiproof(leaves, [index])

    assert tree.root_from_path(leaves[index], index, size, path) == root
    for other in range(size):
        if other != index:
            assert _root_or_none(leaves[index], other, size, path) != root


@pytest.mark.must("1.5.1")
@given(sizes, st.data())
def test_an_inclusion_path_is_consumed_exactly(size: int, data: st.DataObject) -> None:
    """A spare node and a missing one are refused: one proof has one encoding."""
    index = data.draw(st.integers(0, size - 1))
    leaves = _leaves(size)
    path = tree.multiproof(leaves, [index])

    with pytest.raises(Refused, match="spare"):
        tree.root_from_path(leaves[index], index, size, [*path, bytes(48)])
    if path:
        with pytest.raises(Refused, match="misses"):
            tree.root_from_path(leaves[index], index, size, path[:-1])


@pytest.mark.must("1.5.2")
@pytest.mark.parametrize("index", [-1, 3, 4])
def test_a_path_for_an_index_outside_the_tree_is_refused(index: int) -> None:
    """The index is checked before any node is hashed."""
    with pytest.raises(Refused, match="below 3"):
        tree.root_from_path(bytes(48), index, 3, [])


@pytest.mark.must("1.5.1")
@given(sizes, st.data())
def test_a_multiproof_leads_to_the_root_and_is_consumed_exactly(size: int, data: st.DataObject) -> None:
    """Whatever is shown, the source's own root is found; a spare or missing node is refused."""
    known = data.draw(st.sets(st.integers(0, size - 1), min_size=1))
    leaves = _leaves(size)
    shown = {index: leaves[index] for index in known}
    nodes = tree.multiproof(leaves, known)

    assert tree.root_from_multiproof(shown, size, nodes) == tree.tree_root(leaves)
    with pytest.raises(Refused, match="spare"):
        tree.root_from_multiproof(shown, size, [*nodes, bytes(48)])
    if nodes:
        with pytest.raises(Refused, match="misses"):
            tree.root_from_multiproof(shown, size, nodes[:-1])
        flipped = [bytes([nodes[0][0] ^ 1]) + nodes[0][1:], *nodes[1:]]
        assert tree.root_from_multiproof(shown, size, flipped) != tree.tree_root(leaves)


@pytest.mark.must("1.5.2")
@pytest.mark.parametrize("known", [{}, {-1: bytes(48)}, {3: bytes(48)}])
def test_a_multiproof_for_no_leaf_or_one_outside_the_tree_is_refused(known: dict[int, bytes]) -> None:
    """N comes from the signed batch, so no index lies beyond it."""
    with pytest.raises(Refused, match="0 to 2"):
        tree.root_from_multiproof(known, 3, [])


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_reader_that_appends_the_range_nodes_is_where_the_gateway_is(start: int, more: int) -> None:
    """Catching up over any gap costs a few hashes and leads to the same root."""
    stop = start + more
    growing, _ = _grown(stop)
    frontier = Frontier()
    for leaf in _leaves(start):
        frontier.append(leaf)

    for (height, _), node in zip(tree.aligned_subtrees(start, stop), growing.range_nodes(start, stop), strict=True):
        frontier.append_subtree(height, node)

    assert (frontier.size, frontier.root()) == (stop, growing.root(stop))
    assert growing.leaves(start, stop) == _leaves(stop)[start:]


@given(st.integers(0, 200), st.integers(0, 200))
def test_aligned_subtrees_cover_a_range_once_each_as_large_as_fits(start: int, more: int) -> None:
    """There is one way to cover a range, so a spare or finer node is seen."""
    stop, at = start + more, start

    for height, index in tree.aligned_subtrees(start, stop):
        width = 1 << height
        assert at == index * width
        assert at + width <= stop
        assert at % (2 * width) or at + 2 * width > stop
        at += width
    assert at == stop


def test_a_root_of_an_earlier_size_does_not_change_as_the_tree_grows() -> None:
    """A signature over an older size may be in flight while leaves arrive."""
    growing, _ = _grown(5)
    before = [growing.root(size) for size in range(6)]

    for leaf in _leaves(9)[5:]:
        growing.append(leaf)

    assert [growing.root(size) for size in range(6)] == before


def test_a_subtree_that_is_not_aligned_is_refused() -> None:
    """A pair of leaves cannot start at an odd place."""
    frontier = Frontier()
    frontier.append(bytes(48))

    with pytest.raises(Refused, match="multiple of its size"):
        frontier.append_subtree(1, bytes(48))


@given(st.integers(0, 70), st.integers(0, 5))
def test_a_frontier_is_the_same_after_it_was_kept(size: int, more: int) -> None:
    """Size and nodes are the whole state, and a copy is independent of its original."""
    _, frontier = _grown(size)
    root = frontier.root()
    again, twin = Frontier.from_nodes(frontier.size, frontier.nodes()), frontier.copy()

    for number in range(more):
        again.append(tree.leaf_hash(b"more %d" % number))
        frontier.append(tree.leaf_hash(b"more %d" % number))

    assert again.root() == frontier.root()
    assert (twin.root(), twin.size) == (root, size)


@pytest.mark.parametrize(("size", "count"), [(0, 1), (3, 1), (4, 2)])
def test_a_kept_frontier_with_another_count_of_nodes_is_refused(size: int, count: int) -> None:
    """The size says how many peaks there are."""
    with pytest.raises(Refused, match=f"a frontier of size {size}"):
        Frontier.from_nodes(size, [bytes(48)] * count)


@pytest.mark.must("13.1.11")
@given(st.integers(0, 40), st.integers(0, 40))
def test_a_range_of_a_tree_is_passed_over_by_its_subtrees(start: int, more: int) -> None:
    """Exactly the nodes that lie between lead on; one less, one more or a step back is refused and changes nothing."""
    whole, frontier = GrowingTree(), Frontier()
    for number, leaf in enumerate(_leaves(start + more)):
        whole.append(leaf)
        if number < start:
            frontier.append(leaf)
    stop = start + more
    nodes = whole.range_nodes(start, stop)

    for wrong, end in (([*nodes, bytes(48)], stop), (nodes[1:] if nodes else [bytes(48)], stop), (nodes, start - 1)):
        with pytest.raises(Refused, match="proof-malformed"):
            frontier.append_range(end, wrong)
    frontier.append_range(stop, nodes)

    assert (frontier.size, frontier.root()) == (stop, whole.root(stop))

"""Suite 1 and its trees make the recorded bytes."""

from __future__ import annotations

import pytest

from gateway.core.control.agreement import Agreement
from gateway.core.sealing.body import padded_length
from gateway.core.suite import tree
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.keys import key_digest, key_id
from tests.reference import recorded

SIGNERS = (
    "officer-1",
    "officer-2",
    "recovery-1",
    "source",
    "partner-sign",
    "gateway-stream",
    "gateway-ledger",
    "officer-3",
)
SEALED_TO = ("gateway-ingest", "partner-kem", "ephemeral")


@pytest.mark.parametrize("name", SIGNERS)
def test_a_signing_key_of_fixed_seeds_has_the_recorded_public_half_and_digest(name: str) -> None:
    """Both halves stand in the public key, in the order of the format."""
    key = recorded.signing_key(name)

    assert key.public_key == recorded.octets(f"keys.{name}")
    assert key.key_digest == recorded.octets(f"keys.{name}_digest") == key_digest(key.public_key)
    assert key.key_id == key.key_digest[:16] == key_id(key.public_key) == recorded.verify_key(name).key_id


@pytest.mark.parametrize("name", SEALED_TO)
def test_a_kem_key_of_fixed_seeds_has_the_recorded_public_half_and_digest(name: str) -> None:
    """A KEM key is named the same way as a signing key."""
    key = recorded.kem_key(name)

    assert key.public_key == recorded.octets(f"keys.{name}")
    assert key.key_digest == recorded.octets(f"keys.{name}_digest")
    assert key.key_id == key.key_digest[:16]


def test_trees_of_every_small_size_have_the_recorded_roots() -> None:
    """The RFC 9162 shape, by levels, from a growing tree and from a frontier."""
    leaves = recorded.fields("trees.leaves")
    growing, frontier = tree.GrowingTree(), tree.Frontier()

    for size, root in enumerate(recorded.fields("trees.roots")):
        assert tree.tree_root(leaves[:size]) == root == growing.root(size) == frontier.root()
        if size < len(leaves):
            growing.append(leaves[size])
            frontier.append(leaves[size])

    assert leaves[3] == tree.leaf_hash(b"3")


@pytest.mark.parametrize("name", [name for name in recorded.names() if name.startswith("trees.multiproof_")])
def test_multiproofs_have_the_recorded_nodes_and_lead_to_the_root(name: str) -> None:
    """Nodes stand level by level, known indexes ascending."""
    size, _, *known = name.removeprefix("trees.multiproof_").split("_")
    leaves = recorded.fields("trees.leaves")[: int(size)]
    indexes = [int(index) for index in known]

    nodes = tree.multiproof(leaves, indexes)

    assert nodes == recorded.fields(name)
    shown = {index: leaves[index] for index in indexes}
    assert tree.root_from_multiproof(shown, len(leaves), nodes) == recorded.fields("trees.roots")[len(leaves)]


def test_perfect_subtrees_cover_the_recorded_ranges() -> None:
    """Each is the largest aligned one that fits."""
    for start, end, ranges in recorded.value("trees.subtrees"):
        made = tree.aligned_subtrees(start, end)
        assert [[index << height, (index + 1) << height] for height, index in made] == ranges


def test_text_digests_and_padded_lengths_are_the_recorded_ones() -> None:
    """An agreement is named by its id and its bytes; a body's length tells little."""
    text = recorded.octets("control.text")

    assert text_digest("UA-US-2026-014", text) == recorded.octets("control.text_digest")
    agreement = Agreement.parse(recorded.octets("control.agreement"))
    assert agreement.digest == recorded.octets("control.agreement_digest")
    assert [[n, padded_length(n)] for n, _ in recorded.value("frame.padme")] == recorded.value("frame.padme")

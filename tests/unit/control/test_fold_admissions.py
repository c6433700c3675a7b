"""Laws of the fold: who may be admitted, what may be agreed, and how both are stopped."""

from __future__ import annotations

import pytest

from gateway.core.control.enrolment import Bundle, make_bundle
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import Role, StatementKind
from tests.unit.control.given import ROOT_OF, digest_of, kem_key, signing_key
from tests.unit.control.world import (
    GUIDE,
    UKR,
    UKR_2,
    World,
    a_world,
    agreement_text,
    gateway_bundle,
    partner_bundle,
    partner_text,
    source_bundle,
    source_text,
)


def refusal(world: World, kind: StatementKind, body: bytes, *attachments: bytes) -> str:
    """The code with which the gateway refuses a statement signed by the quorum."""
    with pytest.raises(GatewayError) as caught:
        world.control.apply(world.entry(kind, body, *attachments))
    return caught.value.code


def test_an_admitted_party_is_found_by_name() -> None:
    """The gateway knows a party by what operators signed, and by nothing else."""
    control = a_world().control

    assert control.source("src-3f07").public_key == signing_key("src-3f07").public_key
    assert control.partner("usa/arl").sign_key == signing_key("usa/arl").public_key
    assert control.partner("usa/arl").kem_key == kem_key("usa/arl").public_key
    assert control.agreement("UA-US-2026-014").partner_id == "usa/arl"


def test_nobody_else_is_found() -> None:
    """Unknown means no."""
    control = a_world().control
    asked = {
        "source-unknown": [lambda: control.source("usa/arl")],
        "partner-unknown": [lambda: control.partner("src-3f07")],
        "agreement-unknown": [lambda: control.agreement("UA-1")],
    }

    for code, questions in asked.items():
        for question in questions:
            with pytest.raises(GatewayError) as caught:
                question()
            assert caught.value.code == code


@pytest.mark.must("2.4.6")
def test_an_id_is_never_used_again() -> None:
    """Who reads an old disclosure must know whom it names."""
    world = a_world()
    world.apply(StatementKind.END, b'agreement = "UA-US-2026-014"\nreason = "over"\n')
    other = source_text(identity="spiffe://ua.example/source/other")
    british = partner_text(clearance='[clearance.UKR]\nlevel = "T"\nREL = ["GBR"]\n').replace(b'"USA"', b'"GBR"')

    assert refusal(world, StatementKind.SOURCE, other, source_bundle().encoded) == "id-reused"
    assert refusal(world, StatementKind.PARTNER, british, partner_bundle().encoded) == "id-reused"
    assert refusal(world, StatementKind.AGREEMENT, agreement_text()) == "id-reused"
    assert refusal(world, StatementKind.GUIDE, GUIDE) == "id-reused"
    assert refusal(world, StatementKind.VOCABULARY, UKR) == "id-reused"


def source_with(key: str) -> tuple[bytes, bytes]:
    """A SOURCE of a new name whose key is the one of that name, and its bundle."""
    bundle = make_bundle("src-new", {Role.SOURCE: signing_key(key)}, {}, b"")
    return source_text("src-new", key=key), bundle.encoded


@pytest.mark.must("2.4.7")
@pytest.mark.parametrize("owner", ["officer-1", "vault-1", "src-91c2", "usa/arl", "stream", "ledger"])
def test_a_key_has_one_purpose(owner: str) -> None:
    """A source that signs with an operator's key could be read as an operator."""
    world = a_world()

    assert refusal(world, StatementKind.SOURCE, *source_with(owner)) == "key-reused"


@pytest.mark.must("2.4.7")
def test_a_sealing_key_has_one_owner() -> None:
    """What is sealed to one partner must not open at another."""
    world = a_world()
    sealing = {Role.PARTNER_KEM: kem_key("usa/arl").public_key}
    bundle = make_bundle("usa/two", {Role.PARTNER_SIGN: signing_key("usa/two")}, sealing, b"")
    text = partner_text("usa/two", kem_key=kem_key("usa/arl").key_digest.hex())

    assert refusal(world, StatementKind.PARTNER, text, bundle.encoded) == "key-reused"


BUNDLES = {
    "another source's": source_bundle("src-other"),
    "another source's with the same key": source_bundle("src-other", "src-new"),
    "another key's": source_bundle("src-new", "src-other"),
    "a partner's": partner_bundle("usa/arl"),
    "a gateway's": gateway_bundle(),
}


@pytest.mark.must("2.10.4")
@pytest.mark.parametrize("whose", BUNDLES)
def test_the_bundle_beside_an_admission_is_the_one_that_was_signed(whose: str) -> None:
    """Operators signed a digest; another key beside it is a key exchanged on the way."""
    bundle: Bundle = BUNDLES[whose]

    assert refusal(a_world(), StatementKind.SOURCE, source_text("src-new"), bundle.encoded) == "bundle-mismatch"


@pytest.mark.must("2.10.3")
def test_a_bundle_without_possession_admits_nobody() -> None:
    """A party must hold the key that is admitted for it."""
    damaged = bytearray(source_bundle("src-new").encoded)
    damaged[-1] ^= 1

    assert refusal(a_world(), StatementKind.SOURCE, source_text("src-new"), bytes(damaged)) == "bundle-signature"


@pytest.mark.must("2.10.4")
def test_a_partner_brings_both_its_keys() -> None:
    """Exchanging the sealing key would open every frame to someone else."""
    world = a_world()
    sealing = {Role.PARTNER_KEM: kem_key("thief").public_key}
    bundle = make_bundle("usa/two", {Role.PARTNER_SIGN: signing_key("usa/two")}, sealing, b"")

    assert refusal(world, StatementKind.PARTNER, partner_text("usa/two"), bundle.encoded) == "bundle-mismatch"


@pytest.mark.must("2.4.9")
def test_a_root_is_bound_to_one_trust_domain() -> None:
    """The root of one party must not be able to name another."""
    world = a_world()
    text = source_text("src-new", root=ROOT_OF["usa.example"])

    assert refusal(world, StatementKind.SOURCE, text, source_bundle("src-new").encoded) == "root-bound"


def test_a_trust_domain_may_have_a_second_root() -> None:
    """Roots are renewed before the old one expires."""
    world = a_world()

    world.source("src-new", root="99" * 32)

    assert world.control.source("src-new").admission.binding.root == "99" * 32


@pytest.mark.must("2.4.8")
def test_an_identity_belongs_to_one_party() -> None:
    """One certificate must not be two parties."""
    world = a_world()
    text = source_text("src-new", identity="spiffe://ua.example/source/src-3f07")

    assert refusal(world, StatementKind.SOURCE, text, source_bundle("src-new").encoded) == "identity-taken"


@pytest.mark.must("2.5.3")
def test_a_clearance_is_under_a_vocabulary_in_force() -> None:
    """A level nobody has defined is no level."""
    world = World()

    assert refusal(world, StatementKind.PARTNER, partner_text(), partner_bundle().encoded) == "clearance"
    world.apply(StatementKind.VOCABULARY, UKR)
    world.partner()
    assert "usa/arl" in world.control.partners


@pytest.mark.must("2.5.5")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": '"deu/wtd81"'}, "partner-unknown"),
        ({"sources": '["src-3f07", "src-none"]'}, "source-unknown"),
        ({"ceiling": '"SECRET"'}, "text-value"),
        ({"modes": '["REAL", "TEST"]'}, "agreement-contradiction"),
    ],
)
def test_an_agreement_is_with_parties_that_are_there(change: dict[str, str], code: str) -> None:
    """A permit for someone who may be admitted later is a permit nobody weighed."""
    assert refusal(a_world(), StatementKind.AGREEMENT, agreement_text(id='"UA-1"', **change)) == code


def test_an_agreement_may_be_on_all_sources() -> None:
    """Sources admitted later are inside it, and the text says so."""
    world = a_world()

    world.apply(StatementKind.AGREEMENT, agreement_text(id='"UA-1"', sources='"all"'))

    assert world.control.agreement("UA-1").sources == "all"


@pytest.mark.must("2.4.10")
def test_an_agreement_ends_once_and_for_ever() -> None:
    """Its id stays taken, so what was disclosed under it stays readable."""
    world = a_world()
    end = b'agreement = "UA-US-2026-014"\nreason = "over"\n'
    world.apply(StatementKind.END, end, by=("officer-3",))

    assert world.control.ended == {"UA-US-2026-014"}
    assert refusal(world, StatementKind.END, end) == "nothing-to-change"
    assert refusal(world, StatementKind.END, b'agreement = "UA-1"\nreason = "over"\n') == "agreement-unknown"


@pytest.mark.must("9.2.2")
@pytest.mark.parametrize(
    "text",
    [
        UKR + "# \u202e\n".encode(),
        b".".join([b"a"] * 30_000) + b" = 1\n",
        UKR.replace(b"\n", b"\r\n"),
        UKR + b"[[",
        UKR + b"# \xff\n",
        UKR.replace(b'short = "', b'short = "\\u202e', 1),
    ],
    ids=["a hidden character", "a line that takes seconds", "CR", "no TOML", "no UTF-8", "a hidden character, escaped"],
)
def test_a_vocabulary_is_refused_by_one_name_whatever_is_wrong(text: bytes) -> None:
    """It is stricter than all other texts: what they may not hold it may not either, and its reader says one thing."""
    assert text != UKR
    assert refusal(World(), StatementKind.VOCABULARY, text) == "vocabulary"


def test_a_guide_replaces_the_one_before() -> None:
    """One guide is in force."""
    world = a_world()
    world.apply(StatementKind.VOCABULARY, UKR_2)
    world.apply(StatementKind.GUIDE, GUIDE.replace(b"UAS-2026-2", b"UAS-2026-3").replace(b"UKR.1", b"UKR.2"))

    assert world.control.guide is not None
    assert world.control.guide.id == "UAS-2026-3"
    assert world.control.guide.vocabulary.name == "UKR.2"
    assert refusal(world, StatementKind.GUIDE, GUIDE) == "id-reused"


@pytest.mark.parametrize("target", ["partner/usa/arl", "source/src-3f07"])
def test_a_suspension_stops_one_party_until_it_is_lifted(target: str) -> None:
    """One person stops, two persons start again."""
    world = a_world()

    world.suspend(target)
    stopped = world.control
    world.lift(target)

    assert stopped.is_suspended(target)
    assert stopped.suspended == {target}
    assert not world.control.is_suspended(target)


@pytest.mark.must("2.7.1")
@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("partner/deu/wtd81", "partner-unknown"),
        ("source/src-none", "source-unknown"),
        ("source/usa/arl", "source-unknown"),
    ],
)
def test_a_suspension_of_nobody_is_refused(target: str, code: str) -> None:
    """An officer who misspells a name must not believe that someone is stopped."""
    assert refusal(a_world(), StatementKind.SUSPEND, f'target = "{target}"\nreason = "x"\n'.encode()) == code


@pytest.mark.must("2.4.10")
def test_a_statement_changes_something() -> None:
    """A suspension twice, or a lift of what stands, is a misunderstanding."""
    world = a_world()
    suspend = b'target = "partner/usa/arl"\nreason = "x"\n'
    proposal = f'target = "proposal/{"ab" * 48}"\nreason = "x"\n'.encode()

    assert refusal(world, StatementKind.LIFT, suspend) == "nothing-to-change"
    assert refusal(world, StatementKind.LIFT, proposal) == "nothing-to-change"
    world.suspend()
    assert refusal(world, StatementKind.SUSPEND, suspend) == "nothing-to-change"


@pytest.mark.must("2.4.1")
def test_a_text_that_is_not_understood_changes_nothing() -> None:
    """The gateway applies what it fully understands."""
    world = a_world()

    for kind in (StatementKind.AGREEMENT, StatementKind.GUIDE, StatementKind.VOCABULARY, StatementKind.LIFT):
        assert refusal(world, kind, b'unknown = "key"\n') in {"text-unknown-key", "vocabulary"}
    text = source_text("src-new") + b'also = "this"\n'
    assert refusal(world, StatementKind.SOURCE, text, source_bundle("src-new").encoded) == "text-unknown-key"
    assert digest_of("src-new") not in str(world.control.sources)

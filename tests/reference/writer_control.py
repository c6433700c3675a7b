"""Section 2 of the format: statements, endorsements, the directory, the enrolment bundle."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.writer_octets import (
    SUITE,
    ZERO,
    Fields,
    KemKey,
    SigningKey,
    Vectors,
    fixed,
    h,
    leaf,
    lp8,
    lp16,
    lp32,
    multiproof,
    opened,
    tag,
    tree_root,
    u8,
    u16,
    u32,
    u64,
)

GENESIS, ROSTER_PROPOSE, ROSTER, DIRECTORY, REDATE, SOURCE, SUSPEND, RESTORE = 1, 2, 3, 5, 6, 7, 17, 23
NOW = 1_780_000_000_000
HOUR = 3_600_000

SIGNERS = (
    "officer-1",
    "officer-2",
    "recovery-1",
    "source",
    "partner-sign",
    "gateway-stream",
    "gateway-ledger",
    "officer-3",
    "source-2",
)
SEALED_TO = ("gateway-ingest", "partner-kem", "ephemeral")
ROLES = {
    "source": 1,
    "gateway-stream": 2,
    "gateway-ledger": 3,
    "gateway-ingest": 4,
    "partner-kem": 5,
    "partner-sign": 6,
}

ROSTER_TEXT = """quorum = 2
wait_hours = 24
recovery_quorum = 1

[[operator]]
id = "officer-1"
person = "person-1"
key = "{0}"

[[operator]]
id = "officer-2"
person = "person-2"
key = "{1}"

[[recovery]]
id = "recovery-1"
key = "{2}"
"""
SOURCE_TEXT = """id = "src-3f07"
identity = "spiffe://unit.example/source/src-3f07"
root = "{root}"
key = "{key}"
scope = "tactic//SIMULATED"
"""
SUSPEND_TEXT = """target = "partner/usa/arl"
reason = "key held by one person only"
"""
AGREEMENT_TEXT = """id        = "UA-US-2026-014"
from      = "ua/mod"
to        = "usa/arl"
basis     = "MoU 2026-05-11, annex B"
starts    = 2026-05-01
ends      = 2027-06-30
kinds     = ["tactic"]
modes     = ["SIMULATED"]
sources   = ["src-3f07"]
ceiling   = "T"
purpose   = "EVALUATE"
onward    = "no"
origin    = "hidden"
delay_h   = 0
accounts_shown_to_sources = "amounts-and-partner"
"""
AGREEMENT_ID = b"UA-US-2026-014"
AGREEMENT_DIGEST = h(tag("text") + SUITE + lp8(AGREEMENT_ID) + AGREEMENT_TEXT.encode())
SUBJECTS = {"source": "src-3f07", "partner-kem": "usa/arl", "partner-sign": "usa/arl"}


@dataclass(frozen=True)
class World:
    """What every other structure names: the keys, the genesis, the directory's root and the last statement."""

    signers: dict[str, SigningKey]
    sealed_to: dict[str, KemKey]
    genesis: bytes
    directory_root: bytes
    statements: _Statements

    @property
    def position(self) -> int:
        """Position of the last statement."""
        return self.statements.position - 1

    @property
    def applied(self) -> int:
        """How many statements have been applied: the position of CONTROL."""
        return self.statements.position

    @property
    def link(self) -> bytes:
        """Link of the last statement."""
        return self.statements.previous


def write_control(vectors: Vectors) -> World:
    """Two operators found a gateway, endorse its keys, admit a source, re-date, suspend and restore."""
    signers = {name: SigningKey(name) for name in SIGNERS}
    sealed_to = {name: KemKey(name) for name in SEALED_TO}
    _write_keys(vectors, signers, sealed_to)
    statements = _Statements(vectors, signers)
    roster = ROSTER_TEXT.format(*(signers[name].digest.hex() for name in SIGNERS[:3]))
    statements.add("genesis", GENESIS, roster.encode(), ("officer-1", "officer-2"))

    publics = {name: (signers | sealed_to)[name] for name in ROLES}
    endorsements = _write_endorsements(vectors, {name: key.digest for name, key in publics.items()})
    leaves = [leaf(endorsement) for endorsement in endorsements]
    first = _directory(vectors, "dir", 1, leaves, NOW)
    statements.add("directory", DIRECTORY, first, ("officer-1", "officer-2"))
    redated = _directory(vectors, "dir_redated", 2, leaves, NOW + 24 * HOUR)
    statements.add("redate", REDATE, redated, ("officer-2",))

    proofs = []
    for index, (endorsement, key) in enumerate(zip(endorsements, publics.values(), strict=True)):
        nodes = multiproof(leaves, [index])
        proofs.append(
            u32(index) + lp16(endorsement) + lp32(key.public) + u8(len(nodes)) + b"".join(nodes),
        )
    sent = [
        lp32(statements.made[name]) + lp32(statements.signatures[name]) for name in ("genesis", "directory", "redate")
    ]
    vectors.fields(
        "control.directory_message",
        [
            ("statement count", u16(len(sent))),
            *((f"statement {i} and its signatures", octets) for i, octets in enumerate(sent)),
            ("endorsement count", u16(len(proofs))),
            *((f"endorsement {i} with key and proof", octets) for i, octets in enumerate(proofs)),
        ],
    )

    source_text = SOURCE_TEXT.format(root=h(b"a root certificate")[:32].hex(), key=signers["source"].digest.hex())
    statements.add("source", SOURCE, source_text.encode(), ("officer-1", "officer-2"))
    statements.add("suspend", SUSPEND, SUSPEND_TEXT.encode(), ("officer-1",))
    vectors.fields(
        "control.entry_suspend",
        [
            ("St", lp32(statements.made["suspend"])),
            ("sigs", lp32(statements.signatures["suspend"])),
            ("attachment count", u16(0)),
            ("applied_at", u64(NOW + 4 * HOUR + 60_000)),
        ],
    )
    _write_bundle(vectors, signers, sealed_to)
    text = b"from = 2026-06-01\n"
    vectors.octets("control.text", text)
    vectors.octets("control.text_digest", h(tag("text") + SUITE + lp8(AGREEMENT_ID) + text))
    vectors.octets("control.agreement", AGREEMENT_TEXT.encode())
    vectors.octets("control.agreement_digest", AGREEMENT_DIGEST)
    return World(signers, sealed_to, statements.genesis, tree_root(leaves), statements)


def write_restore(vectors: Vectors, world: World, last_tick: bytes) -> None:
    """A restore that names the tick it kept, and its entry; then another roster, a day after its proposal."""
    body = vectors.fields(
        "control.restore_body",
        [
            ("old incarnation", fixed("incarnation", 16)),
            ("new incarnation", fixed("incarnation after restore", 16)),
            ("last tick kept", u64(6)),
            ("H(K of that tick)", last_tick),
        ],
    )
    world.statements.add("restore", RESTORE, body, ("officer-1", "officer-2"))
    vectors.fields("ledger.entry_restore", [*opened("restore"), ("body of the RESTORE", body)])
    members = ("officer-1", "officer-3", "recovery-1")
    following = ROSTER_TEXT.format(*(world.signers[name].digest.hex() for name in members))
    following = following.replace("officer-2", "officer-3").replace("person-2", "person-3")
    world.statements.add("roster_proposal", ROSTER_PROPOSE, following.encode(), ("officer-1", "officer-2", "officer-3"))
    named = f'proposal = "{world.statements.previous.hex()}"\n'
    world.statements.add("roster", ROSTER, named.encode(), ("officer-1", "officer-2"), later=24 * HOUR)


def write_profile(vectors: Vectors) -> None:
    """What the words of a source's profile are over: everything but its certificate."""
    roster, admission = (dict(vectors.parts(f"control.{name}_statement"))["body"] for name in ("genesis", "source"))
    statement, signatures = (vectors.made(f"control.genesis_{part}") for part in ("statement", "signatures"))
    hashed = vectors.fields(
        "profile.hashed",
        [
            *opened("profile"),
            ("role", lp8(b"source")),
            ("id", lp8(b"src-3f07")),
            ("keys", lp8(b"src-3f07")),
            ("endpoint", lp8(b"gw.example:8443")),
            ("server", lp8(b"spiffe://gw.example/gateway")),
            ("roots", lp32(b"certificates of the roots in PEM")),
            ("genesis statement", lp32(statement)),
            ("genesis signatures", lp32(signatures)),
            ("roster_link", vectors.made("control.genesis_link")),
            ("roster_text", roster),
            ("admission", admission),
            ("agreement count", u16(0)),
            ("guide", lp32(b"")),
            ("vocabulary count", u16(1)),
            ("vocabulary name", lp8(b"UKR.1")),
            ("vocabulary digest", fixed("a vocabulary's text digest", 48)),
        ],
    )
    vectors.octets("profile.digest", h(hashed))


def write_card(vectors: Vectors, world: World) -> None:
    """What brings an operator's key to the others before the first roster."""
    key = world.signers["officer-1"]
    signed: Fields = [
        *opened("operator"),
        ("operator_id", lp8(b"officer-1")),
        ("public key", lp16(key.public)),
        ("certificate request", lp16(b"a certificate request in DER")),
    ]
    octets = b"".join(part for _, part in signed)
    signature = vectors.sign("control.card_signature", key, "operator", octets)
    vectors.fields("control.card", [*signed, ("sig", signature)])


def _write_keys(vectors: Vectors, signers: dict[str, SigningKey], sealed_to: dict[str, KemKey]) -> None:
    for name, key in {**signers, **sealed_to}.items():
        halves = ("ML-DSA-87", "Ed25519") if isinstance(key, SigningKey) else ("ML-KEM-1024", "P-384")
        vectors.fields(
            f"keys.{name}_seeds", [(f"{half} seed", seed) for half, seed in zip(halves, key.seeds, strict=True)]
        )
        split = 2592 if isinstance(key, SigningKey) else 1568
        vectors.fields(f"keys.{name}", [(halves[0], key.public[:split]), (halves[1], key.public[split:])])
        vectors.octets(f"keys.{name}_digest", key.digest)


class _Statements:
    """The chain: each statement names the link of the one before it."""

    def __init__(self, vectors: Vectors, signers: dict[str, SigningKey]) -> None:
        self._vectors = vectors
        self._signers = signers
        self.made: dict[str, bytes] = {}
        self.signatures: dict[str, bytes] = {}
        self.genesis = ZERO
        self.previous = ZERO
        self.position = 0

    def add(self, name: str, kind: int, body: bytes, signed_by: tuple[str, ...], *, later: int = 0) -> None:
        """The next statement, proposed an hour after the one before and `later` milliseconds more."""
        proposed_at = NOW + self.position * HOUR + later
        statement = self._vectors.fields(
            f"control.{name}_statement",
            [
                *opened("statement"),
                ("genesis", self.genesis),
                ("position", u64(self.position)),
                ("prev", self.previous),
                ("roster", self.genesis),
                ("kind", u8(kind)),
                ("body", lp32(body)),
                ("proposed_at", u64(proposed_at)),
                ("expires_at", u64(proposed_at + 72 * HOUR)),
            ],
        )
        keys = sorted((self._signers[who].id, who) for who in signed_by)
        fields: Fields = [("count", u8(len(keys)))]
        for _, who in keys:
            key = self._signers[who]
            signature = self._vectors.sign(f"control.{name}_signature_{who}", key, "statement", statement)
            fields += [(f"key of {who}", lp16(key.public)), (f"signature of {who}", signature)]
        self.signatures[name] = self._vectors.fields(f"control.{name}_signatures", fields)
        self.made[name] = statement
        self.previous = h(tag("statement-link") + SUITE + statement)
        self._vectors.octets(f"control.{name}_link", self.previous)
        if self.position == 0:
            self.genesis = self.previous
        self.position += 1


def _write_endorsements(vectors: Vectors, digests: dict[str, bytes]) -> list[bytes]:
    made = []
    for name, digest in digests.items():
        fields: Fields = [
            *opened("endorse"),
            ("salt", fixed(f"endorse salt {name}", 32)),
            ("role", u8(ROLES[name])),
            ("subject_id", lp8(SUBJECTS.get(name, "gateway").encode())),
            ("key_digest", digest),
            ("valid_from", u64(NOW - HOUR)),
            ("valid_to", u64(NOW + 365 * 24 * HOUR)),
            ("scope", lp16(b"tactic//SIMULATED" if name == "source" else b"")),
            ("state", u8(1)),
        ]
        made.append(vectors.fields(f"control.endorsement_{name}", fields))
    return made


def _directory(vectors: Vectors, name: str, dir_no: int, leaves: list[bytes], at: int) -> bytes:
    return vectors.fields(
        f"control.{name}",
        [
            ("dir_no", u64(dir_no)),
            ("base_no", u64(1)),
            ("size", u32(len(leaves))),
            ("root", tree_root(leaves)),
            ("issued_at", u64(at)),
            ("expires_at", u64(at + 7 * 24 * HOUR)),
        ],
    )


def _write_bundle(vectors: Vectors, signers: dict[str, SigningKey], sealed_to: dict[str, KemKey]) -> None:
    claimed: list[tuple[str, SigningKey | KemKey]] = [
        ("partner-kem", sealed_to["partner-kem"]),
        ("partner-sign", signers["partner-sign"]),
    ]
    fields: Fields = [*opened("enrol"), ("subject_id", lp8(b"usa/arl")), ("key count", u8(len(claimed)))]
    for name, key in claimed:
        fields += [(f"role {name}", u8(ROLES[name])), (f"key {name}", lp16(key.public))]
    fields.append(("certificate request", lp16(b"a certificate request in DER")))
    signed = vectors.fields("control.enrolment_signed", fields)
    signature = vectors.sign("control.enrolment_signature", signers["partner-sign"], "enrol", signed)
    vectors.octets("control.enrolment_bundle", signed + signature)

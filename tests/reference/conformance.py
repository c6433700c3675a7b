"""The vectors of protos/vectors, each put before the reader whose structure it is. See the README there.

`run` says of every vector, rejection and scenario whether the second reader agrees. What only a gateway does is left
out and counted as such: it judges Hellos by its own clock and memory, and looks for markings within a text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM1024PrivateKey

from .reader import accounts, origin, source, stream
from .reader import statements as st
from .reader.content import check_content
from .reader.enrol import Bundle
from .reader.frame import Disclosure, Section, parse_body
from .reader.guide import Guide
from .reader.kinds import SCHEMAS
from .reader.labels import Vocabulary
from .reader.ledger import Ledger, TickMessage, parse_leaves
from .reader.octets import Cut, Refusal, lp32, require
from .reader.profile import Agreement, Profile
from .reader.receipt import parse_receipt
from .reader.statements import Dir, Endorsement, Roster, Statement, check_signed
from .reader.stream import Hello, Terms, open_piece, parse_sealed, parse_words
from .reader.suite import SIGNATURE, KemKey, Memory
from .reader.texts import body_text
from .reader.trust import Trust, parse_message
from .scenes import NOW, Scenes

_ORDER = int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)


@dataclass(frozen=True)
class Outcome:
    """One vector: its name, the code expected (None: accepted) and what the reader said."""

    name: str
    expected: str | None
    said: str | None

    @property
    def agrees(self) -> bool:
        """The reader said what was expected."""
        return self.expected == self.said


def outcome(name: str, expected: object, check: Callable[[], object]) -> Outcome:
    """What the reader says of one vector."""
    try:
        check()
    except Refusal as refusal:
        return Outcome(name, None if expected is None else str(expected), refusal.code)
    return Outcome(name, None if expected is None else str(expected), None)


class Vectors:
    """The files of a folder of vectors, and the checks of them."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, dict[str, dict[str, object]]] = {}
        for path in [*folder.glob("*.json"), *(folder / "kinds").glob("*.json")]:
            self.files[path.stem] = json.loads(path.read_text("utf-8"))
        self.memory = Memory()
        self.genesis = self.octets("control.genesis_link")
        self.roster = Roster.parse(Statement.parse(self.octets("control.genesis_statement")).body)
        self.left_out: list[str] = []

    def octets(self, x: object) -> bytes:
        """BYTES of the README: a vector's name, hexadecimal, a list, or a patched one."""
        if isinstance(x, list):
            return b"".join(map(self.octets, x))
        if isinstance(x, dict):
            whole, at = self.octets(x["of"]), x["at"]
            return whole[:at] + bytes.fromhex(x["insert"]) + whole[at + x["cut"] :]
        file, dot, name = str(x).partition(".")
        return bytes.fromhex(str(self.files[file][name]["hex"]) if dot else str(x))

    def kem(self, name: str) -> KemKey:
        """A KEM key of keys.json, from its seeds."""
        seeds = self.octets(f"keys.{name}_seeds")
        scalar = int.from_bytes(seeds[64:], "big") % (_ORDER - 1) + 1
        return KemKey(MLKEM1024PrivateKey.from_seed_bytes(seeds[:64]), ec.derive_private_key(scalar, ec.SECP384R1()))

    @property
    def keys(self) -> tuple[bytes, int]:
        """Key and iv of the example stream."""
        raw = self.octets("stream.key_iv")
        return raw[:32], int.from_bytes(raw[32:], "big")

    def run(self) -> Iterator[Outcome]:
        """All of it."""
        for name, one in self.files["rejected"].items():
            if "structure" in one:
                wrong = self.octets({"of": f"rejected.{one['structure']}", **one})
                yield self._structure(name, str(one["structure"]), wrong, one["code"])
            elif name in self.structures():
                yield self._structure(name, name, self.octets(f"rejected.{name}"), None)
        for kind, schema in (("telemetry", 1), ("tactic", 2)):
            yield from self._kind(kind, schema)
        yield from self._whole()
        for name, one in self.files.get("scenarios", {}).items():
            yield from self._scenario(name, one)

    def _structure(self, name: str, structure: str, raw: bytes, code: object) -> Outcome:
        return outcome(name, code, lambda: self.structures()[structure](raw))

    def structures(self) -> dict[str, Callable[[bytes], object]]:
        """What is done with each structure of rejected.json."""
        return {
            "batch": origin.Batch.parse,
            "signed batch": self._signed_batch,
            "portion in slot 2": lambda raw: origin.Portion.parse(raw, 2),
            "batch item": origin.Unpacked.parse,
            "first item of the parcel": self._first_item,
            "section": self._section,
            "body": parse_body,
            "disclosure": Disclosure.parse,
            "frame": lambda raw: self._sealed(stream.FRAME, raw),
            "old": lambda raw: self._sealed(stream.OLD, raw),
            "notice": lambda raw: self._sealed(stream.NOTICE, raw),
            "end": lambda raw: self._sealed(stream.END, raw),
            "hello": lambda raw: Hello.parse(raw).check_signature(self.octets("keys.partner-sign"), self.memory),
            "open": self._open,
            "tick message": self._tick,
            "leaves": parse_leaves,
            "entries": source.parse_entries,
            "source entry": source.parse_entry,
            "disclosed entry": source.parse_entry,
            "ledger state": Ledger.parse,
            "opening of a disclosure": accounts.Opening.parse,
            "tick item": accounts.parse_tick_item,
            "account item": accounts.Head.parse,
            "entry item": accounts.parse_entry_item,
            "skipped item": accounts.parse_skipped_item,
            "evidence batch": accounts.parse_batch_item,
            "receipt": lambda raw: parse_receipt(raw).check(self.octets("keys.partner-sign"), self.memory),
            "statement": Statement.parse,
            "directory message": parse_message,
            "directory": Dir.parse,
            "endorsement": Endorsement.parse,
            "bundle": lambda raw: Bundle.parse(raw, self.memory),
            "card": lambda raw: check_card(raw, self.memory),
            "signed statement": self._signed_statement,
            "roster text": Roster.parse,
            "restore": st.Restore.parse,
            "source text": lambda raw: body_text(st.SOURCE, raw, "source"),
            "partner text": lambda raw: body_text(st.PARTNER, raw, "partner"),
            "partner text with an issuer": lambda raw: body_text(st.PARTNER, raw, "partner"),
            "agreement with a token": Agreement.parse,
            "suspension": lambda raw: body_text(st.SUSPEND, raw, "suspension"),
            "revocation": lambda raw: body_text(st.REVOKE, raw, "revocation"),
            "agreement": Agreement.parse,
            "vocabulary": Vocabulary.parse,
            "guide": lambda raw: Guide.parse(raw, {"UKR.1": Vocabulary.parse(self.octets("rejected.vocabulary"))}),
            "profile": lambda raw: Profile.parse(raw, self.memory),
            "kem key file": KemKey.parse,
        }

    def _signed_batch(self, raw: bytes) -> None:
        require(len(raw) > SIGNATURE, "malformed", "batch")
        batch = origin.Batch.parse(raw[:-SIGNATURE], raw[-SIGNATURE:])
        batch.check_signature(self.octets("keys.source"), self.memory)

    def _first_item(self, raw: bytes) -> None:
        parcel = origin.ParcelReader(self.kem("gateway-ingest"), self.genesis)
        parcel.take(self.octets("parcel.header"))
        parcel.take(raw)

    def _section(self, raw: bytes) -> None:
        cut = Cut(raw, "section")
        section = Section.parse(cut)
        cut.end()
        section.check_root()

    def _sealed(self, kind: int, raw: bytes) -> None:
        name = ("old", "frame", "notice", "end")[kind - stream.OLD]
        seq, parts = parse_sealed(kind, raw)
        th, code = self.octets("stream.th"), f"{name}-not-authentic"
        first = open_piece(self.keys, th, seq, "g" if kind == stream.FRAME else name, 2 * seq, parts[0], code)
        if kind in {stream.NOTICE, stream.END}:
            parse_words(first, name)
            return
        Disclosure.parse(first)
        if kind == stream.FRAME:
            parse_body(open_piece(self.keys, th, seq, "body", 2 * seq + 1, parts[1], code))

    def _open(self, raw: bytes) -> None:
        terms = Terms.parse(raw)
        terms.check_signature(self.octets("keys.gateway-stream"), self.memory)
        require(terms.open_seals(self.kem("partner-kem"), self.kem("ephemeral")) == self.keys, "open-mismatch", "open")

    def _tick(self, raw: bytes) -> None:
        ledger, message = Ledger.parse(self.octets("evidence.ledger_state")), TickMessage.parse(raw)
        trust, key = Trust(self.genesis, self.memory), self.octets("keys.gateway-ledger")
        ledger.check(message, tuple(message.leaves), _account(self), trust, key, first=True)

    def _signed_statement(self, raw: bytes) -> None:
        cut = Cut(raw, "signed statement")
        statement, sigs = Statement.parse(cut.prefixed(4, "St", 66_000)), cut.prefixed(4, "sigs", 400_000)
        cut.end()
        check_signed(statement, sigs, self.roster, self.memory)

    def _kind(self, kind: str, schema: int) -> Iterator[Outcome]:
        slots = [name for name, _ in SCHEMAS[schema].slots]
        for name, one in self.files[kind].items():
            if name in slots:
                slot, raw = slots.index(name), bytes.fromhex(str(one["hex"]))
                yield outcome(f"{kind}.{name}", None, lambda: check_content(schema, slot, raw))  # noqa: B023
            elif name.startswith("refused_"):
                value = one["value"]
                if isinstance(value, dict):
                    slot, raw = int(value["slot"]), bytes.fromhex(value["content"])
                    yield outcome(f"{kind}.{name}", value["code"], lambda: check_content(schema, slot, raw))  # noqa: B023

    def _whole(self) -> Iterator[Outcome]:
        """Structures of the other files that a reader reads, where rejected.json does not begin from them."""
        octets, memory = self.octets, self.memory
        parcel = origin.ParcelReader(self.kem("gateway-ingest"), self.genesis)
        yield outcome("parcel.whole", None, lambda: parcel.read(octets("parcel.whole")))
        yield outcome("parcel.begin", None, lambda: source.parse_begin(octets("parcel.begin")))
        for name in [one for one in self.files["ledger"] if one.startswith("entry_")]:
            if name in {"entry_admitted", "entry_refused", "entry_disclosed", "entry_disclosed_amounts"}:
                raw = octets(f"ledger.{name}")
                yield outcome(f"ledger.{name}", None, lambda: source.parse_entry(raw))  # noqa: B023
        for name in [one for one in self.files["control"] if one.endswith("_statement")]:
            short = name.removesuffix("_statement")
            if f"{short}_signatures" in self.files["control"] and short != "genesis":
                both = lp32(octets(f"control.{name}")) + lp32(octets(f"control.{short}_signatures"))
                link = octets(f"control.{short}_link")
                statement = Statement.parse(octets(f"control.{name}"))
                if statement.kind in {st.PROPOSE, st.ROSTER} or statement.roster != self.genesis:
                    continue
                yield outcome(f"control.{name}", None, lambda: self._signed_statement(both))  # noqa: B023
                yield outcome(f"control.{short}_link", None, lambda: require(statement.link == link, "link", "link"))  # noqa: B023
        yield from self._renewals()
        trust = Trust(self.genesis, memory)
        yield outcome("control.directory_message", None, lambda: trust.take(octets("control.directory_message"), NOW))
        for name in ("batch_0", "batch_1"):
            unpacked = origin.Unpacked.parse(octets(f"origin.parcel_plaintext_{name[-1]}"))
            yield outcome(f"origin.parcel_plaintext_{name[-1]}", None, unpacked.check_root)
            same = unpacked.batch.digest == octets(f"origin.{name}_digest")
            yield outcome(f"origin.{name}_digest", None, lambda: require(same, "digest", name))  # noqa: B023

    def _renewals(self) -> Iterator[Outcome]:
        whole = self.octets("identity.renewal")
        yield outcome("identity.renewal", None, lambda: check_renewal(whole, self.memory))
        signature = whole[: -SIGNATURE - 1] + bytes([whole[-SIGNATURE - 1] ^ 1]) + whole[-SIGNATURE:]
        yield outcome("a renewal changed", "renewal-signature", lambda: check_renewal(signature, self.memory))
        holder = bytes([5])
        place = len(b"SLUICE1/renewal\0") + 1 + 48
        unknown = whole[:place] + holder + whole[place + 1 :]
        yield outcome("a renewal of nobody", "malformed", lambda: check_renewal(unknown, self.memory))
        yield outcome("a renewal and a byte", "malformed", lambda: check_renewal(whole + b"\0", self.memory))

    def _scenario(self, name: str, one: dict[str, object]) -> Iterator[Outcome]:
        setup, steps = one["setup"], one["steps"]
        make = Scenes(self).readers().get(str(one["reader"]))
        if (
            make is None
            or one["code"] == "marking-in-text"
            or not isinstance(setup, dict)
            or not isinstance(steps, list)
        ):
            self.left_out.append(name)
            return

        def play() -> None:
            take = make(setup)
            for place, step in enumerate(steps):
                try:
                    take(step)
                except Refusal as refusal:
                    if place < len(steps) - 1:
                        raise Refusal(f"{refusal.code} in step {place}", refusal.at) from refusal
                    raise
            if isinstance(complete := one.get("complete"), bool):
                closed = getattr(take, "closed", complete)
                require(closed == complete, "complete", "parcel")

        yield outcome(name, one["code"], play)


def _account(vectors: Vectors) -> bytes:
    head = Cut(vectors.octets("ledger.head_partner"), "head")
    head.take(1 + 17 + 32, "salt")
    return head.prefixed(2, "account_id", 255)


def check_renewal(raw: bytes, memory: Memory) -> None:
    """A renewal: the key in it signed all before the signature (12.7)."""
    require(len(raw) <= 32_768, "malformed", "renewal")
    cut = Cut(raw, "renewal").tagged("renewal")
    cut.take(48, "genesis")
    cut.listed(1, "holder", range(1, 5))
    cut.identifier("holder_id")
    cut.number(8, "time")
    key = cut.prefixed(2, "key", 2624, 2624)
    cut.prefixed(2, "certificate request", 8192)
    cut.prefixed(2, "certificate in use", 8192)
    signed = raw[: cut.place]
    signature = cut.take(SIGNATURE, "sig")
    cut.end()
    memory.verify(key, "renewal", signed, signature, "renewal-signature")


def check_card(raw: bytes, memory: Memory) -> None:
    """An operator's card: the key in it signed all before the signature (12.3)."""
    cut = Cut(raw, "card").tagged("operator")
    cut.identifier("operator_id")
    key = cut.prefixed(2, "key", 2624, 2624)
    cut.prefixed(2, "certificate request", 8192)
    signed = raw[: cut.place]
    signature = cut.take(SIGNATURE, "sig")
    cut.end()
    memory.verify(key, "operator", signed, signature, "card-signature")

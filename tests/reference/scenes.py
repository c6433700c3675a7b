"""The scenarios of protos/vectors: each is a reader, what it knows before, and messages one after another.

See the README there. A step is put before the second reader as it is; what it says beside its message, as how long the
reader waited, is handed on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .reader import origin, source, stream
from .reader import statements as st
from .reader.control import ControlReader
from .reader.frame import View, Vocabularies
from .reader.labels import Clearance, Cleared, Vocabulary
from .reader.ledger import Ledger, TickMessage, parse_leaves
from .reader.octets import Cut, Refusal, h, require
from .reader.profile import Agreement, Party
from .reader.receipt import parse_receipt
from .reader.stream import Hello, StreamReader
from .reader.suite import KemKey, Memory
from .reader.texts import scope
from .reader.trust import Trust

Step = Callable[[dict[str, object]], None]
NOW = 1_780_108_000_000


class Bytes(Protocol):
    """Where a scene's bytes and keys come from."""

    memory: Memory
    genesis: bytes

    def octets(self, x: object) -> bytes:
        """BYTES of the README."""
        ...

    def kem(self, name: str) -> KemKey:
        """A KEM key by its name."""
        ...


class Scenes:
    """The readers of scenarios, each made from a `setup`."""

    def __init__(self, source_of_bytes: Bytes) -> None:
        self.octets = source_of_bytes.octets
        self.kem = source_of_bytes.kem
        self.memory = source_of_bytes.memory
        self.genesis = source_of_bytes.genesis

    def readers(self) -> dict[str, Callable[[dict[str, object]], Step]]:
        """Every reader that this one is, by its name in the scenarios."""
        return {
            "trust": self._trust,
            "account": self._account,
            "stream": self._stream,
            "record": self._record,
            "receipt": self._receipt,
            "parcel": self._parcel,
            "connection": self._connection,
            "control": self._control,
            "batch": self._batch,
        }

    def _trust(self, setup: dict[str, object]) -> Step:
        text = self.octets(setup["roster_text"]) if "roster_text" in setup else b""
        link = self.octets(setup["roster_link"]) if "roster_link" in setup else b""
        trust = Trust(self.octets(setup["genesis"]), self.memory, link, text)
        return lambda step: trust.take(self.octets(step["message"]), int(str(step["now"])))

    def _account(self, setup: dict[str, object]) -> Step:
        ledger = Ledger.parse(self.octets(setup["state"])) if "state" in setup else Ledger()
        trust, key = Trust(self.octets(setup["genesis"]), self.memory), self.octets(f"keys.{setup['key']}")
        account, listed, first = self.octets(setup["account"]), list[bytes](), True

        def take(step: dict[str, object]) -> None:
            nonlocal first
            raw = self.octets(step["message"])
            if step.get("entry"):
                ledger.settle(h(b"\x00", raw), "entry")
            elif raw[0] == stream.LEAVES:
                listed.extend(parse_leaves(raw[1:]))
            else:
                message = TickMessage.parse(raw[1:])
                ledger.check(message, (*listed, *message.leaves), account, trust, key, first=first)
                listed.clear()
                first = False

        return take

    def _cleared(self, setup: dict[str, object]) -> tuple[str, dict[str, Clearance], Agreement]:
        rows = setup["clearances"]
        clearances = {
            one["policy"]: Clearance(one["level"], {tag: frozenset(held) for tag, held in one["held"].items()})
            for one in (rows if isinstance(rows, list) else [])
        }
        rule = setup["agreement"]
        if not isinstance(rule, dict):
            raise Refusal("text-value", "setup")
        sources = rule.get("sources", [])
        agreement = Agreement(
            "",
            b"",
            frozenset(rule.get("kinds", ())),
            frozenset(rule.get("modes", ())),
            None if sources == "all" else frozenset(sources),
            frozenset(rule.get("designs", ())),
        )
        return str(setup["nation"]), clearances, agreement

    def _stream(self, setup: dict[str, object]) -> Step:
        nation, clearances, agreement = self._cleared(setup)
        hello, genesis = self.octets(setup["hello"]), self.octets(setup["genesis"])
        pins = setup.get("vocabularies")
        pinned = {str(name): self.octets(one) for name, one in pins.items()} if isinstance(pins, dict) else None
        party = Party(Hello.parse(hello).partner_id, genesis, nation, clearances, {}, pinned)
        ledger = Ledger.parse(self.octets(setup["state"])) if "state" in setup else Ledger()
        kem, ephemeral = self.kem(str(setup["kem_key"])), self.kem(str(setup["ephemeral_key"]))
        trust = Trust(genesis, self.memory)
        reader = StreamReader(party, trust, ledger, hello, kem, ephemeral, agreement=agreement)

        def take(step: dict[str, object]) -> None:
            before = len(reader.quarantined)
            reader.receive(self.octets(step["message"]), int(str(step["now"])), int(str(step.get("waited", 0))))
            aside = [[digest.hex(), idx, code] for digest, idx, code in reader.quarantined[before:]]
            require(aside == step.get("aside", []), "aside", "step")

        return take

    def _record(self, setup: dict[str, object]) -> Step:
        nation, clearances, agreement = self._cleared(setup)
        vocabulary = Vocabulary.parse(self.octets(setup["vocabulary"]))
        words = Vocabularies(Trust(self.genesis, self.memory), None)
        words.known = {vocabulary.name: vocabulary}
        cleared = Cleared(nation, clearances, agreement.designs)

        def take(step: dict[str, object]) -> None:
            cut = Cut(self.octets(step["message"]), "view")
            view = View.parse(cut, 0, 255)
            cut.end()
            view.check(int(str(setup["kind"])), cleared, words)

        return take

    def _receipt(self, setup: dict[str, object]) -> Step:
        trust = Trust(self.octets(setup["genesis"]), self.memory)

        def take(step: dict[str, object]) -> None:
            raw = self.octets(step["message"])
            if trust.dir is None:
                trust.take(raw, int(str(step.get("now", NOW))))
                return
            receipt = parse_receipt(raw)
            require(receipt.genesis == trust.genesis, "receipt-genesis", "receipt.genesis")
            key = trust.find(st.ROLE_PARTNER_SIGN, receipt.key_id, receipt.partner_id)[1]
            receipt.check(key, self.memory)

        return take

    def _parcel(self, setup: dict[str, object]) -> Step:
        parcel = origin.ParcelReader(self.kem(str(setup["key"])), self.octets(setup["genesis"]))

        def take(step: dict[str, object]) -> None:
            parcel.take(self.octets(step["message"]))
            take.closed = parcel.closed  # type: ignore[attr-defined]

        return take

    def _connection(self, setup: dict[str, object]) -> Step:
        ledger = Ledger.parse(self.octets(setup["state"])) if "state" in setup else Ledger()
        trust = Trust(self.octets(setup["genesis"]), self.memory)
        begin = ledger.incarnation + b"".join(
            number.to_bytes(8, "big") for number in (ledger.next_tick, ledger.held.size, 0)
        )
        reader = source.ConnectionReader(str(setup["source"]), trust, ledger, begin)
        return lambda step: reader.receive(self.octets(step["message"]), int(str(step.get("now", NOW))))

    def _batch(self, setup: dict[str, object]) -> Step:
        control, key, journal = ControlReader(self.memory), self.octets(f"keys.{setup['key']}"), setup["journal"]
        for entry in journal if isinstance(journal, list) else []:
            control.take(self.octets(entry))
        kinds, modes = scope(setup["scope"], "setup.scope")

        def take(step: dict[str, object]) -> None:
            unpacked = origin.Unpacked.parse(self.octets(step["message"]))
            batch = unpacked.batch
            require(batch.genesis == self.octets(setup["genesis"]), "batch-genesis", "batch.genesis")
            batch.check_signature(key, self.memory)
            unpacked.check_root()
            require(batch.kind in kinds and batch.mode in modes, "scope", "batch.kind")
            control.judge(unpacked)

        return take

    def _control(self, _setup: dict[str, object]) -> Step:
        control = ControlReader(self.memory)
        return lambda step: control.take(self.octets(step["message"]))

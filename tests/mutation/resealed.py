"""The malicious gateway: a recorded stream taken apart, changed, and hashed, sealed and signed again.

It holds the gateway's keys of the day, for streams, the ledger and parcels, and none of a source, an operator or a
partner. The stream is opened again with its own s1 and s2, so anything can be sealed in it. What follows from a change
is made to follow: a G from its sections, a leaf from its G, the account, its head and `accounts_root` from the leaves,
each K from the K's before it, each signature from the bytes under it. So a change is refused for what it is, and not
for a hash that its author forgot.

    told = Told.of(walk, stream=2)
    told.frames[0].sections[0] = another
    items = told.again()
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gateway.core.control.directory import DirectoryMessage, parse_directory_message
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import Tick, TickMessage, encode_leaves, parse_leaves, parse_tick, parse_tick_message
from gateway.core.sealing.body import Section, encode_body, parse_body, view_digest
from gateway.core.sealing.frame import (
    Disclosure,
    SealedFrame,
    open_end,
    open_notice,
    open_old,
    parse_disclosure_entry,
    seal_end,
    seal_frame,
    seal_notice,
    seal_old,
)
from gateway.core.sealing.stream import SignedHello, StreamKeys, StreamOpening, StreamTerms, open_stream
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import EndReason, StreamMessage
from gateway.core.suite.octets import u8
from gateway.core.suite.tree import leaf_hash
from tests.mutation.product import ProductStreams
from tests.mutation.product_source import twin_ledger
from tests.mutation.recorded import Item, Kind
from tests.mutation.resealed_ticks import Signing, Ticked, gateway_keys
from tests.mutation.walk import Walk


@dataclass
class Opening:
    """The `open` message. key: signs it; kem_key: is sealed to, None for the partner's own."""

    now_ms: int
    terms: StreamTerms
    key: SigningKey | None = None
    kem_key: bytes | None = None


@dataclass
class Directory:
    """The `directory` message."""

    now_ms: int
    message: DirectoryMessage


@dataclass
class Sealed:
    """A sealed message.

    entry: its G; was: the leaf by which ticks list it, which becomes that of the G as it is now; empty: enters nothing.
    sections: of a frame, from which view_digest and records of G follow; body: instead of them; g: fields of G that do
    not follow; raw: what is sealed in place of G.
    """

    now_ms: int
    kind: StreamMessage
    entry: Disclosure | None = None
    sections: list[Section] = field(default_factory=list)
    body: bytes | None = None
    g: dict[str, object] = field(default_factory=dict)
    reason: EndReason = EndReason.LIFETIME
    text: str = ""
    was: bytes = b""
    waited_ms: int = 0
    raw: bytes | None = None

    def disclosure(self) -> bytes:
        """G as it follows."""
        if self.entry is None:
            raise ValueError("only a frame or an old has a disclosure")
        if self.kind is StreamMessage.FRAME:
            made = replace(self.entry, view_digest=digest_of(self.sections), records=_count(self.sections))
        else:
            made = self.entry
        return replace(made, **self.g).encode()


Step = Directory | Opening | Ticked | Sealed


def digest_of(sections: Sequence[Section]) -> bytes:
    """The view_digest of these sections."""
    return view_digest(
        [(one.signed.digest, [(view.idx, view.leaf(), view.mask) for view in one.views]) for one in sections]
    )


def _count(sections: Sequence[Section]) -> int:
    return sum(len(one.views) for one in sections)


@dataclass
class Told:
    """One stream, step by step, and where its reader stood when it began."""

    place: int
    hello: SignedHello
    kem_key: bytes
    ledger: LedgerReader
    steps: list[Step]

    @classmethod
    def of(cls, walk: Walk, stream: int) -> Told:
        """The stream of that number of a partner's file, as it was recorded."""
        begins = [number for number, item in enumerate(walk.file.items) if item.kind is Kind.STREAM]
        place = begins[stream] + 1
        end = begins[stream + 1] if stream + 1 < len(begins) else len(walk.file.items)
        before, opened = walk.product[place], walk.product[place + 2]
        if not isinstance(before, ProductStreams) or not isinstance(opened, ProductStreams):
            raise TypeError("a partner's file is needed")
        checks = before._replay._checks
        keys = opened._replay._checks._opened._keys
        steps: list[Step] = []
        for item in walk.file.items[place:end]:
            _read(item, keys, steps)
        kem_key = opened._replay._kem_key.public_key
        return cls(place, checks._hello, kem_key, twin_ledger(checks.ledger), steps)

    def _each(self, kind: StreamMessage) -> list[Sealed]:
        return [step for step in self.steps if isinstance(step, Sealed) and step.kind is kind]

    @property
    def frames(self) -> list[Sealed]:
        """The frames, in order."""
        return self._each(StreamMessage.FRAME)

    @property
    def olds(self) -> list[Sealed]:
        """The olds, in order."""
        return self._each(StreamMessage.OLD)

    @property
    def ticks(self) -> list[Ticked]:
        """The ticks, in order."""
        return [step for step in self.steps if isinstance(step, Ticked)]

    @property
    def directory(self) -> Directory:
        """The directory message."""
        return next(step for step in self.steps if isinstance(step, Directory))

    @property
    def opening(self) -> Opening:
        """The open message."""
        return next(step for step in self.steps if isinstance(step, Opening))

    def again(self) -> list[Item]:
        """The stream as its author sends it."""
        return _Writer(self).items()


def _read(item: Item, keys: StreamKeys, steps: list[Step]) -> None:
    kind, body, now_ms = StreamMessage(item.octets[0]), item.octets[1:], item.now_ms
    if kind is StreamMessage.DIRECTORY:
        steps.append(Directory(now_ms, parse_directory_message(body)))
    elif kind is StreamMessage.OPEN:
        steps.append(Opening(now_ms, StreamOpening.parse(body).terms))
    elif kind is StreamMessage.LEAVES:
        steps.append(Ticked(now_ms, _NO_TICK, _NO_MESSAGE, [list(parse_leaves(body))]))
    elif kind is StreamMessage.TICK:
        message = parse_tick_message(body)
        last = steps[-1]
        before = steps.pop().leaves if isinstance(last, Ticked) and last.tick is _NO_TICK else []
        steps.append(Ticked(now_ms, parse_tick(message.statement), message, before))
    elif kind is StreamMessage.FRAME:
        sealed = SealedFrame.parse(body)
        entry = sealed.open_entry(keys)
        sections = parse_body(sealed.open_body(keys))
        steps.append(Sealed(now_ms, kind, parse_disclosure_entry(entry), sections, was=leaf_hash(entry)))
    elif kind is StreamMessage.OLD:
        _, entry = open_old(keys, body)
        steps.append(Sealed(now_ms, kind, parse_disclosure_entry(entry), was=leaf_hash(entry)))
    else:
        _, reason, text = (open_end if kind is StreamMessage.END else open_notice)(keys, body)
        steps.append(Sealed(now_ms, kind, reason=reason, text=text))


_NO_TICK = Tick(b"", b"", b"", 0, 0, b"", b"", b"")
_NO_MESSAGE = TickMessage(b"", b"", b"", 0, b"", 0, (), (), ())


class _Writer:
    """Steps into messages: what follows from what."""

    def __init__(self, told: Told) -> None:
        self._told = told
        hello = told.hello.hello
        account_id = partner_account(hello.partner_id, hello.agreement_id, hello.subscription)
        self._signing = Signing(told.ledger, account_id)
        self._leaves: dict[bytes, bytes] = {}
        for step in told.steps:
            if isinstance(step, Sealed) and step.was:
                self._leaves[step.was] = leaf_hash(step.disclosure())
        self._keys: StreamKeys | None = None
        self._seq = 0

    def items(self) -> list[Item]:
        """All of them."""
        return [item for step in self._told.steps for item in self._of(step)]

    def _of(self, step: Step) -> list[Item]:
        if isinstance(step, Ticked):
            return self._tick(step)
        if isinstance(step, Directory):
            return [_message(StreamMessage.DIRECTORY, step.message.encode(), step.now_ms)]
        if isinstance(step, Opening):
            opening, self._keys = open_stream(
                step.terms,
                step.kem_key or self._told.kem_key,
                self._told.hello.hello.ephemeral_key,
                step.key or gateway_keys().stream(),
                hashlib.shake_256(b"its own s1 and s2").digest(96),
            )
            return [_message(StreamMessage.OPEN, opening, step.now_ms)]
        return [_message(step.kind, self._seal(step), step.now_ms, step.waited_ms)]

    def _seal(self, step: Sealed) -> bytes:
        if self._keys is None:
            raise ValueError("nothing is sealed before the stream is open")
        seq, self._seq = self._seq, self._seq + 1
        if step.kind is StreamMessage.FRAME:
            body = encode_body([one.encode() for one in step.sections]) if step.body is None else step.body
            return seal_frame(self._keys, seq, step.raw or step.disclosure(), body)
        if step.kind is StreamMessage.OLD:
            return seal_old(self._keys, seq, step.raw or step.disclosure())
        seal = seal_end if step.kind is StreamMessage.END else seal_notice
        return seal(self._keys, seq, step.reason, step.text)

    def _tick(self, step: Ticked) -> list[Item]:
        lists = [self._renamed(some) for some in [*step.leaves, list(step.message.leaves)]]
        account = None if step.account is None else self._renamed(step.account)
        message = self._signing.tick(step, [leaf for some in lists for leaf in some], account)
        told = replace(message, leaves=tuple(lists[-1])).encode()
        before = [_message(StreamMessage.LEAVES, encode_leaves(some), step.now_ms) for some in lists[:-1]]
        return [*before, _message(StreamMessage.TICK, told, step.now_ms)]

    def _renamed(self, leaves: Sequence[bytes]) -> list[bytes]:
        return [self._leaves.get(leaf, leaf) for leaf in leaves]


def _message(kind: StreamMessage, body: bytes, now_ms: int, waited_ms: int = 0) -> Item:
    return Item(Kind.MESSAGE, u8(kind) + body, now_ms, waited_ms)

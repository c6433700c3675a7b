"""What stops parties, keys, records and everything, and what a LIFT gives back. SPEC.md section 2.7."""

from __future__ import annotations

from collections.abc import Callable

from . import statements as st
from . import texts
from .enrol import Entry
from .octets import require


class Stopped:
    """What is stopped, in a CONTROL journal as far as it was read; the journal's reader says who is there to stop."""

    parties: dict[tuple[str, str], dict[str, object]]
    agreements: dict[str, bytes]
    ended: frozenset[str]
    used: dict[object, object]
    _signed: Callable[[Entry], None]

    def __init__(self) -> None:
        self.suspended: frozenset[str] = frozenset()
        self.objected: frozenset[bytes] = frozenset()
        self.former: frozenset[bytes] = frozenset()
        self.settled: frozenset[str] = frozenset()
        self.held: frozenset[str] = frozenset()
        self.tainted: frozenset[bytes] = frozenset()
        self.revoked: frozenset[bytes] = frozenset()
        self.certificates: frozenset[tuple[str, str | None]] = frozenset()

    def _suspend(self, entry: Entry) -> None:
        self._signed(entry)
        target = str(texts.body_text(st.SUSPEND, entry.statement.body, "suspend")["target"])
        role, _, name = target.partition("/")
        require((role, name) in self.parties, f"{role}-unknown", "suspend.target")
        require(target not in self.suspended, "nothing-to-change", "suspend.target")
        self.suspended |= {target}

    def _lift(self, entry: Entry) -> None:
        self._signed(entry)
        target = str(texts.body_text(st.LIFT, entry.statement.body, "lift")["target"])
        role, _, name = target.partition("/")
        if role == "proposal":
            require(bytes.fromhex(name) in self.objected, "nothing-to-change", "lift.target")
            self.objected -= {bytes.fromhex(name)}
            return
        if target in self.held:
            self.held -= {target}
            return
        if role == "fork":
            require(name not in self.settled, "nothing-to-change", "lift.target")
            self.settled |= {name}
            return
        if role == "key":
            digest = bytes.fromhex(name)
            require(digest in self.tainted | self.revoked, "nothing-to-change", "lift.target")
            self.tainted, self.revoked = self.tainted - {digest}, self.revoked - {digest}
            return
        require(target in self.suspended, "nothing-to-change", "lift.target")
        self.suspended -= {target}

    def _hold(self, entry: Entry) -> None:
        """A HOLD, or a LOCKDOWN, which holds the whole gateway."""
        self._signed(entry)
        target = str(texts.body_text(entry.statement.kind, entry.statement.body, "hold")["target"])
        role, _, name = target.partition("/")
        require(role != "agreement" or name in self.agreements, "agreement-unknown", "hold.target")
        require(role != "agreement" or name not in self.ended, "nothing-to-change", "hold.target")
        require(target not in self.held, "nothing-to-change", "hold.target")
        self.held |= {target}

    def _stop_key(self, entry: Entry) -> None:
        """A TAINT or REVOKE: of a key of a party or of the gateway, and never one that takes a stop back."""
        self._signed(entry)
        kind = entry.statement.kind
        body = texts.body_text(kind, entry.statement.body, "stop")
        role, _, name = str(body["target"]).partition("/")
        if role != "key":
            self._revoke_certificates(role, name, texts.strings(body.get("serials", ())))
            return
        digest = bytes.fromhex(name)
        require(isinstance(self.used.get(("key", digest)), tuple), "key-unknown", "stop.target")
        require(digest not in self.tainted, "nothing-to-change", "stop.target")
        if kind == st.TAINT:
            self.tainted |= {digest}
        else:
            require(digest not in self.revoked, "nothing-to-change", "stop.target")
            self.revoked |= {digest}

    def _revoke_certificates(self, role: str, name: str, serials: tuple[str, ...]) -> None:
        """By fingerprint, or by the serial numbers of a root that an admission has named; none comes back."""
        require(role == "certificate" or ("root", name) in self.used, "root-unknown", "stop.target")
        named = frozenset((name, serial) for serial in serials or (None,))
        require(not named <= self.certificates, "nothing-to-change", "stop.target")
        self.certificates |= named

    def _least_state(self, digest: bytes) -> int:
        """The state that a directory must give a key, or a worse one (2.8)."""
        if digest in self.tainted:
            return st.TAINTED
        return st.RETIRED if digest in self.revoked | self.former else st.ACTIVE

"""What `sluicectl ca revoke` does: certificates taken back in CONTROL, by file, fingerprint, serial number or list.

One person may, at once, and nothing gives a certificate back. What is revoked already is proposed by nobody, so the
same command again changes nothing; a long list becomes as many changes as their texts have room for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from clients.certificates import der, leaf_of, load_certificates
from clients.cli import output
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.report import report
from clients.keyfiles import read_as, read_public
from clients.operator.authorities import authorities_of
from clients.operator.ca import root_digest
from clients.operator.drafts import certificate_revocation_text, serials_revocation_text
from clients.operator.home import Home
from clients.operator.revocation_list import MAX_LIST_BYTES, read_revocation_list
from clients.times import utc
from gateway.core.control.fold import Control
from gateway.core.control.texts import MAX_LIST
from gateway.core.errors import CallerError
from gateway.core.parties.identity import Identity
from gateway.core.suite.numbers import StatementKind

# As other tools print it: in capitals, by pairs with colons, with zeros before it.
_SERIAL = re.compile(r"[0-9A-Fa-f]{1,40}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){0,19}")


@dataclass(frozen=True, slots=True)
class Named:
    """Certificates to take back. root: empty for one that is named by its fingerprint alone, in `names`."""

    root: str
    names: tuple[str, ...]

    def left(self, control: Control) -> tuple[str, ...]:
        """Those that are not revoked yet."""
        return tuple(name for name in self.names if self.spelt(name) not in control.revoked_certificates)

    def spelt(self, name: str) -> str:
        """As CONTROL keeps it."""
        return f"root/{self.root}/{name}" if self.root else f"certificate/{name}"

    def texts(self, names: Sequence[str], reason: str) -> Iterator[bytes]:
        """What is signed for them."""
        if not self.root:
            yield from (certificate_revocation_text(name, reason) for name in names)
            return
        for at in range(0, len(names), MAX_LIST):
            yield serials_revocation_text(self.root, names[at : at + MAX_LIST], reason)


def by_certificate(path: Path) -> Callable[[Desk], Named]:
    """The certificate of a file, PEM; a chain is its first."""
    identity = Identity.from_certificate(der(read_as(path, leaf_of)))
    output.said(f"note: the certificate of {identity.uri}, until {utc(identity.not_after_ms)}")
    return lambda desk: Named("", (identity.fingerprint,))


def by_fingerprint(fingerprint: str) -> Callable[[Desk], Named]:
    """64 digits, however they are grouped: other tools print them in capitals and with colons."""
    return lambda desk: Named("", (fingerprint.replace(":", "").lower(),))


def by_serials(serials: Sequence[str], root: Path | None) -> Callable[[Desk], Named]:
    """Serial numbers in hexadecimal, of the root in the file, or of this home's authority or the gateway's only one."""
    numbers = tuple(sorted({_number(serial) for serial in serials}))
    return lambda desk: Named(_root(desk.home, root), tuple(f"{number:x}" for number in numbers))


def by_list(path: Path) -> Callable[[Desk], Named]:
    """Everything that a list of an authority names, if one of the roots signed it that parties are bound to."""
    content = read_public(path, MAX_LIST_BYTES)

    def named(desk: Desk) -> Named:
        roots = [root for root in _roots(desk.home) if root_digest(root) in desk.chain.control.roots]
        found = read_revocation_list(content, roots, datetime.now(UTC))
        number = "" if found.number is None else f" {found.number}"
        output.said(f"note: list{number} of root {found.root[:16]}, {len(found.serials)} certificates, in time")
        return Named(found.root, found.serials)

    return named


def revoke(wanted: Callable[[Desk], Named], reason: str) -> None:
    """Signs and hands in what is not revoked yet, and reports; refuses `certificate-own`."""

    async def action(desk: Desk) -> list[Decided]:
        named = wanted(desk)
        left = named.left(desk.chain.control)
        _check_not_own(desk.home, named, left)
        decided: list[Decided] = []
        for body in named.texts(left, reason):
            if decided:
                await desk.look_again()
            decided.append(await desk.propose(StatementKind.REVOKE, body, (), reason=reason, yes=True))
        return decided

    decided = at_desk(action)
    if decided:
        report(decided, as_list=True)
    else:
        output.result({"changes": []}, [("nothing", "they are revoked already")])


def show_revoked() -> None:
    """Prints what CONTROL has: fingerprints, and serial numbers by root."""

    async def action(desk: Desk) -> None:
        named = [one.split("/") for one in sorted(desk.chain.control.revoked_certificates)]
        facts = [
            {"fingerprint": rest[0]} if family == "certificate" else {"root": rest[0], "serial": rest[1]}
            for family, *rest in named
        ]
        lines = [("revoked", one.get("fingerprint") or f"{one['root']}  {one['serial']}") for one in facts]
        output.result({"certificates": facts}, lines or [("none", "no certificate is revoked")])

    at_desk(action)


def _check_not_own(home: Home, named: Named, left: Sequence[str]) -> None:
    """The very connection that brings it would be cut, and its answer with it."""
    leaf = leaf_of(home.connection().certificate_pem)
    own = Identity.from_certificate(der(leaf))
    issuers = {root_digest(root) for root in _roots(home) if root.subject == leaf.issuer}
    if own.fingerprint in left or (named.root in issuers and own.serial in left):
        raise CallerError(
            "certificate-own",
            "a certificate must be revoked over another one, this is the one in use",
            at=own.uri,
            do="get a new certificate first, or ask another operator",
        )


def _number(serial: str) -> int:
    if _SERIAL.fullmatch(serial) is None:
        raise CallerError("serial", "a serial number must be 1 to 20 bytes in hexadecimal", at=serial[:64])
    return int(serial.replace(":", ""), 16)


def _root(home: Home, path: Path | None) -> str:
    if path is not None:
        chosen = load_certificates(read_public(path), "root")
    elif authorities := authorities_of(home):
        chosen = [authorities[0].root]
    else:
        chosen = _roots(home)
    if len(chosen) != 1:
        raise CallerError("root-needed", "a serial number is of one root, there are several", do="--root FILE")
    return root_digest(chosen[0])


def _roots(home: Home) -> list[x509.Certificate]:
    """What the gateway accepts, as this operator knows it."""
    return load_certificates(home.roots_pem(), "roots")

"""What ties a party's name to its certificates: one SPIFFE identity under one root.

Each root is bound to one trust domain, for ever, and each identity to one party; `check_unbound` holds that over all
parties, so that the root of one party cannot issue a certificate that reads as another. Source: architecture section 6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.core.control.texts import Table
from gateway.core.errors import Refused

MAX_URI = 256
_SPIFFE = re.compile(r"spiffe://([a-z0-9][a-z0-9._-]{0,127})((?:/[A-Za-z0-9._-]+)+)")


@dataclass(frozen=True, slots=True)
class Binding:
    """uri: `spiffe://usa.example/partner/arl`; trust_domain: its `usa.example`; root: hex SHA-256 of the root's DER."""

    uri: str
    trust_domain: str
    root: str

    @classmethod
    def read(cls, table: Table) -> Binding:
        """The binding of a text's `identity` and `root`."""
        uri = table.string("identity", MAX_URI)
        matched = _SPIFFE.fullmatch(uri)
        if matched is None or {".", ".."} & set(matched[2].split("/")):
            raise table.wrong("identity", "a URI like spiffe://usa.example/partner/arl")
        return cls(uri, matched[1], table.hex_bytes("root", 32).hex())


def check_unbound(new: Binding, others: Iterable[Binding], roots: Mapping[str, str]) -> None:
    """Refuses `identity-taken` for another party's identity and `root-bound` for a root of another trust domain.

    roots: trust domain of each root that was ever bound; it stays bound when its party goes to another one.
    """
    if new.uri in {other.uri for other in others}:
        raise Refused("identity-taken", "each identity belongs to one party, this one has another", at="identity")
    bound = roots.get(new.root, new.trust_domain)
    if bound != new.trust_domain:
        raise Refused(
            "root-bound",
            f"a root is bound to one trust domain, this one to `{bound}`, `{new.trust_domain}` came",
            at="root",
        )

"""The admission of a partner: who it is, whose nation, which keys are its own, and what it is cleared for.

    id       = "usa/arl"
    nation   = "USA"
    identity = "spiffe://usa.example/partner/arl"
    root     = "9f…"           # hex SHA-256 of the root certificate
    sign_key = "4c…"           # hex key digests
    kem_key  = "d1…"
    key_exchange = "X25519MLKEM768"   # may be left out: what its connections must have agreed on

    [clearance.UKR]            # per policy; none is ever mapped to another
    level = "T"
    REL   = ["USA"]

    [token]                    # may be left out: who issues its access tokens (the room `issuer`)

The keys themselves come in the enrolment bundle beside the statement. Source: SPEC.md section 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.core.control.binding import Binding
from gateway.core.control.issuer import TokenIssuer
from gateway.core.control.texts import Table, read_text
from gateway.core.errors import CallerError
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.parties.clearance import Clearance, parse_clearances
from gateway.core.parties.names import Nation, PartnerId, nation

# Groups as TLS names them. What is recorded on the way today is not read by a later quantum computer.
KEY_EXCHANGES = ("X25519MLKEM768",)


@dataclass(frozen=True, slots=True)
class PartnerAdmission:
    """The parsed text of a PARTNER.

    sign_key_digest, kem_key_digest: 48 bytes; clearances: one per policy; token: None where nobody issues it tokens.
    key_exchange: the group that each of its connections must have agreed on; None is any of TLS 1.3.
    """

    id: PartnerId
    nation: Nation
    binding: Binding
    sign_key_digest: bytes
    kem_key_digest: bytes
    clearances: tuple[Clearance, ...]
    key_exchange: str | None
    token: TokenIssuer | None

    @classmethod
    def parse(cls, text: bytes) -> PartnerAdmission:
        """The admission in `text`; refuses `text-…` and `clearance`."""
        keys = {"id", "nation", "identity", "root", "sign_key", "kem_key", "key_exchange", "clearance", "token"}
        table = read_text(text, "partner", keys)
        return cls(
            id=PartnerId(table.name("id")),
            nation=_nation(table),
            binding=Binding.read(table),
            sign_key_digest=table.hex_bytes("sign_key"),
            kem_key_digest=table.hex_bytes("kem_key"),
            clearances=parse_clearances(table.raw("clearance")),
            key_exchange=table.choice("key_exchange", KEY_EXCHANGES) if table.has("key_exchange") else None,
            token=TokenIssuer.read(table) if table.has("token") else None,
        )

    def check_against(self, vocabularies: Iterable[Vocabulary]) -> None:
        """Refuses `clearance` unless every level, tag and value exists in the newest vocabulary of its policy."""
        in_force = list(vocabularies)
        for clearance in self.clearances:
            newest = newest_of(clearance.policy, in_force)
            if newest is None:
                raise CallerError(
                    "clearance",
                    f"a clearance is under a policy whose vocabulary is in force, `{clearance.policy}` has none",
                    at=f"clearance.{clearance.policy}",
                    do="propose the vocabulary first",
                )
            clearance.check_against(newest)


def _nation(table: Table) -> Nation:
    named = table.string("nation", 3)
    try:
        return nation(named)
    except CallerError as error:
        raise table.wrong("nation", "three capital letters") from error


def newest_of(policy: str, vocabularies: Iterable[Vocabulary]) -> Vocabulary | None:
    """The vocabulary of `policy` with the highest version; None if there is none."""
    of_policy = [vocabulary for vocabulary in vocabularies if vocabulary.policy == policy]
    return max(of_policy, key=lambda vocabulary: vocabulary.version, default=None)

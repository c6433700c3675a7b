"""What one stream may see, and under what: the facts of a decision as CONTROL has them now.

Rights are compared, not versioned: when CONTROL moves, a stream goes on only if its rights under the new state are the
same. What is not in them cannot end a stream: a suspended source that no agreement of the partner has is not.
Source: architecture sections 2 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.control.agreement import CEILING_POLICY, Agreement
from gateway.core.control.directory import GATEWAY_ROLES
from gateway.core.control.fold import Control
from gateway.core.control.issuer import TokenIssuer
from gateway.core.control.partner import PartnerAdmission, newest_of
from gateway.core.control.standing import StandingDirectory
from gateway.core.decision.facts import NO_TOKEN, AgreementFacts, PartnerFacts, TokenFacts
from gateway.core.decision.plan import Basis
from gateway.core.errors import GatewayError, Refused
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.numbers import EndReason, KeyState, Role
from gateway.usecases.peer import Peer
from gateway.usecases.token import Grant

# No rule can be added yet, so the text of the rules in force is empty; its digest still stands in every audit.
_RULES_DIGEST = text_digest("rules", b"")


@dataclass(frozen=True, slots=True)
class Rights:
    """Everything decided on that is not the record, and what is bound into disclosures.

    stopped_keys: digests of what a TAINT or REVOKE stops of this stream: its sources' tainted keys, the partner's own
    and the gateway's. held: records and batches that are. issuer: of the token that the agreement requires; None where
    it requires none. grant: what a token of that issuer gave; without one nothing may be seen.
    """

    peer: Peer
    basis: Basis
    agreement_digest: bytes
    rules_digest: bytes
    dir_root: bytes
    kem_key: bytes
    kem_key_id: bytes
    kem_until_ms: int
    shown_to_sources: str
    suspended_sources: frozenset[str]
    directory: StandingDirectory
    stopped_keys: frozenset[bytes]
    held: frozenset[str]
    issuer: TokenIssuer | None
    grant: Grant | None

    def check_in_force(self, now_ms: int) -> None:
        """Refuses `denied` outside the agreement's dates."""
        if not self.basis.agreement.starts_ms <= now_ms < self.basis.agreement.ends_ms:
            raise Refused("denied", "the agreement is not in force", at="agreement")

    def first_end(self) -> tuple[int, EndReason]:
        """When the first of certificate, token, agreement, directory and key ends, and which it is."""
        partner = self.basis.partner
        return min(
            # A stream lives no longer than the token it was opened with; its partner opens the next with another.
            *([(self.grant.facts.until_ms, EndReason.LIFETIME)] if self.grant else []),
            (partner.certificate_until_ms, EndReason.CERTIFICATE_EXPIRED),
            (self.basis.agreement.ends_ms, EndReason.AGREEMENT_ENDED),
            (min(partner.directory_until_ms, self.kem_until_ms), EndReason.DIRECTORY_EXPIRED),
        )

    def same_under(self, control: Control) -> bool:
        """Whether this stream would be opened with the same rights under `control`."""
        try:
            then = self.renewed(control)
        except GatewayError:
            return False
        return self._facts() == then._facts()

    def renewed(self, control: Control) -> Rights:
        """The rights under `control`, with the same token; refuses as `rights_of`."""
        return rights_of(control, self.peer, self.basis.agreement.agreement_id, self.grant)

    def _facts(self) -> tuple[object, ...]:
        basis = self.basis
        return (
            basis.partner,
            basis.agreement,
            basis.vocabularies,
            self.agreement_digest,
            self.rules_digest,
            self.dir_root,
            self.kem_key_id,
            self.shown_to_sources,
            self.suspended_sources,
            self.stopped_keys,
            self.held,
        )

    def held_of(self, batch_digest: bytes, count: int) -> tuple[bool, ...]:
        """Of each record of a batch whether it is held."""
        if not self.held:
            return (False,) * count
        name = batch_digest.hex()
        whole = f"batch/{name}" in self.held
        return tuple(whole or f"record/{name}.{idx}" in self.held for idx in range(count))

    def is_verifiable(self, key_id: bytes) -> bool:
        """Whether readers can verify what the source's key of that id signed."""
        found = self.directory.endorsed.get((Role.SOURCE, key_id))
        return (
            found is not None
            and found.endorsement.state is not KeyState.TAINTED
            and found.endorsement.key_digest not in self.stopped_keys
        )


def rights_of(control: Control, peer: Peer, agreement_id: str, grant: Grant | None = None) -> Rights:
    """The rights of a partner under one of its agreements; refuses `denied` for whatever does not hold.

    grant: of the token that was shown; without one, an agreement that requires a token shows nothing.
    """
    if peer.role != "partner" or control.is_stopped(f"partner/{peer.party_id}"):
        raise Refused("denied", "the peer is no active partner", at="partner")
    peer.check_standing(control)
    partner = control.partner(peer.party_id)
    agreement = control.agreement(agreement_id)
    held = f"agreement/{agreement.id}" in control.held
    if agreement.partner_id != peer.party_id or agreement.id in control.ended or held:
        raise Refused("denied", "the agreement is not one of the partner's in force", at="agreement")
    directory = control.directory
    if directory is None:
        raise Refused("directory-due", "operators must have signed a directory, none is there", at="directory")
    admission = partner.admission
    try:
        kem = control.active_key(Role.PARTNER_KEM, peer.party_id, admission.kem_key_digest)
        control.active_key(Role.PARTNER_SIGN, peer.party_id, admission.sign_key_digest)
    except Refused as error:
        raise Refused("denied", error.message, at="partner") from error
    endorsement = kem.endorsement
    issuer = _issuer(agreement, admission)
    facts = PartnerFacts.from_admission(
        admission,
        peer.identity,
        suspended=False,
        directory_until_ms=directory.newest.expires_at_ms,
        token=_token_facts(control, issuer, grant) if issuer else None,
    )
    terms = AgreementFacts.from_agreement(agreement, ended=False)
    stopped = {target.removeprefix("source/") for target in control.suspended if target.startswith("source/")}
    if agreement.sources != "all":
        stopped &= agreement.sources
    return Rights(
        peer=peer,
        basis=Basis(control.position, facts, terms, control.vocabularies),
        agreement_digest=agreement.digest,
        rules_digest=_RULES_DIGEST,
        dir_root=directory.newest.root,
        kem_key=kem.material,
        kem_key_id=endorsement.key_id,
        kem_until_ms=endorsement.valid_to_ms,
        shown_to_sources=agreement.accounts_shown.value,
        suspended_sources=frozenset(stopped),
        directory=directory,
        stopped_keys=_stopped_keys(control, agreement),
        # Which source signed a batch that is held, CONTROL does not say: every stream ends, and is opened again.
        held=frozenset(target for target in control.held if not target.startswith("agreement/")),
        issuer=issuer,
        grant=grant if issuer else None,
    )


def _issuer(agreement: Agreement, admission: PartnerAdmission) -> TokenIssuer | None:
    """Whose token the agreement requires; None if it requires none."""
    if not agreement.token_required:
        return None
    if admission.token is None:
        raise Refused("token-issuer-missing", "the partner must have an issuer of tokens, it has none", at="partner")
    return admission.token


def _token_facts(control: Control, issuer: TokenIssuer, grant: Grant | None) -> TokenFacts:
    if grant is None:
        return NO_TOKEN
    if grant.issuer != issuer:
        raise Refused("token-issuer", "the token must be of the issuer that the partner has now, it is not", at="token")
    level, newest = grant.facts.ceiling_level, newest_of(CEILING_POLICY, control.vocabularies.values())
    if level is not None and (newest is None or level not in newest.levels):
        raise Refused("token-ceiling", "the ceiling of the token must be a level that is in force", at="token.ceiling")
    return grant.facts


def _stopped_keys(control: Control, agreement: Agreement) -> frozenset[bytes]:
    def concerns(digest: bytes) -> bool:
        key = control.keys[digest]
        if key.role is Role.SOURCE:
            # What a revoked key signed before stays true.
            return digest in control.tainted and (agreement.sources == "all" or key.subject_id in agreement.sources)
        return key.role in GATEWAY_ROLES or key.subject_id == agreement.partner_id

    return frozenset(filter(concerns, control.tainted | control.revoked))

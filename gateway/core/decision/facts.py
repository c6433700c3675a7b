"""Everything a decision is made from, and nothing else.

Three values: the partner as it stands on this connection, the agreement, and the record. All are immutable and
hashable, so that they are the key under which an outcome is kept: what is not in them cannot change a decision, and
what changes in them is decided anew. Dates are dates as the officer reads them: the last day is whole, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from gateway.core.control.agreement import CEILING_POLICY, Agreement
from gateway.core.control.partner import PartnerAdmission
from gateway.core.errors import Refused
from gateway.core.parties.clearance import Clearance
from gateway.core.parties.identity import Identity
from gateway.core.parties.names import AgreementId, Nation, PartnerId, SourceId
from gateway.core.suite.numbers import DataMode, RecordKind

DAY_MS = 24 * 3600 * 1000
EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What the access token of a stream leaves of what its agreement permits.

    until_ms: when it expires. ceiling_level: in the policy of the agreement's ceiling; None adds no other.
    """

    until_ms: int
    kinds: frozenset[RecordKind]
    ceiling_level: str | None


# Of a stream whose agreement requires a token and that has shown none: nothing.
NO_TOKEN = TokenFacts(0, frozenset(), None)


@dataclass(frozen=True, slots=True)
class PartnerFacts:
    """A partner and the connection it is on.

    clearances: one per policy.
    certificate_from_ms, certificate_until_ms: the leaf's validity.
    directory_until_ms: when the newest directory with the partner's own keys expires.
    token: None where the agreement requires none.
    """

    partner_id: PartnerId
    nation: Nation
    clearances: tuple[Clearance, ...]
    suspended: bool
    certificate_from_ms: int
    certificate_until_ms: int
    directory_until_ms: int
    token: TokenFacts | None = None

    @classmethod
    def from_admission(
        cls,
        admission: PartnerAdmission,
        identity: Identity,
        *,
        suspended: bool,
        directory_until_ms: int,
        token: TokenFacts | None = None,
    ) -> PartnerFacts:
        """The facts of an admitted partner on a connection; refuses `identity-other` if the certificate names another.

        That the partner's own root issued the certificate is checked where the connection is: `check_issued_by`.
        """
        if identity.uri != admission.binding.uri:
            raise Refused(
                "identity-other",
                "the certificate must name the partner it is used for, it names another",
                at="certificate",
            )
        return cls(
            partner_id=admission.id,
            nation=admission.nation,
            clearances=admission.clearances,
            suspended=suspended,
            certificate_from_ms=identity.not_before_ms,
            certificate_until_ms=identity.not_after_ms,
            directory_until_ms=directory_until_ms,
            token=token,
        )


@dataclass(frozen=True, slots=True)
class AgreementFacts:
    """What an agreement permits.

    starts, ends: first and last day, both whole, UTC. ended: an operator ended it early.
    sources: pseudonyms, or `all`. designs: what it gives of COMMERCIAL, and which designs' records are inside it.
    ceiling_policy, ceiling_level: the highest grade, in the policy of the releasing authority.
    withhold: `kind.slot` names never released under it.
    delay_ms: how long a record waits after admission. records_per_month: None is no quota.
    """

    agreement_id: AgreementId
    partner_id: PartnerId
    starts: date
    ends: date
    ended: bool
    kinds: frozenset[RecordKind]
    modes: frozenset[DataMode]
    sources: frozenset[SourceId] | Literal["all"]
    designs: frozenset[str]
    ceiling_policy: str
    ceiling_level: str
    withhold: frozenset[str]
    origin_hidden: bool
    delay_ms: int
    records_per_month: int | None

    @classmethod
    def from_agreement(cls, agreement: Agreement, *, ended: bool) -> AgreementFacts:
        """What the signed text permits; `ended` says whether an operator ended it."""
        return cls(
            agreement_id=agreement.id,
            partner_id=agreement.partner_id,
            starts=agreement.starts,
            ends=agreement.ends,
            ended=ended,
            kinds=agreement.kinds,
            modes=agreement.modes,
            sources=agreement.sources,
            designs=agreement.designs,
            ceiling_policy=CEILING_POLICY,
            ceiling_level=agreement.ceiling,
            withhold=agreement.withhold,
            origin_hidden=agreement.origin_hidden,
            delay_ms=agreement.delay_ms,
            records_per_month=agreement.records_per_month,
        )

    @property
    def starts_ms(self) -> int:
        """First millisecond in force."""
        return day_start_ms(self.starts)

    @property
    def ends_ms(self) -> int:
        """First millisecond no longer in force: the one after the last day."""
        return day_start_ms(self.ends) + DAY_MS


class RecordFacts(NamedTuple):
    """One record as stored. A named tuple, because it is hashed once per record and partner on the hot path.

    design: the design the record is about, or "".
    slots: slot names of the record's schema, one per slot that has a name.
    labels: canonical label bytes per slot, None where the slot holds a decoy; as long as `slots`.
    must: mask of the slots without which nothing is shown.
    held: a hold or a recall names the record.
    unverifiable: no reader can verify its source's key: tainted, or in no directory any more.
    """

    kind: RecordKind
    data_mode: DataMode
    source_id: SourceId
    source_suspended: bool
    design: str
    held: bool
    slots: tuple[str, ...]
    labels: tuple[bytes | None, ...]
    must: int
    unverifiable: bool = False


def day_start_ms(day: date) -> int:
    """UTC milliseconds at which `day` begins."""
    return (day.toordinal() - EPOCH_DAY) * DAY_MS

"""The authority's side of a renewal: what it was asked, whether it may, and the certificate.

Nothing is taken from the gateway but bytes. A request is answered only if all of this holds, by the chain of statements
that was verified here:

1. it is signed with the key that CONTROL has for its holder, who is not stopped;
2. the holder is bound to a root of this home, a party by its admission, all others by the certificate in use;
3. the identity certified is the one that root and holder have together, and the certificate in use names it;
4. the TLS key is that of the certificate in use, and for a party that of the bundle beside its admission in CONTROL;
5. the certificate in use is of an authority of this home, and not revoked;
6. the request is not older than a week, not of the future, and newer than the one answered last.

So what is issued never says more than what was said before: a gateway's hosts are copied from the certificate this
authority issued, which names them. The request that was answered last is answered again with the same certificate: an
answer may be lost. Source: SPEC.md section 12.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from clients.certificates import certificate_request, der, leaf_of
from clients.enrolment import PartyRole
from clients.keyfiles import read_private_as
from clients.operator.answer import admission_of
from clients.operator.authorities import answered, authorities_of, keep_answered
from clients.operator.ca import LEAF_HOURS, MAX_LEAF_HOURS, Authority, PartyKind, root_digest, spiffe_id
from clients.operator.chain import Chain
from clients.operator.home import Home
from gateway.core.control.binding import Binding
from gateway.core.control.enrolment import parse_bundle
from gateway.core.control.renewal import Renewal, check_renewable
from gateway.core.errors import Refused
from gateway.core.parties.identity import Identity, check_issued_by
from gateway.core.parties.renewed import check_same_key, renewal_due_ms
from gateway.core.parties.request import checked_request
from gateway.core.suite.numbers import CLOCK_SKEW_MS, Holder

MAX_AGE_MS = MAX_LEAF_HOURS * 3_600_000
_PARTIES = {Holder.SOURCE: PartyRole.SOURCE, Holder.PARTNER: PartyRole.PARTNER}


def issue_next(chain: Chain, home: Home, renewal: Renewal, *, now: datetime, hours: int = LEAF_HOURS) -> bytes:
    """The certificate that answers a request, DER; kept in the home before it is given. Refuses as the module says.

    `root-other` says that another authority has to answer, and is no fault of anybody's.
    """
    binding = check_renewable(chain.control, renewal)
    authority = _authority_for(home, binding, renewal)
    kind = PartyKind(renewal.holder.name.lower())
    identity = check_same_key(renewal.certificate, renewal.certificate_request)
    expected = spiffe_id(authority.trust_domain, kind, renewal.holder_id)
    if identity.uri != expected or (binding is not None and binding.uri != expected):
        raise Refused("certificate-other-identity", f"`{expected}` must be the holder's identity", at=renewal.name)
    _check_admitted_key(chain, renewal)
    chain.control.check_certificate(identity.fingerprint, _issuer_of(home, renewal), identity.serial)
    _check_time(renewal, round(now.timestamp() * 1000))
    last = answered(home, renewal.name)
    if last is not None and last.digest == renewal.digest:
        return last.certificate
    if last is not None and renewal.time_ms <= last.time_ms:
        raise Refused("renewal-replayed", "a renewal must be newer than the one answered last", at=renewal.name)
    pem = authority.issue(
        renewal.certificate_request,
        kind,
        renewal.holder_id,
        now=now,
        hosts=hosts_of(renewal.certificate) if kind is PartyKind.GATEWAY else (),
        hours=hours,
    )
    certificate = der(leaf_of(pem))
    keep_answered(home, renewal, certificate)
    return certificate


def own_identity(home: Home) -> Identity:
    """What this operator's certificate in use says."""
    return Identity.from_certificate(der(leaf_of(home.connection().certificate_pem)))


def is_own_due(home: Home, now: datetime) -> bool:
    """Whether less than a third of its life is left."""
    return round(now.timestamp() * 1000) >= renewal_due_ms(own_identity(home))


def issue_own(home: Home, *, now: datetime, hours: int = LEAF_HOURS) -> bytes | None:
    """The operator's own next certificate, DER, where the authority is in the same home; None where it is not."""
    present = der(leaf_of(home.connection().certificate_pem))
    for authority in authorities_of(home):
        if _issued(authority, present):
            request = read_private_as(home.path / "tls.key", certificate_request)
            pem = authority.issue(request, PartyKind.OPERATOR, home.operator_id, now=now, hours=hours)
            return der(leaf_of(pem))
    return None


def hosts_of(certificate: bytes) -> Sequence[str]:
    """DNS names and addresses of a certificate of ours."""
    extensions = x509.load_der_x509_certificate(certificate).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return [*names.get_values_for_type(x509.DNSName), *addresses]


def _authority_for(home: Home, binding: Binding | None, renewal: Renewal) -> Authority:
    for authority in authorities_of(home):
        if binding is None and _issued(authority, renewal.certificate):
            return authority
        if binding is not None and binding.root == root_digest(authority.root):
            return authority
    raise Refused(
        "root-other", "the holder's certificates come from another authority than this home's", at=renewal.name
    )


def _issuer_of(home: Home, renewal: Renewal) -> str:
    """Fingerprint of the root of this home that issued the certificate in use; refuses `certificate-other-root`.

    Who has the TLS key can make a certificate of its own, with a serial number that nobody has revoked.
    """
    for authority in authorities_of(home):
        if _issued(authority, renewal.certificate):
            return root_digest(authority.root)
    raise Refused(
        "certificate-other-root",
        "the certificate in use must be of an authority of this home, it is of another",
        at=renewal.name,
        do="write its holder a new profile",
    )


def _issued(authority: Authority, certificate: bytes) -> bool:
    try:
        check_issued_by(certificate, der(authority.root))
    except Refused:
        return False
    return True


def _check_admitted_key(chain: Chain, renewal: Renewal) -> None:
    role = _PARTIES.get(renewal.holder)
    if role is None:
        return
    bundle = parse_bundle(admission_of(chain, role, renewal.holder_id).attachments[0])
    if checked_request(bundle.certificate_request) != checked_request(renewal.certificate_request):
        raise Refused("renewal-tls-key", "the TLS key must be the one that was admitted, it is not", at=renewal.name)


def _check_time(renewal: Renewal, now_ms: int) -> None:
    if not now_ms - MAX_AGE_MS <= renewal.time_ms <= now_ms + CLOCK_SKEW_MS:
        raise Refused("renewal-late", "a renewal must be of this week, and not of the future", at=renewal.name)

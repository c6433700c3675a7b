"""A whole small world for system tests: operators, an authority, a real gateway on loopback, enrolled parties.

Nothing is faked: LMDB with sync on, mutual TLS, real keys and signatures, statements entered through the gateway's own
RPC. Only the ceremony is short: one process holds what would be several people's homes.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from clients.certificates import certificate_request, new_tls_key
from clients.connection import Connection
from clients.enrolment import PartyRole, bundle_of, make_keys
from clients.keyfiles import write_private
from clients.operator.ca import Authority, PartyKind, root_digest
from clients.operator.drafts import lift_text, partner_text, source_text, suspension_text
from clients.operator.govern import Outcome, open_governance
from clients.profile import Profile
from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.adapters.owner_files import create_owner_file
from gateway.bootstrap import Gateway, load, make_store, restore_store
from gateway.core.control import guides
from gateway.core.control.agreement import Agreement
from gateway.core.control.directory import build_directory
from gateway.core.control.endorsing import encode_endorsement_list, endorsements_due
from gateway.core.control.enrolment import Bundle
from gateway.core.control.entry import ControlEntry
from gateway.core.control.statement import (
    SignedStatement,
    Statement,
    encode_signatures,
    first_statement,
    sign_statement,
)
from gateway.core.errors import Fault
from gateway.core.labels import vocabularies
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import StatementKind
from gateway.settings import Settings
from gateway.usecases.enrol import gateway_bundle
from gateway.usecases.restore import RestoredStore, proposed_restore

DOMAIN = "demo.example"
DAY_MS = 24 * 3600 * 1000
PORT_TRIES = 40
VOCABULARIES = ("DEU.1", "GBR.1", "NATO.1", "UKR.1", "USA.1")
CLEARANCES = {
    "usa/arl": ("USA", '[UKR]\nlevel = "T"\nREL = ["USA"]\n'),
    "gbr/dstl": ("GBR", '[UKR]\nlevel = "T"\nREL = ["GBR"]\n'),
    "deu/wtd81": ("DEU", '[UKR]\nlevel = "DSK"\nREL = ["DEU"]\n'),
}


def now_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


def agreement_text(partner_id: str, **changed: str) -> bytes:
    """An agreement with everything in it; `changed` replaces lines by key, with TOML values."""
    keys = {
        "id": f'"UA-{partner_id.replace("/", "-")}-1"',
        "from": '"ua/mod"',
        "to": f'"{partner_id}"',
        "basis": '"MoU 2026-05-11, annex B"',
        "starts": "2026-06-01",
        "ends": "2099-06-30",
        "kinds": '["telemetry", "tactic"]',
        "modes": '["SIMULATED"]',
        "sources": '"all"',
        "ceiling": '"T"',
        "purpose": '"EVALUATE"',
        "onward": '"no"',
        "origin": '"hidden"',
        "delay_h": "0",
        "accounts_shown_to_sources": '"amounts-and-partner"',
    } | changed
    return "".join(f"{key} = {value}\n" for key, value in keys.items()).encode()


@dataclass
class Stand:
    """The world. authorities: of parties that have another than the one of everybody."""

    root: Path
    operators: list[SigningKey]
    operator_tls: Path
    authority: Authority
    genesis: SignedStatement
    settings: Settings
    gateway_keys: Bundle
    port: int = 0
    head: bytes = b""
    position: int = 1
    bundles: dict[str, Bundle] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    agreements: dict[str, bytes] = field(default_factory=dict)
    authorities: dict[str, Authority] = field(default_factory=dict)
    running: Gateway | None = None

    @classmethod
    def found(cls, root: Path) -> Stand:
        """Operators, authority, genesis, and a store that has not run yet."""
        operators = [SigningKey.generate() for _ in range(2)]
        recovery = [SigningKey.generate() for _ in range(2)]
        lines = ["quorum = 2", "wait_hours = 1", "recovery_quorum = 2"]
        for number, key in enumerate(operators, 1):
            lines += ["[[operator]]", f'id = "officer-{number}"', f'person = "person-{number}"']
            lines += [f'key = "{key.key_digest.hex()}"']
        for number, key in enumerate(recovery, 1):
            lines += ["[[recovery]]", f'id = "recovery-{number}"', f'key = "{key.key_digest.hex()}"']
        statement = first_statement(("\n".join(lines) + "\n").encode(), now_ms(), now_ms() + DAY_MS)
        genesis = SignedStatement(statement, tuple(sign_statement(statement, key) for key in operators))
        authority = Authority.create(DOMAIN, datetime.now(UTC))
        folder = root / "gateway"
        folder.mkdir(parents=True)
        keys = KeyFiles.create(folder / "keys")
        tls_key = new_tls_key()
        create_owner_file(folder / "keys" / "tls.key", tls_key, "key")
        settings = Settings(
            gateway_id="demo",
            listen="127.0.0.1:0",
            store=folder / "store",
            keys=folder / "keys",
            kek=root / "kek",
            floor=root / "floor",
            roots=folder / "roots.pem",
            certificate=folder / "certificate.pem",
            tls_key=folder / "keys" / "tls.key",
            unsafe_kek_beside_store=True,
        )
        (folder / "roots.pem").write_bytes(authority.root_pem())
        bundle = gateway_bundle("demo", keys, tls_key)
        chain = authority.issue(
            bundle.certificate_request, PartyKind.GATEWAY, "demo", now=datetime.now(UTC), hosts=["127.0.0.1"]
        )
        (folder / "certificate.pem").write_bytes(chain)
        asyncio.run(make_store(settings, genesis))
        operator_tls = root / "officer-1.key"
        write_private(operator_tls, new_tls_key())
        return cls(root, operators, operator_tls, authority, genesis, settings, bundle, head=genesis.statement.link)

    @asynccontextmanager
    async def serving(self, settings: Settings | None = None) -> AsyncIterator[Gateway]:
        """The gateway in this process, listening until the block ends."""
        chosen = settings or replace(self.settings, listen=f"127.0.0.1:{self.port}")
        stop, tries = asyncio.Event(), 0
        while True:
            ready = asyncio.get_running_loop().create_future()
            gateway = Gateway(chosen, load(chosen, every_signature=False))
            task = asyncio.create_task(gateway.serve(stop, ready.set_result))
            await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                break
            tries += 1
            try:
                task.result()
            except Fault as fault:
                # Another test may have been given the port while this gateway was away; it lets go of it.
                if fault.code != "port-busy" or tries == PORT_TRIES:
                    raise
            await asyncio.sleep(0.5)
        self.port, self.running = ready.result(), gateway
        try:
            yield gateway
        finally:
            stop.set()
            self.running = None
            await task

    def back_up(self, name: str) -> Path:
        """A copy of the store as it lies there; the gateway must stand still."""
        backup = self.root / name
        shutil.copytree(self.settings.store, backup)
        return backup

    def put_back(self, backup: Path) -> None:
        """The copy in the store's place."""
        shutil.rmtree(self.settings.store)
        shutil.copytree(backup, self.settings.store)

    def restoring(self, *, signers: Sequence[SigningKey] | None = None, **changed: object) -> ControlEntry:
        """The RESTORE that is true of the store that lies there, signed; `changed` fields of it are not true."""
        loaded = load(self.settings, every_signature=False, below_floor=True)
        loaded.journals.close()
        # What was applied after the backup is lost: statements go on from its head.
        self.position, self.head = loaded.control.position, loaded.control.head
        body = replace(proposed_restore(loaded.folds, secrets.token_bytes(16)), **changed).encode()  # type: ignore[arg-type]  # fields of a RESTORE
        statement = self.statement(StatementKind.RESTORE, body)
        keys = self.operators if signers is None else signers
        signed = SignedStatement(statement, tuple(sign_statement(statement, key) for key in keys))
        return ControlEntry(signed, (), statement.proposed_at_ms)

    async def restore(self, entry: ControlEntry | None = None) -> RestoredStore:
        """Applies a RESTORE, the true one unless another is given, to the store that lies there."""
        entry = entry or self.restoring()
        restored = await restore_store(self.settings, [entry.signed])
        self.position, self.head = restored.position + 1, entry.statement.link
        return restored

    def connection(self, operator: int = 1) -> Connection:
        """How an operator reaches the gateway."""
        request = certificate_request(self.operator_tls.read_bytes())
        chain = self.authority.issue(request, PartyKind.OPERATOR, f"officer-{operator}", now=datetime.now(UTC))
        return Connection(
            f"127.0.0.1:{self.port}",
            f"spiffe://{DOMAIN}/gateway/demo",
            self.authority.root_pem(),
            chain,
            self.operator_tls,
        )

    def statement(self, kind: StatementKind, body: bytes) -> Statement:
        """The next statement."""
        link = self.genesis.statement.link
        return Statement(link, self.position, self.head, link, kind, body, now_ms(), now_ms() + DAY_MS)

    async def apply(
        self, kind: StatementKind, body: bytes, *attachments: bytes, signers: Sequence[SigningKey] | None = None
    ) -> Outcome:
        """Signs and proposes a statement; it must be applied."""
        statement = self.statement(kind, body)
        keys = self.operators if signers is None else signers
        signatures = encode_signatures([sign_statement(statement, key) for key in keys])
        async with open_governance(self.connection()) as governance:
            outcome = await governance.propose(statement.encode(), signatures, attachments, "a test")
        if outcome.state.value == "APPLIED":
            self.position, self.head = self.position + 1, statement.link
        return outcome

    def enrol(self, party_id: str, role: PartyRole) -> Bundle:
        """Keys of a party in its own folder."""
        folder = self.root / party_id.replace("/", "-")
        make_keys(folder, role)
        self.bundles[party_id] = bundle_of(folder, role, party_id)
        return self.bundles[party_id]

    async def vocabularies_and_guide(self) -> None:
        """The shipped vocabularies and the default guide."""
        for name in VOCABULARIES:
            self.texts[name] = files(vocabularies).joinpath(f"{name}.toml").read_bytes()
            await self.apply(StatementKind.VOCABULARY, self.texts[name])
        self.texts["guide"] = files(guides).joinpath("UAS-2026-2.toml").read_bytes()
        await self.apply(StatementKind.GUIDE, self.texts["guide"])

    async def admit_source(self, source_id: str, scope: str = "telemetry,tactic//SIMULATED") -> None:
        """Enrols and admits a source."""
        bundle = self.enrol(source_id, PartyRole.SOURCE)
        text = source_text(bundle, scope=scope, **self._bound(source_id))
        self.texts[source_id] = text
        await self.apply(StatementKind.SOURCE, text, bundle.encoded)

    async def admit_partner(self, partner_id: str, agreement: bytes | None = None) -> None:
        """Enrols and admits a partner with one agreement."""
        bundle = self.enrol(partner_id, PartyRole.PARTNER)
        nation, clearance = CLEARANCES[partner_id]
        text = partner_text(bundle, nation=nation, clearance=clearance.encode(), **self._bound(partner_id))
        self.texts[partner_id] = text
        await self.apply(StatementKind.PARTNER, text, bundle.encoded)
        self.agreements[partner_id] = agreement or agreement_text(partner_id)
        await self.apply(StatementKind.AGREEMENT, self.agreements[partner_id])

    def _bound(self, party_id: str) -> dict[str, str]:
        authority = self._authority_of(party_id)
        return {"trust_domain": authority.trust_domain, "root": root_digest(authority.root)}

    def _authority_of(self, party_id: str) -> Authority:
        return self.authorities.get(party_id, self.authority)

    async def issue_directory(self) -> Outcome:
        """A directory over everything applied so far."""
        assert self.running is not None
        control = self.running.running.control
        listed = endorsements_due(
            control, self.gateway_keys, [secrets.token_bytes(32) for _ in range(64)], now_ms(), now_ms() + 400 * DAY_MS
        )
        number = control.directory.newest.dir_no + 1 if control.directory else 1
        at_ms = now_ms()
        directory, _ = build_directory(
            [one for one, _ in listed], dir_no=number, issued_at_ms=at_ms, expires_at_ms=at_ms + 7 * DAY_MS
        )
        return await self.apply(StatementKind.DIRECTORY, directory.encode(), encode_endorsement_list(listed))

    async def suspend(self, kind: PartyKind, party_id: str) -> Outcome:
        """One operator stops a party."""
        return await self.apply(
            StatementKind.SUSPEND, suspension_text(kind, party_id, "a test"), signers=self.operators[:1]
        )

    async def resume(self, kind: PartyKind, party_id: str) -> Outcome:
        """The quorum takes it up again."""
        return await self.apply(StatementKind.LIFT, lift_text(kind, party_id, "a test"))

    async def populate(self, *partners: str, sources: Sequence[str] = ("src-3f07",)) -> None:
        """Vocabularies, guide, sources, partners with agreements, and a directory."""
        await self.vocabularies_and_guide()
        for source_id in sources:
            await self.admit_source(source_id)
        for partner_id in partners or tuple(CLEARANCES):
            await self.admit_partner(partner_id)
        await self.issue_directory()

    def profile(self, party_id: str) -> Profile:
        """The party's profile, written and read back."""
        is_source = party_id not in self.agreements
        kind = PartyKind.SOURCE if is_source else PartyKind.PARTNER
        folder = party_id.replace("/", "-")
        request, authority = self.bundles[party_id].certificate_request, self._authority_of(party_id)
        chain = authority.issue(request, kind, party_id, now=datetime.now(UTC))
        profile = Profile(
            folder=self.root,
            role=PartyRole.SOURCE if is_source else PartyRole.PARTNER,
            id=party_id,
            keys=folder,
            endpoint=f"127.0.0.1:{self.port}",
            server=f"spiffe://{DOMAIN}/gateway/demo",
            roots_pem=b"".join(dict.fromkeys((self.authority.root_pem(), authority.root_pem()))),
            certificate_pem=chain,
            genesis=self.genesis,
            roster_link=self.genesis.statement.link,
            roster_text=self.genesis.statement.body,
            admission_text=self.texts[party_id],
            agreements=() if is_source else (Agreement.parse(self.agreements[party_id]),),
            guide_text=self.texts["guide"] if is_source else None,
            vocabularies=tuple((name, text_digest(name, self.texts[name])) for name in VOCABULARIES),
        )
        path = self.root / f"{folder}.profile"
        profile.write(path)
        return Profile.load(path)

    def root_der(self) -> bytes:
        """The authority's root."""
        return self.authority.root.public_bytes(Encoding.DER)

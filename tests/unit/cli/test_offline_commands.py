"""What is done without a gateway: keys, the founding, certificates, the check of a guide, a party's enrolment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from clients.cli.sluice_client import client
from clients.cli.sluicectl import sluicectl
from clients.operator.home import read_genesis
from clients.operator.shipped import guide_text, vocabulary_text
from gateway.core.control.roster import Roster, check_signatures


class Desk:
    """Commands in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.words: dict[str, str] = {}

    def path(self, name: str) -> str:
        """A file of the folder."""
        return str(self.folder / name)

    def run(self, home: str, *words: str, typed: str | bytes = "") -> Result:
        """`sluicectl` in a home."""
        return CliRunner().invoke(sluicectl, ["--home", self.path(home), *words], input=typed)

    def facts(self, home: str, *words: str) -> dict[str, Any]:
        """The JSON of a command that must succeed."""
        ran = self.run(home, *words, "--json")
        assert ran.exit_code == 0, ran.stderr
        return dict(json.loads(ran.stdout))

    def refused(self, home: str, *words: str) -> tuple[int, str]:
        """Exit code and error code of a command that must fail."""
        ran = self.run(home, *words, "--json")
        return ran.exit_code, json.loads(ran.stderr.strip().splitlines()[-1])["code"]

    def init(self, name: str, *extra: str) -> None:
        """A home with keys."""
        made = self.facts(name, "operator", "init", name, *extra, "--out", self.path(f"{name}.operator"))
        self.words[name] = made["words"]

    def genesis_words(self, *changed: str) -> list[str]:
        """The words that found a gateway."""
        cards = [self.path("a.operator"), self.path("b.operator")]
        recovery = ["--recovery", self.path("r.operator"), "--recovery", self.path("s.operator")]
        return ["genesis", "make", *cards, *recovery, "--out", self.path("genesis.sluice"), *changed]


PERSONS = ("--person", "a=one", "--person", "b=two")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Two operators and two recovery keys, made once: the words of each card take their time."""
    desk = Desk(tmp_path_factory.mktemp("homes"))
    desk.init("a")
    desk.init("b")
    desk.init("r", "--recovery")
    desk.init("s", "--recovery")
    return desk


@pytest.fixture
def desk(made: Desk, tmp_path: Path) -> Desk:
    """The same homes and cards in a folder of the test's own."""
    desk = Desk(tmp_path)
    shutil.copytree(made.folder, desk.folder, dirs_exist_ok=True)
    desk.words = dict(made.words)
    return desk


def test_a_genesis_is_made_by_one_and_signed_by_all(desk: Desk) -> None:
    """Everyone it names signs it, each at their own desk."""
    made = desk.facts("a", *desk.genesis_words(*PERSONS, "--yes"))
    signed = desk.facts("b", "genesis", "sign", desk.path("genesis.sluice"), "--yes")
    shown = desk.run("r", "genesis", "show", desk.path("genesis.sluice"))

    assert (made["missing"], made["complete"]) == (["b"], False)
    assert made["words"] == desk.words
    assert (signed["missing"], signed["complete"]) == ([], True)
    founding = read_genesis(Path(desk.path("genesis.sluice")).read_bytes())
    check_signatures(founding, Roster.parse(founding.statement.body))
    assert founding.statement.link.hex() == signed["genesis"]
    assert "complete: signed by a, b" in shown.stdout
    assert 'person = "two"' in shown.stdout


@pytest.mark.must("12.3.3")
def test_the_words_of_every_card_are_printed_to_be_compared(desk: Desk) -> None:
    """A card that was exchanged on its way would be an operator."""
    ran = desk.run("a", *desk.genesis_words(*PERSONS, "--yes"))

    for name, words in desk.words.items():
        assert f"compare   by voice: {name} `{words}`" in ran.stdout
    assert "still needs b" in ran.stdout


def test_a_genesis_is_confirmed_by_typing(desk: Desk) -> None:
    """It is the one signature that everything hangs on."""
    assert desk.refused("a", *desk.genesis_words(*PERSONS)) == (2, "not-confirmed")
    for typed in ("gatewya\n", b"\xff\xfe\n"):
        assert desk.run("a", *desk.genesis_words(*PERSONS), typed=typed).exit_code == 2
    assert not Path(desk.path("genesis.sluice")).exists()
    assert desk.run("a", *desk.genesis_words(*PERSONS), typed="gateway\n").exit_code == 0


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_reason_says_something(desk: Desk, reason: str) -> None:
    """It is what the others judge by, and what an auditor reads in a year."""
    words = ["change", "sign", desk.path("47.change"), "--reason", reason]

    assert desk.refused("a", *words) == (2, "usage")
    assert "--reason" in desk.run("a", *words).stderr


def test_a_genesis_is_never_replaced(desk: Desk) -> None:
    """The others may have signed the one that is there."""
    desk.facts("a", *desk.genesis_words(*PERSONS, "--yes"))

    assert desk.refused("a", *desk.genesis_words(*PERSONS, "--yes")) == (2, "file-exists")


def test_nobody_signs_a_genesis_twice_or_from_outside(desk: Desk) -> None:
    """One signature for each person it names, and for nobody else."""
    desk.facts("a", *desk.genesis_words(*PERSONS, "--yes"))
    sign = ["genesis", "sign", desk.path("genesis.sluice"), "--yes"]

    assert desk.refused("a", *sign) == (5, "own-approval")
    assert desk.refused("r", *sign) == (5, "not-an-operator")


@pytest.mark.parametrize(
    ("persons", "code"),
    [
        (("--person", "a=one"), "persons"),
        (("--person", "a"), "persons"),
        (("--person", "a=", "--person", "b=two"), "persons"),
        (("--person", "a=one", "--person", "b=ONE"), "roster-unsafe"),
        ((*PERSONS, "--quorum", "1"), "roster-unsafe"),
        ((*PERSONS, "--quorum", "3"), "roster-unsafe"),
        ((*PERSONS, "--wait-hours", "0"), "text-value"),
    ],
)
def test_a_roster_in_which_one_person_could_act_alone_is_refused(
    desk: Desk, persons: tuple[str, ...], code: str
) -> None:
    """Everything that widens rests on two persons."""
    assert desk.refused("a", *desk.genesis_words(*persons, "--yes")) == (2, code)


def test_a_damaged_genesis_is_refused(desk: Desk) -> None:
    """A signature that does not verify is nobody's."""
    desk.facts("a", *desk.genesis_words(*PERSONS, "--yes"))
    path = Path(desk.path("genesis.sluice"))
    genesis = path.read_bytes()
    path.write_bytes(genesis[:-1] + bytes([genesis[-1] ^ 1]))

    assert desk.refused("b", "genesis", "sign", str(path), "--yes") == (5, "statement-signature")
    assert desk.refused("b", "genesis", "show", str(path)) == (5, "statement-signature")


@pytest.mark.must("12.3.4")
def test_a_home_is_connected_with_everything_or_not_at_all(desk: Desk) -> None:
    """A genesis that not everyone signed founds nothing."""
    desk.facts("a", *desk.genesis_words(*PERSONS, "--yes"))
    desk.facts("a", "ca", "init", "--trust-domain", "sluice.example", "--out", desk.path("roots.pem"))
    issue = ["ca", "issue", desk.path("a.operator"), "--words", desk.words["a"], "--out", desk.path("a.pem")]
    desk.facts("a", *issue)
    words = ["operator", "connect", "--gateway", "gw:1", "--server", "spiffe://sluice.example/gateway/demo"]
    words += ["--roots", desk.path("roots.pem"), "--certificate", desk.path("a.pem")]

    assert desk.refused("a", *words) == (2, "not-connected")
    assert desk.refused("a", *words, "--genesis", desk.path("genesis.sluice")) == (5, "signatures-too-few")
    assert desk.refused("r", *words, "--genesis", desk.path("genesis.sluice")) == (2, "recovery-offline")
    desk.facts("b", "genesis", "sign", desk.path("genesis.sluice"), "--yes")
    ran = desk.run("a", *words, "--genesis", desk.path("genesis.sluice"))
    assert ran.exit_code == 0
    assert "spiffe://sluice.example/operator/a, certificate until" in ran.stdout


@pytest.mark.must("12.2.3")
def test_a_certificate_is_issued_for_a_card_whose_words_were_heard(desk: Desk) -> None:
    """The words stand for the key; nothing else says whose it is."""
    assert desk.refused("a", "ca", "issue", desk.path("b.operator"), "--words", "x") == (2, "ca-missing")
    desk.facts("a", "ca", "init", "--trust-domain", "sluice.example", "--out", desk.path("roots.pem"))

    assert desk.refused("a", "ca", "issue", desk.path("b.operator"), "--words", desk.words["a"]) == (5, "words-differ")
    assert not Path(desk.path("b.pem")).exists()
    ran = desk.run("a", "ca", "issue", desk.path("b.operator"), "--words", desk.words["b"])
    assert "issued    spiffe://sluice.example/operator/b until" in ran.stdout
    leaf = x509.load_pem_x509_certificate(Path(desk.path("b.pem")).read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://sluice.example/operator/b"]


@pytest.mark.must("12.3.2")
def test_a_recovery_key_gets_no_certificate(desk: Desk) -> None:
    """It lies offline."""
    desk.facts("a", "ca", "init", "--trust-domain", "sluice.example", "--out", desk.path("roots.pem"))

    words = ["ca", "issue", desk.path("r.operator"), "--words", desk.words["r"]]
    assert desk.refused("a", *words) == (2, "recovery-offline")


@pytest.mark.parametrize("role", ["source", "partner"])
def test_a_partys_certificate_names_its_role(desk: Desk, role: str) -> None:
    """The bundle's keys say what it is."""
    desk.facts("a", "ca", "init", "--trust-domain", "sluice.example", "--out", desk.path("roots.pem"))
    enrolled = CliRunner().invoke(
        client, ["enrol", "x/1", "--role", role, "--gateway", "gw:1", "--out", desk.path("x"), "--json"]
    )
    words = json.loads(enrolled.stdout)["words"]

    issued = desk.facts("a", "ca", "issue", desk.path("x.enrol"), "--words", words)

    assert issued["identity"] == f"spiffe://sluice.example/{role}/x/1"


def test_an_enrolment_says_what_was_made_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two lines of the manual, with the files they name."""
    monkeypatch.chdir(tmp_path)

    ran = CliRunner().invoke(client, ["enrol", "usa/arl", "--gateway", "gw.example.ua:8443"])

    made, send = ran.stdout.splitlines()
    assert made == "made      usa-arl/: TLS, receipt-signing and decryption keys (0600, stay here)"
    assert send.startswith(
        "send      usa-arl.enrol (public) to the operator of gw.example.ua:8443; confirm by phone: `"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["usa-arl", "usa-arl.enrol"]


@pytest.mark.parametrize("words", [["usa/arl", "--gateway", "gw"], ["usa arl", "--gateway", "gw:1"]])
def test_an_enrolment_with_a_mistake_makes_no_key(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of nobody would only be in the way."""
    monkeypatch.chdir(tmp_path)

    ran = CliRunner().invoke(client, ["enrol", *words])

    assert ran.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_guide_is_checked_without_a_gateway(desk: Desk) -> None:
    """The shipped one is right, and every floor is told."""
    facts = desk.facts("a", "guide", "check", "UAS-2026-2")

    floors = {(one["kind"], one["mode"], one["portion"]): one["floor"] for one in facts["floors"]}
    assert floors[("telemetry", "REAL", "position")] == "UKR.1 T//REL GBR,USA"
    assert floors[("telemetry", "SIMULATED", "position")] == "UKR.1 DSK//REL GBR,USA"
    assert "within reach" in desk.run("a", "guide", "check", "UAS-2026-2").stdout


def test_a_portion_that_nobody_could_ever_get_is_named(desk: Desk) -> None:
    """A guide that can never release something was not meant so."""
    text = (
        guide_text("UAS-2026-2")
        .decode()
        .replace('conditions      = "DSK//REL DEU,GBR,USA"', 'conditions      = "OPEN"')
    )
    Path(desk.path("guide.toml")).write_text(text, "utf-8")
    Path(desk.path("ukr.toml")).write_bytes(vocabulary_text("UKR.1"))

    words = ["guide", "check", desk.path("guide.toml"), "--vocabulary", desk.path("ukr.toml")]
    assert desk.refused("a", *words) == (2, "unreachable-portion")


@pytest.mark.parametrize(
    "words",
    [
        ("genesis", "show", "FILE"),
        ("genesis", "sign", "FILE", "--yes"),
        ("genesis", "make", "FILE", "b.operator", *PERSONS, "--yes"),
        ("ca", "issue", "FILE", "--words", "x"),
        ("change", "sign", "FILE", "--reason", "x"),
        ("change", "import", "FILE", "--reason", "x"),
        ("restore", "show", "FILE"),
        ("guide", "check", "UAS-2026-2", "--vocabulary", "FILE"),
        ("ledger", "verify", "b.operator", "--genesis", "FILE"),
        ("agreement", "propose", "FILE", "--reason", "x"),
        ("ca", "revoke", "--certificate", "FILE", "--reason", "x"),
        ("source", "admit", "FILE", "--id", "s", "--scope", "tactic//TEST", "--words", "x", "--reason", "x"),
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_a_file_that_is_something_else_is_named(desk: Desk, words: tuple[str, ...]) -> None:
    """Of several files a person must know which was the wrong one."""
    wrong = Path(desk.path("photo.jpg"))
    wrong.write_bytes(bytes(range(256)) * 8)
    desk.facts("a", "ca", "init", "--trust-domain", "sluice.example", "--out", desk.path("roots.pem"))

    given = {"FILE": str(wrong), "b.operator": desk.path("b.operator")}
    ran = desk.run("a", *(given.get(word, word) for word in words), "--json")

    assert ran.exit_code in {2, 5}
    assert json.loads(ran.stderr.strip().splitlines()[-1])["at"].startswith(str(wrong))


def test_help_of_every_noun_works_without_a_home(tmp_path: Path) -> None:
    """A newcomer reads before making anything."""
    nouns = CliRunner().invoke(sluicectl, ["--help"]).stdout

    for noun in ("operator", "genesis", "ca", "change", "source", "partner", "agreement", "guide", "vocabulary"):
        ran = CliRunner().invoke(sluicectl, ["--home", str(tmp_path / "none"), noun, "--help"])
        assert ran.exit_code == 0
        assert noun in nouns


def test_a_command_without_a_home_says_what_to_do(tmp_path: Path) -> None:
    """The first error of every newcomer."""
    ran = CliRunner().invoke(sluicectl, ["--home", str(tmp_path / "none"), "status", "--json"])

    assert (ran.exit_code, json.loads(ran.stderr)["code"]) == (2, "home-missing")


def test_help_imports_neither_grpc_nor_cryptography() -> None:
    """Completion and help are typed all the time and must be instant."""
    check = (
        "import sys; from clients.cli.sluicectl import sluicectl\n"
        "try: sluicectl.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'grpc', 'cryptography'} & set(sys.modules)))"
    )

    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines()[-1] == "[]"


def test_offline_commands_do_not_import_grpc() -> None:
    """A founding needs no network, so it needs no network library."""
    check = (
        "import sys, clients.cli.sluicectl_genesis, clients.cli.sluicectl_ca, clients.cli.sluicectl_operator\n"
        "print('grpc' in sys.modules)"
    )

    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"

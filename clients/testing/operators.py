"""Two officers and their ceremony, by `sluicectl`: found a gateway, admit, agree, approve, suspend, give a profile.

officer-1 has the authority and proposes, officer-2 approves: nothing that widens is in force without both. What waits
for the second of them is collected and approved at once, when somebody first needs it, because each command costs a
third of a second. Source: architecture section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from clients.testing.commands import DONE, PENDING, Commands, Facts
from clients.testing.served import HOST

DOMAIN = "sluice.example"
GATEWAY_ID = "demo"
GUIDE = "UAS-2026-2"
VOCABULARIES = ("UKR.1", "USA.1", "NATO.1", "GBR.1", "DEU.1")
OFFICERS = ("officer-1", "officer-2")
PERSONS = ("kovalenko", "shevchuk")
_RECOVERY = ("recovery-1", "recovery-2")
_REASON = ("--reason", "a test")


@dataclass(slots=True)
class Operators:
    """Both officers. spoken: the words of every public file, by whose it is; a person would hear them read out.

    wait_hours: how long a next roster can be stopped.
    """

    commands: Commands
    vocabularies: Sequence[str] = VOCABULARIES
    spoken: dict[str, str] = field(default_factory=dict)
    wait_hours: int = 72
    _pending: list[str] = field(default_factory=list)
    _is_directory_due: bool = False

    def path(self, name: str) -> Path:
        """A file of the folder in which all of this lies."""
        return self.commands.folder / name

    def of(self, number: int, *words: str, accept: Sequence[int] = (DONE,)) -> Facts:
        """What `sluicectl` prints in the home of officer 1 or 2."""
        return self._at(f"officer-{number}", *words, accept=accept)

    def _at(self, home: str, *words: str, accept: Sequence[int] = (DONE,)) -> Facts:
        return self.commands.facts("sluicectl", "--home", str(self.path(home)), *words, accept=accept)

    def found(self) -> None:
        """Keys, authority and genesis, and the gateway's folder with its certificate: all but its process."""
        self.commands.together(*(partial(self._make_home, name) for name in (*OFFICERS, *_RECOVERY)))
        cards = [str(self.path(f"{name}.operator")) for name in OFFICERS]
        persons = [word for pair in zip(OFFICERS, PERSONS, strict=True) for word in ("--person", "=".join(pair))]
        recovery = [word for name in _RECOVERY for word in ("--recovery", str(self.path(f"{name}.operator")))]
        genesis, wait = str(self.path("genesis.sluice")), ("--wait-hours", str(self.wait_hours))
        self.commands.together(
            lambda: self.of(1, "ca", "init", "--trust-domain", DOMAIN, "--out", str(self.path("roots.pem"))),
            lambda: self.of(1, "genesis", "make", *cards, *persons, *recovery, *wait, "--out", genesis, "--yes"),
        )
        self.of(2, "genesis", "sign", genesis, "--yes")
        self.commands.together(self._init, *(partial(self._certify, name) for name in OFFICERS))

    def _make_home(self, name: str) -> None:
        offline = ("--recovery",) if name in _RECOVERY else ()
        card = str(self.path(f"{name}.operator"))
        self.spoken[name] = str(self._at(name, "operator", "init", name, *offline, "--out", card)["words"])

    def _init(self) -> None:
        folder = self.path("gateway")
        # Everything lies on one disk in a test, so store and key do too; the flag says what that is.
        made = self.commands.facts(
            *("sluice", "init", str(folder), "--genesis", str(self.path("genesis.sluice"))),
            *("--roots", str(self.path("roots.pem")), "--name", GATEWAY_ID),
            *("--listen", f"{HOST}:0", "--unsafe-kek-beside-store"),
        )
        self.spoken["gateway"] = str(made["words"])
        self._issue(folder / "gateway.enrol", "gateway", folder / "certificate.pem", "--host", HOST)

    def _certify(self, name: str) -> None:
        self._issue(self.path(f"{name}.operator"), name, self.path(f"{name}.pem"))

    def _issue(self, public: Path, whose: str, certificate: Path, *words: str) -> None:
        spoken = ("--words", self.spoken[whose])
        self.of(1, "ca", "issue", str(public), *spoken, *words, "--out", str(certificate))

    def connect(self, endpoint: str) -> None:
        """Both officers know the gateway that listens, and propose the vocabularies and the guide."""
        self.commands.together(*(partial(self._connect, number, endpoint) for number in (1, 2)))
        self._propose("vocabulary", "propose", *self.vocabularies)
        self._propose("guide", "propose", GUIDE)

    def _connect(self, number: int, endpoint: str) -> None:
        certificate = ("--certificate", str(self.path(f"officer-{number}.pem")))
        self.of(number, "operator", "connect", *self.gateway_words(endpoint), *certificate)

    def gateway_words(self, endpoint: str) -> list[str]:
        """The options of `sluicectl operator connect` that say which gateway."""
        return [
            *("--gateway", endpoint, "--server", f"spiffe://{DOMAIN}/gateway/{GATEWAY_ID}"),
            *("--roots", str(self.path("roots.pem")), "--genesis", str(self.path("genesis.sluice"))),
        ]

    def admit(self, role: str, party_id: str, bundle: str, *options: str) -> None:
        """officer-1 proposes an admission by the words it heard; the party's keys will need a directory."""
        self._propose(role, "admit", bundle, "--id", party_id, "--words", self.spoken[party_id], *options)
        self._is_directory_due = True

    def agree(self, text: Path) -> None:
        """officer-1 proposes an agreement."""
        self._propose("agreement", "propose", str(text))

    def _propose(self, *words: str) -> None:
        facts = self.of(1, *words, "--yes", *_REASON, accept=(DONE, PENDING))
        listed = facts.get("changes", [facts])
        self._pending += [str(one["change"]) for one in listed] if isinstance(listed, list) else []

    def settle(self) -> None:
        """officer-2 approves what is pending; a directory that is due is issued and approved."""
        self._approve(2)
        if self._is_directory_due:
            gateway = ("--gateway", str(self.path("gateway") / "gateway.enrol"), "--words", self.spoken["gateway"])
            self._propose("directory", "issue", *gateway)
            self._approve(2)
            self._is_directory_due = False

    def _approve(self, number: int) -> None:
        if self._pending:
            self.of(number, "change", "approve", *self._pending, "--yes", *_REASON)
            self._pending.clear()

    def suspend(self, role: str, party_id: str) -> None:
        """officer-2 alone stops a party. What was pending is settled before: a suspension would make it void."""
        self.settle()
        self.of(2, role, "suspend", party_id, *_REASON)

    def resume(self, role: str, party_id: str) -> None:
        """Both take it up again."""
        self.settle()
        self._propose(role, "resume", party_id)
        self._approve(2)

    def end(self, agreement_id: str) -> None:
        """officer-2 alone ends an agreement, for good."""
        self.settle()
        self.of(2, "agreement", "end", agreement_id, *_REASON)

    def profile(self, role: str, party_id: str, out: Path) -> None:
        """officer-1 answers an enrolment with the one file."""
        self.of(1, role, "profile", party_id, "--out", str(out))

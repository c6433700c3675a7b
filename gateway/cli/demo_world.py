"""Founding the demo's small world by the real commands: operators with homes, an authority, a gateway and parties.

Everything is under one folder and is made again at every run. The gateway process is given its own folder only, never
an operator's home.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from gateway.cli.commands import Background, run

SOURCE = "src-3f07"
DOMAIN = "sluice.demo"


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner of the demo: its nation, and three reasons to get different portions."""

    nation: str
    clearance: str
    ceiling: str
    withhold: str = ""


PARTNERS: Mapping[str, Partner] = {
    # Cleared for everything that is releasable to it.
    "usa/arl": Partner("USA", '[UKR]\nlevel = "T"\nREL = ["USA"]\n', "T"),
    # Cleared as highly, but its agreement keeps the exact track back.
    "gbr/dstl": Partner(
        "GBR",
        '[UKR]\nlevel = "T"\nREL = ["GBR"]\n',
        "T",
        'withhold  = ["telemetry.position", "telemetry.kinematics"]\n',
    ),
    # Not among those the guide releases the track to.
    "deu/wtd81": Partner("DEU", '[UKR]\nlevel = "DSK"\nREL = ["DEU"]\n', "DSK"),
}
_REASON = ("--reason", "demo")
_AGREEMENT = """\
id        = "UA-{short}-2026-001"
from      = "ua/mod"
to        = "{partner}"
basis     = "fictitious, for the demo"
starts    = 2026-01-01
ends      = 2099-12-31
kinds     = ["telemetry", "tactic"]
modes     = ["SIMULATED"]
sources   = "all"
ceiling   = "{ceiling}"
{withhold}purpose   = "EVALUATE"
onward    = "no"
origin    = "hidden"
delay_h   = 0
accounts_shown_to_sources = "amounts-and-partner"
"""


def short(party_id: str) -> str:
    """`usa-arl` of `usa/arl`."""
    return party_id.replace("/", "-")


@dataclass
class World:
    """The founded world. port: 0 takes a free one at the first start and keeps it."""

    root: Path
    port: int
    genesis: str = ""
    gateway: Background | None = None
    starts: int = 0
    words: dict[str, str] = field(default_factory=dict)

    def operator(self, number: int, *words: str) -> dict[str, object]:
        """An operator's command with the home it belongs to."""
        return run(["sluicectl", "--home", str(self.root / f"officer-{number}"), *words], self.root)

    def client(self, *words: str, accept: tuple[int, ...] = (0,)) -> dict[str, object]:
        """A party's command."""
        return run(["sluice-client", *words], self.root, accept=accept)

    def found(self) -> None:
        """Operators, authority, genesis, and the gateway's folder."""
        self.operator(1, "operator", "init", "officer-1")
        self.operator(2, "operator", "init", "officer-2")
        for number in (1, 2):
            home = str(self.root / f"recovery-{number}")
            run(["sluicectl", "--home", home, "operator", "init", f"recovery-{number}", "--recovery"], self.root)
        self.operator(1, "ca", "init", "--trust-domain", DOMAIN)
        made = self.operator(
            1,
            *("genesis", "make", "officer-1.operator", "officer-2.operator", "--yes"),
            *("--person", "officer-1=person-1", "--person", "officer-2=person-2"),
            *("--recovery", "recovery-1.operator", "--recovery", "recovery-2.operator"),
        )
        self.operator(2, "genesis", "sign", "genesis.sluice", "--yes")
        self.genesis = str(made["genesis"])
        words = made["words"]
        cards = words if isinstance(words, dict) else {}
        # Everything lies on one disk in a demo, so store and key do too; the flag says what that is.
        gateway = run(
            [
                *("sluice", "init", "gateway", "--genesis", "genesis.sluice", "--roots", "roots.pem", "--name", "demo"),
                *("--listen", f"127.0.0.1:{self.port}", "--unsafe-kek-beside-store"),
            ],
            self.root,
        )
        self.words["gateway"] = str(gateway["words"])
        self.operator(
            1,
            *("ca", "issue", "gateway/gateway.enrol", "--words", self.words["gateway"], "--host", "127.0.0.1"),
            *("--out", "gateway/certificate.pem"),
        )
        for number in (1, 2):
            card = f"officer-{number}"
            self.operator(
                1, "ca", "issue", f"{card}.operator", "--words", str(cards.get(card, "")), "--out", f"{card}.pem"
            )

    def serve(self) -> None:
        """Starts the gateway and waits until it listens."""
        self.starts += 1
        name = f"serve-{self.starts}"
        words = ["sluice", "serve", "gateway", "--listen", f"127.0.0.1:{self.port}", "--json"]
        self.gateway = process = Background(words, self.root, name)
        process.wait_until(lambda: b"\n" in process.out.read_bytes(), "listening")
        listening = json.loads(process.out.read_text("utf-8").splitlines()[0])["listening"]
        self.port = int(listening.rpartition(":")[2])

    def connect(self) -> None:
        """Tells both operators' homes their gateway."""
        for number in (1, 2):
            self.operator(
                number,
                *("operator", "connect", "--gateway", f"127.0.0.1:{self.port}"),
                *("--server", f"spiffe://{DOMAIN}/gateway/demo", "--roots", "roots.pem"),
                *("--certificate", f"officer-{number}.pem", "--genesis", "genesis.sluice"),
            )

    def enrol(self) -> None:
        """Each party makes its own keys; the words come from its own screen."""

        def one(party: str) -> str:
            role = "source" if party == SOURCE else "partner"
            endpoint = f"127.0.0.1:{self.port}"
            made = self.client("enrol", party, "--gateway", endpoint, "--role", role, "--out", short(party))
            return str(made["words"])

        parties = [SOURCE, *PARTNERS]
        with ThreadPoolExecutor(max_workers=2) as pool:
            self.words.update(zip(parties, pool.map(one, parties), strict=True))

    def admit(self) -> None:
        """officer-1 proposes everything, officer-2 approves it; then the directory the same way."""
        changes = self._changes(
            self.operator(1, "vocabulary", "propose", "UKR.1", "USA.1", "NATO.1", "GBR.1", "DEU.1", "--yes", *_REASON)
        )
        changes += self._changes(self.operator(1, "guide", "propose", "UAS-2026-2", "--yes", *_REASON))
        admission = ("--id", SOURCE, "--scope", "telemetry,tactic//SIMULATED", "--words", self.words[SOURCE])
        changes += self._changes(self.operator(1, "source", "admit", f"{SOURCE}.enrol", *admission, "--yes", *_REASON))
        for partner, terms in PARTNERS.items():
            (self.root / f"{short(partner)}.clearance.toml").write_text(terms.clearance, "utf-8")
            text = _AGREEMENT.format(
                short=terms.nation, partner=partner, ceiling=terms.ceiling, withhold=terms.withhold
            )
            (self.root / f"{short(partner)}.agreement.toml").write_text(text, "utf-8")
            admission = ("--id", partner, "--nation", terms.nation, "--words", self.words[partner])
            clearance_file = ("--clearance", f"{short(partner)}.clearance.toml")
            changes += self._changes(
                self.operator(
                    1, "partner", "admit", f"{short(partner)}.enrol", *admission, *clearance_file, "--yes", *_REASON
                )
            )
            changes += self._changes(
                self.operator(1, "agreement", "propose", f"{short(partner)}.agreement.toml", "--yes", *_REASON)
            )
        self.operator(2, "change", "approve", *changes, "--yes", *_REASON)
        directory = self.operator(
            1,
            *("directory", "issue", "--gateway", "gateway/gateway.enrol", "--words", self.words["gateway"]),
            *("--yes", *_REASON),
        )
        self.operator(2, "change", "approve", *self._changes(directory), "--yes", *_REASON)

    @staticmethod
    def _changes(facts: dict[str, object]) -> list[str]:
        listed = facts.get("changes", [facts])
        return [str(one["change"]) for one in listed] if isinstance(listed, list) else []

    def profiles(self) -> None:
        """officer-1 answers every enrolment with one file."""
        for party in (SOURCE, *PARTNERS):
            noun = "source" if party == SOURCE else "partner"
            self.operator(1, noun, "profile", party, "--out", f"{short(party)}.profile")

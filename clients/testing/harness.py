"""What a test holds: a running gateway with two officers, and everything an integrator does to it, each by a command.

    source = sluice.source("src-3f07")
    partner = sluice.partner("usa/arl", nation="USA")
    sluice.agreement("UA-US-2026-014", to=partner)
    sluice.publish(source, sluice.tactic())
    records = partner.follow("tactic")

Admissions and agreements are proposed at once, so that a wrong one fails where it stands, and approved when a profile
is first asked for. A party that is asked for again is the same one. Everything lies in one folder of mode 0700.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from clients.enrolment import folder_name
from clients.keyfiles import make_private_directory
from clients.simulator import write_flight
from clients.testing.commands import DONE, Commands, Facts
from clients.testing.operators import VOCABULARIES, Operators
from clients.testing.parties import WITHIN_SECONDS, Partner, Source
from clients.testing.served import Served
from gateway.core.control.agreement import Agreement
from gateway.core.errors import CallerError

Term = str | int | date | Sequence[str] | Mapping[str, int]
P = TypeVar("P", Source, Partner)

_FLIGHT_BEGAN_MS = 1_780_000_000_000
_CLEARANCE = '[UKR]\nlevel = "T"\nREL = ["{nation}"]\n'
_TERMS: Mapping[str, Term] = {
    "from": "ua/mod",
    "basis": "fictitious, for a test",
    "starts": date(2026, 1, 1),
    "ends": date(2099, 12, 31),
    "kinds": ["telemetry", "tactic"],
    "modes": ["SIMULATED"],
    "sources": "all",
    "ceiling": "T",
    "purpose": "EVALUATE",
    "onward": "no",
    "origin": "hidden",
    "delay_h": 0,
    "accounts_shown_to_sources": "amounts-and-partner",
}
_TACTIC = """\
[about]
title = {{ en = {title}, uk = "Обхід завад" }}
topic = ["ew"]
platform_class = ["MULTIROTOR"]
status = "OBSERVED"
valid_from = 2026-11-01
source_reliability = "B"
info_credibility = 2

[conditions]
ew = ["GNSS_JAMMING"]

[observation]
en = "The control link is lost before the video link."
uk = "Канал керування зникає раніше за відео."

[recommendation]
en = "Climb before the jammed area."
uk = "Набирайте висоту до зони завад."
"""


@dataclass(slots=True, repr=False)
class Sluice:
    """A gateway and its two officers. operators: for any `sluicectl` command; served: the process."""

    commands: Commands
    operators: Operators
    served: Served
    _parties: dict[str, Source | Partner] = field(default_factory=dict)
    _stale: set[str] = field(default_factory=set)
    _files: Iterator[int] = field(default_factory=count)

    @classmethod
    def at(
        cls, folder: Path, *, vocabularies: Sequence[str] = VOCABULARIES, commands: Commands | None = None
    ) -> Sluice:
        """A gateway in a folder that only its owner may open: founded on entering it, ended on leaving it."""
        commands = commands or Commands(folder)
        served = Served(folder / "gateway", folder / "gateway.log")
        return cls(commands, Operators(commands, vocabularies), served)

    def __enter__(self) -> Sluice:
        try:
            self.found()
        except BaseException:
            # Also an interrupt: whoever founds it has nothing yet to end it by.
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sluice at {self.endpoint} in {self.folder}>"

    def found(self) -> None:
        """Officers, authority, genesis, gateway; it listens."""
        make_private_directory(self.folder)
        self.operators.found()
        self.served.start()
        self.operators.connect(self.endpoint)

    @property
    def folder(self) -> Path:
        """Where all of it lies."""
        return self.commands.folder

    @property
    def endpoint(self) -> str:
        """Where the gateway listens: `127.0.0.1:PORT`."""
        return self.served.endpoint

    def source(
        self, source_id: str = "src-3f07", *, kinds: str = "telemetry,tactic", modes: str = "SIMULATED"
    ) -> Source:
        """A source that may send `kinds` in `modes`, each joined by commas."""
        terms = {"scope": f"{kinds}//{modes}"}
        return self._party(Source, "source", source_id, terms, lambda: ["--scope", terms["scope"]])

    def partner(self, partner_id: str = "usa/arl", *, nation: str = "USA", clearance: str = "") -> Partner:
        """A partner with a clearance as TOML; by default for everything Ukrainian that is releasable to its nation."""
        terms = {"nation": nation, "clearance": clearance or _CLEARANCE.format(nation=nation)}

        def options() -> list[str]:
            file = self._written(f"{folder_name(partner_id)}.clearance.toml", terms["clearance"])
            return ["--nation", nation, "--clearance", str(file)]

        return self._party(Partner, "partner", partner_id, terms, options)

    def agreement(self, agreement_id: str, *, to: Partner, **terms: Term) -> Agreement:
        """An agreement with a partner; `terms` replace or add keys of its text, as values of TOML's types."""
        text = agreement_text(agreement_id, to.id, **terms)
        agreement = Agreement.parse(text.encode())
        self.operators.agree(self._written(f"{folder_name(agreement_id)}.agreement.toml", text))
        self._stale.add(to.id)
        return agreement

    def end(self, agreement: Agreement) -> None:
        """One officer ends an agreement, for good."""
        self.operators.end(agreement.id)

    def suspend(self, party: Source | Partner) -> None:
        """One officer stops a party: it is denied, and its live streams have ended."""
        self.operators.suspend(party.role, party.id)

    def resume(self, party: Source | Partner) -> None:
        """Both officers take it up again."""
        self.operators.resume(party.role, party.id)

    def publish(
        self,
        source: Source,
        what: Path | Sequence[Mapping[int, bytes]],
        *options: str,
        kind: str = "telemetry",
        mode: str = "SIMULATED",
        within_seconds: float = WITHIN_SECONDS,
    ) -> int:
        """Sends until the source's own account acknowledged it; how many records.

        what: a file for `sluice-client publish`, with more `options` of it; or records of `kind`, each the contents of
        its portions by slot, which the client library labels by the guide.
        """
        if not isinstance(what, Path):
            return source.send(kind, what, mode, within_seconds)
        words = ("--profile", str(source.path), "--mode", mode, "--give-up-after", str(within_seconds))
        return int(str(self.client("publish", str(what), *words, *options)["records"]))

    def tactic(self, title: str = "Flying round jamming") -> Path:
        """A new file with one tactic."""
        text = _TACTIC.format(title=json.dumps(title, ensure_ascii=False))
        return self._written(f"tactic-{next(self._files)}.toml", text)

    def flight(self, *, seed: int = 7, length_m: int = 5000) -> Path:
        """A new file with a simulated flight as a MAVLink log; needs the extra `formats`."""
        path = self._written(f"flight-{next(self._files)}.tlog", "")
        write_flight(path, seed=seed, start_ms=_FLIGHT_BEGAN_MS, length_m=length_m)
        return path

    def client(self, *words: str, accept: Sequence[int] = (DONE,)) -> Facts:
        """What `sluice-client` prints."""
        return self.commands.facts("sluice-client", *words, accept=accept)

    def operator(self, number: int, *words: str, accept: Sequence[int] = (DONE,)) -> Facts:
        """What `sluicectl` prints in the home of officer 1 or 2."""
        return self.operators.of(number, *words, accept=accept)

    def settle(self) -> None:
        """Everything asked for is approved, and the profiles it changes are written."""
        self.operators.settle()
        stale = [self._parties[party_id] for party_id in sorted(self._stale)]
        self.commands.together(
            *(partial(self.operators.profile, one.role, one.id, self._profile(one.id)) for one in stale)
        )
        self._stale.clear()

    def stop(self) -> None:
        """The gateway ends in order; parties cannot reach it until `start`."""
        self.served.stop()

    def kill(self) -> None:
        """The gateway ends as in a power failure."""
        self.served.kill()

    def start(self) -> None:
        """It listens again, from its store and on the same port."""
        self.served.start()

    def restart(self) -> None:
        """Stops and starts it: clients reconnect by themselves."""
        self.stop()
        self.start()

    def _party(
        self, handle: type[P], role: str, party_id: str, terms: Mapping[str, str], options: Callable[[], list[str]]
    ) -> P:
        known = self._parties.get(party_id)
        if isinstance(known, handle) and known.terms == terms:
            return known
        if known is not None:
            raise CallerError(
                "terms-differ",
                f"a party asked for again must have the terms it was admitted with, {', '.join(terms)} came",
                at=party_id,
                do="use another id: parties live as long as their gateway",
            )
        keys = self.folder / folder_name(party_id)
        made = self.client("enrol", party_id, "--role", role, "--gateway", self.endpoint, "--out", str(keys))
        self.operators.spoken[party_id] = str(made["words"])
        self.operators.admit(role, party_id, str(made["bundle"]), *options())
        party = handle(party_id, role, terms, self._profile(party_id), self.settle)
        self._parties[party_id] = party
        self._stale.add(party_id)
        return party

    def _profile(self, party_id: str) -> Path:
        return self.folder / f"{folder_name(party_id)}.profile"

    def _written(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")
        return path


def agreement_text(agreement_id: str, partner_id: str, **terms: Term) -> str:
    """An agreement with everything in it; `terms` replace or add keys."""
    keys = {"id": agreement_id, "to": partner_id, **_TERMS, **terms}
    return "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())


def _toml(value: Term) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {one}' for key, one in value.items())} }}"
    # A JSON string, number or list of strings is TOML's.
    return json.dumps(value if isinstance(value, str | int) else list(value), ensure_ascii=False)

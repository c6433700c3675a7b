"""An offline verifier: checks a file of evidence, or all vectors, with the second reader alone.

    python -m tests.reference FILE [--profile FILE] [--kem-key PEM] [--ingest-key PEM] [--json]
    python -m tests.reference --vectors [FOLDER]

A file of STREAMs or CONNECTIONs needs the party's profile; a partner's own KEM key is looked for in the folder that the
profile names, or given. A file of PARCELs needs the gateway's ingest key, and says whose signatures it checked if it is
read behind a CONTROL journal (`--control FILE`). Evidence about accounts needs nothing else. Exits with 0 if all of it
holds, 1 if something is refused, 2 if the command itself cannot be followed. Nothing is written, and nothing is sent.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from tests.reference.conformance import Vectors
from tests.reference.reader import Memory, Profile, Refusal, Session, items
from tests.reference.reader.evidence import OPENING
from tests.reference.reader.suite import KemKey

VECTORS = Path(__file__).resolve().parents[2] / "protos" / "vectors"


def main(arguments: list[str] | None = None) -> int:
    """0 if everything was verified, 1 if something was refused, 2 if the command cannot be followed."""
    parser = argparse.ArgumentParser(prog="python -m tests.reference", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("file", type=Path, nargs="?", help="a file of evidence, SPEC.md section 13")
    parser.add_argument("--profile", type=Path, help="the party's profile")
    parser.add_argument("--kem-key", type=Path, help="the partner's private KEM key, two PEM blocks")
    parser.add_argument("--ingest-key", type=Path, help="the gateway's private ingest key, to open parcels")
    parser.add_argument("--control", type=Path, help="a CONTROL journal to check before the file")
    parser.add_argument("--vectors", type=Path, nargs="?", const=VECTORS, help="run the vectors of this folder")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    chosen = parser.parse_args(arguments)
    if (chosen.file is None) == (chosen.vectors is None):
        parser.error("one FILE, or --vectors")
    try:
        report = run_vectors(chosen.vectors) if chosen.vectors else run_file(chosen)
    except OSError as error:
        report = {"error": f"{error.filename}: {error.strerror}"}
        _print(report, as_json=chosen.json)
        return 2
    _print(report, as_json=chosen.json)
    return 1 if {"refused", "nothing"} & report.keys() or report.get("disagreements") else 0


def run_vectors(folder: Path) -> dict[str, object]:
    """How many vectors were accepted and refused as they should be, and which were not."""
    vectors = Vectors(folder)
    outcomes = list(vectors.run())
    return {
        "accepted": sum(one.agrees and one.expected is None for one in outcomes),
        "refused with the code expected": sum(one.agrees and one.expected is not None for one in outcomes),
        "left out, a gateway's": len(vectors.left_out),
        "disagreements": [f"{one.name}: expected {one.expected}, was {one.said}" for one in outcomes if not one.agrees],
    }


def session_for(profile: Path | None, kem_key: Path | None, ingest_key: Path | None) -> Session:
    """A session with the keys of these files; a partner's own lies where its profile says, if nothing else is said."""
    memory = Memory()
    read = Profile.parse(profile.read_bytes(), memory) if profile else None
    if read and profile and kem_key is None and read.fields["role"] == "partner":
        kem_key = profile.parent / str(read.fields["keys"]) / "kem.pem"
    return Session(
        read,
        KemKey.parse(kem_key.read_bytes()) if kem_key else None,
        KemKey.parse(ingest_key.read_bytes()) if ingest_key else None,
        memory,
    )


def run_file(chosen: argparse.Namespace) -> dict[str, object]:
    """What was verified of a file, or the refusal and the number of its item, from 0."""
    number, name, left = -1, "", 0
    try:
        session = session_for(chosen.profile, chosen.kem_key, chosen.ingest_key)
        for path in filter(None, (chosen.control, chosen.file)):
            name, number, file = path.name, -1, path.read_bytes()
            left = len(file) - len(OPENING)
            for number, (kind, item) in enumerate(items(file)):  # noqa: B007
                session.take(kind, item)
                left -= 5 + len(item)
            if session.accounts.tick:
                session.accounts.end()
    except Refusal as refusal:
        return {"refused": refusal.code, "at": refusal.at, "file": name, **({"item": number} if number >= 0 else {})}
    cut = {"passed over": f"{left} bytes of an item that was cut off"} if left else {}
    if number < 0:
        return {"nothing": f"{name} holds no whole item", **cut}
    return {"verified": dict(sorted(session.totals().items())), **cut, **_ends(session)}


def _ends(session: Session) -> dict[str, object]:
    """Where the last reader stands."""
    ends: dict[str, object] = {}
    reader, control = session.reader, session.control
    if reader:
        ledger = reader.ledger
        ends |= {"genesis": reader.trust.genesis.hex(), "directory": reader.trust.dir_no}
        ends |= {"account size": ledger.held.size, "account root": ledger.held.root().hex(), "owed": len(ledger.owed)}
        ends |= {"incarnation": ledger.incarnation.hex(), "last tick": ledger.next_tick - 1}
        aside = Counter(code for _, _, code in getattr(reader, "quarantined", ()))
        ends |= {"set aside": dict(aside)} if aside else {}
    if control.position:
        ends |= {"statements": control.position, "head": control.head.hex(), "roster": control.roster_link.hex()}
    return ends | _accounts(session)


def _accounts(session: Session) -> dict[str, object]:
    """What evidence about accounts says."""
    accounts = session.accounts
    if accounts.tick is None:
        return {}
    kept = [opening.kept[1] for _, opening in accounts.told if opening.kept]
    return {
        "last tick": accounts.tick.number,
        "accounts": len(accounts.heads),
        "disclosures": len(accounts.told),
        "records": sum(len(views) for shown in kept for _, views in shown),
        "every account": accounts.whole,
    }


def _print(report: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report, indent=2))  # noqa: T201
        return
    for name, value in report.items():
        shown = str(value)
        if isinstance(value, dict):
            shown = ", ".join(f"{count} {what}" for what, count in value.items())
        elif isinstance(value, list):
            shown = "; ".join(map(str, value)) or "none"
        print(f"{name}: {shown}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

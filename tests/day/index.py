"""What is written into the folder: the evidence, the profiles, the keys, and `day.json`, which says what to expect.

Everything in `day.json` is what the parties of the living day were told and the gateway's own books say; it is not
counted from the files, so that counting them is a test.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clients.partner.events import Ended, OldDisclosure, Records, TickSeen
from tests.day.account import Facts, account
from tests.day.house import GATEWAY_ID
from tests.day.partner import Reading
from tests.day.source import Origin
from tests.day.telling import Day


def expected(day: Day) -> Facts:
    """`day.json`, taken while the gateway still runs."""
    files: Facts = {}
    for reading in day.readings.values():
        files[f"{reading.name}.sluice"] = _of_reading(reading)
    for origin in day.origins.values():
        files[origin.evidence.name] = _of_origin(origin)
        files[origin.parcels.name] = {
            "holds": "parcels",
            "party": origin.profile.id,
            "items": origin.parcels.count,
            "batches": origin.sent,
        }
    files["control.sluice"] = _of_control(day)
    return {
        "date": "2026-11-20",
        "genesis": day.desk.genesis.statement.link.hex(),
        "gateway": {"id": GATEWAY_ID, "keys": f"keys/{GATEWAY_ID}"},
        "parties": {
            party.id: {"role": party.role.value, "profile": party.profile_name, "keys": party.folder}
            for party in day.parties.values()
        },
        "operators": {name: f"keys/{name}" for name in day.desk.homes},
        "files": files,
        "receipts": {
            f"{name}.receipt": {"party": name.replace("-", "/", 1), "tick": receipt.tick, "size": receipt.size}
            for name, (receipt, _) in day.receipts.items()
        },
        "widened": _widened(day),
        "story": [asdict(note) for note in day.notes],
    }


def _of_reading(reading: Reading) -> Facts:
    frames = [event for event in reading.events if isinstance(event, Records)]
    shown = [record for frame in frames for record in frame.records]
    directory = reading.trust.directory
    assert directory is not None
    return {
        "holds": "streams",
        "party": reading.profile.id,
        "agreement": reading.agreement.id,
        "subscription": reading.subscription,
        "items": reading.items,
        "streams": reading.items - sum(reading.messages.values()),
        "messages": dict(sorted(reading.messages.items())),
        "ticks": reading.count(TickSeen),
        "frames": len(frames),
        "old": reading.count(OldDisclosure),
        "ends": [event.reason.name for event in reading.events if isinstance(event, Ended)],
        "records": [{"id": one.id, "mask": one.mask, "new": one.new_mask} for one in shown],
        "repeated": sum(frame.repeated for frame in frames),
        "quarantined": sum(len(frame.quarantined) for frame in frames),
        "accounts": [*reading.closed, account(reading.state.ledger)],
        "beyond": reading.beyond_kept,
        "directory": {"dir_no": directory.dir_no, "roster": reading.trust.roster_link.hex()},
    }


def _of_origin(origin: Origin) -> Facts:
    directory = origin.upload.trust.directory
    assert directory is not None
    refused = {told.batch: told.code for told in origin.outbox.refused()}
    return {
        "holds": "connections",
        "party": origin.profile.id,
        "items": origin.evidence.count,
        "connections": origin.evidence.count - sum(origin.messages.values()),
        "messages": dict(sorted(origin.messages.items())),
        "acknowledged": sorted(str(one["batch"]) for one in origin.sent if one["batch"] not in refused),
        "refused": refused,
        "lost": [told.batch for told in origin.outbox.lost()],
        "accounts": [*origin.closed, account(origin.outbox.ledger)],
        "directory": {"dir_no": directory.dir_no, "roster": origin.upload.trust.roster_link.hex()},
    }


def _of_control(day: Day) -> Facts:
    control = day.house.running.control
    assert control.directory is not None
    return {
        "holds": "control",
        "items": control.position,
        "statements": [kind.name for kind in day.desk.applied],
        "head": control.head.hex(),
        "roster": control.roster_link.hex(),
        "operators": [operator.id for operator in control.roster.operators],
        "dir_no": control.directory.newest.dir_no,
    }


def _widened(day: Day) -> list[Facts]:
    """Records that a partner was shown under one agreement and later, with more slots, under another."""
    told = sorted(
        ((when, reading, event) for reading in day.readings.values() for when, event in reading.heard()),
        key=lambda one: one[0],
    )
    first: dict[tuple[str, str], tuple[str, int]] = {}
    found = []
    for _, reading, event in told:
        for record in event.records if isinstance(event, Records) else ():
            file, mask = first.setdefault((reading.profile.id, record.id), (f"{reading.name}.sluice", record.mask))
            if record.mask & ~mask:
                then = {"file": f"{reading.name}.sluice", "mask": record.mask}
                found.append({"record": record.id, "first": {"file": file, "mask": mask}, "then": then})
    return found


README = """# One day in small

What each party of a gateway received on 2026-11-20, from 05:00 to the evening, as files of SPEC.md section 13, with
the keys and profiles to check all of it again. `day.json` says what happens in which file at which item (counted from
0), and what to expect.

| file | holds |
|---|---|
| `PARTNER.AGREEMENT.sluice` | the streams of one subscription: STREAM and MESSAGE items |
| `SOURCE.sluice` | the connections of one source: CONNECTION and MESSAGE items |
| `SOURCE.parcels.sluice` | the parcels of that source as they were sent |
| `control.sluice` | the whole CONTROL journal |
| `PARTNER.receipt` | a receipt as it was handed in: SendReceipt of SPEC.md section 6.5 |
| `NAME.profile` | the last profile that the party was answered with before the roster changed |
| `keys/` | **private keys, for tests only**: of the parties, the gateway and all operators |

* The keys are drawn from names (`tests/day/keys.py`) and worth nothing. A client reads a private file only with mode
  0600, which a repository does not keep: copy them.
* Every check is made as of the times in the files, so the day stays valid for ever.
* A reader's masks are counted per file. `widened` in `day.json` names records that usa/arl was shown under one
  agreement and later, with more slots, under another, in an account of its own. Within one account no record of this
  version widens.
* Towards the evening the store is put back from a backup. `lost` names batches that their source has deleted and the
  store no longer has; `beyond` counts disclosures that the partner holds and the store no longer has.
* One thing is not as the gateway of this repository sends it. It sends `leaves` from 16,385 new leaves on; in this day
  one tick of two leaves was cut into `leaves` and a tick before it was recorded, as any gateway may do.
* Written by `python -m tests.day --fresh`. Signatures and all that is random were made once: another telling has the
  same story and the same private keys, and other bytes.
"""


def write(day: Day, facts: Mapping[str, Any], folder: Path) -> None:
    """Replaces the folder. Modes of private files do not survive a repository, so none is kept here."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in sorted((*day.root.glob("*.sluice"), *day.root.glob("*.profile"))):
        (folder / path.name).write_bytes(path.read_bytes())
    sources = {
        f"keys/{GATEWAY_ID}": day.house.root / "keys",
        **{p.folder: day.root / p.folder for p in day.parties.values()},
    }
    sources |= {f"keys/{name}": home.path for name, home in day.desk.homes.items()}
    for name, source in sources.items():
        (folder / name).mkdir(parents=True)
        for path in sorted((*source.glob("*.pem"), *source.glob("*.key"))):
            (folder / name / path.name).write_bytes(path.read_bytes())
    for name, (_, sent) in day.receipts.items():
        (folder / f"{name}.receipt").write_bytes(sent)
    (folder / "day.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "README.md").write_text(README, "utf-8")

"""kill -9 at random moments of publishing and following: what was promised is there once, and every account adds up.

    python -m tests.system.crash --moments 50 [--seed N]

Real processes throughout: `sluice serve` over LMDB with sync on, a publisher, three `sluice-client follow`. At each
moment one of them, mostly the gateway, is killed and started again. At the end everything drains, and the journals, the
outbox, the partners' files and the accounts are compared. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from clients.partner.state import PartnerState
from clients.profile import Profile
from clients.source.outbox import ACKNOWLEDGED, Outbox
from clients.testing.commands import installed
from clients.testing.processes import Process, wait_for
from clients.testing.served import Served
from gateway.bootstrap import load
from gateway.core.ledger.book import Book
from gateway.core.ledger.entries import partner_account, source_account
from gateway.core.records.states import parse_stored_batch
from gateway.core.suite.tree import Frontier
from gateway.ports.journal import Journal
from gateway.settings import FILE
from gateway.usecases.lanes import KIND_ADMITTED
from tests.stand import CLEARANCES, Stand

SOURCE = "src-3f07"
DRAIN_SECONDS = 300.0


class Crash:
    """One run."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._chance = random.Random(seed)
        self._stand = Stand.found(root)
        self._served = Served(self._stand.settings.store.parent, root / "gateway.log")
        self._kills: Counter[str] = Counter()
        self._processes: dict[str, Process] = {}

    def run(self, moments: int) -> dict[str, object]:
        """Kills `moments` times, drains, and says what it found."""
        asyncio.run(self._found())
        started = time.monotonic()
        for name in ("gateway", "publisher", *CLEARANCES):
            self._start(name)
        try:
            self._wait_for_progress()
            for _ in range(moments):
                self._let_pass()
                self._kill_one()
            self._drain()
        finally:
            for process in self._processes.values():
                process.kill()
        return {**self._check(), "kills": dict(self._kills), "seconds": round(time.monotonic() - started, 1)}

    async def _found(self) -> None:
        stand = self._stand
        async with stand.serving():
            await stand.populate(sources=(SOURCE,))
        self._served.port = stand.port
        self._profiles = {party: stand.profile(party) for party in (SOURCE, *CLEARANCES)}
        (stand.settings.store.parent / FILE).write_text(stand.settings.to_toml())

    def _start(self, name: str) -> None:
        log = self._root / f"{name.replace('/', '-')}.log"
        if name == "gateway":
            self._served.start()
            assert self._served.process is not None
            self._processes[name] = self._served.process
        elif name == "publisher":
            words = [sys.executable, "-m", "tests.system.crash_publisher", str(self._root / f"{SOURCE}.profile")]
            words += [str(self._root / "outbox"), str(self._root / "promises"), str(self._root / "stop")]
            self._processes[name] = Process.start([*words, str(self._chance.random())], log)
        else:
            short = name.replace("/", "-")
            words = [installed("sluice-client"), "follow", "telemetry", "tactic"]
            words += ["--profile", str(self._root / f"{short}.profile"), "--to", f"ndjson:{self._root / short}.ndjson"]
            words += ["--events", str(self._root / f"{short}.events")]
            self._processes[name] = Process.start(words, log)

    def _wait_for_progress(self) -> None:
        wait_for(lambda: self._is_alive("publisher") and "stored" in self._promises(), "a first stored batch")
        for partner in CLEARANCES:
            wait_for(
                lambda partner=partner: self._is_alive(partner) and self._lines(partner), f"a first record at {partner}"
            )

    def _let_pass(self) -> None:
        """Mostly until traffic flows again and a little longer; sometimes into the middle of a start."""
        if self._chance.random() < 0.75:
            before = self._promises().count("stored")
            wait_for(lambda: self._promises().count("stored") > before, "traffic after a restart")
        time.sleep(self._chance.uniform(0.0, 0.5))

    def _kill_one(self) -> None:
        name = self._chance.choices(["gateway", "publisher", *CLEARANCES], [12, 3, 1, 1, 1])[0]
        self._is_alive(name)
        self._processes[name].kill()
        self._kills[name] += 1
        self._start(name)

    def _drain(self) -> None:
        (self._root / "stop").touch()
        wait_for(lambda: not self._processes["publisher"].is_running, "an empty outbox", DRAIN_SECONDS)
        if self._processes["publisher"].popen.returncode:
            raise AssertionError(f"the publisher failed: {(self._root / 'publisher.log').read_text()[-2000:]}")
        expected = len(self._signed())
        for partner in CLEARANCES:
            wait_for(
                lambda partner=partner: self._batches(partner) >= expected, f"everything at {partner}", DRAIN_SECONDS
            )
        for name in (*CLEARANCES, "gateway"):
            self._processes[name].end()

    def _is_alive(self, name: str) -> bool:
        if not self._processes[name].is_running:
            raise AssertionError(f"{name} ended by itself: {self._processes[name].log.read_text()[-2000:]}")
        return True

    def _promises(self) -> str:
        path = self._root / "promises"
        return path.read_text() if path.exists() else ""

    def _signed(self) -> set[str]:
        outbox = self._outbox()
        try:
            return {
                line.split()[1]
                for line in self._promises().splitlines()
                if outbox.state_of(bytes.fromhex(line.split()[1]))
            }
        finally:
            outbox.close()

    def _outbox(self) -> Outbox:
        profile = self._profiles[SOURCE]
        return Outbox(self._root / "outbox", profile.genesis_link, profile.id)

    def _lines(self, partner: str) -> list[dict[str, object]]:
        path = self._root / f"{partner.replace('/', '-')}.ndjson"
        complete = path.read_bytes().rpartition(b"\n")[0].splitlines() if path.exists() else []
        return [json.loads(line) for line in complete]

    def _batches(self, partner: str) -> int:
        return len({str(line["id"]).partition(".")[0] for line in self._lines(partner)})

    def _check(self) -> dict[str, object]:
        loaded = load(self._stand.settings, every_signature=True)
        try:
            admitted: Counter[str] = Counter()
            records: dict[str, int] = {}
            position = 0
            while page := loaded.journals.read(Journal.RECORDS, position, 64):
                for stored in page:
                    if stored.kind == KIND_ADMITTED:
                        batch = parse_stored_batch(stored.entry)
                        admitted[batch.signed.digest.hex()] += 1
                        records[batch.signed.digest.hex()] = len(batch.views)
                position += len(page)
        finally:
            loaded.journals.close()
        promised = {line.split()[1] for line in self._promises().splitlines() if line.startswith("stored ")}
        outbox = self._outbox()
        acknowledged = {
            digest for digest in self._signed_digests() if outbox.state_of(bytes.fromhex(digest)) == ACKNOWLEDGED
        }
        source_held = outbox.ledger.held
        outbox.close()
        ids = {f"{digest[:8]}.{idx}" for digest, count in records.items() for idx in range(count)}
        lost = len((promised | acknowledged) - admitted.keys())
        doubled = sum(count - 1 for count in admitted.values())
        accounts_add_up = _continues(source_held, loaded.book, source_account(SOURCE))
        partners: dict[str, object] = {}
        for partner in CLEARANCES:
            seen = Counter(str(line["id"]) for line in self._lines(partner))
            lost += len(ids - seen.keys())
            doubled += sum(count - 1 for count in seen.values())
            account_id, held = self._held(partner)
            size = loaded.book.accounts[account_id].tree.size
            accounts_add_up &= held.size == size and _continues(held, loaded.book, account_id)
            partners[partner] = {"records": len(seen), "account": size}
        return {
            "ok": not lost and not doubled and accounts_add_up,
            "batches": len(admitted),
            "records": len(ids),
            "lost": lost,
            "doubled": doubled,
            "accounts_add_up": accounts_add_up,
            "ticks": loaded.ticks,
            "partners": partners,
        }

    def _signed_digests(self) -> set[str]:
        return {line.split()[1] for line in self._promises().splitlines()}

    def _held(self, partner: str) -> tuple[bytes, Frontier]:
        profile: Profile = self._profiles[partner]
        account_id = partner_account(partner, profile.agreements[0].id, "default")
        path = self._root / f"{partner.replace('/', '-')}.default.state"
        state = PartnerState(path, profile.genesis_link, account_id)
        held = state.ledger.held
        state.close()
        return account_id, held


def _continues(held: Frontier, book: Book, account_id: bytes) -> bool:
    """Whether the gateway's account begins with exactly what the party holds."""
    tree = book.accounts[account_id].tree
    return held.size <= tree.size and held.root() == tree.root(held.size)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--keep", action="store_true", help="leave the folder for a look")
    chosen = parser.parse_args()
    sys.stderr.write(f"seed {chosen.seed}\n")
    root = Path(tempfile.mkdtemp(prefix="sluice-crash-"))
    try:
        facts = {"seed": chosen.seed, "moments": chosen.moments, **Crash(root, chosen.seed).run(chosen.moments)}
    finally:
        if not chosen.keep:
            shutil.rmtree(root, ignore_errors=True)
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.exit(0 if facts["ok"] else 1)


if __name__ == "__main__":
    main()

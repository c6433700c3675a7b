"""Every example of SPEC.md section 7 is what the code does, and the section names the rooms as they are."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import lmdb
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.adapters.chain import EMPTY_HEADS, chain_value, link
from gateway.adapters.floor import FloorFile
from gateway.adapters.lmdb import LmdbJournals, sealing
from gateway.core.suite.algorithms import digest
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Journal
from tests.contract.stores import GENESIS, an_append

PROTOS = Path(__file__).resolve().parents[3] / "protos"
SPEC = next(text for path in sorted(PROTOS.rglob("*.md")) if "### 7.3 Rows" in (text := path.read_text("utf-8")))
SECTION = SPEC[SPEC.index("## 7. At rest") :]
DATA_KEY, PAGE_KEY, TOP_KEY = (bytes(range(start, start + 32)) for start in (0, 32, 64))
ENTRY = b"an entry of a journal"
PAGE = 3 * 2**30


def example(before: str) -> dict[str, bytes]:
    """The fields of the first block behind a line."""
    block = SECTION.partition(f"\n{before}\n")[2].split("```")[1]
    found = re.findall(r"^(\S.*?) {2,}([0-9a-f]+)$", block, re.MULTILINE)
    assert found, before
    return {name: bytes.fromhex(octets) for name, octets in found}


def test_the_wraps_are_as_printed() -> None:
    """Both ways."""
    page, data = example("Wrap of the page key:"), example("Wrap of the data key:")

    assert sealing.page_of(Journal.LEDGER, 0) == PAGE
    assert sealing._associated(PAGE, sealing.PAGE_KEY_POSITION) == page["AAD"]
    assert sealing._associated(PAGE, 0) == data["AAD"]
    assert sealing.PageKeys(TOP_KEY).make(PAGE, PAGE_KEY + page["nonce"])[1] == page["nonce"] + page["ct"]
    assert sealing.unwrap(AESGCM(PAGE_KEY), data["nonce"] + data["ct"], PAGE, 0) == DATA_KEY


def test_the_chain_and_the_row_are_as_printed() -> None:
    """Field by field, and joined."""
    over, row = example("What its chain value is over:"), example("Row:")
    plaintext = b"".join(example("Plaintext:").values())

    assert over["H(chained)"] == digest(ENTRY)
    assert digest(b"".join(over.values())) == row["chain"]
    assert chain_value(Journal.LEDGER, 0, 6, over["H(chained)"], over["chain_-1"]) == row["chain"]
    assert sealing.seal(DATA_KEY, plaintext) == row["sealed"]
    assert len(b"".join(row.values())) == len(ENTRY) + 126


def test_a_store_writes_and_reads_the_printed_row(tmp_path: Path) -> None:
    """The real store opens a row that was made from the text alone, and writes one that opens the same way."""
    journals = LmdbJournals.create(tmp_path / "store", TOP_KEY, GENESIS)
    asyncio.run(journals.commit([an_append(Journal.LEDGER, 0, ENTRY, kind=6)]))
    head = journals.head(Journal.LEDGER)
    journals.close()
    page, row = example("Wrap of the page key:"), b"".join(example("Row:").values())
    with lmdb.open(str(tmp_path / "store"), max_dbs=5, lib_version=0) as environment:
        ledger, pages = environment.open_db(b"ledger"), environment.open_db(b"pages")
        with environment.begin(write=True) as txn:
            written = bytes(txn.get(bytes(8), db=ledger))
            txn.put(PAGE.to_bytes(4, "big"), page["nonce"] + page["ct"], db=pages)
            txn.put(bytes(8), row, db=ledger)

    again = LmdbJournals.open(tmp_path / "store", TOP_KEY)
    stored = again.read(Journal.LEDGER, 0)
    again.close()

    assert (written[:48], len(written)) == (row[:48], len(row))
    assert head.chain == row[:48]
    assert [(s.position, s.kind, s.entry) for s in stored] == [(0, 6, ENTRY)]


def test_what_is_chained_of_a_batch_is_as_printed() -> None:
    """The digest stands in the plaintext, so that the chain can be checked when the rest of the batch is gone."""
    batch = example(
        "Plaintext of a batch, kind 1, of which `what is kept of the batch` is stored and"
        " `B, the signed bytes of a batch` is chained:"
    )
    chained = b"B, the signed bytes of a batch"

    links, _ = link(EMPTY_HEADS, [an_append(Journal.RECORDS, 0, batch["entry"], chained=chained)])

    assert batch["lp8(H(B))"] == b"\x30" + digest(chained)
    assert links[0].chained_digest == digest(chained)
    assert batch["entry"] == b"what is kept of the batch"


def test_the_floor_is_as_printed(tmp_path: Path) -> None:
    """The file, byte for byte."""
    mark = FloorMark(bytes(range(16)), 88_412, 129)
    printed = example("*Worked example.* Incarnation 00 to 0f, 88,412 ticks, 129 statements:")

    FloorFile.create(tmp_path / "floor", mark)

    assert (tmp_path / "floor").read_bytes() == b"".join(printed.values())


@pytest.mark.parametrize("database", ["store", "pages", *(journal.name.lower() for journal in Journal)])
def test_the_databases_have_their_printed_names(tmp_path: Path, database: str) -> None:
    """Another implementation looks for them by name."""
    LmdbJournals.create(tmp_path / "store", TOP_KEY, GENESIS).close()

    with lmdb.open(str(tmp_path / "store"), max_dbs=5, lib_version=0) as environment:
        names = environment.dbs()

    assert database.encode() in names
    assert len(names) == 5
    assert f"`{database}`" in SECTION

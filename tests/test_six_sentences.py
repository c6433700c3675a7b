"""The six sentences that must stay true, each broken in a copy of the tree: the tests that hold it must turn red.

A promise without a test that would fail is a wish. Every mutation is one line of product code and the named tests that
are there to miss it; here they are run on the mutated copy and must fail. Unmutated, they pass as part of the suite.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT


@dataclass(frozen=True)
class Mutation:
    """before, after: one place of `file`; tests: each must be red with `after` in place of `before`."""

    sentence: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "1 stored means durable: a store goes on after a failed sync",
        "gateway/adapters/lmdb/writer.py",
        "self._latched = lambda: _again(latched)",
        "self._latched = None",
        ("tests/security/test_store_disk_failures.py::test_from_the_first_failure_on_nothing_is_acknowledged",),
    ),
    Mutation(
        "1 stored means durable: the gateway answers without a commit",
        "gateway/usecases/sequence.py",
        "await self._journals.commit(appends)",
        "pass",
        (
            "tests/unit/usecases/test_publish.py::test_nothing_is_answered_before_its_commit",
            "tests/unit/usecases/test_publish.py::test_a_batch_sent_again_keeps_its_first_answer_also_after_a_restart",
        ),
    ),
    Mutation(
        "1 acknowledged means provable: a source deletes what is only said to be stored",
        "clients/source/outbox.py",
        "(STORED, digest, WAITING),",
        "(ACKNOWLEDGED, digest, WAITING),",
        ("tests/security/test_source_account.py::test_stored_alone_deletes_nothing",),
    ),
    Mutation(
        "1 acknowledged means provable: an account that shrank is taken",
        "gateway/core/ledger/reader.py",
        "if grown.size != message.size or grown.root() != message.root:",
        "if False:",
        ("tests/unit/ledger/test_reader.py::test_an_account_that_lost_or_changed_a_leaf_is_refused",),
    ),
    Mutation(
        "2 unknown means no: a label nobody understands passes",
        "gateway/core/decision/decide.py",
        'under a vocabulary in force", label is not None, Reason.LABEL)\n    if label is None:\n        return',
        'under a vocabulary in force", True, Reason.LABEL)\n    if label is None:\n        return',
        ("tests/unit/decision/test_decide.py::test_a_label_is_read_by_the_vocabulary_in_force_and_no_other",),
    ),
    Mutation(
        "2 unknown means no: a second encoding of a portion is accepted",
        "gateway/core/kinds/canonical.py",
        "if encode(message) != content:",
        "if False:",
        ("tests/unit/kinds/test_canonical.py::test_a_second_encoding_is_refused",),
    ),
    Mutation(
        "3 rules can only narrow: the ceiling of an agreement is ignored",
        "gateway/core/decision/decide.py",
        " and label.rank <= label.defined_by.rank(level)",
        "",
        ("tests/unit/decision/test_decide.py::test_nothing_above_the_ceiling_goes_whatever_its_releasability",),
    ),
    Mutation(
        "3 rules can only narrow: one operator is enough for everything",
        "gateway/core/control/roster.py",
        "return 1 if kind in ONE_SIGNATURE else roster.quorum",
        "return 1",
        ("tests/unit/control/test_fold.py::test_one_operator_alone_widens_nothing",),
    ),
    Mutation(
        "4 logged before sent: a frame is taken whose disclosure is not the next leaf",
        "gateway/core/ledger/reader.py",
        "if not self.owed or leaf_hash(entry) != self.owed[0]:",
        "if not self.owed:",
        ("tests/unit/ledger/test_reader.py::test_an_entry_that_is_not_the_next_leaf_is_refused",),
    ),
    Mutation(
        "4 logged before sent: the gateway writes a frame before a tick covers it",
        "gateway/usecases/release.py",
        "and subscription.pending and self._next_leaf < self._window.told",
        "and subscription.pending",
        ("tests/unit/usecases/test_release.py::test_what_is_stored_reaches_a_partner_once_and_in_order",),
    ),
    Mutation(
        "5 the origin's signature survives: withholding changes what stands in a slot",
        "gateway/core/records/view.py",
        "slot if mask >> j & 1 else commitments[j] for j, slot in enumerate(self.slots)",
        "slot if mask >> j & 1 else bytes(48) for j, slot in enumerate(self.slots)",
        ("tests/unit/records/test_view.py::test_withholding_changes_neither_leaf_nor_commitments",),
    ),
    Mutation(
        "5 the origin's signature survives: a proof that leads elsewhere is accepted",
        "gateway/core/sealing/body.py",
        "if root_from_multiproof(known, self.signed.batch.count, self.proof) != self.signed.batch.root:",
        "if root_from_multiproof(known, self.signed.batch.count, self.proof) == b'':",
        ("tests/unit/sealing/test_body.py::test_a_section_that_does_not_lead_to_the_root_is_refused",),
    ),
    Mutation(
        "6 the gateway cannot forge: a directory counts whoever signed it",
        "gateway/core/control/reading.py",
        "    def _direct(self, signed: SignedStatement, link: bytes, roster: Roster) -> None:\n"
        "        check_signatures(signed, roster)\n",
        "    def _direct(self, signed: SignedStatement, link: bytes, roster: Roster) -> None:\n",
        ("tests/unit/control/test_trust.py::test_a_directory_counts_only_with_the_quorum_of_operators",),
    ),
    Mutation(
        "6 the gateway cannot forge: a key is believed without its proof",
        "gateway/core/control/trust.py",
        "if root_from_path(endorsement.leaf, shown.index, directory.size, shown.path) != directory.root:",
        "if False:",
        ("tests/unit/control/test_trust_endorsements.py::test_an_endorsement_that_leads_to_another_root_is_refused",),
    ),
    Mutation(
        "6 the gateway cannot forge: a second ledger is believed",
        "gateway/core/ledger/tick.py",
        "if expected != came:",
        "if False:",
        ("tests/unit/ledger/test_reader.py::test_a_forked_ledger_is_refused",),
    ),
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, once, to be mutated and put back."""
    target = tmp_path_factory.mktemp("mutated")
    for name in ("gateway", "clients", "protos", "tests"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


@pytest.mark.parametrize(
    "mutation", MUTATIONS, ids=lambda mutation: mutation.sentence.replace(" ", "-").replace(":", "")
)
def test_breaking_a_sentence_turns_its_tests_red(copy: Path, mutation: Mutation) -> None:
    """The tests named beside each sentence are the ones that hold it."""
    path = copy / mutation.file
    original = path.read_text("utf-8")
    assert original.count(mutation.before) == 1, "the mutated line moved: name it again"
    path.write_text(original.replace(mutation.before, mutation.after), "utf-8")

    try:
        red = {test: _is_red(copy, test) for test in mutation.tests}
    finally:
        path.write_text(original, "utf-8")

    assert all(red.values()), red


def _is_red(copy: Path, test: str) -> bool:
    """Whether the test ran and failed; a test that is not found or cannot be collected is an error of this list."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", test],
        cwd=copy,
        env={
            **os.environ,
            "PYTHONPATH": f"{copy}{os.pathsep}{copy / 'protos' / 'gen'}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.returncode == 1

"""How a reader takes the statements of one directory message, one after another.

The state while a message is read, and only then: `trust` starts it from what it holds and keeps what comes out.
Proposals live no longer than the message, since a ROSTER travels with its PROPOSE. Source: SPEC.md section 2.
"""

from __future__ import annotations

from gateway.core.control.directory import Dir, parse_dir
from gateway.core.control.restore import Restore, check_next
from gateway.core.control.roster import Roster, check_signatures
from gateway.core.control.statement import SignedStatement
from gateway.core.control.succession import Proposal, named_proposal, weigh_proposal, weigh_roster
from gateway.core.errors import Refused
from gateway.core.suite.numbers import StatementKind

_PASSED_OVER = frozenset({StatementKind.ROSTER_PROPOSE, StatementKind.ROSTER})


class Reading:
    """Takes statements; refuses what cannot be right and passes over what does not count."""

    __slots__ = (
        "_directory",
        "_genesis",
        "_is_directory_due",
        "_proposals",
        "_roster",
        "restores",
        "roster_link",
        "verified",
    )

    def __init__(
        self,
        genesis: bytes,
        roster: Roster | None,
        roster_link: bytes,
        directory: Dir | None,
        verified: set[bytes],
        restores: list[Restore],
    ) -> None:
        self._genesis = genesis
        self._roster = roster
        self._directory = directory
        self._proposals: dict[bytes, Proposal] = {}
        self._is_directory_due = False
        self.roster_link = roster_link
        self.verified = verified
        self.restores = restores

    def take(self, signed: SignedStatement) -> None:
        """The next statement of the message."""
        statement = signed.statement
        link = statement.link
        if link in self.verified:
            return
        if statement.kind is StatementKind.GENESIS:
            self._found(signed, link)
            return
        if statement.genesis != self._genesis:
            raise Refused("statement-genesis", "the statement is for another genesis", at="statement.genesis")
        take = {
            StatementKind.ROSTER_PROPOSE: self._propose,
            StatementKind.ROSTER: self._succeed,
            StatementKind.DIRECTORY: self._direct,
            StatementKind.DIRECTORY_REDATE: self._redate,
            StatementKind.RESTORE: self._restore,
        }.get(statement.kind)
        if take is None:
            raise Refused(
                "statement-unexpected",
                f"a reader is sent rosters, directories and restores only, {statement.kind.name} came",
                at="statement.kind",
            )
        if self._roster is None:
            raise Refused("roster-missing", "a fresh reader is sent the genesis first, it did not come", at="statement")
        if statement.roster == self.roster_link:
            take(signed, link, self._roster)
        elif statement.kind not in _PASSED_OVER:
            raise Refused(
                "roster-not-in-force",
                f"a {statement.kind.name} counts only under the newest roster this reader knows, another came",
                at="statement.roster",
            )

    def outcome(self) -> tuple[Roster, Dir]:
        """The roster and the Dir that hold after the message; refuses `directory-missing`."""
        if self._roster is None or self._directory is None or self._is_directory_due:
            raise Refused(
                "directory-missing", "a directory under the newest roster must have come, none did", at="directory"
            )
        return self._roster, self._directory

    def _found(self, signed: SignedStatement, link: bytes) -> None:
        if link != self._genesis:
            raise Refused("statement-genesis", "the genesis is not the one of this profile", at="statement.genesis")
        roster = Roster.parse(signed.statement.body)
        check_signatures(signed, roster)
        self._roster, self.roster_link = roster, link
        self.verified.add(link)

    def _propose(self, signed: SignedStatement, link: bytes, roster: Roster) -> None:
        proposal, progress = weigh_proposal(signed, roster)
        progress.check_complete()
        self._proposals[link] = proposal

    def _succeed(self, signed: SignedStatement, link: bytes, roster: Roster) -> None:
        proposal = self._proposals.get(named_proposal(signed.statement.body))
        if proposal is None:
            raise Refused("roster-proposal", "a ROSTER is sent with the proposal it names", at="roster.proposal")
        weigh_roster(signed, proposal, roster).check_complete()
        self._roster, self.roster_link = proposal.roster, link
        self._proposals = {}
        # What the roster before signed counts no more, the Dir held so far among it.
        self._is_directory_due = True
        self.verified |= {proposal.link, link}

    def _direct(self, signed: SignedStatement, link: bytes, roster: Roster) -> None:
        check_signatures(signed, roster)
        new = parse_dir(signed.statement.body)
        if new.base_no != new.dir_no:
            raise Refused("directory-base", "a DIRECTORY is its own base, another number came", at="directory.base_no")
        self._check_newer(new)
        self._is_directory_due = False
        self._directory = new
        self.verified.add(link)

    def _redate(self, signed: SignedStatement, link: bytes, roster: Roster) -> None:
        check_signatures(signed, roster)
        new, held = parse_dir(signed.statement.body), self._directory
        if held is None or self._is_directory_due or not new.repeats(held):
            raise Refused(
                "redate-base",
                "a DIRECTORY-REDATE repeats number, size and root of the newest DIRECTORY, others came",
                at="directory.base_no",
            )
        self._check_newer(new)
        self._directory = new
        self.verified.add(link)

    def _restore(self, signed: SignedStatement, link: bytes, roster: Roster) -> None:
        check_signatures(signed, roster)
        restore = Restore.parse(signed.statement.body)
        # The same words said again, by a store that was put back once more, change nothing.
        if restore not in self.restores:
            check_next(self.restores, restore)
            self.restores.append(restore)
        self.verified.add(link)

    def _check_newer(self, new: Dir) -> None:
        if self._directory is not None and new.dir_no <= self._directory.dir_no:
            raise Refused(
                "directory-decreasing",
                f"a new directory has a number above {self._directory.dir_no}, {new.dir_no} came",
                at="directory.dir_no",
            )

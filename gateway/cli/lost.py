"""How a person is told what a store lacks that was put back: at least this, as the floor outside it knows."""

from __future__ import annotations

from gateway.core.control.restoring import Lost


def lost_lines(lost: Lost | None) -> list[tuple[str, str]]:
    """For a person."""
    if lost is None:
        return [("lost", "nobody here knows how much: there is no floor; partners, sources and operators do")]
    ticks, statements = _told(lost.ticks, "tick"), _told(lost.statements, "statement")
    return [("lost", f"at least {ticks} of incarnation {lost.incarnation.hex()[:8]}, and {statements}")]


def _told(span: range, word: str) -> str:
    if not span:
        return f"no {word}"
    return f"{word} {span[0]}" if len(span) == 1 else f"{word}s {span[0]} to {span[-1]}"

"""An error about a name that is not there gains the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

import click

from clients.cli.nearest import meant
from clients.operator.chain import Chain
from gateway.core.errors import CallerError, Refused

_LISTS = {
    "agreement-unknown": "`sluicectl agreement list`",
    "partner-unknown": "`sluicectl partner list`",
    "source-unknown": "`sluicectl source list`",
}


def suggesting(error: CallerError | Refused, chain: Chain) -> CallerError | Refused:
    """The error at the name that was typed, with what is near to it or where names are listed.

    The very same error where it is about no name, or none that was typed is unknown.
    """
    known = _known(error.code, chain)
    if known is None:
        return error
    typed = [word for word in _typed() if word not in known]
    if not typed:
        return error
    do = meant(typed[0], known, error.do or _LISTS.get(error.code, ""))
    return type(error)(error.code, error.message, at=typed[0], do=do)


def _known(code: str, chain: Chain) -> list[str] | None:
    control = chain.control
    names: dict[str, Iterable[str]] = {
        "agreement-unknown": control.agreements,
        "change-unknown": [
            *(one.change_id for one in chain.pending),
            *(one.change_id for one in chain.broken),
        ],
        "partner-unknown": control.partners,
        "party-unknown": [*control.sources, *control.partners],
        "source-unknown": control.sources,
    }
    return list(names[code]) if code in names else None


def _typed() -> list[str]:
    """The ids of the command line: what a command calls `..._id` or `..._ids`."""
    words: list[str] = []
    for name, value in click.get_current_context().params.items():
        if name.endswith("_id") and isinstance(value, str):
            words.append(value)
        elif name.endswith("_ids") and isinstance(value, tuple):
            words.extend(str(one) for one in value)
    return words

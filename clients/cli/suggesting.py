"""An error about a name that is not there gains the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

import click

from clients.cli.nearest import meant
from clients.operator.chain import Chain
from gateway.core.errors import CallerError, Refused


def suggesting(error: CallerError | Refused, chain: Chain) -> CallerError | Refused:
    """The error, with what is near to the name that was typed; the very same one where nothing is."""
    known = _known(error.code, chain)
    typed = [word for word in _typed() if word not in known]
    if not known or not typed:
        return error
    do = meant(typed[0], known, error.do)
    return error if do == error.do else type(error)(error.code, error.message, at=typed[0], do=do)


def _known(code: str, chain: Chain) -> list[str]:
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
    return list(names.get(code, ()))


def _typed() -> list[str]:
    """The ids of the command line: what a command calls `..._id` or `..._ids`."""
    words: list[str] = []
    for name, value in click.get_current_context().params.items():
        if name.endswith("_id") and isinstance(value, str):
            words.append(value)
        elif name.endswith("_ids") and isinstance(value, tuple):
            words.extend(str(one) for one in value)
    return words

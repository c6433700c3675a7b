"""Did you mean: the name that was probably meant where one was typed that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def meant(typed: str, known: Iterable[str], otherwise: str) -> str:
    """What to do about `typed`: the nearest of `known` if one is near, then `otherwise`."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(typed.casefold(), folded, n=1, cutoff=0.6)
    return f"did you mean `{folded[near[0]]}`? {otherwise}".rstrip() if near else otherwise

"""Contexts: names for homes, in one file, so that an operator of several gateways says which one by one word.

    current = "demo"

    [context.demo]
    home = "/srv/kovalenko/officer-1"
    gateway = "spiffe://sluice.example/gateway/demo"

The file holds nothing secret and grants nothing. `gateway` is the identity the home was connected to when the context
was made; a home that has been connected to another one since is refused, so a name never comes to mean another gateway
unnoticed. Which home counts: `--home`, else `--context`, else SLUICE_HOME, else SLUICE_CONTEXT, else the file's
`current`, else the folder of this file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clients.cli.nearest import meant
from gateway.core.errors import CallerError, Refused

if TYPE_CHECKING:
    from gateway.core.control.texts import Table

_HOME_VARIABLE = "SLUICE_HOME"
_CONTEXT_VARIABLE = "SLUICE_CONTEXT"
_FILE_VARIABLE = "SLUICE_CONTEXTS"
_MAX_CONTEXTS = 256


@dataclass(frozen=True, slots=True)
class Named:
    """What the command line says: a home, a context, or neither."""

    home: Path | None
    context: str | None


@dataclass(frozen=True, slots=True)
class Context:
    """A name for a home. gateway: the identity it is for; empty if the home knew none yet."""

    name: str
    home: Path
    gateway: str = ""

    def check(self, server: str) -> None:
        """Refuses `context-differs` if the home is connected to another gateway than this context was made for."""
        if self.gateway and server != self.gateway:
            raise Refused(
                "context-differs",
                f"context {self.name} is for {self.gateway}, its home is connected to {server}",
                at=str(self.home),
                do=f"`sluicectl context use {self.name} --home {self.home}` if that is meant",
            )


@dataclass(frozen=True, slots=True)
class Contexts:
    """The file. current: the name that counts where none is said; empty if none does."""

    current: str
    by_name: Mapping[str, Context]

    def named(self, name: str) -> Context:
        """The context of that name; refuses `context-unknown`."""
        found = self.by_name.get(name)
        if found is None:
            raise CallerError(
                "context-unknown",
                f"a context must be in {contexts_file()}, `{name}` is not",
                at="--context",
                do=meant(name, self.by_name, "`sluicectl context list`"),
            )
        return found

    def using(self, context: Context) -> Contexts:
        """The same with `context` in it, and current."""
        return replace(self, current=context.name, by_name={**self.by_name, context.name: context})

    def encode(self) -> bytes:
        """The text of the file."""
        lines = [f"current = {_quoted(self.current)}"] if self.current else []
        for name, context in sorted(self.by_name.items()):
            lines += ["", f"[context.{_quoted(name)}]", f"home = {_quoted(str(context.home))}"]
            lines += [f"gateway = {_quoted(context.gateway)}"] * bool(context.gateway)
        return ("\n".join(lines) + "\n").encode()


def contexts_file() -> Path:
    """Where the file is: SLUICE_CONTEXTS, else beside the home that needs no name."""
    return Path(os.environ.get(_FILE_VARIABLE) or Path(click.get_app_dir("sluice")) / "contexts.toml")


def read_contexts() -> Contexts:
    """The file; empty if there is none. Refuses `text-…` for one that is not as it should be."""
    try:
        text = contexts_file().read_bytes()
    except FileNotFoundError:
        return Contexts("", {})
    # Here and not above: most commands run without the file, and reading TOML costs more than starting.
    from gateway.core.control.texts import read_text  # noqa: PLC0415

    table = read_text(text, "contexts", {"current", "context"})
    by_name: dict[str, Context] = {}
    if table.has("context"):
        names = tuple(table.raw("context"))
        if len(names) > _MAX_CONTEXTS:
            raise table.wrong("context", f"at most {_MAX_CONTEXTS} tables")
        inner = table.table("context", set(names))
        by_name = {name: _context(name, inner.table(name, {"home", "gateway"})) for name in names}
    return Contexts(table.string("current", 128) if table.has("current") else "", by_name)


def _context(name: str, table: Table) -> Context:
    gateway = table.string("gateway", 512) if table.has("gateway") else ""
    return Context(name, Path(table.string("home", 4096)), gateway)


def write_contexts(contexts: Contexts) -> None:
    """Replaces the file at once."""
    from clients.keyfiles import write_public  # noqa: PLC0415 - only who writes it pays for it

    path = contexts_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_public(path, contexts.encode())


def chosen_context() -> Context | None:
    """The context that counts for the running command; None if a home was said, or nothing was."""
    named = _named()
    if named.home is not None:
        if named.context is not None:
            raise CallerError("usage", "a home or a context is said, both were", at="--context")
        return None
    if named.context is not None:
        return read_contexts().named(named.context)
    if os.environ.get(_HOME_VARIABLE):
        return None
    contexts = read_contexts()
    name = os.environ.get(_CONTEXT_VARIABLE) or contexts.current
    return contexts.named(name) if name else None


def chosen_home() -> Path:
    """The home that counts for the running command."""
    context = chosen_context()
    if context is not None:
        return context.home
    return _named().home or Path(os.environ.get(_HOME_VARIABLE) or click.get_app_dir("sluice"))


def _named() -> Named:
    named = click.get_current_context().find_root().obj
    return named if isinstance(named, Named) else Named(None, None)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

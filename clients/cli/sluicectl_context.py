"""`sluicectl context`: homes by name. Offline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clients.cli.boundary import Group
from clients.cli.contexts import Context, chosen_context, chosen_home, contexts_file, read_contexts, write_contexts
from clients.cli.output import result
from gateway.core.errors import CallerError
from gateway.core.suite.octets import is_name

if TYPE_CHECKING:
    from clients.operator.home import Home


@click.group(cls=Group)
def context() -> None:
    """Homes by name: list, use, show. Offline."""


@context.command("list")
def list_contexts() -> None:
    """List the names, the one that counts marked."""
    contexts = read_contexts()
    facts = [
        {"name": one.name, "home": str(one.home), "gateway": one.gateway, "current": one.name == contexts.current}
        for _, one in sorted(contexts.by_name.items())
    ]
    lines = [
        (("* " if one["current"] else "  ") + str(one["name"]), f"{one['home']}  {one['gateway']}") for one in facts
    ]
    result({"file": str(contexts_file()), "contexts": facts}, lines or [("none", "there is no context")])


@context.command()
@click.argument("name")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    metavar="DIR",
    help="The home this name is for; it is kept.",
)
def use(name: str, home: Path | None) -> None:
    """Let NAME count where no home is said; with --home, make the name or give it another home."""
    if not is_name(name):
        raise CallerError("context-name", "a name must be letters, digits and `._/-`", at=name)
    contexts = read_contexts()
    if home is None:
        chosen = contexts.named(name)
    else:
        opened = _opened(home)
        chosen = Context(name, home, opened.connection().server if opened.is_connected() else "")
    write_contexts(contexts.using(chosen))
    facts = _facts(chosen)
    result(facts, _lines(facts))


@context.command()
@click.argument("name", required=False)
def show(name: str | None) -> None:
    """Show which home and which gateway NAME is, or the one that counts now."""
    chosen = read_contexts().named(name) if name else chosen_context() or Context("", chosen_home())
    facts = _facts(chosen)
    result(facts, _lines(facts))


def _facts(chosen: Context) -> dict[str, object]:
    home = _home(chosen)
    connected = home if home is not None and home.is_connected() else None
    return {
        "name": chosen.name or None,
        "home": str(chosen.home),
        "operator": home.operator_id if home else None,
        "gateway": chosen.gateway or None,
        "endpoint": connected.connection().endpoint if connected else None,
        "server": connected.connection().server if connected else None,
        "genesis": connected.genesis().statement.link.hex() if connected else None,
    }


def _lines(facts: Mapping[str, object]) -> list[tuple[str, str]]:
    where = f"{facts['endpoint']}  {facts['server']}" if facts["endpoint"] else "not connected"
    lines = [
        ("context", str(facts["name"] or "none: the home was said, or is the default")),
        ("home", f"{facts['home']}  {facts['operator'] or 'no home is there'}"),
        ("gateway", where),
    ]
    return lines + [("genesis", str(facts["genesis"]))] * bool(facts["genesis"])


def _home(chosen: Context) -> Home | None:
    try:
        return _opened(chosen.home)
    except CallerError:
        return None


def _opened(home: Path) -> Home:
    # The names alone need nothing that can read a key.
    from clients.operator.home import Home  # noqa: PLC0415

    return Home.open(home)

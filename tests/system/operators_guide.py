"""The disclosure officer's guide as a script: what `gateway/OPERATORS.md` lays down and types, in its order.

python -m tests.system.operators_guide --print
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from tests.system.transcripts import Paper, Step, steps

GUIDE = Path(__file__).resolve().parents[2] / "gateway" / "OPERATORS.md"


def script() -> list[Step | Paper]:
    """Everything that the guide gives and types."""
    return list(steps(GUIDE.read_text("utf-8")))


def printed() -> Iterator[str]:
    """The script for a person: papers as here-documents, commands with what is typed and their exit codes."""
    hours = 0
    for one in script():
        if isinstance(one, Paper):
            yield f"cat > {one.name} <<'END'\n{one.text}END"
            continue
        if one.hours > hours:
            hours = one.hours
            yield f"# {hours} h after the first command"
        said = [f"exits {one.code}"] * bool(one.code) + [f"types {one.typed}"] * bool(one.typed)
        yield one.line + (f"    # {', '.join(said)}" if said else "")


@click.command()
@click.option("--print", "wanted", is_flag=True, required=True, help="Print the script that the guide is.")
def main(wanted: bool) -> None:
    """The script inside the disclosure officer's guide."""
    click.echo("\n".join(printed()))


if __name__ == "__main__":
    main()

"""The README of the vectors: what it promises to someone with another language is so."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.reference import recorded

README = (recorded.FOLDER / "README.md").read_text()


def test_the_beginning_that_the_readme_shows_runs_as_it_stands() -> None:
    """Somebody copies it and it works, with hashlib and json alone."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

    finished = subprocess.run(
        [sys.executable, "-I", "-c", example],
        cwd=recorded.FOLDER.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (finished.returncode, finished.stderr) == (0, "")
    assert set(re.findall(r"^(?:import|from) (\w+)", example, re.MULTILINE)) == {"hashlib", "json", "pathlib"}


def test_every_file_and_every_reader_is_in_the_readme() -> None:
    """What nobody is told of, nobody runs."""
    readers = {recorded.entry(name)["reader"] for name in recorded.names() if name.startswith("scenarios.")}

    assert all(f"`{path.name}`" in README for path in recorded.FOLDER.glob("*.json"))
    assert all(f"| `{reader}` |" in README for reader in readers)


def test_every_name_of_the_readme_is_a_vector() -> None:
    """A name that leads nowhere sends its reader looking."""
    files = {path.stem for path in recorded.FOLDER.glob("*.json")}
    examples = {"keys.NAME", "keys.NAME_seeds"}
    named = {name for name in re.findall(r"`([a-z_]+\.[a-zA-Z_0-9-]+)`", README) if name.partition(".")[0] in files}

    missing = named - set(recorded.names()) - {f"{file}.json" for file in files} - examples
    assert missing == set()

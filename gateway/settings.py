"""Where one gateway's parts lie: `settings.toml`, strict, no secrets, no switch that weakens a check.

Paths are relative to the folder of the file. Written by `sluice init`, read by every other command.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path

from gateway.core.errors import CallerError, Fault

FILE = "settings.toml"
MAX_PORT = 65_535
# Settings that older files do not have.
_MAY_BE_LEFT_OUT = frozenset({"token_roots"})


@dataclass(frozen=True, slots=True)
class Settings:
    """gateway_id: its name in the directory; listen: `host:port`; the rest are paths, made absolute when read.

    kek, floor: outside the store; unsafe_kek_beside_store: the officer accepted that a thief of the disk has both.
    token_roots: roots of the web servers where issuers of access tokens show their keys; without it no token is taken.
    """

    gateway_id: str
    listen: str
    store: Path
    keys: Path
    kek: Path
    floor: Path
    roots: Path
    certificate: Path
    tls_key: Path
    unsafe_kek_beside_store: bool
    token_roots: Path | None = None

    def under(self, folder: Path) -> Settings:
        """The same with every relative path below `folder`."""
        base = folder.absolute()
        return replace(
            self,
            store=base / self.store,
            keys=base / self.keys,
            kek=base / self.kek,
            floor=base / self.floor,
            roots=base / self.roots,
            certificate=base / self.certificate,
            tls_key=base / self.tls_key,
            token_roots=base / self.token_roots if self.token_roots else None,
        )

    def to_toml(self) -> str:
        """The text of the file."""
        lines = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            # A JSON string is a TOML basic string.
            text = str(value).lower() if isinstance(value, bool) else json.dumps(str(value), ensure_ascii=False)
            lines.append(f"{field.name} = {text}")
        return "\n".join(lines) + "\n"

    def check(self) -> Settings:
        """The same; refuses an address that is none, and a key or floor that would be lost or stolen with the store."""
        check_listen(self.listen, "listen")
        for name, path in (("kek", self.kek), ("floor", self.floor)):
            if path.is_relative_to(self.store):
                raise CallerError("settings-malformed", f"`{name}` must lie outside the store", at=f"{FILE}: {name}")
        return self


def check_listen(listen: str, at: str) -> str:
    """`host:port` as it is; refuses `listen-malformed`."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > MAX_PORT:
        raise CallerError("listen-malformed", "an address is `host:port`, port 0 takes a free one", at=at)
    return listen


def read_settings(folder: Path) -> Settings:
    """The settings in `folder`; `CallerError` on an unknown, missing or wrong key, `Fault` where there is no file."""
    path = folder / FILE
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise Fault("settings-missing", "a gateway's folder was expected", at=str(path), do="`sluice init`") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CallerError("settings-malformed", "settings are TOML, something else came", at=str(path)) from error
    expected = {field.name: field.type for field in fields(Settings)}
    unknown = sorted((table.keys() ^ expected.keys()) - (_MAY_BE_LEFT_OUT - table.keys()))
    if unknown:
        raise CallerError("settings-malformed", f"the keys are {', '.join(expected)}", at=f"{path}: {unknown[0]}")
    values: dict[str, object] = {}
    for name, kind in expected.items():
        if name not in table:
            continue
        value = table[name]
        if not isinstance(value, bool if kind == "bool" else str):
            raise CallerError("settings-malformed", f"`{name}` must be a {kind}", at=f"{path}: {name}")
        values[name] = value if kind in {"bool", "str"} else Path(str(value))
    return Settings(**values).under(folder).check()  # type: ignore[arg-type]  # each value was checked against its field's type

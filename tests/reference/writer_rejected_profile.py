"""Section 10 of the format, the profile: a recorded one with one thing changed, or with a part of another party's."""

from __future__ import annotations

import base64
from pathlib import Path

from tests.reference.writer_octets import Vectors
from tests.reference.writer_rejected_texts import Text
from tests.reference.writer_wrongs import Cases

DAY = Path(__file__).resolve().parents[2] / "protos" / "vectors" / "day"


def profile() -> bytes:
    """A partner's profile of the recorded day."""
    return (DAY / "usa-arl.profile").read_bytes()


def wrapped(encoded: str) -> str:
    """Base64 in lines."""
    return "".join(f"{encoded[at : at + 76]}\n" for at in range(0, len(encoded), 76))


def profile_cases(vectors: Vectors) -> Cases:
    """Section 11: what is no profile, and parts that do not belong together."""
    other, whole = (DAY / "gbr-dstl.profile").read_text(), profile().decode()
    text = Text(whole, "profile-inconsistent")

    def part(of: str, key: str) -> str:
        """`key = '''…'''` of a profile."""
        start = of.index(f"\n{key} = '''") + 1
        return of[start : of.index("'''", of.index("'''", start) + 3) + 3]

    def value(key: str) -> str:
        return part(whole, key).partition("'''\n")[2].removesuffix("'''")

    def with_part(key: str, value: str) -> bytes:
        return whole.replace(part(whole, key), f"{key} = '''\n{value}'''").encode()

    def exchanged(key: str) -> tuple[str, bytes]:
        return "profile-inconsistent", whole.replace(part(whole, key), part(other, key)).encode()

    told, foreign = (
        one[one.index("agreements = [") + 14 : one.index("]\ngenesis_statement")] for one in (whole, other)
    )
    first = told[: told.index("''', ") + 5]
    roster, certificate, signatures = map(value, ("roster_text", "certificate", "genesis_signatures"))
    lines = certificate.splitlines()
    # The last line but one of a certificate is of its signature.
    lines[-2] = lines[-2][:4] + ("A" if lines[-2][4] != "A" else "B") + lines[-2][5:]
    signed = base64.b64decode(signatures.replace("\n", ""))
    fewer = base64.b64encode(bytes([signed[0] - 1]) + signed[1 : -2 - 2624 - 4691]).decode()
    stated = base64.b64encode(vectors.made("control.directory_statement")).decode()
    return {
        "profile": {
            "no TOML": ("profile-malformed", b"= " + whole.encode()),
            "bytes that are no UTF-8": ("profile-malformed", whole.encode() + b"# \xff\n"),
            "a line of 2,049 bytes": ("profile-malformed", f"{whole}#{'-' * 2048}\n".encode()),
            "a key that it does not have": ("text-unknown-key", b'colour = "red"\n' + whole.encode()),
            "a key that is missing": text.but('keys = "keys/usa-arl"\n', "", "text-missing-key"),
            "another format": text.but('"SLUICE1/profile"', '"SLUICE2/profile"', "text-value"),
            "a role of no party": text.but('role = "partner"', 'role = "operator"', "text-value"),
            "an id that is a number": text.but('id = "usa/arl"\nkeys', "id = 7\nkeys", "text-value"),
            "agreements that are a text": (
                "text-value",
                whole.replace(f"agreements = [{told}]", 'agreements = "none"').encode(),
            ),
            "keys above its folder": text.but('keys = "keys/usa-arl"', 'keys = "../usa-arl"', "text-value"),
            "keys of 256 bytes": text.but('keys = "keys/usa-arl"', f'keys = "{"k" * 256}"', "text-value"),
            "a port of nothing": text.but(":8443", ":0", "text-value"),
            "a port above 65535": text.but(":8443", ":65536", "text-value"),
            "a server of no SPIFFE URI": text.but('server = "spiffe:', 'server = "https:', "text-value"),
            "roots of nothing": ("text-value", whole.replace(part(whole, "roots"), 'roots = ""').encode()),
            "an agreement that is a number": ("text-value", whole.replace(told, "7").encode()),
            "a genesis that is no base64": ("text-value", with_part("genesis_statement", "!" * 8)),
            "a statement that is no GENESIS": ("profile-inconsistent", with_part("genesis_statement", wrapped(stated))),
            "a genesis that one operator did not sign": (
                "signatures-too-few",
                with_part("genesis_signatures", wrapped(fewer)),
            ),
            "a roster link of 95 digits": text.but('roster_link = "', 'roster_link = "x', "text-value"),
            "another party's id": text.but('id = "usa/arl"\nkeys', 'id = "usa/nrl"\nkeys'),
            "another party's id, and no agreement": (
                "profile-inconsistent",
                whole.replace(f"agreements = [{told}]", "agreements = []")
                .replace('id = "usa/arl"\nkeys', 'id = "usa/nrl"\nkeys')
                .encode(),
            ),
            "another party's admission": exchanged("admission"),
            "another party's agreement": ("profile-inconsistent", whole.replace(told, foreign).encode()),
            "an agreement twice": ("profile-inconsistent", whole.replace(told, first + told).encode()),
            "another text of the roster": ("profile-inconsistent", with_part("roster_text", "# another\n" + roster)),
            "a text that is no roster": (
                "text-missing-key",
                with_part("roster_text", roster.replace("wait_hours", "# wait_hours")),
            ),
            "another party's certificate": exchanged("certificate"),
            "a certificate that is none": ("certificate-malformed", with_part("certificate", "none\n")),
            "a certificate that another key signed": (
                "certificate-other-root",
                with_part("certificate", "\n".join(lines) + "\n"),
            ),
            "without the admitted root": ("profile-inconsistent", with_part("roots", certificate)),
        }
    }

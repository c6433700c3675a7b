"""Bytes, hashes, trees, keys and the book of vectors, written from the format's text alone.

Nothing here imports the product: what two independent hands make of the same text must agree byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM1024P384PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

Fields = list[tuple[str, bytes]]

HL = 48
SUITE = b"\x01"
ZERO = bytes(HL)
P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
HPKE = Suite(KEM.MLKEM1024_P384, KDF.HKDF_SHA384, AEAD.AES_256_GCM)


def u8(number: int) -> bytes:
    """One byte."""
    return struct.pack(">B", number)


def u16(number: int) -> bytes:
    """Two bytes, big-endian."""
    return struct.pack(">H", number)


def u32(number: int) -> bytes:
    """Four bytes, big-endian."""
    return struct.pack(">I", number)


def u64(number: int) -> bytes:
    """Eight bytes, big-endian."""
    return struct.pack(">Q", number)


def lp8(octets: bytes) -> bytes:
    """Behind a length of one byte."""
    return u8(len(octets)) + octets


def lp16(octets: bytes) -> bytes:
    """Behind a length of two bytes."""
    return u16(len(octets)) + octets


def lp32(octets: bytes) -> bytes:
    """Behind a length of four bytes."""
    return u32(len(octets)) + octets


def tag(name: str) -> bytes:
    """The ASCII tag and its NUL."""
    return b"SLUICE1/" + name.encode() + b"\x00"


def fixed(name: str, length: int) -> bytes:
    """Bytes that stand where a random generator would be: SHAKE256 of a name."""
    return hashlib.shake_256(b"sluice vector " + name.encode()).digest(length)


def join(fields: Fields) -> bytes:
    """The bytes of a structure."""
    return b"".join(octets for _, octets in fields)


def opened(name: str) -> Fields:
    """The two fields that open every structure."""
    return [("tag", tag(name)), ("suite", SUITE)]


def h(octets: bytes) -> bytes:
    """SHA-384."""
    return hashlib.sha384(octets).digest()


def leaf(octets: bytes) -> bytes:
    """Leaf hash of a tree."""
    return h(b"\x00" + octets)


def node(left: bytes, right: bytes) -> bytes:
    """Hash of two children."""
    return h(b"\x01" + left + right)


def tree_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, over leaf hashes."""
    if not leaves:
        return h(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node(tree_root(leaves[:split]), tree_root(leaves[split:]))


def multiproof(leaves: list[bytes], known: list[int]) -> list[bytes]:
    """Nodes level by level: the sibling i XOR 1 is known, or does not exist, or is written."""
    level, indexes, nodes = leaves, sorted(known), []
    while len(level) > 1:
        nodes += [level[i ^ 1] for i in indexes if i ^ 1 not in indexes and i ^ 1 < len(level)]
        level = [node(*level[i : i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
        indexes = sorted({i // 2 for i in indexes})
    return nodes


def subtree_ranges(start: int, end: int) -> list[tuple[int, int]]:
    """Perfect subtrees from `start` to `end`, each the largest aligned one that fits."""
    ranges = []
    while start < end:
        width = 1
        while start % (width * 2) == 0 and start + width * 2 <= end:
            width *= 2
        ranges.append((start, start + width))
        start += width
    return ranges


def ctr_stream(seed: bytes, length: int) -> bytes:
    """AES-256 in counter mode, the first block zero."""
    return Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor().update(bytes(length))


def expand(secret: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-SHA384."""
    return HKDFExpand(SHA384(), length, context).derive(secret)


def extract(salt: bytes, secret: bytes) -> bytes:
    """HKDF-Extract-SHA384."""
    return HKDF.extract(SHA384(), salt, secret)


def gcm(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """AES-256-GCM, the tag at the end."""
    return AESGCM(key).encrypt(nonce, plaintext, aad)


def counted(iv: bytes, counter: int) -> bytes:
    """The iv XOR the counter."""
    return (int.from_bytes(iv, "big") ^ counter).to_bytes(12, "big")


def difference(right: bytes, wrong: bytes) -> dict[str, object]:
    """How `wrong` is made of `right`: `cut` bytes at `at` replaced by `insert`."""
    shorter = min(len(right), len(wrong))
    at = next((i for i in range(shorter) if right[i] != wrong[i]), shorter)
    same = next((i for i in range(shorter - at) if right[-1 - i] != wrong[-1 - i]), shorter - at)
    return {"at": at, "cut": len(right) - same - at, "insert": wrong[at : len(wrong) - same].hex()}


class SigningKey:
    """ML-DSA-87 and Ed25519, both from fixed seeds."""

    def __init__(self, name: str) -> None:
        self.seeds = (fixed(f"{name} ml-dsa-87", 32), fixed(f"{name} ed25519", 32))
        self._post = mldsa.MLDSA87PrivateKey.from_seed_bytes(self.seeds[0])
        self._classic = ed25519.Ed25519PrivateKey.from_private_bytes(self.seeds[1])
        self.public = self._post.public_key().public_bytes_raw() + self._classic.public_key().public_bytes_raw()
        self.digest = h(tag("key") + SUITE + self.public)
        self.id = self.digest[:16]

    def sign(self, context: str, message: bytes) -> bytes:
        """ML-DSA-87 under the tag as context, then Ed25519."""
        return self._post.sign(message, b"SLUICE1/" + context.encode()) + self._classic.sign(message)

    def holds(self, context: str, message: bytes, signature: bytes) -> bool:
        """Whether both halves verify."""
        try:
            self._post.public_key().verify(signature[:4627], message, b"SLUICE1/" + context.encode())
            self._classic.public_key().verify(signature[4627:], message)
        except InvalidSignature:
            return False
        return True


class KemKey:
    """ML-KEM-1024 and P-384, both from fixed seeds."""

    def __init__(self, name: str) -> None:
        self.seeds = (fixed(f"{name} ml-kem-1024", 64), fixed(f"{name} p-384", 48))
        post = mlkem.MLKEM1024PrivateKey.from_seed_bytes(self.seeds[0])
        classic = ec.derive_private_key(int.from_bytes(self.seeds[1], "big") % (P384_ORDER - 1) + 1, ec.SECP384R1())
        point = classic.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self._halves = (post, classic)
        self._private = MLKEM1024P384PrivateKey(post, classic)
        self.public = post.public_key().public_bytes_raw() + point
        self.digest = h(tag("key") + SUITE + self.public)
        self.id = self.digest[:16]

    def pem(self) -> bytes:
        """The private key as its holder keeps it: two PKCS#8 PEM blocks."""
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self._halves[0].private_bytes(*form) + self._halves[1].private_bytes(*form)

    def seal(self, context: bytes, plaintext: bytes) -> bytes:
        """HPKE base mode: enc, then ct."""
        return HPKE.encrypt(plaintext, self._private.public_key(), context)

    def opens(self, context: bytes, plaintext: bytes, sealed: bytes) -> bool:
        """Whether `sealed` opens to `plaintext`."""
        try:
            return HPKE.decrypt(sealed, self._private, context) == plaintext
        except InvalidTag:
            return False


class Vectors:
    """What the writer made, by `file.name`; signatures and seals are kept from the last run while they hold."""

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self._folder = folder
        self._made: dict[str, dict[str, dict[str, object]]] = {}
        self._kept: dict[str, bytes] = {}
        if not fresh:
            for path in sorted(folder.glob("*.json")):
                entries = json.loads(path.read_text())
                kept = {f"{path.stem}.{name}": entry for name, entry in entries.items() if "recorded" in entry}
                self._kept |= {name: bytes.fromhex(entry["hex"]) for name, entry in kept.items()}

    def _enter(self, name: str, entry: dict[str, object]) -> None:
        file, _, short = name.partition(".")
        if short in self._made.setdefault(file, {}):
            raise ValueError(f"`{name}` is made twice")
        self._made[file][short] = entry

    def value(self, name: str, value: object) -> None:
        """An input that is not bytes: a number, a text, a list of them."""
        self._enter(name, {"value": value})

    def octets(self, name: str, octets: bytes) -> bytes:
        """Bytes without fields of their own."""
        self._enter(name, {"hex": octets.hex()})
        return octets

    def fields(self, name: str, fields: Fields) -> bytes:
        """A structure, with the name and length of each field in order."""
        octets = join(fields)
        self._enter(name, {"hex": octets.hex(), "layout": [[field, len(part)] for field, part in fields]})
        return octets

    def sign(self, name: str, key: SigningKey, context: str, message: bytes) -> bytes:
        """A signature: the one recorded under `name` if it still verifies, else a new one."""
        signature = self._kept.get(name, b"")
        if not key.holds(context, message, signature):
            signature = key.sign(context, message)
        self._enter(name, {"hex": signature.hex(), "layout": [["ML-DSA-87", 4627], ["Ed25519", 64]], "recorded": True})
        return signature

    def seal(self, name: str, key: KemKey, context: bytes, plaintext: bytes) -> bytes:
        """An HPKE seal: the one recorded under `name` if it still opens, else a new one."""
        sealed = self._kept.get(name, b"")
        if not key.opens(context, plaintext, sealed):
            sealed = key.seal(context, plaintext)
        self._enter(
            name, {"hex": sealed.hex(), "layout": [["enc", 1665], ["ct", len(sealed) - 1665]], "recorded": True}
        )
        return sealed

    def rejected(self, name: str, structure: str, octets: bytes, code: str) -> None:
        """Bytes that nobody may take for `structure`, as a change of its right bytes, and the refusal they meet."""
        change = difference(self.made(f"rejected.{structure}"), octets)
        self._enter(name, {"structure": structure, **change, "code": code})

    def scenario(self, name: str, scenario: dict[str, object]) -> None:
        """A reader, what it knows, and messages of which the last may be wrong where it stands."""
        self._enter(name, scenario)

    def extend(self, name: str, more: dict[str, object]) -> None:
        """What else an entry made before says."""
        file, _, short = name.partition(".")
        self._made[file][short] |= more

    def made(self, name: str) -> bytes:
        """The bytes of a vector made before."""
        file, _, short = name.partition(".")
        return bytes.fromhex(str(self._made[file][short]["hex"]))

    def parts(self, name: str) -> Fields:
        """The fields of a structure made before."""
        file, _, short = name.partition(".")
        layout, octets, fields = self._made[file][short]["layout"], self.made(name), []
        if not isinstance(layout, list):
            raise TypeError("a layout is a list of fields")
        for field, length in layout:
            fields.append((field, octets[:length]))
            octets = octets[length:]
        return fields

    def write(self) -> list[Path]:
        """One JSON file per room of the format, entries in the order they were made."""
        self._folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for file, entries in self._made.items():
            lines = [f"{json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in entries.items()]
            path = self._folder / f"{file}.json"
            path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
            paths.append(path)
        return paths

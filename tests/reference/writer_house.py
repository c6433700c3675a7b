"""The journal of a whole gateway: vocabulary, guide, a source, a partner, their agreement, and a directory over all.

What the story of `control.json` shows one by one stands here as operators would apply it, so that the checks of a
gateway and of a partner's whole stream have something to stand on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.reference.writer_control import (
    AGREEMENT_TEXT,
    DIRECTORY,
    HOUR,
    NOW,
    ROLES,
    SOURCE,
    SOURCE_TEXT,
)
from tests.reference.writer_octets import SUITE, Fields, h, join, lp8, lp16, lp32, opened, tag, u8, u16, u32, u64
from tests.reference.writer_scene import (
    Directory,
    Endorsed,
    Octets,
    Scene,
    Signed,
    Statements,
    endorse,
    message,
    raw,
)

PARTNER, AGREEMENT, GUIDE, VOCABULARY = 8, 9, 11, 12
BOTH = ("officer-1", "officer-2")
MINUTE = 60_000
DAYS = 24 * HOUR

VOCABULARY_TEXT = """policy        = "UKR"
version       = 1
owner         = ["UKR"]
releasability = "REL"

[print]
prefix     = ""
brackets   = false
list_owner = false

[[level]]
code  = "OPEN"
name  = "open"
short = "O"

[[level]]
code  = "DSK"
name  = "for official use"
short = "DSK"

[[level]]
code  = "T"
name  = "secret"
short = "T"

[tag.COMMERCIAL]
kind    = "restrictive"
held    = "agreement"
values  = "identifiers"
printed = "COMMERCIAL SECRET"

[tag.REL]
kind           = "permissive"
absent         = "nobody-but-owner"
absent_printed = ""
values         = ["DEU", "GBR", "POL", "USA"]
printed        = "REL"
"""
GUIDE_TEXT = """id          = "SCENES-1"
vocabulary  = "UKR.1"
time_step_s = 3600

[tactic]
about          = "DSK//REL DEU,GBR,USA"
conditions     = "DSK//REL DEU,GBR,USA"
observation    = "T//REL GBR,USA"
discussion     = "T//REL GBR,USA"
conclusion     = "DSK//REL DEU,GBR,USA"
recommendation = "DSK//REL DEU,GBR,USA"
evidence       = "T//REL GBR,USA"
unit           = "T"
"""
PARTNER_TEXT = """id       = "usa/arl"
nation   = "USA"
identity = "spiffe://usa.example/partner/arl"
root     = "{root}"
sign_key = "{sign}"
kem_key  = "{kem}"

[clearance.UKR]
level = "T"
REL   = ["USA"]
"""


@dataclass(frozen=True)
class House:
    """entries: of CONTROL, in order; statements: the same, by name; directory: the Dir of the last."""

    scene: Scene
    make: Statements
    entries: tuple[Octets, ...]
    statements: dict[str, Signed]
    directory: Directory

    @property
    def message(self) -> Octets:
        """What a fresh reader is sent."""
        return "materials.directory_message"

    def with_key(self, name: str, **changed: object) -> Octets:
        """The same with another endorsement for one key, signed again."""
        said = "_".join(f"{field}_{value}".replace("//", "_") for field, value in changed.items())
        place = [one.name for one in self.directory.endorsed].index(name)
        endorsed = list(self.directory.endorsed)
        endorsed[place] = replace(endorsed[place], **changed)  # type: ignore[arg-type]
        directory = replace(self.directory, endorsed=tuple(endorsed))
        behind = self.statements["agreement"].behind(self.scene.world.genesis)
        signed = self.make.sign(f"directory_{name}_{said}", DIRECTORY, directory.body(), BOTH, behind)
        return message([self.make.genesis, signed], directory.shown())

    def applied(self, signed: Signed, *attachments: Octets, at: int | None = None) -> Octets:
        """An entry of CONTROL."""
        when = NOW + signed.position * HOUR + MINUTE if at is None else at
        beside: list[Octets] = []
        for attachment in attachments:
            beside += [raw(u32(len(self.scene.bytes_of(attachment)))), attachment]
        return [signed.octets, raw(u16(len(attachments))), *beside, raw(u64(when))]

    def fields_of_list(self, directory: Directory) -> Fields:
        """The endorsement list beside a DIRECTORY: it brings what no statement of its own brought."""
        fields: Fields = [("count", u16(len(directory.endorsed)))]
        for index, one in enumerate(directory.endorsed):
            brought = self.scene.bytes_of(one.material) if one.role in {2, 3, 4} else b""
            fields += [(f"E {index}", lp16(one.encoded)), (f"key {index}", lp32(brought))]
        return fields

    def listed(self, directory: Directory) -> Octets:
        """The same, as an attachment."""
        return raw(join(self.fields_of_list(directory)))


def build_house(scene: Scene) -> House:
    """Everything applied, an hour apart."""
    vectors, world, make = scene.vectors, scene.world, Statements(scene)
    bundle = scene.material("source_bundle", _source_bundle(scene))
    parties = {name: world.signers[name].digest.hex() for name in ("source", "partner-sign")}
    source = SOURCE_TEXT.format(root=h(b"a root certificate")[:32].hex(), key=parties["source"])
    partner = PARTNER_TEXT.format(
        root=h(b"a root certificate of the partner")[:32].hex(),
        sign=parties["partner-sign"],
        kem=world.sealed_to["partner-kem"].digest.hex(),
    )
    vocabulary = scene.material("vocabulary", VOCABULARY_TEXT.encode())
    digest = h(tag("text") + SUITE + lp8(b"UKR.1") + VOCABULARY_TEXT.encode())
    file = Endorsed("UKR.1", 7, "UKR.1", digest, vocabulary, len(VOCABULARY_TEXT.encode()))
    order = ("gateway-stream", "gateway-ledger", "gateway-ingest", "source", "partner-kem", "partner-sign")
    directory = Directory(1, 1, (*(endorse(world, name) for name in order), file), NOW + 6 * HOUR)
    house = House(scene, make, (), {}, directory)
    bodies: tuple[tuple[str, int, bytes, tuple[Octets, ...]], ...] = (
        ("vocabulary", VOCABULARY, VOCABULARY_TEXT.encode(), ()),
        ("guide", GUIDE, GUIDE_TEXT.encode(), ()),
        ("source", SOURCE, source.encode(), (bundle,)),
        ("partner", PARTNER, partner.encode(), ("control.enrolment_bundle",)),
        ("agreement", AGREEMENT, AGREEMENT_TEXT.encode(), ()),
        ("directory", DIRECTORY, directory.body(), (house.listed(directory),)),
    )
    statements, last = {"genesis": make.genesis}, make.genesis
    entries: list[Octets] = [scene.material("entry_genesis", scene.bytes_of(house.applied(last)))]
    for name, kind, body, attachments in bodies:
        last = make.sign(f"house_{name}", kind, body, BOTH, last.behind(world.genesis))
        statements[name] = last
        entries.append(scene.material(f"entry_{name}", scene.bytes_of(house.applied(last, *attachments))))
    vectors.fields("control.endorsement_list", house.fields_of_list(directory))
    sent = message([make.genesis, statements["directory"]], directory.shown())
    vectors.octets("materials.directory_message", scene.bytes_of(sent))
    return replace(house, entries=tuple(entries), statements=statements)


def _source_bundle(scene: Scene) -> bytes:
    key = scene.world.signers["source"]
    fields: Fields = [
        *opened("enrol"),
        ("subject_id", lp8(b"src-3f07")),
        ("key count", u8(1)),
        ("role", u8(ROLES["source"])),
        ("key", lp16(key.public)),
        ("certificate request", lp16(b"a certificate request in DER")),
    ]
    signed = join(fields)
    named = scene.signature("source_bundle_signature", "source", "enrol", signed)
    return signed + scene.bytes_of(named)

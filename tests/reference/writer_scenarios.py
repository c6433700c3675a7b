"""Section 10 of the format, what only a context makes wrong: readers, what they know, and messages in order."""

from __future__ import annotations

from tests.reference.writer_control import World
from tests.reference.writer_house import build_house
from tests.reference.writer_octets import Vectors
from tests.reference.writer_origin import MadeBatch
from tests.reference.writer_scene import Scene
from tests.reference.writer_scene_certificates import write_certificate_scenes
from tests.reference.writer_scene_control import write_control_scenes
from tests.reference.writer_scene_files import write_file_scenes
from tests.reference.writer_scene_gateway import write_gateway_scenes
from tests.reference.writer_scene_ledger import write_ledger_scenes
from tests.reference.writer_scene_parties import write_party_scenes
from tests.reference.writer_scene_rosters import write_roster_scenes
from tests.reference.writer_scene_standing import write_standing_scenes
from tests.reference.writer_scene_stops import write_stop_scenes
from tests.reference.writer_scene_stream import write_stream_scenes
from tests.reference.writer_scene_trust import write_trust_scenes


def write_scenarios(vectors: Vectors, world: World, batches: list[MadeBatch]) -> None:
    """Every family, each with what is accepted beside what is not."""
    scene = Scene(vectors, world)
    house = build_house(scene)
    write_trust_scenes(scene)
    write_ledger_scenes(scene)
    write_stream_scenes(scene, house, batches)
    write_file_scenes(scene, house, batches)
    write_party_scenes(scene, house, batches)
    succession = write_control_scenes(scene, house)
    write_standing_scenes(scene, house)
    write_gateway_scenes(scene, house)
    write_stop_scenes(scene, house)
    write_roster_scenes(scene, house, succession)
    write_certificate_scenes(scene, house)

"""Section 10 of the format, what only a context makes wrong: readers, what they know, and messages in order."""

from __future__ import annotations

from tests.reference.writer_control import World
from tests.reference.writer_octets import Vectors
from tests.reference.writer_scene import Scene
from tests.reference.writer_scene_trust import write_trust_scenes


def write_scenarios(vectors: Vectors, world: World) -> None:
    """Every family, each with what is accepted beside what is not."""
    scene = Scene(vectors, world)
    write_trust_scenes(scene)

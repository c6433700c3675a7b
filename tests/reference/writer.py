"""A second hand that writes every structure of the format, from its text and nothing of the product.

`python -m tests.reference.writer` makes `protos/vectors/*.json` again: fixed names stand where random bytes would be
(`fixed(name)` is SHAKE256 of the name), so everything repeats byte for byte except signatures and seals, which draw
their own randomness. Those are recorded once and kept while they verify; `--fresh` makes new ones.
The worked examples of `protos/SPEC.md` are written again from the vectors they name.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.reference.writer_accounts import write_accounts
from tests.reference.writer_control import write_card, write_control, write_profile, write_restore
from tests.reference.writer_evidence import write_evidence, write_ledger_state
from tests.reference.writer_identity import write_renewal
from tests.reference.writer_kinds import write_chunk
from tests.reference.writer_ledger import write_at_rest, write_ledger, write_trees
from tests.reference.writer_octets import Vectors
from tests.reference.writer_origin import write_origin
from tests.reference.writer_rejected import write_rejected
from tests.reference.writer_scenarios import write_scenarios
from tests.reference.writer_spec import rewrite
from tests.reference.writer_stream import write_stream
from tests.reference.writer_token import write_token

FOLDER = Path(__file__).resolve().parents[2] / "protos" / "vectors"
SPEC = FOLDER.parent / "SPEC.md"


def write_all(folder: Path, *, fresh: bool = False) -> list[Path]:
    """Writes the whole story: operators, a source's batches, one stream, seven ticks, and the same at rest."""
    vectors = Vectors(folder, fresh=fresh)
    write_trees(vectors)
    world = write_control(vectors)
    batches = write_origin(vectors, world)
    disclosures = write_stream(vectors, world, batches)
    last_tick = write_ledger(vectors, world, batches, disclosures)
    write_restore(vectors, world, last_tick)
    write_profile(vectors)
    write_card(vectors, world)
    write_renewal(vectors, world)
    write_at_rest(vectors, batches)
    write_chunk(vectors)
    write_ledger_state(vectors)
    write_accounts(vectors, world, batches)
    write_rejected(vectors)
    write_scenarios(vectors, world, batches)
    write_evidence(vectors, world)
    write_token(vectors)
    return vectors.write()


def main() -> None:
    """Says which files it wrote."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fresh", action="store_true", help="make new signatures and seals")
    parser.add_argument("--spec", type=Path, nargs="*", default=[SPEC], help="files with worked examples")
    arguments = parser.parse_args()
    for path in write_all(FOLDER, fresh=arguments.fresh):
        sys.stdout.write(f"{path.relative_to(FOLDER.parents[1])}\n")
    for spec in filter(Path.exists, arguments.spec):
        rewrite(spec, FOLDER)


if __name__ == "__main__":
    main()

"""What every test may ask for: the sample logs and one seed.

    make test SEED=1234     # the same random choices once more; the seed is in the header of every run
    make test SAMPLES=DIR   # real logs from elsewhere

Without sample logs the tests that need one are skipped, and say so.
"""

from __future__ import annotations

import os
import random
import secrets
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
_SEED = pytest.StashKey[int]()

# No deadline: two busy cores make a slow example, not a wrong one.
settings.register_profile("sluice", deadline=None, print_blob=True)
settings.load_profile("sluice")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Chooses the seed before Hypothesis reads its own option, so that one number explains the whole run."""
    chosen = (
        config.getoption("--hypothesis-seed", default=None) or os.environ.get("SLUICE_SEED") or secrets.randbelow(10**9)
    )
    config.stash[_SEED] = int(chosen)
    config.option.hypothesis_seed = str(chosen)
    # Workers on other cores are started after this and must make the same choices.
    os.environ["SLUICE_SEED"] = str(chosen)


def _samples_folder() -> Path:
    named = os.environ.get("SLUICE_SAMPLES")
    return Path(named) if named else ROOT.parent / "shared" / "samples"


def pytest_report_header(config: pytest.Config) -> list[str]:
    """The seed and where sample logs are looked for."""
    folder = _samples_folder()
    return [
        f"seed: {config.stash[_SEED]}  (the same choices again: make test SEED={config.stash[_SEED]})",
        f"samples: {'found' if folder.is_dir() else 'none, tests with real logs are skipped: make test SAMPLES=DIR'}",
    ]


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """The run's seed, for choices that Hypothesis does not make."""
    return request.config.stash[_SEED]


@pytest.fixture
def rng(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """Choices that depend on the seed and the test's name only, not on which tests ran before."""
    return random.Random(f"{seed}/{request.node.nodeid}")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real logs; a test that asks for it is skipped where there is none."""
    folder = _samples_folder()
    if not folder.is_dir():
        pytest.skip("no sample logs here: make test SAMPLES=DIR")
    return folder

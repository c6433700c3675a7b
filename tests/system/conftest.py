"""What system tests share: one office of two operators with its gateway process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.office import Office, opened_office


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Two officers, vocabularies, a guide, one source and a directory."""
    with opened_office(tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture
def desk(office: Office) -> Office:
    """The office with nothing pending."""
    office.settle()
    return office

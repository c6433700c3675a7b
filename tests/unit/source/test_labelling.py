"""A portion is labelled as the guide says, or higher, and never so that the gateway would have to refuse it."""

from __future__ import annotations

import pytest

from clients.operator.shipped import guide_text, vocabulary_text
from clients.source.labelling import Labelling
from gateway.core.control.guide import Guide
from gateway.core.errors import CallerError
from gateway.core.kinds import telemetry
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import DataMode, RecordKind
from tests.loopback import a_segment

FLOORS = {
    telemetry.ABOUT: "UKR.1 DSK//REL DEU,GBR,USA",
    telemetry.POSITION: "UKR.1 T//REL GBR,USA",
    telemetry.POSITION_COARSE: "UKR.1 DSK//REL DEU,GBR,USA",
    telemetry.KINEMATICS: "UKR.1 T//REL GBR,USA",
    telemetry.VEHICLE: "UKR.1 DSK//REL DEU,GBR,USA",
    telemetry.LINK: "UKR.1 T//REL GBR,USA",
    telemetry.GNSS: "UKR.1 T//REL GBR,USA",
    telemetry.UNIT: "UKR.1 T",
}


@pytest.fixture(scope="module")
def guide() -> Guide:
    """The guide that ships with the gateway."""
    vocabulary = Vocabulary.parse(vocabulary_text("UKR.1"))
    return Guide.parse(guide_text("UAS-2026-2"), {vocabulary.name: vocabulary})


def labels(guide: Guide, raised: dict[str, str], mode: DataMode = DataMode.REAL) -> dict[int, str]:
    """Label by slot of a whole record."""
    record = Labelling(guide, RecordKind.TELEMETRY, mode, raised).label(3, a_segment())
    return {portion.slot: portion.label.decode() for portion in record.portions}


def refusal(guide: Guide, raised: dict[str, str]) -> CallerError:
    """Why a record cannot be labelled so."""
    with pytest.raises(CallerError) as refused:
        labels(guide, raised)
    return refused.value


def test_each_portion_has_the_guides_floor(guide: Guide) -> None:
    """Nobody has to know the guide by heart."""
    assert labels(guide, {}) == FLOORS


def test_a_mode_has_its_own_floors(guide: Guide) -> None:
    """A simulated position is nobody's."""
    assert labels(guide, {}, DataMode.SIMULATED)[telemetry.POSITION] == "UKR.1 DSK//REL GBR,USA"


def test_a_unit_may_label_higher(guide: Guide) -> None:
    """And only what it names."""
    raised = labels(guide, {"vehicle": "T//REL USA"})

    assert raised == FLOORS | {telemetry.VEHICLE: "UKR.1 T//REL USA"}


def test_a_unit_may_not_label_lower(guide: Guide) -> None:
    """With the record and the slot, before anything is signed."""
    error = refusal(guide, {"position": "DSK//REL GBR,USA"})

    assert (error.code, error.at) == ("label-below-guide", "record 3, slot 1")
    assert "requires at least `T//REL GBR,USA`" in error.message


def test_velocity_is_not_labelled_below_the_position_it_leads_to(guide: Guide) -> None:
    """The gateway would refuse the whole batch; the source hears it first, with what to add."""
    error = refusal(guide, {"position": "T//REL USA"})

    assert (error.code, error.at) == ("label-below-guide", "record 3, slot 3")
    assert error.do == "add --label kinematics=T//REL USA"
    assert labels(guide, {"position": "T//REL USA", "kinematics": "T//REL USA"})[telemetry.KINEMATICS] == (
        "UKR.1 T//REL USA"
    )


@pytest.mark.parametrize(("raised", "code"), [({"altitude": "T"}, "portion-unknown"), ({"vehicle": "SECRET"}, "label")])
def test_what_names_nothing_is_refused(guide: Guide, raised: dict[str, str], code: str) -> None:
    """A typing error must not leave a portion at its floor."""
    assert refusal(guide, raised).code == code

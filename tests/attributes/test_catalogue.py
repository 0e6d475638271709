import dataclasses

import pytest

from midi_risk.attributes.ladders import find_ladder
from midi_risk.attributes.standard import catalogue
from midi_risk.errors import HierarchyError


def test_every_entry_names_a_ladder_that_exists():
    for entry in catalogue().values():
        assert find_ladder(entry.ladder).name == entry.ladder


def test_keywords_are_unique_and_the_catalogue_is_read_only():
    assert len(catalogue()) == 281
    with pytest.raises(TypeError):
        catalogue()["PatientAge"] = None
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalogue()["PatientAge"].level = "study"


def test_age_is_a_quasi_identifier_that_the_public_knows():
    entry = catalogue()["PatientAge"]
    assert (entry.category, entry.level, entry.vr) == ("quasi-identifier", "patient", "AS")
    assert "public" in entry.knowable_by
    assert entry.ps315.options == ("rtn_pat_chars=K",)


def test_nobody_knows_a_quality_control_flag():
    assert catalogue()["QualityControlSubject"].knowable_by == ()


def test_unknown_ladder_says_which_is_close():
    with pytest.raises(HierarchyError, match="Did you mean 'weight'"):
        find_ladder("wieght")

"""Tests of side and view of a radiograph."""

import pytest
from pydicom import Dataset
from pydicom.sr.codedict import codes

from scripts.dicom.provenance import code_item
from scripts.dicom.view import laterality, series_description


def header(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("values", "side"),
    [
        ({"ImageLaterality": "R"}, "R"),
        ({"Laterality": "L"}, "L"),
        ({"ImageLaterality": "", "Laterality": "B"}, "B"),
        ({"ImageLaterality": "X"}, "U"),
        ({}, "U"),
    ],
)
def test_the_side_is_that_of_the_first_attribute_that_holds_one(values, side):
    assert laterality(header(**values)) == side


def test_the_side_may_be_a_modifier_of_the_region():
    region = code_item(codes.SCT.Hand)
    region.AnatomicRegionModifierSequence = [code_item(codes.SCT.Right)]
    assert laterality(header(AnatomicRegionSequence=[region])) == "R"


@pytest.mark.parametrize(
    ("values", "description"),
    [
        ({"ImageLaterality": "R", "ViewPosition": "PA"}, "Bone masks, right PA, BLS-GAN, research use"),
        ({"Laterality": "L"}, "Bone masks, left, BLS-GAN, research use"),
        ({"ViewPosition": "LLO"}, "Bone masks, LLO, BLS-GAN, research use"),
        ({"ViewPosition": "a name of a patient"}, "Bone masks, BLS-GAN, research use"),
        ({}, "Bone masks, BLS-GAN, research use"),
    ],
)
def test_a_description_tells_hands_and_views_apart(values, description):
    assert series_description("Bone masks", header(**values), "BLS-GAN") == description

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from scripts.dicom.derive import derive
from scripts.dicom.header import contributing_equipment, copy, is_lossy
from scripts.dicom.reader import read_radiograph
from tests.support.dicom_sources import TRANSFER_SYNTAXES, source, write
from tests.support.separated import SOFTWARE, joints, reread

TEXTS = {
    "ISO 2022 Japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎".encode("iso2022_jp")),
    "GB18030": ("GB18030", "王^小东".encode("gb18030")),
    "UTF-8 that is none": ("ISO_IR 192", b"\xff\xfe\x80^\xc3!"),
    "an unknown character set": ("ISO_IR 999", b"\xe9\xe8^\xff"),
    "no character set": (None, b"\xe9\xe8\x1b$B!"),
}
KEYWORDS = ("PatientName", "StudyDescription", "ReferringPhysicianName", "InstitutionName")


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES[:2], ids=lambda uid: uid.name)
@pytest.mark.parametrize("text", TEXTS)
def test_text_of_the_source_is_the_same_bytes_in_all_objects(tmp_path, text, syntax):
    character_set, value = TEXTS[text]
    value += b" " * (len(value) % 2)
    blank = "Q" * len(value)
    made = source(SpecificCharacterSet=character_set, transfer_syntax=syntax, **dict.fromkeys(KEYWORDS, blank))
    path = write(made, tmp_path / "source.dcm")
    path.write_bytes(path.read_bytes().replace(blank.encode(), value))
    assert path.read_bytes().count(value) == len(KEYWORDS)
    of = read_radiograph(path)
    for item in map(reread, derive(of, joints(of), SOFTWARE).all):
        assert [item.get_item(keyword).value for keyword in KEYWORDS[:3]] == [value] * 3
        assert item.ContributingEquipmentSequence[0].get_item("InstitutionName").value == value
        assert item.get("SpecificCharacterSet") == made.get("SpecificCharacterSet")


def test_sequences_are_copied_with_their_items_and_what_is_private_in_them_is_left_out():
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "1", "one"
    item.private_block(0x0009, "OTHER", create=True).add_new(1, "LO", "secret")
    made, target = source(ProcedureCodeSequence=[item, Dataset()]), Dataset()
    copy(made, target, ["ProcedureCodeSequence", "AcquisitionContextSequence", "ReferencedStudySequence"])
    assert [list(copied.dir()) for copied in target.ProcedureCodeSequence] == [["CodeMeaning", "CodeValue"]]
    assert len(target) == len(target.ProcedureCodeSequence) == 1
    assert len(item) == 4


def test_what_cannot_be_decoded_is_passed_over():
    made, target = Dataset(), Dataset()
    made[0x00280010] = RawDataElement(Tag(0x00280010), "US", 3, b"\1\2\3", 0, False, True)
    copy(made, target, ["Rows"])
    assert len(target) == 0


def test_equipment_without_a_manufacturer_is_no_contributing_equipment():
    earlier = Dataset()
    earlier.Manufacturer = "Earlier"
    assert contributing_equipment(source(kind="bare", ContributingEquipmentSequence=[Dataset()])) == []
    items = contributing_equipment(source(ContributingEquipmentSequence=[earlier]))
    assert [item.Manufacturer for item in items] == ["Earlier", "Drawn Detectors"]
    assert items[1].PurposeOfReferenceCodeSequence[0].CodeValue == "109101"


def test_a_loss_is_told_by_the_header_or_by_the_transfer_syntax(tmp_path):
    plain = dcmread(write(source(), tmp_path / "plain.dcm"))
    assert not is_lossy(plain)
    assert is_lossy(source(LossyImageCompression="01"))
    plain.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    assert is_lossy(plain)

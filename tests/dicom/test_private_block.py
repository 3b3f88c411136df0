import pytest
from pydicom.uid import generate_uid

from scripts.dicom.derive import derive
from scripts.dicom.private_block import is_layer
from scripts.dicom.reader import read_radiograph
from scripts.errors import SkippedInput
from tests.support.dicom_sources import source, write
from tests.support.separated import SOFTWARE, joints, radiograph, reread


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    of = radiograph(tmp_path_factory.mktemp("source"))
    return [reread(layer) for layer in derive(of, joints(of), SOFTWARE).all[:4]]


def copies(layer):
    """Copies of a layer as archives and viewers make them, by what was done to it."""
    compressed, stripped, renamed = (reread(layer) for _ in range(3))
    compressed.SOPInstanceUID = compressed.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    compressed.SeriesInstanceUID = generate_uid()
    compressed.LossyImageCompression = "01"
    stripped.remove_private_tags()
    renamed.Manufacturer, renamed.ImageType = "ARCHIVE", ["ORIGINAL", "PRIMARY", ""]
    return {"compressed": compressed, "without private elements": stripped, "of another maker": renamed}


def test_our_layers_are_never_separated_again(layers, tmp_path):
    for layer in layers:
        for done, copy in copies(layer).items():
            assert is_layer(copy), done
            with pytest.raises(SkippedInput, match="a layer that this software made") as passed:
                read_radiograph(write(copy, tmp_path / "layer.dcm"))
            assert passed.value.kind == "layers"


@pytest.mark.parametrize("maker", ["BLS-GAN", "Drawn Detectors"])
@pytest.mark.parametrize("kind", ["DX", "CR", "SC"])
def test_a_derived_copy_of_a_radiograph_is_a_radiograph_whoever_made_it(tmp_path, kind, maker):
    made = source(
        kind=kind,
        Manufacturer=maker,
        ImageType=["DERIVED", "PRIMARY", ""],
        LossyImageCompression="01",
        SourceImageSequence=[source()],
    )
    assert not is_layer(made)
    assert read_radiograph(write(made, tmp_path / "image.dcm")).levels.any()


def test_a_broken_reference_to_a_source_makes_no_layer(tmp_path):
    made = source(SourceImageSequence=[source(kind="CR", SOPInstanceUID=None)])
    made.private_block(0x0029, "SOMEONE", create=True).add_new(1, "LO", "BLS-GAN")
    assert not is_layer(made)

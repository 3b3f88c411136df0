import pytest
import torch

from scripts.networks.openvino_cache import key_of, read, write
from scripts.networks.openvino_unet import CompiledUNet, convert
from scripts.networks.unet import unet


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    return {"segmenter.unet": unet(1, 1, (4, 4, 4, 4, 4, 4)).eval()}


@pytest.fixture
def file(parts, tmp_path):
    models = {name: convert(part) for name, part in parts.items()}
    write(tmp_path / "deep" / "model.openvino", models, key_of(parts))
    return tmp_path / "deep" / "model.openvino"


def test_what_was_written_is_read(file, parts):
    models = read(file, key_of(parts))
    assert list(models) == list(parts)
    x = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(CompiledUNet(models["segmenter.unet"])(x), parts["segmenter.unet"](x), atol=1e-5)
    assert [path.name for path in file.parent.iterdir()] == ["model.openvino"]


def test_a_file_of_other_weights_is_not_taken(file, parts):
    other = {name: unet(1, 1, (4, 4, 4, 4, 4, 4)) for name in parts}
    assert key_of(other) != key_of(parts)
    with pytest.raises(ValueError, match="other weights"):
        read(file, key_of(other))


@pytest.mark.parametrize("damage", [lambda b: b[:-100], lambda b: b"", lambda b: b[:-900] + b"\x07" + b[-899:]])
def test_a_damaged_file_is_not_taken(file, parts, damage):
    whole = file.read_bytes()
    for broken in (
        damage(whole),
        whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :],
    ):
        file.write_bytes(broken)
        with pytest.raises(ValueError, match=r"damaged|other weights"):
            read(file, key_of(parts))

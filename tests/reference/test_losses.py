import pytest
import torch

from scripts.reference.losses import ReferenceGeneratorLoss, ReferenceSupervisorLoss
from scripts.reference.networks import UNetSupervisor
from tests.support import stored_vectors


@pytest.fixture
def masks():
    """(2, 2, 16, 16), overlapping in four rows."""
    masks = torch.zeros(2, 2, 16, 16)
    masks[:, 0, 6:], masks[:, 1, :10] = 1.0, 1.0
    return masks


@pytest.fixture
def image(masks):
    torch.manual_seed(0)
    return torch.rand(2, 1, 16, 16)


def test_a_supervisor_that_is_right_costs_nothing_and_one_that_is_fooled_costs_much(masks):
    loss, nothing = ReferenceSupervisorLoss(), torch.zeros_like(masks)
    right = torch.cat([masks, nothing], dim=1)
    assert loss(right, masks, masks, nothing) == 0
    assert loss(torch.cat([masks, masks], dim=1), masks, masks, nothing) > 10


def test_what_the_supervisor_says_outside_the_bones_does_not_count(masks):
    torch.manual_seed(0)
    answer = torch.rand(2, 4, 16, 16)
    elsewhere = answer + (1 - masks.repeat(1, 2, 1, 1)) * (1 - answer)
    loss = ReferenceSupervisorLoss()
    assert loss(answer, masks, masks, masks) == loss(elsewhere, masks, masks, masks)


def test_a_generator_that_convinces_and_recomposes_costs_nothing(masks, image):
    convinced = masks.repeat(1, 2, 1, 1)
    # Two more in the Dice's numerator than needed: it passes 1 by 1 / (sum + 1).
    assert abs(ReferenceGeneratorLoss()(convinced, image, image, masks)) < 0.01


def test_the_second_sigmoid_spoils_a_perfect_answer(masks, image):
    convinced = masks.repeat(1, 2, 1, 1)
    assert ReferenceGeneratorLoss(double_sigmoid=True)(convinced, image, image, masks) > 0.2


def test_each_part_weighs_what_it_is_told(masks, image):
    convinced, layers = masks.repeat(1, 2, 1, 1), image * masks
    off = {"recomposed": image + 0.1, "layers": layers + 0.2}
    only = dict.fromkeys(("supervisor", "recomposition", "layers"), 0.0)
    rest = {"image": image, "masks": masks, "truth": layers, "answer": convinced, **off}
    assert ReferenceGeneratorLoss(**{**only, "recomposition": 2.0})(**rest).item() == pytest.approx(0.2, rel=1e-4)
    assert ReferenceGeneratorLoss(**{**only, "layers": 3.0})(**rest).item() == pytest.approx(0.6, rel=1e-4)


def test_a_weight_on_layers_that_are_not_given_is_refused(masks, image):
    with pytest.raises(ValueError, match=r"expected layers and truth, which weigh 0\.4 in the loss, got None"):
        ReferenceGeneratorLoss(layers=0.4)(masks.repeat(1, 2, 1, 1), image, image, masks)


@pytest.mark.data
def test_the_generators_losses_are_those_of_the_stored_vectors():
    stored, losses = stored_vectors.tensors(), stored_vectors.facts()["losses"]
    names = ("discriminator_out", "reconstructor_out", "image", "masks", "generator_out", "layers")
    given = [stored[name] for name in names]
    pretraining = ReferenceGeneratorLoss(supervisor=0.3, layers=0.4, double_sigmoid=True)
    assert pretraining(*given).item() == pytest.approx(losses["pretrain_generator_loss"], abs=1e-6)
    main = ReferenceGeneratorLoss(double_sigmoid=True)
    assert main(*given).item() == pytest.approx(losses["main_generator_loss"], abs=1e-6)


@pytest.mark.data
@torch.inference_mode()
def test_the_supervisors_losses_are_those_of_the_stored_vectors():
    stored, losses = stored_vectors.tensors(), stored_vectors.facts()["losses"]
    supervisor, loss = stored_vectors.fill(UNetSupervisor(), "discriminator"), ReferenceSupervisorLoss()
    masks, cropping = stored["masks"], stored["masks_cropping"]
    calls = {
        "discriminator_real_cropping": (stored["image_cropping"], cropping, cropping),
        "discriminator_real_layers": (stored["layers"], masks, masks),
        "discriminator_fake": (stored["generator_out"], masks, torch.zeros_like(masks)),
    }
    for name, (layers, seen, real) in calls.items():
        assert loss(supervisor(layers), masks, seen, real).item() == pytest.approx(losses[name], abs=1e-6)

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from scripts.physics import LOWER, UPPER, overlap_of, recompose
from scripts.reference.losses import ReferenceGeneratorLoss, ReferenceSupervisorLoss
from scripts.reference.train_step import ReferenceSeparation, ReferenceStep


class TinyGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, image, masks):
        return torch.sigmoid(self.convolution(torch.cat([image, masks], dim=1))) * masks


class TinyReconstructor(nn.Module):
    def __init__(self):
        super().__init__()
        self.k = nn.Parameter(torch.zeros(1, 1))

    def forward(self, image, layers, masks):
        k = torch.sigmoid(self.k).expand(len(image), 1)
        return recompose(layers, k[:, :, None, None], masks), k


class TinySupervisor(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4))

    def forward(self, layers):
        return torch.sigmoid(self.layers(layers))


def overlaps(joints):
    """Bones of two halves that overlap in four rows."""
    image = joints["image"]
    masks = torch.zeros_like(joints["distance"])
    masks[:, LOWER, 6:], masks[:, UPPER, :10] = 1.0, 1.0
    return {"image": image, "masks": masks, "layers": 0.8 * image * masks}


@pytest.fixture
def joints():
    torch.manual_seed(0)
    return {
        "image": torch.rand(2, 1, 16, 16),
        "background": torch.rand(2, 1, 16, 16),
        "tissue": torch.rand(2, 1, 16, 16),
        "distance": torch.zeros(2, 2, 16, 16),
    }


def engine(rate=0.1):
    """What the step needs of MONAI's AdversarialTrainer."""
    torch.manual_seed(1)
    separation, supervisor = ReferenceSeparation(TinyGenerator(), TinyReconstructor()), TinySupervisor()
    state = SimpleNamespace(
        device="cpu",
        g_network=separation,
        d_network=supervisor,
        g_optimizer=torch.optim.SGD(separation.parameters(), lr=rate),
        d_optimizer=torch.optim.SGD(supervisor.parameters(), lr=rate),
        g_loss_function=ReferenceGeneratorLoss(supervisor=0.3, recomposition=0.0),
        recon_loss_function=ReferenceGeneratorLoss(supervisor=0.0, layers=0.4),
        d_loss_function=ReferenceSupervisorLoss(),
    )
    return SimpleNamespace(state=state, amp=False, non_blocking=False)


def copied(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def moved(network, before):
    return {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def test_one_step_moves_generator_reconstructor_and_supervisor(joints):
    trainer = engine()
    before = copied(trainer.state.g_network), copied(trainer.state.d_network)
    output = ReferenceStep(overlaps)(trainer, joints)
    assert moved(trainer.state.g_network, before[0]) == set(before[0])
    assert "layers.0.weight" in moved(trainer.state.d_network, before[1])
    assert output["loss"] == pytest.approx(output["reconstruction_loss"] + output["generator_loss"])
    assert output["discriminator_loss"] > 0
    assert output["pred"].shape == output["label"].shape == (2, 2, 16, 16)
    assert not output["pred"].requires_grad


def test_the_sum_of_both_losses_is_the_papers_one(joints):
    trainer = engine(rate=0.0)
    output = ReferenceStep(overlaps)(trainer, joints)
    made = trainer.state.g_network(overlaps(joints))
    whole = ReferenceGeneratorLoss(supervisor=0.3, recomposition=0.3, layers=0.4)
    assert output["loss"] == pytest.approx(whole(trainer.state.d_network(made["layers"]), **made).item(), rel=1e-4)


def test_a_frozen_supervisor_judges_and_does_not_change(joints):
    trainer = engine()
    before = copied(trainer.state.d_network)
    output = ReferenceStep(overlaps, supervisor_learns=False)(trainer, joints)
    assert not moved(trainer.state.d_network, before)
    assert output["generator_loss"] > 0
    assert output["discriminator_loss"] == 0


def test_the_supervisor_learns_from_cut_images_true_layers_and_made_ones(joints):
    made = ReferenceSeparation(TinyGenerator(), TinyReconstructor())(overlaps(joints))
    (cut, seen, real), (true, everywhere, also_real), (fake, seen_fake, nowhere) = ReferenceStep.examples(made)
    masks, both = made["masks"], overlap_of(made["masks"])
    assert torch.equal(cut, made["image"] * masks)
    assert torch.equal(seen, masks * ~both)
    assert torch.equal(real, seen)
    assert true is made["truth"]
    assert torch.equal(everywhere, masks)
    assert torch.equal(also_real, masks)
    assert torch.equal(fake, made["layers"])
    assert not fake.requires_grad
    assert torch.equal(seen_fake, masks)
    assert not nowhere.any()


def test_the_generators_gradient_enters_the_supervisors_step_only_where_it_leaks(joints):
    steps = {}
    for leaking in (True, False):
        trainer = engine()
        # Where the supervisor's own loss asks for nothing, only what has leaked moves it.
        trainer.state.d_loss_function = lambda answer, masks, seen, real: 0.0 * answer.sum()
        before = copied(trainer.state.d_network)
        ReferenceStep(overlaps, leaking_gradient=leaking)(trainer, joints)
        steps[leaking] = "layers.0.weight" in moved(trainer.state.d_network, before)
        assert all(parameter.grad is None for parameter in trainer.state.d_network.parameters())
    assert steps == {True: True, False: False}

import copy
from typing import Any

import pytest
import torch
from tests.models.tiny_towers import TOWERS, make_audio_config, make_joined
from torch import Tensor, nn
from transformers import AutoModel, Wav2Vec2Config

from paraclap.models.audio_families import build_audio_encoder
from paraclap.models.conv_front_end import ConvFrontEnd

FAST = [*(name for name in TOWERS if name.endswith("layer norm")), "data2vec-audio"]
HOP, WINDOW = 80, 105  # samples, of the tiny towers
LENGTHS = {
    **{"one frame": WINDOW, "almost two": WINDOW + HOP - 1, "two": WINDOW + HOP, "a few": 1234},
    **{"one block": 99 * HOP + WINDOW, "a block and a frame": 100 * HOP + WINDOW, "many blocks": 28_321},
}


def make_pair(config: Any) -> tuple[Any, Any]:
    """Return the feature encoder of transformers and ours, with the same random weights, in eval mode."""
    torch.manual_seed(0)
    stock = AutoModel.from_config(config)
    with torch.no_grad():  # or the norms would have no say
        for parameter in stock.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    ours = build_audio_encoder(config)
    ours.load_state_dict(stock.state_dict())
    return stock.eval().feature_extractor, ours.eval().feature_extractor


def make_waveforms(number: int, length: int) -> Tensor:
    return torch.randn(number, length, generator=torch.Generator().manual_seed(length))


def find_change(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference, relative to the largest value."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    return float((found - expected).abs().max() / expected.abs().max())


def forbid_stock(front_end: ConvFrontEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("computed as transformers does")

    for layer in front_end.conv_layers:
        monkeypatch.setattr(layer, "forward", refuse)


@pytest.mark.parametrize("tower", FAST)
@torch.inference_mode()
def test_frames_are_those_of_transformers_at_any_length(tower: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stock, ours = make_pair(make_audio_config(tower))
    assert isinstance(ours, ConvFrontEnd)
    forbid_stock(ours, monkeypatch)

    for length in LENGTHS.values():
        waveforms = make_waveforms(3, length)
        assert find_change(ours(waveforms), stock(waveforms)) < 1e-5


@pytest.mark.parametrize("has_bias", [False, True])
@torch.no_grad()
def test_frames_are_those_of_transformers_with_the_layers_of_the_published_towers(has_bias: bool) -> None:
    config = Wav2Vec2Config(
        conv_dim=(8,) * 7,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
        conv_bias=has_bias,
    )
    stock, ours = make_pair(config)

    for length in (400, 719, 720, 32_080, 32_400, 70_000):  # samples: 1, 1, 2, 100, 101 and 218 frames
        waveforms = make_waveforms(2, length)
        assert find_change(ours(waveforms), stock(waveforms)) < 1e-5


@pytest.mark.parametrize("length", [1, WINDOW - 1])
@torch.no_grad()
def test_what_is_shorter_than_a_frame_is_refused_as_transformers_refuses_it(length: int) -> None:
    refusals = []
    for front_end in make_pair(make_audio_config(FAST[0])):
        with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size") as refusal:
            front_end(make_waveforms(1, length))
        refusals.append(str(refusal.value))

    assert refusals[0] == refusals[1]


def make_wide_config(tower: str) -> Any:
    """Configure a tower for half precision: with 16 channels, oneDNN's convolutions are wrong where there is AMX."""
    config = make_audio_config(tower)
    config.conv_dim = (32, 32, 32)
    return config


@pytest.mark.parametrize("tower", FAST)
@torch.no_grad()
def test_half_precision_agrees_within_its_own_error(tower: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stock, ours = make_pair(make_wide_config(tower))
    waveforms = make_waveforms(2, 12_345)
    expected = stock(waveforms)
    forbid_stock(ours, monkeypatch)

    found = ours.bfloat16()(waveforms.bfloat16())

    assert find_change(found, stock.bfloat16()(waveforms.bfloat16())) < 0.03
    assert find_change(found.float(), expected) < 0.03


@torch.no_grad()
def test_autocast_agrees_with_that_of_transformers() -> None:
    stock, ours = make_pair(make_wide_config(FAST[0]))
    waveforms = make_waveforms(2, 12_345)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, expected = ours(waveforms), stock(waveforms)

    assert found.dtype == torch.bfloat16
    assert find_change(found, expected) < 0.03
    assert find_change(found.float(), stock(waveforms)) < 0.03


@torch.no_grad()
def test_a_waveform_need_not_lie_in_one_piece() -> None:
    stock, ours = make_pair(make_audio_config(FAST[0]))
    waveforms = make_waveforms(4, 20_000)
    views = [waveforms[::2, 1000:], waveforms.T.contiguous().T, waveforms[:, ::2], waveforms[:1].expand(3, -1)]

    for view in views:
        assert find_change(ours(view), stock(view.contiguous())) < 1e-5


@pytest.mark.parametrize("tower", FAST)
@pytest.mark.parametrize("checkpointing", [None, False, True], ids=["whole", "checkpointed", "re-entrant"])
def test_values_and_gradients_of_training_are_those_of_transformers(tower: str, checkpointing: bool | None) -> None:
    both = make_pair(make_audio_config(tower))
    waveforms = make_waveforms(2, 9000)
    frames = []
    for front_end in both:
        front_end.train()
        for layer in front_end.conv_layers if checkpointing is not None else ():
            layer.gradient_checkpointing = True
            layer._gradient_checkpointing_func = lambda function, *given: torch.utils.checkpoint.checkpoint(
                function, *given, use_reentrant=bool(checkpointing)
            )
        frames.append(front_end(waveforms))
        frames[-1].square().mean().backward()

    assert torch.equal(frames[0], frames[1])
    for expected, found in zip(both[0].parameters(), both[1].parameters(), strict=True):
        assert expected.grad is not None
        assert expected.grad.abs().max() > 0
        assert torch.equal(found.grad, expected.grad)


def test_a_frozen_front_end_has_no_gradients_and_hands_one_to_its_input() -> None:
    _, ours = make_pair(make_audio_config(FAST[0]))
    ours.train()
    ours._freeze_parameters()

    assert not any(parameter.requires_grad for parameter in ours.parameters())
    assert not ours(make_waveforms(1, 2000)).requires_grad
    waveforms = make_waveforms(1, 2000).requires_grad_()
    ours(waveforms).sum().backward()
    assert waveforms.grad is not None
    assert waveforms.grad.abs().max() > 0


@pytest.mark.filterwarnings("ignore:.torch.jit.trace:DeprecationWarning")
@torch.no_grad()
def test_a_trace_holds_for_other_lengths_and_more_rows() -> None:
    stock, ours = make_pair(make_audio_config(FAST[0]))

    traced = torch.jit.trace(ours, make_waveforms(1, 2000))  # type: ignore[no-untyped-call]

    waveforms = make_waveforms(3, 11_000)
    assert find_change(traced(waveforms), stock(waveforms)) < 1e-5


@pytest.mark.parametrize("tower", FAST)
def test_the_names_of_weights_are_those_of_transformers(tower: str) -> None:
    stock = AutoModel.from_config(make_audio_config(tower)).state_dict()

    ours = make_joined(tower).audio_tower.state_dict()

    assert list(ours) == list(stock)
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in stock.items()}


@pytest.mark.parametrize("tower", [name for name in TOWERS if name not in FAST])
def test_an_encoder_whose_norms_reach_over_frames_is_left_alone(tower: str) -> None:
    encoder = build_audio_encoder(make_audio_config(tower))

    assert not any(isinstance(module, ConvFrontEnd) for module in encoder.modules())
    if tower.endswith("group norm"):
        assert isinstance(encoder.feature_extractor.conv_layers[0].layer_norm, nn.GroupNorm)


@torch.no_grad()
def test_a_copy_of_a_model_has_weights_of_its_own() -> None:
    model = make_joined(FAST[0])
    waveforms = make_waveforms(2, 9000)
    before = model.audio_tower.feature_extractor(waveforms)

    copied = copy.deepcopy(model)
    assert torch.equal(copied.audio_tower.feature_extractor(waveforms), before)
    for parameter in copied.audio_tower.feature_extractor.parameters():
        parameter.mul_(1.5)

    assert torch.equal(model.audio_tower.feature_extractor(waveforms), before)
    assert find_change(copied.audio_tower.feature_extractor(waveforms), before) > 0.1


@torch.no_grad()
def test_changed_weights_are_heard_at_once() -> None:
    stock, ours = make_pair(make_audio_config(FAST[0]))
    waveforms = make_waveforms(1, 9000)
    ours(waveforms)

    for front_end in (stock, ours):
        front_end.conv_layers[0].conv.weight.add_(0.3)

    assert find_change(ours(waveforms), stock(waveforms)) < 1e-5

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from tests.models.tiny import make_model
from tests.models.tiny_towers import make_joined
from tests.training.engines import Weights, find_differing, read_gradient
from torch import Tensor
from transformers import set_seed

from paraclap.training import Recipe
from paraclap.training.engine import combine_losses
from paraclap.training.losses import LossKind
from paraclap.training.random_states import get_random_states, set_random_states
from paraclap.training.trainee import Chunk, Embedded, LossOf, Passes, Trainee, backward_batch

CLIPS, PER_CLIP = 7, 2
LOSSES: tuple[LossKind, ...] = ("contrastive", "clip", "sigmoid")
Call = Callable[..., Any]


def make_inputs(clips: int = CLIPS) -> Chunk:
    """Make spectrograms of several lengths, and two captions of each."""
    generator = torch.Generator().manual_seed(clips)
    lengths = torch.randint(20, 41, (clips,), generator=generator)
    words = torch.randint(2, 9, (clips * PER_CLIP,), generator=generator)
    audio = {
        "input_features": torch.randn(clips, 40, 64, generator=generator),
        "audio_attention_mask": (torch.arange(40) < lengths[:, None]).long(),
    }
    audio["input_features"] *= audio["audio_attention_mask"][..., None]
    text = {
        "input_ids": torch.randint(5, 60, (clips * PER_CLIP, 8), generator=generator),
        "attention_mask": (torch.arange(8) < words[:, None]).long(),
    }
    return Chunk(audio, text)


def make_waveforms(clips: int = CLIPS) -> Chunk:
    waveforms = torch.randn(clips, 4000, generator=torch.Generator().manual_seed(0))
    return Chunk({"input_values": waveforms, "audio_attention_mask": torch.ones(clips, 4000)}, make_inputs(clips).text)


def cut(whole: Chunk, size: int) -> list[Chunk]:
    clips = len(next(iter(whole.audio.values())))
    return [
        Chunk(
            {name: value[begin : begin + size] for name, value in whole.audio.items()},
            {name: value[begin * PER_CLIP : (begin + size) * PER_CLIP] for name, value in whole.text.items()},
        )
        for begin in range(0, clips, size)
    ]


def make_loss(kind: LossKind, clips: int = CLIPS) -> LossOf:
    """Return a loss of clips whose pairs are true, false and unknown, over all captions and within two attributes."""
    generator = torch.Generator().manual_seed(1)
    relation = torch.randint(-1, 2, (clips, clips * PER_CLIP), generator=generator)
    attributes = ("gender", None, "emotion", "gender", "emotion", None, "gender") * PER_CLIP
    recipe = Recipe(name="made", loss=kind)
    return lambda embedded: combine_losses(embedded, relation, attributes[: clips * PER_CLIP], recipe)


def make_trainee(kind: LossKind, *, drops_out: bool) -> Trainee:
    trainee = Trainee(make_model(), learns_bias=kind == "sigmoid")
    for name, parameter in trainee.named_parameters():
        parameter.requires_grad_("pooler" not in name and (name != "bias" or kind == "sigmoid"))
    return trainee.train(drops_out)


def backward(loss: Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]


def backward_plainly(call: Call, chunks: Sequence[Chunk], loss_of: LossOf) -> float:
    """Keep the graphs of all chunks at once, as many as memory can hold."""
    parts = [call(chunk.audio, chunk.text) for chunk in chunks]
    audio, text = (torch.cat([part[index] for part in parts]) for index in (0, 1))
    loss = loss_of(Embedded(audio, text, parts[0][2], parts[0][3]))
    backward(loss)
    return loss.item()


def read_gradients(trainee: Trainee) -> Weights:
    return {name: read_gradient(p) for name, p in trainee.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("size", [1, 3, 4, 7])
def test_a_batch_in_chunks_has_the_gradient_of_the_whole_batch(kind: LossKind, size: int) -> None:
    trainee, whole = make_trainee(kind, drops_out=False), make_inputs()
    expected_loss = backward_plainly(trainee, [whole], make_loss(kind))
    expected = read_gradients(trainee)
    trainee.zero_grad()

    loss = backward_batch(trainee, cut(whole, size), make_loss(kind), passes=Passes(backward))

    assert float(loss) == pytest.approx(expected_loss, abs=1e-5)
    assert not find_differing(read_gradients(trainee), expected)
    assert {"model.logit_scale", "model.text_tower.embeddings.word_embeddings.weight"} <= expected.keys()
    assert ("bias" in expected) == (kind == "sigmoid")
    assert not [name for name, gradient in expected.items() if not gradient.any() and not name.endswith(".bias")]


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("size", [1, 3])
def test_dropout_is_the_same_when_a_chunk_passes_again(kind: LossKind, size: int) -> None:
    trainee, chunks = make_trainee(kind, drops_out=True), cut(make_inputs(), size)
    torch.manual_seed(5)
    expected_loss = backward_plainly(trainee, chunks, make_loss(kind))
    expected, after = read_gradients(trainee), torch.rand(1)
    trainee.zero_grad()

    torch.manual_seed(5)
    loss = backward_batch(trainee, chunks, make_loss(kind), passes=Passes(backward))

    assert float(loss) == pytest.approx(expected_loss, abs=1e-5)
    assert not find_differing(read_gradients(trainee), expected)
    assert torch.equal(torch.rand(1), after)


def test_layers_and_frames_that_a_tower_drops_are_the_same_when_a_chunk_passes_again() -> None:
    """Towers of transformers draw them from numpy."""
    trainee = Trainee(make_joined("wav2vec2, layer norm")).train()
    trainee.model.audio_tower.config.update({"layerdrop": 0.5, "mask_time_prob": 0.5, "mask_time_length": 2})
    chunks, loss_of = cut(make_waveforms(), 1), make_loss("contrastive")
    set_seed(3)
    states = get_random_states()
    expected_loss = backward_plainly(trainee, chunks, loss_of)
    expected = {name: read_gradient(p) for name, p in trainee.named_parameters() if p.grad is not None}
    trainee.zero_grad()

    set_random_states(states)
    loss = backward_batch(trainee, chunks, loss_of, passes=Passes(backward))

    assert float(loss) == pytest.approx(expected_loss, abs=1e-5)
    found = {name: read_gradient(p) for name, p in trainee.named_parameters() if p.grad is not None}
    assert not find_differing(found, expected)


def test_a_batch_in_chunks_has_the_gradient_of_the_whole_batch_in_bfloat16_too() -> None:
    trainee, chunks = make_trainee("contrastive", drops_out=False), cut(make_inputs(), 3)

    def call(audio: dict[str, Tensor], text: dict[str, Tensor]) -> tuple[Tensor, ...]:
        with torch.autocast("cpu", torch.bfloat16):
            embedded = trainee(audio, text)
        return tuple(value.float() for value in embedded)

    expected_loss = backward_plainly(call, chunks, make_loss("contrastive"))
    expected = read_gradients(trainee)
    trainee.zero_grad()

    loss = backward_batch(call, chunks, make_loss("contrastive"), passes=Passes(backward))

    assert float(loss) == pytest.approx(expected_loss, abs=1e-5)
    size = max(float(gradient.abs().max()) for gradient in expected.values())
    assert not find_differing(read_gradients(trainee), expected, rtol=1e-2, atol=1e-3 * size)


def test_batches_add_up_until_the_last_one() -> None:
    trainee = make_trainee("sigmoid", drops_out=False)
    loss_of = make_loss("sigmoid")
    first, second = make_inputs(), Chunk(make_inputs().audio, {k: v.flip(0) for k, v in make_inputs().text.items()})
    for whole in (first, second):
        backward_plainly(trainee, [whole], loss_of)
    expected = read_gradients(trainee)
    trainee.zero_grad()

    backward_batch(trainee, cut(first, 3), loss_of, passes=Passes(backward), is_last=False)
    backward_batch(trainee, cut(second, 7), loss_of, passes=Passes(backward), is_last=True)

    assert not find_differing(read_gradients(trainee), expected)


@pytest.mark.parametrize(("size", "is_last", "meeting"), [(7, True, 1), (7, False, 0), (3, True, 1), (3, False, 0)])
def test_processes_meet_once_and_in_a_pass_with_every_parameter(size: int, is_last: bool, meeting: int) -> None:
    trainee = make_trainee("sigmoid", drops_out=False)
    is_apart = False
    met: list[set[str]] = []

    @contextmanager
    def stay_apart() -> Iterator[None]:
        nonlocal is_apart
        is_apart = True
        yield
        is_apart = False

    def backward_noting(loss: Tensor) -> None:
        weights = {name: p for name, p in trainee.named_parameters() if p.requires_grad}
        if not is_apart:
            reached = torch.autograd.grad(loss, list(weights.values()), retain_graph=True, allow_unused=True)
            met.append({name for name, found in zip(weights, reached, strict=True) if found is not None})
        backward(loss)

    passes = Passes(backward_noting, stay_apart)
    backward_batch(trainee, cut(make_inputs(), size), make_loss("sigmoid"), passes=passes, is_last=is_last)

    assert met == [read_gradients(trainee).keys()] * meeting


def test_what_a_frozen_tower_pooled_before_takes_its_place() -> None:
    trainee, whole = make_trainee("contrastive", drops_out=False), make_inputs()
    with torch.no_grad():
        audio, text = trainee.model.pool_audio(**whole.audio), trainee.model.pool_text(**whole.text)

        found = trainee({"pooled": audio}, {"pooled": text})

        for one, expected in zip(found, trainee(whole.audio, whole.text), strict=True):
            assert torch.equal(one, expected)
    assert float(found[2]) == pytest.approx(1 / 0.07, rel=1e-3)
    assert float(found[3]) == -10.0

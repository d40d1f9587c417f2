import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.audio.clips import make_voice
from tests.models.tiny import make_model, make_processor
from torch import Tensor, nn

from paraclap.audio import SAMPLING_RATE
from paraclap.models import ParaClapModel
from paraclap.models.dual_encoder import ParaClapProjection

PROCESSOR = make_processor()
TEXTS = ["angry", "a calm woman", "the voice of an old man who is not at all happy", "x", "a"]
VOICES = [make_voice(duration, SAMPLING_RATE, seed) for seed, duration in enumerate((0.1, 2.0, 0.73, 0.101, 1.5))]


def make_text_inputs(texts: list[str]) -> dict[str, Tensor]:
    return dict(PROCESSOR(text=texts))


def make_audio_inputs(voices: list[npt.NDArray[np.float32]]) -> dict[str, Tensor]:
    return dict(PROCESSOR(audio=voices, sampling_rate=SAMPLING_RATE))


def make_cls_model() -> ParaClapModel:
    model = make_model()
    model.config.text_pooling = "cls"
    return model


@pytest.mark.parametrize("model", [make_model(), make_cls_model()], ids=["mean", "cls"])
@torch.no_grad()
def test_texts_are_embedded_alike_alone_and_in_a_batch(model: ParaClapModel) -> None:
    together = model.get_text_features(**make_text_inputs(TEXTS))

    for row, text in enumerate(TEXTS):
        alone = model.get_text_features(**make_text_inputs([text]))
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_audio_is_embedded_alike_alone_and_in_a_batch() -> None:
    model = make_model()
    together = model.get_audio_features(**make_audio_inputs(VOICES))

    for row, voice in enumerate(VOICES):
        alone = model.get_audio_features(**make_audio_inputs([voice]))
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_embeddings_are_distinct_unit_vectors_and_the_same_in_every_call() -> None:
    model = make_model()
    for embed, inputs in (
        (model.get_audio_features, make_audio_inputs(VOICES)),
        (model.get_text_features, make_text_inputs(TEXTS)),
    ):
        embeds = embed(**inputs)
        torch.testing.assert_close(embeds.norm(dim=1), torch.ones(5))
        assert torch.equal(embed(**inputs), embeds)
        assert (embeds @ embeds.T - torch.eye(5)).max() < 0.999


@pytest.mark.parametrize("num_padding", [1, 5])
@pytest.mark.parametrize("model", [make_model(), make_cls_model()], ids=["mean", "cls"])
@torch.no_grad()
def test_tokens_behind_the_mask_change_nothing(model: ParaClapModel, num_padding: int) -> None:
    tokens = make_text_inputs(["a calm woman"])
    tail = torch.randint(5, 50, (1, num_padding))

    padded = model.get_text_features(
        torch.cat([tokens["input_ids"], tail], dim=1), nn.functional.pad(tokens["attention_mask"], (0, num_padding))
    )

    torch.testing.assert_close(padded, model.get_text_features(**tokens), atol=1e-5, rtol=0)


@torch.no_grad()
def test_pooling_is_the_mean_over_real_tokens_or_the_first_one() -> None:
    tokens = make_text_inputs(TEXTS)
    for model in (make_model(), make_cls_model()):
        hidden = model.text_tower(**tokens).last_hidden_state
        for row, pooled in enumerate(model.pool_text(**tokens)):
            real = [vector for vector, keep in zip(hidden[row], tokens["attention_mask"][row], strict=True) if keep]
            expected = real[0] if model.config.text_pooling == "cls" else torch.stack(real).mean(dim=0)
            torch.testing.assert_close(pooled, expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_embedding_a_text_is_pooling_and_then_projecting_it() -> None:
    model, tokens = make_model(), make_text_inputs(TEXTS)

    assert torch.equal(model.project_text(model.pool_text(**tokens)), model.get_text_features(**tokens))


@torch.no_grad()
def test_token_types_reach_the_text_tower() -> None:
    model, tokens = make_model(), make_text_inputs(["a calm woman"])
    types = torch.zeros_like(tokens["input_ids"])

    torch.testing.assert_close(
        model.get_text_features(**tokens, token_type_ids=types), model.get_text_features(**tokens)
    )
    assert not torch.allclose(
        model.get_text_features(**tokens, token_type_ids=types + 1), model.get_text_features(**tokens), atol=1e-3
    )


@torch.no_grad()
def test_the_projection_is_the_published_formula() -> None:
    torch.manual_seed(0)
    projection = ParaClapProjection(6, 5, dropout=0.5).eval()
    projection.layer_norm.weight.copy_(torch.rand(5))
    projection.layer_norm.bias.copy_(torch.rand(5))
    x = torch.randn(4, 6)
    w1, w2 = projection.linear1.weight.double().numpy(), projection.linear2.weight.double().numpy()
    scale, shift = projection.layer_norm.weight.numpy(), projection.layer_norm.bias.numpy()

    for row, projected in zip(x.double().numpy(), projection(x).numpy(), strict=True):
        h = w1 @ row
        gelu = np.array([value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in h])
        y = h + w2 @ gelu
        expected = (y - y.mean()) / np.sqrt(y.var() + 1e-5) * scale + shift
        np.testing.assert_allclose(projected, expected, atol=1e-5)


def test_projections_have_no_bias_and_drop_out_in_training_only() -> None:
    projection = ParaClapProjection(6, 5, dropout=0.5)
    x = torch.randn(4, 6)

    assert [name for name, _ in projection.named_parameters()] == [
        "linear1.weight",
        "linear2.weight",
        "layer_norm.weight",
        "layer_norm.bias",
    ]
    assert not torch.equal(projection(x), projection(x))
    assert torch.equal(projection.eval()(x), projection(x))


def clip_loss_slowly(logits: npt.NDArray[np.float64]) -> float:
    """Compute the loss of CLIP (Radford et al. 2021, figure 3) in loops."""
    losses = []
    for matrix in (logits, logits.T):
        for i in range(len(matrix)):
            losses.append(np.log(sum(math.exp(matrix[i, j]) for j in range(len(matrix)))) - matrix[i, i])
    return float(np.mean(losses))


@torch.no_grad()
def test_forward_compares_all_pairs_and_gives_the_loss_of_clip() -> None:
    model = make_model()
    inputs = make_audio_inputs(VOICES) | make_text_inputs(TEXTS)

    output = model(**inputs, return_loss=True)

    cosines = np.array([[float(audio @ text) for text in output.text_embeds] for audio in output.audio_embeds])
    assert model.logit_scale.item() == pytest.approx(math.log(1 / 0.07), abs=1e-6)
    np.testing.assert_allclose(output.logits_per_audio, cosines / 0.07, atol=1e-4)
    assert torch.equal(output.logits_per_text, output.logits_per_audio.T)
    assert output.loss.item() == pytest.approx(clip_loss_slowly(cosines / 0.07), abs=1e-4)
    assert torch.equal(output.audio_embeds, model.get_audio_features(**make_audio_inputs(VOICES)))
    assert torch.equal(output.text_embeds, model.get_text_features(**make_text_inputs(TEXTS)))


@torch.no_grad()
def test_audio_and_texts_need_not_be_as_many_without_a_loss() -> None:
    model, inputs = make_model(), make_audio_inputs(VOICES[:2]) | make_text_inputs(TEXTS)

    output = model(**inputs)

    assert output.logits_per_audio.shape == (2, 5)
    assert output.loss is None
    with pytest.raises(ValueError, match=r"^found 2 audio and 5 texts; a loss needs as many of both$"):
        model(**inputs, return_loss=True)


@pytest.mark.parametrize("inputs", [make_text_inputs(TEXTS), make_audio_inputs(VOICES)], ids=["text", "audio"])
def test_forward_needs_both(inputs: dict[str, Tensor]) -> None:
    message = r"^forward needs input_ids and input_features; use get_text_features or get_audio_features$"
    with pytest.raises(ValueError, match=message):
        make_model()(**inputs)


@pytest.mark.parametrize(("scale", "clamped"), [(250.0, 100.0), (100.0, 100.0), (14.3, 14.3), (0.01, 0.01)])
def test_the_scale_is_clamped_at_100_and_not_its_logarithm(scale: float, clamped: float) -> None:
    model = make_model()
    with torch.no_grad():
        model.logit_scale.fill_(math.log(scale))

    model.clamp_logit_scale()

    assert model.logit_scale.exp().item() == pytest.approx(clamped, rel=1e-5)
    assert model.logit_scale.requires_grad


def test_the_loss_reaches_every_part_that_it_depends_on() -> None:
    model = make_model()

    model(**make_audio_inputs(VOICES), **make_text_inputs(TEXTS), return_loss=True).loss.backward()

    without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
    assert without == {"text_tower.pooler.dense.weight", "text_tower.pooler.dense.bias"}  # BERT's own, unused

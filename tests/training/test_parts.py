from collections.abc import Sequence

import pytest
import torch
from pydantic import ValidationError
from tests.models.tiny import make_model
from tests.models.tiny_towers import make_joined

from paraclap.errors import ConfigError
from paraclap.models import ParaClapModel
from paraclap.training.parts import (
    PartSettings,
    TrainedPart,
    choose_parts,
    describe_parts,
    discard_early_gradients,
    find_frozen_modules,
    freeze,
    make_groups,
    set_training_mode,
)

WAV2VEC2 = "wav2vec2, layer norm"
RATE = 1e-2
FROZEN_TEXT = PartSettings(match="text_tower.*", train=False)


def prepare(model: ParaClapModel, parts: Sequence[PartSettings]) -> torch.optim.AdamW:
    trained = choose_parts(model.named_parameters(), parts)
    freeze(model, trained)
    return torch.optim.AdamW(make_groups(model, trained, weight_decay=0.1), lr=RATE)


def take_steps(model: ParaClapModel, optimizer: torch.optim.AdamW, steps: Sequence[int]) -> set[str]:
    """Take some steps on one batch, and return the names of what had gradients before any was discarded."""
    torch.manual_seed(0)
    waveforms, tokens = torch.randn(2, 4000), torch.tensor([[2, 7, 8, 3], [2, 9, 10, 3]])
    names: set[str] = set()
    for step in steps:
        set_training_mode(model)
        loss = model(input_ids=tokens, input_values=waveforms, return_loss=True).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        names |= {name for name, parameter in model.named_parameters() if parameter.grad is not None}
        for group in optimizer.param_groups:
            group["lr"] = RATE * group["lr_factor"]
        discard_early_gradients(optimizer.param_groups, step)
        optimizer.step()
    return names


def copy_values(model: ParaClapModel) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def find_moved(model: ParaClapModel, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}


def factors(model: ParaClapModel, *parts: PartSettings) -> dict[str, float]:
    return {name: part.factor for name, part in choose_parts(model.named_parameters(), parts).items()}


def test_what_is_frozen_has_no_gradient_and_does_not_move_and_the_rest_does_both() -> None:
    model = make_joined(WAV2VEC2)
    before = copy_values(model)
    optimizer = prepare(model, [FROZEN_TEXT, PartSettings(match="audio_tower.feature_extractor.*", train=False)])

    gradients = take_steps(model, optimizer, range(2))

    frozen = ("text_tower.", "audio_tower.feature_extractor.")
    unused = "audio_tower.masked_spec_embed"  # wav2vec2 uses it where it masks
    expected = {name for name in before if not name.startswith(frozen)}
    assert expected - {unused} <= gradients <= expected
    assert find_moved(model, before) == gradients
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == expected


def test_with_frozen_towers_the_projections_and_the_scale_move_alone() -> None:
    model = make_joined(WAV2VEC2)
    before = copy_values(model)
    optimizer = prepare(model, [PartSettings(match="*_tower.*", train=False)])

    take_steps(model, optimizer, range(2))

    projections = {f"{side}_projection" for side in ("audio", "text")}
    assert {name.partition(".")[0] for name in find_moved(model, before)} == projections | {"logit_scale"}
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters() if "_tower." in name)


def test_later_rows_win() -> None:
    model = make_joined(WAV2VEC2)
    rows = [
        PartSettings(match="*", train=False),
        PartSettings(match="text_tower.*", learning_rate_factor=0.1, from_step=7),
        PartSettings(match="text_tower.embeddings.*", train=False),
        PartSettings(match="text_tower.*.LayerNorm.bias"),
    ]

    trained = choose_parts(model.named_parameters(), rows)

    assert {name.partition(".")[0] for name in trained} == {"text_tower"}
    assert trained["text_tower.encoder.layer.0.output.dense.weight"] == TrainedPart(0.1, 7)
    assert "text_tower.embeddings.LayerNorm.weight" not in trained
    assert trained["text_tower.embeddings.LayerNorm.bias"] == TrainedPart(1.0, 0)


def test_without_rows_everything_trains_but_what_the_model_keeps_fixed() -> None:
    model = make_joined("whisper")

    trained = choose_parts(model.named_parameters(), [])
    freeze(model, trained)

    everything = {name for name, _ in model.named_parameters()}
    assert everything - trained.keys() == {"audio_tower.embed_positions.weight"}
    assert set(trained.values()) == {TrainedPart(1.0, 0)}
    assert not model.get_parameter("audio_tower.embed_positions.weight").requires_grad


def test_each_layer_of_wav2vec2_has_its_share_and_what_lies_below_the_least() -> None:
    found = factors(
        make_joined(WAV2VEC2), PartSettings(match="audio_tower.*", learning_rate_factor=0.1, layer_decay=0.5)
    )

    below = 0.1 * 0.5 * 0.5
    expected = {
        "audio_tower.feature_extractor.conv_layers.0.conv.weight": below,
        "audio_tower.feature_extractor.conv_layers.2.layer_norm.bias": below,
        "audio_tower.feature_projection.projection.weight": below,
        "audio_tower.encoder.pos_conv_embed.conv.bias": below,
        "audio_tower.encoder.layers.0.attention.q_proj.weight": 0.1 * 0.5,
        "audio_tower.encoder.layers.1.attention.q_proj.weight": 0.1,
        "audio_projection.linear1.weight": 1.0,
        "text_tower.encoder.layer.0.output.dense.weight": 1.0,
        "logit_scale": 1.0,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    layers = {
        name: factor for name, factor in found.items() if name.startswith("audio_tower.") and ".layers.0." in name
    }
    assert set(layers.values()) == {0.05}


def test_each_layer_of_bert_has_its_share_and_what_lies_above_the_whole() -> None:
    found = factors(make_joined(WAV2VEC2), PartSettings(match="text_tower.*", layer_decay=0.9))

    expected = {
        "text_tower.embeddings.word_embeddings.weight": 0.81,
        "text_tower.embeddings.LayerNorm.bias": 0.81,
        "text_tower.encoder.layer.0.attention.self.query.weight": 0.9,
        "text_tower.encoder.layer.1.output.LayerNorm.weight": 1.0,
        "text_tower.pooler.dense.weight": 1.0,
        "audio_tower.encoder.layers.0.attention.q_proj.weight": 1.0,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("tower", "name", "factor"),
    [
        ("data2vec-audio", "encoder.pos_conv_embed.layers.1.conv.weight", 0.25),  # convolutions, not encoder layers
        ("data2vec-audio", "encoder.layers.1.attention.q_proj.weight", 1.0),
        ("data2vec-audio", "encoder.layers.0.attention.q_proj.weight", 0.5),
        ("whisper", "conv1.weight", 0.25),
        ("whisper", "layers.0.fc1.weight", 0.5),
        ("whisper", "layer_norm.weight", 1.0),
        ("wav2vec2-bert", "feature_projection.projection.weight", 0.25),
        ("audio-spectrogram-transformer", "embeddings.cls_token", 0.25),
        ("audio-spectrogram-transformer", "layernorm.weight", 1.0),
    ],
)
def test_the_layers_of_other_towers_are_found(tower: str, name: str, factor: float) -> None:
    found = factors(make_joined(tower), PartSettings(match="audio_tower.*", layer_decay=0.5))

    assert found[f"audio_tower.{name}"] == factor


def test_a_pattern_for_some_layers_counts_all_of_their_tower() -> None:
    found = factors(make_joined(WAV2VEC2), PartSettings(match="audio_tower.encoder.layers.0.*", layer_decay=0.5))

    assert found["audio_tower.encoder.layers.0.final_layer_norm.bias"] == 0.5
    assert found["audio_tower.encoder.layers.1.final_layer_norm.bias"] == 1.0


def test_a_part_moves_from_its_step_on_and_nothing_of_it_before() -> None:
    model = make_joined(WAV2VEC2)
    late = "audio_tower.encoder.layers.1."
    optimizer = prepare(model, [FROZEN_TEXT, PartSettings(match=f"{late}*", from_step=2)])
    before = copy_values(model)

    gradients = take_steps(model, optimizer, [0, 1])

    assert any(name.startswith(late) for name in gradients)
    assert not [name for name in find_moved(model, before) if name.startswith(late)]
    assert not [p for name, p in model.named_parameters() if name.startswith(late) and p in optimizer.state]

    take_steps(model, optimizer, [2])

    names = {name for name in before if name.startswith(late)}
    assert names <= find_moved(model, before)
    assert {int(optimizer.state[model.get_parameter(name)]["step"]) for name in names} == {1}
    assert int(optimizer.state[model.logit_scale]["step"]) == 3


def test_groups_hold_every_trained_parameter_once_by_factor_decay_and_step() -> None:
    model = make_joined(WAV2VEC2)
    rows = [FROZEN_TEXT, PartSettings(match="audio_tower.*", layer_decay=0.5, from_step=3)]
    trained = choose_parts(model.named_parameters(), rows)

    groups = make_groups(model, trained, weight_decay=0.1)

    names = {id(parameter): name for name, parameter in model.named_parameters()}
    held = [names[id(parameter)] for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(trained)
    for group in groups:
        for parameter in group["params"]:
            assert trained[names[id(parameter)]] == TrainedPart(group["lr_factor"], group["from_step"])
            assert group["weight_decay"] == (0.1 if parameter.ndim > 1 else 0.0)
    keys = [(group["lr_factor"], group["weight_decay"], group["from_step"]) for group in groups]
    assert sorted(keys) == [(f, d, 3) for f in (0.25, 0.5) for d in (0.0, 0.1)] + [
        (1.0, 0.0, 0),
        (1.0, 0.0, 3),
        (1.0, 0.1, 0),
        (1.0, 0.1, 3),
    ]
    (scale,) = [group for group in groups if any(p is model.logit_scale for p in group["params"])]
    assert (scale["weight_decay"], scale["from_step"]) == (0.0, 0)


def test_a_frozen_module_is_in_eval_mode_and_one_that_is_partly_frozen_trains() -> None:
    model = make_joined(WAV2VEC2)
    prepare(model, [FROZEN_TEXT, PartSettings(match="audio_tower.feature_extractor.*", train=False)])

    set_training_mode(model)

    assert find_frozen_modules(model) == {"text_tower": model.text_tower}
    assert not any(module.training for module in model.text_tower.modules())
    assert all(module.training for module in model.audio_tower.modules())
    assert model.training
    assert model.audio_projection.training


def test_what_trains_from_the_start_again_is_in_train_mode_again() -> None:
    model = make_joined(WAV2VEC2)
    model.text_tower.requires_grad_(False)
    set_training_mode(model)
    model.text_tower.requires_grad_(True)

    set_training_mode(model)

    assert all(module.training for module in model.modules())


def test_the_table_says_what_trains_how_fast_and_from_when() -> None:
    model = make_joined(WAV2VEC2)
    rows = [
        PartSettings(match="text_tower.*", train=False),
        PartSettings(match="audio_tower.*", learning_rate_factor=0.1, layer_decay=0.5, from_step=20),
        PartSettings(match="audio_tower.feature_extractor.*", train=False),
        PartSettings(match="audio_tower.encoder.layers.1.*", from_step=1500),
    ]
    trained = choose_parts(model.named_parameters(), rows)

    lines = describe_parts(model, trained, learning_rate=1e-3)

    total = sum(p.numel() for p in model.audio_tower.parameters())
    frozen = sum(p.numel() for p in model.audio_tower.feature_extractor.parameters())
    head = sum(p.numel() for p in model.audio_projection.parameters())
    assert len({len(line) for line in lines}) == 1
    cells = {line.split()[0]: line.split()[1:] for line in lines}
    assert lines[0].split() == ["part", "parameters", "train", "learning", "rate", "from", "step"]
    assert cells["audio_tower"] == f"{total:,} {total - frozen:,} 2.5e-05 to 0.001 20 to 1500".split()
    assert cells["text_tower"][1:] == ["0", "-", "-"]
    assert cells["audio_projection"] == f"{head:,} {head:,} 0.001 0".split()
    assert cells["logit_scale"] == ["1", "1", "0.001", "0"]
    assert set(cells) == {"part", "audio_tower", "text_tower", "audio_projection", "text_projection", "logit_scale"}


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("audio_tower", r"; did you mean 'audio_tower\.\*'\? known: logit_scale, audio_tower\.\*, text_tower\.\*, "),
        ("texttower.encoder.*", r"; did you mean 'text_tower\.\*'\? known: "),
        ("zzz*", r"; known: logit_scale, audio_tower\.\*, "),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused(pattern: str, hint: str) -> None:
    parameters = make_joined(WAV2VEC2).named_parameters()

    with pytest.raises(ConfigError, match=rf"^parts: '{pattern.replace('*', r'[*]')}' matches no parameter{hint}"):
        choose_parts(parameters, [PartSettings(match=pattern)])


def test_a_model_of_which_nothing_trains_is_refused() -> None:
    parameters = make_joined(WAV2VEC2).named_parameters()

    with pytest.raises(ConfigError, match=r"^parts: every parameter is frozen; expected one that trains"):
        choose_parts(parameters, [PartSettings(match="*", train=False)])


def test_a_row_for_nothing_but_what_the_model_keeps_fixed_is_refused() -> None:
    parameters = make_joined("whisper").named_parameters()

    with pytest.raises(ConfigError, match=r"only what the model keeps fixed, such as audio_tower\.embed_positions\.w"):
        choose_parts(parameters, [PartSettings(match="*embed_positions*")])


def test_a_layer_decay_where_there_are_no_layers_is_refused() -> None:
    parameters = make_model().named_parameters()

    with pytest.raises(ConfigError, match=r"^parts: 'audio_tower\.\*' has layer_decay 0\.9 and matches no layers, "):
        choose_parts(parameters, [PartSettings(match="audio_tower.*", layer_decay=0.9)])


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"match": "*", "rate": 1.0},
        {"match": "*", "learning_rate_factor": 0},
        {"match": "*", "learning_rate_factor": float("inf")},
        {"match": "*", "layer_decay": 1.5},
        {"match": "*", "from_step": -1},
        {"match": "*", "train": False, "from_step": 10},
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PartSettings.model_validate(values)

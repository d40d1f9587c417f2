import math
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.training.engines import (
    find_differing,
    find_gradient,
    make_engine,
    save_audio_tower,
    save_calm_text_tower,
    take_steps,
    with_towers,
)
from tests.training.tones import change_recipe
from torch import Tensor

from paraclap.errors import ConfigError
from paraclap.training import Recipe, engine
from paraclap.training.checkpoints import RunState
from paraclap.training.loop import make_batches, stream_batches
from paraclap.training.parts import set_training_mode


@pytest.fixture(scope="session")
def waves(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Return a recipe on a wav2vec 2.0, whose layers train ever more slowly from the top down, over a frozen text."""
    audio = save_audio_tower(tmp_path_factory.mktemp("wav2vec2") / "tower", {"layerdrop": 0.0})
    parts = [
        {"match": "text_tower.*", "train": False},
        {"match": "audio_tower.*", "learning_rate_factor": 0.1, "layer_decay": 0.5},
        {"match": "audio_tower.feature_extractor.*", "train": False},
    ]
    return change_recipe(with_towers(recipe, audio=audio), parts=parts, batch_size=6)


def test_the_rate_warms_up_linearly_and_falls_by_half_a_cosine(recipe: Recipe) -> None:
    long = change_recipe(recipe, steps=110, warmup_steps=10, final_learning_rate=0.01)

    rates = [engine.schedule(step, long) for step in range(110)]

    assert rates[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert rates[10] == 1.0
    assert rates[60] == pytest.approx(0.505)
    assert rates[109] == pytest.approx(0.01, abs=0.001)
    assert all(later < earlier for earlier, later in pairwise(rates[10:]))
    assert engine.schedule(0, change_recipe(recipe, steps=1, warmup_steps=0)) == 1.0
    assert engine.schedule(110, change_recipe(long, final_learning_rate=0.5)) == pytest.approx(0.5)


def test_what_is_frozen_stays_and_is_in_eval_mode_and_everything_else_moves(waves: Recipe) -> None:
    recipe = change_recipe(waves, loss="sigmoid", parts=[{"match": "audio_tower.*", "train": False}])
    run, trained = make_engine(recipe)
    before = {name: p.detach().clone() for name, p in run.model.named_parameters()}
    batches = stream_batches(make_batches(run), run, first_step=0)

    for step in range(2):
        trained.step(step, batches)

    assert [run.model.audio_tower.training, run.model.text_tower.training] == [False, True]
    assert not any(module.training for module in run.model.audio_tower.modules())
    for name, parameter in run.model.named_parameters():
        stays = name.startswith("audio_tower.") or ".pooler." in name
        assert parameter.requires_grad != stays, name
        assert (parameter.grad is None) == stays, name
        assert torch.equal(parameter, before[name]) == stays, name
    assert trained._weights["bias"].item() != -10.0


def test_the_first_step_is_that_of_adamw_on_the_clipped_gradient(waves: Recipe) -> None:
    recipe = change_recipe(waves, weight_decay=0.1, max_gradient_norm=0.5)
    _, gradient = find_gradient(recipe)
    run, trained = make_engine(recipe)
    before = {name: p.detach().clone() for name, p in trained._weights.items()}

    trained.step(0, stream_batches(make_batches(run), run, first_step=0))

    clip = min(1.0, 0.5 / math.sqrt(sum(float(value.square().sum()) for value in gradient.values())))
    assert clip < 1
    above = {"encoder.layers.1.": 0, "encoder.layers.0.": 1}
    expected = {}
    for name, weight in before.items():
        factor = 1.0
        if "audio_tower" in name:
            factor = 0.1 * 0.5 ** next((number for layer, number in above.items() if layer in name), 2)
        rate = 1e-3 * 0.5 * factor  # halfway through warm-up
        found = clip * gradient[name]
        decayed = weight * (1 - 0.1 * rate) if weight.ndim > 1 else weight
        expected[name] = decayed - rate * found / (found.abs() + 1e-8)  # both moments of AdamW, bias-corrected
    assert trained.learning_rate == pytest.approx(5e-4)
    moved = {name: p.detach() for name, p in trained._weights.items()}
    certain = {name: gradient[name].abs() * clip > 1e-5 for name in moved}  # near 0 rounding decides on the sign
    assert sum(int(mask.sum()) for mask in certain.values()) > 15_000
    for name, mask in certain.items():
        assert torch.allclose(moved[name][mask], expected[name][mask], rtol=0, atol=2e-6), name


def test_what_is_validated_is_the_moving_average_of_the_weights(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = change_recipe(recipe, average_decay=0.15)
    run, trained = make_engine(recipe)
    batches = stream_batches(make_batches(run), run, first_step=0)
    expected = {name: p.detach().clone() for name, p in trained._weights.items()}
    for step, decay in enumerate((0.1, 0.15, 0.15)):  # 1/10 and 2/11 of a young average, but never above 0.15
        trained.step(step, batches)
        expected = {name: decay * expected[name] + (1 - decay) * p.detach() for name, p in trained._weights.items()}
    weights = {name: p.detach().clone() for name, p in trained._weights.items()}
    measured: list[dict[str, Tensor]] = []

    def measure(*_: Any) -> dict[str, float]:
        measured.append({name: p.detach().clone() for name, p in trained._weights.items()})
        return {"mean": 0.5}

    monkeypatch.setattr(run.validation, "measure", measure)

    assert trained.measure_average() == {"mean": 0.5}
    assert not find_differing(trained.average, expected)
    assert not find_differing(measured[0], trained.average, rtol=0, atol=0)
    assert not find_differing({name: p.detach() for name, p in trained._weights.items()}, weights, rtol=0, atol=0)


def test_a_part_that_waits_for_a_step_does_not_move_before(recipe: Recipe) -> None:
    parts = [{"match": "text_tower.*", "train": False}, {"match": "audio_tower.*", "from_step": 1}]
    recipe = change_recipe(recipe, parts=parts)
    start, first, second = (take_steps(recipe, number) for number in range(3))

    tower = {name for name in start if "audio_tower" in name}
    assert not tower & set(find_differing(first, start, rtol=0, atol=0))
    assert tower <= set(find_differing(second, start, rtol=0, atol=0))
    assert "model.logit_scale" in find_differing(first, start, rtol=0, atol=0)


@pytest.mark.parametrize("loss", ["contrastive", "sigmoid"])
def test_accumulated_batches_make_the_gradient_of_their_mean_loss(recipe: Recipe, loss: str) -> None:
    recipe = change_recipe(with_towers(recipe, dropout=0.0, projection_dropout=0.0), loss=loss)
    run, trained = make_engine(recipe)
    set_training_mode(run.model)
    batches = stream_batches(make_batches(run), run, first_step=0)
    losses = [float(trained.backward(next(batches))) for _ in range(2)]
    expected = {name: p.grad / 2 for name, p in trained._weights.items() if p.grad is not None}

    for chunk_size in (None, 5):
        found_loss, found = find_gradient(change_recipe(recipe, accumulation_steps=2, chunk_size=chunk_size))

        assert found_loss == pytest.approx(sum(losses) / 2, abs=1e-5)
        assert not find_differing(found, expected)


def test_batches_go_on_where_those_of_the_step_before_ended(recipe: Recipe) -> None:
    run, _ = make_engine(change_recipe(recipe, accumulation_steps=3))

    loaded = stream_batches(make_batches(run), run, first_step=2)

    plans = [run.planner.plan(number) for number in range(6, 12)]
    assert [batch.plan.captions for batch in loaded] == [plan.captions for plan in plans]


def test_chunks_of_an_unfrozen_model_have_the_gradient_of_the_whole_batch(waves: Recipe, tmp_path: Path) -> None:
    calm = dict.fromkeys(
        ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout", "mask_time_prob"), 0.0
    )
    audio = save_audio_tower(tmp_path / "audio", {"layerdrop": 0.0, **calm})
    towers = with_towers(waves, audio=audio, text=save_calm_text_tower(tmp_path / "text"), projection_dropout=0.0)
    recipe = change_recipe(towers, parts=[])
    loss, expected = find_gradient(recipe)

    found_loss, found = find_gradient(change_recipe(recipe, chunk_size=4))

    assert found_loss == pytest.approx(loss, abs=1e-5)
    size = max(float(value.abs().max()) for value in expected.values())
    assert not find_differing(found, expected, rtol=1e-5, atol=1e-5 * max(1.0, size))


def test_checkpointed_gradients_are_the_same(waves: Recipe) -> None:
    loss, expected = find_gradient(waves)

    for chunk_size in (None, 6):
        found_loss, found = find_gradient(change_recipe(waves, gradient_checkpointing=True, chunk_size=chunk_size))

        assert found_loss == pytest.approx(loss, abs=1e-5)
        assert not find_differing(found, expected)


def test_checkpointed_layers_run_again_for_their_gradients(waves: Recipe) -> None:
    calls = []
    for checkpoints in (False, True):
        recipe = change_recipe(waves, gradient_checkpointing=checkpoints)
        run, trained = make_engine(recipe)
        set_training_mode(run.model)
        seen: list[int] = []
        layer = run.model.audio_tower.encoder.layers[0].attention
        layer.register_forward_hook(lambda *_, seen=seen: seen.append(1))
        trained.backward(next(stream_batches(make_batches(run), run, first_step=0)))
        calls.append(len(seen))

    assert calls == [1, 2]


def test_a_tower_that_cannot_checkpoint_gradients_is_refused(recipe: Recipe) -> None:
    with pytest.raises(ConfigError, match=r"^gradient_checkpointing: a \S*mel\S* tower has none; leave it out$"):
        make_engine(change_recipe(recipe, gradient_checkpointing=True))


def test_weights_stay_in_full_precision_in_bfloat16(recipe: Recipe) -> None:
    recipe = change_recipe(recipe, chunk_size=5)
    weights = take_steps(change_recipe(recipe, precision="bfloat16"), 2)
    exact = take_steps(recipe, 2)

    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    assert find_differing(weights, exact, rtol=0, atol=0)
    assert not find_differing(weights, exact, rtol=0, atol=3e-3)  # two steps of 1e-3 at most, to either side


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_stops_training_and_names_step_and_batch(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    run, trained = make_engine(recipe)
    before = {name: p.detach().clone() for name, p in trained._weights.items()}
    average = {name: value.clone() for name, value in trained.average.items()}
    monkeypatch.setattr(engine, "combine_losses", break_loss(what))

    message = (
        rf"^the {what} is (nan|inf) at step 7 \(a batch of 12 clips: rows \d+ of corpus 1, \d+ of corpus 1, \d+ of "
        r"corpus 1, \.\.\.\); the state before it is kept: start again with a lower learning_rate, or --resume with"
    )
    with pytest.raises(ConfigError, match=message):
        trained.step(7, stream_batches(make_batches(run), run, first_step=0))
    assert not find_differing({name: p.detach() for name, p in trained._weights.items()}, before, rtol=0, atol=0)
    assert not find_differing(trained.average, average, rtol=0, atol=0)


def break_loss(what: str, *, from_call: int = 0) -> Callable[..., Tensor]:
    """Return a `combine_losses` that breaks the loss or its gradient from some call on."""
    combine = engine.combine_losses
    calls: list[int] = []

    def combine_and_break(embedded: Any, *rest: Any) -> Tensor:
        loss = combine(embedded, *rest)
        calls.append(1)
        if len(calls) <= from_call:
            return loss
        if what == "loss":
            return loss * math.nan
        zero: Tensor = embedded.scale - embedded.scale.detach()  # whose root has no finite gradient
        return loss + zero.sqrt()

    return combine_and_break


def test_half_precision_is_refused_on_a_cpu(recipe: Recipe) -> None:
    message = r"^precision float16 does not train on a CPU; expected bfloat16 or float32$"
    with pytest.raises(ConfigError, match=message):
        make_engine(change_recipe(recipe, precision="float16"))
    make_engine(recipe)  # nothing of what was refused is left


def test_without_accelerate_training_says_what_to_install(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate.state", None)

    with pytest.raises(ConfigError, match=r"^training needs accelerate; pip install 'paraclap\[train\]'$"):
        make_engine(recipe)


def test_an_accelerate_that_is_to_shard_by_itself_is_refused(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    made = SimpleNamespace(distributed_type=SimpleNamespace(value="FSDP"))
    monkeypatch.setattr("accelerate.Accelerator", lambda **_: made)

    message = (
        r"^accelerate is set up for FSDP; expected processes alone: leave FSDP out of its configuration, and say "
        r"shard_parameters: true in the recipe$"
    )
    with pytest.raises(ConfigError, match=message):
        engine.make_accelerator(recipe)


def test_a_state_goes_on_exactly_where_it_was(recipe: Recipe) -> None:
    expected = take_steps(recipe, 4)
    run, trained = make_engine(recipe)
    batches = stream_batches(make_batches(run), run, first_step=0)
    for step in range(2):
        trained.step(step, batches)
    state = trained.export_state(RunState(2, 0, {}, 0))
    torch.manual_seed(99)
    run, trained = make_engine(recipe)
    batches = stream_batches(make_batches(run), run, first_step=2)

    trained.restore_state(state)

    for step in (2, 3):
        trained.step(step, batches)
    found = {name: p.detach() for name, p in trained._weights.items()}
    assert not find_differing(found, expected, rtol=0, atol=0)


def test_the_state_of_other_processes_is_refused(recipe: Recipe) -> None:
    _, trained = make_engine(recipe)
    state = trained.export_state(RunState(2, 0, {}, 0))
    state.processes *= 2

    with pytest.raises(ConfigError, match=r"^the run was trained by 2 processes, found 1; expected as many: batches"):
        trained.restore_state(state)

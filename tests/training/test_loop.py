import csv
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from paraclap import ParaClap
from paraclap.corpora import read_manifest, write_manifest
from paraclap.errors import ConfigError
from paraclap.storage import read_json
from paraclap.training import Recipe, loop, prepare_run, train
from paraclap.training.batches import Batch, BatchSampler
from paraclap.training.run import TrainingRun
from paraclap.training.text_bank import TextBank


def changed(recipe: Recipe, **changes: Any) -> Recipe:
    return Recipe.model_validate(recipe.model_dump() | changes)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[TrainingRun]:
    """Return a list that will hold the runs that are made ready."""
    made: list[TrainingRun] = []

    def prepare(recipe: Recipe) -> TrainingRun:
        made.append(prepare_run(recipe))
        return made[-1]

    monkeypatch.setattr(loop, "prepare_run", prepare)
    return made


def test_the_rate_warms_up_linearly_and_falls_by_half_a_cosine(recipe: Recipe) -> None:
    long = changed(recipe, steps=110, warmup_steps=10)

    rates = [loop._schedule(step, long) for step in range(110)]

    assert rates[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert rates[10] == 1.0
    assert rates[60] == pytest.approx(0.505)
    assert rates[109] == pytest.approx(0.01, abs=0.001)
    assert all(later < earlier for earlier, later in pairwise(rates[10:]))
    assert loop._schedule(0, changed(recipe, steps=1, warmup_steps=0)) == 1.0


def test_the_text_tower_stays_and_everything_else_moves(
    recipe: Recipe, tmp_path: Path, runs: list[TrainingRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[tuple[bool, bool]] = []
    compute = loop._compute_loss

    def watch(run: TrainingRun, batch: Batch) -> torch.Tensor:
        modes.append((run.model.audio_tower.training, run.model.text_tower.training))
        return compute(run, batch)

    monkeypatch.setattr(loop, "_compute_loss", watch)
    before = prepare_run(recipe).model.state_dict()

    train(recipe, tmp_path / "run")

    model = runs[0].model
    assert modes == [(True, False)] * recipe.steps
    for name, parameter in model.named_parameters():
        if name.startswith("text_tower."):
            assert not parameter.requires_grad
            assert parameter.grad is None
            assert torch.equal(parameter, before[name])
        else:
            assert parameter.grad is not None
            assert not torch.equal(parameter, before[name])


def test_the_first_step_follows_the_gradient_of_the_loss(recipe: Recipe, tmp_path: Path) -> None:
    run = prepare_run(changed(recipe, weight_decay=0.0, warmup_steps=0))
    weights = {name: p for name, p in run.model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.SGD(weights.values(), lr=1.0)
    run.model.train()
    run.model.text_tower.eval()
    before = {name: p.detach().clone() for name, p in weights.items()}
    torch.manual_seed(0)
    loss = loop._compute_loss(run, run.batches.sample(0))
    gradients = torch.autograd.grad(loss, list(weights.values()))
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    scale = run.recipe.learning_rate * min(1.0, run.recipe.max_gradient_norm / norm)

    torch.manual_seed(0)
    found = loop._step(run, optimizer, weights, 0)

    assert found == pytest.approx(loss.item())
    for (name, parameter), gradient in zip(weights.items(), gradients, strict=True):
        assert torch.allclose(parameter, before[name] - scale * gradient, atol=1e-6)


def test_only_matrices_decay(recipe: Recipe) -> None:
    weights = {name: p for name, p in prepare_run(recipe).model.named_parameters() if p.requires_grad}

    matrices, others = loop._groups(weights, 0.05)

    assert (matrices["weight_decay"], others["weight_decay"]) == (0.05, 0.0)
    assert any(p is weights["logit_scale"] for p in others["params"])
    assert len(matrices["params"]) + len(others["params"]) == len(weights)
    assert all(p.ndim > 1 for p in matrices["params"])
    assert all(p.ndim <= 1 for p in others["params"])


def test_a_run_that_was_stopped_ends_like_one_that_was_not(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = changed(recipe, steps=10, validate_every=3)
    train(recipe, tmp_path / "whole")
    sample = BatchSampler.sample

    def stop(self: BatchSampler, step: int) -> Batch:
        if step == 7:
            raise KeyboardInterrupt
        return sample(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(BatchSampler, "sample", stop)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path / "cut")
    assert not (tmp_path / "cut" / "model").exists()
    torch.manual_seed(99)

    resumed = train(recipe, tmp_path / "cut", resume=True)

    whole, cut = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "cut"))
    for part in ("weights", "average"):
        assert all(torch.equal(value, cut[part][name]) for name, value in whole[part].items())
    assert torch.equal(whole["random_state"], cut["random_state"])
    names = ("model/model.safetensors", "model/training.json", "metrics.csv")
    assert all((tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes() for name in names)
    assert resumed == whole["best_dev"]


def test_a_finished_run_that_is_resumed_writes_its_model_again(recipe: Recipe, tmp_path: Path) -> None:
    first = train(recipe, tmp_path / "run")
    weights = tmp_path / "run" / "model" / "model.safetensors"
    before = weights.read_bytes()
    weights.unlink()

    assert train(recipe, tmp_path / "run", resume=True) == first
    assert weights.read_bytes() == before


def test_the_model_folder_gives_the_figures_that_it_tells(
    recipe: Recipe, tmp_path: Path, runs: list[TrainingRun]
) -> None:
    dev = train(changed(recipe, licence="cc0-1.0", licence_text="Do what you like.\n"), tmp_path / "run")

    clap = ParaClap.from_pretrained(tmp_path / "run" / "model")
    again = runs[0].validation.measure(clap.model, TextBank(clap.model, clap.processor.tokenizer))
    training = read_json(tmp_path / "run" / "model" / "training.json")
    assert again == dev == training["dev_uar"]
    assert set(dev) == {"tones-emotion", "tones-gender", "mean"}
    assert clap.training_corpora == ("tones",)
    assert training["recipe"]["steps"] == recipe.steps
    assert training["corpora"][0] | {"manifest_fingerprint": ""} == {
        "name": "tones",
        "licence": "CC0",
        "train_clips": 32,
        "dev_clips": 8,
        "manifest_fingerprint": "",
    }
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "license: cc0-1.0" in card
    assert "| tones | 32 | 8 | CC0 |" in card
    assert f"| tones-gender | {dev['tones-gender']:.3f} |" in card
    assert (tmp_path / "run" / "model" / "LICENSE").read_text() == "Do what you like.\n"


def test_weights_saved_in_half_precision_are_half_as_large_and_nearly_the_same(recipe: Recipe, tmp_path: Path) -> None:
    texts = ["a man", "a woman"]
    folders = []
    for dtype in ("float32", "float16"):
        train(changed(recipe, save_dtype=dtype), tmp_path / dtype)
        folders.append(tmp_path / dtype / "model")

    full, half = (ParaClap.from_pretrained(folder) for folder in folders)

    sizes = [(folder / "model.safetensors").stat().st_size for folder in folders]
    assert sizes[1] < 0.6 * sizes[0]
    assert {p.dtype for p in half.model.parameters()} == {torch.float32}
    assert abs(full.embed_text(texts) - half.embed_text(texts)).max() < 5e-3
    assert full.logit_scale == half.logit_scale


def test_tones_are_learned_within_seconds(recipe: Recipe, tmp_path: Path) -> None:
    table, metadata = read_manifest(recipe.manifests[0])
    write_manifest(tmp_path / "m.parquet", table.drop(columns="emotion"), metadata)
    model = recipe.model.model_dump() | {"dropout": 0.0, "projection_dropout": 0.0}
    settings = {"steps": 60, "validate_every": 20, "learning_rate": 2e-3, "average_decay": 0.9, "model": model}

    dev = train(changed(recipe, manifests=[tmp_path / "m.parquet"], **settings), tmp_path / "run")

    assert dev["tones-gender"] > 0.8  # chance: 0.5


def test_bfloat16_trains_too(recipe: Recipe, tmp_path: Path) -> None:
    dev = train(changed(recipe, precision="bfloat16"), tmp_path / "run")

    assert 0 <= dev["mean"] <= 1
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert {value.dtype for value in state["weights"].values()} == {torch.float32}


def test_every_validation_is_recorded(recipe: Recipe, tmp_path: Path) -> None:
    dev = train(changed(recipe, steps=5), tmp_path / "run")

    with (tmp_path / "run" / "metrics.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["2", "4", "5"]
    assert set(rows[0]) == {"step", "loss", "tones-emotion", "tones-gender", "mean"}
    best = max(rows, key=lambda row: float(row["mean"]))
    assert float(best["mean"]) == pytest.approx(dev["mean"], abs=1e-5)
    log = (tmp_path / "run" / "train.log").read_text()
    assert "recipe tones: 5 steps of 12 clips" in log
    assert "text_tower: 0.02 M parameters, frozen" in log
    assert "tones: 32 train clips, 8 dev clips, 100% of batches" in log
    assert f"best step {best['step']}, dev UAR " in log


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_stops_the_run_and_keeps_its_state(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    compute = loop._compute_loss
    calls: list[int] = []

    def explode(run: TrainingRun, batch: Batch) -> torch.Tensor:
        calls.append(1)
        loss = compute(run, batch)
        if len(calls) == 4:
            scale = run.model.logit_scale - run.model.logit_scale.detach()  # 0, whose root has no finite gradient
            return loss * math.nan if what == "loss" else loss + scale.sqrt()
        return loss

    monkeypatch.setattr(loop, "_compute_loss", explode)

    message = (
        rf"^the {what} is (nan|inf) at step 3; last\.pt keeps the state of the last validation: start again with a"
    )
    with pytest.raises(ConfigError, match=message):
        train(recipe, tmp_path / "run")
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert state["step"] == 2
    assert all(value.isfinite().all() for value in state["weights"].values())


def test_a_run_that_failed_before_its_first_checkpoint_can_start_again(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no corpora and no manifests"):
        train(changed(recipe, manifests=[]), tmp_path / "run")

    assert train(recipe, tmp_path / "run")["mean"] >= 0


def test_a_folder_that_cannot_be_made_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(ConfigError, match=r" cannot be made \(.+\); choose another folder$"):
            train(recipe, folder)


def test_a_finished_run_without_its_best_weights_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "run")
    (tmp_path / "run" / "best.pt").write_bytes(b"no weights")

    with pytest.raises(ConfigError, match=r"best\.pt cannot be read \(\w+\); it is damaged: start the run again$"):
        train(recipe, tmp_path / "run", resume=True)


def test_a_folder_with_something_in_it_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(ConfigError, match=r"is not empty; use --resume to go on with its run, or another folder$"):
        train(recipe, tmp_path)
    with pytest.raises(ConfigError, match=r"holds no run to resume \(no last\.pt\)"):
        train(recipe, tmp_path, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

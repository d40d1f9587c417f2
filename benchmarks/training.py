"""Measure training with towers of the published size against the published loop, side by side in one run.

    .venv/bin/python -m benchmarks.training [--steps N] [--batch-size N] [--frozen-clips N]

The towers have random weights: wav2vec 2.0 large with 12 layers, and BERT base. The clips, of 6 s, are noise made here,
cut to 5 s. The published loop, written anew on the towers of transformers as they are: float32, audio read in the loop,
one caption a clip. Unfrozen: a step of it against ours in bfloat16, in turns. Frozen: a loop that already runs the
frozen towers without a gradient, against ours, which runs the audio tower once on four windows of each clip, and the
text tower once on each caption; over 20 epochs, all of which are measured of ours, and one of theirs, which are alike.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
import torch
from benchmarks.encode import make_model, make_processor
from benchmarks.inference import print_machine
from torch import Tensor, nn
from torch.nn import functional as F

from paraclap.audio import SAMPLING_RATE, read_audio
from paraclap.corpora import write_manifest
from paraclap.models import no_progress_bars
from paraclap.training import Recipe, parse_recipe
from paraclap.training.engine import Engine
from paraclap.training.loading import load_batches
from paraclap.training.loop import make_batches, stream_batches
from paraclap.training.run import TrainingRun, prepare_run

CROP_SECONDS = 5.0
EPOCHS = 20
WINDOWS = 4
CAPTIONS = {
    "anger": "an angry voice",
    "sadness": "a sad voice",
    "happiness": "a happy voice",
    "fear": "a fearful voice",
}


def main() -> None:
    """Measure both set-ups and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="of each unfrozen loop, after one to warm up")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--frozen-clips", type=int, default=48, help="train clips of the frozen set-up")
    given = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        towers = save_towers(folder)
        manifest = write_noise(folder / "noise", given.frozen_clips)
        compare_unfrozen(folder, towers, manifest, given.batch_size, given.steps)
        compare_frozen(folder, towers, manifest, given.batch_size)


def compare_unfrozen(folder: Path, towers: dict[str, Any], manifest: Path, batch_size: int, steps: int) -> None:
    """Print the time of a step with both towers trained."""
    recipe = make_recipe(folder, towers, manifest, batch_size=batch_size, parts=[{"match": "*", "train": True}])
    run = prepare_run(recipe)
    engine = Engine(run)
    batches = load_batches(make_batches(run), range(steps + 1), workers=1)
    published = PublishedLoop(run, batch_size)
    engine.step(0, batches)
    published.step(0)
    ours = theirs = 0.0
    for step in range(1, steps + 1):
        begin = time.perf_counter()
        published.step(step)
        middle = time.perf_counter()
        engine.step(step, batches)
        theirs, ours = theirs + middle - begin, ours + time.perf_counter() - middle
    print(f"unfrozen, {batch_size} clips of {CROP_SECONDS:g} s a step, mean of {steps} steps")
    print(f"  published loop, float32: {theirs / steps:.1f} s a step")
    print(f"  ours, bfloat16:          {ours / steps:.1f} s a step, {theirs / ours:.2f} times as fast")


def compare_frozen(folder: Path, towers: dict[str, Any], manifest: Path, batch_size: int) -> None:
    """Print the time of 20 epochs with both towers frozen."""
    frozen = [{"match": "*_tower.*", "train": False}]
    recipe = make_recipe(
        folder, towers, manifest, batch_size=batch_size, parts=frozen, windows_per_clip=WINDOWS, workers=0
    )
    run = prepare_run(recipe)
    engine = Engine(run)
    steps = len(run.clip_sets[0].rows("train")) // batch_size
    begin = time.perf_counter()
    data = make_batches(run)  # the audio tower on all windows
    filling = time.perf_counter() - begin
    batches = stream_batches(data, run, first_step=0)
    epochs = []
    for epoch in range(EPOCHS):
        begin = time.perf_counter()
        for step in range(steps):
            engine.step(epoch * steps + step, batches)
        epochs.append(time.perf_counter() - begin)
    published = PublishedLoop(run, batch_size)
    begin = time.perf_counter()
    for step in range(steps):
        published.step(step)
    uncached = time.perf_counter() - begin
    ours, theirs = filling + sum(epochs), EPOCHS * uncached
    print(f"frozen, {steps} steps of {batch_size} clips an epoch, {WINDOWS} windows a clip")
    print(f"  frozen towers run in every epoch, float32: {uncached:.1f} s an epoch, {theirs:.0f} s for {EPOCHS}")
    print(f"  ours: {filling:.1f} s once, and {ours:.0f} s for {EPOCHS}: {theirs / ours:.1f} times as fast")
    for which, seconds in (("first", epochs[0]), ("mean", sum(epochs) / EPOCHS), ("last", epochs[-1])):
        print(f"    {which} epoch from the cache: {seconds:.2f} s, {seconds / uncached:.2%} of theirs")


class PublishedLoop:
    """Train as the published code means to: float32, no workers; what is frozen runs without a gradient."""

    def __init__(self, run: TrainingRun, batch_size: int) -> None:
        self._model, self._processor = Towers(run), run.processor
        self._rows: Iterator[int] = iter(())
        self._all_rows = run.clip_sets[0].rows("train")
        self._batch_size = batch_size
        self._segments = run.clip_sets[0].audio._segments  # type: ignore[attr-defined]
        trained = [p for p in self._model.parameters() if p.requires_grad]
        self._optimizer = torch.optim.Adam(trained, lr=1e-3)

    def step(self, number: int) -> None:
        """Read a batch, and take a step."""
        generator = np.random.default_rng(number)
        rows = generator.choice(self._all_rows, self._batch_size)
        clips = []
        for row in rows:
            waveform = read_audio(self._segments[row][0])
            start = int(generator.integers(len(waveform) - round(CROP_SECONDS * SAMPLING_RATE)))
            clips.append(waveform[start : start + round(CROP_SECONDS * SAMPLING_RATE)])
        captions = [list(CAPTIONS.values())[int(row) % len(CAPTIONS)] for row in rows]
        audio, text = self._model(torch.from_numpy(np.stack(clips)), self._processor(text=captions))
        logits = self._model.scale.exp() * audio @ text.T
        target = torch.arange(len(logits))
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()


class Towers(nn.Module):
    """Hold the towers of transformers as they are, with projections of ours."""

    def __init__(self, run: TrainingRun) -> None:
        super().__init__()
        from transformers import BertModel, Wav2Vec2Model

        config = run.model.config
        self.audio, self.text = Wav2Vec2Model(config.audio_config), BertModel(config.text_config)
        self.audio_projection, self.text_projection = (
            type(part)(part.linear1.in_features, part.linear1.out_features, part.dropout.p)
            for part in (run.model.audio_projection, run.model.text_projection)
        )
        self.scale = nn.Parameter(torch.tensor(2.66))
        for mine, theirs in ((self.audio, run.model.audio_tower), (self.text, run.model.text_tower)):
            mine.requires_grad_(any(p.requires_grad for p in theirs.parameters()))
        self.train()

    def forward(self, waveforms: Tensor, tokens: Any) -> tuple[Tensor, Tensor]:
        """Return unit vectors of waveforms `[B, T]` and of texts."""
        with torch.set_grad_enabled(next(self.audio.parameters()).requires_grad):
            audio = self.audio(waveforms).last_hidden_state.mean(dim=1)
        with torch.set_grad_enabled(next(self.text.parameters()).requires_grad):
            text = self.text(**tokens).last_hidden_state[:, 0]
        return F.normalize(self.audio_projection(audio), dim=-1), F.normalize(self.text_projection(text), dim=-1)


def save_towers(folder: Path) -> dict[str, Any]:
    """Save both towers with random weights, and return what a recipe says of them."""
    model, processor = make_model(), make_processor()
    with no_progress_bars():
        model.audio_tower.save_pretrained(folder / "audio")
        model.text_tower.save_pretrained(folder / "text")
    processor.tokenizer.save_pretrained(folder / "text")
    return {
        "audio_tower": str(folder / "audio"),
        "text_tower": {"id": str(folder / "text"), "pooling": "cls"},
        "projection_dim": 768,
        "normalize": False,
    }


def make_recipe(folder: Path, towers: dict[str, Any], manifest: Path, **changes: Any) -> Recipe:
    """Make a recipe on the noise."""
    values = {
        "name": "benchmark",
        "manifests": [manifest],
        "cache": folder / "cache",
        "model": towers,
        "captions": {"variant": "labels"},
        "captions_per_clip": 1,
        "attribute_loss_weight": 0.0,
        "augmentation": {"clean": 1.0},
        "crop_seconds": [CROP_SECONDS, CROP_SECONDS],
        "max_dev_clips": 8,
    }
    return parse_recipe(values | changes)


def write_noise(folder: Path, number: int) -> Path:
    """Write clips of noise with emotions, so many of train and eight of dev, and return their manifest."""
    import audformat

    folder.mkdir()
    generator = np.random.default_rng(0)
    seconds = CROP_SECONDS + 1
    rows = []
    for index in range(number + 8):
        noise = 0.1 * generator.standard_normal(round(seconds * SAMPLING_RATE))
        soundfile.write(folder / f"{index}.wav", noise, SAMPLING_RATE)
        emotion = list(CAPTIONS)[index % len(CAPTIONS)]
        split = "train" if index < number else "dev"
        gender = ("female", "male")[index % 2]
        rows.append(
            {
                "file": f"{index}.wav",
                "emotion": emotion,
                "gender": gender,
                "speaker": f"{split}{index % 4}",
                "split": split,
            }
        )
    table = pd.DataFrame(rows)
    ends = pd.to_timedelta([seconds] * len(table), unit="s")
    index = audformat.segmented_index(table.pop("file"), [0] * len(table), ends)
    metadata = {"corpus": "noise", "licence": "CC0", "source": "made here", "citation": "none", "version": "1"}
    manifest = folder / "noise.parquet"
    write_manifest(manifest, table.set_index(index), metadata | {"root": str(folder), "languages": []})
    return manifest


if __name__ == "__main__":
    main()

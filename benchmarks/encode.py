"""Measure encoding with towers of the published size against the published way, side by side in one run.

    .venv/bin/python -m benchmarks.encode [--clips N] [--many N]

The towers have random weights: wav2vec 2.0 large with 12 layers, and BERT base. The clips, of 1 to 10 s, are noise
made here. The published way, written anew on the towers of transformers as they are: one clip a batch in float32, and
all eight labels encoded again for every clip. Ours: batches by length, texts once. The ways take turns on the same
slices of the clips.
"""

import argparse
import resource
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np
import torch
from benchmarks.inference import print_machine
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoTokenizer, BertConfig, Wav2Vec2Config, Wav2Vec2Model

from paraclap.audio import SAMPLING_RATE
from paraclap.inference import ParaClap
from paraclap.models import ParaClapConfig, ParaClapModel, ParaClapProcessor, TowerFeatureExtractor

LABELS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
SLICES = 5  # of the clips, after each of which the ways change
Way = Callable[[list[Any]], tuple[float, float, Any]]


def main() -> None:
    """Measure all ways and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200, help="clips of 1 to 10 s")
    parser.add_argument("--many", type=int, default=0, help="clips of the test of memory, such as 1000; none if 0")
    given = parser.parse_args()
    print_machine()
    clips = make_clips(given.clips)
    model, processor = make_model(), make_processor()
    half = make_model().to(torch.bfloat16)
    published = Published(model)
    ways: dict[str, Way] = {
        "published way, float32": lambda part: run_published(published, processor, part),
        "ours, float32": lambda part: run_ours(ParaClap(model, processor), part),
        "ours, bfloat16": lambda part: run_ours(ParaClap(half, processor), part),
    }
    for way in ways.values():
        way(clips[:2])  # warm up
    audio = dict.fromkeys(ways, 0.0)
    total = dict.fromkeys(ways, 0.0)
    vectors: dict[str, list[Any]] = {name: [] for name in ways}
    for part in range(SLICES):
        for name, way in ways.items():
            seconds, whole, embeds = way(clips[part::SLICES])
            audio[name] += seconds
            total[name] += whole
            vectors[name].append(embeds)
    duration = sum(map(len, clips)) / SAMPLING_RATE
    first = next(iter(ways))
    reference = np.concatenate(vectors[first])
    print(f"{len(clips)} clips, {duration:.0f} s of audio, {len(LABELS)} labels")
    print(
        f"{'way':<26}{'audio, s':>10}{'ratio':>8}{'total, s':>10}{'ratio':>8}{'x real time':>13}{'largest change':>16}"
    )
    for name in ways:
        change = np.abs(np.linalg.norm(np.concatenate(vectors[name]) - reference, axis=1)).max()
        print(
            f"{name:<26}{audio[name]:>10.1f}{audio[first] / audio[name]:>8.2f}{total[name]:>10.1f}"
            f"{total[first] / total[name]:>8.2f}{duration / total[name]:>13.1f}{change:>16.1e}"
        )
    if given.many:
        report_memory(ParaClap(half, processor), given.many)


def make_clips(number: int) -> list[Any]:
    """Make quiet noise of 1 to 10 s."""
    generator = np.random.default_rng(0)
    lengths = generator.uniform(1.0, 10.0, size=number) * SAMPLING_RATE
    return [(0.1 * generator.standard_normal(int(length))).astype(np.float32) for length in lengths]


def make_model() -> ParaClapModel:
    """Make a ParaCLAP of the published size with random weights, always the same."""
    torch.manual_seed(0)
    audio = Wav2Vec2Config(
        hidden_size=1024,
        num_hidden_layers=12,
        num_attention_heads=16,
        intermediate_size=4096,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=True,
    )
    model = ParaClapModel(ParaClapConfig(audio, BertConfig(), projection_dim=768, text_pooling="cls"))
    model.eval()
    return model


def make_processor() -> ParaClapProcessor:
    """Make a processor without normalisation, with the words of BERT, which the model inside the package has too."""
    tokenizer = AutoTokenizer.from_pretrained(str(files("paraclap.models") / "mini"))
    return ParaClapProcessor(TowerFeatureExtractor.from_tower(Wav2Vec2Config(), normalize=False), tokenizer)


class Published(nn.Module):
    """Hold the towers of transformers as they are, with the weights and the projections of a model of ours."""

    def __init__(self, model: ParaClapModel) -> None:
        super().__init__()
        self.audio_tower = Wav2Vec2Model(model.config.audio_config)
        self.audio_tower.load_state_dict(model.audio_tower.state_dict())
        self.text_tower, self.logit_scale = model.text_tower, model.logit_scale
        self.audio_projection, self.text_projection = model.audio_projection, model.text_projection
        self.eval()

    def embed_audio(self, waveforms: Tensor) -> Tensor:
        """Return vectors `[B, D]` of waveforms `[B, T]`."""
        hidden = self.audio_tower(waveforms).last_hidden_state.mean(dim=1)
        return F.normalize(self.audio_projection(hidden), dim=-1)

    def embed_text(self, texts: list[str], processor: ParaClapProcessor) -> Tensor:
        """Return vectors `[C, D]` of texts."""
        hidden = self.text_tower(**processor(text=texts)).last_hidden_state[:, 0]
        return F.normalize(self.text_projection(hidden), dim=-1)


@torch.inference_mode()
def run_published(model: Published, processor: ParaClapProcessor, clips: list[Any]) -> tuple[float, float, Any]:
    """Encode one clip after the other, and all labels with each; return seconds of audio, of all, and the vectors."""
    seconds, embeds, begin = 0.0, [], time.perf_counter()
    for clip in clips:
        start = time.perf_counter()
        audio = model.embed_audio(torch.from_numpy(clip)[None])
        seconds += time.perf_counter() - start
        (model.logit_scale.exp() * audio @ model.embed_text(LABELS, processor).T).softmax(dim=-1)
        embeds.append(audio.numpy()[0])
    return seconds, time.perf_counter() - begin, np.stack(embeds)


def run_ours(clap: ParaClap, clips: list[Any]) -> tuple[float, float, Any]:
    """Encode clips and labels as `classify` does; return seconds of audio, of all, and the vectors."""
    begin = time.perf_counter()
    embeds = clap.embed_audio(clips, SAMPLING_RATE)
    seconds = time.perf_counter() - begin
    (clap.logit_scale * embeds @ clap.embed_text(LABELS).T).argmax(axis=1)
    return seconds, time.perf_counter() - begin, embeds


def report_memory(clap: ParaClap, number: int) -> None:
    """Print the peak memory after each fifth of many clips of 1 to 3 s."""
    generator = np.random.default_rng(1)
    for part in range(1, 6):
        clips = [
            (0.1 * generator.standard_normal(int(length))).astype(np.float32)
            for length in generator.uniform(1.0, 3.0, size=number // 5) * SAMPLING_RATE
        ]
        clap.embed_audio(clips, SAMPLING_RATE)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory after {part * (number // 5)} clips: {peak:.0f} MB")


if __name__ == "__main__":
    main()

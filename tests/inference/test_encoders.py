import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tests.audio.clips import make_voice
from tests.cli.conftest import Run, run
from tests.inference.voices import write_voices
from tests.models.tiny_towers import make_joined, make_joined_processor
from torch import nn
from torch.nn.utils import parametrize

from paraclap import ParaClap
from paraclap.audio import SAMPLING_RATE, Waveform
from paraclap.errors import AudioError, ModelError
from paraclap.inference import AudioTextModel, HearingLimits
from paraclap.inference.devices import open_encoders
from paraclap.inference.encoding import Embeddings, Encoders

__all__ = ["run"]  # the fixture of the command line

CORES = 3
LAYER = "wav2vec2, layer norm"
CPU = torch.device("cpu")


class Stopwatch(AudioTextModel):
    """Hear how long a waveform is, in whatever thread; write down threads, cores and lengths of each batch."""

    logit_scale = 10.0
    fingerprint = "s" * 64

    def __init__(self, limits: HearingLimits | None = None, batch_size: int = 16) -> None:
        super().__init__(name="stopwatch", batch_size=batch_size)
        self.given_limits = limits or HearingLimits()
        self.threads: list[int] = []
        self.cores: list[int] = []
        self.batches: list[list[int]] = []

    @property
    def limits(self) -> HearingLimits:
        return self.given_limits

    def encode_waveforms(self, waveforms: Sequence[Waveform]) -> Embeddings:
        self.threads.append(threading.get_ident())
        self.cores.append(torch.get_num_threads())
        time.sleep(0.001 * len(waveforms))  # or the first thread would do it all
        self.batches.append([len(waveform) for waveform in waveforms])
        return np.array([[len(waveform) / SAMPLING_RATE, 1] for waveform in waveforms], dtype=np.float32)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        raise NotImplementedError


class ThreadedStopwatch(Stopwatch):
    def open_encoders(self) -> AbstractContextManager[Encoders | None]:
        return open_encoders(CPU)


class Broken(ThreadedStopwatch):
    def encode_waveforms(self, waveforms: Sequence[Waveform]) -> Embeddings:
        vectors = super().encode_waveforms(waveforms)
        return vectors if len(waveforms[0]) > 8000 else vectors * np.nan


@pytest.fixture(autouse=True)
def cores() -> Iterator[None]:
    """Let torch compute on several cores, however many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(CORES)
    yield
    torch.set_num_threads(before)


def on_one_core(embed: Callable[[], Embeddings]) -> Embeddings:
    """Embed without encoders: the oracle."""
    torch.set_num_threads(1)
    try:
        return embed()
    finally:
        torch.set_num_threads(CORES)


def count_in_new_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def draw_clips(number: int, longest: float = 2.0) -> list[Waveform]:
    """Draw noise of 0.1 s and more, at levels of its own."""
    drawn = np.random.default_rng(number)
    lengths = (drawn.uniform(0.1, longest, size=number) * SAMPLING_RATE).astype(int)
    return [(drawn.uniform(0.01, 0.5) * drawn.standard_normal(length)).astype(np.float32) for length in lengths]


def unit(seconds: float) -> Embeddings:
    return np.array([seconds, 1], dtype=np.float32) / np.float32(np.hypot(seconds, 1))


@pytest.mark.parametrize("layer", [None, "mix"])
def test_several_threads_give_the_vectors_of_one(layer: str | None) -> None:
    clap = ParaClap(make_joined(LAYER, audio_layer=layer), make_joined_processor(LAYER))
    clips = draw_clips(100)

    found = clap.embed_audio(clips, SAMPLING_RATE)

    assert np.abs(found - on_one_core(lambda: clap.embed_audio(clips, SAMPLING_RATE))).max() < 1e-6
    assert found.std(axis=0).max() > 0.001
    assert np.array_equal(clap.embed_audio(clips, SAMPLING_RATE), found)


def test_several_threads_give_the_vectors_of_one_for_files_and_the_mel_tower(clap: ParaClap, tmp_path: Path) -> None:
    files = write_voices(tmp_path, list(np.random.default_rng(0).uniform(0.1, 2.0, size=70)))

    assert np.abs(clap.embed_audio(files) - on_one_core(lambda: clap.embed_audio(files))).max() < 1e-6


def test_each_encoder_has_one_core_and_the_caller_keeps_its_own() -> None:
    model = ThreadedStopwatch()

    model.embed_audio(draw_clips(100), SAMPLING_RATE)

    assert threading.get_ident() not in model.threads
    assert len(set(model.threads)) == CORES
    assert set(model.cores) == {1}
    assert torch.get_num_threads() == CORES
    assert count_in_new_thread() == CORES


def test_threads_of_a_user_that_start_while_encoders_work_have_all_cores() -> None:
    with open_encoders(CPU) as encoders:
        assert encoders is not None
        barrier = threading.Barrier(CORES)
        assert [future.result() for future in [encoders.executor.submit(barrier.wait) for _ in range(CORES)]]
        assert count_in_new_thread() == CORES
        assert {encoders.executor.submit(torch.get_num_threads).result() for _ in range(10)} == {1}


def test_there_are_no_encoders_on_one_core_or_another_device() -> None:
    with open_encoders(torch.device("meta")) as encoders:
        assert encoders is None
    torch.set_num_threads(1)
    with open_encoders(CPU) as encoders:
        assert encoders is None


@pytest.mark.parametrize("number", [1, CORES - 1])
def test_fewer_clips_than_encoders_are_encoded_with_all_cores(number: int) -> None:
    model = ThreadedStopwatch()

    model.embed_audio([make_voice(1.0, SAMPLING_RATE)] * number, SAMPLING_RATE)

    assert (model.batches, model.cores) == ([[SAMPLING_RATE] * number], [CORES])
    assert model.threads == [threading.get_ident()]


def test_a_model_of_ones_own_is_called_in_the_thread_of_its_user() -> None:
    model = Stopwatch()

    embeds = model.embed_audio([np.zeros(1600 * n, np.float32) for n in range(1, 100)], SAMPLING_RATE)

    assert set(model.threads) == {threading.get_ident()}
    assert set(model.cores) == {CORES}
    assert np.abs(embeds - [unit(n / 10) for n in range(1, 100)]).max() < 1e-6


@pytest.mark.parametrize("kind", [Stopwatch, ThreadedStopwatch])
def test_the_order_is_kept_also_of_long_clips(kind: type[Stopwatch]) -> None:
    seconds = [42.0, 0.5, 700.0, 2.0, 31.0, 1.5]  # 700 s are more windows than are read together

    embeds = kind().embed_audio([np.zeros(int(n * SAMPLING_RATE), np.float32) for n in seconds], SAMPLING_RATE)

    windows: list[list[float]] = [[10.0] * 4 + [2], [0.5], [10] * 70, [2], [10.0] * 3 + [1], [1.5]]
    for embed, parts in zip(embeds, windows, strict=True):
        total = np.sum([part * unit(part) for part in parts], axis=0)
        assert np.abs(embed - total / np.linalg.norm(total)).max() < 1e-6


@pytest.mark.parametrize("kind", [Stopwatch, ThreadedStopwatch])
@pytest.mark.parametrize("batch_size", [1, 5, 16])
def test_clips_of_a_batch_differ_by_a_tenth_at_most(kind: type[Stopwatch], batch_size: int) -> None:
    model = kind(batch_size=batch_size)
    clips = draw_clips(250)

    model.embed_audio(clips, SAMPLING_RATE)

    assert sorted(length for batch in model.batches for length in batch) == sorted(map(len, clips))
    assert max(map(len, model.batches)) <= batch_size
    assert all(min(batch) >= 0.9 * max(batch) for batch in model.batches)
    assert batch_size == 1 or any(min(batch) < 0.95 * max(batch) for batch in model.batches)


@pytest.mark.parametrize(("shorter", "batches"), [(18_000, [[18_000, 20_000]]), (17_999, [[20_000], [17_999]])])
def test_a_clip_joins_a_batch_up_to_a_tenth_and_not_beyond(shorter: int, batches: list[list[int]]) -> None:
    model = Stopwatch()

    model.embed_audio([np.zeros(length, np.float32) for length in (20_000, shorter)], SAMPLING_RATE)

    assert model.batches == batches


@pytest.mark.parametrize("kind", [Stopwatch, ThreadedStopwatch])
def test_a_model_that_sees_padding_gets_none(kind: type[Stopwatch]) -> None:
    model = kind(HearingLimits(sees_padding=True))
    lengths = np.random.default_rng(0).choice([8000, 8001, 16_000], size=100)

    model.embed_audio([np.zeros(length, np.float32) for length in lengths], SAMPLING_RATE)

    assert all(len(set(batch)) == 1 for batch in model.batches)
    assert sum(map(len, model.batches)) == 100
    assert len(model.batches) < 50


def test_bad_files_are_named_and_the_others_kept_in_order(tmp_path: Path) -> None:
    files = write_voices(tmp_path, [0.1 + 0.01 * n for n in range(90)])
    for number in (5, 70):
        files[number].write_bytes(b"no audio")

    encoded = ThreadedStopwatch().encode(files)

    assert [bad.file for bad in encoded.bad_files] == [files[number].as_posix() for number in (5, 70)]
    assert [clip.source for clip in encoded.clips] == [file for n, file in enumerate(files) if n not in (5, 70)]
    seconds = [soundfile.info(clip.source).duration for clip in encoded.clips]
    assert np.abs(encoded.embeddings - [unit(duration) for duration in seconds]).max() < 1e-6


def test_a_bad_file_in_strict_mode_is_one_error_and_leaves_all_cores(tmp_path: Path) -> None:
    files = write_voices(tmp_path, [0.5] * 70)
    files[68].write_bytes(b"no audio")
    before = threading.active_count()

    with pytest.raises(AudioError, match=r"68\.wav.* \('encode' keeps the other clips\)$"):
        ThreadedStopwatch().embed_audio(files)

    assert (torch.get_num_threads(), count_in_new_thread()) == (CORES, CORES)
    assert threading.active_count() == before


def test_an_error_in_an_encoder_is_one_error_and_leaves_all_cores() -> None:
    model = Broken()
    before = threading.active_count()

    with pytest.raises(ModelError, match=r"^stopwatch makes vectors of clips that are NaN, infinite or zero; "):
        model.embed_audio(draw_clips(100), SAMPLING_RATE)

    assert len(set(model.threads)) > 1
    assert (torch.get_num_threads(), count_in_new_thread()) == (CORES, CORES)
    assert threading.active_count() == before


def test_the_command_line_says_in_one_line_what_several_encoders_refuse(
    run: Run, tiny_model: Path, tmp_path: Path
) -> None:
    loud = ParaClap.from_pretrained(tiny_model)
    with torch.no_grad():
        loud.model.audio_projection.linear1.weight *= torch.nan
    loud.model.save_pretrained(tmp_path / "loud")
    loud.processor.save_pretrained(tmp_path / "loud")
    files = write_voices(tmp_path / "voices", [0.2, 0.3, 0.5, 0.8, 1.3])

    said = run("classify", *files, "-q", "a man", "-q", "a woman", "--model", tmp_path / "loud")

    assert (said.status, said.stdout) == (1, "")
    assert said.stderr == (
        f"paraclap: {tmp_path / 'loud'} makes vectors of clips that are NaN, infinite or zero; "
        "where they overflow, use dtype='bfloat16' or 'float32'\n"
    )


def test_weights_changed_between_calls_are_heard() -> None:
    clap = ParaClap(make_joined(LAYER), make_joined_processor(LAYER))
    clips = draw_clips(20)
    before = clap.embed_audio(clips, SAMPLING_RATE)

    with torch.no_grad():  # of which the weight of the convolution is computed
        clap.model.audio_tower.encoder.pos_conv_embed.conv.parametrizations.weight.original0.mul_(20)

    after = clap.embed_audio(clips, SAMPLING_RATE)
    assert np.abs(after - before).max() > 1e-3
    assert np.abs(after - on_one_core(lambda: clap.embed_audio(clips, SAMPLING_RATE))).max() < 1e-6


def test_a_weight_computed_while_encoders_stop_is_not_kept() -> None:
    begun = threading.Event()

    class Slow(nn.Module):
        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            begun.set()
            time.sleep(0.05)
            return 2 * weight

    layer: Any = parametrize.register_parametrization(nn.Linear(1, 1), "weight", Slow())
    begun.clear()
    with pytest.raises(AudioError, match="stop"), open_encoders(CPU) as encoders:
        assert encoders is not None
        encoders.executor.submit(getattr, layer, "weight")
        assert begun.wait(5)
        raise AudioError("stop")

    original = layer.parametrizations.weight.original
    with torch.no_grad():
        original.add_(1)
    with open_encoders(CPU):
        assert torch.equal(layer.weight, 2 * original)


def test_progress_is_never_ahead_of_the_encoders() -> None:
    model = ThreadedStopwatch()
    steps: list[int] = []

    def check(done: int, total: int) -> None:
        assert total == 200
        assert sum(map(len, model.batches)) >= done
        steps.append(done)

    model.encode(draw_clips(200, longest=0.3), sampling_rate=SAMPLING_RATE, progress=check)

    assert steps == [63, 127, 191, 199, 200]

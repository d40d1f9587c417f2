from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.inference.voices import write_voice
from tests.models.tiny import make_processor
from tests.models.tiny_towers import make_joined_processor
from tests.training.test_clip_audio import make_manifest
from tests.training.tones import make_clip_set

from paraclap.audio import MelSettings, read_audio
from paraclap.models import ParaClapProcessor
from paraclap.training.audio_inputs import AudioInputs, SpectrogramInputs, WaveformInputs, make_inputs
from paraclap.training.batches import PlannedClip, View
from paraclap.training.clip_audio import open_files
from paraclap.training.clips import ClipSet
from paraclap.training.mel_cache import open_mel_cache
from paraclap.training.settings import AugmentationSettings

DURATIONS = (0.5, 2.0, 11.0)
NAMES = ("a.wav", "b.wav", "c.wav")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    for seed, (name, duration) in enumerate(zip(NAMES, DURATIONS, strict=True)):
        write_voice(folder / name, duration, seed=seed)
    return folder


def make_set(folder: Path, *, in_mels: bool) -> ClipSet:
    """Return the three voices as clips whose audio is there as waveforms or spectrograms."""
    manifest = make_manifest([(name, 0.0, duration) for name, duration in zip(NAMES, DURATIONS, strict=True)])
    made = make_clip_set([{"split": "train", "gender": "male"}] * 3)
    if in_mels:
        audio = open_mel_cache(manifest, root=folder, settings=MelSettings(), folder=folder / "mels", name="v")
        return ClipSet(made.name, made.settings, made.facts, made.splits, audio, "", "CC0")
    return ClipSet(made.name, made.settings, made.facts, made.splits, open_files(manifest, folder), "", "CC0")


def make_some(folder: Path, processor: ParaClapProcessor, **settings: Any) -> AudioInputs:
    extractor = processor.feature_extractor
    clips = make_set(folder, in_mels=hasattr(extractor, "mel_settings"))
    return make_inputs([clips], AugmentationSettings(**settings), extractor)


def plan(row: int, seconds: float = 0.96, start: float = 0.25, disturbances: tuple[str, ...] = ()) -> PlannedClip:
    return PlannedClip(0, row, View(seconds, start, disturbances, (3, 4, row)))


PROCESSORS = {
    "spectrograms": make_processor(),
    "waveforms": make_joined_processor("hubert, layer norm"),
    "waveforms for spectrograms": make_joined_processor("wav2vec2-bert"),
}
each_form = pytest.mark.parametrize("form", PROCESSORS)


def test_what_is_heard_has_the_form_that_the_tower_takes(folder: Path) -> None:
    expected = [SpectrogramInputs, WaveformInputs, WaveformInputs]

    assert [type(make_some(folder, processor)) for processor in PROCESSORS.values()] == expected


def test_a_stretch_of_a_waveform_is_heard_as_planned(folder: Path) -> None:
    inputs = make_some(folder, PROCESSORS["waveforms"])

    for start in (0.0, 0.25, 1.0):
        first = round(start * (2.0 - 0.96) * 16000)
        expected = read_audio(folder / "b.wav")[first : first + round(0.96 * 16000)]
        assert np.array_equal(inputs.hear(plan(1, start=start)), expected)


def test_a_stretch_of_a_spectrogram_is_heard_as_planned(folder: Path) -> None:
    inputs = make_some(folder, PROCESSORS["spectrograms"])
    whole = make_set(folder, in_mels=True).audio.read(1)

    for start, first in ((0.0, 0), (0.25, 26), (1.0, 104)):
        assert np.array_equal(inputs.hear(plan(1, start=start)), whole[first : first + 96])


@each_form
def test_a_clip_that_is_shorter_than_the_crop_is_heard_as_it_is(folder: Path, form: str) -> None:
    inputs = make_some(folder, PROCESSORS[form])

    assert np.array_equal(inputs.hear(plan(0)), inputs.hear_whole(0, 0))
    assert len(inputs.hear_whole(0, 0)) == (50 if form == "spectrograms" else 8000)


@each_form
def test_of_a_long_clip_ten_seconds_are_heard_on_dev(folder: Path, form: str) -> None:
    inputs = make_some(folder, PROCESSORS[form])
    rate = 100 if form == "spectrograms" else 16000

    assert [len(inputs.hear_whole(0, row)) for row in (1, 2)] == [2 * rate, 10 * rate]


@each_form
def test_the_same_plan_sounds_the_same_and_another_seed_does_not(folder: Path, form: str) -> None:
    inputs = make_some(folder, PROCESSORS[form])
    planned = plan(1, disturbances=inputs.disturbances[-3:])

    first = inputs.hear(planned)

    assert np.array_equal(make_some(folder, PROCESSORS[form]).hear(planned), first)
    assert not np.array_equal(inputs.hear(plan(1)), first)
    view = planned.view
    other = PlannedClip(0, 1, View(view.seconds, view.start, view.disturbances, (3, 5, 1)))
    assert not np.array_equal(inputs.hear(other), first)


@each_form
def test_disturbances_are_as_strong_as_the_settings_say(folder: Path, form: str) -> None:
    weak, strong = (make_some(folder, PROCESSORS[form], snr_db=(snr, snr)) for snr in (60.0, 0.0))
    clean, noisy = plan(1), plan(1, disturbances=("noise",))

    changes = [np.abs(inputs.hear(noisy) - inputs.hear(clean)).mean() for inputs in (weak, strong)]

    assert 0 < changes[0] < 0.1 * changes[1]


@each_form
def test_a_tower_gets_what_the_processor_makes_of_the_same_audio(folder: Path, form: str) -> None:
    processor = PROCESSORS[form]
    inputs = make_some(folder, processor)

    collated = inputs.collate([inputs.hear_whole(0, row) for row in (1, 0)])

    expected = processor(audio=[read_audio(folder / name) for name in ("b.wav", "a.wav")], sampling_rate=16000)
    assert set(collated) == set(expected)
    for name, value in collated.items():
        assert value.dtype == expected[name].dtype
        assert value.shape == expected[name].shape
        assert torch.allclose(value, expected[name], atol=0.005)  # spectrograms are kept in half precision
    assert "audio_attention_mask" in collated
    mask = collated["audio_attention_mask"]
    assert mask[0].all()
    assert mask[1].sum() == mask.shape[1] // 4 or form == "waveforms for spectrograms"


def test_each_form_describes_what_decides_on_the_tower_s_inputs(folder: Path) -> None:
    described = {make_some(folder, processor).describe() for processor in PROCESSORS.values()}
    described.add(make_some(folder, make_joined_processor("hubert, layer norm", normalize=False)).describe())

    assert len(described) == 4
    assert "hop_size=160" in make_some(folder, PROCESSORS["spectrograms"]).describe()

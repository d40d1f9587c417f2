import io
import json
from pathlib import Path
from typing import Any

import audformat
import numpy as np
import pandas as pd
import pytest
import soundfile
from tests.audio.clips import make_voice

from paraclap.audio import SAMPLING_RATE, read_audio
from paraclap.corpora.shard_samples import Sample, Samples, encode_cut, name_keys
from paraclap.records import BadFile


def make_index(rows: list[tuple[str, float, float]]) -> pd.MultiIndex:
    files, starts, ends = zip(*rows, strict=True)
    index: pd.MultiIndex = audformat.segmented_index(
        files, pd.to_timedelta(starts, unit="s"), pd.to_timedelta(ends, unit="s")
    )
    return index


def read_rows(root: Path, rows: list[tuple[str, float, float]], **columns: Any) -> list[Sample | BadFile]:
    samples = Samples(pd.DataFrame(columns, index=make_index(rows)), root=root, corpus="toy")
    return [samples.read(row) for row in range(len(samples))]


def test_a_key_is_the_path_without_suffix_and_dots_in_the_name() -> None:
    index = make_index([("a.b/c.d.wav", 0, 1), ("x.wav", 0, 1), ("ä ö/no suffix", 0, 1), (".x.ogg", 0, 1)])

    assert name_keys(index) == ["a.b/c_d", "x", "ä ö/no suffix", "_x"]


def test_several_utterances_of_a_file_have_their_times_in_the_key() -> None:
    index = make_index([("a.wav", 0, 1.5), ("b.wav", 0, 1), ("a.wav", 1.5, 100_000)])

    assert name_keys(index) == ["a_00000000_00001500", "b", "a_00001500_100000000"]


def test_keys_that_would_be_the_same_are_numbered() -> None:
    times = [(0.0001, 1.0), (0.0002, 1.0)]
    index = make_index([("a.wav", 0, 1), ("a.ogg", 0, 1), ("a_2.wav", 0, 1), *(("b.wav", *time) for time in times)])

    assert name_keys(index) == ["a", "a_2", "a_2_2", "b_00000000_00001000", "b_00000000_00001000_2"]


@pytest.mark.parametrize("end", [2.0, 1.95])
def test_a_file_that_is_one_utterance_keeps_its_bytes_and_the_row_its_end(tmp_path: Path, end: float) -> None:
    soundfile.write(tmp_path / "a.ogg", make_voice(2, 44100), 44100)

    (sample,) = read_rows(tmp_path, [("a.ogg", 0, end)])

    assert isinstance(sample, Sample)
    assert (sample.key, sample.suffix, sample.duration) == ("a", ".ogg", end * 1e9)
    assert sample.audio == (tmp_path / "a.ogg").read_bytes()


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.wav"])
def test_a_cut_is_what_is_heard_of_the_segment(tmp_path: Path, name: str) -> None:
    rate = 44100 if name == "a.ogg" else SAMPLING_RATE
    soundfile.write(tmp_path / name, make_voice(3, rate), rate)
    spans = [(0.0, 1.0), (0.5, 1.25), (2.0, 3.0)]

    for span, sample in zip(spans, read_rows(tmp_path, [(name, *span) for span in spans]), strict=True):
        assert isinstance(sample, Sample)
        assert sample.suffix == ".flac"
        expected = read_audio(tmp_path / name, start=span[0], end=span[1])
        found, found_rate = soundfile.read(io.BytesIO(sample.audio), dtype="float32")
        assert (found_rate, sample.duration) == (SAMPLING_RATE, len(expected) * 62_500)
        assert np.abs(found - expected).max() <= (2**-24 if name == "a.ogg" else 0)


def test_a_cut_beyond_the_end_of_the_file_is_as_long_as_what_is_there(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", make_voice(1, SAMPLING_RATE), SAMPLING_RATE)

    (sample,) = read_rows(tmp_path, [("a.wav", 0.5, 1.05)])

    assert isinstance(sample, Sample)
    assert sample.duration == 500_000_000


@pytest.mark.parametrize(
    ("samples", "suffix", "subtype"),
    [
        (np.array([-1.0, 0.5, 32767 / 32768]), ".flac", "PCM_16"),
        (np.array([-0.9, 0.1, 1 / 3]), ".flac", "PCM_24"),
        (np.array([0.5, 1.0]), ".au", "FLOAT"),
        (np.array([-1.25, 0.1]), ".au", "FLOAT"),
    ],
)
def test_samples_are_kept_exactly_or_to_24_bits_and_never_clipped(samples: Any, suffix: str, subtype: str) -> None:
    waveform = np.tile(samples, 1000).astype(np.float32)

    found_suffix, content = encode_cut(waveform)

    with soundfile.SoundFile(io.BytesIO(content)) as stream:
        assert (found_suffix, stream.subtype, stream.samplerate) == (suffix, subtype, SAMPLING_RATE)
        error = np.abs(stream.read(dtype="float32") - waveform).max()
    assert error <= (2**-24 if subtype == "PCM_24" else 0)
    assert encode_cut(waveform) == (found_suffix, content)


def test_labels_are_what_is_known_of_the_row_and_its_place(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", make_voice(1, SAMPLING_RATE), SAMPLING_RATE)
    columns: dict[str, Any] = {
        "speaker": ["ä", None],
        "age": [31.0, np.nan],
        "votes": pd.array([3, None], dtype="Int64"),
        "raters": [np.array([1, 2]), None],
        "done": [True, False],
    }

    first, second = read_rows(tmp_path, [("a.wav", 0, 1), ("a.wav", 0.25, 0.5)], **columns)

    assert isinstance(first, Sample)
    assert isinstance(second, Sample)
    known = {"speaker": "ä", "age": 31.0, "votes": 3, "raters": [1, 2], "done": True}
    assert json.loads(first.labels) == {"corpus": "toy", "file": "a.wav", "start": 0.0, "end": 1.0, **known}
    assert json.loads(second.labels) == {
        "corpus": "toy",
        "file": "a.wav",
        "start": 0.25,
        "end": 0.5,
        "done": False,
    }


def test_a_file_with_an_odd_suffix_is_called_audio(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.json", make_voice(1, SAMPLING_RATE), SAMPLING_RATE, format="WAV")

    (sample,) = read_rows(tmp_path, [("a.json", 0, 1)])

    assert isinstance(sample, Sample)
    assert sample.suffix == ".audio"


def test_what_cannot_be_read_is_a_bad_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", make_voice(1, SAMPLING_RATE), SAMPLING_RATE)
    (tmp_path / "b.wav").write_bytes(b"no audio")

    bad = read_rows(tmp_path, [("none.wav", 0, 1), ("b.wav", 0, 1), ("a.wav", 2, 3), ("a.wav", 0.5, 0.55)])

    assert all(isinstance(found, BadFile) for found in bad)
    assert [str(found.reason) for found in bad if isinstance(found, BadFile)] == [
        f"{tmp_path}/none.wav: no such file",
        f"{tmp_path}/b.wav: cannot be read as audio (Format not recognised); "
        "expected an intact wav, flac, ogg, opus, mp3, m4a, mp4 or webm file",
        f"{tmp_path}/a.wav: segment starts at 2.0 s; the file ends at 1.000 s",
        f"{tmp_path}/a.wav: 0.050 s of audio; expected at least 0.1 s",
    ]

import json
from dataclasses import replace
from pathlib import Path

import audformat
import numpy as np
import pytest
import soundfile
from tests.inference.test_calibration import make_calibration
from tests.inference.voices import write_voice, write_voices

from paraclap import ParaClap
from paraclap.audio import SAMPLING_RATE, read_audio
from paraclap.errors import AudioError, ConfigError, QueryError
from paraclap.features import extract_features, feature_names
from paraclap.inference import Clip, describe_clips
from paraclap.inference.voice_measures import is_silent, measure_voice, read_windows
from paraclap.queries import LabelSet, load_label_set, read_bins, read_profile_table

TABLE = read_profile_table()


@pytest.fixture
def voices(tmp_path: Path) -> list[Path]:
    return write_voices(tmp_path / "voices", [0.5, 1.5, 1.0])


def test_probabilities_are_those_of_classify_to_the_last_digit(clap: ParaClap, voices: list[Path]) -> None:
    described = clap.describe(voices, measure=False)

    for name in TABLE.label_sets + TABLE.instead_of_measures:
        answered = clap.classify(voices, task=name)
        for label in answered:
            assert described[f"{name}: {label}"].tolist() == answered[label].tolist()
        assert described.index.equals(answered.index)


def test_a_table_has_an_audformat_index_a_sentence_and_levels(clap: ParaClap, voices: list[Path]) -> None:
    pytest.importorskip("opensmile", reason="needs the extra 'features'")
    table = clap.describe(voices)

    assert audformat.is_segmented_index(table.index)
    assert table.index.get_level_values("file").tolist() == [str(voice) for voice in voices]
    columns = [column for column in map(str, table) if ": " not in column]
    assert columns[:2] == ["sentence", "pitch"]
    assert table["sentence"].str.endswith(".").all()
    assert set(table["tempo"]) <= {"", "low", "normal", "high", "low or normal", "normal or high"}
    assert not any(column.startswith("pitch: ") for column in map(str, table))
    assert table.equals(clap.describe(voices))


def test_arrays_are_described_as_files_are(clap: ParaClap, voices: list[Path]) -> None:
    pytest.importorskip("opensmile", reason="needs the extra 'features'")
    arrays = [read_audio(voice) for voice in voices]

    of_arrays, of_files = clap.describe(arrays, sampling_rate=SAMPLING_RATE), clap.describe(voices)

    assert of_arrays.index.tolist() == [0, 1, 2]
    assert of_arrays.reset_index(drop=True).equals(of_files.reset_index(drop=True))


def test_a_record_is_json_and_holds_what_the_sentence_says(clap: ParaClap, voices: list[Path]) -> None:
    (profile,) = describe_clips(clap, clap.encode(voices[1]), tasks=["gender"], measure=False)

    record = json.loads(json.dumps(profile.as_record()))

    assert list(record) == [
        *("file", "start", "end", "sentence", "said", "answers", "measured", "measured_by", "reason")
    ]
    assert record["sentence"] == profile.sentence
    assert record["answers"]["gender"]["probability"] == clap.classify(voices[1], task="gender").iloc[0].to_dict()
    assert record["answers"]["gender"]["best"] == clap.classify(voices[1], task="gender").iloc[0].idxmax()
    assert (record["measured"], record["measured_by"], record["reason"]) == ([], None, "")


def test_levels_are_those_of_the_bins_for_what_opensmile_measures(clap: ParaClap, voices: list[Path]) -> None:
    pytest.importorskip("opensmile", reason="needs the extra 'features'")
    (profile,) = describe_clips(clap, clap.encode(voices[1]))

    values = dict(zip(feature_names(), extract_features(read_audio(voices[1])).values.tolist(), strict=True))
    assert profile.measured_by is not None
    assert "non-commercial" in profile.measured_by
    assert {level.attribute for level in profile.measures.levels} >= {"pitch", "loudness", "tempo", "duration"}
    for level in profile.measures.levels:
        if level.measure in values:
            assert level.value == pytest.approx(values[level.measure], nan_ok=True)


def test_a_long_clip_is_measured_as_the_median_of_its_windows(tmp_path: Path) -> None:
    pytest.importorskip("opensmile", reason="needs the extra 'features'")
    bins = read_bins(Path("src/paraclap/models/mini/bins.json"))
    clip = Clip(write_voice(tmp_path / "long.wav", 35.0)).measure()

    windows = read_windows(clip)
    measures = measure_voice(windows, bins)

    assert [len(window) / SAMPLING_RATE for window in windows] == [10.0, 10.0, 10.0, 5.0]
    measured = np.stack([extract_features(window).values for window in windows])
    pitch = feature_names().index("F0semitoneFrom27.5Hz_sma3nz_percentile50.0")
    by_name = {level.measure: level.value for level in measures.levels}
    assert by_name["F0semitoneFrom27.5Hz_sma3nz_percentile50.0"] == pytest.approx(np.median(measured[:, pitch]))
    assert by_name["duration"] == 35.0


def test_of_silence_nothing_is_said(clap: ParaClap, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)

    (profile,) = describe_clips(clap, clap.encode(tmp_path / "silence.wav"))

    assert profile.sentence == "Nothing is to be heard."
    assert profile.measures.reason == "the recording is silent"
    assert profile.description.statements == ()


@pytest.mark.parametrize(("peak", "silent"), [(0.0, True), (5e-5, True), (2e-4, False)])
def test_what_is_silent_depends_on_the_peak(peak: float, silent: bool) -> None:
    assert is_silent([np.zeros(10, dtype=np.float32), np.full(10, -peak, dtype=np.float32)]) is silent


def test_a_file_that_goes_away_is_described_by_what_was_heard(clap: ParaClap, voices: list[Path]) -> None:
    encoded = clap.encode(voices)
    voices[0].unlink()

    first, second, _ = describe_clips(clap, encoded, tasks=["gender"], measure=False)

    assert first.sentence == "Nothing about this voice is certain enough to be said."
    assert "0.wav" in first.measures.reason
    assert second.measures.reason == ""


def test_none_of_these_is_not_said(tiny_model: Path, voices: list[Path]) -> None:
    clap = ParaClap.from_pretrained(tiny_model)
    clap.calibration = make_calibration(scale=1000.0, threshold=2.0)

    (profile,) = describe_clips(clap, clap.encode(voices[:1]), tasks=["emotion", "gender"], measure=False)

    emotion, gender = profile.answers
    assert (emotion.is_unknown, gender.is_unknown) == (True, False)  # the threshold is for three classes or more
    assert {said.fact.attribute for said in profile.description.statements} <= {"gender"}


def test_progress_tells_how_many_are_described(clap: ParaClap, voices: list[Path]) -> None:
    told: list[tuple[int, int]] = []

    describe_clips(clap, clap.encode(voices), tasks=["gender"], measure=False, progress=lambda *n: told.append(n))

    assert told == [(1, 3), (2, 3), (3, 3)]


def test_nothing_to_describe_gives_nothing(clap: ParaClap, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no audio")

    assert describe_clips(clap, clap.encode(tmp_path / "bad.wav"), measure=False) == []
    with pytest.raises(AudioError, match=r"bad\.wav"):
        clap.describe(tmp_path / "bad.wav")


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (["emotoin"], r"no label set 'emotoin'; did you mean 'emotion'\?"),
        ([], r"label sets to describe a voice by: none; expected one or more, each once"),
        (["gender", "gender"], r"label sets to describe a voice by: gender, gender; expected one or more, each once"),
        (
            [load_label_set("gender").restrict(["male"])],
            r"label set 'gender' has a single class; expected two or more to choose from",
        ),
    ],
)
def test_label_sets_that_cannot_be_asked_are_refused(
    clap: ParaClap, voices: list[Path], tasks: list[str | LabelSet], message: str
) -> None:
    with pytest.raises(QueryError, match=message):
        clap.describe(voices, tasks=tasks, measure=False)


def test_measuring_without_opensmile_is_refused(
    clap: ParaClap, voices: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paraclap.features.extraction.find_spec", lambda name: None)
    monkeypatch.setattr("paraclap.inference.voice_measures.find_spec", lambda name: None)

    with pytest.raises(ConfigError, match=r"openSMILE is not installed.*pip install 'paraclap\[features\]'"):
        clap.describe(voices, measure=True)
    table = clap.describe(voices)

    assert "pitch: high" in table
    assert "pitch" not in table


def test_the_bins_are_those_of_the_model(tiny_model: Path, tmp_path: Path, voices: list[Path]) -> None:
    pytest.importorskip("opensmile", reason="needs the extra 'features'")
    clap = ParaClap.from_pretrained(tiny_model)
    assert clap.bins_file is None
    bins = read_bins(Path("src/paraclap/models/mini/bins.json"))
    kept = {name: row for name, row in bins.attributes.items() if name == "duration"}
    (tmp_path / "bins.json").write_text(bins.model_copy(update={"attributes": kept}).model_dump_json())

    clap.bins_file = tmp_path / "bins.json"
    (profile,) = describe_clips(clap, clap.encode(voices[:1]))

    assert [level.attribute for level in profile.measures.levels] == ["duration"]
    assert replace(profile, measured_by=None).as_record()["measured"][0]["levels"] == ["low"]

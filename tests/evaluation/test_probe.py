import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from tests.evaluation.examples import Corpus, make_clips
from tests.evaluation.toys import ToyEmbedder, hash_vector

from paraclap import ParaClap
from paraclap.errors import CorpusError, ModelError
from paraclap.evaluation import Probe, ProbeSettings, SpeakersCrossFoldsWarning, fit_probe
from paraclap.evaluation.probe_head import Kind

MOOD = ProbeSettings("mood")


def fit(corpus: Corpus, settings: ProbeSettings = MOOD, **options: Any) -> Probe:
    return fit_probe(*corpus, embedder=options.pop("embedder", ToyEmbedder()), settings=settings, **options)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return 36 clips of three moods by six speakers, to be read only."""
    return make_clips(tmp_path_factory.mktemp("corpora") / "clips", speakers=6)


@pytest.fixture(scope="module")
def probe(corpus: Corpus) -> Probe:
    return fit(corpus)


def test_the_probe_is_scikit_learns_head_on_the_same_embeddings(corpus: Corpus, probe: Probe) -> None:
    vectors = np.stack([hash_vector(Path(file).stem) for file in corpus[0].index.get_level_values("file")])
    oracle = LogisticRegression(C=probe.record.setting, class_weight="balanced", max_iter=10_000)
    oracle.fit(vectors.astype(np.float64), corpus[0]["mood"].to_numpy(str))
    others = np.stack([hash_vector(text) for text in ("angry man", "calm", "a sad one", "nothing", "angry sad")])

    shares = probe.predict(others)

    assert probe.classes == tuple(oracle.classes_)
    assert np.abs(shares - oracle.predict_proba(others.astype(np.float64))).max() < 1e-12


class NoisyEars(ToyEmbedder):
    """Mistake some clips for others."""

    def listen(self, stem: str) -> Any:
        name, speaker, number = stem.split()
        return hash_vector(f"sad {speaker}" if int(speaker) % 3 == 0 and number == "0" else f"{name} {speaker}")


def test_the_record_says_what_was_found_on_what(corpus: Corpus) -> None:
    probe = fit(corpus, embedder=NoisyEars(training_corpora=("emodb", "toy")))

    record, found = probe.record, probe.record.validation
    assert (record.kind, record.label, record.classes) == ("linear", "mood", ("angry", "calm", "sad"))
    assert (record.model, record.embedding_size, record.fingerprints.model) == ("toy", 10, "f" * 64)
    assert (found.protocol, found.by, found.folds, found.clips, found.speakers) == ("plain", "speaker", 5, 36, 6)
    assert found.clips_by_class == {"angry": 12, "calm": 12, "sad": 12}
    assert [sum(row) for row in found.confusion] == [12, 12, 12]
    truth = np.repeat(np.arange(3), 12)
    predicted = np.concatenate([np.repeat(np.arange(3), row) for row in found.confusion])
    uar = found.metrics["uar"]
    assert uar.value == pytest.approx(recall_score(truth, predicted, average="macro"), abs=1e-12)
    assert uar.value == pytest.approx(np.mean(list(found.recall.values())), abs=1e-12)
    assert 0 < uar.low < uar.value < uar.high < 1
    assert found.interval.note == (
        "variation between speakers not covered: 6 speakers, fewer than 20; "
        "few clips a speaker and class: drawn within classes"
    )
    assert found.interval.by_speaker is not None
    assert list(found.interval.by_speaker) == [f"s{number}" for number in range(6)]
    assert found.overlap.trained_on_corpus
    assert found.overlap.note == "the model was trained on toy: other recordings may do worse"
    assert {"paraclap", "python", "scikit-learn", "numpy"} <= set(record.versions)


@pytest.mark.parametrize("kind", ["linear", "centroid"])
def test_a_saved_probe_gives_the_very_same_probabilities(corpus: Corpus, kind: Kind, tmp_path: Path) -> None:
    probe = fit(corpus, ProbeSettings("mood", kind=kind))
    vectors = np.stack([hash_vector(text) for text in ("angry man", "calm", "nothing")])

    probe.save(tmp_path / "probe")
    loaded = Probe.load(tmp_path / "probe")

    assert loaded.predict(vectors).tolist() == probe.predict(vectors).tolist()
    assert loaded.record == probe.record
    assert sorted(path.name for path in (tmp_path / "probe").iterdir()) == ["probe.json", "probe.safetensors"]


def test_an_embedder_that_hears_the_truth_is_right_and_every_clip_is_heard_once(corpus: Corpus) -> None:
    ears = ToyEmbedder()
    told: list[tuple[str, int, int]] = []

    probe = fit(corpus, embedder=ears, progress=lambda *step: told.append(step))

    assert probe.record.validation.metrics["uar"].value == 1.0
    heard = [file for call in ears.audio_calls for file in call]
    assert len(heard) == len(set(heard)) == 36
    assert told == [("listening", 36, 36), *(("cross-validating", done, 5) for done in range(1, 6))]


def test_the_order_of_rows_changes_no_probability(corpus: Corpus, probe: Probe) -> None:
    shuffled = fit((corpus[0].sample(frac=1, random_state=0), corpus[1]))
    vectors = np.stack([hash_vector(text) for text in ("angry man", "calm", "nothing")])

    assert np.abs(shuffled.predict(vectors) - probe.predict(vectors)).max() < 1e-4


def test_unknown_speakers_are_warned_of(corpus: Corpus) -> None:
    with pytest.warns(SpeakersCrossFoldsWarning, match="^the speakers are not all known, so they may cross folds: the"):
        probe = fit((corpus[0].drop(columns="speaker"), corpus[1]))

    found = probe.record.validation
    assert (found.by, found.folds, found.speakers) == ("clip", 5, None)
    assert found.note == "the speakers are not all known, so they may cross folds"


def test_a_class_of_one_speaker_is_warned_of(corpus: Corpus) -> None:
    manifest = corpus[0].copy()
    manifest.loc[manifest["mood"] == "calm", "speaker"] = "s0"

    with pytest.warns(
        SpeakersCrossFoldsWarning, match="^the class 'calm' has only one speaker, so speakers cross fold"
    ):
        probe = fit((manifest, corpus[1]))

    assert (probe.record.validation.by, probe.record.validation.speakers) == ("clip", 6)


def test_clips_that_cannot_be_read_are_left_out_and_named(tmp_path: Path) -> None:
    corpus = make_clips(tmp_path)
    (tmp_path / "calm 1 0.wav").write_bytes(b"no audio")
    (tmp_path / "sad 2 1.wav").unlink()

    probe = fit(corpus)

    assert probe.record.validation.clips == 22
    assert [bad.file for bad in probe.record.bad_files] == ["calm 1 0.wav", "sad 2 1.wav"]
    assert str(tmp_path) not in probe.record.model_dump_json()


def test_too_few_clips_that_can_be_read_are_refused(tmp_path: Path) -> None:
    corpus = make_clips(tmp_path, speakers=2, per_speaker=1)
    (tmp_path / "calm 1 0.wav").write_bytes(b"no audio")

    with pytest.raises(CorpusError, match=r"^the class 'calm' of 'mood' has 1 usable clip; expected 2 or more"):
        fit(corpus)
    for file in tmp_path.iterdir():
        file.write_bytes(b"no audio")
    with pytest.raises(CorpusError, match=r"^none of the 6 clips could be read; the first: angry 0 0\.wav: cannot be"):
        fit(corpus)


def test_the_fewest_clips_there_can_be_make_a_probe(tmp_path: Path) -> None:
    probe = fit(make_clips(tmp_path, speakers=2, per_speaker=1))

    assert (probe.record.validation.folds, probe.record.validation.clips) == (2, 6)


def test_another_model_is_refused_and_both_are_named(probe: Probe) -> None:
    class Other(ToyEmbedder):
        name = "other"
        fingerprint = "0" * 64

    probe.check_model(ToyEmbedder())
    with pytest.raises(ModelError, match=r"^the probe is for .* 'toy' \(f{12}\), the model is 'other' \(0{12}\); use"):
        probe.check_model(Other())


def test_vectors_of_another_size_are_refused(probe: Probe) -> None:
    with pytest.raises(ModelError, match=r"^found an array \[3, 4\]; expected embeddings \[N, 10\] of 'toy'"):
        probe.predict(np.zeros((3, 4), dtype=np.float32))


def test_audio_is_classified_with_an_index_and_bad_files_are_named(tiny_model: Path, tmp_path: Path) -> None:
    corpus = make_clips(tmp_path)
    clap = ParaClap.from_pretrained(tiny_model)
    probe = fit(corpus, embedder=clap)
    (tmp_path / "angry 0 0.wav").write_bytes(b"no audio")

    table, bad_files = probe.classify(clap, tmp_path)

    assert [bad.file for bad in bad_files] == [str(tmp_path / "angry 0 0.wav")]
    assert table.index.names == ["file", "start", "end"]
    assert list(table.columns) == ["angry", "calm", "sad"]
    assert len(table) == 23
    file, _, end = table.index[0]
    assert (file, end) == (str(tmp_path / "angry 0 1.wav"), pd.Timedelta(seconds=0.25))
    assert np.abs(table.to_numpy() - probe.predict(clap.embed_audio(table.index))).max() < 1e-5
    other = replace(probe, record=probe.record.model_copy(update={"fingerprints": fit(corpus).record.fingerprints}))
    with pytest.raises(ModelError, match="the model is "):
        other.classify(clap, tmp_path)


def test_the_record_is_plain_json(probe: Probe, tmp_path: Path) -> None:
    probe.save(tmp_path / "probe")

    content = json.loads((tmp_path / "probe" / "probe.json").read_text())

    assert (content["classes"], content["kind"], content["model"]) == (["angry", "calm", "sad"], "linear", "toy")

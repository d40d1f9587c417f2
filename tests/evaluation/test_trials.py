import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.corpora.corpus_folders import write_corpus
from tests.evaluation.corpora import make_baved, make_ravdess
from tests.evaluation.toy_trials import make_manifest, make_multi_label_task, make_retrieval_task, make_task, make_trial

from paraclap.corpora import assign_splits, import_corpus
from paraclap.errors import QueryError
from paraclap.evaluation.tasks import Task, load_task
from paraclap.evaluation.trials import Captions, make_captions, prepare_batches
from paraclap.queries import RowFacts, load_vocabulary
from paraclap.storage import hash_table

TOGETHER = ("baker", "ljspeech", "esd", "crema-d", "genshin")


def read_facts(manifest: pd.DataFrame) -> list[RowFacts]:
    return load_vocabulary().read_table(manifest)


def make_genders(num_clips: int = 40, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return make_manifest(
        gender=rng.choice(np.array(["female", "male", None], dtype=object), size=num_clips),
        emotion=rng.choice(np.array(["anger", "calm", "fear", None], dtype=object), size=num_clips),
    )


def test_captions_of_one_attribute_are_true_where_clips_are_alike_and_unknown_where_nothing_is_known() -> None:
    manifest = make_genders()
    genders = [None if pd.isna(gender) else gender for gender in manifest["gender"]]

    captions = make_captions(read_facts(manifest), ["gender"])

    told = [place for place, gender in enumerate(genders) if gender is not None]
    assert captions.places.tolist() == told
    assert captions.relation.shape == (40, len(captions.texts)) == (40, len(told))
    for clip, row in zip(genders, captions.relation.tolist(), strict=True):
        assert row == [-1 if clip is None else int(clip == genders[place]) for place in told]


def test_captions_are_true_of_their_own_clip_and_of_all_that_are_like_it() -> None:
    facts = read_facts(make_genders())

    captions = make_captions(facts, ["gender", "emotion"])

    assert len(captions.texts) > 30
    for number, place in enumerate(captions.places):
        alike = [clip for clip, known in enumerate(facts) if known == facts[place]]
        assert set(captions.relation[alike, number]) == {1}
    assert set(captions.relation.flat) == {-1, 0, 1}


def test_captions_speak_of_the_attributes_asked_for_and_are_the_same_every_time() -> None:
    facts = read_facts(make_genders())

    once, again = make_captions(facts, ["emotion"]), make_captions(facts, ["emotion"])

    assert once.texts == again.texts
    assert not any("male" in text or "man" in text.split() for text in once.texts)
    assert len(set(once.texts)) > 5


def test_clips_of_which_nothing_is_known_have_no_caption() -> None:
    captions = make_captions(read_facts(make_manifest(gender=[None, None])), ["gender"])

    assert (captions.texts, captions.places.tolist(), captions.relation.shape) == ((), [], (2, 0))


def test_a_caption_speaks_of_attributes_that_exist() -> None:
    with pytest.raises(QueryError, match="no attribute 'mood'"):
        make_captions(read_facts(make_genders()), ["mood"])


@pytest.mark.parametrize("seed", range(3))
def test_kept_captions_are_those_of_the_kept_clips(seed: int) -> None:
    captions = make_captions(read_facts(make_genders(seed=seed)), ["gender", "emotion"])
    mask = np.random.default_rng(seed).random(40) < 0.4

    kept = captions.keep(mask)

    clips = [clip for clip in range(40) if mask[clip]]
    numbers = [number for number, place in enumerate(captions.places) if place in clips]
    assert kept.texts == tuple(captions.texts[number] for number in numbers)
    assert kept.places.tolist() == [clips.index(captions.places[number]) for number in numbers]
    assert kept.relation.tolist() == [[captions.relation[clip, number] for number in numbers] for clip in clips]


def test_nothing_is_kept_of_captions_whose_clips_are_gone() -> None:
    captions = Captions(("a",), np.array([1]), np.array([[0], [1]], dtype=np.int8))

    kept = captions.keep(np.array([True, False]))

    assert (kept.texts, kept.places.tolist(), kept.relation.shape) == ((), [], (1, 0))


def test_a_trial_is_kept_with_its_clips_and_captions() -> None:
    trial = make_trial(make_retrieval_task(), make_genders())
    mask = np.arange(40) % 2 == 0

    kept = trial.keep(mask)

    assert trial.captions is not None
    assert kept.captions is not None
    assert kept.clips.rows.tolist() == list(range(0, 40, 2))
    assert kept.captions.texts == trial.captions.keep(mask).texts


def test_the_texts_of_a_trial_are_its_prompts_or_its_captions_each_once() -> None:
    asked = make_trial(make_task(), make_genders())
    searched = make_trial(make_retrieval_task(attributes=["gender"]), make_genders())

    prompts = [text for prompts in asked.prompt_sets.values() for texts in prompts.values() for text in texts]
    assert asked.texts == list(dict.fromkeys(prompts))
    assert searched.captions is not None
    assert searched.texts == list(dict.fromkeys(searched.captions.texts))
    assert len(searched.texts) < len(searched.captions.texts)


def write_together(root: Path) -> Path:
    for part in TOGETHER:
        write_corpus(part, root / part)
    return root


def test_several_corpora_are_one_batch_cut_by_speaker_within_each(tmp_path: Path) -> None:
    tasks = [load_task(f"combined-{name}") for name in ("language", "age")]

    ((batch,), skipped) = prepare_batches(tasks, write_together(tmp_path))

    assert skipped == []
    assert (batch.corpus, batch.root) == ("combined", tmp_path)
    assert set(batch.manifest["corpus"]) == set(TOGETHER)
    assert all((tmp_path / file).is_file() for file in batch.index.get_level_values("file"))
    assert batch.manifest.groupby("speaker")["split"].nunique().tolist() == [1] * batch.manifest["speaker"].nunique()
    is_test = (batch.manifest["split"] == "test").to_numpy()
    assert set(batch.manifest["corpus"][is_test]) == {"esd", "crema-d"}  # the others have fewer than three speakers
    of_language, of_age = batch.trials
    assert of_language.clips.rows.tolist() == np.flatnonzero(is_test).tolist()
    assert of_age.clips.rows.tolist() == np.flatnonzero(is_test & batch.manifest["age"].notna()).tolist()
    assert of_language.clips.speaker_names == ("crema-d/1091", "esd/0003", "esd/0011")


def test_a_task_of_several_corpora_is_skipped_if_one_is_missing_and_the_others_are_prepared(tmp_path: Path) -> None:
    write_together(tmp_path)
    shutil.rmtree(tmp_path / "genshin")

    batches, skipped = prepare_batches([load_task("combined-age"), load_task("cremad-age")], tmp_path)

    assert [trial.task.name for batch in batches for trial in batch.trials] == ["cremad-age"]
    assert [one.task for one in skipped] == ["combined-age"]
    assert "no recording of genshin; expected files like wav/NAME.wav" in skipped[0].reason


def test_a_corpus_that_does_not_exist_is_a_reason_to_skip_its_task(tmp_path: Path) -> None:
    batches, skipped = prepare_batches([make_task(corpus="marble")], tmp_path)

    assert batches == []
    assert skipped[0].reason.startswith("no corpus 'marble'")


def test_the_tasks_of_a_corpus_are_one_batch_whatever_their_order(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    make_baved(tmp_path, speakers=8)
    tasks = [load_task(name) for name in ("ravdess-gender", "baved-arousal", "ravdess-emotion")]

    batches, skipped = prepare_batches(tasks, tmp_path)

    assert skipped == []
    assert [[trial.task.name for trial in batch.trials] for batch in batches] == [
        ["ravdess-gender", "ravdess-emotion"],
        ["baved-arousal"],
    ]
    assert batches[0].root == tmp_path / "ravdess"


def test_the_fingerprint_is_that_of_the_manifest_and_the_cut_that_of_training(tmp_path: Path) -> None:
    folder = make_baved(tmp_path, speakers=8)
    manifest = import_corpus("baved", folder).manifest

    ((batch,), _) = prepare_batches([load_task("baved-arousal")], tmp_path)

    (trial,) = batch.trials
    assert trial.manifest_fingerprint == hash_table(manifest)
    assert trial.clips.rows.tolist() == np.flatnonzero(assign_splits(manifest) == "dev").tolist()


def test_a_limit_is_said_of_the_tasks_that_it_cuts(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    tasks = [load_task("ravdess-emotion"), load_task("ravdess-gender")]

    ((limited,), _) = prepare_batches(tasks, tmp_path, limit=10)
    ((whole,), _) = prepare_batches(tasks, tmp_path, limit=32)

    for trial, before in zip(limited.trials, whole.trials, strict=True):
        assert trial.sample is not None
        assert trial.sample.model_dump() == {"limit": 10, "clips_in_all": 32, "seed": 0}
        assert trial.clips.fingerprint() == before.clips.sample(10, seed=0).fingerprint()
        assert before.sample is None
    assert sorted(np.bincount(limited.trials[0].clips.truth)) == [1] * 6 + [2] * 2


def test_captions_are_made_of_the_clips_that_a_limit_leaves(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    task = make_retrieval_task(corpus="ravdess", attributes=["gender"])

    ((batch,), _) = prepare_batches([task], tmp_path, limit=12)

    (trial,) = batch.trials
    assert trial.captions is not None
    assert trial.captions.relation.shape == (12, 12)
    genders = batch.manifest["gender"].iloc[trial.clips.rows].tolist()
    assert set(genders) == {"female", "male"}
    expected = [[int(one == other) for other in genders] for one in genders]
    assert trial.captions.relation.tolist() == expected


def test_notes_are_put_to_the_tasks_of_their_corpus_also_as_a_part(tmp_path: Path) -> None:
    write_together(tmp_path)
    make_ravdess(tmp_path, actors=1)
    tasks = [load_task(name) for name in ("combined-age", "cremad-age", "ravdess-gender")]

    batches, _ = prepare_batches(tasks, tmp_path, notes={"crema-d": "rebuilt audio", "esd": "old", "tess": "none"})

    notes = {trial.task.name: trial.note for batch in batches for trial in batch.trials}
    joined, *uncut = notes.pop("combined-age").split("; ")[1:]
    assert notes == {"cremad-age": "rebuilt audio", "ravdess-gender": ""}
    assert joined == "old"
    assert [text.split()[0] for text in uncut] == ["baker", "ljspeech", "genshin"]  # which have too few speakers


def test_a_task_whose_column_or_rows_are_missing_is_skipped_and_the_others_are_prepared(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=1)
    tasks: list[Task] = [
        make_task(name="ages", corpus="ravdess", label="age"),
        make_multi_label_task(name="votes", corpus="ravdess"),
        make_task(name="none", corpus="ravdess", where={"speaker": ["77"]}),
        load_task("ravdess-gender"),
    ]

    ((batch,), skipped) = prepare_batches(tasks, tmp_path)

    assert [trial.task.name for trial in batch.trials] == ["ravdess-gender"]
    assert {one.task: one.reason.partition(",")[0] for one in skipped} == {
        "ages": "task 'ages' needs the column 'age'",
        "votes": "task 'votes' needs the column 'votes'",
        "none": "no row of 'ravdess' fits task 'none': none has one of the classes anger",
    }


def test_files_that_an_import_leaves_out_are_named_below_the_root(tmp_path: Path) -> None:
    write_together(tmp_path)
    (tmp_path / "esd" / "0001" / "Angry" / "0001_000351.wav").write_bytes(b"no audio")

    ((batch,), _) = prepare_batches([load_task("combined-gender")], tmp_path)

    assert [bad.file for bad in batch.findings] == ["esd/0001/Angry/0001_000351.wav"]
    assert batch.findings[0].reason.startswith("esd/0001/Angry/0001_000351.wav")

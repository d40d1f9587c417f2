"""Every task chooses its rows from a small folder of its corpus, and quotes what was published."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd
import pytest
from tests.corpora.corpus_folders import write_corpus

from paraclap.corpora import assign_splits, import_corpus
from paraclap.evaluation import load_task, load_tasks
from paraclap.evaluation.clips import Clips, select_clips
from paraclap.evaluation.tasks import Task
from paraclap.evaluation.trials import prepare_batches

GOLDEN = Path(__file__).parent / "golden"

CREMA_D = {
    "1001_DFA_ANG_XX.wav": "anger",
    "1040_ITH_SAD_X.wav": "sadness",
    "1091_IEO_HAP_LO.wav": "happiness",
}

# Of the recordings in tests/corpora/layouts, those that a task asks about, with their classes;
# a dev task of all speakers.
CHOSEN: Mapping[str, Mapping[str, str]] = {
    "ravdess-emotion": {"03-01-02-02-02-01-02.wav": "calm", "03-01-08-01-01-02-23.wav": "surprise"},
    "ravdess-gender": {"03-01-02-02-02-01-02.wav": "female", "03-01-08-01-01-02-23.wav": "male"},
    "tess-emotion": {"OAF_back_ps.wav": "surprise", "OA_bite_neutral.wav": "neutral", "YAF_dog_sad.wav": "sadness"},
    "turev-emotion": {"1358_sk_kibir.wav": "calm", "7895_hl_ogul1.wav": "sadness"},
    "cremad-emotion": CREMA_D,
    "cremad-age": {
        "1001_DFA_ANG_XX.wav": "middle_aged",
        "1040_ITH_SAD_X.wav": "middle_aged",
        "1091_IEO_HAP_LO.wav": "young_adult",
    },
    "iemocap-emotion": {"Ses01F_impro01_F000.wav": "neutral", "Ses05M_script01_1b_F000.wav": "happiness"},
    "aibo-2": {"Mont_01_000_00.wav": "idle", "Mont_02_001_00.wav": "negative"},
    "aibo-5": {"Mont_01_000_00.wav": "P", "Mont_02_001_00.wav": "E"},
    "alc-intoxication": {"0271028001_h_00.WAV": "sober"},
    "sld-likability": {"c3.wav": "not likable"},
    "msp-emotion": {"MSP-PODCAST_0001_0008.wav": "neutral"},
    "emodb-emotion": {"03a01Fa.wav": "happiness", "12a04Ac.wav": "fear", "16b10Lb.wav": "boredom"},
    "emovo-emotion": {"Sor-M3-d2.wav": "surprise", "neu-f1-n5.wav": "neutral", "gio-m1-l1.wav": "happiness"},
    "nemo-emotion": {"EB0_neutral_13.wav": "neutral", "WR0_surprised_64.wav": "surprise"},
    "ased-emotion": {
        "n1-01-02-02-50.wav": "neutral",
        "S4-04-02-01-29.wav": "sadness",
        "a5-03-01-02-21.wav": "anger",
    },
    "urdu-emotion": {
        "SM1_F10_A010.wav": "anger",
        "SF1_F12_H012.wav": "happiness",
        "SM5_F72_N0100.wav": "neutral",
        "SM23_F1_S09.wav": "sadness",
    },
    "emotiontts-emotion": {"nea00100.wav": "neutral", "nea00301.wav": "sadness"},
    "baved-arousal": {"49-m-23-6-1-201.wav": "normal", "100-f-6-3-2-38.wav": "high", "4-m-20-3-0-936.wav": "low"},
    "speechocean-gender": {"000030012.WAV": "female", "000030099.WAV": "female"},
    "speechocean-age": {"000030012.WAV": "child", "000030099.WAV": "child"},
    "cremad-emotion-dev": CREMA_D,
    "cremad-gender-dev": dict(zip(CREMA_D, ["male", "male", "female"], strict=True)),
    "cremad-age-dev": dict(zip(CREMA_D, ["middle_aged", "middle_aged", "young_adult"], strict=True)),
    "speechocean-gender-dev": {"000010011.WAV": "male", "000030012.WAV": "female", "000030099.WAV": "female"},
    "speechocean-age-dev": {"000010011.WAV": "adult", "000030012.WAV": "child", "000030099.WAV": "child"},
}

# Of the joined folders, those of the speakers that their cut puts into the test part.
CHOSEN_TOGETHER: Mapping[str, Mapping[str, str]] = {
    "combined-language": {"1091_IEO_HAP_LO.wav": "en", "0003_001401.wav": "zh", "0011_000351.wav": "en"},
    "combined-gender": {"1091_IEO_HAP_LO.wav": "female", "0003_001401.wav": "female", "0011_000351.wav": "male"},
    "combined-age": {"1091_IEO_HAP_LO.wav": "young_adult"},
    "combined-emotion": {"1091_IEO_HAP_LO.wav": "happiness", "0003_001401.wav": "surprise", "0011_000351.wav": "anger"},
}


def import_folder(corpus: str, root: Path) -> pd.DataFrame:
    return import_corpus(corpus, write_corpus(corpus, root)).manifest


def choose(task: Task, manifest: pd.DataFrame) -> dict[str, str]:
    return name_classes(task, select_clips(task, manifest))


def name_classes(task: Task, clips: Clips) -> dict[str, str]:
    return {name: task.classes[number] for name, number in zip(list_names(clips), clips.truth, strict=True)}


def list_names(clips: Clips) -> list[str]:
    return [Path(file).name for file in clips.index.get_level_values("file")]


def list_prompts() -> Iterator[str]:
    for task in load_tasks().values():
        for published in task.published:
            prompts = ", ".join(f"{label}={published.prompts[label]}" for label in task.classes)
            yield f"{task.name}, {published.name}: {prompts}"


def list_figures() -> Iterator[str]:
    for task in load_tasks().values():
        for figure in task.figures:
            value = f"{figure.value:.3f}".removeprefix("0")
            note = f", {figure.note}" if figure.note else ""
            yield f"{task.name}: {figure.model} {figure.metric} {value} ({figure.source}){note}"


def test_every_task_is_tried_on_a_folder() -> None:
    others = {"cremad-perceived-dev", "cremad-retrieval-dev"}

    assert {*CHOSEN, *CHOSEN_TOGETHER, *others} == set(load_tasks())


@pytest.mark.parametrize("name", CHOSEN)
def test_a_task_chooses_and_labels_the_rows_of_its_corpus(name: str, tmp_path: Path) -> None:
    task = load_task(name)
    manifest = import_folder(task.corpus, tmp_path)
    if task.split == "dev":  # our own cut, which knows too few speakers here
        task = task.model_copy(update={"split": None})

    assert choose(task, manifest) == CHOSEN[task.name]


@pytest.mark.parametrize("name", CHOSEN_TOGETHER)
def test_a_task_of_several_corpora_chooses_and_labels_the_rows_of_their_test_part(name: str, tmp_path: Path) -> None:
    for part in load_task(name).parts:
        write_corpus(part, tmp_path / part)

    ((batch,), skipped) = prepare_batches([load_task(name)], tmp_path)

    assert skipped == []
    assert name_classes(batch.trials[0].task, batch.trials[0].clips) == CHOSEN_TOGETHER[name]


def test_what_the_crowd_heard_is_true_of_each_emotion_in_a_tie_and_unknown_where_nobody_voted(tmp_path: Path) -> None:
    task = load_task("cremad-perceived-dev").model_copy(update={"split": None})

    clips = select_clips(task, import_folder("crema-d", tmp_path))

    heard = [{name for name, is_true in zip(task.classes, row, strict=True) if is_true == 1} for row in clips.truth]
    assert dict(zip(list_names(clips), heard, strict=True)) == {
        "1001_DFA_ANG_XX.wav": {"anger"},
        "1091_IEO_HAP_LO.wav": {"disgust", "fear"},
    }


def test_retrieval_looks_among_all_rows_of_a_split(tmp_path: Path) -> None:
    manifest = import_folder("crema-d", tmp_path)

    clips = select_clips(load_task("cremad-retrieval-dev"), manifest)

    assert manifest["split"].tolist() == ["train", "train", "dev"]
    assert list_names(clips) == ["1091_IEO_HAP_LO.wav"]


def test_of_the_test_speakers_of_alc_only_the_official_list_is_asked_about(tmp_path: Path) -> None:
    manifest = import_folder("alc", tmp_path)
    manifest = manifest.assign(split=assign_splits(manifest))

    assert manifest.loc[manifest["split"] == "test", "partition"].tolist() == ["TEST", "D2"]
    assert choose(load_task("alc-intoxication"), manifest) == {"0271028001_h_00.WAV": "sober"}


@pytest.mark.parametrize(
    ("name", "listed"), [("prompts", list_prompts), ("figures", list_figures)], ids=["prompts", "figures"]
)
def test_what_was_published_is_quoted_literally(name: str, listed: Callable[[], Iterator[str]]) -> None:
    golden = (GOLDEN / f"published_{name}.txt").read_text(encoding="utf-8")

    assert list(listed()) == golden.splitlines()

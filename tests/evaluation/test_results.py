import json
from dataclasses import replace
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest
from tests.evaluation.toys import ToyEmbedder, hash_vector

from paraclap.errors import ParaClapError
from paraclap.evaluation.clips import select_clips
from paraclap.evaluation.pairing import PairedDifference
from paraclap.evaluation.results import (
    Baseline,
    Fairness,
    Group,
    Metric,
    Result,
    Robustness,
    Sample,
    collect_versions,
    read_result,
    write_result,
)
from paraclap.evaluation.scoring import find_overlap, score_trial
from paraclap.evaluation.tasks import Task, load_task
from paraclap.evaluation.trials import Trial
from paraclap.evaluation.zero_shot import list_prompt_sets
from paraclap.queries import load_label_set
from paraclap.records import BadFile

GOLDEN = Path(__file__).parent / "toy-result.json"


def make_task() -> Task:
    return Task.model_validate(
        {
            "name": "toy-emotion",
            "corpus": "toy",
            "label": "emotion",
            "classes": ["anger", "calm", "sadness"],
            "label_set": "emotion",
            "note": "made up",
            "published": [
                {"name": "paper", "source": "a paper", "prompts": {"anger": "angry", "calm": "calm", "sadness": "sad"}},
                {"name": "rerun", "source": "another", "prompts": {"anger": "anger", "calm": "calm", "sadness": "sad"}},
            ],
        }
    )


def make_result(num_speakers: int = 3) -> Result:
    task = make_task()
    rng = np.random.default_rng(3)
    names = rng.choice(["angry", "calm"], size=8 * num_speakers)
    heard = np.where(rng.random(len(names)) < 0.7, names, "sad")
    files = [f"{number:03d}.wav" for number in range(len(names))]
    index = audformat.segmented_index(files, [0] * len(files), [pd.Timedelta("1s")] * len(files))
    manifest = pd.DataFrame(
        {
            "emotion": [{"angry": "anger", "calm": "calm"}[name] for name in names],
            "speaker": [f"s{number % num_speakers:02d}" for number in range(len(names))],
        },
        index=index,
    )
    templates = ("{predicative}", "a(n) {adjective} voice")
    emotion = load_label_set("emotion")
    label_set = replace(emotion, row=emotion.row.model_copy(update={"templates": templates}))
    trial = Trial(task, select_clips(task, manifest), list_prompt_sets(task, label_set), "0" * 64)
    scored = score_trial(
        trial,
        ToyEmbedder(),
        np.stack([hash_vector(word) for word in heard]),
        {text: hash_vector(text) for text in trial.texts},
        bad_files=[BadFile("999.wav", "999.wav: not audio")],
    )
    return scored.result


def test_a_toy_result_is_written_as_its_golden_text(tmp_path: Path) -> None:
    result = make_result()
    path = write_result(tmp_path, result)
    written = json.loads(path.read_text())

    assert path.name == "toy-emotion.json"
    assert written.pop("versions") == collect_versions()
    golden = json.loads(GOLDEN.read_text())
    assert written == golden
    assert list(written) == list(golden)


def test_a_result_is_reproduced_bit_for_bit_and_read_back_as_it_was(tmp_path: Path) -> None:
    first = write_result(tmp_path / "a", make_result())
    second = write_result(tmp_path / "b", make_result())

    assert first.read_bytes() == second.read_bytes()
    assert read_result(first) == make_result()


def test_metrics_are_those_of_the_ensemble_and_every_wording_has_its_prompts() -> None:
    result = make_result()

    assert result.metrics == result.by_prompts["ensemble"]
    assert list(result.prompts) == list(result.by_prompts)
    assert list(result.by_prompts)[:3] == ["ensemble", "published", "published-rerun"]
    assert result.prompts["published-rerun"]["anger"] == ("anger",)
    assert set(result.metrics) == {"uar", "wa", "macro_f1", "largest_share"}
    assert sum(map(sum, result.confusion)) == result.clips == 24
    assert result.absent_classes == ("sadness",)
    assert list(result.recall) == ["anger", "calm"]


def test_few_speakers_are_listed_and_many_are_not() -> None:
    few, many = make_result(3), make_result(20)

    assert few.interval.method == "clips"
    assert few.interval.note == (
        "variation between speakers not covered: 3 speakers, fewer than 20; "
        "few clips a speaker and class: drawn within classes"
    )
    assert few.interval.by_speaker is not None
    assert list(few.interval.by_speaker) == ["s00", "s01", "s02"]
    assert many.interval.method == "speakers"
    assert many.interval.by_speaker is None
    assert many.interval.note == ""
    assert (few.speakers, many.speakers) == (3, 20)


@pytest.mark.parametrize(
    ("name", "corpora", "trained", "note"),
    [
        ("ravdess-emotion", None, None, "training corpora unknown"),
        ("ravdess-emotion", ("emodb", "nemo"), False, ""),
        ("ravdess-emotion", ("ravdess",), True, "trained on ravdess: not zero-shot"),
        (
            "emodb-emotion",
            ("emodb",),
            True,
            "trained on emodb; its dev speakers were held out, and the checkpoint was chosen on them",
        ),
        ("combined-age", ("emodb",), False, ""),
        ("combined-age", ("emodb", "esd", "baker"), True, "trained on baker, esd: not zero-shot"),
        (
            "speechocean-age",
            ("speechocean762",),
            True,
            "trained on speechocean762; paraclap's recipes hold its test speakers out",
        ),
    ],
)
def test_overlap_says_whether_the_model_was_trained_on_the_corpus(
    name: str, corpora: tuple[str, ...] | None, trained: bool | None, note: str
) -> None:
    overlap = find_overlap(load_task(name), corpora)

    assert (overlap.trained_on_corpus, overlap.note) == (trained, note)
    assert overlap.training_corpora == corpora


def test_versions_name_paraclap_python_and_the_packages_behind_the_numbers() -> None:
    versions = collect_versions()

    assert list(versions)[:2] == ["paraclap", "python"]
    assert versions["numpy"] == np.__version__


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"format_version": 7}',
            "has result format 7; this paraclap reads up to 2: upgrade it or evaluate again",
        ),
        ('{"format_version": 0}', "has result format 0; this paraclap reads up to 2"),
        ('{"task": "x"}', r"is no result of paraclap \(corpus: Field required\)"),
        ("[]", r"is no result of paraclap \(content: .*\); expected what 'paraclap evaluate --out' writes"),
        ("{", "is not JSON"),
    ],
)
def test_a_file_that_is_no_result_is_refused_in_one_sentence(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "toy.json"
    path.write_text(content)

    with pytest.raises(ParaClapError, match=message):
        read_result(path)


def test_a_result_of_the_first_format_is_read_as_what_it_says(tmp_path: Path) -> None:
    added = ("kind", "model_facts", "metric", "auroc", "baselines", "fairness", "robustness", "figures", "sample")
    content = json.loads(GOLDEN.read_text()) | {"format_version": 1, "versions": {}}
    (tmp_path / "old.json").write_text(json.dumps({key: content[key] for key in content if key not in added}))

    old = read_result(tmp_path / "old.json")

    expected = make_result().model_copy(update={"format_version": 1, "versions": {}, "baselines": ()})
    assert old == expected


def test_every_part_of_a_result_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    metric = Metric(value=0.5, low=0.25, high=0.75)
    gap = PairedDifference(value=0.25, low=-0.5, high=1.0, p=0.125)
    group = Group(clips=20, speakers=None, uar=metric)
    result = make_result().model_copy(
        update={
            "model_facts": {"licence": "none"},
            "protocol": "speaker-adapted",
            "auroc": {"anger": metric},
            "baselines": (Baseline(name="other", protocol="channel-adapted", metrics={"uar": metric}, note="how"),),
            "fairness": {
                "gender": Fairness(groups={"female": group, "male": group}, best="female", worst="male", gap=gap)
            },
            "robustness": {"opus": Robustness(metrics={"uar": metric}, change={"uar": gap}, similarity=0.9)},
            "figures": load_task("ravdess-emotion").figures,
            "sample": Sample(limit=24, clips_in_all=100, seed=0),
        }
    )

    assert read_result(write_result(tmp_path, result)) == result


def test_a_result_says_what_guessing_reaches_and_what_its_task_is_known_by() -> None:
    result = make_result()

    assert (result.kind, result.metric, result.sample) == ("single-label", "uar", None)
    assert [(baseline.name, baseline.metrics["uar"].value) for baseline in result.baselines] == [
        ("chance", pytest.approx(1 / 3)),
        ("majority", 0.5),
    ]

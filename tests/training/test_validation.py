from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from tests.models.tiny import make_model, make_processor
from tests.training.tones import MELS, make_clip_set

from paraclap.audio import normalize_log_mel
from paraclap.models import ParaClapFeatureExtractor, ParaClapModel
from paraclap.queries import load_label_set, load_vocabulary
from paraclap.training import parse_recipe
from paraclap.training.audio_inputs import SpectrogramInputs
from paraclap.training.clips import ClipSet
from paraclap.training.settings import AugmentationSettings
from paraclap.training.text_inputs import TextInputs
from paraclap.training.validation import Validation

RETRIEVAL = {"retrieval-recall@10", "retrieval-map"}


def make_validation(clip_sets: list[ClipSet], **changes: Any) -> Validation:
    inputs = SpectrogramInputs(clip_sets, AugmentationSettings(), ParaClapFeatureExtractor())
    return Validation(clip_sets, parse_recipe({"name": "made"} | changes), vocabulary=load_vocabulary(), inputs=inputs)


def measure(validation: Validation, model: ParaClapModel) -> dict[str, float]:
    return validation.measure(model, TextInputs(model, make_processor(), is_frozen=True))


def without_retrieval(measured: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in measured.items() if name not in RETRIEVAL}


def dev(count: int, **labels: Any) -> list[dict[str, Any]]:
    return [{"split": "dev", **labels}] * count


def test_each_label_set_with_two_classes_on_dev_is_a_task() -> None:
    rows = [*dev(3, gender="male"), *dev(4, gender="female"), *dev(5, emotion="anger"), *dev(2, emotion="fear")]
    train = [{"split": "train", "emotion": "fear"}] * 9

    tasks = make_validation([make_clip_set([*rows, *train], name="a"), make_clip_set(dev(9, gender="male"))]).tasks

    assert [task.name for task in tasks] == ["a-gender"]
    assert tasks[0].label_set.classes == ("female", "male")
    assert tasks[0].labels == ("male",) * 3 + ("female",) * 4 + (None,) * 7


def test_classes_that_are_rare_on_dev_are_left_out() -> None:
    rows = [
        *dev(3, emotion="anger"),
        *dev(2, emotion="fear"),
        *dev(3, emotion="sadness"),
        *dev(4, emotion="other", gender="male"),
    ]

    (task,) = make_validation([make_clip_set(rows)]).tasks

    assert task.label_set.classes == ("anger", "sadness")
    assert task.labels == ("anger",) * 3 + (None,) * 2 + ("sadness",) * 3 + (None,) * 4


def test_a_label_that_may_be_one_of_several_classes_is_none() -> None:
    rows = [*dev(3, age=30.0), *dev(3, age=70.0), *dev(3, age_group="20s-40s"), *dev(3, age=None, gender="male")]

    (task,) = make_validation([make_clip_set(rows)]).tasks

    assert task.name == "made-age"
    assert task.labels == ("young_adult",) * 3 + ("senior",) * 3 + (None,) * 6


def test_dev_clips_are_drawn_once_and_alike() -> None:
    clips = make_clip_set([*dev(1, gender="male"), *dev(1, gender="female")] * 30)

    tasks = [make_validation([clips], max_dev_clips=20, seed=seed).tasks[0] for seed in (0, 0, 1)]

    assert len(tasks[0].labels) == 20
    assert tasks[0].labels == tasks[1].labels != tasks[2].labels


def test_the_figures_are_those_of_clips_embedded_one_by_one() -> None:
    model, tokenizer = make_model(), make_processor().tokenizer
    lengths = np.random.default_rng(0).integers(10, 90, 40).tolist()
    genders = ["male", "female"] * 20
    rows = [{"split": "dev", "gender": gender, "emotion": "anger"} for gender in genders]
    rows[3]["emotion"] = rows[5]["emotion"] = rows[8]["emotion"] = "calm"
    clips = make_clip_set(rows, num_frames=lengths)
    validation = make_validation([clips])

    measured = without_retrieval(measure(validation, model.train()))

    assert not model.training
    expected = {}
    for task in ("emotion", "gender"):
        label_set = load_label_set(task).restrict(["anger", "calm"] if task == "emotion" else ["female", "male"])
        with torch.no_grad():
            classes = []
            for prompts in label_set.prompts.values():
                texts = [model.get_text_features(**tokenizer(text, return_tensors="pt"))[0] for text in prompts]
                classes.append(torch.nn.functional.normalize(torch.stack(texts).mean(0), dim=0))
            recalls: dict[str, list[bool]] = {}
            for row in range(40):
                log_mel = torch.from_numpy(normalize_log_mel(clips.audio.read(row), MELS))
                heard = (model.get_audio_features(log_mel[None])[0] @ torch.stack(classes).T).argmax()
                recalls.setdefault(rows[row][task], []).append(label_set.classes[int(heard)] == rows[row][task])
        expected[f"made-{task}"] = float(np.mean([np.mean(right) for right in recalls.values()]))
    assert measured == pytest.approx(expected | {"mean": np.mean(list(expected.values()))})


def test_no_corpus_outvotes_another_label_set() -> None:
    both = [*dev(4, gender="male", emotion="anger"), *dev(4, gender="female", emotion="fear")]
    clip_sets = [make_clip_set(both, name="a"), make_clip_set(both[1:], name="b", num_frames=40)]
    clip_sets.append(make_clip_set([{**row, "emotion": None} for row in both], name="c", num_frames=30))
    measured = without_retrieval(measure(make_validation(clip_sets), make_model()))

    by_emotion = np.mean([measured["a-emotion"], measured["b-emotion"]])
    by_gender = np.mean([measured["a-gender"], measured["b-gender"], measured["c-gender"]])
    assert set(measured) == {"a-emotion", "a-gender", "b-emotion", "b-gender", "c-gender", "mean"}
    assert measured["mean"] == pytest.approx((by_emotion + by_gender) / 2)


def test_captions_of_dev_clips_are_to_find_all_clips_of_which_they_are_true() -> None:
    genders = ["male", "female"] * 12
    clip_sets = [
        make_clip_set([{"split": "dev", "gender": gender} for gender in part], name=name, num_frames=frames)
        for part, name, frames in ((genders[:10], "a", range(20, 70, 5)), (genders[10:], "b", 40))
    ]
    model = make_model()
    validation = make_validation(clip_sets, captions={"variant": "labels", "num_facts": [1.0]})
    with torch.no_grad():
        audio = torch.cat(
            [
                model.get_audio_features(torch.from_numpy(normalize_log_mel(clips.audio.read(row), MELS))[None])
                for clips in clip_sets
                for row in range(len(clips.facts))
            ]
        ).numpy()
        texts = model.get_text_features(**make_processor()(text=validation._captions)).numpy()

    measured = measure(validation, model)

    assert len(validation._captions) == 24
    hits, precisions = [], []
    for column, caption in enumerate(texts):
        order = np.argsort(-(audio @ caption), kind="stable")
        is_right = np.array([genders[row] == genders[column] for row in order])
        hits.append(is_right[:10].any())
        precisions.append(np.mean([is_right[: rank + 1].mean() for rank in np.flatnonzero(is_right)]))
    assert measured["retrieval-recall@10"] == pytest.approx(np.mean(hits))
    assert measured["retrieval-map"] == pytest.approx(np.mean(precisions), abs=1e-6)
    assert measured["mean"] == pytest.approx(np.mean([measured["a-gender"], measured["b-gender"]]))


def test_captions_to_find_clips_by_depend_on_the_seed_alone() -> None:
    clips = make_clip_set([*dev(4, gender="male", emotion="anger"), *dev(4, gender="female", emotion="fear")])

    first, again, other = (make_validation([clips], seed=seed)._captions for seed in (0, 0, 1))

    assert first == again != other


def test_where_captions_say_nothing_of_dev_clips_there_is_no_retrieval() -> None:
    clips = make_clip_set([*dev(4, gender="male"), *dev(4, gender="female")])

    measured = measure(make_validation([clips], captions={"variant": "emotion"}), make_model())

    assert set(measured) == {"made-gender", "mean"}


@pytest.mark.parametrize("trains", ["audio_tower", "audio_tower.frame_norm", "text_tower"])
def test_what_an_audio_tower_pools_is_remembered_only_if_nothing_of_it_trains(trains: str) -> None:
    clips = make_clip_set([*dev(20, gender="male"), *dev(20, gender="female")], num_frames=20)
    model = make_model()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith((trains, "audio_projection")))
    assert any(name.startswith(trains) for name, _ in model.named_parameters())
    heard: list[int] = []
    model.audio_tower.register_forward_hook(lambda _, inputs, __: heard.append(len(inputs[0])))
    validation = make_validation([clips])
    first = measure(validation, model)
    with torch.no_grad():
        for parameter in model.audio_projection.parameters():
            parameter.neg_()

    again = measure(validation, model)

    assert heard == ([32, 8] if trains == "text_tower" else [32, 8, 32, 8])
    assert again == measure(make_validation([clips]), model) != first

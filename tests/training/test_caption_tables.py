from pathlib import Path

import pytest
from tests.training.tones import change_recipe

from paraclap.corpora import read_manifest
from paraclap.errors import QueryError
from paraclap.queries import CaptionSettings, make_captions, write_captions
from paraclap.storage import read_table, write_table
from paraclap.training import Recipe, prepare_run

SENTENCE = "what a voice this is"


@pytest.fixture
def captions(manifest: Path, tmp_path: Path) -> Path:
    """Return captions of the tones, whose sentences somebody has written anew."""
    table, _ = read_manifest(manifest)
    settings = CaptionSettings(variant="labels")
    path = tmp_path / "captions.parquet"
    write_captions(path, make_captions(table, settings, bins=None), manifest=table, settings=settings, bins=None)
    made, metadata = read_table(path, kind="captions")
    write_table(
        path, made.assign(caption=[f"{SENTENCE} {n}" for n in range(len(made))]), kind="captions", metadata=metadata
    )
    return path


def test_training_says_what_a_table_of_captions_says(recipe: Recipe, captions: Path) -> None:
    run = prepare_run(change_recipe(recipe, caption_tables=[captions]))
    made, _ = read_table(captions, kind="captions")
    plan = run.planner.plan(0)
    per_clip = len(plan.captions) // len(plan.clips)

    assert set(plan.captions) <= set(made["caption"])
    assert all(plan.relation[number // per_clip, number] == 1 for number in range(len(plan.captions)))


def test_captions_of_another_manifest_are_refused(recipe: Recipe, captions: Path, manifest: Path) -> None:
    made, metadata = read_table(captions, kind="captions")
    write_table(captions, made, kind="captions", metadata=metadata | {"manifest": "another"})

    with pytest.raises(QueryError, match=r"captions of another manifest; expected those of made-tones as they are now"):
        prepare_run(change_recipe(recipe, caption_tables=[captions]))


def test_a_class_of_dev_that_no_caption_states_is_said(recipe: Recipe, captions: Path) -> None:
    made, metadata = read_table(captions, kind="captions")
    write_table(captions, made[made["emotion"] != "sadness"], kind="captions", metadata=metadata)

    run = prepare_run(change_recipe(recipe, caption_tables=[captions]))

    assert [str(fact) for fact in run.find_unstated()] == ["emotion=sadness"]
    assert "asked on dev, but never stated of a train clip: emotion=sadness" in run.summary()
    assert prepare_run(recipe).find_unstated() == []
    silent = change_recipe(recipe, captions={"variant": "labels", "without": ["gender"]})
    assert {str(fact) for fact in prepare_run(silent).find_unstated()} == {"gender=female", "gender=male"}

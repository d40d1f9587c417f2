import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.cli.conftest import Run
from tests.inference.test_calibration import make_calibration
from tests.models.tiny import save_model

from paraclap import ParaClap
from paraclap.evaluation import load_tasks
from paraclap.inference import Clip, compute_probabilities, write_calibration
from paraclap.queries import load_label_set

ASK = ("-q", "an angry man", "-q", "a calm woman")
QUERIES = ["an angry man", "a calm woman"]
PLAIN = ("file", "start", "end", "best")


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """Return a folder of two files, with a broken one between them."""
    folder = tmp_path / "voices"
    folder.mkdir()
    for number, name in enumerate(("a", "c")):
        soundfile.write(folder / f"{name}.wav", make_voice(0.5 + number, 16000, seed=number), 16000)
    (folder / "b.wav").write_bytes(b"no audio")
    return folder


@pytest.fixture
def good(voices: Path) -> Path:
    """Return a folder of two files."""
    (voices / "b.wav").unlink()
    return voices


def test_json_is_a_list_of_answers_with_exactly_these_keys(run: Run, tiny_model: Path, good: Path) -> None:
    done = run("classify", good, *ASK, "--model", tiny_model, "--json")

    answers = json.loads(done.stdout)
    assert (done.status, done.stderr) == (0, "")
    assert [(answer["file"], answer["start"], answer["end"]) for answer in answers] == [
        (str(good / "a.wav"), 0.0, 0.5),
        (str(good / "c.wav"), 0.0, 1.5),
    ]
    for answer in answers:
        assert list(answer) == ["file", "start", "end", "similarity", "probability", "best"]
        assert list(answer["similarity"]) == list(answer["probability"]) == QUERIES
        assert sum(answer["probability"].values()) == pytest.approx(1, abs=1e-6)
        assert answer["best"] == max(QUERIES, key=answer["similarity"].__getitem__)


def test_the_command_says_what_the_library_says(run: Run, tiny_model: Path, good: Path) -> None:
    clap = ParaClap.from_pretrained(tiny_model)

    answers = json.loads(run("classify", good, *ASK, "--model", tiny_model, "--json").stdout)

    for values in ("similarity", "probability"):
        expected = clap.classify(good, QUERIES, values=values)
        shown = [[answer[values][query] for query in QUERIES] for answer in answers]
        assert np.abs(np.array(shown) - expected.to_numpy()).max() < 1e-6


def test_the_table_shows_files_probabilities_and_the_best(run: Run, tiny_model: Path, good: Path) -> None:
    answers = json.loads(run("classify", good, *ASK, "--model", tiny_model, "--json").stdout)

    done = run("classify", good, *ASK, "--model", tiny_model)

    assert (done.status, done.stderr) == (0, "")
    lines = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines() if line.strip()]
    assert lines[0] == ["probability of each query"]
    assert lines[1] == ["file", *QUERIES, "best"]
    assert lines[3:] == [
        [answer["file"], *(f"{answer['probability'][query]:.2f}" for query in QUERIES), answer["best"]]
        for answer in answers
    ]


def test_a_broken_file_among_good_ones_is_named_and_the_others_answered(
    run: Run, tiny_model: Path, voices: Path
) -> None:
    done = run("classify", voices, *ASK, "--model", tiny_model, "--json", "--out", voices / "answers.json")

    answers = json.loads(done.stdout)
    assert done.status == 1
    assert [Path(answer["file"]).name for answer in answers] == ["a.wav", "c.wav"]
    assert json.loads((voices / "answers.json").read_text()) == answers
    assert re.fullmatch(rf"paraclap: {re.escape(str(voices / 'b.wav'))}: cannot be read as audio .*\n", done.stderr)


def test_what_is_missing_is_named_and_the_others_answered(run: Run, tiny_model: Path, good: Path) -> None:
    done = run("classify", good / "a.wav", good / "nowhere.wav", *ASK, "--model", tiny_model, "--json")

    assert done.status == 1
    assert [answer["file"] for answer in json.loads(done.stdout)] == [str(good / "a.wav")]
    assert done.stderr == f"paraclap: {good / 'nowhere.wav'}: no such file\n"


def test_without_a_single_good_file_json_is_an_empty_list(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    options = (*ASK, "--model", tiny_model, "--out", tmp_path / "answers.csv")

    as_json = run("classify", tmp_path / "nowhere.wav", *options, "--json")
    as_table = run("classify", tmp_path / "nowhere.wav", *options)

    assert (as_json.status, as_json.stdout) == (1, "[]\n")
    assert (as_table.status, as_table.stdout) == (1, "")
    assert as_json.stderr == as_table.stderr == f"paraclap: {tmp_path / 'nowhere.wav'}: no such file\n"
    assert not (tmp_path / "answers.csv").exists()


def test_one_query_has_a_similarity_and_no_probability(run: Run, tiny_model: Path, good: Path) -> None:
    options = ("-q", "an angry man", "--model", tiny_model)

    answer = json.loads(run("classify", good / "a.wav", *options, "--json").stdout)[0]
    table = run("classify", good / "a.wav", *options).stdout

    assert list(answer["similarity"]) == ["an angry man"]
    assert (answer["probability"], answer["best"]) == ({}, "an angry man")
    assert "similarity (cosine)" in table
    assert f"{answer['similarity']['an angry man']:.2f}" in table
    assert "best" not in table


def read_flat(path: Path) -> list[dict[str, Any]]:
    table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


@pytest.mark.parametrize("name", ["answers.csv", "sub/answers.parquet", "answers.PARQUET", "answers.json"])
def test_answers_are_also_written_to_a_file(run: Run, tiny_model: Path, good: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name

    done = run("classify", good, *ASK, "--model", tiny_model, "--json", "--out", out)

    answers = json.loads(done.stdout)
    assert done.status == 0
    if out.suffix == ".json":
        assert json.loads(out.read_text()) == answers
        return
    for row, answer in zip(read_flat(out), answers, strict=True):
        assert {key: row.pop(key) for key in PLAIN} == {key: answer[key] for key in PLAIN}
        values = {
            f"{kind}: {query}": answer[kind][query] for kind in ("similarity", "probability") for query in QUERIES
        }
        assert row == pytest.approx(values)


@pytest.mark.parametrize(
    ("task", "classes"),
    [
        ("gender", load_label_set("gender").classes),
        ("emotion", load_label_set("emotion").classes),
        ("ravdess-emotion", load_tasks()["ravdess-emotion"].classes),
    ],
)
def test_a_task_is_a_label_set_or_a_task_of_evaluate(
    run: Run, tiny_model: Path, good: Path, task: str, classes: tuple[str, ...]
) -> None:
    done = run("classify", good / "a.wav", "--task", task, "--model", tiny_model, "--json")

    (answer,) = json.loads(done.stdout)
    assert tuple(answer["probability"]) == classes
    clap = ParaClap.from_pretrained(tiny_model)
    label_set = load_label_set(task.removeprefix("ravdess-")).restrict(classes)
    expected = clap.classify(good / "a.wav", task=label_set).iloc[0].to_dict()
    assert answer["probability"] == pytest.approx(expected, abs=1e-6)


def test_an_unknown_task_is_an_error_with_the_nearest_name(run: Run, tiny_model: Path, good: Path) -> None:
    done = run("classify", good, "--task", "ravdes-emotion", "--model", tiny_model)

    assert (done.status, done.stdout) == (1, "")
    expected = "paraclap: no label set or task 'ravdes-emotion'; did you mean 'ravdess-emotion'? known: age, "
    assert done.stderr.replace("?;", "?").startswith(expected)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either queries (-q, repeatable) or a --task"),
        ((*ASK, "--task", "emotion"), "give either queries (-q, repeatable) or a --task"),
        ((*ASK, "--batch-size", "0"), "Invalid value for '--batch-size': "),
        ((*ASK, "--loud"), "No such option: --loud"),
        (("-q", "an angry man", "--unknown"), "give two queries or more (-q), of which none may fit"),
    ],
)
def test_wrong_usage_ends_with_status_2(run: Run, good: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run("classify", good, *arguments)

    assert (done.status, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-q", "an angry man", "-q", ""), "query 2 of 2 is empty; expected a sentence"),
        ((*ASK, "-q", "an angry man"), "query 'an angry man' stands twice; ask each one once"),
        ((*ASK, "--device", "cuda:99"), "device 'cuda:99' cannot be used"),
        ((*ASK, "--dtype", "int8"), "no dtype 'int8'; expected one of float32, bfloat16, float16"),
        ((*ASK, "--out", "answers.txt"), "--out answers.txt: unknown suffix '.txt'; expected one of .csv, .json, "),
        ((*ASK, "--model", "no/such-model"), "no model 'no/such-model': there is no such folder"),
    ],
)
def test_our_errors_are_one_line_and_status_1(
    run: Run, tiny_model: Path, good: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run("classify", good, "--model", tiny_model, *arguments)

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith(f"paraclap: {message}")
    assert done.stderr.count("\n") == 1


def test_an_empty_folder_is_an_error(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    done = run("classify", tmp_path, *ASK, "--model", tiny_model)

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith(f"paraclap: {tmp_path}: no audio file in this folder; expected suffixes like .wav")


def test_brackets_and_colons_are_shown_as_they_are(run: Run, tiny_model: Path, good: Path) -> None:
    (good / "a.wav").rename(good / "[bold]a[red].wav")

    done = run("classify", good, "-q", "an [angry] man[/i]", "-q", "a calm :woman:", "--model", tiny_model)

    assert (done.status, done.stderr) == (0, "")
    for text in ("[bold]a[red].wav", "an [angry] man[/i]", "a calm :woman:"):
        assert text in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="names are text on Windows")
def test_json_is_valid_where_a_file_name_is_not_utf_8(run: Run, tiny_model: Path, good: Path) -> None:
    try:
        odd = (good / "a.wav").rename(good / os.fsdecode(b"\xff.wav"))
    except OSError:
        pytest.skip("this file system takes UTF-8 only")

    done = run("classify", odd, *ASK, "--model", tiny_model, "--json")

    assert done.status == 0
    assert json.loads(done.stdout)[0]["file"] == str(odd)


def test_a_long_recording_is_one_answer(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", make_voice(31.5, 8000), 8000)

    (answer,) = json.loads(run("classify", tmp_path / "long.wav", *ASK, "--model", tiny_model, "--json").stdout)

    assert (answer["start"], answer["end"]) == (0.0, 31.5)
    assert Clip(tmp_path / "long.wav").measure().end == 31.5


def test_of_many_classes_the_table_shows_the_three_most_probable(run: Run, tiny_model: Path, good: Path) -> None:
    options = ("--task", "emotion", "--model", tiny_model)
    (answer,) = json.loads(run("classify", good / "a.wav", *options, "--json").stdout)
    lines = run("classify", good / "a.wav", *options).stdout.splitlines()

    best = sorted(answer["probability"].items(), key=lambda item: -item[1])[:3]
    assert lines[0].strip() == "the most probable of 10 queries"
    shown = next(line for line in lines if "a.wav" in line)
    assert re.split(r"\s{2,}", shown.strip())[1:] == [f"{name} {share:.2f}" for name, share in best]


@pytest.mark.filterwarnings("always::paraclap.inference.TextCutWarning")
def test_a_query_that_is_cut_is_told_in_one_line(run: Run, tiny_model: Path, good: Path) -> None:
    done = run("classify", good, "-q", "an angry man " * 400, "-q", "a woman", "--model", tiny_model)

    assert done.status == 0
    lines = [line for line in done.stderr.splitlines() if "tokens" in line]
    assert len(lines) == 1
    assert lines[0].startswith("paraclap: the text 'an angry man an angry man")


@pytest.fixture
def calibrated(tmp_path: Path) -> Path:
    """Return a calibrated model that believes one of the two good files."""
    folder = save_model(tmp_path / "calibrated")
    voices = tmp_path / "voices"
    cosines = ParaClap.from_pretrained(folder).classify(
        [voices / "a.wav", voices / "c.wav"], QUERIES, values="similarity"
    )
    threshold = float(cosines.max(axis=1).mean())
    write_calibration(folder, make_calibration(scale=3.0, threshold=threshold))
    return folder


def test_with_unknown_a_clip_that_no_query_fits_is_none_of_these(run: Run, good: Path, calibrated: Path) -> None:
    options = ("classify", good, *ASK, "--model", calibrated)

    plain, asked = (json.loads(run(*options, *more, "--json").stdout) for more in ((), ("--unknown",)))

    assert [answer["best"] in QUERIES for answer in plain] == [True, True]
    assert sorted(answer["best"] == "none of these" for answer in asked) == [False, True]
    unknown, known = sorted(asked, key=lambda answer: bool(answer["best"] in QUERIES))
    assert max(unknown["similarity"].values()) < max(known["similarity"].values())
    for one, other in zip(plain, asked, strict=True):
        assert one | {"best": ""} == other | {"best": ""}
        cosines = np.array([list(one["similarity"].values())], np.float32)
        assert list(one["probability"].values()) == pytest.approx(compute_probabilities(cosines, 3.0)[0], abs=1e-6)
    lines = run(*options, "--unknown").stdout.splitlines()
    assert [line.rstrip().endswith("  none of these") for line in lines].count(True) == 1


def test_of_nothing_heard_nothing_is_unknown(run: Run, good: Path, calibrated: Path) -> None:
    done = run("classify", good / "nowhere.wav", *ASK, "--model", calibrated, "--unknown", "--json")

    assert (done.status, done.stdout) == (1, "[]\n")
    assert done.stderr == f"paraclap: {good / 'nowhere.wav'}: no such file\n"


def test_unknown_takes_a_model_with_a_threshold(run: Run, good: Path, tiny_model: Path, calibrated: Path) -> None:
    write_calibration(calibrated, make_calibration().model_copy(update={"unknown": None}))

    for model in (tiny_model, calibrated):
        done = run("classify", good, *ASK, "--model", model, "--unknown")

        assert (done.status, done.stdout) == (2, "")
        assert "has no threshold below which no query fits (a calibration.json in its folder); leave" in done.stderr


def test_a_broken_calibration_is_one_line_and_status_1(run: Run, good: Path, calibrated: Path) -> None:
    (calibrated / "calibration.json").write_text("{}")

    done = run("classify", good, *ASK, "--model", calibrated)

    assert (done.status, done.stdout) == (1, "")
    assert "calibration.json holds no calibration (scale: Field required); expected what" in done.stderr
    assert done.stderr.count("\n") == 1


def test_references_are_refused_by_a_model_that_takes_none(run: Run, good: Path, tiny_model: Path) -> None:
    done = run("classify", good, *ASK, "--model", tiny_model, "--reference", good, "--reference", good / "a.wav")

    assert (done.status, done.stdout) == (1, "")
    assert re.fullmatch(r"paraclap: .* takes no reference recordings; leave the reference out, .*\n", done.stderr)


def test_references_are_handed_to_the_model(
    run: Run, good: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    encode = ParaClap.encode

    def note(self: ParaClap, audio: Any, *, reference: Any, **options: Any) -> Any:
        heard.append(reference)
        return encode(self, audio, **options)

    monkeypatch.setattr(ParaClap, "encode", note)
    for more in ((), ("--reference", good), ("--reference", good / "a.wav", "--reference", good / "c.wav")):
        assert run("classify", good, *ASK, "--model", tiny_model, *more).status == 0

    assert heard == [None, [good], [good / "a.wav", good / "c.wav"]]

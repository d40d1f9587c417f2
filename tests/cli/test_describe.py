import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.cli.conftest import Run
from tests.cli.drawn import assert_refused

from paraclap import ParaClap
from paraclap.queries import read_profile_table

LABEL_SETS = list(read_profile_table().label_sets)


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """Return a folder of two files, with a broken one between them, whose names are markup."""
    folder = tmp_path / "voices"
    folder.mkdir()
    for number, name in enumerate(("a|b_[x]", "c")):
        soundfile.write(folder / f"{name}.wav", make_voice(0.5 + number, 16000, seed=number), 16000)
    (folder / "b.wav").write_bytes(b"no audio")
    return folder


def test_one_file_is_a_sentence_and_tables(run: Run, tiny_model: Path, voices: Path) -> None:
    done = run("describe", voices / "c.wav", "--model", tiny_model, "--no-measure")

    sentence = ParaClap.from_pretrained(tiny_model).describe(voices / "c.wav", measure=False)["sentence"].iloc[0]
    lines = done.stdout.splitlines()
    assert (done.status, done.stderr) == (0, "")
    assert lines[0] == sentence
    assert [line.split()[0] for line in lines if line.split() and line.split()[0] in LABEL_SETS] == LABEL_SETS
    assert "measured by" not in done.stdout


def test_several_files_are_a_table_and_the_bad_one_is_named_at_the_end(
    run: Run, tiny_model: Path, voices: Path
) -> None:
    done = run("describe", voices, "--model", tiny_model, "--no-measure")

    assert done.status == 1
    assert done.stderr.startswith(f"paraclap: {voices / 'b.wav'}: cannot be read as audio")
    rows = [line.strip() for line in done.stdout.splitlines() if str(voices) in line]
    assert [row.split()[0] for row in rows] == [str(voices / "a|b_[x].wav"), str(voices / "c.wav")]
    assert all(row.endswith(".") for row in rows)


def test_json_is_what_the_library_says(run: Run, tiny_model: Path, voices: Path) -> None:
    pytest.importorskip("opensmile", reason="needs the extra 'features'")
    done = run("describe", voices / "c.wav", "--model", tiny_model, "--json")

    (record,) = json.loads(done.stdout)
    table = ParaClap.from_pretrained(tiny_model).describe(voices / "c.wav")
    assert record["sentence"] == table["sentence"].iloc[0]
    assert list(record["answers"]) == LABEL_SETS
    for name, answer in record["answers"].items():
        for label, share in answer["probability"].items():
            assert share == float(table[f"{name}: {label}"].iloc[0])
    assert "non-commercial" in record["measured_by"]
    levels = {measure["attribute"]: " or ".join(measure["levels"]) for measure in record["measured"]}
    assert levels == {name: table[name].iloc[0] for name in levels}


def test_the_licence_of_what_measures_is_said(run: Run, tiny_model: Path, voices: Path) -> None:
    pytest.importorskip("opensmile", reason="needs the extra 'features'")

    shown = run("describe", voices / "c.wav", "--model", tiny_model).stdout

    assert "measured by openSMILE" in shown.splitlines()[-1]
    assert "research, education and other non-commercial use only" in shown.splitlines()[-1]


def test_a_page_of_markdown_has_a_part_for_each_file(run: Run, tiny_model: Path, voices: Path) -> None:
    pytest.importorskip("opensmile", reason="needs the extra 'features'")
    out = voices.parent / "profiles.md"

    done = run("describe", voices, "--model", tiny_model, "--out", out)

    text = out.read_text()
    assert done.status == 1  # of the bad file; the others are written
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads[0] == f"# Voices, described by {tiny_model}".replace("_", "\\_")
    assert [head.rsplit("/", 1)[1] for head in heads[1:]] == ["a\\|b\\_\\[x\\].wav", "c.wav"]
    assert text.count("**Probabilities**") == text.count("**Measured**") == 2
    assert text.count("non-commercial") == 2
    assert text == (run("describe", voices, "--model", tiny_model, "--out", out), out.read_text())[1]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_profiles_are_written_as_rows(run: Run, tiny_model: Path, voices: Path, suffix: str) -> None:
    out = voices.parent / f"profiles{suffix}"
    (voices / "b.wav").unlink()

    done = run("describe", voices, "--model", tiny_model, "--no-measure", "--task", "gender", "--out", out)

    assert done.status == 0
    clap = ParaClap.from_pretrained(tiny_model)
    shares = clap.classify(voices, task="gender")["female"].tolist()
    if suffix == ".json":
        assert [
            record["answers"]["gender"]["probability"]["female"] for record in json.loads(out.read_text())
        ] == shares
        return
    table = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    assert list(table) == ["file", "start", "end", "sentence", "gender: female", "gender: male"]
    assert table["gender: female"].tolist() == shares


def test_references_change_the_answers(run: Run, voices: Path) -> None:
    (voices / "b.wav").unlink()
    ask = ("describe", voices / "c.wav", "--no-measure", "--task", "emotion", "--json")

    plain, adapted = (json.loads(run(*ask, *more).stdout) for more in ((), ("--reference", voices)))

    assert plain[0]["answers"]["emotion"]["probability"] != adapted[0]["answers"]["emotion"]["probability"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--task", "emotoin"), r"paraclap: no label set or task 'emotoin'; did you mean 'emotion'\?"),
        (("--out", "x.txt"), r"paraclap: --out x\.txt: unknown suffix '\.txt'; expected one of \.md, \.csv,"),
        (("--task", "gender", "--task", "gender"), r"paraclap: label sets to describe a voice by: gender, gender;"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, voices: Path, options: tuple[str, ...], message: str) -> None:
    assert_refused(run("describe", voices, *options), message)


def test_a_silent_file_is_said_to_be_silent(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)

    done = run("describe", tmp_path / "silence.wav", "--model", tiny_model)

    assert done.status == 0
    assert done.stdout.startswith("Nothing is to be heard.\n")
    assert "the recording is silent" in done.stdout

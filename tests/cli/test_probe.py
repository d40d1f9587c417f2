import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.cli.conftest import Run
from tests.evaluation.examples import make_clips

from paraclap import ParaClap
from paraclap.corpora import write_manifest
from paraclap.evaluation import Probe
from paraclap.inference import loading

CLASSES = ["angry", "calm", "sad"]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return a manifest of 24 clips of three moods by four speakers."""
    table, metadata = make_clips(tmp_path / "clips")
    write_manifest(tmp_path / "m.parquet", table, metadata)
    return tmp_path / "m.parquet"


@pytest.fixture
def probe(run: Run, manifest: Path, tiny_model: Path, tmp_path: Path) -> Path:
    """Return the folder of a probe."""
    done = run("probe", "fit", manifest, "--label", "mood", "--model", tiny_model, "--out", tmp_path / "probe")
    assert done.status == 0, done.stderr
    return tmp_path / "probe"


def test_fit_prints_what_cross_validation_found(run: Run, manifest: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "probe"

    done = run("probe", "fit", manifest, "--label", "mood", "--model", tiny_model, "--out", out)

    found = Probe.load(out).record.validation
    uar = found.metrics["uar"]
    assert done.status == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"UAR {uar.value:.3f} ({uar.low:.3f}-{uar.high:.3f}), WA ")
    assert lines[0].endswith(": 4 folds by speaker, 24 clips, 4 speakers")
    assert [line.split()[:3] for line in lines if line.split()[1:2] == ["8"]] == [
        [name, "8", f"{found.recall[name]:.3f}"] for name in CLASSES
    ]
    told = done.stderr.splitlines()
    assert told[0] == f"{out}: a linear probe of 'mood' on {tiny_model}, fitted on all 24 clips"
    assert told[1].startswith("note: variation between speakers not covered: 4 speakers, fewer than 20; few clips")
    assert told[2].startswith("note: UAR by speaker ")


def test_fit_prints_json_that_is_the_record(run: Run, manifest: Path, tiny_model: Path, tmp_path: Path) -> None:
    options = ("--label", "mood", "--model", tiny_model, "--out", tmp_path / "probe", "--json", "--kind", "centroid")

    done = run("probe", "fit", manifest, *options)

    assert json.loads(done.stdout) == json.loads((tmp_path / "probe" / "probe.json").read_text())
    assert json.loads(done.stdout)["kind"] == "centroid"


def test_fit_says_which_rows_were_left_out(run: Run, manifest: Path, tiny_model: Path, tmp_path: Path) -> None:
    table, metadata = make_clips(tmp_path / "clips")
    parts = ["train"] * 12 + ["dev"] * 6 + ["test"] * 6
    moods = table["mood"].where(np.arange(24) > 0)
    write_manifest(manifest, table.assign(split=parts, mood=moods), metadata)
    options = ("--label", "mood", "--model", tiny_model, "--out", tmp_path / "probe")

    default = run("probe", "fit", manifest, *options, "--without", "calm")
    train = run("probe", "fit", manifest, *options, "--split", "train")

    assert "rows left out: 6 of the split test, 1 without a label, 6 of the class calm\n" in default.stderr
    assert "rows left out: 12 not of the split train, 1 without a label\n" in train.stderr


@pytest.mark.filterwarnings("always::paraclap.evaluation.SpeakersCrossFoldsWarning")
def test_fit_warns_of_unknown_speakers(run: Run, manifest: Path, tiny_model: Path, tmp_path: Path) -> None:
    table, metadata = make_clips(tmp_path / "clips")
    write_manifest(manifest, table.drop(columns="speaker"), metadata)

    done = run("probe", "fit", manifest, "--label", "mood", "--model", tiny_model, "--out", tmp_path / "probe")

    assert done.status == 0
    warning = "paraclap: the speakers are not all known, so they may cross folds: the numbers may be too good\n"
    assert done.stderr.startswith(warning)
    assert "5 folds by clip, 24 clips, ? speakers\n" in done.stdout


def test_fit_names_bad_files_and_keeps_the_probe(run: Run, manifest: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "clips" / "calm 1 0.wav").write_bytes(b"no audio")

    done = run("probe", "fit", manifest, "--label", "mood", "--model", tiny_model, "--out", tmp_path / "probe")

    assert done.status == 1
    assert done.stderr.splitlines()[-1].startswith("paraclap: calm 1 0.wav: cannot be read as audio")
    assert Probe.load(tmp_path / "probe").record.validation.clips == 23


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--label", "moood"), "the manifest has no column 'moood'; did you mean 'mood'? known: speaker, mood"),
        (("--label", "mood", "--split", "dev"), "the manifest has no column 'split', so there is no split 'dev'"),
    ],
)
def test_fit_refuses_before_a_model_is_loaded(
    run: Run, manifest: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = run("probe", "fit", manifest, *options, "--out", tmp_path / "probe", "--model", tmp_path / "no-model")

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith(f"paraclap: {message}")
    assert done.stderr.count("\n") == 1


def test_fit_refuses_a_folder_with_something_in_it(run: Run, manifest: Path, tmp_path: Path) -> None:
    done = run("probe", "fit", manifest, "--label", "mood", "--out", tmp_path / "clips")

    assert done.status == 1
    assert "clips is not empty, it holds angry 0 0.wav; choose an empty or a new folder" in done.stderr


def test_predict_says_what_the_library_says(run: Run, probe: Path, tiny_model: Path, tmp_path: Path) -> None:
    expected, _ = Probe.load(probe).classify(ParaClap.from_pretrained(tiny_model), tmp_path / "clips")

    done = run("probe", "predict", probe, tmp_path / "clips", "--json")

    answers = json.loads(done.stdout)
    assert (done.status, done.stderr, len(answers)) == (0, "", 24)
    for answer, (index, shares) in zip(answers, expected.iterrows(), strict=True):
        assert list(answer) == ["file", "start", "end", "probability", "best"]
        assert (answer["file"], answer["start"], answer["end"]) == (index[0], 0.0, 0.25)  # type: ignore[index]
        assert answer["probability"] == pytest.approx(shares.to_dict(), abs=1e-6)
        assert sum(answer["probability"].values()) == pytest.approx(1, abs=1e-12)
        assert answer["best"] == shares.idxmax()


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_predict_writes_a_table(run: Run, probe: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"answers{suffix}"

    answers = json.loads(run("probe", "predict", probe, tmp_path / "clips", "--json", "--out", out).stdout)

    if suffix == ".json":
        assert json.loads(out.read_text()) == answers
        return
    table = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    assert list(table.columns) == ["file", "start", "end", *(f"probability: {name}" for name in CLASSES), "best"]
    assert table["file"].tolist() == [answer["file"] for answer in answers]
    assert table["probability: sad"].tolist() == pytest.approx([answer["probability"]["sad"] for answer in answers])


def test_predict_names_bad_files_and_answers_the_others(run: Run, probe: Path, tmp_path: Path) -> None:
    done = run("probe", "predict", probe, tmp_path / "clips" / "sad 0 0.wav", tmp_path / "nowhere.wav")
    nothing = run("probe", "predict", probe, tmp_path / "nowhere.wav", "--json")

    assert done.status == nothing.status == 1
    assert "probability of each class" in done.stdout
    assert "sad 0 0.wav" in done.stdout
    assert done.stderr == nothing.stderr == f"paraclap: {tmp_path / 'nowhere.wav'}: no such file\n"
    assert nothing.stdout == "[]\n"


def test_predict_refuses_another_model(run: Run, probe: Path, tmp_path: Path) -> None:
    from tests.inference.tiny_clap import save_clap

    done = run("probe", "predict", probe, tmp_path / "clips", "--model", save_clap(tmp_path / "other"))

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith("paraclap: the probe is for embeddings of ")
    assert f"the model is '{tmp_path / 'other'}' (" in done.stderr


def test_predict_downloads_nothing_that_nobody_named(
    run: Run, probe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_find_kind", lambda name: pytest.fail(f"looked for {name}"))
    content = json.loads((probe / "probe.json").read_text())
    (probe / "probe.json").write_text(json.dumps(content | {"model": "somebody/voices"}))

    done = run("probe", "predict", probe, tmp_path / "clips")

    message = f"{probe} was fitted on the model 'somebody/voices', which is no folder here; say where with --model"
    assert (done.status, done.stdout, done.stderr) == (1, "", f"paraclap: {message}\n")


def test_help_teaches_with_an_example(run: Run) -> None:
    assert "paraclap probe fit calls.parquet --label emotion --out calls-probe" in run("probe", "fit", "--help").stdout
    assert "paraclap probe predict calls-probe new-calls/" in run("probe", "predict", "--help").stdout

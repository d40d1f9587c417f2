import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.cli.conftest import Run
from tests.cli.drawn import Drawn, assert_refused, draw
from tests.queries.rows import VOCABULARY

from paraclap.audio import read_audio
from paraclap.features import FEATURE_SET, extract_features, extraction, feature_names
from paraclap.queries import fit_bins, read_bins, write_bins


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    return draw(tmp_path)


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "voice.wav", make_voice(1.5, 16_000), 16_000)
    return tmp_path / "voice.wav"


def make_model(drawn: Drawn, folder: Path) -> Path:
    folder.mkdir(parents=True)
    write_bins(folder / "bins.json", fit_bins(drawn.table, VOCABULARY.attributes, feature_set=FEATURE_SET))
    return folder


def test_a_preview_shows_values_with_their_bins_and_captions(run: Run, drawn: Drawn, voice: Path) -> None:
    model = make_model(drawn, drawn.folder / "model")
    measured = extract_features(read_audio(voice))
    values = dict(zip(feature_names(), measured.values, strict=True)) | {"duration": measured.duration}

    told: dict[str, Any] = json.loads(run("captions", "--preview", voice, "--model", model, "--json").stdout)
    shown = run("captions", "--preview", voice, "--bins", model / "bins.json")

    assert (told["file"], told["duration"]) == (str(voice), 1.5)
    assert len(told["captions"]) == 5
    fitted = read_bins(model / "bins.json").attributes
    assert shown.status == 0
    rows = [re.split(r"\s{2,}", line.strip()) for line in shown.stdout.splitlines() if line.strip()]
    assert rows[0] == ["attribute", "measure", "value", "edges", "whose edges", "level"]
    for measure in told["measures"]:
        pooled = fitted[measure["attribute"]].measures[measure["measure"]].pooled
        assert pooled is not None
        assert measure["edges"] == list(pooled.edges)
        assert measure["whose_edges"] == "pooled"
        value = values[measure["measure"].removeprefix("-")]
        assert measure["value"] == (None if np.isnan(value) else pytest.approx(value))
        cells = (measure["measure"], f"{pooled.edges[0]:.4g}  {pooled.edges[1]:.4g}", "pooled")
        assert any(all(cell in line for cell in cells) for line in shown.stdout.splitlines())
    assert told["measures"][0]["attribute"] == "pitch"
    assert not {"emotion", "pitch_for_gender"} & {measure["attribute"] for measure in told["measures"]}
    levels = {measure["attribute"]: measure["levels"] for measure in told["measures"]}
    for caption in told["captions"]:
        assert {name: levels[name] for name in caption["facts"]} == {n: [lv] for n, lv in caption["facts"].items()}
        assert [caption["caption"], ", ".join(f"{n}={lv}" for n, lv in caption["facts"].items())] in rows


def test_a_preview_takes_a_seed_a_number_and_what_to_leave_out(run: Run, drawn: Drawn, voice: Path) -> None:
    preview = ("captions", "--preview", voice, "--model", make_model(drawn, drawn.folder / "model"), "--json")

    def texts(*options: str) -> list[str]:
        return [caption["caption"] for caption in json.loads(run(*preview, *options).stdout)["captions"]]

    assert texts("--seed", "1", "--num", "3") == texts("--seed", "1")[:3] != texts("--num", "3")
    assert run(*preview, "--variant", "emotion").status == 0
    assert texts("--variant", "emotion") == []


def test_what_could_not_be_measured_is_said(run: Run, drawn: Drawn, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(16_000), 16_000)
    preview = ("captions", "--preview", silence, "--model", make_model(drawn, drawn.folder / "model"))

    told = json.loads(run(*preview, "--json").stdout)
    shown = run(*preview).stdout
    nothing = run(*preview, "--variant", "emotion").stdout

    pitch = told["measures"][0]
    assert (pitch["attribute"], pitch["value"], pitch["levels"]) == ("pitch", None, [])
    assert "nothing voiced" in told["reason"]
    assert re.search(r"^ pitch .* -  .*unknown: hardly voiced +$", shown, re.MULTILINE)
    assert f"not all could be measured: {told['reason']}" in shown
    assert nothing.splitlines()[-1] == "nothing can be said of it"


def test_the_bins_of_a_preview_are_those_of_the_model_in_the_package(
    run: Run, drawn: Drawn, voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paraclap.cli.captions_preview.files", lambda package: tmp_path / package)
    (tmp_path / "paraclap" / "models" / "mini").mkdir(parents=True)
    assert_refused(
        run("captions", "--preview", voice),
        r"^paraclap: paraclap-mini has no bins.json; give --bins with what 'paraclap captions --bins-out' wrote$",
    )
    (tmp_path / "paraclap" / "models" / "mini").rmdir()
    folder = make_model(drawn, tmp_path / "paraclap" / "models" / "mini")

    embedded = run("captions", "--preview", voice, "--json")

    assert embedded.status == 0
    assert embedded.stdout == run("captions", "--preview", voice, "--model", folder, "--json").stdout


def test_a_preview_that_cannot_be_made_is_one_line(
    run: Run, drawn: Drawn, voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(drawn, tmp_path / "model")
    (tmp_path / "empty").mkdir()
    rated = tmp_path / "rated.json"
    write_bins(rated, fit_bins(drawn.manifest, VOCABULARY.attributes))

    assert_refused(run("captions", "--preview", tmp_path / "no.wav", "--model", model), r"no.wav: no such file$")
    assert_refused(run("captions", "--preview", drawn.paths[0], "--model", model), r"m.parquet: ")
    assert_refused(
        run("captions", "--preview", voice, "--model", tmp_path / "empty"), r"empty has no bins.json; give --b"
    )
    assert_refused(
        run("captions", "--preview", voice, "--model", "nowhere"), r"no folder nowhere; expected a model fold"
    )
    assert_refused(
        run("captions", "--preview", voice, "--bins", rated),
        r"the bins are of arousal, valence, dominance, which was not",
    )
    extraction._load_smile.cache_clear()
    monkeypatch.setitem(sys.modules, "opensmile", None)
    assert_refused(
        run("captions", "--preview", voice, "--model", model),
        r"^paraclap: openSMILE is not installed.+non-commercial use only\)$",
    )

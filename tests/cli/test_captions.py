import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run
from tests.cli.drawn import FACTS, RATED, Drawn, assert_refused, draw
from tests.queries.rows import VOCABULARY

from paraclap.corpora import write_manifest
from paraclap.features import FEATURE_SET
from paraclap.queries import fit_bins, read_bins, write_bins
from paraclap.storage import hash_table, read_table, write_table

BINNED = [name for name, row in VOCABULARY.attributes.items() if row.bins is not None]


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    return draw(tmp_path)


def test_captions_are_written_with_true_facts_beside_them(run: Run, drawn: Drawn) -> None:
    out = drawn.folder / "sub" / "c.parquet"

    done = run("captions", *drawn.paths, "--out", out, "--per-utterance", 2, "--seed", 3)

    assert (done.status, done.stdout) == (0, "")
    captions, metadata = read_table(out, kind="captions")
    assert done.stderr == f"{out}: 800 captions of 400 utterances\n"
    assert list(captions.columns) == ["caption", *VOCABULARY.attributes]
    assert captions.index.equals(drawn.manifest.index.repeat(2))
    bins = fit_bins(drawn.table, VOCABULARY.attributes, feature_set=FEATURE_SET)
    facts = VOCABULARY.read_table(drawn.table, bins=bins)
    for row, (_, stated) in enumerate(captions.drop(columns="caption").iterrows()):
        levels = VOCABULARY.statable(facts[row // 2])
        assert all(level in levels[str(name)] for name, level in stated.dropna().items())
    assert metadata["manifest"] == hash_table(drawn.manifest)
    assert (metadata["fitted_on"], metadata["feature_set"]) == (bins.fingerprint, FEATURE_SET)
    assert (metadata["variant"], metadata["seed"], metadata["per_utterance"]) == ("all", 3, 2)


def test_bins_that_were_written_give_the_same_captions_when_they_are_applied(run: Run, drawn: Drawn) -> None:
    bins, outs = drawn.folder / "b.json", [drawn.folder / f"{name}.parquet" for name in "abc"]

    fitted = run("captions", *drawn.paths, "--out", outs[0], "--bins-out", bins)
    applied = run("captions", *drawn.paths, "--out", outs[1], "--bins", bins, "--workers", 2)
    other = run("captions", *drawn.paths, "--out", outs[2], "--bins", bins, "--seed", 1)

    assert [done.status for done in (fitted, applied, other)] == [0, 0, 0]
    num_train = int((drawn.manifest["split"] == "train").sum())
    assert fitted.stderr.startswith(f"{bins}: bins of {len(BINNED)} attributes, fitted on {num_train} rows\n")
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert read_table(outs[0], kind="captions")[0]["caption"].tolist() != (
        read_table(outs[2], kind="captions")[0]["caption"].tolist()
    )


def test_counts_are_printed_as_a_table_and_as_json(run: Run, drawn: Drawn) -> None:
    out = drawn.folder / "c.parquet"

    counts = json.loads(run("captions", *drawn.paths, "--out", out, "--stats", "--json").stdout)
    without_out = json.loads(run("captions", *drawn.paths, "--json").stdout)
    shown = run("captions", *drawn.paths, "--stats")

    captions = read_table(out, kind="captions")[0]
    texts = Counter(captions["caption"])
    num_facts = captions.drop(columns="caption").notna().sum(axis=1)
    assert counts == without_out
    assert (counts["utterances"], counts["captioned"], counts["captions"]) == (400, 400, 400)
    assert counts["distinct"] == len(texts)
    assert counts["mean_facts"] == pytest.approx(num_facts.mean())
    assert counts["most_frequent"] == dict(texts.most_common(10))
    assert counts["levels"]["gender"] == captions["gender"].value_counts().to_dict()
    lines = [re.split(r"\s{2,}", line.strip()) for line in shown.stdout.splitlines() if line.strip()]
    assert lines[0] == ["coverage", "100.0% of 400 utterances have a caption"]
    assert lines[1] == ["captions", f"400, {len(texts)} of them distinct"]
    assert lines[2][1].startswith(f"{num_facts.mean():.2f} (1: ")
    assert ["most frequent", "captions"] in lines
    text, number = texts.most_common(1)[0]
    assert [text, str(number)] in lines
    jitter = ", ".join(f"{level} {count}" for level, count in counts["levels"]["jitter"].items())
    assert ["jitter", jitter] in lines


def test_without_features_only_labels_are_spoken_of(run: Run, drawn: Drawn) -> None:
    done = run("captions", drawn.paths[0], "--json", "--per-utterance", 5)

    assert done.stderr == "paraclap: no --features: captions speak of labels only\n"
    spoken = set(json.loads(done.stdout)["levels"])
    assert {"emotion", "gender", *RATED} <= spoken
    assert not {"pitch", "pitch_for_gender", "loudness", "tempo", "duration"} & spoken


def test_labels_alone_need_no_train_split_and_may_be_missing(run: Run, drawn: Drawn) -> None:
    test_only = drawn.manifest.drop(columns=RATED).assign(split="test", corpus=None)
    test_only.iloc[:10, :] = None
    Drawn(drawn.folder, test_only, drawn.features).save()
    out = drawn.folder / "c.parquet"

    done = run("captions", drawn.paths[0], "--out", out, "--variant", "emotion")

    assert done.status == 0
    silent = int((test_only["emotion"].isna() | test_only["emotion"].isin(["other", "no_agreement"])).sum())
    assert silent > 10
    assert done.stderr.splitlines()[1] == (
        f"{out}: {400 - silent} captions of {400 - silent} utterances; nothing can be said of {silent} others"
    )
    assert_refused(run("captions", drawn.paths[0], "--json", "--features", drawn.paths[2]), "none of 400 rows is of")


def test_variants_and_numbers_of_facts_are_settings(run: Run, drawn: Drawn) -> None:
    done = run("captions", *drawn.paths, "--json", "--variant", "features", "--num-facts", "0,1", "--without", "tempo")

    counts = json.loads(done.stdout)
    assert "pauses" in counts["levels"]
    assert not {"emotion", "language", "tempo"} & set(counts["levels"])
    assert counts["num_facts"]["2"] > 300
    assert not {"4", "5"} & set(counts["num_facts"])


def test_quantiles_move_the_edges_of_their_attribute(run: Run, drawn: Drawn) -> None:
    bins = drawn.folder / "b.json"
    pitch = "F0semitoneFrom27.5Hz_sma3nz_percentile50.0"

    done = run(
        "captions", *drawn.paths, "--bins-out", bins, "--quantiles", "pitch=0.2,0.9", "--quantiles", "tempo=.4,.6"
    )

    assert (done.status, done.stdout, len(done.stderr.splitlines())) == (0, "", 1)
    fitted = read_bins(bins).attributes
    train = drawn.table[(drawn.table["split"] == "train") & (drawn.table["HNRdBACF_sma3nz_amean"] >= 1)]
    pooled = fitted["pitch"].measures[pitch].pooled
    assert pooled is not None
    assert pooled.edges == pytest.approx(np.nanquantile(train[pitch], [0.2, 0.9]))
    assert fitted["tempo"].rule.quantiles == (0.4, 0.6)
    assert fitted["pitch_variation"].rule.quantiles == (0.3, 0.7)


def test_what_is_constant_is_refused_unless_it_is_left_out(run: Run, drawn: Drawn) -> None:
    Drawn(drawn.folder, drawn.manifest, drawn.features.assign(MeanUnvoicedSegmentLength=0.0)).save()

    assert_refused(
        run("captions", *drawn.paths, "--json"),
        r"^paraclap: pauses: the edges of MeanUnvoicedSegmentLength coincide at 0",
    )
    assert "pauses" not in json.loads(run("captions", *drawn.paths, "--json", "--without", "pauses").stdout)["levels"]


def test_attributes_that_too_few_rows_have_are_named(run: Run, drawn: Drawn) -> None:
    rare = drawn.features.assign(jitterLocal_sma3nz_amean=drawn.features["jitterLocal_sma3nz_amean"].iloc[:20])
    Drawn(drawn.folder, drawn.manifest, rare).save()

    done = run("captions", *drawn.paths, "--json")

    assert done.stderr == "no bins for jitter, roughness: too few rows of the train split have a value\n"
    assert not {"jitter", "roughness"} & set(json.loads(done.stdout)["levels"])


def test_a_plot_needs_no_captions(run: Run, drawn: Drawn) -> None:
    plot = drawn.folder / "edges.svg"

    done = run("captions", *drawn.paths, "--plot", plot)

    assert (done.status, done.stdout, done.stderr) == (0, "", "")
    assert {"<!-- pitch -->", "<!-- corpus two -->"} <= set(
        re.findall("<!-- .+? -->", plot.read_text(encoding="utf-8"))
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--variant", "emotions"), r"^paraclap: no variant 'emotions' of captions; did you mean 'emotion'\?"),
        (("--without", "pich"), r"^paraclap: no attribute 'pich'; did you mean 'pitch'\?"),
        (
            ("--quantiles", "pich=0.2,0.8"),
            r"^paraclap: quantiles for 'pich', which has no bins; did you mean 'pitch'\?",
        ),
        (
            ("--quantiles", "gender=0.2,0.8"),
            r"^paraclap: quantiles for 'gender', which has no bins; did you mean 'pitch_for_gender'",
        ),
        (("--quantiles", "pitch=0.8,0.2"), r"^paraclap: pitch: quantiles 0.8 and 0.2"),
        (("--quantiles", "pitch=low"), r"^paraclap: --quantiles 'pitch=low'; expected a name and two numbers, such as"),
        (("--quantiles", "0.2,0.8"), r"^paraclap: --quantiles '0.2,0.8'; expected a name and two numbers, such as"),
        (("--num-facts", "many"), r"^paraclap: --num-facts 'many'; expected numbers with commas between, such as"),
        (("--num-facts", "0,-1"), r"^paraclap: shares of captions by number of facts \[0.0, -1.0\]; expected numbers"),
        (("--out", "c.csv"), r"^paraclap: --out c.csv: unknown suffix '.csv'; expected one of .parquet"),
        (("--plot", "edges.txt"), r"^paraclap: plot edges.txt: unknown suffix '.txt'; expected one of .png"),
        (("--bins", "no.json"), r"^paraclap: no file no.json; expected a JSON file"),
    ],
)
def test_what_is_wrong_is_one_line(run: Run, drawn: Drawn, options: tuple[str, ...], message: str) -> None:
    assert_refused(run("captions", *drawn.paths, "--stats", *options), message)


def test_features_of_other_rows_and_bins_of_other_features_are_refused(run: Run, drawn: Drawn) -> None:
    bins = drawn.folder / "b.json"
    write_bins(bins, fit_bins(drawn.table, VOCABULARY.attributes, feature_set="ComParE"))
    assert_refused(
        run("captions", *drawn.paths, "--json", "--bins", bins),
        r"has bins of the features ComParE; expected eGeMAPSv02",
    )
    part = drawn.manifest.iloc[:300]
    write_manifest(drawn.paths[0], part, {"corpus": "drawn", "root": "nowhere", **FACTS})
    assert_refused(run("captions", *drawn.paths, "--json"), r"f.parquet holds features of another manifest, of drawn")
    assert_refused(run("captions", drawn.paths[2], "--json"), r"f.parquet holds features; expected a manifest$")


def test_features_of_windows_are_refused(run: Run, drawn: Drawn) -> None:
    _, described = read_table(drawn.paths[2], kind="features")
    write_table(drawn.paths[2], drawn.features, kind="features", metadata=described | {"window": 2.5, "hop": 1.0})

    assert_refused(
        run("captions", *drawn.paths, "--json"),
        r"f.parquet holds features of windows of 2.5 s; expected those of whole utterances.+without --window$",
    )


def test_bins_and_plots_of_nothing_are_refused(run: Run, drawn: Drawn) -> None:
    Drawn(drawn.folder, drawn.manifest.drop(columns=RATED), drawn.features).save()

    for option in ("--plot", "--bins-out"):
        done = run("captions", drawn.paths[0], option, drawn.folder / "x.png")
        assert done.status == 1
        assert re.search(r"m.parquet holds no measures, so there are no bins; give --features$", done.stderr)


def test_a_plot_without_matplotlib_names_the_extra(run: Run, drawn: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paraclap.queries.plots.find_spec", lambda name: None)

    done = run("captions", *drawn.paths, "--plot", drawn.folder / "x.png")

    assert_refused(done, r"^paraclap: matplotlib is not installed, .+pip install 'paraclap\[plot\]'$")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stats",), "give either a manifest or --preview FILE"),
        (("m.parquet", "--preview", "a.wav"), "give either a manifest or --preview FILE"),
        (("m.parquet",), "nothing to do; give --out, --stats, --plot or --bins-out"),
        (("m.parquet", "--stats", "--num", "3"), "Invalid value for --num: is for --preview only"),
        (("m.parquet", "--stats", "--model", "m"), "Invalid value for --model: is for --preview only"),
        (("--preview", "a.wav", "--out", "c.parquet"), "Invalid value for --out: is for a manifest only"),
        (("--preview", "a.wav", "--stats"), "Invalid value for --stats: is for a manifest only"),
        (("m.parquet", "--bins", "a", "--bins-out", "b"), "--bins-out asks for others; drop one of them"),
        (("m.parquet", "--bins", "a", "--quantiles", "pitch=0.2,0.8"), "--quantiles asks for others; drop one of them"),
        (("--preview", "a.wav", "--bins", "a", "--model", "m"), "--model asks for others; drop one of them"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(run: Run, arguments: tuple[str, ...], message: str) -> None:
    done = run("captions", *arguments)

    assert (done.status, done.stdout) == (2, "")
    assert message in done.stderr


def test_help_names_the_licence_of_opensmile(run: Run) -> None:
    text = " ".join(run("captions", "--help").stdout.split())

    assert "Its licence allows research, education and other non-commercial use only." in text
    assert "pip install 'paraclap[features]'" in text

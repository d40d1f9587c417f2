"""Results made by hand, with numbers that are easy to follow."""

from pathlib import Path
from typing import Any

from paraclap.evaluation.pairing import PairedDifference
from paraclap.evaluation.results import (
    Baseline,
    Fairness,
    Fingerprints,
    Group,
    IntervalMethod,
    Metric,
    Overlap,
    Result,
    Robustness,
    write_result,
)
from paraclap.evaluation.tasks import PublishedFigure

CLASSES = ("anger", "calm", "sadness")
TEMPLATES = ("{predicative}", "a(n) {adjective} voice", "the speaker is {predicative}")
HOSTILE = "<script>alert('x')</script>|$x_1$ [a](b) **\u202e"
FEW = "variation between speakers not covered: 2 speakers, fewer than 20"


def bound(value: float, width: float = 0.05) -> Metric:
    return Metric(value=value, low=round(value - width, 6), high=round(value + width, 6))


def fix(**values: float) -> dict[str, Metric]:
    return {name: Metric(value=value, low=value, high=value) for name, value in values.items()}


def make_result(**changes: Any) -> Result:
    """Return the result of a model that finds anger, takes half of calm for anger, and is never asked for sadness."""
    scores = {
        "ensemble": (0.75, 0.7),
        "published": (0.65, 0.6),
        "{predicative}": (0.8, 0.75),
        "a(n) {adjective} voice": (0.7, 0.65),
        "the speaker is {predicative}": (0.6, 0.55),
    }
    words = {"anger": "angry", "calm": "calm", "sadness": "sad"}
    fields: dict[str, Any] = {
        "task": "toy-emotion",
        "corpus": "toy",
        "label": "emotion",
        "classes": CLASSES,
        "absent_classes": ("sadness",),
        "model": "ours",
        "model_facts": {"size of an embedding": "256"},
        "metrics": {"uar": bound(0.75), "wa": bound(0.7), "macro_f1": bound(0.6), "largest_share": bound(0.65)},
        "by_prompts": {name: {"uar": bound(uar), "wa": bound(wa)} for name, (uar, wa) in scores.items()},
        "recall": {"anger": 1.0, "calm": 0.5},
        "confusion": ((8, 0, 0), (5, 6, 1), (0, 0, 0)),
        "baselines": (
            Baseline(name="chance", metrics=fix(uar=1 / 3, wa=1 / 3), note="each of 3 classes alike, on average"),
            Baseline(name="majority", metrics=fix(uar=0.5, wa=0.6), note="always calm"),
        ),
        "prompts": {name: {key: (word,) for key, word in words.items()} for name in scores},
        "clips": 20,
        "speakers": 2,
        "interval": IntervalMethod(
            method="clips", level=0.95, draws=1000, seed=0, note=FEW, by_speaker={"s1": 0.9, "s2": 0.6}
        ),
        "overlap": Overlap(training_corpora=("emodb",), trained_on_corpus=False, note=""),
        "fingerprints": Fingerprints(model="a" * 64, manifest="b" * 64, clips="c" * 64),
        "versions": {"paraclap": "0.2.0", "python": "3.12.1"},
        "bad_files": (),
        "note": "made up",
    }
    return Result(**{**fields, **changes})


def make_rich_result(**changes: Any) -> Result:
    """Return a result with all that a result of one label a clip can have."""
    plain = make_result()
    extra: dict[str, Any] = {
        "baselines": (
            *plain.baselines,
            Baseline(name="linear probe", metrics={"uar": bound(0.85), "wa": bound(0.86)}, note="supervised"),
            Baseline(name="eGeMAPS", protocol="channel-adapted", metrics={"uar": bound(0.55)}, note="classical"),
        ),
        "figures": (
            PublishedFigure(model="Other", metric="uar", value=0.5, source="a paper", note="re-run"),
            PublishedFigure(model="Third", metric="wa", value=0.4, source="another"),
        ),
        "fairness": {
            "gender": Fairness(
                groups={
                    "female": Group(clips=10, speakers=1, uar=bound(0.8)),
                    "male": Group(clips=10, speakers=1, uar=bound(0.7)),
                },
                best="female",
                worst="male",
                gap=PairedDifference(value=0.1, low=-0.02, high=0.22, p=0.1),
            )
        },
        "robustness": {
            "noise-10db": make_robustness(-0.2),
            "opus": make_robustness(0.0),
        },
    }
    return make_result(**{**extra, **changes})


def make_robustness(change: float) -> Robustness:
    return Robustness(
        metrics={"uar": bound(0.75 + change)},
        change={"uar": PairedDifference(value=change, low=change - 0.05, high=change + 0.05, p=0.02)},
        similarity=0.9,
    )


def make_labels_result(**changes: Any) -> Result:
    """Return the result of a multi-label task, one label of which is true of no clip."""
    prompts = {"ensemble": {name: (name,) for name in CLASSES}}
    fields: dict[str, Any] = {
        "task": "toy-labels",
        "kind": "multi-label",
        "metric": "auroc",
        "metrics": {"auroc": bound(0.7)},
        "auroc": {"anger": bound(0.8), "calm": bound(0.6)},
        "by_prompts": {"ensemble": {"auroc": bound(0.7)}},
        "prompts": prompts,
        "recall": {},
        "confusion": (),
        "baselines": (Baseline(name="chance", metrics=fix(auroc=0.5)),),
        "interval": make_result().interval.model_copy(update={"by_speaker": None}),
    }
    return make_result(**{**fields, **changes})


def make_retrieval_result(**changes: Any) -> Result:
    """Return the result of a task of retrieval."""
    metrics: dict[str, Metric] = {}
    for way, shift in (("text_to_audio", 0.0), ("audio_to_text", 0.1)):
        metrics |= {f"{way}_recall@{k}": bound(0.1 + k / 20 + shift) for k in (1, 5, 10)}
        metrics |= {f"{way}_median_rank": bound(7.5, 1.5), f"{way}_map": bound(0.2 + shift)}
    chance = fix(**{f"{way}_recall@{k}": k / 100 for way in ("text_to_audio", "audio_to_text") for k in (1, 5, 10)})
    fields: dict[str, Any] = {
        "task": "toy-retrieval",
        "kind": "retrieval",
        "label": "",
        "classes": (),
        "absent_classes": (),
        "metric": "text_to_audio_recall@10",
        "metrics": metrics,
        "by_prompts": {},
        "prompts": {},
        "recall": {},
        "confusion": (),
        "baselines": (Baseline(name="chance", metrics=chance),),
        "interval": make_result().interval.model_copy(update={"by_speaker": None}),
    }
    return make_result(**{**fields, **changes})


def rename_model(name: str, fingerprint: str) -> dict[str, Any]:
    """Return what makes a result one of another model, to be given to the functions above."""
    return {"model": name, "fingerprints": make_result().fingerprints.model_copy(update={"model": fingerprint * 64})}


def score_templates(uars: tuple[float, ...], *, ensemble: float) -> dict[str, dict[str, Metric]]:
    """Return UARs of the ensemble and the templates."""
    return {
        "ensemble": {"uar": bound(ensemble)},
        **{name: {"uar": bound(uar)} for name, uar in zip(TEMPLATES, uars, strict=True)},
    }


def save(folder: Path, *results: Result) -> Path:
    """Write results into a folder, each model's into a folder of its own inside."""
    for number, model in enumerate(dict.fromkeys((one.model, one.fingerprints.model, one.protocol) for one in results)):
        for result in results:
            if (result.model, result.fingerprints.model, result.protocol) == model:
                write_result(folder / f"model{number}", result)
    return folder

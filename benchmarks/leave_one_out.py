"""Train a recipe without one corpus after another, and evaluate emotion on the whole corpus that was left out.

    .venv/bin/python -m benchmarks.leave_one_out --corpora ROOT --out FOLDER [--recipe R] [--set key=value] [NAME ...]

It is the honest stand-in for a corpus that nobody has seen yet: recipes are chosen by it. Each run is a folder of
FOLDER, which is not trained again if its model is there; the results, of all protocols, lie beside it. The table at the
end has UAR with 95 % intervals, and the mean over corpora.
"""

import argparse
from pathlib import Path

from paraclap.evaluation import EvaluationSettings, Result, evaluate
from paraclap.evaluation.results import PROTOCOLS, Adaptation
from paraclap.inference import load_model
from paraclap.training import load_recipe, train

CORPORA = ("crema-d", "emodb", "nemo", "ased")
TASKS = Path(__file__).with_name("whole_corpora.toml")


def main() -> None:
    """Train, evaluate, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=CORPORA, metavar="NAME", help="corpora left out; all four if none")
    parser.add_argument("--corpora", type=Path, required=True, help="folder that holds the corpora")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs and results")
    parser.add_argument("--recipe", default="mini")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    given = parser.parse_args()
    rows = {
        name: {adaptation: measure(find_model(name, given), name, adaptation, given) for adaptation in PROTOCOLS}
        for name in given.names
    }
    print("| left out | " + " | ".join(PROTOCOLS.values()) + " |")
    print("|---" * (1 + len(PROTOCOLS)) + "|")
    for name, results in rows.items():
        print(f"| {name} | " + " | ".join(show(result) for result in results.values()) + " |")
    means = [sum(of[key].metrics["uar"].value for of in rows.values()) / len(rows) for key in PROTOCOLS]
    print("| mean | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")


def find_model(name: str, given: argparse.Namespace) -> Path:
    """Return the model that was trained without a corpus, which is trained if it is not there."""
    folder: Path = given.out / f"without-{name}"
    if not (folder / "model" / "config.json").is_file():
        recipe = load_recipe(given.recipe, overrides=[*given.overrides, f"corpora_root={given.corpora}"])
        kept = tuple(corpus for corpus in recipe.corpora if corpus.name != name)
        train(recipe.model_copy(update={"corpora": kept}), folder)
    return folder / "model"


def measure(model: Path, name: str, adaptation: Adaptation, given: argparse.Namespace) -> Result:
    """Evaluate a model on the corpus that it was trained without."""
    own = model.parent / f"{name}.toml"
    chosen = next(block for block in TASKS.read_text().split("[[task]]") if f'"whole-{name}"' in block)
    own.write_text(f"[[task]]{chosen}")
    settings = EvaluationSettings(out=model.parent / PROTOCOLS[adaptation], adapt=adaptation, saves_scores=True)
    return evaluate([str(own)], load_model(str(model)), given.corpora, settings=settings).results[0]


def show(result: Result) -> str:
    """Write UAR with its interval."""
    uar = result.metrics["uar"]
    return f"{uar.value:.3f} [{uar.low:.3f}, {uar.high:.3f}]"


if __name__ == "__main__":
    main()

"""`paraclap train`: pretrain a model from a recipe."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name (mini) or the path of a YAML file.")],
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the run: log, metrics, checkpoints, and model/ at the end.")
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a setting, as in corpora_root=DIR or model.depth=2. Repeatable."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out from its last checkpoint.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Load model and data, say what would be trained, and stop.")
    ] = False,
) -> None:
    """Pretrain a model from a recipe, on the CPU, in one process.

    Example: paraclap train mini --out runs/mini --set corpora_root=corpora

    The captions of mini speak of what openSMILE measures, whose licence allows research, education and other
    non-commercial use only (extra features); --set captions.variant=labels does without.
    """
    from paraclap.training import load_recipe, prepare_run
    from paraclap.training import train as run_training

    loaded = load_recipe(recipe, overrides=set_ or [])
    if check:
        typer.echo(prepare_run(loaded).summary())
        return
    dev = run_training(loaded, out, resume=resume)
    typer.echo(f"{out / 'model'}: dev UAR " + ", ".join(f"{name} {value:.3f}" for name, value in dev.items()))

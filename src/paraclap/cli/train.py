"""`paraclap train`: pretrain a model from a recipe."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name (mini, smoke, paper, ...) or the path of a YAML file.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the run: log, metrics, curves, checkpoints, and model/ at the end."),
    ] = None,
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
        bool,
        typer.Option("--check", help="Load model and data, take five steps on the clock, say what it needs, and stop."),
    ] = False,
) -> None:
    """Pretrain a model from a recipe, or train one further.

    Examples: paraclap train smoke --out runs/smoke; paraclap train mini --out runs/mini --set corpora_root=corpora

    It uses a GPU if there is one, and several by torchrun --nproc-per-node 4 -m paraclap train ... Ctrl-C saves the
    state of the run; --resume goes on from it.

    The captions of mini speak of what openSMILE measures, whose licence allows research, education and other
    non-commercial use only (extra features); --set captions.variant=labels does without.
    """
    from paraclap.training import check_run, load_recipe
    from paraclap.training import train as run_training
    from paraclap.training.gathering import process_rank

    loaded = load_recipe(recipe, overrides=set_ or [])
    if check:
        report = check_run(loaded)
        if process_rank() == 0:
            typer.echo(report)
        return
    if out is None:
        raise typer.BadParameter("name the folder of the run, or use --check", param_hint="--out")
    dev = run_training(loaded, out, resume=resume)
    if process_rank() == 0:  # of several processes, the first one speaks
        typer.echo(f"{out / 'model'}: " + ", ".join(f"dev {name} {value:.3f}" for name, value in dev.items()))

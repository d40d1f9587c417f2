"""`paraclap classify`: answer questions about voices."""

from typing import TYPE_CHECKING, Annotated

import typer

from paraclap.cli.answers import flatten_answer, print_answers
from paraclap.cli.options import (
    BatchSizeOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    ModelOption,
    OutOption,
    Paths,
    ReferenceOption,
)
from paraclap.cli.output import check_table_path, print_json, print_rows, report_bad_files, write_rows
from paraclap.cli.progress import ProgressBars

if TYPE_CHECKING:
    from paraclap.inference import AudioTextModel


def classify(
    paths: Paths,
    queries: Annotated[
        list[str] | None, typer.Option("--query", "-q", help="Any sentence about a voice. Repeatable.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option("--task", help="Instead of queries: a label set (emotion, gender, age, arousal) or a task."),
    ] = None,
    reference: ReferenceOption = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help='Answer "none of these" where the model finds that no query fits.')
    ] = False,
    model: ModelOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchSizeOption = None,
) -> None:
    """Answer free-text questions about how somebody speaks.

    Example: paraclap classify calls/ -q "an angry man" -q "a calm woman"

    Each clip gets a probability for every query (softmax over the queries given) and its similarity (cosine).
    Audio above 30 s is heard in windows of 10 s and averaged.

    The queries share all of the probability, also where none of them fits. With --unknown, a clip whose best query fits
    too badly is answered "none of these"; from which point on was chosen when the model was trained.

    Voices and microphones differ more than feelings do. With --reference, other recordings of the same speaker or
    microphone (which need no labels), the answers are relative to what is usual there:

    paraclap classify calls/anna-7.wav --reference calls/anna/ --task emotion
    """
    if bool(queries) == bool(task):
        raise typer.BadParameter("give either queries (-q, repeatable) or a --task", param_hint="-q / --task")
    if unknown and queries and len(queries) < 2:
        raise typer.BadParameter("give two queries or more (-q), of which none may fit", param_hint="--unknown")
    if out is not None:
        check_table_path(out)
    from paraclap.evaluation import find_label_set
    from paraclap.inference import answer_clips, load_model

    label_set = find_label_set(task) if task else None
    clap = load_model(model, device=device, dtype=dtype, batch_size=batch_size)
    if unknown:
        _check_threshold(clap)
    columns, text_embeds = clap.embed_queries(queries or None, task=label_set)
    with ProgressBars() as bars:
        encoded = clap.encode(
            list(paths),
            progress=lambda done, total: bars.show("listening", done, total),
            reference=list(reference) if reference else None,
        )
    answers = answer_clips(clap, encoded, columns, text_embeds, unknown=unknown)
    if as_json:
        print_json(answers)
    elif answers and len(columns) == 1:
        rows = [[answer["file"], f"{answer['similarity'][columns[0]]:.2f}"] for answer in answers]
        print_rows(["file", *columns], rows, title="similarity (cosine)")
    elif answers:
        print_answers(answers, columns)
    if out is not None and answers:
        write_rows(out, answers if out.suffix.lower() == ".json" else [flatten_answer(answer) for answer in answers])
    report_bad_files(encoded.bad_files)


def _check_threshold(clap: "AudioTextModel") -> None:
    if clap.calibration is None or clap.calibration.unknown is None:
        raise typer.BadParameter(
            f"{clap.name} has no threshold below which no query fits (a calibration.json in its folder); leave the "
            "option out, or use a model that this version of 'paraclap train' wrote",
            param_hint="--unknown",
        )

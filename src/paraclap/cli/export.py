"""`paraclap export`: a model as ONNX graphs, for machines without torch."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    model: Annotated[str, typer.Argument(help="A model folder or hub id, or paraclap-mini.")],
    out: Annotated[Path, typer.Option("--out", help="A new or empty folder to write.")],
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Round weights of linear layers to 8 bits: smaller files, slightly other vectors."),
    ] = False,
) -> None:
    r"""Write a model as ONNX graphs, one for audio and one for text, with its tokenizer.

    Example: paraclap export paraclap-mini --out mini-onnx

    In Python, paraclap.inference.OnnxClap("mini-onnx") embeds with it, without torch or transformers. Needs the extra
    onnx: pip install 'paraclap\[onnx]'.
    """
    from paraclap.models.onnx_export import check_export, export_onnx
    from paraclap.models.onnx_settings import ModelOrigin

    check_export(out)
    from paraclap.inference import ParaClap

    clap = ParaClap.from_pretrained(model)
    licence = Path(clap.model.config.name_or_path) / "LICENSE"
    origin = ModelOrigin(clap.name, clap.training_corpora, licence if licence.is_file() else None)
    export_onnx(clap.model, clap.processor, out, origin=origin, int8=int8)
    size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    typer.echo(f"{out}: audio.onnx, text.onnx and what they need, {size:.0f} MB, of {clap.name}")

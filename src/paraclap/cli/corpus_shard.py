"""`paraclap corpus shard`: a manifest and its audio as tar shards in the WebDataset layout."""

from pathlib import Path
from typing import Annotated

import typer

from paraclap.cli.output import report_bad_files
from paraclap.cli.progress import ProgressBars


def shard_command(
    manifest: Annotated[Path, typer.Argument(help="A manifest (.parquet).")],
    out: Annotated[
        Path, typer.Option("--out", help="Folder to write: new, empty, or that of the same command, to go on.")
    ],
    clips_per_shard: Annotated[
        int | None, typer.Option("--clips-per-shard", metavar="N", min=1, help="Utterances in a shard at most.")
    ] = None,
    max_mb: Annotated[
        float | None, typer.Option("--max-mb", metavar="MB", help="Size of a shard at most; 500 if left out.")
    ] = None,
    shuffle: Annotated[
        int | None,
        typer.Option("--shuffle", metavar="SEED", help="Draw the order, so that each shard is a fair sample."),
    ] = None,
) -> None:
    """Write a corpus as a few large tar files, for disks and networks that are slow with many small ones.

    DIR gets shard-000000.tar, shard-000001.tar, ... and manifest.parquet, which features, captions and train take as
    any other manifest: audio is read inside of the shards, which are never unpacked. A single clip is named
    DIR/shard-000000.tar/KEY.wav, and DIR/shard-000000.tar means all clips in it.

    The layout is that of WebDataset: for each utterance KEY.wav (or .flac, .ogg, ...) and KEY.json with its labels and
    its place in the corpus. A file that is one utterance keeps its bytes. An utterance of a longer file is cut out and
    written as FLAC, mono, 16 kHz: what the models hear, without further loss.

    The same manifest gives the same shards, to the byte. A command that was stopped goes on when it is run again. Files
    that cannot be used are named, left out, and make the exit status 1.

    [bold]paraclap corpus shard m.parquet --out shards --max-mb 1000 --shuffle 0[/bold]

    [bold]paraclap features shards/manifest.parquet --out features.parquet[/bold]
    """
    from paraclap.corpora import ShardSettings, read_manifest, write_shards

    given = {"max_clips": clips_per_shard, "max_megabytes": max_mb, "shuffle_seed": shuffle}
    settings = ShardSettings(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    table, metadata = read_manifest(manifest)
    with ProgressBars() as bars:
        result = write_shards(
            table, metadata, out, settings=settings, progress=lambda done, total: bars.show("sharding", done, total)
        )
    before = f", {result.num_kept} of them from before" if result.num_kept else ""
    shards = "1 shard" if result.num_shards == 1 else f"{result.num_shards} shards"
    print(f"{out}: {len(result.manifest)} utterances in {shards}{before}")
    report_bad_files(result.bad_files)

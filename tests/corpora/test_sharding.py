import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import audformat
import numpy as np
import pandas as pd
import pytest
import soundfile
from tests.audio.clips import make_voice

from paraclap.audio import SAMPLING_RATE, read_audio
from paraclap.corpora import ShardSettings, read_manifest, write_shards
from paraclap.corpora.shard_samples import Samples
from paraclap.errors import ConfigError, CorpusError, ParaClapError

METADATA: dict[str, Any] = {
    "corpus": "toy",
    "licence": "none",
    "source": "this test",
    "citation": "none",
    "version": "1",
    "languages": ["de"],
}
TWO = ShardSettings(max_clips=2)


def make_corpus(root: Path, num_files: int = 5) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Write voices of 0.3 s, the last of them with two utterances, and return their manifest."""
    root.mkdir(parents=True)
    files = [f"{number}.{('wav', 'ogg')[number % 2]}" for number in range(num_files)]
    for number, file in enumerate(files):
        soundfile.write(root / file, make_voice(0.3, SAMPLING_RATE, seed=number), SAMPLING_RATE)
    spans = [(0.0, 0.3)] * (num_files - 1) + [(0.0, 0.15), (0.15, 0.3)]
    index = audformat.segmented_index(
        [*files, files[-1]], *(pd.to_timedelta(times, unit="s") for times in zip(*spans, strict=True))
    )
    return pd.DataFrame({"speaker": [str(n) for n in range(len(spans))]}, index=index), {**METADATA, "root": str(root)}


def hash_folder(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.iterdir() if path.suffix == ".tar")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def list_names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return tar.getnames()


def test_a_sharded_manifest_is_the_same_corpus(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")

    result = write_shards(manifest, metadata, tmp_path / "shards", settings=TWO)

    assert (result.num_shards, result.num_kept, result.bad_files) == (3, 0, ())
    assert sorted(path.name for path in (tmp_path / "shards").iterdir()) == [
        "manifest.parquet",
        *(f"shard-00000{number}.tar" for number in range(3)),
    ]
    written, described = read_manifest(tmp_path / "shards/manifest.parquet")
    assert written.reset_index(drop=True).equals(manifest.reset_index(drop=True))
    assert described == {**metadata, "root": str(tmp_path / "shards")}
    names = ["0.wav", "1.ogg", "2.wav", "3.ogg", "4_00000000_00000150.flac", "4_00000150_00000300.flac"]
    files = written.index.get_level_values("file")
    assert files.tolist() == [f"shard-{place // 2:06d}.tar/{name}" for place, name in enumerate(names)]
    for (file, start, end), (source, begin, stop) in zip(written.index, manifest.index, strict=True):
        assert (start.value, end) == (0, stop - begin)
        heard = read_audio(tmp_path / "shards" / file, end=end.total_seconds())
        span = {"start": begin.total_seconds(), "end": stop.total_seconds()}
        assert np.array_equal(heard, read_audio(tmp_path / "audio" / source, **span))


def test_every_clip_stands_before_its_labels_and_belongs_to_nobody(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio", num_files=3)
    write_shards(manifest, metadata, tmp_path / "shards")

    with tarfile.open(tmp_path / "shards/shard-000000.tar") as tar:
        infos = tar.getmembers()
        labels = [json.load(tar.extractfile(info)) for info in infos[1::2]]  # type: ignore[arg-type]

    stems = ["0", "1", "2_00000000_00000150", "2_00000150_00000300"]
    assert [info.name for info in infos[1::2]] == [f"{stem}.json" for stem in stems]
    assert [info.name.split(".")[0] for info in infos[::2]] == stems
    assert {(info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode) for info in infos} == {
        (0, 0, 0, "", "", 0o644)
    }
    assert [row["speaker"] for row in labels] == ["0", "1", "2", "3"]
    assert [(row["file"], row["start"], row["end"]) for row in labels][2:] == [("2.wav", 0, 0.15), ("2.wav", 0.15, 0.3)]


def test_the_same_corpus_gives_the_same_bytes(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    for name in ("one", "two"):
        write_shards(manifest, metadata, tmp_path / name, settings=TWO)

    assert hash_folder(tmp_path / "one") == hash_folder(tmp_path / "two")


def test_no_shard_is_above_its_size_but_one_of_a_single_clip(tmp_path: Path) -> None:
    durations = [0.3, 0.4, 0.3, 2.0, 0.3]  # s, of 32 kB each
    files = [f"{number}.wav" for number in range(5)]
    for file, duration in zip(files, durations, strict=True):
        (tmp_path / "audio").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "audio" / file, make_voice(duration, SAMPLING_RATE), SAMPLING_RATE)
    index = audformat.segmented_index(files, ["0s"] * 5, pd.to_timedelta(durations, unit="s"))
    metadata = {**METADATA, "root": str(tmp_path / "audio")}
    settings = ShardSettings(max_megabytes=30_720 / 1e6)

    result = write_shards(pd.DataFrame(index=index), metadata, tmp_path / "shards", settings=settings)

    archives = sorted((tmp_path / "shards").glob("*.tar"))
    assert [list_names(archive)[::2] for archive in archives] == [["0.wav", "1.wav"], ["2.wav"], ["3.wav"], ["4.wav"]]
    assert result.num_shards == 4
    # Headers of 4 x 512, audio of 9,728 and 13,312, labels of 2 x 512, an end of 1,024; up to a multiple of 10,240.
    assert archives[0].stat().st_size == 30_720


def test_a_seed_draws_an_order_that_is_the_same_again(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio", num_files=8)
    orders = {}
    for name, seed in {"one": 0, "again": 0, "two": 1}.items():
        settings = ShardSettings(shuffle_seed=seed)
        orders[name] = write_shards(manifest, metadata, tmp_path / name, settings=settings).manifest["speaker"].tolist()

    assert orders["one"] == orders["again"] != orders["two"] != manifest["speaker"].tolist()
    assert sorted(orders["one"]) == sorted(manifest["speaker"])
    for file, speaker in zip(*read_rows(tmp_path / "one"), strict=True):
        assert file.startswith(f"shard-000000.tar/{min(int(speaker), 7)}")


def read_rows(folder: Path) -> tuple[list[str], list[str]]:
    manifest, _ = read_manifest(folder / "manifest.parquet")
    return manifest.index.get_level_values("file").tolist(), manifest["speaker"].tolist()


def test_bad_files_are_left_out_and_listed(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    (tmp_path / "audio/0.wav").unlink()
    (tmp_path / "audio/3.ogg").write_bytes(b"no audio")
    (tmp_path / "audio/4.wav").write_bytes(b"")

    result = write_shards(manifest, metadata, tmp_path / "shards", settings=TWO)

    assert [bad.file for bad in result.bad_files] == ["0.wav", "3.ogg", "4.wav", "4.wav"]
    assert result.bad_files[0].reason == f"{tmp_path}/audio/0.wav: no such file"
    assert result.num_shards == 1
    assert read_rows(tmp_path / "shards")[0] == ["shard-000000.tar/1.ogg", "shard-000000.tar/2.wav"]
    assert sorted(path.name for path in (tmp_path / "shards").iterdir()) == ["manifest.parquet", "shard-000000.tar"]


def test_a_corpus_without_one_good_file_is_refused(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    for path in (tmp_path / "audio").iterdir():
        path.write_bytes(b"")

    with pytest.raises(CorpusError, match=r"none of the 6 utterances can be used; the first: .*0\.wav: the file is em"):
        write_shards(manifest, metadata, tmp_path / "shards")
    assert list((tmp_path / "shards").iterdir()) == []


@pytest.mark.parametrize("row", [0, 1, 2, 3, 5])
def test_what_was_stopped_goes_on_and_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: int
) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    (tmp_path / "audio/1.ogg").unlink()
    whole = write_shards(manifest, metadata, tmp_path / "whole", settings=TWO)
    read = Samples.read

    def stop(samples: Samples, place: int) -> Any:
        if place == row:
            raise KeyboardInterrupt
        return read(samples, place)

    monkeypatch.setattr(Samples, "read", stop)
    with pytest.raises(KeyboardInterrupt):
        write_shards(manifest, metadata, tmp_path / "shards", settings=TWO)
    monkeypatch.undo()
    (tmp_path / "shards/.shard-000000.tar.x.tar").write_bytes(b"half")  # as a process that was killed leaves it
    resumed = write_shards(manifest, metadata, tmp_path / "shards", settings=TWO)

    assert hash_folder(tmp_path / "shards") == hash_folder(tmp_path / "whole")
    assert resumed.manifest.equals(whole.manifest)
    assert resumed.bad_files == whole.bad_files
    assert resumed.num_kept == {0: 0, 1: 0, 2: 0, 3: 1, 5: 2}[row]
    assert sorted(path.suffix for path in (tmp_path / "shards").iterdir()) == [".parquet", ".tar", ".tar", ".tar"]


def test_progress_is_told_of_every_utterance(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    told: list[tuple[int, int]] = []

    write_shards(
        manifest, metadata, tmp_path / "shards", settings=TWO, progress=lambda done, total: told.append((done, total))
    )

    assert sorted(set(told)) == [(done, 6) for done in range(1, 7)]
    assert told == sorted(told)


def leave_unfinished(folder: Path, manifest: pd.DataFrame, metadata: dict[str, Any]) -> None:
    """Leave what a call that was stopped in the second shard does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Samples, "__len__", lambda samples: 2)
        patch.setattr("paraclap.corpora.sharding._finish", lambda *args, **kwargs: None)
        write_shards(manifest, metadata, folder, settings=TWO)


def test_shards_of_another_call_are_left_alone(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    leave_unfinished(tmp_path / "shards", manifest, metadata)
    before = hash_folder(tmp_path / "shards")

    others: list[tuple[pd.DataFrame, dict[str, Any], ShardSettings]] = [
        (manifest.assign(speaker="x"), metadata, TWO),
        (manifest, {**metadata, "root": str(tmp_path)}, TWO),
        (manifest, metadata, ShardSettings(max_clips=2, shuffle_seed=0)),
        (manifest, metadata, ShardSettings(max_clips=3)),
    ]
    for table, facts, settings in others:
        with pytest.raises(CorpusError, match="holds shards of another manifest, or of other sizes or order; choose"):
            write_shards(table, facts, tmp_path / "shards", settings=settings)
    assert hash_folder(tmp_path / "shards") == before != {}


def test_a_folder_with_complete_shards_is_left_alone(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    write_shards(manifest, metadata, tmp_path / "shards")

    with pytest.raises(CorpusError, match="shards holds shards that are complete; choose an empty or a new folder"):
        write_shards(manifest, metadata, tmp_path / "shards")


@pytest.mark.parametrize("name", ["notes.txt", "manifest.parquet", "shard-000000.tar", ".hidden"])
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / name).write_text("mine")

    with pytest.raises(CorpusError, match=rf"shards is not empty, it holds {name}; choose an empty or a new folder"):
        write_shards(manifest, metadata, tmp_path / "shards")
    assert (tmp_path / "shards" / name).read_text() == "mine"


def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    (tmp_path / "file").touch()

    with pytest.raises(CorpusError, match="file is a file; expected the name of a folder to write"):
        write_shards(manifest, metadata, tmp_path / "file")
    with pytest.raises(ParaClapError, match=r"cannot be written \(Not a directory\)"):
        write_shards(manifest, metadata, tmp_path / "file/shards")


def test_a_full_disk_leaves_the_whole_shards_and_no_half_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    add = tarfile.TarFile.addfile

    def fail(tar: tarfile.TarFile, info: tarfile.TarInfo, stream: Any) -> None:
        if info.name.startswith("3"):
            raise OSError(28, "No space left on device")
        add(tar, info, stream)

    monkeypatch.setattr(tarfile.TarFile, "addfile", fail)
    with pytest.raises(
        CorpusError, match=r"shard-000001\.tar cannot be written \(No space left on device\); make room"
    ):
        write_shards(manifest, metadata, tmp_path / "shards", settings=TWO)

    assert sorted(path.name for path in (tmp_path / "shards").iterdir()) == ["shard-000000.json", "shard-000000.tar"]


@pytest.mark.parametrize(
    "settings", [ShardSettings(max_clips=0), ShardSettings(max_megabytes=0), ShardSettings(max_megabytes=float("nan"))]
)
def test_sizes_that_hold_nothing_are_refused(tmp_path: Path, settings: ShardSettings) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")

    with pytest.raises(ConfigError, match=r"shards of (0 clips|0 MB|nan MB); expected a size above zero"):
        write_shards(manifest, metadata, tmp_path / "shards", settings=settings)


def test_what_is_no_manifest_is_refused(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")

    with pytest.raises(CorpusError, match="column 'emotion' holds 'happy'"):
        write_shards(manifest.assign(emotion="happy"), metadata, tmp_path / "shards")
    del metadata["licence"]
    with pytest.raises(CorpusError, match="the metadata lacks licence; pass what read_manifest returned"):
        write_shards(manifest, metadata, tmp_path / "shards")


def test_shards_can_be_sharded_again(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path / "audio")
    write_shards(manifest, metadata, tmp_path / "one", settings=TWO)

    again = write_shards(*read_manifest(tmp_path / "one/manifest.parquet"), tmp_path / "two")

    first = again.manifest.index[0][0]
    assert first == "shard-000000.tar/shard-000000.tar/0.wav"
    assert np.array_equal(read_audio(tmp_path / "two" / first), read_audio(tmp_path / "audio/0.wav"))

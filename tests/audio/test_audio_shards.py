import hashlib
import io
import os
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.audio.clips import AAC_MP4, Encoding, make_voice, write_ffmpeg

from paraclap.audio import SAMPLING_RATE, find_audio, hash_audio, locate_audio, open_audio, read_audio, read_duration
from paraclap.audio.shards import _scan, find_member, list_members
from paraclap.errors import AudioError


def write_kinds(folder: Path) -> list[Path]:
    """Write four seconds in a format of each decoder and each way of seeking."""
    voice = make_voice(4, 44100)
    for name in ("a.wav", "a.flac", "a.mp3", "a.ogg", "no suffix"):
        soundfile.write(folder / name, voice, 44100, format={"a.ogg": "OGG", "a.mp3": "MP3"}.get(name, "FLAC"))
    write_ffmpeg(folder / "a.m4a", voice, 44100, AAC_MP4)
    write_ffmpeg(folder / "a.webm", make_voice(4, 48000), 48000, Encoding("libopus", "webm"))
    bare = Encoding("libmp3lame", "mp3", {}, {"write_xing": "0", "id3v2_version": "0"})
    write_ffmpeg(folder / "bare.mp3", voice, 44100, bare)
    return sorted(folder.iterdir())


def pack(archive: Path, contents: dict[str, bytes], *, format: int = tarfile.PAX_FORMAT) -> Path:  # noqa: A002
    with tarfile.open(archive, "w", format=format) as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return archive


def make_wav(duration: float = 0.5, seed: int = 0) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, make_voice(duration, SAMPLING_RATE, seed), SAMPLING_RATE, format="WAV")
    return stream.getvalue()


def test_a_member_is_read_as_the_file_that_it_is(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    files = write_kinds(tmp_path / "files")
    archive = pack(tmp_path / "x.tar", {f"sub/{path.name}": path.read_bytes() for path in files})

    for path in files:
        member = archive / "sub" / path.name
        assert read_duration(member) == read_duration(path)
        assert np.array_equal(read_audio(member), read_audio(path))
        part = {"start": 2.5, "end": 3.25}
        assert np.array_equal(read_audio(member, **part), read_audio(path, **part))  # type: ignore[arg-type]


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_may_be_long_not_ascii_or_begin_with_a_dot_and_slash(tmp_path: Path, format: int) -> None:  # noqa: A002
    names = ["a" * 150 + ".wav", "ä/슬픔 🙂.wav", "./b.wav", os.fsdecode(b"latin-\xe4.wav"), "1.2.wav"]
    archive = pack(tmp_path / "x.TAR", {name: make_wav(seed=seed) for seed, name in enumerate(names)}, format=format)

    for seed, name in enumerate(names):
        assert np.array_equal(read_audio(archive / name), soundfile.read(io.BytesIO(make_wav(seed=seed)))[0])


def test_the_hash_is_that_of_the_bytes_in_an_archive_or_not_and_none_of_what_is_not_there(tmp_path: Path) -> None:
    content = make_wav()
    archive = pack(tmp_path / "x.tar", {"a.wav": content})
    (tmp_path / "a.wav").write_bytes(content)

    assert hash_audio(tmp_path / "a.wav") == hash_audio(archive / "a.wav") == hashlib.sha256(content).hexdigest()
    assert hash_audio(tmp_path / "b.wav") is hash_audio(archive / "b.wav") is hash_audio(tmp_path) is None


def test_bytes_of_a_member_are_those_of_the_file_wherever_one_looks(tmp_path: Path) -> None:
    content = bytes(range(256)) * 300
    archive = pack(tmp_path / "x.tar", {"before": b"b" * 700, "a.bin": content, "after": b"c" * 700})
    rng = np.random.default_rng(0)

    with open_audio(archive / "a.bin") as stream, io.BytesIO(content) as expected:
        assert stream.read() == content
        for _ in range(300):
            place, whence = int(rng.integers(-len(content), 2 * len(content))), int(rng.integers(0, 3))
            try:
                expected.seek(place, whence)
                target = expected.tell()
            except ValueError:  # before the begin
                continue
            if whence == os.SEEK_CUR and target == 0:
                continue  # BytesIO stops at its begin
            assert stream.seek(target) == target
            size = int(rng.integers(0, 20_000))
            assert stream.read(size) == expected.read(size)
        assert stream.seek(-10, os.SEEK_END) == len(content) - 10
        assert stream.seek(4, os.SEEK_CUR) == len(content) - 6
        assert stream.read() == content[-6:]
        with pytest.raises(OSError, match="before the begin of the member"):
            stream.seek(-1 - len(content), os.SEEK_END)


def test_a_plain_file_is_opened_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"abc")

    with open_audio(tmp_path / "a.bin") as stream:
        assert stream.read() == b"abc"
    with pytest.raises(AudioError, match=r"none: cannot be opened \(No such file or directory\)$"):
        open_audio(tmp_path / "none")


def test_a_folder_that_is_called_like_an_archive_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.tar").mkdir()
    (tmp_path / "x.tar/a.wav").write_bytes(make_wav())

    assert len(read_audio(tmp_path / "x.tar/a.wav")) == SAMPLING_RATE / 2
    assert find_audio([tmp_path / "x.tar"]) == [tmp_path / "x.tar/a.wav"]
    assert locate_audio(tmp_path / "x.tar/a.wav") == tmp_path / "x.tar/a.wav"


def test_the_file_on_disk_of_a_member_is_the_archive(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.tar", {"sub/a.wav": make_wav()})

    assert locate_audio(archive / "sub/a.wav") == archive
    assert locate_audio(tmp_path / "none.wav") == tmp_path / "none.wav"


def test_an_archive_is_searched_like_a_folder_and_a_folder_is_not_searched_for_archives(tmp_path: Path) -> None:
    names = ["b/z.wav", "b/a.flac", "a.json", "b/._z.wav", ".hidden/c.wav", "a.WAV"]
    archive = pack(tmp_path / "x.tar", dict.fromkeys(names, b"any"))
    (tmp_path / "loose.wav").write_bytes(b"any")

    assert find_audio([archive]) == [archive / name for name in ("a.WAV", "b/a.flac", "b/z.wav")]
    assert find_audio([archive / "b/z.wav", archive / "a.json"]) == [archive / "b/z.wav", archive / "a.json"]
    assert find_audio([tmp_path]) == [tmp_path / "loose.wav"]
    assert list_members(archive) == [archive / name for name in sorted(names)]


def test_what_holds_no_audio_is_named(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.tar", {"a.json": b"{}"})

    with pytest.raises(AudioError, match=r"x\.tar: no audio file in this archive; expected suffixes like \.wav"):
        find_audio([archive])
    with pytest.raises(AudioError, match=r"in this folder; .*; name an archive in it by itself: .*x\.tar$"):
        find_audio([tmp_path])


def test_a_missing_archive_and_a_missing_member_are_named(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.tar", {"b.wav": make_wav(), "folder/c.wav": make_wav()})

    for read in (read_audio, read_duration, open_audio, lambda path: find_audio([path])):
        with pytest.raises(AudioError, match=r"none\.tar: no such file; expected a tar archive of audio$"):
            read(tmp_path / "none.tar/a.wav")
        for name in ("a.wav", "z.wav", "folder", "b.wav/c"):
            with pytest.raises(AudioError, match=rf"{name}: the archive has no such member; 'tar -tf x\.tar' lists"):
                read(archive / name)
    with pytest.raises(AudioError, match=r"cannot be opened \(File name too long\)"):
        read_audio(tmp_path / ("x" * 300 + ".tar") / "a.wav")


def test_an_empty_member_and_one_that_is_no_audio_are_named(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.tar", {"a.wav": b"", "b.wav": b"no audio", "b.m4a": b"no audio"})

    for read in (read_audio, read_duration):
        with pytest.raises(AudioError, match=r"x\.tar/a\.wav: the file is empty$"):
            read(archive / "a.wav")
        for name in ("b.wav", "b.m4a"):
            with pytest.raises(AudioError, match=rf"x\.tar/{name}: cannot be read as audio"):
                read(archive / name)


@pytest.mark.parametrize("lost", [100, 900, 17_000])  # within the last member, its padding, and the one before
def test_of_a_truncated_archive_the_whole_members_are_read(tmp_path: Path, lost: int) -> None:
    contents = {f"{name}.wav": make_wav(seed=seed) for seed, name in enumerate("abc")}
    archive = pack(tmp_path / "x.tar", contents)
    place = find_member(archive / "c.wav")
    assert place is not None
    archive.write_bytes(archive.read_bytes()[: place.offset + place.size - lost])

    assert len(read_audio(archive / "a.wav")) == SAMPLING_RATE / 2
    for read in (read_audio, read_duration):
        with pytest.raises(AudioError, match=r"x\.tar: the archive is damaged or truncated \(.+\); copy it again, or"):
            read(archive / "c.wav")
    with pytest.raises(AudioError, match="damaged or truncated"):
        find_audio([archive])


@pytest.mark.parametrize(
    "content", [b"", b"no archive" * 100, b"\x1f\x8b" + bytes(2000)], ids=["empty", "text", "gzip"]
)
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)

    for path in (tmp_path / "x.tar", tmp_path / "x.tar/a.wav"):
        with pytest.raises(AudioError, match=r"x\.tar: the archive is damaged or truncated \(.+\); copy it again, or"):
            find_audio([path])


def test_links_and_folders_are_no_members(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, kind in (("folder", tarfile.DIRTYPE), ("link.wav", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)

    assert list_members(tmp_path / "x.tar") == []
    with pytest.raises(AudioError, match="no such member"):
        read_audio(tmp_path / "x.tar/link.wav")


def test_of_two_members_of_one_name_the_later_counts_as_in_tar(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.tar", {"a.wav": make_wav(0.2), "./a.wav": make_wav(0.4)})

    assert read_duration(archive / "a.wav") == 0.4


def test_an_archive_that_was_written_again_is_indexed_again(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.tar", {"a.wav": make_wav(0.2)})
    assert read_duration(archive / "a.wav") == 0.2

    pack(archive, {"b.wav": make_wav(0.3), "a.wav": make_wav(0.4)})

    assert read_duration(archive / "a.wav") == 0.4


def test_threads_read_one_archive_together_and_its_headers_once(tmp_path: Path) -> None:
    contents = {f"{number}.wav": make_wav(0.2, seed=number) for number in range(40)}
    archive = pack(tmp_path / "x.tar", contents)
    misses = _scan.cache_info().misses
    found: dict[str, bool] = {}

    def read(names: list[str]) -> None:
        for name in names:
            found[name] = np.array_equal(read_audio(archive / name), soundfile.read(io.BytesIO(contents[name]))[0])

    threads = [threading.Thread(target=read, args=(list(contents)[first::4],)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == dict.fromkeys(contents, True)
    assert _scan.cache_info().misses == misses + 1

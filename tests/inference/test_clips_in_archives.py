import io
import tarfile
from pathlib import Path

import pytest
import soundfile
from tests.audio.clips import make_voice

from paraclap.audio import SAMPLING_RATE
from paraclap.errors import AudioError
from paraclap.inference import Clip
from paraclap.inference.clips import gather_clips


def write_archive(path: Path, names: list[str]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name in names:
            content = io.BytesIO()
            soundfile.write(content, make_voice(0.5, SAMPLING_RATE), SAMPLING_RATE, format="WAV")
            info = tarfile.TarInfo(name)
            info.size = len(content.getvalue())
            content.seek(0)
            tar.addfile(info, content)
    return path


def test_an_archive_is_heard_as_the_clips_in_it(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "x.tar", ["b.wav", "a/c.wav", "notes.txt"])

    clips = gather_clips([archive, archive / "b.wav"])

    assert clips == [Clip(archive / "a/c.wav"), Clip(archive / "b.wav"), Clip(archive / "b.wav")]
    assert [clip.measure().end for clip in clips] == [0.5] * 3
    assert len(clips[0].measure().read()) == SAMPLING_RATE / 2


def test_an_archive_that_holds_nothing_to_hear_is_a_clip_that_says_so(tmp_path: Path) -> None:
    write_archive(tmp_path / "notes.tar", ["notes.txt"])
    (tmp_path / "damaged.tar").write_bytes(b"damaged" * 100)
    reasons = {
        "notes.tar": "no audio file in this archive",
        "damaged.tar": "the archive is damaged or truncated",
        "none.tar": "no such file or folder",
        "none.tar/a.wav": "no such file; expected a tar archive of audio",
    }

    for name, reason in reasons.items():
        (clip,) = gather_clips(tmp_path / name)
        with pytest.raises(AudioError, match=f"{reason}"):
            clip.measure()

"""Broken and hostile uploads end as one sentence, and the next good request is answered."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient
from tests.audio.clips import Encoding, make_voice, write_ffmpeg
from tests.inference.loudness import QUERIES
from tests.service.asking import ask_app, make_settings, post, problem_of
from tests.service.toys import LetterReader

NUM_UPLOADS = int(os.environ.get("PARACLAP_NUM_HOSTILE", "36"))
_KINDS = {
    "wav": None,
    "flac": None,
    "ogg": None,
    "mp3": None,
    "m4a": Encoding("aac", "mp4"),
    "webm": Encoding("libopus", "webm"),
}


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    with ask_app(make_settings(max_duration=60.0, decoding_timeout=5.0), LetterReader()) as client:
        yield client


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return a good file of each kind."""
    folder = tmp_path_factory.mktemp("originals")
    for kind, encoding in _KINDS.items():
        if encoding is None:
            soundfile.write(folder / f"a.{kind}", make_voice(0.8, 48_000), 48_000)
        else:
            write_ffmpeg(folder / f"a.{kind}", make_voice(0.8, 48_000), 48_000, encoding)
    return {kind: (folder / f"a.{kind}").read_bytes() for kind in _KINDS}


def break_file(content: bytes, rng: np.random.Generator) -> bytes:
    """Truncate a file, fill in noise, or change bytes, most of them in its header."""
    broken = bytearray(content)
    match rng.integers(4):
        case 0:
            return bytes(broken[: rng.integers(len(broken))])
        case 1:
            begin = int(rng.integers(len(broken)))
            broken[begin : begin + 200] = rng.bytes(200)
        case 2:
            broken = broken[:100] + rng.bytes(int(rng.integers(1, 5000))) + broken[100:]
        case _:
            for place in rng.integers(0, min(200, len(broken)), size=int(rng.integers(1, 12))):
                broken[place] = int(rng.integers(256))
    return bytes(broken)


def check_alive(service: TestClient, originals: dict[str, bytes]) -> None:
    assert post(service, "/v1/classify", originals["wav"], query=QUERIES).status_code == 200


def send(service: TestClient, name: str, content: bytes) -> None:
    """Send a file, and see that it is answered, or refused with a sentence that names no other file."""
    response = service.post("/v1/classify", files={"file": (name, content)}, data={"query": QUERIES})
    if response.status_code != 200:
        status, detail = problem_of(response)
        assert status == 422, detail
        assert detail.startswith(f"{name}: ")
        assert "/tmp" not in detail


def test_fuzzed_files_are_answered_or_refused(service: TestClient, originals: dict[str, bytes]) -> None:
    rng = np.random.default_rng(10)
    for number in range(NUM_UPLOADS):
        kind = list(_KINDS)[number % len(_KINDS)]
        send(service, f"broken-{number}.{kind}", break_file(originals[kind], rng))

    check_alive(service, originals)


def test_the_wrong_suffix_does_not_matter(service: TestClient, originals: dict[str, bytes]) -> None:
    for kind, content in originals.items():
        response = service.post("/v1/classify", files={"file": ("x.tar", content)}, data={"query": QUERIES})
        assert response.status_code == 200, kind


def test_an_hour_of_silence_in_few_bytes_is_refused_unread(service: TestClient) -> None:
    stream = io.BytesIO()
    with soundfile.SoundFile(stream, "w", 8000, 1, "PCM_16", format="FLAC") as file:
        for _ in range(60):
            file.write(np.zeros(8000 * 60, dtype=np.int16))
    bomb = stream.getvalue()

    status, detail = problem_of(post(service, "/v1/classify", bomb, query=QUERIES))

    assert len(bomb) < 500_000
    assert (status, detail) == (
        422,
        "upload.wav: 3600.0 s of audio; this service takes at most 60 s: send it in parts",
    )


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"PK\x03\x04" + bytes(200),
        b"\x7fELF" + bytes(500),
        b"<html><script>alert(1)</script></html>",
        bytes(100_000),
        "日本語のテキスト".encode(),
    ],
    ids=["playlist", "concat", "zip", "program", "page", "zeros", "text"],
)
def test_what_is_no_audio_is_refused(service: TestClient, originals: dict[str, bytes], content: bytes) -> None:
    for name in ("a.wav", "a.mp4", "a"):
        send(service, name, content)

    check_alive(service, originals)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\b.wav", "b.wav"),
        ("a\x00\x1b[31m.wav", "a[31m.wav"),
        ("...", "upload"),
        ("", "upload"),
        ("x" * 999 + ".wav", "x" * 196 + ".wav"),
    ],
)
def test_names_are_cleaned(name: str, shown: str) -> None:
    from paraclap.service.uploads import clean_name

    assert clean_name(name) == shown


def test_what_a_killed_service_left_is_removed_when_the_next_one_starts(tmp_path: Path) -> None:
    import tempfile

    from paraclap.service.uploads import UploadFolder

    left = Path(tempfile.mkdtemp(prefix="paraclap-serve-99999999-"))
    (left / "a.wav").write_bytes(b"left")

    UploadFolder().close()

    assert not left.exists()

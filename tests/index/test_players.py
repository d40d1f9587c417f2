import base64
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.audio.clips import make_voice

from paraclap.errors import AudioError
from paraclap.index.players import encode_mp3, make_address, make_player


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a b.wav", make_voice(3.0, 16000), 16000)
    return tmp_path / "a b.wav"


def test_a_player_holds_the_stretch_as_mp3(voice: Path) -> None:
    address = make_player(voice, start=1.0, end=2.5)

    kind, data = address.split(",")
    assert kind == "data:audio/mpeg;base64"
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert rate == 16000
    assert len(samples) / rate == pytest.approx(1.5, abs=0.15)
    expected = make_voice(3.0, 16000)[16000:40000]
    best = np.correlate(samples, expected, "valid" if len(samples) >= len(expected) else "full").max()
    assert best / np.sqrt((samples**2).sum() * (expected**2).sum()) > 0.95


def test_a_second_takes_five_kilobytes(voice: Path) -> None:
    assert len(encode_mp3(voice)) == pytest.approx(3 * 5000, rel=0.15)


def test_what_is_louder_than_full_scale_is_turned_down(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", 3 * make_voice(1.0, 16000), 16000, subtype="FLOAT")

    samples, _ = soundfile.read(io.BytesIO(encode_mp3(tmp_path / "loud.wav")))

    assert np.mean(np.abs(samples) > 0.999) < 1e-3


def test_an_address_names_file_and_stretch(voice: Path) -> None:
    assert make_address(voice, start=1, end=2.5) == f"{voice.parent.as_uri()}/a%20b.wav#t=1.000,2.500"


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        make_player(tmp_path / "gone.wav")

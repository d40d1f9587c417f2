"""Codecs that a waveform may have gone through: encoded and decoded in memory by libsndfile."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np

from paraclap.audio.disturbances import check_disturbable
from paraclap.audio.waveform import SAMPLING_RATE, Waveform, resample
from paraclap.errors import ConfigError, list_known

_HEADROOM = 0.9  # Opus, GSM and u-law clip; what is louder goes through softer, and is given its level back
_BLOCK = 16_000  # samples; Vorbis overflows the stack where libsndfile is handed minutes at once


@dataclass(frozen=True)
class Codec:
    """Name a codec as libsndfile does, and the rate in Hz at which it is used; the bit rate is libsndfile's default."""

    format: str
    subtype: str
    sampling_rate: int = SAMPLING_RATE


CODECS = {
    "opus": Codec("OGG", "OPUS"),
    "vorbis": Codec("OGG", "VORBIS"),
    "mp3": Codec("MP3", "MPEG_LAYER_III"),
    "gsm": Codec("WAV", "GSM610", 8000),  # GSM full rate, 13 kbit/s: mobile telephony as it began
    "ulaw": Codec("WAV", "ULAW", 8000),  # G.711, 64 kbit/s: the telephone network
}


def apply_codec(waveform: Waveform, codec: str) -> Waveform:
    """Encode and decode a waveform `[T]`; none of the codecs delays it or changes its length.

    Raises:
        AudioError: if the waveform is not finite float32 `[T]` of at least 0.1 s.
        ConfigError: if the codec is unknown, or the installed libsndfile cannot encode it.
    """
    import soundfile

    check_disturbable(waveform)
    if codec not in CODECS:
        raise ConfigError(f"no codec {codec!r}{list_known(codec, CODECS)}")
    row = CODECS[codec]
    if not soundfile.check_format(row.format, row.subtype):
        version = soundfile.__libsndfile_version__
        raise ConfigError(f"libsndfile {version} cannot encode {codec!r}; expected 1.1 or later: upgrade soundfile")
    even = np.pad(waveform, (0, len(waveform) % 2))  # so that half the rate gives none short
    source = resample(even, SAMPLING_RATE, row.sampling_rate)
    scale = np.float32(max(1.0, np.abs(source).max() / _HEADROOM))
    encoded = BytesIO()
    with soundfile.SoundFile(encoded, "w", row.sampling_rate, 1, row.subtype, format=row.format) as stream:
        for begin in range(0, len(source), _BLOCK):
            stream.write(source[begin : begin + _BLOCK] / scale)
    encoded.seek(0)
    with soundfile.SoundFile(encoded) as stream:
        decoded = stream.read(len(source), dtype="float32")  # not what pads the last block of a codec
    return resample(decoded * scale, row.sampling_rate, SAMPLING_RATE)[: len(waveform)]

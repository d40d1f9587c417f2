"""Small folders in the official layout of every corpus, and the manifest rows that they must become."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

DURATION = 0.2  # s, of every recording made here

Row = dict[str, str | float | None]

RECORDER = "0D1AD73E-4C5E-45F3-85C4-9A3CB71E8856"
CRY = "donateacry_corpus_cleaned_and_updated_data"
IOS = f"{CRY}/hungry/{RECORDER}-1430742197-1.0-m-04-hu.wav"
ANDROID = f"{CRY}/discomfort/0c8f14a9-6999-485b-97a2-913c1cbf099c-1431028888092-1.7-f-22-ch.wav"
KOREAN = "Emotional/emotional-to-emotional/nea/wav"

# What lies beside the recordings; bytes where the encoding matters.
TEXTS: Mapping[str, Mapping[str, str | bytes]] = {
    "emodb": {
        "erkennung.txt": "Nr.\tSatz\terkannt\tnatuerlich\n"
        "1\xa0\xa0\t03a01Fa.wav\t92,50\xa0\xa0\t75,00\xa0\xa0\n2\xa0\xa0\t16b10Lb.wav\t100\xa0\t0,00\n".encode(
            "latin-1"
        ),
    },
    "nemo": {
        "data.tsv": "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
        "WR0_surprised_64.wav\tsurprised\tUcho wykrywa dźwięki.\tucho wykrywa dźwięki\t        WR0\tmale\t23\n"
        'EB0_neutral_13.wav\tneutral\t"Historia Polski.\thistoria polski\t        EB0\tfemale\t27\n',
    },
    "speechocean762": {
        "train/utt2spk": "000010011 0001\n",
        "train/text": "000010011\tWE CALL IT BEAR\n",
        "train/spk2gender": "0001 m\n",
        "train/spk2age": "0001\t37\n",
        "test/utt2spk": "000030012 0003\n",
        "test/text": "000030012\tMARK IS GOING\n",
        "test/spk2gender": "0003 f\n",
        "test/spk2age": "0003\t6\n",
    },
    "crema-d": {
        "VideoDemographics.csv": '"ActorID","Age","Sex","Race","Ethnicity"\n'
        '1001,51,"Male","Caucasian","Not Hispanic"\n1002,21,"Female","Caucasian","Not Hispanic"\n',
        "processedResults/summaryTable.csv": '"","FileName","VoiceVote","VoiceLevel","MultiModalVote"\n'
        '"1","1001_DFA_ANG_XX","N","69.1","A"\n"2","1002_IEO_HAP_LO","N:H","71:60","H"\n',
    },
}


def row(**columns: str | float | None) -> Row:
    """Return a row; this gives all rows one type."""
    return columns


# Every recording with its row: the columns of each, and None where the corpus does not say.
ROWS: Mapping[str, Mapping[str, Row]] = {
    "ased": {
        "01Neutral/n1-01-02-02-50.wav": row(
            speaker="50",
            language="am",
            label="Neutral",
            emotion="neutral",
            gender="male",
            sentence="01",
            repetition="2",
        ),
        # One name has a capital; and one file of a woman says 02, so its gender is unknown.
        "04Sad/S4-04-02-01-29.wav": row(
            speaker="29", language="am", label="Sad", emotion="sadness", gender="female", sentence="04", repetition="2"
        ),
        "05Angry/a5-03-01-02-21.wav": row(
            speaker="21", language="am", label="Angry", emotion="anger", gender=None, sentence="03", repetition="1"
        ),
    },
    "baved": {
        "0/49-m-23-6-1-201.wav": row(
            speaker="49", language="ar", label="1", gender="male", age=23.0, arousal=0.5, transcript="سيئ"
        ),
        "3/100-f-6-3-2-38.wav": row(
            speaker="100", language="ar", label="2", gender="female", age=6.0, arousal=1.0, transcript="الفيلم"
        ),
        "3/4-m-20-3-0-936.wav": row(
            speaker="4", language="ar", label="0", gender="male", age=20.0, arousal=0.0, transcript="الفيلم"
        ),
    },
    "crema-d": {
        "AudioWAV/1001_DFA_ANG_XX.wav": row(
            speaker="1001",
            language="en",
            label="ANG",
            emotion="anger",
            gender="male",
            age=51.0,
            intensity=None,
            transcript="Don't forget a jacket.",
            sentence="DFA",
            voice_vote="N",
            multimodal_vote="A",
        ),
        "AudioWAV/1002_IEO_HAP_LO.wav": row(
            speaker="1002",
            language="en",
            label="HAP",
            emotion="happiness",
            gender="female",
            age=21.0,
            intensity="low",
            transcript="It's eleven o'clock.",
            sentence="IEO",
            voice_vote="N:H",
            multimodal_vote="H",
        ),
        "AudioWAV/1002_ITH_SAD_X.wav": row(
            speaker="1002",
            language="en",
            label="SAD",
            emotion="sadness",
            gender="female",
            age=21.0,
            intensity=None,
            sentence="ITH",
            transcript="I think I have a doctor's appointment.",
            voice_vote=None,
            multimodal_vote=None,
        ),
    },
    "donateacry": {
        ANDROID: row(
            label="discomfort",
            gender="female",
            age_group="more than 2 years",
            vocalisation="cry",
            recorder="0c8f14a9-6999-485b-97a2-913c1cbf099c",
        ),
        IOS: row(label="hungry", gender="male", age_group="0 to 4 weeks", vocalisation="cry", recorder=RECORDER),
    },
    "emodb": {
        "wav/03a01Fa.wav": row(
            speaker="03",
            language="de",
            label="happiness",
            emotion="happiness",
            gender="male",
            age=31.0,
            transcript="Der Lappen liegt auf dem Eisschrank.",
            sentence="a01",
            recognition=0.925,
            naturalness=0.75,
        ),
        "wav/12a04Ac.wav": row(
            speaker="12",
            language="de",
            label="anxiety/fear",
            emotion="fear",
            gender="male",
            age=30.0,
            transcript="Heute abend könnte ich es ihm sagen.",
            sentence="a04",
            recognition=None,
            naturalness=None,
        ),
        "wav/16b10Lb.wav": row(
            speaker="16",
            language="de",
            label="boredom",
            emotion="boredom",
            gender="female",
            age=31.0,
            sentence="b10",
            recognition=1.0,
            naturalness=0.0,
            transcript="Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
        ),
    },
    "emotiontts-ko": {
        f"{KOREAN}/nea00100.wav": row(
            speaker="nea",
            partition="Emotional",
            language="ko",
            label="일반",
            emotion="neutral",
            gender="female",
            age_group=None,
            script="emotional-to-emotional",
            dialect=None,
        ),
        f"{KOREAN}/nea00301.wav": row(
            speaker="nea",
            partition="Emotional",
            language="ko",
            label="슬픔",
            emotion="sadness",
            gender="female",
            age_group=None,
            script="emotional-to-emotional",
            dialect=None,
        ),
        "Personality/pfo/wav/pfo00001.wav": row(
            speaker="pfo",
            partition="Personality",
            language="ko",
            label=None,
            emotion=None,
            gender="female",
            age_group=None,
            script=None,
            dialect="dialect",
        ),
        "Personality/pmi/wav/pmi00301.wav": row(
            speaker="pmi",
            partition="Personality",
            language="ko",
            label=None,
            emotion=None,
            gender="male",
            age_group="10s",
            script=None,
            dialect=None,
        ),
    },
    "nemo": {
        "samples/EB0_neutral_13.wav": row(
            speaker="EB0",
            language="pl",
            label="neutral",
            emotion="neutral",
            gender="female",
            age=27.0,
            transcript='"Historia Polski.',
            sentence="13",
        ),
        "samples/WR0_surprised_64.wav": row(
            speaker="WR0",
            language="pl",
            label="surprised",
            emotion="surprise",
            gender="male",
            age=23.0,
            transcript="Ucho wykrywa dźwięki.",
            sentence="64",
        ),
    },
    "ravdess": {
        "Audio_Speech_Actors_01-24/Actor_02/03-01-02-02-02-01-02.wav": row(
            speaker="02",
            language="en",
            label="calm",
            emotion="calm",
            gender="female",
            intensity="strong",
            statement="02",
            transcript="Dogs are sitting by the door.",
            repetition="1",
        ),
        "Audio_Speech_Actors_01-24/Actor_23/03-01-08-01-01-02-23.wav": row(
            speaker="23",
            language="en",
            label="surprised",
            emotion="surprise",
            gender="male",
            intensity="normal",
            statement="01",
            transcript="Kids are talking by the door.",
            repetition="2",
        ),
    },
    "speechocean762": {
        "WAVE/SPEAKER0001/000010011.WAV": row(
            speaker="0001",
            split="train",
            partition="train",
            language="en",
            gender="male",
            age=37.0,
            transcript="WE CALL IT BEAR",
            native_language="zh",
        ),
        "WAVE/SPEAKER0003/000030012.WAV": row(
            speaker="0003",
            split="test",
            partition="test",
            language="en",
            gender="female",
            age=6.0,
            transcript="MARK IS GOING",
            native_language="zh",
        ),
        # Not in the makers' lists: the split is that of the speaker.
        "WAVE/SPEAKER0003/000030099.WAV": row(
            speaker="0003",
            split="test",
            partition=None,
            language="en",
            gender="female",
            age=6.0,
            transcript=None,
            native_language="zh",
        ),
    },
    "tess": {
        "OAF_Pleasant_surprise/OAF_back_ps.wav": row(
            speaker="OAF", language="en", label="ps", emotion="surprise", gender="female", age=64.0, word="back"
        ),
        "OAF_neutral/OA_bite_neutral.wav": row(
            speaker="OAF", language="en", label="neutral", emotion="neutral", gender="female", age=64.0, word="bite"
        ),
        "YAF_sad/YAF_dog_sad.wav": row(
            speaker="YAF", language="en", label="sad", emotion="sadness", gender="female", age=26.0, word="dog"
        ),
    },
    "turev-db": {
        "Sound Source/Calm/1358_sk_kibir.wav": row(
            speaker="1358", language="tr", label="Calm", emotion="calm", word="kibir"
        ),
        "Sound Source/Sad/7895_hl_ogul1.wav": row(
            speaker="7895", language="tr", label="Sad", emotion="sadness", word="ogul1"
        ),
    },
}


def write_recording(path: Path, *, duration: float = DURATION) -> None:
    """Write a quiet tone; the suffix says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.1 * np.sin(2 * np.pi * 220 * np.arange(round(duration * 16_000)) / 16_000)
    kind = {".ogg": "OGG", ".flac": "FLAC"}.get(path.suffix.lower(), "WAV")
    soundfile.write(path, samples, 16_000, format=kind)


def write_corpus(name: str, root: Path, *, suffix: str | None = None) -> Path:
    """Write the small folder of a corpus, with another audio suffix if one is given, and return it."""
    for file in ROWS[name]:
        path = root / file
        write_recording(path if suffix is None else path.with_suffix(suffix))
    for file, text in TEXTS.get(name, {}).items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return root

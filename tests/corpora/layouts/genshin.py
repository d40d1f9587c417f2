"""A small folder of genshin: its layout is unverified, because there is no official release of these recordings.

The folder wav and labels.csv with its columns are our own: a form to bring recordings into. That they are in Chinese
and English and have labels of gender, age and emotion: arXiv 2601.12289.
"""

from collections.abc import Mapping

from tests.corpora.layouts.rows import Row, row

TEXTS: Mapping[str, str | bytes] = {
    "labels.csv": (
        "file,speaker,language,gender,age,emotion\n"
        "a line.wav,aunt,zh,female,65,Happy\n"
        "wav/b.wav,boy,en,male,10,fear\n"
        "c,boy,en,male,,sleepy\n"
    ),
}

KINDS = {"unknown label"}  # a sleepy voice

ROWS: Mapping[str, Row] = {
    "wav/a line.wav": row(speaker="aunt", language="zh", label="Happy", emotion="happiness", gender="female", age=65.0),
    "wav/b.wav": row(speaker="boy", language="en", label="fear", emotion="fear", gender="male", age=10.0),
    "wav/c.wav": row(speaker="boy", language="en", label="sleepy", emotion=None, gender="male", age=None),
}

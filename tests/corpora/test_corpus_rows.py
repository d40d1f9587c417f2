import re
from pathlib import Path

import pytest

from paraclap.corpora import list_corpora, load_corpus_info
from paraclap.corpora.rows import CorpusInfo
from paraclap.errors import CorpusError

NAMES = ["ased", "baved", "crema-d", "donateacry", "emodb", "emotiontts-ko"]
NAMES += ["emov-db", "emovo", "esd", "ravdess-song", "savee", "urdu"]
NAMES += ["alc", "fau-aibo", "iemocap", "msp-podcast", "sld"]
NAMES += ["baker", "common-voice", "genshin", "ljspeech", "meld"]
NAMES += ["nemo", "ravdess", "speechocean762", "tess", "turev-db"]

ROW = """
title = "T"
licence = "L"
source = "S"
citation = "C"
version = "1"
languages = ["fr"]
use = "train"
layout = "unverified"
num_files = 1
examples = ["a.wav"]
patterns = ['(?P<speaker>[a-z])']
"""


TABLE = ROW + '[columns]\n[tables.t]\nformat = "csv"\non = "speaker"\n'


def load_row(folder: Path, text: str) -> CorpusInfo:
    (folder / "own.toml").write_text(text)
    return load_corpus_info(folder / "own.toml")


def test_the_corpora_are_listed_by_name() -> None:
    assert [info.name for info in list_corpora()] == sorted(NAMES)


@pytest.mark.parametrize("info", list_corpora(), ids=lambda info: info.name)
def test_every_example_fits_a_pattern(info: CorpusInfo) -> None:
    for example in info.examples:
        stem = re.sub(r"\.\w+$", "", example)
        assert any(re.fullmatch(pattern, stem, re.IGNORECASE) for pattern in info.patterns), example


def test_corpora_that_allow_no_derivatives_are_for_tests_only() -> None:
    for_tests = ["genshin", "ravdess", "ravdess-song", "tess", "turev-db"]
    assert [info.name for info in list_corpora() if info.use == "test"] == for_tests
    assert all(info.use == "test" for info in list_corpora() if "ND" in info.licence)


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(
        CorpusError, match=r"no corpus 'emo-db'; did you mean 'emodb'\? 'paraclap corpus list' shows all"
    ):
        load_corpus_info("emo-db")


def test_a_row_of_ones_own_takes_the_name_of_its_file(tmp_path: Path) -> None:
    info = load_row(tmp_path, ROW + '[columns]\nspeaker = { from = "speaker" }\n')
    assert (info.name, info.languages, info.form_needed) == ("own", ("fr",), False)


def test_a_row_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert load_row(tmp_path, "\ufeff" + ROW + "[columns]\n").title == "T"


def test_a_row_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no file .*own\.toml; expected a TOML file with the row of a corpus"):
        load_corpus_info(tmp_path / "own.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", r"own\.toml is not TOML"),
        ('title = "T"', r"own\.toml: licence: Field required"),
        (ROW + "[columns]\n[surplus]\n", r"surplus: Extra inputs are not permitted"),
        (ROW + '[columns]\nspeaker = { from = "sepaker" }', r"comes from 'sepaker'; expected one of speaker"),
        (ROW + '[columns]\nspeaker = { from = "{speaker}{sex}" }', r"comes from 'sex'; expected one of speaker"),
        (ROW + '[columns]\nspeaker = { from = "speaker", fallback = "sex" }', r"comes from 'sex'; expected one of"),
        (ROW + "[columns]\nspeaker = {}", r"a column needs either 'value' or 'from'"),
        (ROW + '[columns]\nspeaker = { from = "speaker", value = "a" }', r"a column needs either 'value' or 'from'"),
        (
            ROW + '[columns]\nemotion = { value = "happy" }',
            r"column 'emotion' gives 'happy'; expected one of anger, bo",
        ),
        (
            ROW + '[columns]\ngender = { from = "speaker", map = { a = "woman" } }',
            r"gives 'woman'; expected one of fem",
        ),
        (ROW + '[columns]\nage = { value = "old" }', r"column 'age' gives 'old'; expected a number"),
        (ROW + "[columns]\nspeaker = { value = 3 }", r"column 'speaker' gives 3.*; expected text"),
        (ROW + '[columns]\nlabel = { from = "speaker", type = "number" }', r"column 'label' is text by contract"),
        (ROW + '[columns]\nx = { value = "a", map = { a = "b" } }', r"a constant column has no 'match', 'map'"),
        (ROW.replace("[a-z])", "[a-z]") + "[columns]", r"is no regular expression"),
        (ROW.replace("'(?P", "'(?i)(?P") + "[columns]", r"is no regular expression \(global flags"),
        (ROW.replace("[a-z])", r"[a-z])\1") + "[columns]", r"has a group by number or 'place_'"),
        (ROW.replace("<speaker>", "<place_>") + "[columns]", r"has a group by number or 'place_'"),
        (ROW + '[columns]\nfile = { from = "speaker" }', r"column 'file' is a place of the utterance"),
        (ROW + '[columns]\nx = { from = "speaker", factor = 2 }', r"has an interval or a factor; expected type = 'num"),
        (ROW + '[columns]\nx = { from = "speaker", map = { a = "b", A = "c" } }', r"the map has 'a' twice"),
        (TABLE + 'file = "t"\nencoding = "klingon"', r"tables\.t\.encoding: encoding 'klingon' is not known"),
        (TABLE + 'file = "t"\nencoding = []', r"no encoding is named"),
        (TABLE + 'file = "t"\ndelimiter = ";;"', r"the delimiter is ';;'; expected one character"),
        (TABLE + 'file = "/t"', r"file '/t'; expected a path below the root"),
        (TABLE + 'file = "**t"', r"file '\*\*t'; expected a path below the root"),
        (TABLE + 'files = { a = "../t" }', r"file '\.\./t'; expected a path below the root"),
        (ROW + '[columns]\n[tables.t]\nformat = "csv"\non = "speaker"', r"a table needs either 'file' or 'files'"),
        (ROW + '[columns]\n[tables.t]\nfile = "t"\nformat = "csv"\non = "clip"', r"table 't' joins on 'clip'"),
        (
            ROW + '[columns]\n[tables.t]\nfile = "t"\nformat = "kaldi"\nkey = "k"\non = "speaker"',
            r"by its first column",
        ),
        (
            ROW + '[columns]\nx = { from = "t.z" }\n[tables.t]\nfile = "t"\nformat = "kaldi"\non = "speaker"',
            r"'t' has key, part, value",
        ),
    ],
)
def test_a_row_that_cannot_work_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=message):
        load_row(tmp_path, text)

from pathlib import Path

import pytest
from tests.corpora.corpus_folders import write_corpus, write_recording

from paraclap.corpora import find_root, load_corpus_info
from paraclap.corpora.layout import scan_layout
from paraclap.errors import CorpusError


def test_the_root_is_the_folder_itself_or_the_one_of_its_name_inside(tmp_path: Path) -> None:
    root = write_corpus("emodb", tmp_path / "EmoDB")
    write_corpus("tess", tmp_path / "tess")
    assert find_root("emodb", tmp_path) == root
    assert find_root("emodb", root) == root
    assert find_root("tess", tmp_path) == tmp_path / "tess"


def test_an_empty_folder_of_its_name_does_not_hide_the_files_beside_it(tmp_path: Path) -> None:
    write_corpus("emodb", tmp_path)
    (tmp_path / "emodb").mkdir()
    assert find_root("emodb", tmp_path) == tmp_path


def test_the_root_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_corpus("emodb", tmp_path / "emodb")
    monkeypatch.chdir(tmp_path)
    assert find_root("emodb", Path()) == tmp_path / "emodb"


def test_a_root_that_is_not_there_or_not_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match=r"absent: no such folder; expected the folder that holds emodb"):
        find_root("emodb", tmp_path / "absent")
    with pytest.raises(CorpusError, match=r"file: this is a file; expected the folder that holds emodb"):
        find_root("emodb", tmp_path / "file")
    with pytest.raises(CorpusError, match=r"found no audio file at all"):
        find_root("emodb", tmp_path)


def test_an_unknown_corpus_has_no_root(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no corpus 'tes'; did you mean 'tess'"):
        find_root("tes", tmp_path)


def test_of_two_copies_the_one_nearest_to_the_root_counts(tmp_path: Path) -> None:
    write_recording(tmp_path / "b/TESS data/TESS data/OAF_angry/OAF_back_angry.wav")
    write_recording(tmp_path / "b/TESS data/OAF_angry/OAF_back_angry.wav")
    write_recording(tmp_path / "b/TESS data/OAF_angry/oaf_back_angry.ogg")
    layout = scan_layout(load_corpus_info("tess"), tmp_path)
    assert [recording.file for recording in layout.recordings] == ["b/TESS data/OAF_angry/OAF_back_angry.wav"]
    assert layout.recordings[0].groups == {"speaker": "OAF", "word": "back", "emotion": "angry"}
    assert len(layout.repeats) == 2


def test_hidden_files_and_other_suffixes_do_not_count(tmp_path: Path) -> None:
    write_recording(tmp_path / "wav/03a01Fa.wav")
    (tmp_path / "wav/._03a01Fa.wav").write_bytes(b"Mac")
    (tmp_path / "wav/03a01Fa.lab").touch()
    write_recording(tmp_path / "wav/silence.wav")
    layout = scan_layout(load_corpus_info("emodb"), tmp_path)
    assert [recording.file for recording in layout.recordings] == ["wav/03a01Fa.wav"]
    assert (layout.repeats, layout.others) == ((), ("wav/silence.wav",))

from typing import Any

import numpy as np
import pytest
from tests.audio.clips import make_voice

from paraclap import ParaClap
from paraclap.errors import QueryError

VOICE = make_voice(0.3, 16000)
PAIR = ["an angry man", "a calm woman"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"^found neither queries nor a task; expected one of both, such as queries=\['an angry man', "),
        ({"queries": PAIR, "task": "emotion"}, r"^found queries and a task; expected one of both"),
        ({"queries": []}, r"^no query; ask at least one sentence, such as 'an angry man'$"),
        ({"queries": ["an angry man", " "]}, r"^query 2 of 2 is empty; expected a sentence$"),
        ({"queries": ["an angry man", None]}, r"^query 2 of 2 is None; expected a sentence$"),
        ({"queries": [*PAIR, "an angry man"]}, r"^query 'an angry man' stands twice; ask each one once$"),
        ({"queries": "an angry man"}, r"^found the text 'an angry man'; expected a list of texts: put it in brackets$"),
        ({"queries": ["an angry man"]}, r"^one query alone has no probability; ask at least two, or values='simila"),
        ({"queries": PAIR, "values": "logit"}, r"^values is 'logit'; expected 'probability' or 'similarity'$"),
        ({"task": "emotions"}, r"^no label set 'emotions'; did you mean 'emotion'\? known: age, .*arousal, "),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_heard(
    clap: ParaClap, options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ParaClap, "_encode_strictly", lambda *_: pytest.fail("heard"))

    with pytest.raises(QueryError, match=message):
        clap.classify(VOICE, sampling_rate=16000, **options)


def test_a_single_query_has_a_similarity(clap: ParaClap) -> None:
    answer = clap.classify(VOICE, PAIR[:1], values="similarity", sampling_rate=16000)

    both = clap.classify(VOICE, PAIR, values="similarity", sampling_rate=16000)
    assert np.abs(answer[PAIR[0]] - both[PAIR[0]]).max() < 1e-5


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], r"^no query; ask at least one sentence"),
        ([""], r"^query 1 of 1 is empty; expected a sentence$"),
        ("an angry man", r"expected a list of texts: put it in brackets$"),
    ],
)
def test_texts_that_cannot_be_embedded_are_refused(clap: ParaClap, texts: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        clap.embed_text(texts)

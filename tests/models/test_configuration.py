import json
import math
import re
from pathlib import Path

import pytest
from tests.models.tiny import make_text_config
from transformers import AutoConfig, BertConfig

from paraclap.models import MelTowerConfig, ParaClapConfig

REFERENCE = {"id": "nobody/tower", "package": "tower", "sha256": "0" * 64}


def test_a_config_survives_its_folder(tmp_path: Path) -> None:
    config = ParaClapConfig(
        audio_config=MelTowerConfig(channels=(4, 8), depth=3, hidden_size=20, dropout=0.1, num_mels=40),
        text_config=make_text_config(),
        projection_dim=24,
        projection_dropout=0.25,
        text_pooling="cls",
        text_reference=REFERENCE,
    )
    config.save_pretrained(tmp_path)

    for again in (ParaClapConfig.from_pretrained(tmp_path), AutoConfig.from_pretrained(tmp_path)):
        assert isinstance(again, ParaClapConfig)
        assert again.to_diff_dict() == config.to_diff_dict()
        assert isinstance(again.audio_config, MelTowerConfig)
        assert isinstance(again.text_config, BertConfig)
        assert again.audio_config.channels == [4, 8]
        assert again.text_reference == REFERENCE


def test_a_saved_config_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    make_text_config().save_pretrained(tmp_path / "tower")
    text_config = AutoConfig.from_pretrained(tmp_path / "tower")

    ParaClapConfig(text_config=text_config).save_pretrained(tmp_path / "model")
    AutoConfig.from_pretrained(tmp_path / "model").save_pretrained(tmp_path / "again")

    assert text_config.name_or_path == str(tmp_path / "tower")
    for name in ("model", "again"):
        assert str(tmp_path) not in (tmp_path / name / "config.json").read_text()


def test_towers_may_be_given_as_dictionaries() -> None:
    config = ParaClapConfig(
        audio_config={"hidden_size": 20},
        text_config={"model_type": "roberta", "hidden_size": 12, "num_attention_heads": 2},
    )

    assert (config.audio_config.model_type, config.audio_config.hidden_size) == ("paraclap_mel", 20)
    assert (config.text_config.model_type, config.text_config.hidden_size) == ("roberta", 12)


def test_the_defaults_are_those_of_clip_and_paraclap() -> None:
    config = ParaClapConfig()

    assert config.logit_scale_init_value == pytest.approx(math.log(1 / 0.07), abs=1e-6)
    assert config.projection_dropout == 0.5
    assert (config.text_pooling, config.text_reference) == ("mean", None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text_pooling": "max"}, "text_pooling is 'max'; expected 'mean' or 'cls'"),
        ({"text_reference": {"id": "x"}}, "text_reference has ['id']; expected id, package, sha256"),
    ],
)
def test_values_that_do_not_exist_are_refused(values: dict[str, object], message: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "paraclap", **values}))

    with pytest.raises(ValueError, match=re.escape(message)):
        ParaClapConfig.from_dict(values)
    with pytest.raises(ValueError, match=re.escape(message)):
        AutoConfig.from_pretrained(tmp_path)

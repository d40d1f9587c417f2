import audformat
import pandas as pd
from benchmarks.statements import count_statements

from paraclap.inference import Clip, VoiceProfile
from paraclap.inference.voice_measures import Measures
from paraclap.queries import Answer, describe_voice, load_label_set


def make_profile(label_set: str, **given: float) -> VoiceProfile:
    asked = load_label_set(label_set)
    shares = {label: given.get(label, 0.0) for label in asked.classes}
    answers = (Answer(label_set, asked.attribute, shares, shares),)
    return VoiceProfile(Clip(source=pd.Series([0.0]).to_numpy()), describe_voice(answers), answers, Measures(), None)


def test_statements_are_true_or_false_by_the_labels_and_uncounted_without_them() -> None:
    profiles = [
        make_profile("gender", female=0.9, male=0.1),
        make_profile("gender", female=0.7, male=0.3),
        make_profile("gender", female=0.5, male=0.5),
        make_profile("age", young_adult=0.5, middle_aged=0.5),
        make_profile("emotion", anger=0.9),
    ]
    index = audformat.segmented_index(["a.wav"] * 5, ["0s"] * 5, ["1s"] * 5)
    columns = {"gender": ["female", "male", "male", "male", "male"], "age": [30, 30, 30, 70, 30]}

    counts = count_statements(profiles, pd.DataFrame(columns, index=index))

    assert counts == {("gender", "", True): 1, ("gender", "probably", False): 1, ("age_group", "", True): 1}

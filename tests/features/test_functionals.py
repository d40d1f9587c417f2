from tests.features.corpora import load_smile

from paraclap.features import FEATURE_SET, feature_names, voiced_only_names
from paraclap.features.functionals import missing_rules


def test_the_names_are_those_of_opensmile_in_its_order() -> None:
    assert list(feature_names()) == list(load_smile().feature_names)
    assert load_smile().feature_set.name == FEATURE_SET
    assert len(set(feature_names())) == 88


def test_voiced_only_are_pitch_its_perturbations_formants_and_voiced_spectra_but_no_loudness() -> None:
    voiced = set(voiced_only_names())

    assert {name for name in feature_names() if name.startswith(("F0", "jitter", "shimmer", "HNR"))} <= voiced
    assert {name for name in feature_names() if name.startswith(("F1", "F2", "F3", "logRelF0"))} <= voiced
    assert {"alphaRatioV_sma3nz_amean", "mfcc1V_sma3nz_amean", "VoicedSegmentsPerSec"} <= voiced
    assert set(feature_names()) - voiced == {
        *(name for name in feature_names() if name.startswith("loudness")),
        *(name for name in feature_names() if name.startswith(("spectralFlux_", *(f"mfcc{k}_" for k in range(1, 5))))),
        *(name for name in feature_names() if "UV" in name),
        "MeanUnvoicedSegmentLength",
        "StddevUnvoicedSegmentLength",
        "equivalentSoundLevel_dBp",
    }


def test_every_rule_names_functionals_and_has_a_reason_of_its_own() -> None:
    rules = missing_rules()

    assert all({rule.when_zero, *rule.names} <= set(feature_names()) for rule in rules)
    assert all(rule.when_zero in rule.names for rule in rules)
    assert len({rule.reason for rule in rules}) == len(rules) == 10
    assert not any(";" in rule.reason for rule in rules)  # reasons are joined by it

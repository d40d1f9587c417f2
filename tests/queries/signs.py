"""Signs of each fact in English, written by hand and not taken from the tables: what a reader would understand."""

import re
from collections.abc import Collection

from paraclap.queries import Fact

_SIGNS = {
    "emotion": {
        "anger": "angry|mad|annoyed|enraged|irritated|anger|rage|irritation",
        "boredom": "bored|uninterested|weary|boredom|weariness",
        "calm": "calm|relaxed|peaceful|calmness",
        "contempt": "contemptuous|scornful|contempt|scorn",
        "disgust": "disgusted|repelled|revolted|disgust|revulsion",
        "fear": "fearful|scared|frightened|anxious|terrified|afraid|fear|anxiety|fright",
        "happiness": "happy|joyful|cheerful|delighted|pleased|glad|happiness|joy|delight",
        "neutral": "neutral|unemotional|matter-of-fact|emotionless|no emotion|neutrality|no particular feeling",
        "sadness": "sad|unhappy|sorrowful|depressed|miserable|sadness|sorrow|grief",
        "surprise": "surprised|astonished|amazed|startled|surprise|astonishment|amazement",
        "excitement": "excited|thrilled|excitement",
        "frustration": "frustrated|exasperated|frustration|exasperation",
        "composed": "calm|relaxed|composed|calmness|composure",
    },
    "intensity": {
        "low": "slightly|mildly|slight|mild",
        "medium": "moderately|moderate",
        "high": "very|extremely|strong",
    },
    "gender": {
        "female": "female|woman|girl|she|her|female adult|grown woman|young woman|young female adult|old woman|"
        "elderly woman|middle-aged woman|teenage girl|baby girl|female child",
        "male": "male|man|boy|he|his|male adult|grown man|young man|young male adult|old man|elderly man|"
        "middle-aged man|teenage boy|baby boy|male child",
    },
    "age_group": {
        "infant": "baby|infant|baby girl|baby boy",
        "child": "child|kid|girl|boy|female child|male child",
        "teenager": "teenager|teenage|adolescent|teenage girl|teenage boy",
        "young_adult": "young adult|young female adult|young male adult|young woman|young man",
        "middle_aged": "middle-aged|middle-aged woman|middle-aged man",
        "senior": "senior|old|elderly|aged|old woman|old man|elderly woman|elderly man",
        "adult": "adult|grown-up|female adult|male adult|woman|man|grown woman|grown man",
    },
    "arousal": {
        "low": "calm|subdued|tired|low-energy|little energy|low arousal",
        "normal": "moderately lively|medium arousal|moderate energy",
        "high": "agitated|energetic|intense|high arousal|strong emotion|a lot of energy|energetically",
    },
    "valence": {
        "low": "displeased|negative|displeasure",
        "normal": "neither a good nor a bad feeling|neither good nor bad",
        "high": "positive|contented|contentment",
    },
    "dominance": {
        "low": "submissive|timid|submission|little dominance|submissively",
        "normal": "neither dominance nor submission|neither dominantly nor submissively",
        "high": "dominant|commanding|dominance|control|dominantly",
    },
    "vocalisation": {
        "cry": "is crying|cries|wails",
        "laughter": "is laughing|laughs",
        "cough": "is coughing|coughs",
    },
    "style": {
        "read": "as one reads aloud|in a read-aloud style",
        "spontaneous": "spontaneously|in a conversational style",
        "acted": "like an actor|in an acted style",
        "whispered": "in a whisper",
        "shouted": "in a shout",
        "sung": "in a singing voice",
    },
    "pitch": {
        "low": "deep|low-pitched|low pitch",
        "normal": "medium-pitched|medium pitch|average pitch",
        "high": "high|high-pitched|high pitch",
    },
    "pitch_for_gender": {
        "low": "low pitch for a",
        "normal": "average pitch for a",
        "high": "high pitch for a",
    },
    "pitch_variation": {
        "low": "flat|little pitch variation|without much melody",
        "normal": "moderate pitch variation|average intonation",
        "high": "melodic|a lot of pitch variation|a lot of melody|wide pitch range|varied intonation",
    },
    "loudness": {
        "low": "quiet|soft|quietly|softly|low volume",
        "normal": "normal volume|medium loudness|neither loudly nor quietly",
        "high": "loud|loudly|high volume",
    },
    "loudness_variation": {
        "low": "steady volume|even loudness|little change in loudness",
        "normal": "moderate changes in loudness",
        "high": "large changes in loudness|changing volume",
    },
    "jitter": {
        "low": "regular tone|little jitter",
        "high": "unsteady|irregular tone|a lot of jitter",
    },
    "shimmer": {"low": "even tone|little shimmer", "high": "uneven|a lot of shimmer"},
    "harmonicity": {
        "low": "noisy|a lot of noise in the",
        "normal": "fairly clear|some noise in the",
        "high": "clear|clean-sounding|hardly any noise in the",
    },
    "breathiness": {"low": "little breathiness", "high": "breathy|airy|breathily|a lot of breathiness"},
    "roughness": {"low": "smooth", "high": "rough|hoarse|raspy|hoarsely|a lot of hoarseness"},
    "vocal_effort": {
        "low": "little vocal effort|without straining the voice",
        "normal": "ordinary vocal effort",
        "high": "forceful|pressed|a lot of vocal effort|raised voice",
    },
    "tempo": {
        "low": "slowly|slow pace|slow tempo|low speech rate",
        "normal": "medium pace|medium tempo|average speech rate|neither fast nor slowly",
        "high": "fast|quickly|fast pace|fast tempo|high speech rate",
    },
    "pauses": {
        "low": "short gaps|short breaks",
        "normal": "gaps of ordinary length",
        "high": "long gaps|long breaks",
    },
    "duration": {
        "low": "briefly|short time|short duration",
        "high": "at length|long time|long duration",
    },
    "intoxication": {"intoxicated": "drunk|intoxicated", "sober": "sober"},
    "likability": {"likable": "likable|pleasant", "not likable": "unlikable|unpleasant"},
    "language": {"de": "in German", "en": "in English"},
    "accent": {"zh": "Chinese accent", "us": "American accent"},
}
_DENIED = {  # words that stand after "not" or "not sound", and after "no" or "without"
    "not_anger": ("angry|mad", "anger"),
    "not_boredom": ("bored|uninterested", "boredom|weariness"),
    "not_calm": ("calm|relaxed", "calmness|calm"),
    "not_contempt": ("contemptuous|scornful", "contempt|scorn"),
    "not_disgust": ("disgusted|repelled", "disgust"),
    "not_fear": ("fearful|scared|afraid", "fear"),
    "not_happiness": ("happy|joyful", "happiness|joy"),
    "not_sadness": ("sad|sorrowful", "sadness|sorrow"),
    "not_surprise": ("surprised", "surprise|astonishment"),
    "not_excitement": ("excited", "excitement"),
    "not_frustration": ("frustrated|exasperated", "frustration|exasperation"),
}
_SIGNS["emotion"] |= {
    level: "|".join(
        [f"{before} {word}" for word in words.split("|") for before in ("not", "not sound")]
        + [f"{before} {noun}" for noun in nouns.split("|") for before in ("no", "without")]
    )
    for level, (words, nouns) in _DENIED.items()
}
_SIGNS["emotion"]["not_neutral"] = (
    "not neutral|not sound neutral|not unemotional|not sound unemotional|emotional|emotion|with emotion"
)
_NOUNS = {
    "anger": "anger",
    "boredom": "boredom",
    "calm": "calmness",
    "contempt": "contempt",
    "disgust": "disgust",
    "fear": "fear",
    "happiness": "happiness",
    "sadness": "sadness",
    "surprise": "surprise",
    "excitement": "excitement",
    "frustration": "frustration",
    "composed": "composure",
}
_MANY_MEANINGS = ("calm", "relaxed", "calmness")  # of one feeling, of a broader one, or of low arousal
_MEANINGS: dict[str, set[Fact]] = {
    f"intense {noun}": {Fact("intensity", "high"), Fact("emotion", level)} for level, noun in _NOUNS.items()
}
for _attribute, _levels in _SIGNS.items():
    for _level, _signs in _levels.items():
        for _sign in _signs.split("|"):
            _MEANINGS.setdefault(_sign.lower(), set()).add(Fact(_attribute, _level))
_LONGEST_FIRST = "|".join(sorted(_MEANINGS, key=len, reverse=True))
_READER = re.compile(rf"(?<![\w-])(?:{_LONGEST_FIRST})(?![\w-])")

SIGNED = {Fact(attribute, level) for attribute, levels in _SIGNS.items() for level in levels}


def find_facts(text: str, stated: Collection[Fact] = ()) -> set[Fact]:
    """Return what a reader takes a text to state; of a sign that has many meanings, what is stated indeed."""
    found = set()
    for sign in _READER.findall(text.lower()):
        meant = _MEANINGS[sign]
        found |= meant & set(stated) if sign in _MANY_MEANINGS and meant & set(stated) else meant
    return found

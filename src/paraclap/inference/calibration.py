"""What training found out about a model's probabilities on dev, as its model folder holds it."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from paraclap.errors import ModelError, ParaClapError, QueryError
from paraclap.inference.scores import ScoreKind, score_best_answers
from paraclap.storage import read_json, write_json

CALIBRATION_FILE = "calibration.json"
NONE_OF_THESE = "none of these"  # the answer to a clip that no query fits
_Share = Annotated[float, Field(ge=0, le=1)]
_Scale = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CalibrationError(_Stored):
    """Hold the expected calibration error with the scale that was learned, and with the one fitted on dev."""

    before: _Share
    after: _Share


class UnknownRule(_Stored):
    """Hold below which score of its best answer a clip is none of the queries, and how well that worked on dev.

    `auroc` has every kind of score that was compared, `balanced_accuracy` is that of the chosen one at the threshold:
    means over dev tasks of which one class after the other was not asked about.
    """

    score: ScoreKind
    threshold: Annotated[float, Field(allow_inf_nan=False)]
    balanced_accuracy: _Share
    auroc: dict[ScoreKind, _Share]


class Calibration(_Stored):
    """Hold the scale from cosine to logit that makes probabilities honest on dev, and when a clip is unknown.

    `learned_scale` is that of the weights. `unknown` is None if no dev task has three classes.
    """

    kind: Literal["paraclap calibration"] = "paraclap calibration"
    format_version: Literal[1] = 1
    scale: _Scale
    learned_scale: _Scale
    ece: CalibrationError
    ece_by_task: dict[str, CalibrationError]
    unknown: UnknownRule | None

    def is_unknown(self, similarity: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Tell which clips are none of the queries, `[N]`, from their cosines `[N, C]`.

        Raises:
            QueryError: if there are fewer than two queries.
            ModelError: if the model has no threshold.
        """
        cosines = np.asarray(similarity, dtype=np.float32)
        if cosines.ndim != 2 or cosines.shape[1] < 2:
            raise QueryError(
                f"found similarities of shape {list(cosines.shape)}; expected clips x queries, two queries or more"
            )
        if self.unknown is None:
            raise ModelError("the model has no threshold, since no dev task had three classes; ask without 'unknown'")
        scores = score_best_answers(cosines, self.scale, kind=self.unknown.score)
        return np.asarray(scores < self.unknown.threshold)


def read_calibration(folder: Path) -> Calibration | None:
    """Read the calibration of a model folder; None if it has none.

    Raises:
        ModelError: if the file is damaged or not of this kind.
    """
    file = folder / CALIBRATION_FILE
    if not file.is_file():
        return None
    try:
        return Calibration.model_validate(read_json(file))
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{file} holds no calibration ({'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']})"
    except ParaClapError as error:
        reason = str(error).partition(";")[0]
    raise ModelError(f"{reason}; expected what 'paraclap train' writes: remove the file, or fetch the model again")


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Write a calibration into a model folder, atomically."""
    write_json(folder / CALIBRATION_FILE, calibration.model_dump(mode="json"))

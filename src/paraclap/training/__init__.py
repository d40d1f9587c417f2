"""Pretraining: recipes, batches, losses, the loop, and the model folder that comes of it."""

from paraclap.training.checking import check_run
from paraclap.training.loop import StoppedError, train
from paraclap.training.losses import contrastive_loss
from paraclap.training.recipe import Recipe, list_recipes, load_recipe, parse_recipe
from paraclap.training.run import TrainingRun, prepare_run

__all__ = [
    "Recipe",
    "StoppedError",
    "TrainingRun",
    "check_run",
    "contrastive_loss",
    "list_recipes",
    "load_recipe",
    "parse_recipe",
    "prepare_run",
    "train",
]

"""Recipes: found by name, suited to the network and to the time, and what they are said to be."""

import pytest

from foveate.errors import UnknownNameError
from foveate.models.registry import list_models
from foveate.training.recipes import AUTO_LADDER, RECIPES, get_recipe, recipe_for


def test_the_articles_recipe_is_the_articles():
    recipe = get_recipe("article")
    assert (recipe.training.optimiser.name, recipe.training.optimiser.learning_rate) == ("adam", 0.001)
    assert (recipe.batch_size, recipe.epochs) == (100, 10)
    assert recipe.training.schedule.decay == "constant"
    assert recipe.augmentation.is_identity


def test_unknown_recipes_list_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean article"):
        get_recipe("artikel")


def test_the_ladder_names_networks_from_the_dearest_to_the_cheapest():
    costs = [rung.relative_cost for rung in AUTO_LADDER]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == 1
    assert AUTO_LADDER[-1].enough_epochs == 0
    assert {rung.network for rung in AUTO_LADDER} <= set(list_models())


@pytest.mark.parametrize(
    ("model", "epochs", "name"),
    [("compact_s", 1, "compact-short"), ("compact_m", 20, "compact-long"), ("resnet18", 20, "standard")],
)
def test_the_recipe_suits_network_and_time(model, epochs, name):
    assert recipe_for(model, epochs).name == name


def test_small_data_sets_get_small_batches_and_more_epochs():
    recipe = RECIPES["standard"]
    assert recipe.batch_size_for(100_000) == recipe.batch_size
    assert recipe.batch_size_for(100) == 8
    assert recipe.epochs_for(batches=10_000) == recipe.epochs
    assert recipe.epochs_for(batches=10) == 100


def test_no_recipe_mirrors_once_mirroring_is_off():
    assert all(recipe.without_mirroring().augmentation.flip == "none" for recipe in RECIPES.values())


def test_transformers_have_a_recipe_of_their_own():
    for name in ("vit_b_16", "deit_tiny", "deit_small_distilled"):
        assert recipe_for(name, 30).name == "transformer"
    assert recipe_for("mobilenet_v2", 30).name == "standard"
    ours, standard = get_recipe("transformer"), get_recipe("standard")
    assert ours.training.optimiser.learning_rate == standard.training.optimiser.learning_rate / 4

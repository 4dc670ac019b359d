"""Drawn scenes: pictures with exact masks, boxes and sentences, made on the spot."""

from foveate.dataset.sources.scenes.kinds import KINDS, kinds
from foveate.dataset.sources.scenes.make import Made, SceneSettings, check_place, make_scenes
from foveate.dataset.sources.scenes.objects import Drawn, Kind, Placed
from foveate.dataset.sources.scenes.scene import Scene, scene

__all__ = [
    "KINDS",
    "Drawn",
    "Kind",
    "Made",
    "Placed",
    "Scene",
    "SceneSettings",
    "check_place",
    "kinds",
    "make_scenes",
    "scene",
]

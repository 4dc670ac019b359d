"""The objects of scenes as COCO's JSON, with the extents and the pixels of what can be seen of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from foveate.dataset.sources.scenes.scene import Scene
from foveate.tasks.segmentation.rle import encode


class Annotations:
    """Collects the pictures and objects of a split (cocodataset.org, "Data format")."""

    def __init__(self, classes: Sequence[str], title: str) -> None:
        self._document: dict[str, list[dict[str, Any]]] = {
            "images": [],
            "categories": [{"id": number, "name": name} for number, name in enumerate(classes, start=1)],
            "annotations": [],
        }
        self._title = title

    def add(self, file_name: str, scene: Scene) -> None:
        """One picture more; ``file_name`` as seen from where the JSON will lie."""
        images, found = self._document["images"], self._document["annotations"]
        height, width = scene.mask.shape
        image_id = len(images) + 1
        images.append({"id": image_id, "file_name": file_name, "width": width, "height": height})
        for one in scene.objects:
            x1, y1, x2, y2 = one.box
            attributes = {"colour": one.colour} | ({} if one.source is None else {"source": one.source})
            found.append(
                {
                    "id": len(found) + 1,
                    "image_id": image_id,
                    "category_id": one.number,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": one.area,
                    "iscrowd": 0,
                    "segmentation": {"size": [height, width], "counts": encode(one.visible).counts.tolist()},
                    "attributes": attributes,
                }
            )

    def to_json(self) -> str:
        document = {"info": {"description": f"foveate scenes: {self._title}"}, **self._document}
        return json.dumps(document, separators=(",", ":")) + "\n"

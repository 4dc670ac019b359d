"""What a prediction says of how unlike the training pictures a picture is, where a model measures it."""

from __future__ import annotations

from typing import Annotated, NotRequired, TypedDict


class UnlikenessDocument(TypedDict):
    """What any `Prediction.to_dict` has where the model measures unlikeness."""

    unlikeness: NotRequired[
        Annotated[
            float,
            {
                "minimum": 0,
                "description": "How unlike the training pictures the picture is; above 1, no answer need be "
                "right. Absent where the model does not measure it.",
            },
        ]
    ]
    unlike: NotRequired[bool]

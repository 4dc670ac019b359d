"""What the server is asked and what it answers, as types: requests are checked against them, and
``/openapi.json`` is made of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

DEFAULT_TOP_K = 5

TopK = Annotated[
    int,
    {
        "minimum": 1,
        "maximum": 999_999,
        "default": DEFAULT_TOP_K,
        "description": "How many labels to name, the likeliest first.",
    },
]
HeaderLength = Annotated[
    int,
    {
        "minimum": 0,
        "maximum": 99_999_999_999,
        "description": "Bytes of JSON in front of a binary tensor.",
    },
]
Parameters = dict[str, Any]
Shape = Annotated[list[int], {"minItems": 1}]


class Error(TypedDict):
    error: str


class Health(TypedDict):
    status: Literal["ok", "stopping"]
    model: str
    version: str


class Predictions(TypedDict):
    """The predictions are `Prediction.to_dict`'s, with the name of the ``file`` where several were sent."""

    model: str
    predictions: Annotated[list[dict[str, Any]], {"minItems": 1}]


# --- The Open Inference Protocol -------------------------------------------------------------------------


class Server(TypedDict):
    name: str
    version: str
    extensions: list[str]


class Live(TypedDict):
    live: bool


class Ready(TypedDict):
    ready: bool


class ModelReady(TypedDict):
    name: str
    ready: bool


class TensorMetadata(TypedDict):
    name: str
    datatype: str
    shape: Shape


class ModelMetadata(TypedDict):
    name: str
    versions: Annotated[list[str], {"minItems": 1}]
    platform: str
    inputs: Annotated[list[TensorMetadata], {"minItems": 1}]
    outputs: Annotated[list[TensorMetadata], {"minItems": 1}]


class RequestTensor(TypedDict):
    name: Literal["images"]
    datatype: Literal["UINT8"]
    shape: Shape
    data: NotRequired[list[Any]]
    parameters: NotRequired[Parameters]


class RequestedOutput(TypedDict):
    name: str
    parameters: NotRequired[Parameters]


class InferenceRequest(TypedDict):
    inputs: Annotated[list[RequestTensor], {"minItems": 1, "maxItems": 1}]
    id: NotRequired[Annotated[str, {"maxLength": 1000}]]
    parameters: NotRequired[Parameters]
    outputs: NotRequired[list[RequestedOutput]]


class ResponseTensor(TensorMetadata):
    data: NotRequired[list[Any]]
    parameters: NotRequired[Parameters]


class InferenceResponse(TypedDict):
    model_name: str
    model_version: str
    id: NotRequired[str]
    outputs: Annotated[list[ResponseTensor], {"minItems": 1}]

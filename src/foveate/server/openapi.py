"""`/openapi.json`: what the server takes and gives, for machines; `/docs` shows the same to people."""

from __future__ import annotations

from typing import Any

from foveate.http.schema import Schema, schema_of
from foveate.http.settings import ServeSettings
from foveate.runtime.predictor import Predictor
from foveate.server import documents
from foveate.server.inference import HEADER_LENGTH, tensor_shape
from foveate.tasks.base import Task
from foveate.tasks.values import MODEL_INPUT, UNLIKENESS

_TEXT = {"type": "string"}
_BYTES = {"type": "string", "format": "binary"}
_DOCUMENTS = (
    documents.Error,
    documents.Health,
    documents.Server,
    documents.Live,
    documents.Ready,
    documents.ModelReady,
    documents.ModelMetadata,
    documents.InferenceRequest,
    documents.InferenceResponse,
)

_SENTENCES = {
    "400": "Something in the request is wrong; the error says what.",
    "401": "The API key is missing or wrong.",
    "403": "Sent by a page of another origin.",
    "404": "There is no such model here.",
    "406": "An answer as a picture is given to one picture at a time, by models whose answers are pictures.",
    "408": "The body came too slowly.",
    "413": "The body is too large, or has too many pictures.",
    "415": "The body is compressed.",
    "422": "A picture cannot be read; the error names it and the reason.",
    "503": "No room, or the server is stopping; Retry-After gives the seconds to wait.",
    "504": "No answer in time.",
}


def describe(name: str, predictor: Predictor, settings: ServeSettings, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a server of one model, called ``name``."""
    secured = settings.api_key is not None
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": f"foveate: {name}",
            "version": version,
            "description": f"{predictor.task.purpose}. {predictor.preprocessing.describe()}",
        },
        "paths": {
            **_predict_path(predictor.task, settings, secured),
            **_health_paths(secured),
            **_protocol_paths(name, predictor, settings, secured),
        },
        "components": {"schemas": _schemas(predictor.task)},
    }
    if secured:
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return document


def _predict_path(task: Task, settings: ServeSettings, secured: bool) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": "predict",
        "summary": "What the model says of one picture, or several",
        "description": "One picture is the body itself, in any format the model folder's own reader takes "
        "(JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, PPM): its content decides, whatever Content-Type says. "
        f"Several, at most {settings.max_pictures}, are the parts of a multipart/form-data body. A body has "
        f"at most {settings.max_body_bytes:,} bytes, a picture at most {settings.max_pixels:,} pixels.",
        "parameters": [_parameter("top_k", "query", documents.TopK)] if task.label_scores else [],
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": _BYTES},
                "image/*": {"schema": _BYTES},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"image": {"type": "array", "items": _BYTES, "minItems": 1}},
                        "required": ["image"],
                    }
                },
            },
        },
        "responses": {
            "200": _json("The answer, in the order of the pictures.", "Predictions"),
            **_errors("400", "403", "408", "413", "415", "422", "503", "504", secured=secured),
        },
        "x-example": "curl --data-binary @cat.jpg {url}predict\n"
        "curl -F image=@cat.jpg -F image=@dog.png '{url}predict?top_k=3'",
    }
    if task.draws:
        _also_drawn(operation, task)
    return {"/predict": {"post": _secured(operation, secured)}}


def _also_drawn(operation: dict[str, Any], task: Task) -> None:
    """What a request for a picture gets."""
    operation["description"] += f" With `Accept: image/png` the answer to one picture is {task.draws}."
    operation["responses"]["200"]["content"]["image/png"] = {"schema": _BYTES}
    operation["responses"]["406"] = _json(_SENTENCES["406"], "Error")
    operation["x-example"] += "\ncurl -H 'Accept: image/png' --data-binary @cat.jpg {url}predict > answer.png"


def _health_paths(secured: bool) -> dict[str, Any]:
    text = {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": _TEXT}}}
    metrics = {
        "operationId": "metrics",
        "summary": "Counters for Prometheus",
        "responses": {"200": text, **_errors(secured=secured)},
    }
    health = {
        "operationId": "health",
        "summary": "Whether the server is well, and which model it has",
        "responses": {
            "200": _json("Well.", "Health"),
            "503": _json("Stopping: send new requests elsewhere.", "Health"),
        },
        "x-example": "curl {url}health",
    }
    return {"/health": {"get": health}, "/metrics": {"get": _secured(metrics, secured)}}


def _protocol_paths(
    name: str, predictor: Predictor, settings: ServeSettings, secured: bool
) -> dict[str, Any]:
    def get(operation: str, summary: str, schema: str, *codes: str, open_: bool = False) -> dict[str, Any]:
        described = {
            "operationId": operation,
            "summary": summary,
            "responses": {
                "200": _json("As said above.", schema),
                **{code: _json("Not ready: the server is stopping.", schema) for code in codes},
                **({} if open_ else _errors(secured=secured)),
            },
        }
        return {"get": described if open_ else _secured(described, secured)}

    height, width = predictor.preprocessing.height, predictor.preprocessing.width
    model = f"/v2/models/{name}"
    outputs = ", ".join(
        f"output `{output.name}` {output.datatype} [{', '.join(['N', *map(str, tensor_shape(output)[1:])])}]"
        for output in predictor.outputs
        if output != UNLIKENESS
    )
    infer = {
        "operationId": "infer",
        "summary": "Open Inference Protocol: run the network",
        "description": f"Input `{MODEL_INPUT}` UINT8 [N, {height}, {width}, 3], of the network's own size; "
        f"{outputs}; N is at most {settings.max_pictures}. "
        "The binary tensor extension is spoken in both directions.",
        "parameters": [_parameter(HEADER_LENGTH, "header", documents.HeaderLength)],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/InferenceRequest"}},
                "application/octet-stream": {"schema": _BYTES},
            },
        },
        "responses": {
            "200": _json("The outputs.", "InferenceResponse"),
            **_errors("400", "403", "408", "413", "415", "503", "504", secured=secured),
        },
    }
    infer["responses"]["200"]["content"]["application/octet-stream"] = {"schema": _BYTES}  # type: ignore[index]
    return {
        "/v2": {**get("server_metadata", "Open Inference Protocol: the server", "Server")},
        "/v2/health/live": get("live", "Whether the process answers", "Live", open_=True),
        "/v2/health/ready": get("ready", "Whether new requests are welcome", "Ready", "503", open_=True),
        model: get("model_metadata", "The model's tensors", "ModelMetadata"),
        f"{model}/ready": get("model_ready", "Whether the model is ready", "ModelReady", "503"),
        f"{model}/infer": {"post": _secured(infer, secured)},
    }


def _schemas(task: Task) -> dict[str, Schema]:
    prediction = schema_of(task.document)
    prediction["properties"]["file"] = {**_TEXT, "description": "The name of the part; of several pictures."}
    predictions = schema_of(documents.Predictions)
    predictions["properties"]["predictions"]["items"] = prediction
    schemas = {document.__name__: schema_of(document) for document in _DOCUMENTS}
    return {**schemas, documents.Predictions.__name__: predictions}


def _parameter(name: str, where: str, kind: Any) -> Schema:
    schema = schema_of(kind)
    return {"name": name, "in": where, "description": schema.pop("description"), "schema": schema}


def _json(description: str, schema: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {"application/json": {"schema": reference}}}


def _errors(*codes: str, secured: bool) -> dict[str, Any]:
    every = sorted({*codes, "400", *(("401",) if secured else ())})
    return {code: _json(_SENTENCES[code], "Error") for code in every}


def _secured(operation: dict[str, Any], secured: bool) -> dict[str, Any]:
    return {**operation, "security": [{"key": []}]} if secured else operation

"""The Open Inference Protocol, version 2, with the binary tensor and classification extensions.

https://github.com/open-inference/open-inference-protocol (specification/protocol/inference_rest.md). The
tensors are those of ``model.onnx``: ``images`` uint8 (N, height, width, 3), already of the network's size,
and the outputs of the model's task. Whoever has files uses `POST /predict` instead.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from foveate.errors import RequestError
from foveate.http.body import BodyReader
from foveate.http.guard import State
from foveate.http.replies import json_reply, to_json
from foveate.http.schema import WHOLE, check, read_number, refuse, shown
from foveate.http.settings import ServeSettings
from foveate.server.documents import (
    HeaderLength,
    InferenceRequest,
    InferenceResponse,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    RequestedOutput,
    RequestTensor,
    ResponseTensor,
    Server,
)
from foveate.server.engine import Engine
from foveate.tasks.base import Task
from foveate.tasks.values import MODEL_INPUT, UNLIKENESS, Output, Values

HEADER_LENGTH = "Inference-Header-Content-Length"
VERSION = "1"  # a model folder is one version of a model
EXTENSIONS = ("binary_tensor_data", "classification")
MAX_JSON_BYTES = 4 << 20  # parsing holds Python's lock: this much takes about 50 ms
AT_ONCE = 20_000  # numbers that are written as JSON in one go: about 5 ms


class InferenceProtocol:
    """The endpoints under ``/v2``."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        bodies: BodyReader,
        *,
        settings: ServeSettings,
        state: State,
        version: str,
    ) -> None:
        self._name = name
        self._engine = engine
        self._task = engine.predictor.task
        self._bodies = bodies
        self._settings = settings
        self._state = state
        self._server_version = version

    async def server_metadata(self, request: Request) -> Response:
        extensions = list(EXTENSIONS) if self._task.label_scores else [EXTENSIONS[0]]
        return json_reply(Server(name="foveate", version=self._server_version, extensions=extensions))

    async def live(self, request: Request) -> Response:
        return json_reply(Live(live=True))

    async def ready(self, request: Request) -> Response:
        ready = not self._state.draining
        return json_reply(Ready(ready=ready), 200 if ready else 503)

    async def model_ready(self, request: Request) -> Response:
        self._check_model(request)
        ready = not self._state.draining
        return json_reply(ModelReady(name=self._name, ready=ready), 200 if ready else 503)

    async def model_metadata(self, request: Request) -> Response:
        self._check_model(request)
        return json_reply(
            ModelMetadata(
                name=self._name,
                versions=[VERSION],
                platform="onnxruntime_onnx",
                inputs=[{"name": MODEL_INPUT, "datatype": "UINT8", "shape": [-1, *self._shape()]}],
                outputs=[
                    {"name": output.name, "datatype": output.datatype, "shape": tensor_shape(output)}
                    for output in self._engine.predictor.outputs
                    if output != UNLIKENESS
                ],
            )
        )

    async def infer(self, request: Request) -> Response:
        self._check_model(request)
        self._engine.check_room()
        with await self._bodies.read(request) as body:
            question = await asyncio.to_thread(
                parse_question,
                body,
                request.headers.get(HEADER_LENGTH),
                self._shape(),
                self._task,
                self._settings,
            )
            values = await self._engine.run(question.images)
        if sum(values[wanted.name].size for wanted in question.outputs) > AT_ONCE:
            return await asyncio.to_thread(self._answer, question, values)
        return self._answer(question, values)

    def _check_model(self, request: Request) -> None:
        name, version = request.path_params["model"], request.path_params.get("version", VERSION)
        if name != self._name or version != VERSION:
            raise RequestError(
                404, f"This server has the model {self._name!a}, version {VERSION}, and no other."
            )

    def _shape(self) -> tuple[int, int, int]:
        preprocessing = self._engine.predictor.preprocessing
        return preprocessing.height, preprocessing.width, 3

    def _answer(self, question: Question, values: Values) -> Response:
        outputs: list[bytes] = []
        tensors: list[bytes] = []
        for wanted in question.outputs:
            tensor, datatype = values[wanted.name], wanted.output.datatype
            if wanted.top_k:
                tensor, datatype = _in_words(tensor, self._task.labels, wanted.top_k), "BYTES"
            output: ResponseTensor = {"name": wanted.name, "datatype": datatype, "shape": list(tensor.shape)}
            if wanted.binary:
                tensors.append(_to_bytes(tensor))
                output["parameters"] = {"binary_data_size": len(tensors[-1])}
                outputs.append(to_json(output))
            else:
                outputs.append(_with_data(output, tensor))
        answer: InferenceResponse = {"model_name": self._name, "model_version": VERSION, "outputs": []}
        if question.id is not None:
            answer = {"id": question.id, **answer}
        header = to_json(answer).removesuffix(b"]}") + b",".join(outputs) + b"]}"
        if not tensors:
            return Response(header, media_type="application/json")
        return Response(
            b"".join((header, *tensors)),
            headers={HEADER_LENGTH: str(len(header))},
            media_type="application/octet-stream",
        )


@dataclass(frozen=True)
class Wanted:
    """An output that is asked for. top_k: so many labels in words, best first; 0 for the numbers."""

    output: Output
    binary: bool
    top_k: int = 0

    @property
    def name(self) -> str:
        return self.output.name


@dataclass(frozen=True)
class Question:
    """An inference request: the pictures, and the form in which the answer is wanted."""

    images: np.ndarray  # (N, height, width, 3) uint8
    id: str | None
    outputs: tuple[Wanted, ...]


def tensor_shape(output: Output) -> list[int]:
    """``[-1, 10]``, -1 for a free side: as the protocol describes tensors."""
    return [-1, *(-1 if side is None else side for side in output.shape)]


def parse_question(
    body: bytes,
    header_length: str | None,
    shape: tuple[int, int, int],
    task: Task,
    settings: ServeSettings,
) -> Question:
    """A body of JSON, or of JSON followed by a binary tensor -> a `Question`.

    shape: the (height, width, 3) that the network takes. Raises RequestError 400 or 413 with the field.
    """
    size = len(body)
    if header_length is not None:
        size = read_number(HEADER_LENGTH, HeaderLength, header_length)
        if size > len(body):
            refuse(HEADER_LENGTH, f"at most the body's {len(body)} bytes", str(size))
    if size > MAX_JSON_BYTES:
        raise RequestError(
            413,
            f"The JSON is longer than {MAX_JSON_BYTES:,} bytes; send the tensor in binary form.",
        )
    sizes = f"[N, {', '.join(map(str, shape))}], N from 1 to {settings.max_pictures}"
    document = _parse(body[:size], {WHOLE: "a JSON object", "inputs[0].shape": sizes})
    given = document["inputs"][0]
    count, *picture = given["shape"]
    if tuple(picture) != shape or not 1 <= count <= settings.max_pictures:
        refuse("inputs[0].shape", sizes, shown(given["shape"]))
    images = _tensor(given, body[size:], (count, *shape))
    return Question(images, document.get("id"), _outputs(document, task))


def _parse(text: bytes, better: Mapping[str, str]) -> InferenceRequest:
    try:
        document = json.loads(
            text.decode("utf-8"), parse_constant=lambda name: refuse("JSON", "numbers", name)
        )
    except (ValueError, RecursionError):
        raise RequestError(400, "The request is not valid JSON.") from None
    check(InferenceRequest, document, better=better)
    return cast(InferenceRequest, document)


def _tensor(given: RequestTensor, binary: bytes, shape: tuple[int, ...]) -> np.ndarray:
    count = math.prod(shape)
    size = (given.get("parameters") or {}).get("binary_data_size")
    if size is not None:
        if type(size) is not int or size != count or size != len(binary):
            expected = f"{count}, as the shape has it, and as many bytes after the JSON"
            refuse("inputs[0].parameters.binary_data_size", expected, f"{size} and {len(binary)}")
        return np.frombuffer(binary, np.uint8).reshape(shape)
    if binary:
        refuse("the body", "nothing after the JSON, or binary_data_size", f"{len(binary)} bytes")
    data = given.get("data")
    expected = f"{count} whole numbers from 0 to 255, flat or nested as the shape"
    if not isinstance(data, list):
        refuse("inputs[0].data", expected, shown(data))
    array = np.array(data, dtype=object)  # as they are: one long text would make all places as long
    kinds = {type(one) for one in array.flat}
    if list in kinds:
        refuse("inputs[0].data", expected, "a ragged list")
    if kinds != {int} or array.shape not in ((count,), shape):
        named = " and ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
        refuse("inputs[0].data", expected, f"{named} {list(array.shape)}")
    low, high = min(array.flat), max(array.flat)
    if low < 0 or high > 255:
        refuse("inputs[0].data", expected, f"{shown(low)} to {shown(high)}")
    return array.astype(np.uint8).reshape(shape)


def _outputs(document: InferenceRequest, task: Task) -> tuple[Wanted, ...]:
    """The outputs that are asked for; all of the task where none is named."""
    binary = (document.get("parameters") or {}).get("binary_data_output", False)
    every: list[RequestedOutput] = [{"name": output.name} for output in task.outputs]
    asked = document.get("outputs") or every
    if len({one["name"] for one in asked}) != len(asked):
        refuse("outputs", "each output once", shown([one["name"] for one in asked]))
    return tuple(_output(one, f"outputs[{number}]", task, binary) for number, one in enumerate(asked))


def _output(asked: RequestedOutput, where: str, task: Task, binary: Any) -> Wanted:
    known = {output.name: output for output in task.outputs}
    if asked["name"] not in known:
        refuse(f"{where}.name", " or ".join(map(repr, known)), shown(asked["name"]))
    parameters = asked.get("parameters") or {}
    binary = parameters.get("binary_data", binary)
    top_k = parameters.get("classification", 0)
    if not isinstance(binary, bool):
        refuse("binary_data", "true or false", shown(binary))
    if type(top_k) is not int or not 0 <= top_k <= 1_000_000:
        refuse("classification", "a whole number", shown(top_k))
    if top_k and asked["name"] != task.label_scores:
        refuse("classification", "an output that has a number for each label", asked["name"])
    return Wanted(known[asked["name"]], binary, top_k)


def _in_words(rows: np.ndarray, labels: tuple[str, ...], top_k: int) -> np.ndarray:
    """(N, k) texts ``probability:number:label``, best first, as Triton writes them."""
    order = np.argsort(-rows, axis=1, kind="stable")[:, :top_k]
    texts = [
        [f"{row[i]:f}:{i}:{labels[i]}".encode("utf-8", "replace") for i in numbers]
        for row, numbers in zip(rows, order, strict=True)
    ]
    return np.array(texts, dtype=object)


def _to_bytes(tensor: np.ndarray) -> bytes:
    """Little-endian numbers; texts each behind their length in four bytes."""
    if tensor.dtype == object:
        return b"".join(len(text).to_bytes(4, "little") + text for text in tensor.ravel())
    return tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes()


def _with_data(output: ResponseTensor, tensor: np.ndarray) -> bytes:
    """The JSON of an output with its numbers, flat, and in pieces.

    A long list written in one would hold the interpreter, and with it all who wait for other answers.
    """
    flat = tensor.ravel()
    pieces = [to_json(_to_list(flat[at : at + AT_ONCE]))[1:-1] for at in range(0, flat.size, AT_ONCE)]
    return to_json(output).removesuffix(b"}") + b',"data":[' + b",".join(pieces) + b"]}"


def _to_list(tensor: np.ndarray) -> list[Any]:
    """Flat, for JSON."""
    flat: list[Any] = tensor.ravel().tolist()
    return [text.decode("utf-8", "replace") for text in flat] if tensor.dtype == object else flat

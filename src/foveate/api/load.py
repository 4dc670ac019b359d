"""`load`: a model folder, or a published network, ready for use."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foveate.api.common import Say, needs, unsaid
from foveate.errors import show_path
from foveate.modelfolder.read import Runnable, read_runnable
from foveate.runtime.config import ONNX_NAME
from foveate.runtime.names import AUTO
from foveate.runtime.predictor import BATCH_SIZE, Picture, Predictor
from foveate.words import html_table

if TYPE_CHECKING:
    from torch import nn

    from foveate.runtime.embedder import Embedder
    from foveate.tasks.base import Task


class LoadedModel(Predictor):
    """A model folder in use: a `Predictor` that knows where it lies.

    >>> model = foveate.load("runs/shapes")
    >>> model.classes_
    ('circle', 'square')
    >>> model.predict(["shapes/circle/0.png", "shapes/square/0.png"]).tolist()
    ['circle', 'square']
    >>> model.predict_proba("shapes/circle/0.png").shape
    (1, 2)

    Attributes:
        folder: the model folder.
    """

    def __init__(
        self,
        folder: Path,
        found: Runnable,
        task: Task,
        threads: int | None = None,
        runtime: str = AUTO,
    ) -> None:
        self.folder = folder
        self._embedder: Embedder | None = None
        super().__init__(
            found.model,
            task,
            found.preprocessing,
            config=found.config,
            threads=threads,
            source=str(folder / ONNX_NAME),
            parts=found.parts,
            wanted=runtime,
        )

    def _repr_html_(self) -> str:
        from foveate.http.about import about  # brings templates, which a prediction has no use for

        known = about(self)
        rows = [["task", known["purpose"]], ["pictures", known["preprocessing"]]]
        rows += [["known", fact] for fact in known["facts"]]
        return html_table(["model", show_path(self.folder)], rows)

    def to_torch(self) -> nn.Module:
        """The network in torch, in evaluation mode: normalised pictures (N, C, H, W) -> (N, K).

        >>> type(foveate.load("runs/shapes").to_torch()).__name__
        'BlueprintNetwork'

        Raises MissingExtraError without torch; ModelFolderError where the network is its maker's own class.
        """
        with needs("train", "A network in torch"):
            from foveate.modelfolder.to_torch import rebuild
        return rebuild(self.folder).module

    def embed(
        self, pictures: Picture | Iterable[Picture], *, batch_size: int = BATCH_SIZE
    ) -> NDArray[np.float32]:
        """(N, D) the features of pictures, which the last dense layer is given; without torch.

        >>> foveate.load("runs/shapes").embed(["shapes/circle/0.png"]).ndim
        2

        Takes what `predict` takes. Raises InputError for a network that does not end in a dense layer.
        """
        if self._embedder is None:
            from foveate.runtime.embedder import Embedder

            found = read_runnable(self.folder)
            self._embedder = Embedder(found.model, self.task, self.preprocessing, config=self.config)
        return self._embedder.features(pictures, batch_size=batch_size)


def load(
    model: str | Path,
    *,
    threads: int | None = None,
    verify: bool = True,
    beam: int | None = None,
    threshold: float | None = None,
    runtime: str = AUTO,
    download: bool = False,
    say: Say = unsaid,
) -> LoadedModel:
    """Open MODEL for use, without torch: a model folder, a network that comes with weights, by its name, or
    a model that was pushed to a hub, hf:OWNER/NAME.

    >>> foveate.load("runs/shapes").task.name
    'classification'

    Args:
        threads: how many ONNX Runtime uses; by default the physical cores.
        verify: compare ``model.onnx`` with the SHA-256 that ``config.json`` holds.
        beam: how many sentences a model that writes follows at once; it then tells the one that the others
            agree with most, and of the best of them as candidates. By default it takes the likeliest word
            each time.
        threshold: from which score on a model that finds things tells of them; by default its own.
        runtime: "onnxruntime", "openvino", or "auto": where OpenVINO is installed and many pictures come at
            once, what is faster here, if its answers are the same to a hundredth of a score.
        download: let a model named hf:... be fetched from its hub; else it must have been before.
        say: told before a published network is made into a folder, which is done once.

    Raises ModelFolderError: missing, damaged or hostile. InputError: a beam or a threshold for a model that
    has no use for one, a runtime that answers otherwise. MissingExtraError: a runtime that is not installed.
    """
    folder = folder_of(model, say, download=download)
    found = read_runnable(folder, verify=verify, parts=beam is not None)
    task = found.config.task.with_choices(beam=beam, threshold=threshold)
    return LoadedModel(folder, found, task, threads, runtime)


def folder_of(model: str | Path, say: Say = unsaid, *, download: bool = False) -> Path:
    """The model folder that MODEL means: what exists under that name, else the published network's or a
    hub's, which ``download`` lets be fetched.
    """
    if Path(model).is_dir():  # no imports, for the usual case shall start fast
        return Path(model)
    from foveate.models.names import IMPORTED, Registered, find_name, is_hub_name

    if is_hub_name(str(model)):
        from foveate.modelfolder.hub import fetched_folder, hub_model

        return fetched_folder(hub_model(str(model)), download=download, say=say)
    if not isinstance(find_name(str(model)), Registered) and str(model) not in IMPORTED:
        return Path(model)
    from foveate.modelfolder.packaged import model_folder

    return model_folder(model, say)

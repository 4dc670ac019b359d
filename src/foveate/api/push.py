"""`push`: a model folder onto a hub, for others to use."""

from __future__ import annotations

from pathlib import Path

from foveate.api.common import Say, unsaid


def push(
    model: str | Path,
    to: str,
    *,
    private: bool = False,
    licence: str | None = None,
    overwrite: bool = False,
    say: Say = unsaid,
) -> str:
    """Put a model folder on the Hugging Face hub, in one commit, and give its address.

    >>> foveate.push("runs/shapes", "runs/shapes")
    Traceback (most recent call last):
    foveate.errors.InputError: runs/shapes: expected a model on a hub, hf:OWNER/NAME; put hf: before it.

    Args:
        to: ``hf:OWNER/NAME``; the repository is made where there is none. ``foveate.load`` takes that name,
            with ``download=True``, and so do the commands with ``--download``.
        private: of a repository that is made.
        licence: the hub's word for it, such as "apache-2.0"; it stands in the card's head.
        overwrite: replace the files that the repository holds.

    A network of timm is pushed so that ``timm.create_model("hf-hub:OWNER/NAME", pretrained=True)`` takes it.
    ``HF_ENDPOINT``, ``HF_TOKEN`` and ``hf auth login`` hold as huggingface_hub has them.

    Raises ModelFolderError: damaged. InputError: the repository holds files. StorageError: the hub takes
    nothing. MissingExtraError.
    """
    from foveate.modelfolder.hub import hub_model, push_folder

    name = hub_model(to)
    return push_folder(Path(model), name, private=private, licence=licence, overwrite=overwrite, say=say)

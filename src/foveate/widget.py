"""The inspector inside a notebook: `Inspect`, a thin widget around `foveate inspect`.

from foveate.widget import Inspect
Inspect("runs/pets", "cat.jpg")
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from foveate.errors import InputError, MissingExtraError

try:
    import anywidget
    import traitlets
except ModuleNotFoundError as error:
    raise MissingExtraError("The inspector in a notebook", "notebook") from error

RENDER = """
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.src = model.get("url");
  frame.title = "foveate inspect";
  frame.style.cssText = `width: 100%; height: ${model.get("height")}px; border: 0`;
  el.append(frame);
}
export default { render };
"""


class Inspect(anywidget.AnyWidget):
    """A network at work, in a frame below the cell: `foveate inspect` on this machine, until it is closed.

    The page answers this machine only, so notebook and browser have to be on it.

    model, picture, data: as for `foveate inspect`. height: of the frame, in pixels.

    Attributes:
        url: where the page is, for a tab of its own.

    Raises InputError in the words of `foveate inspect`, where it does not begin.
    """

    _esm = RENDER
    url = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(800).tag(sync=True)

    def __init__(
        self,
        model: str | Path,
        picture: str | Path | None = None,
        *,
        data: str | Path | None = None,
        height: int = 800,
    ) -> None:
        arguments = [str(model), *([] if picture is None else [str(picture)])]
        arguments += [] if data is None else ["--data", str(data)]
        # A pipe that nobody reads would stop it one day.
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 -- `close` closes it
        self._process = subprocess.Popen(
            [sys.executable, "-m", "foveate", "inspect", *arguments, "--port", "0", "--json", "--framed"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        atexit.register(self._process.terminate)
        super().__init__(url=self._address(), height=height)

    def close(self) -> None:
        """End the inspector, and take the frame away."""
        self._end()
        super().close()

    def _address(self) -> str:
        """What the process says as soon as it listens."""
        said: list[str] = []
        for line in self._process.stdout or ():
            said.append(line)
            if line == "}\n":
                return str(json.loads("".join(said))["url"])
        self._process.wait()
        self._complaints.seek(0)
        complaint = self._complaints.read().strip().removeprefix("foveate: ")
        self._end()
        raise InputError(complaint)

    def _end(self) -> None:
        if self._complaints.closed:
            return  # ipywidgets closes what is collected once more
        self._process.terminate()
        self._process.communicate()
        self._complaints.close()

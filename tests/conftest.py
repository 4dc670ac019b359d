"""What all tests have: a browser, and a word on what was left out."""

import foveate  # noqa: F401 -- before any test imports ONNX Runtime: it keeps its telemetry off

pytest_plugins = ("browser", "left_out")

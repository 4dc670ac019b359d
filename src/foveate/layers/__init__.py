"""Layers: torch modules that torch lacks, torch's own and its functions, each beside its entry in the table.

One concept a file. An entry says how the layer is read, which sum is behind one number of it, how it is
written as ONNX and named in blueprints (`foveate.operators`); ``known`` is the table with all of them, and
finds new files by itself. ``residual``, ``inception``, ``mbconv`` and ``stochastic_depth`` hold the networks'
blocks. ``padding`` is plain Python, and importing this package imports no torch.
"""

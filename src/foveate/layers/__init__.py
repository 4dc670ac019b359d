"""Torch modules that torch lacks, and blocks that networks share.

One concept a module: ``convolution``, ``pooling``, ``separable``, ``squeeze_excite``, ``stochastic_depth``;
``residual``, ``inception`` and ``mbconv`` hold the networks' blocks. ``padding`` is plain Python, and
importing this package imports no torch.
"""

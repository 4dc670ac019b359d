"""Every operation forward and backward in plain NumPy: the oracle of the tests, and arithmetic to read.

Arrays are (N, C, H, W), or (N, F) behind ``flatten``, and keep their floating-point type. An operation is a
pure function; beside ``name(x, ...)`` stands ``name_backward(grad, x, ...)``, which takes the loss's gradient
with respect to the output and returns the one with respect to the input, then those of the parameters.

- ``convolution``, ``pooling``, ``global_pooling``, ``activations``, ``batch_norm``, ``dense``, ``joining``,
  ``dropout``, ``loss``: the operations; ``padding`` and ``windows`` are their common ground.
- ``transposed_convolution``, ``upsampling``, ``unpooling``: those by which maps grow.
- ``layer_norm``, ``attention``: what transformers are made of; arrays are (N, tokens, features) there.
- ``recurrent``, ``additive_attention``: what writes sentences; time comes first there, (T, N, features).
- ``network``, ``blocks``, ``convnet1``: layers that remember their input, and what networks are made of.
- ``optim``: SGD, Adam and AdamW.

It is written to be read; torch is the one to be fast.
"""

"""The operator table: what an entry says of a layer or of a function of torch, and where entries are kept.

The entries themselves stand beside the layers, in `foveate.layers`; a file of one's own adds one with
`foveate.register_layer`. The tracer, the summary, the sums, the exporter and the blueprints ask the table and
know no layer by name. Importing any of it needs no torch.
"""

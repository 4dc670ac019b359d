"""Names of what goes into a captioning model's files, and of what comes out of them."""

from __future__ import annotations

WORDS = "words"  # the output with the number of each word, END behind the last
PROBABILITIES = "probabilities"  # of each word, given those before
ATTENTION = "attention"  # where was looked for each word
CANDIDATES, SCORES = "candidates", "candidate_scores"  # of a search
ENCODER, STEP = "encoder.onnx", "step.onnx"  # files that a search drives
STATE, NEXT_STATE, WORD = "state", "next_state", "word"  # what goes in and out of them
MEMORY = ("places", "keys")

"""The catalogue's rows of networks that write sentences; see `foveate.models.catalogue`.

Their classes are words: 10,000, as of COCO's sentences those that stand there five times. Multiply-adds are
those of the longest sentence.
"""

from __future__ import annotations

from functools import partial

from foveate.models.info import ModelInfo, rows_of

_captioner = partial(ModelInfo, num_classes=10_000, output="words")
_tell = partial(
    _captioner,
    family="show_and_tell",
    year=2014,
    title="Show and tell: a neural image caption generator",
    source="Vinyals, Toshev, Bengio, Erhan, arXiv:1411.4555",
    key_idea="the picture is the first word: an LSTM that has read it writes the sentence",
    module="foveate.models.show_and_tell",
)
_attend = partial(
    _captioner,
    family="show_attend_and_tell",
    year=2015,
    title="Show, attend and tell: neural image caption generation with visual attention",
    source="Xu et al., arXiv:1502.03044",
    key_idea="at every word the network looks again, where it needs to",
    module="foveate.models.show_attend_and_tell",
)

CAPTIONERS: tuple[ModelInfo, ...] = (
    *rows_of(
        _tell,
        ("name", "depth", "parameters", "macs", "input_size"),
        ("show_and_tell_compact", 8, 5_843_648, 103_965_824, (3, 128, 128)),
        ("show_and_tell_efficientnet_lite0", 51, 16_378_128, 531_003_104, (3, 224, 224)),
        ("show_and_tell_resnet18", 19, 23_790_416, 1_960_263_680, (3, 224, 224)),
    ),
    *rows_of(
        _attend,
        ("name", "depth", "parameters", "macs", "input_size"),
        ("show_attend_and_tell_compact", 16, 4_816_857, 100_576_128, (3, 128, 128)),
        ("show_attend_and_tell_efficientnet_lite0", 61, 7_702_145, 450_108_648, (3, 224, 224)),
        ("show_attend_and_tell_resnet18", 30, 16_134_129, 1_936_477_000, (3, 224, 224)),
    ),
)

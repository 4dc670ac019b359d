"""What is known about every network: the table that ``foveate models`` prints. Plain data, no torch.

Counts are those of the network as built here with its defaults, and tests hold each of them: ``parameters``
without auxiliary heads (of GoogLeNet, and of FCN and DeepLabV3 on ResNets), which only training uses;
``depth`` counts the convolutions and dense layers on the longest path (squeeze-excite, projection shortcuts
and fixed upsampling aside), ``macs`` the multiply-adds of one picture of ``input_size`` in convolutions and
dense layers, biases aside.
The published errors are of ImageNet where their note says nothing else.
"""

from __future__ import annotations

from functools import partial

from foveate.models.catalogue_captioners import CAPTIONERS
from foveate.models.catalogue_detectors import DETECTORS
from foveate.models.catalogue_segmenters import SEGMENTERS
from foveate.models.info import ModelInfo, rows_of
from foveate.plugins import Registry

# How errors were measured.
_TORCHVISION = "torchvision's weights, one crop, validation set"
_ONE_CROP = "one network, one crop, validation set"
_SCALE = "one network, one scale, validation set"
_SCALES = "one network, several scales, validation set"
_CROPS = "one network, many crops and dense, validation set"
_CROP = "one network, one crop (arXiv v5, table 2)"
_CROP_V5 = "one network, one crop (arXiv v5, table 2; the paper's first versions gave 2.9)"

_convnet1 = partial(
    ModelInfo,
    family="convnet1",
    year=2020,
    title="The article's convnet1",
    source="Introduction to convolutional neural networks (article), 2020",
    module="foveate.models.convnet1",
    depth=3,
    input_size=(1, 28, 28),
    num_classes=10,
)
_lesson = partial(
    ModelInfo,
    family="lessons",
    year=2020,
    source="Convolutional neural networks (lesson)",
    module="foveate.models.lessons",
    depth=5,
    input_size=(3, 32, 32),
    num_classes=10,
)
_compact = partial(
    ModelInfo,
    family="compact",
    year=2026,
    title="This program's own network for small pictures",
    source="foveate.models.compact, after Page 2019, hlb-CIFAR10 2022 and airbench (arXiv:2404.00498)",
    key_idea="a frozen first layer that whitens the data's own patches",
    module="foveate.models.compact",
    depth=7,
    input_size=(3, 32, 32),
    num_classes=10,
)
_vgg = partial(
    ModelInfo,
    family="vgg",
    year=2014,
    title="Very deep convolutional networks for large-scale image recognition",
    source="Simonyan, Zisserman, arXiv:1409.1556",
    module="foveate.models.vgg",
    input_size=(3, 224, 224),
)
_SMALL = "many 3x3 convolutions in place of few large ones"
_SMALL_BN = "the same with batch norm behind each convolution"
_resnet = partial(
    ModelInfo,
    family="resnet",
    year=2015,
    title="Deep residual learning for image recognition",
    source="He, Zhang, Ren, Sun, arXiv:1512.03385",
    key_idea="identity shortcuts: y = F(x) + x",
    module="foveate.models.resnet",
    input_size=(3, 224, 224),
)
_efficientnet = partial(
    ModelInfo,
    family="efficientnet",
    year=2019,
    title="EfficientNet: rethinking model scaling for convolutional neural networks",
    source="Tan, Le, arXiv:1905.11946",
    key_idea="depth, width and resolution scaled together",
    module="foveate.models.efficientnet",
)
_efficientnet_lite = partial(
    ModelInfo,
    family="efficientnet_lite",
    year=2020,
    title="EfficientNet-Lite: EfficientNet for mobile and edge devices",
    source="Liu, TensorFlow blog, 2020-03-16; github.com/tensorflow/tpu, efficientnet/lite",
    key_idea="EfficientNet without squeeze-excite, ReLU6: fit for 8-bit arithmetic",
    module="foveate.models.efficientnet_lite",
    published_note="their publisher's figure, one crop, validation set",
)
_mobilenet_v3 = partial(
    ModelInfo,
    family="mobilenet_v3",
    year=2019,
    title="Searching for MobileNetV3",
    source="Howard et al., arXiv:1905.02244",
    key_idea="blocks found by search; hard swish and a hard squeeze-excite gate",
    module="foveate.models.mobilenet_v3",
    published_note=_ONE_CROP,
    input_size=(3, 224, 224),
)
_vit = partial(
    ModelInfo,
    family="vision_transformer",
    year=2020,
    title="An image is worth 16x16 words: transformers for image recognition at scale",
    source="Dosovitskiy et al., arXiv:2010.11929",
    key_idea="patches as tokens that attend to each other; no convolution",
    module="foveate.models.vision_transformer",
    input_size=(3, 224, 224),
    published_note="learnt from ImageNet alone, pictures of 384 px (table 5)",
)
_deit = partial(
    _vit,
    title="Training data-efficient image transformers & distillation through attention",
    source="Touvron et al., arXiv:2012.12877",
    published_note=_ONE_CROP,
)
_DEIT = "a small ViT learnt from ImageNet alone, with much augmentation"
_DISTILLED = "a second token, which learns from a teacher's answers"
_mobilenet_v2 = partial(
    ModelInfo,
    family="mobilenet_v2",
    year=2018,
    title="MobileNetV2: inverted residuals and linear bottlenecks",
    source="Sandler, Howard, Zhu, Zhmoginov, Chen, arXiv:1801.04381",
    key_idea="wide inside, narrow outside, no activation where it is narrow",
    module="foveate.models.mobilenet_v2",
    published_note=_ONE_CROP,
    input_size=(3, 224, 224),
)
_densenet = partial(
    ModelInfo,
    family="densenet",
    year=2016,
    title="Densely connected convolutional networks",
    source="Huang, Liu, van der Maaten, Weinberger, arXiv:1608.06993",
    key_idea="each layer sees the maps of all layers before it",
    module="foveate.models.densenet",
    published_note=_ONE_CROP,
    input_size=(3, 224, 224),
)
_resnext = partial(
    ModelInfo,
    family="resnext",
    year=2016,
    title="Aggregated residual transformations for deep neural networks",
    source="Xie, Girshick, Dollár, Tu, He, arXiv:1611.05431",
    key_idea="a bottleneck's 3x3 convolution in many narrow groups",
    published_note=_ONE_CROP,
    module="foveate.models.resnet",
    input_size=(3, 224, 224),
)
_efficientnet_v2 = partial(
    ModelInfo,
    family="efficientnet_v2",
    year=2021,
    title="EfficientNetV2: smaller models and faster training",
    source="Tan, Le, arXiv:2104.00298",
    key_idea="early blocks with one whole convolution, found by a search for training time",
    module="foveate.models.efficientnet_v2",
    published_note=_ONE_CROP,
    input_size=(3, 384, 384),
)
_convnext = partial(
    ModelInfo,
    family="convnext",
    year=2022,
    title="A ConvNet for the 2020s",
    source="Liu et al., arXiv:2201.03545",
    key_idea="ResNet rebuilt as transformers are: 7x7 depthwise, layer norm, GELU, fewer of each",
    module="foveate.models.convnext",
    published_note=_ONE_CROP,
    input_size=(3, 224, 224),
)
_ROWS: tuple[ModelInfo, ...] = (
    _convnet1(
        name="convnet1",
        key_idea="two convolutions (5x5, as the article's text) with batch norm, one dense layer",
        parameters=29_034,
        macs=2_838_080,
    ),
    _convnet1(
        name="convnet1_k3",
        key_idea="the same with 3x3 windows, as the article's code",
        parameters=20_586,
        macs=1_031_744,
    ),
    _lesson(
        name="lesson32",
        title="The lesson's 32x32 pipeline",
        key_idea="plain convolution and pooling: 32, 30, 15, 13, 6, 4",
        parameters=620_362,
        macs=5_599_104,
    ),
    _lesson(
        name="lesson_cnn",
        title="The lesson's PyTorch network",
        key_idea="batch norm, adaptive pooling, dropout",
        parameters=620_810,
        macs=10_848_768,
    ),
    _compact(name="compact_s", parameters=73_930, macs=4_701_088),
    _compact(name="compact_m", parameters=162_586, macs=9_567_456),
    _compact(name="compact_l", parameters=285_802, macs=16_203_296),
    ModelInfo(
        name="tinyvgg",
        family="tinyvgg",
        year=2020,
        title="CNN Explainer: learning convolutional neural networks with interactive visualization",
        source="Wang et al., arXiv:2004.15004",
        key_idea="ten filters a layer: small enough to draw every one",
        module="foveate.models.tinyvgg",
        depth=5,
        parameters=19_920,
        macs=5_608_780,
        input_size=(3, 64, 64),
        num_classes=10,
    ),
    ModelInfo(
        name="lenet5",
        family="lenet",
        year=1998,
        title="Gradient-based learning applied to document recognition",
        source="LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86(11)",
        key_idea="convolution, pooling, dense: learned end to end",
        module="foveate.models.lenet",
        depth=5,
        parameters=61_706,
        macs=416_520,
        input_size=(1, 32, 32),
        num_classes=10,
        top1_error=0.95,
        published_note="MNIST's test set, learnt without distortions",
    ),
    ModelInfo(
        name="alexnet",
        family="alexnet",
        year=2012,
        title="ImageNet classification with deep convolutional neural networks",
        source="Krizhevsky, Sutskever, Hinton, NIPS 2012",
        key_idea="ReLU, dropout and GPUs make a deep network learnable",
        module="foveate.models.alexnet",
        depth=8,
        parameters=61_100_840,
        macs=714_188_480,
        input_size=(3, 224, 224),
        top5_error=16.4,
        published_note="five networks together, test set",
    ),
    *rows_of(
        _vgg,
        ("name", "depth", "parameters", "macs", "top5_error", "published_note", "key_idea"),
        ("vgg11", 11, 132_863_336, 7_609_090_048, 10.4, f"{_SCALE} (table 3, A)", _SMALL),
        ("vgg11_bn", 11, 132_868_840, 7_609_090_048, 10.19, _TORCHVISION, _SMALL_BN),
        ("vgg13", 13, 133_047_848, 11_308_466_176, 9.9, f"{_SCALE} (table 3, B)", _SMALL),
        ("vgg13_bn", 13, 133_053_736, 11_308_466_176, 9.63, _TORCHVISION, _SMALL_BN),
        ("vgg16", 16, 138_357_544, 15_470_264_320, 7.3, "seven VGG networks together, test set", _SMALL),
        ("vgg16_bn", 16, 138_365_992, 15_470_264_320, 8.48, _TORCHVISION, _SMALL_BN),
        ("vgg19", 19, 143_667_240, 19_632_062_464, 7.1, f"{_CROPS} (table 5, E)", _SMALL),
        ("vgg19_bn", 19, 143_678_248, 19_632_062_464, 8.16, _TORCHVISION, _SMALL_BN),
    ),
    ModelInfo(
        name="googlenet",
        family="googlenet",
        year=2014,
        title="Going deeper with convolutions",
        source="Szegedy et al., arXiv:1409.4842",
        key_idea="inception modules: windows of several sizes side by side",
        module="foveate.models.googlenet",
        depth=22,
        parameters=6_624_904,
        macs=1_498_376_192,
        input_size=(3, 224, 224),
        top5_error=6.7,
        published_note="seven networks together, 144 crops, test set",
    ),
    *rows_of(
        _resnet,
        ("name", "depth", "parameters", "macs", "top5_error", "published_note"),
        ("resnet18", 18, 11_689_512, 1_814_073_344, 10.92, _TORCHVISION),
        ("resnet34", 34, 21_797_672, 3_663_761_408, 5.7, f"{_SCALES} (table 4, B)"),
        ("resnet50", 50, 25_557_032, 4_089_184_256, 5.3, f"{_SCALES} (table 4)"),
        ("resnet101", 101, 44_549_160, 7_801_405_440, 4.6, f"{_SCALES} (table 4)"),
        ("resnet152", 152, 60_192_808, 11_513_626_624, 4.5, f"{_SCALES} (table 4)"),
    ),
    *rows_of(
        _efficientnet,
        ("name", "depth", "parameters", "macs", "input_size", "top5_error", "published_note"),
        ("efficientnet_b0", 50, 5_288_548, 385_814_752, (3, 224, 224), 6.7, _CROP),
        ("efficientnet_b1", 70, 7_794_184, 686_802_832, (3, 240, 240), 5.6, _CROP),
        ("efficientnet_b2", 70, 9_109_994, 993_561_872, (3, 260, 260), 5.1, _CROP),
        ("efficientnet_b3", 79, 12_233_232, 1_827_141_392, (3, 300, 300), 4.3, _CROP),
        ("efficientnet_b4", 97, 19_341_616, 4_393_771_024, (3, 380, 380), 3.6, _CROP),
        ("efficientnet_b5", 117, 30_389_784, 10_266_384_752, (3, 456, 456), 3.3, _CROP),
        ("efficientnet_b6", 135, 43_040_704, 19_067_593_536, (3, 528, 528), 3.2, _CROP),
        ("efficientnet_b7", 164, 66_347_960, 37_745_884_192, (3, 600, 600), 3.0, _CROP_V5),
    ),
    *rows_of(
        _efficientnet_lite,
        ("name", "depth", "parameters", "macs", "input_size", "top1_error"),
        ("efficientnet_lite0", 50, 4_652_008, 385_187_552, (3, 224, 224), 24.9),
        ("efficientnet_lite1", 65, 5_416_680, 600_185_232, (3, 240, 240), 23.3),
        ("efficientnet_lite2", 65, 6_092_072, 859_736_272, (3, 260, 260), 22.4),
        ("efficientnet_lite3", 74, 8_197_096, 1_383_321_872, (3, 280, 280), 20.2),
        ("efficientnet_lite4", 92, 13_006_568, 2_553_034_336, (3, 300, 300), 18.5),
    ),
    *rows_of(
        _mobilenet_v3,
        ("name", "depth", "parameters", "macs", "top1_error"),
        ("mobilenet_v3_small", 36, 2_542_856, 56_510_400, 32.6),
        ("mobilenet_v3_large", 48, 5_483_032, 216_589_760, 24.8),
    ),
    _mobilenet_v2(name="mobilenet_v2", depth=53, parameters=3_504_872, macs=300_774_272, top1_error=28.0),
    _densenet(name="densenet121", depth=121, parameters=7_978_856, macs=2_834_161_664, top5_error=7.71),
    _resnext(name="resnext50_32x4d", depth=50, parameters=25_028_904, macs=4_230_479_872, top1_error=22.2),
    _efficientnet_v2(
        name="efficientnet_v2_s", depth=111, parameters=21_458_488, macs=8_365_617_152, top1_error=16.1
    ),
    _convnext(name="convnext_tiny", depth=59, parameters=28_589_128, macs=4_455_531_264, top1_error=17.9),
    *rows_of(
        _vit,
        ("name", "depth", "parameters", "macs", "top1_error"),
        ("vit_b_16", 50, 86_567_656, 17_563_828_224, 22.09),
        ("vit_b_32", 50, 88_224_232, 4_409_186_304, 26.62),
    ),
    *rows_of(
        _deit,
        ("name", "depth", "parameters", "macs", "top1_error", "key_idea"),
        ("deit_tiny", 50, 5_717_416, 1_253_683_200, 27.8, _DEIT),
        ("deit_small", 50, 22_050_664, 4_598_882_304, 20.2, _DEIT),
        ("deit_tiny_distilled", 50, 5_910_800, 1_261_003_776, 25.5, _DISTILLED),
        ("deit_small_distilled", 50, 22_436_432, 4_624_140_288, 18.8, _DISTILLED),
    ),
    *SEGMENTERS,
    *DETECTORS,
    *CAPTIONERS,
)

CATALOGUE = Registry({row.name: row for row in _ROWS})

"""The catalogue's rows of networks that give scores to each pixel; see `foveate.models.catalogue`."""

from __future__ import annotations

from functools import partial

from foveate.models.info import ModelInfo, rows_of

_WHOLE = "dense layers as convolutions: a map of scores"
_LAST = "scores of a trunk's last map, brought to the picture's size"
_SKIPS = "the same with finer scores"
_VOC_2011 = "PASCAL VOC 2011, validation set"
_COCO = "torchvision's weights, COCO val2017, the classes of PASCAL VOC"
# Networks that answer pixel by pixel; the sizes are those that their papers or torchvision measure at.
_segmenter = partial(ModelInfo, input_size=(3, 520, 520), num_classes=21, output="map")
_fcn = partial(
    _segmenter,
    family="fcn",
    year=2015,
    title="Fully convolutional networks for semantic segmentation",
    source="Long, Shelhamer, Darrell, arXiv:1411.4038",
    module="foveate.models.fcn",
)
_fcn_vgg16 = partial(_fcn, input_size=(3, 500, 500), published_note=_VOC_2011)
_fcn_trunk = partial(_fcn, input_size=(3, 512, 512))
_fcn_resnet = partial(
    _segmenter,
    family="fcn_resnet",
    year=2015,
    title="Multi-scale context aggregation by dilated convolutions (as torchvision's FCN)",
    source="Long et al., arXiv:1411.4038; Yu, Koltun, arXiv:1511.07122; torchvision",
    key_idea="the last stages dilated: scores at an eighth of the side",
    module="foveate.models.fcn_resnet",
    published_note=_COCO,
)
_pyramid = partial(
    _segmenter,
    family="pyramid",
    year=2026,
    title="A light pyramid for classes of pixels",
    source="after Lin et al., arXiv:1612.03144; Kirillov et al., arXiv:1901.02446",
    key_idea="depthwise-separable convolutions on the way up from a trunk's levels",
    module="foveate.models.pyramid",
)
_deeplab_v3 = partial(
    _segmenter,
    family="deeplab_v3",
    year=2017,
    title="Rethinking atrous convolution for semantic image segmentation",
    source="Chen, Papandreou, Schroff, Adam, arXiv:1706.05587",
    key_idea="a pyramid of dilated convolutions sees several sizes at once",
    module="foveate.models.deeplab_v3",
    published_note=_COCO,
)

SEGMENTERS: tuple[ModelInfo, ...] = (
    *rows_of(
        _fcn_vgg16,
        ("name", "depth", "parameters", "macs", "mean_iou", "key_idea"),
        ("fcn32s", 16, 134_346_581, 180_925_453_056, 59.4, _WHOLE),
        ("fcn16s", 16, 134_357_354, 180_949_193_472, 62.4, f"{_SKIPS} of pool4"),
        ("fcn8s", 16, 134_362_751, 180_992_697_408, 62.7, f"{_SKIPS} of pool4 and pool3"),
    ),
    *rows_of(
        _fcn_trunk,
        ("name", "depth", "parameters", "macs", "key_idea"),
        ("fcn32s_efficientnet_lite0", 49, 2_965_589, 1_902_583_808, _LAST),
        ("fcn16s_efficientnet_lite0", 49, 2_967_962, 1_904_992_256, f"{_SKIPS} at stride 16"),
        ("fcn8s_efficientnet_lite0", 49, 2_968_823, 1_908_432_896, f"{_SKIPS} at strides 16 and 8"),
        ("fcn32s_resnet18", 18, 11_187_285, 9_477_685_248, _LAST),
        ("fcn16s_resnet18", 18, 11_192_682, 9_483_190_272, f"{_SKIPS} at stride 16"),
        ("fcn8s_resnet18", 18, 11_195_391, 9_494_200_320, f"{_SKIPS} at strides 16 and 8"),
        ("fcn32s_resnet50", 50, 23_551_061, 21_364_211_712, _LAST),
        ("fcn16s_resnet50", 50, 23_572_586, 21_386_231_808, f"{_SKIPS} at stride 16"),
        ("fcn8s_resnet50", 50, 23_583_359, 21_430_272_000, f"{_SKIPS} at strides 16 and 8"),
    ),
    *rows_of(
        _pyramid,
        ("name", "depth", "parameters", "macs", "input_size"),
        ("pyramid_compact", 19, 353_845, 144_479_424, (3, 128, 128)),
        ("pyramid_efficientnet_lite0", 61, 3_051_125, 1_502_592_480, (3, 360, 480)),
        ("pyramid_efficientnet_lite2", 76, 4_454_837, 2_174_150_880, (3, 360, 480)),
        ("pyramid_resnet18", 33, 11_313_333, 6_663_472_320, (3, 360, 480)),
    ),
    *rows_of(
        _fcn_resnet,
        ("name", "depth", "parameters", "macs", "mean_iou"),
        ("fcn_resnet50", 51, 32_957_013, 142_725_772_800, 60.5),
        ("fcn_resnet101", 102, 51_949_141, 222_746_867_200, 63.7),
    ),
    *rows_of(
        _deeplab_v3,
        ("name", "depth", "parameters", "macs", "mean_iou"),
        ("deeplabv3_resnet50", 53, 39_638_869, 168_731_205_888, 66.4),
        ("deeplabv3_mobilenet_v3_large", 50, 11_025_477, 10_436_350_688, 60.3),
    ),
    _segmenter(
        name="lraspp_mobilenet_v3_large",
        family="lraspp",
        year=2019,
        title="Searching for MobileNetV3 (section 6.4: LR-ASPP)",
        source="Howard et al., arXiv:1905.02244",
        key_idea="a coarse map gated by the whole picture, and scores of a fine one",
        module="foveate.models.lraspp",
        depth=48,
        parameters=3_221_538,
        macs=2_086_219_688,
        mean_iou=57.9,
        published_note=_COCO,
    ),
)

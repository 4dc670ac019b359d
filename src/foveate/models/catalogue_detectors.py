"""The catalogue's rows of networks that find objects; see `foveate.models.catalogue`.

The background is no class of theirs. Multiply-adds are those of all proposals, as many as there can be.
"""

from __future__ import annotations

from functools import partial

from foveate.models.info import ModelInfo, rows_of

_LIGHT = (3, 384, 512)
_USUAL = (3, 800, 1088)
_VOC_2007 = "VOC 2007 test, learnt from VOC 2007; mean AP at an overlap of 0.5"
_detector = partial(ModelInfo, output="boxes")
_centre = partial(
    _detector,
    num_classes=80,
    family="centre",
    year=2019,
    title="FCOS: fully convolutional one-stage object detection (on a light pyramid)",
    source="Tian et al., arXiv:1904.01355; Zhang et al., arXiv:1912.02424; Li et al., arXiv:2006.04388",
    key_idea="every place says what is there and how far its sides are: no anchors, no proposals",
    module="foveate.models.centre",
)
_rcnn = partial(
    _detector,
    num_classes=20,
    family="rcnn",
    year=2014,
    title="R-CNN: rich feature hierarchies for accurate object detection",
    source="Girshick, Donahue, Darrell, Malik, arXiv:1311.2524; Uijlings et al., selective search, 2013",
    key_idea="every region of selective search is warped and shown to a network that was learnt on ImageNet",
    module="foveate.models.rcnn",
)
_fast_rcnn = partial(
    _detector,
    num_classes=20,
    family="fast_rcnn",
    year=2015,
    title="Fast R-CNN",
    source="Girshick, arXiv:1504.08083; Uijlings et al., selective search, 2013",
    key_idea="the picture goes through the network once; regions are read from its map",
    module="foveate.models.fast_rcnn",
)
_faster_rcnn = partial(
    _detector,
    num_classes=20,
    family="faster_rcnn",
    year=2015,
    title="Faster R-CNN: towards real-time object detection with region proposal networks",
    source="Ren, He, Girshick, Sun, arXiv:1506.01497",
    key_idea="a small network on the map proposes the regions: nothing outside the network is left",
    module="foveate.models.faster_rcnn",
)
_faster_rcnn_fpn = partial(
    _detector,
    num_classes=90,
    family="faster_rcnn_fpn",
    year=2016,
    title="Faster R-CNN on a feature pyramid (as torchvision's)",
    source="Ren et al., arXiv:1506.01497; Lin et al., arXiv:1612.03144; torchvision",
    key_idea="anchors on every level of a pyramid; large regions are read from coarse maps",
    module="foveate.models.faster_rcnn_fpn",
    published_note="torchvision's weights on COCO val2017, AP 50-95",
)

DETECTORS: tuple[ModelInfo, ...] = (
    *rows_of(
        _centre,
        ("name", "depth", "parameters", "macs", "input_size"),
        ("centre_compact", 25, 390_388, 153_128_064, (3, 128, 128)),
        ("centre_efficientnet_lite0", 67, 3_087_668, 1_689_649_152, _LIGHT),
        ("centre_efficientnet_lite2", 82, 4_491_380, 2_434_993_152, _LIGHT),
        ("centre_resnet18", 36, 11_346_036, 7_410_309_120, _LIGHT),
    ),
    _detector(
        name="nanodet_g",
        family="nanodet",
        year=2021,
        title="NanoDet",
        source="RangiLyu, github.com/RangiLyu/nanodet, configuration nanodet-g",
        key_idea="each side of a box is a distribution over distances; its mean is the side",
        module="foveate.models.nanodet",
        depth=37,
        parameters=3_786_068,
        macs=2_090_083_840,
        input_size=(3, 416, 416),
        num_classes=80,
        average_precision=22.9,
        published_note="its author's weights on COCO val2017, AP 50-95",
    ),
    *rows_of(
        _rcnn,
        ("name", "depth", "parameters", "macs", "input_size", "average_precision", "published_note"),
        ("rcnn_alexnet", 9, 57_434_025, 1_421_045_120_000, (3, 608, 800), 58.5, _VOC_2007),
        ("rcnn_vgg16", 17, 134_690_729, 30_933_196_800_000, (3, 608, 800), 66.0, _VOC_2007),
        ("rcnn_compact", 8, 298_057, 2_432_318_400, (3, 128, 128), None, ""),
        ("rcnn_efficientnet_lite0", 50, 2_992_553, 8_920_377_600, _LIGHT, None, ""),
        ("rcnn_resnet18", 19, 11_230_377, 44_429_875_200, _LIGHT, None, ""),
    ),
    *rows_of(
        _fast_rcnn,
        ("name", "depth", "parameters", "macs", "input_size", "average_precision", "published_note"),
        ("fast_rcnn_vgg16", 17, 134_690_729, 388_703_846_400, (3, 608, 800), 66.9, _VOC_2007),
        ("fast_rcnn_compact", 19, 1_636_105, 476_317_824, (3, 128, 128), None, ""),
        ("fast_rcnn_efficientnet_lite0", 61, 4_333_385, 1_881_234_432, _LIGHT, None, ""),
        ("fast_rcnn_resnet18", 30, 12_591_753, 7_601_894_400, _LIGHT, None, ""),
    ),
    _faster_rcnn(
        name="faster_rcnn_vgg16",
        depth=20,
        parameters=137_073_622,
        macs=189_285_120_000,
        input_size=(3, 608, 800),
        average_precision=69.9,
        published_note=_VOC_2007,
    ),
    *rows_of(
        _faster_rcnn,
        ("name", "depth", "parameters", "macs", "input_size"),
        ("faster_rcnn_compact", 22, 1_720_600, 331_752_064, (3, 128, 128)),
        ("faster_rcnn_efficientnet_lite0", 64, 4_417_880, 1_966_193_152, _LIGHT),
        ("faster_rcnn_resnet18", 33, 12_676_248, 7_686_853_120, _LIGHT),
    ),
    *rows_of(
        _faster_rcnn_fpn,
        ("name", "depth", "parameters", "macs", "input_size", "average_precision"),
        ("fasterrcnn_resnet50_fpn", 64, 41_808_406, 177_581_734_144, _USUAL, 37.0),
        ("fasterrcnn_resnet50_fpn_v2", 68, 43_712_278, 334_883_797_248, _USUAL, 46.7),
        ("fasterrcnn_mobilenet_v3_large_fpn", 57, 19_410_754, 20_464_911_104, _USUAL, 32.8),
        ("fasterrcnn_mobilenet_v3_large_320_fpn", 57, 19_410_754, 3_159_927_680, (3, 320, 448), 22.8),
    ),
)

"""A folder of JPEG files read and classified: `foveate predict FOLDER` against PyTorch's way of doing it.

The rival is the program one writes: a Dataset that opens files with Pillow, resizes and crops, a DataLoader
with two workers, a network in eager mode. It runs the same network with the same weights on the same
preprocessing. Pictures are 500 x 375, as ImageNet's are on average, and for reading alone also photographs of
12 megapixels, half of them on their side. Each turn takes the next part of the folder, so that together the
turns are the whole of it once.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from foveate.tasks.classification.targets import ClassTargets
from harness import Contestant, Race, compete
from report import Section, Table, spread, times_as_fast

WIDTH, HEIGHT = 500, 375
LARGE_WIDTH, LARGE_HEIGHT = 4000, 3000
BATCH = 32
# name -> the side of its pictures, the share of the picture's short side that is seen
NETWORKS = {"efficientnet_lite0": (224, 0.875), "compact_m": (64, 1.0)}
TURNS = 5
EAGER, LAST = "DataLoader, Pillow, eager", "the same, channels_last"
LOADER, DECODER, AGAIN = "DataLoader, Pillow", "simplejpeg alone, two threads", "foveate, second epoch"
PURE, NETWORK = "foveate, scaled by Pillow", "the network alone"
CLASSES = [str(i) for i in range(10)]
Work = Callable[[], list[float]]


# --- Pictures --------------------------------------------------------------------------------------------


def make_pictures(folder: Path, count: int, photographs: Path | None = None, *, large: bool = False) -> None:
    """Write JPEG files: parts of photographs where a folder of them is given, else made up.

    large: of 12 megapixels, with the grain that a sensor has, every second one turned by its EXIF block.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources = _photographs(photographs) if photographs else [_invented(seed) for seed in range(40)]

    def write(number: int) -> None:
        rng = np.random.default_rng(number)
        source = sources[number % len(sources)]
        share = rng.uniform(0.7, 1.0)
        width = min(source.width, source.height * WIDTH / HEIGHT) * share
        height = width * HEIGHT / WIDTH
        left, top = rng.uniform(0, source.width - width), rng.uniform(0, source.height - height)
        box = (left, top, left + width, top + height)
        size, exif = (LARGE_WIDTH, LARGE_HEIGHT) if large else (WIDTH, HEIGHT), Image.Exif()
        picture = source.resize(size, Image.Resampling.BICUBIC, box=box)
        if large:
            grain = rng.normal(0, 3, (LARGE_HEIGHT, LARGE_WIDTH, 1)).astype(np.int16)
            picture = Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))
            exif[0x0112] = 6 if number % 2 else 1
        picture.save(folder / f"{number:05d}.jpg", quality=int(rng.integers(85, 96)), exif=exif)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(write, range(count)))


def _photographs(folder: Path) -> list[Image.Image]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))[:400]
    return [Image.open(path).convert("RGB") for path in found]


def _invented(seed: int) -> Image.Image:
    """Noise whose amplitude falls with frequency as that of photographs does (Field 1987), in colour."""
    rng = np.random.default_rng(seed)
    height, width = 600, 800
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    falling = 1 / np.maximum(frequency, 1 / width) ** 1.1
    planes = []
    for _ in range(3):
        spectrum = np.fft.rfft2(rng.normal(size=(height, width))) * falling
        plane = np.fft.irfft2(spectrum, (height, width))
        planes.append((plane - plane.mean()) / plane.std())
    shared = np.stack([planes[0]] * 3, -1) + 0.3 * np.stack(planes, -1)  # colours go together
    return Image.fromarray((shared * 45 + 120).clip(0, 255).astype(np.uint8))


# --- Contestants -----------------------------------------------------------------------------------------


def build(network: str) -> tuple[Any, Any]:
    """The deployed network with random weights, and its preprocessing."""
    import torch

    from foveate.exporter.to_onnx import Deployed
    from foveate.images.preprocess import Preprocessing
    from foveate.models.registry import create_model
    from foveate.tasks.classification.task import Classification

    torch.manual_seed(0)
    side, share = NETWORKS[network]
    options = {"image_size": (side, side)} if network.startswith("compact") else {}
    module = create_model(network, num_classes=len(CLASSES), in_channels=3, **options).eval()
    statistics = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    preprocessing = Preprocessing(side, side, crop_fraction=share, **statistics)
    return Deployed(module, preprocessing, Classification(CLASSES)), preprocessing


def export(network: str, path: Path) -> None:
    from foveate.exporter.to_onnx import export_onnx

    deployed, preprocessing = build(network)
    path.write_bytes(export_onnx(deployed, preprocessing, {}))


def parts(folder: str) -> Iterator[list[Path]]:
    """A turn's files, and the next turn's; from the start again when all have had their turn."""
    files = sorted(Path(folder).iterdir())
    size = len(files) // TURNS
    return itertools.cycle([files[i * size : (i + 1) * size] for i in range(TURNS)])


def _predictor(network: str, path: str) -> Any:
    from foveate.images.preprocess import Preprocessing
    from foveate.runtime.predictor import Predictor
    from foveate.tasks.classification.task import Classification

    side, share = NETWORKS[network]
    preprocessing = Preprocessing(side, side, crop_fraction=share)  # the graph normalises
    return Predictor(Path(path).read_bytes(), Classification(CLASSES), preprocessing)


def foveate(network: str, folder: str, path: str) -> Work:
    predictor = _predictor(network, path)
    turns = parts(folder)
    return lambda: predictor.predict_proba(next(turns), batch_size=BATCH).mean(0).tolist()


def network_alone(network: str, folder: str, path: str) -> Callable[[], None]:
    """As many pictures that are read already, in the batches that a folder comes in."""
    predictor = _predictor(network, path)
    side, _ = NETWORKS[network]
    pictures = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), np.uint8)
    count = len(next(parts(folder)))

    def work() -> None:
        for start in range(0, count, BATCH):
            predictor.predict_proba(pictures[: count - start])

    return work


def reading(network: str, folder: str, compiled: bool = True) -> Callable[[], None]:
    """What training does with files before its first step: read, look for faults, decode, scale, keep.

    compiled: where there is a library that scales; without it Pillow does.
    """
    from foveate.dataset import FileImages
    from foveate.dataset.cache import decode
    from foveate.images import resample
    from foveate.images.preprocess import Preprocessing

    if not compiled:
        resample._library = lambda: None  # in this process alone
    side, share = NETWORKS[network]
    turns = parts(folder)

    def work() -> None:
        decode(FileImages(next(turns)), Preprocessing(side, side, crop_fraction=share))

    return work


def again(network: str, folder: str) -> Callable[[], None]:
    """The second epoch of the same pictures: shuffled, augmented, normalised batches, nothing decoded."""
    from foveate.batches.augment import Augmentation
    from foveate.batches.loader import Normaliser, Pixels, TrainingBatches
    from foveate.images.preprocess import Preprocessing

    side, _ = NETWORKS[network]
    count = len(next(parts(folder)))
    pixels = Pixels(np.zeros((count, side, side, 3), np.uint8), ClassTargets(np.zeros(count, np.int64)))
    batches = TrainingBatches(
        pixels,
        Normaliser(Preprocessing(side, side)),
        batch_size=BATCH,
        augmentation=Augmentation(flip="random", shift_px=2),
    )
    return lambda: [None for _ in batches.epoch(1)].clear()


def decoding(network: str, folder: str) -> Callable[[], None]:
    """The decoder alone, in two threads, at full size: libjpeg-turbo through simplejpeg."""
    import simplejpeg

    turns = parts(folder)

    def work() -> None:
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(lambda path: simplejpeg.decode_jpeg(path.read_bytes()).shape, next(turns)):
                pass

    return work


def torch_loader(network: str, folder: str, channels_last: bool = False, only_read: bool = False) -> Work:
    import torch
    from torch.utils.data import DataLoader, Dataset

    deployed, preprocessing = build(network)
    module = deployed.network
    layout = torch.channels_last if channels_last else torch.contiguous_format
    module.to(memory_format=layout)
    side, share = preprocessing.height, preprocessing.crop_fraction
    mean = torch.tensor(preprocessing.mean).reshape(3, 1, 1)
    std = torch.tensor(preprocessing.std).reshape(3, 1, 1)
    short = round(side / share)
    turns = parts(folder)

    class Files(Dataset):
        def __init__(self, files: list[Path]) -> None:
            self.files = files

        def __len__(self) -> int:
            return len(self.files)

        def __getitem__(self, index: int) -> torch.Tensor:
            picture = Image.open(self.files[index]).convert("RGB")
            scale = short / min(picture.size)
            size = round(picture.width * scale), round(picture.height * scale)
            picture = picture.resize(size, Image.Resampling.BILINEAR)
            left, top = (size[0] - side) // 2, (size[1] - side) // 2
            picture = picture.crop((left, top, left + side, top + side))
            pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float().div_(255)
            return pixels.sub_(mean).div_(std)

    @torch.inference_mode()
    def work() -> list[float]:
        files, total = next(turns), torch.zeros(len(CLASSES))
        for batch in DataLoader(Files(files), batch_size=BATCH, num_workers=2):
            if only_read:
                continue
            total += torch.softmax(module(batch.contiguous(memory_format=layout)), 1).sum(0)
        return (total / len(files)).tolist()

    return work


def race(network: str, folder: Path, onnx: Path, *, turns: int) -> Race:
    facts = {"network": network, "folder": str(folder)}
    contestants = [
        Contestant("foveate", "jpeg_folder:foveate", {**facts, "path": str(onnx)}, warm=False),
        Contestant(EAGER, "jpeg_folder:torch_loader", facts, warm=False),
        Contestant(LAST, "jpeg_folder:torch_loader", {**facts, "channels_last": True}, warm=False),
        Contestant(NETWORK, "jpeg_folder:network_alone", {**facts, "path": str(onnx)}, warm=False),
    ]
    return compete(contestants, turns=turns, seconds=0.0)


def reading_race(network: str, folder: Path, *, turns: int) -> Race:
    facts = {"network": network, "folder": str(folder)}
    contestants = [
        Contestant("foveate", "jpeg_folder:reading", facts, warm=False),
        Contestant(PURE, "jpeg_folder:reading", {**facts, "compiled": False}, warm=False),
        Contestant(LOADER, "jpeg_folder:torch_loader", {**facts, "only_read": True}, warm=False),
        Contestant(DECODER, "jpeg_folder:decoding", facts, warm=False),
        Contestant(AGAIN, "jpeg_folder:again", facts, warm=False),
    ]
    return compete(contestants, turns=turns, seconds=0.0)


def run(quick: bool) -> Section:
    """10,000 pictures, a fifth of them a turn; 500 in two turns where it shall be quick."""
    count, large, turns = (500, 10, 2) if quick else (10_000, 100, TURNS)
    photographs = os.environ.get("FOVEATE_PHOTOGRAPHS")  # a folder; without it pictures are made up
    found: dict[str, Any] = {}
    races: dict[str, Race] = {}
    readings: dict[str, Race] = {}
    with tempfile.TemporaryDirectory() as place:
        folder, onnx = Path(place) / "pictures", Path(place) / "model.onnx"
        make_pictures(folder, count, Path(photographs) if photographs else None)
        size = sum(path.stat().st_size for path in folder.iterdir()) / count / 1e3
        for network in NETWORKS:
            export(network, onnx)
            races[network] = race(network, folder, onnx, turns=turns)
            readings[network] = reading_race(network, folder, turns=turns)
            found[network] = races[network].to_dict() | {"reading": readings[network].to_dict()}
        photos = Path(place) / "large"
        make_pictures(photos, large, Path(photographs) if photographs else None, large=True)
        network = next(iter(NETWORKS))
        larges = {network: reading_race(network, photos, turns=turns)}
        found["12 megapixels"] = larges[network].to_dict()
    source = "parts of photographs" if photographs else "made-up pictures with the spectrum of photographs"
    part = count // TURNS
    return Section(
        f"A folder of {count:,} JPEG files read and classified",
        f"Files of 500 x 375 pixels, {size:.0f} kB each ({source}), decoded, scaled, and classified, "
        f"{part:,} a turn; importing and opening the network are not counted. The rival is a Dataset that "
        "opens files with Pillow, a DataLoader with two workers, and the same network with the same weights "
        "in eager torch. Reading is what comes before the first training step, without a network: this "
        "program also hashes every file and looks for faults and copies, and decodes a picture that is to "
        "become four times smaller at half its size; the decoder alone decodes in full.",
        [
            _table(f"Seconds for {part:,} files classified", races, (EAGER, LAST, NETWORK), part),
            _table(f"Seconds for {part:,} files read", readings, (LOADER, PURE, DECODER, AGAIN), part),
            _table(
                f"Seconds for {large // TURNS:,} photographs of 12 megapixels read",
                larges,
                (LOADER, PURE, DECODER),
                large // TURNS,
            ),
        ],
        found,
        skipped=next(iter(readings.values())).skipped,
        headline=_headline(races),
    )


def _table(title: str, races: dict[str, Race], rivals: Sequence[str], count: int) -> Table:
    """A row a network: everybody's seconds and files a second, and ours against the first rival's."""
    names = [name for name in rivals if name in next(iter(races.values())).timings]
    rows = []
    for network, one in races.items():
        times = [one.timings[name] for name in ("foveate", *names)]
        cells = [f"{spread(t, 's')}, {count / t.median:.0f}/s" for t in times]
        ratio = times_as_fast(one.timings[rivals[0]], one.timings["foveate"])
        rows.append((f"{network}, {NETWORKS[network][0]} px", *cells, ratio))
    return Table(title, ("network", "foveate", *names, f"x {rivals[0]}"), rows)


def _headline(races: dict[str, Race]) -> str:
    ratios = [
        f"{times_as_fast(one.timings[EAGER], one.timings['foveate'])} times ({network})"
        for network, one in races.items()
    ]
    return (
        f"A folder of JPEG files classified: {' and '.join(ratios)} as fast as a DataLoader, Pillow and "
        "eager torch."
    )

import numpy as np
import pytest
from PIL import Image

from foveate.dataset import ArrayImages, DataSet, FileImages, Split
from foveate.dataset.samples import evenly, from_answers
from foveate.errors import DatasetError, ImageError, InputError, listed
from foveate.images import Preprocessing
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification


def arrays(n: int, channels: int = 1) -> ArrayImages:
    values = np.arange(n, dtype=np.uint8)[:, None, None, None]
    return ArrayImages(np.broadcast_to(values, (n, 2, 3, channels)).copy(), "train")


def test_files_are_read_named_and_selected(tmp_path):
    (tmp_path / "a").mkdir()
    for i, name in enumerate(["a/x.png", "a/y.png", "z.png"]):
        Image.new("RGB", (4, 3), (i, 0, 0)).save(tmp_path / name)
    images = FileImages(["a/x.png", "a/y.png", "z.png"], tmp_path)
    assert len(images) == 3 and images.name(1) == "a/y.png"
    assert images.read(2).shape == (3, 4, 3) and images.read(2)[0, 0, 0] == 2
    assert images.data(0) == (tmp_path / "a/x.png").read_bytes()
    chosen = images.select([2, 0])
    assert [chosen.name(i) for i in range(2)] == ["z.png", "a/x.png"]
    assert chosen.read(1)[0, 0, 0] == 0


def test_errors_name_the_file_as_people_know_it(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no")
    images = FileImages(["bad.png", "gone.png"], tmp_path)
    with pytest.raises(ImageError, match=r"picture 'bad\.png'"):
        images.read(0)
    for read in (images.read, images.data):
        with pytest.raises(ImageError, match=r"picture 'gone\.png': there is no such file"):
            read(1)


def test_arrays_are_read_named_and_selected():
    images = arrays(5)
    assert images.read(3).shape == (2, 3, 3) and (images.read(3) == 3).all()
    assert images.name(3) == "train[3]"
    twice = images.select([4, 2, 1]).select([0, 2])
    assert [twice.name(i) for i in range(2)] == ["train[4]", "train[1]"]
    np.testing.assert_array_equal(twice.array[:, 0, 0, 0], [4, 1])
    assert images.data(2) == bytes([2] * 6)


def test_pictures_are_read_as_a_network_takes_them(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"")
    shape = Preprocessing(8, 12, channels=1)
    files = FileImages(["a.png", "b.png"], tmp_path)
    np.testing.assert_array_equal(files.take_for(shape, 0).pixels, shape.apply(pixels))
    np.testing.assert_array_equal(ArrayImages(pixels[None]).take_for(shape, 0).pixels, shape.apply(pixels))
    with pytest.raises(ImageError, match=r"picture 'b\.png': the file is empty"):
        files.take_for(shape, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_read_belongs_to_the_reader(channels):
    images = arrays(2, channels)
    images.read(0)[:] = 255
    assert (images.array[0] == 0).all()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 4, 4), np.uint8),
        np.zeros((2, 4, 4, 2), np.uint8),
        np.zeros((2, 4, 4, 3)),
        np.zeros((2, 0, 4, 1), np.uint8),
    ],
)
def test_other_arrays_are_refused(wrong):
    with pytest.raises(DatasetError, match="Pictures in an array"):
        ArrayImages(wrong)


def test_a_split_keeps_pictures_and_labels_together():
    split = Split(arrays(4), ClassTargets([0, 1, 1, 0]))
    assert len(split) == 4 and split.targets.labels.dtype == np.int64
    part = split.select(np.array([3, 1]))
    assert part.targets.labels.tolist() == [0, 1] and part.images.name(0) == "train[3]"
    with pytest.raises(ValueError, match="read-only"):
        split.targets.labels[0] = 1
    with pytest.raises(DatasetError, match="4 pictures need as many answers, not 2"):
        Split(arrays(4), ClassTargets([0, 1]))


def test_a_data_set_checks_itself_and_orders_its_splits():
    train, test = Split(arrays(3), ClassTargets([0, 1, 1])), Split(arrays(2), ClassTargets([1, 1]))
    data = DataSet("d", Classification(["a", "b", "c"]), {"test": test, "train": train})
    assert list(data.splits) == ["train", "test"] and len(data.task.labels) == 3
    assert data.counts("train").tolist() == [1, 2, 0]
    with pytest.raises(TypeError):
        data.splits["val"] = test
    with pytest.raises(DatasetError, match="'d': train has labels from 0 to 1; 1 classes allow 0 to 0"):
        DataSet("d", Classification(("a",)), {"train": train})
    with pytest.raises(DatasetError, match="splits are train, val, test, not 'dev'"):
        DataSet("d", Classification(("a", "b")), {"dev": train})
    with pytest.raises(InputError, match="found 'a' twice"):
        Classification(("a", "b", "a"))
    for classes in ((), ("",), (1, 2)):
        with pytest.raises(InputError, match=r"classes: expected (1 to|texts)"):
            Classification(classes)


def test_classes_are_mapped_by_name_and_never_by_number():
    data = DataSet(
        "d", Classification(("ant", "bee", "cat")), {"test": Split(arrays(3), ClassTargets([0, 1, 0]))}
    )
    mapped = data.with_task(Classification(("bee", "dog", "ant")))
    assert mapped.task.labels == ("bee", "dog", "ant")
    assert [mapped.task.labels[i] for i in mapped.splits["test"].targets.labels] == ["ant", "bee", "ant"]
    with pytest.raises(DatasetError, match="pictures of 'ant', unknown where the classes are 'bee', 'cat'"):
        data.with_task(Classification(("bee", "cat")))


def test_classes_are_sorted_as_strings():
    rows = {"train": (arrays(4), ["10", "9", "B", "a"])}
    assert from_answers("d", rows, kind=Classification).task.labels == ("10", "9", "B", "a")


def test_from_answers_refuses_what_cannot_be_learnt():
    with pytest.raises(DatasetError, match="pictures of 'c' in val and none in train"):
        from_answers("d", {"train": (arrays(2), ["a", "b"]), "val": (arrays(1), ["c"])}, kind=Classification)
    with pytest.raises(DatasetError, match="the one class 'a'; a classifier needs at least 2"):
        from_answers("d", {"train": (arrays(2), ["a", "a"])}, kind=Classification)
    one = from_answers("d", {"train": (arrays(2), ["a", "a"])}, kind=Classification, fewest=1)
    assert one.task.labels == ("a",)
    with pytest.raises(DatasetError, match="no training pictures"):
        from_answers("d", {"val": (arrays(2), ["a", "b"])}, kind=Classification)


def test_ten_thousand_classes():
    names = [f"class {i}" for i in range(10_000)]
    data = from_answers("d", {"train": (arrays(10_000), names)}, kind=Classification)
    assert len(data.task.labels) == 10_000
    assert [data.task.labels[i] for i in data.splits["train"].targets.labels[:3]] == names[:3]
    assert (
        listed(data.task.labels)
        == "'class 0', 'class 1', 'class 10', 'class 100', 'class 1000' and 9995 more"
    )


@pytest.mark.parametrize(
    ("count", "most", "rows"),
    [(9, 3, [0, 4, 8]), (10, 4, [0, 3, 6, 9]), (3, 5, [0, 1, 2]), (1, 4, [0]), (0, 4, [])],
)
def test_rows_are_spread_evenly_and_never_twice(count, most, rows):
    assert evenly(count, most).tolist() == rows


def test_a_class_has_a_name_that_can_be_written():
    images = ArrayImages(np.zeros((1, 1, 1, 3), np.uint8))
    one = {"train": Split(images, ClassTargets([0]))}
    odd = DataSet("d", Classification(("a", "\udce9")), one)  # bytes of a file's name
    assert odd.task.labels[1] == "\udce9"
    with pytest.raises(DatasetError, match=r"a class whose name is no text: '.ud800'"):
        DataSet("d", Classification(("a", "\ud800")), one)

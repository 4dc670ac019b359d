"""What is said of masks before training: each oddity is made, found, graded and its files are named."""

import json

import numpy as np
import pytest
from PIL import Image

from foveate.cli.main import main
from mask_sets import mask_folder, numbers, picture, save


@pytest.fixture
def check(tmp_path, monkeypatch, capsysbinary):
    """A function that checks the folder at hand: the document, and the exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        with pytest.raises(SystemExit, match=str(code)):
            main(["check", ".", "--json", *arguments])
        return json.loads(capsysbinary.readouterr().out)

    return run


def finding(document, kind):
    (found,) = [one for one in document["findings"] if one["kind"] == kind]
    return found


def names(found):
    return [[place["name"] for place in group] for group in found["groups"]]


def test_the_shares_are_those_that_numpy_counts(check, tmp_path):
    mask_folder(tmp_path, table="ground\ntree\nroof\n")
    shares = check("--ignore", "tree")["shares"]
    values = np.array([numbers(i) for i in range(6)])
    assert [row["class"] for row in shares] == ["ground", "roof", "ignored (tree)"]
    for row, number in zip(shares, (0, 2, 1), strict=True):
        assert row["train pixels"] == f"{100 * (values == number).mean():.2f}%"
        assert row["pictures"] == str(sum((each == number).any() for each in values))


def test_a_person_and_the_page_get_the_same_table(tmp_path, capsys):
    mask_folder(tmp_path / "set", 24, table="ground\n<b>tree\nroof\n")
    page = tmp_path / "check.html"
    with pytest.raises(SystemExit, match="0"):
        main(["check", str(tmp_path / "set"), "--ignore", "roof", "--html", str(page)])
    out = capsys.readouterr().out
    values = np.array([numbers(i) for i in range(24)])
    share = f"{100 * (values == 1).mean():.2f}%"
    assert ["1", "<b>tree", share, "24"] in [line.split() for line in out.splitlines()]
    html = page.read_text()
    assert f'<td>1</td><th scope="row"><bdi>&lt;b&gt;tree</bdi></th><td>{share}</td><td>24</td>' in html
    assert "ignored (roof)" in html


def test_a_clean_set_has_notes_at_most(check, tmp_path):
    mask_folder(tmp_path, 24, table="ground\ntree\nroof\n")
    assert check()["findings"] == []


def test_bad_masks_are_counted_with_their_pictures(check, tmp_path):
    mask_folder(tmp_path, 40, table="ground\ntree\nroof\n")
    (tmp_path / "masks" / "1.png").write_bytes(b"")
    save(tmp_path / "masks" / "2.png", numbers(2)[:10])
    document = check("--max-unreadable", "10%")
    found = finding(document, "unreadable")
    assert {group[0]["name"]: group[0]["remark"] for group in found["groups"]} == {
        "images/1.jpg": "its mask 'masks/1.png': the file is empty",
        "images/2.jpg": "its mask 'masks/2.png': it is 24 x 10, and its picture 24 x 16",
    }
    assert finding(check("--max-unreadable", "1%", code=1), "too-many-unreadable")["severity"] == "error"


def test_numbers_beyond_the_list_are_an_error_that_names_all_files(check, tmp_path):
    mask_folder(tmp_path, 10, table="ground\ntree\nroof\n")
    for i in (3, 5):
        values = numbers(i)
        values[0, 0] = 9
        save(tmp_path / "masks" / f"{i}.png", values)
    document = check(code=1)
    found = finding(document, "mask-number")
    assert found["severity"] == "error" and not document["usable"]
    assert document["findings"][0] == found  # before all that follows from it
    assert "'masks/3.png' has 9 in 1 pixel, and classes.txt goes from 0 to 2" in found["message"]
    assert names(found) == [["images/3.jpg"], ["images/5.jpg"]]


COLOURS = np.array([[0, 0, 0], [0, 200, 0], [200, 0, 0]], np.uint8)


def coloured(tmp_path, strays, size=(60, 40)):
    (tmp_path / "classes.csv").write_text("name,r,g,b\nground,0,0,0\ntree,0,200,0\nroof,200,0,0\n")
    for i in range(12):
        save(tmp_path / "images" / f"{i}.jpg", picture(i, size), quality=95)
        mask = COLOURS[numbers(i, size=size)]
        if i < 2:
            mask.reshape(-1, 3)[:strays] = (0, 150, 10)
        save(tmp_path / "masks" / f"{i}.png", mask)


def test_few_pixels_of_no_class_are_ignored_and_told(check, tmp_path):
    coloured(tmp_path, 7)
    found = finding(check(), "mask-stray")
    assert found["severity"] == "warning" and names(found) == [["images/0.jpg"], ["images/1.jpg"]]
    assert "14 pixels (0.05%) in 2 masks" in found["message"]
    assert "(0, 150, 10), nearest to 'tree'" in found["message"]


@pytest.mark.parametrize("strays", [200, 600])  # more than 1 % of all; more than 10 % of one
def test_many_are_refused(check, tmp_path, strays):
    coloured(tmp_path, strays)
    assert finding(check(code=1), "mask-stray")["severity"] == "error"


def test_black_and_white_may_have_a_few_edges(check, tmp_path):
    for i in range(12):
        save(tmp_path / "images" / f"{i}.jpg", picture(i, (60, 40)), quality=95)
        mask = numbers(i, 2, (60, 40)) * np.uint8(255)
        mask[0, :3] = 128
        save(tmp_path / "masks" / f"{i}.png", mask)
    document = check()
    assert document["classes"] == ["background", "foreground"]
    assert "36 pixels" in finding(document, "mask-stray")["message"]


def test_turned_pictures_are_told(check, tmp_path):
    mask_folder(tmp_path, 12, table="ground\ntree\nroof\n")
    for i, orientation in ((4, 6), (5, 3)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(tmp_path / "images" / f"{i}.jpg", picture(i), exif=exif)
    document = check()
    assert names(finding(document, "mask-turned")) == [["images/4.jpg"]]
    assert names(finding(document, "mask-turn-unknown")) == [["images/5.jpg"]]
    assert finding(document, "mask-turn-unknown")["severity"] == "warning"


def test_one_mask_under_two_pictures_is_told_and_across_splits(check, tmp_path):
    for split, first in (("train", 0), ("test", 20)):
        for i in range(first, first + 12):
            save(tmp_path / split / "images" / f"{i}.jpg", picture(i), quality=95)
            save(tmp_path / split / "masks" / f"{i}.png", numbers(i))
    save(tmp_path / "train" / "masks" / "1.png", numbers(2))
    save(tmp_path / "test" / "masks" / "21.bmp", numbers(3))
    (tmp_path / "test" / "masks" / "21.png").unlink()
    found = finding(check(), "mask-copies")
    assert "2 times, 1 time across splits" in found["message"]
    expected = [["train/images/1.jpg", "train/images/2.jpg"], ["train/images/3.jpg", "test/images/21.jpg"]]
    assert sorted(names(found)) == sorted(expected)


def test_copies_of_a_picture_with_its_mask_are_copies_and_with_another_a_contradiction(check, tmp_path):
    mask_folder(tmp_path, 12, table="ground\ntree\nroof\n")
    for copy, of, mask in (("20", 0, 0), ("21", 1, 2)):
        (tmp_path / "images" / f"{copy}.jpg").write_bytes((tmp_path / "images" / f"{of}.jpg").read_bytes())
        save(tmp_path / "masks" / f"{copy}.png", numbers(mask))
    document = check()
    assert names(finding(document, "exact-contradiction")) == [["images/1.jpg", "images/21.jpg"]]
    assert len(finding(document, "exact-duplicates")["groups"]) == 2
    assert [place["name"] for place in finding(document, "mask-copies")["groups"][0]] == [
        "images/2.jpg",
        "images/21.jpg",
    ]


def test_masks_that_show_little_are_told(check, tmp_path):
    mask_folder(tmp_path, 12, table="ground\ntree\nroof\nsea\n")
    save(tmp_path / "masks" / "0.png", np.full((16, 24), 1, np.uint8))
    save(tmp_path / "masks" / "1.png", np.full((16, 24), 255, np.uint8))
    document = check("--ignore", "255")
    assert finding(document, "mask-single")["message"] == "1 of 12 masks show one class alone."
    assert names(finding(document, "mask-empty")) == [["images/1.jpg"]]
    assert "no picture of 'sea'" in finding(document, "class-empty")["message"]


def test_masks_of_one_class_are_refused(check, tmp_path):
    mask_folder(tmp_path, 12, classes=1, table="ground\ntree\n")
    assert finding(check(code=1), "too-few-classes")["message"].endswith("found 'ground' alone.")


def test_what_is_named_in_vain_is_told(check, tmp_path):
    mask_folder(tmp_path, 12, table="ground\ntree\nroof\n")
    assert finding(check("--ignore", "77"), "mask-ignored")["message"].endswith("to be ignored: 77.")


def test_pictures_that_are_nearly_the_same_may_have_other_masks(check, tmp_path):
    """The next picture of a film shows nearly the same, a little further on."""
    mask_folder(tmp_path, 24, table="ground\ntree\nroof\n")
    for name, seed in (("20.jpg", 0), ("0.jpg", 0)):
        save(tmp_path / "images" / name, picture(seed, (96, 64)), quality=95 if name == "0.jpg" else 60)
        save(tmp_path / "masks" / name.replace("jpg", "png"), numbers(int(name[:-4]), size=(96, 64)))
    kinds = [found["kind"] for found in check()["findings"]]
    assert "near-duplicates" in kinds and "near-contradiction" not in kinds


def test_a_class_may_be_called_as_a_split_is(check, tmp_path):
    mask_folder(tmp_path, 24, table="background\ntrain\ntest\n")
    assert check()["findings"] == []

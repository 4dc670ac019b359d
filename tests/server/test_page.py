"""The page in a real browser: pictures chosen, answers read, nothing asked of another host, no errors."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from playwright.sync_api import expect

from browser import accessibility_faults
from foveate.tasks.captioning.task import Captioning
from foveate.tasks.captioning.vocabulary import Vocabulary
from foveate.tasks.multilabel.task import Multilabel
from foveate.tasks.regression.intervals import Margins
from foveate.tasks.regression.task import Regression

ANSWERED = ".verdict:not(:text-is('…'))"


def test_pictures_are_answered_on_the_page(launch, browse, colours, pictures, tmp_path):
    running = launch()
    good, bad = tmp_path / "<b>good.png", tmp_path / "bad.png"
    good.write_bytes(colours.png(pictures[0]))
    bad.write_bytes(b"no picture")

    page = browse(f"http://{running.name}/", width=390, height=800, phone=True)
    page.set_input_files("#files", good)
    expect(page.locator(ANSWERED)).to_have_count(1)
    wanted = colours.expected(pictures[0])
    label = colours.classes[wanted.argmax()]
    assert page.text_content(".verdict").startswith(f"{label}  {wanted.max():.1%}")
    assert page.locator(".bars li").count() == 3
    assert page.text_content(".card h2") == "<b>good.png"
    assert browse.problems == []
    page.set_input_files("#files", bad)
    expect(page.locator(ANSWERED)).to_have_count(2)
    assert page.text_content(".verdict").startswith("Cannot read picture 'bad.png': it is not a picture")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert accessibility_faults(page) == []

    assert len({request.url for request in browse.requests}) > 4
    assert browse.origins() == {f"http://{running.name}"}
    assert all("422 (Unprocessable" in problem for problem in browse.problems)
    page.goto(f"http://{running.name}/docs")
    assert "`" not in page.text_content("body")  # Markdown of the OpenAPI document
    assert accessibility_faults(page) == []
    assert running.stop()[0] == 0


# What the page says of a picture whose red, green and blue are told apart by 70, 20 and 10 percent.
MARGINS = Margins((0.5, 0.25, 0.125), 0.9, 100)
TASKS = {
    "labels": (Multilabel(("red", "green", "blue"), thresholds=(0.5, 0.15, 0.5)), "probabilities"),
    "no label": (Multilabel(("red", "green", "blue"), thresholds=(0.9, 0.9, 0.9)), "probabilities"),
    "numbers": (Regression(("r", "g", "b"), (0.0,) * 3, (1.0,) * 3, MARGINS), "values"),
    "numbers without intervals": (Regression(("r", "g", "b"), (0.0,) * 3, (1.0,) * 3), "values"),
}


@pytest.mark.parametrize("case", TASKS)
def test_the_page_says_what_each_task_says(case, launch, browse, colours, tmp_path):
    task, output = TASKS[case]
    folder = colours.write_folder(tmp_path / "model", task, colours.graph(output))
    running = launch(folder=folder)
    picture = tmp_path / "picture.png"
    pixels = np.broadcast_to(np.uint8([200, 168, 151]), (colours.side, colours.side, 3))
    picture.write_bytes(colours.png(pixels))
    page = browse(f"http://{running.name}/", width=390, height=800)
    page.set_input_files("#files", picture)
    expect(page.locator(ANSWERED)).to_have_count(1)
    verdict = page.text_content(".verdict")
    rows = [" ".join(row.split()) for row in page.locator(".bars li").all_inner_texts()]
    r, g, b = colours.expected(pixels)
    if case == "labels":
        assert verdict == "red, green"
        assert rows == [f"red {r:.1%}", f"green {g:.1%}", f"blue {b:.1%}"]
        assert page.locator(".bars .below").count() == 1
    elif case == "no label":
        assert verdict == "No label."
        assert page.locator(".bars .below").count() == 3
    else:
        assert [float(part.split()[1]) for part in verdict.split(", ")] == pytest.approx([r, g, b], rel=1e-4)
        assert ("to" in rows[0]) == (case == "numbers")
        assert len(rows) == 3
    assert browse.problems == []
    assert accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    running.stop()


def writing_graph(colours, words):
    """The graph of colours, which says the same words of every picture and is as sure as there is colour."""
    model = onnx.load_model_from_string(colours.graph("probabilities"))
    graph = model.graph
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([words], np.int64), "said"))
    graph.node.append(helper.make_node("Shape", ["probabilities"], ["shape"]))
    graph.node.append(helper.make_node("Expand", ["said", "shape"], ["words"]))
    graph.output.insert(0, helper.make_tensor_value_info("words", TensorProto.INT64, ["N", len(words)]))
    return model.SerializeToString()


def test_a_sentence_is_read_on_the_page_word_by_word(launch, browse, colours, pictures, tmp_path):
    task = Captioning(Vocabulary(("كلب", "runs")), longest=3)
    folder = colours.write_folder(tmp_path / "model", task, writing_graph(colours, [4, 5, 2]))
    running = launch(folder=folder)
    picture = tmp_path / "picture.png"
    picture.write_bytes(colours.png(pictures[0]))
    page = browse(f"http://{running.name}/", width=390, height=800)
    page.set_input_files("#files", picture)
    expect(page.locator(ANSWERED)).to_have_count(1)
    assert page.text_content(".verdict") == "كلب runs"
    assert page.locator(".verdict").evaluate("one => getComputedStyle(one).direction") == "rtl"
    sure = colours.expected(pictures[0])
    rows = [" ".join(row.split()) for row in page.locator(".bars li").all_inner_texts()]
    assert rows == [f"كلب {sure[0]:.1%}", f"runs {sure[1]:.1%}"]
    assert browse.problems == [] and accessibility_faults(page) == []
    running.stop()

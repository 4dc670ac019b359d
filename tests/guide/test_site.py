"""The whole guide, built once: its numbers are those of papers and of the hand, its pages are whole."""

import contextlib
import functools
import html
import http.server
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import expect

import make_site
from browser import accessibility_faults
from foveate.errors import InputError
from foveate.guide.chapter import Cell, chapter_names, read_chapter
from foveate.guide.execute import run_chapters
from foveate.guide.notebooks import write_notebooks
from foveate.guide.site import _engine, _key, kept_site, write_site

# Sphinx and its parsers use what docutils has put down to be removed.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")


@pytest.fixture(scope="module")
def ran():
    return run_chapters()


@pytest.fixture(scope="module")
def site(ran, tmp_path_factory):
    """Sphinx warns of what is missing, of dead links and of loose numbers; any warning fails."""
    out = tmp_path_factory.mktemp("guide") / "site"
    assert write_site(out, ran=ran, pages=make_site.PAGES) > 100_000
    return out


@contextlib.contextmanager
def serving(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def host(site):
    with serving(site) as address:
        yield address


def documented():
    return [make_site.ROOT / "README.md", *(make_site.ROOT / "docs").glob("*.md")]


class Addresses(HTMLParser):
    """What a page loads, and where it links to."""

    def __init__(self, page):
        super().__init__()
        self.loads, self.links, self.ids, self.pictures = [], [], set(), []
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids.add(found.get("id"))
        if tag in ("script", "img", "source", "iframe") and "src" in found:
            self.loads.append(found["src"])
        if tag == "link" and "stylesheet" in (found.get("rel") or ""):
            self.loads.append(found["href"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "img":
            self.pictures.append(found)


def test_no_page_asks_another_host_and_no_link_is_dead(site):
    pages = {page.relative_to(site).as_posix(): Addresses(page) for page in site.rglob("*.html")}
    names = [*chapter_names(), *make_site.PAGES.names()]
    assert {f"{name}.html" for name in names} <= pages.keys()
    documents = {path.relative_to(make_site.ROOT).with_suffix("").as_posix() for path in documented()}
    assert documents <= {*make_site.PAGES.names()}  # a document that is new
    for name, page in pages.items():
        for address in page.loads:
            assert not re.match(r"https?:|//", address), (name, address)
            if not address.startswith("data:"):
                assert (site / name).parent.joinpath(address.partition("?")[0]).is_file(), (name, address)
        for link in page.links:
            if re.match(r"https?:|mailto:", link):
                continue
            path, _, mark = link.partition("#")
            target = (site / name).parent.joinpath(path).resolve() if path else site / name
            assert target.is_file(), (name, link)
            if mark and target.suffix == ".html":
                assert mark in pages[target.relative_to(site.resolve()).as_posix()].ids, (name, link)
        assert all(picture.get("alt") for picture in page.pictures), name


def said(site, name):
    text = (site / f"{name}.html").read_text("utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", article)).split())


# What the chapters must say: by hand, or from the papers' tables; the program computed it on the page.
NUMBERS = {
    "images": ["64 64 3", "12,288", "150,528"],
    "convolution": ["19 25 37 43", "0·0 + 1·1 + 3·2 + 4·3 = 19", "5 0 5 0 5 0 5 0 5"],
    "depth": ["1,000", "64 × 13 × 13"],
    "stride": ["(62, 62)", "(62, 21)", "112"],
    "padding": ["(0, 1)", "(1, 2)"],
    "sizes": ["28 24 112", "1792 1792", "150,528 · 3,211,264 = 483,385,147,392", "73,856"],
    "pooling": ["6 4 4 8", "3.75 2.25 2.5 4.75"],
    "activations": ["0.25", "0.0000010", "0.01"],
    "dense": ["25,089,000", "513,000"],
    "backprop": ["2.30", "loss 3.0486", "tried 3.8103 computed 3.8103", "before 3.0486 after 1.38"],
    "training": ["2026 numbers to learn"],
    "networks": [
        "61,706",
        "61,100,840",
        "138,357,544",
        "6,624,904",
        "25,557,032",
        "5,288,548",
        "102,764,544",
    ],
    "equivariance": ["largest difference 0.0", "17 pixels wide", "150 pixels"],
    "beyond": ["0.15"],
    "vit": ["86,567,656", "ratio 16", "the same, shuffled: True"],
    "errata": ["Of 37 numbers 34 are right and 3 are wrong", "483,385,147,392", "66,347,960"],
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_chapter_says_the_right_numbers(site, name):
    text = said(site, name)
    assert [number for number in NUMBERS[name] if number not in text] == []


def test_the_first_page_has_a_card_with_a_picture_for_each_chapter(site):
    text = (site / "index.html").read_text("utf-8")
    cards = re.findall(r'<li><a href="(\w+)\.html">(.*?)</a></li>', text, re.DOTALL)
    assert [name for name, _ in cards] == chapter_names()
    for name, inside in cards:
        assert read_chapter(name).title in html.unescape(inside)
        assert re.search(r"<img|<svg|<table", inside), name


def test_every_idea_of_the_guides_can_be_run_seen_and_touched(site):
    text = (site / "errata.html").read_text("utf-8")
    table = text[text.index(">to touch<") : text.index("</table>", text.index(">to touch<"))]
    rows = re.findall(r'<tr><th scope="row">.*?</tr>', table, re.DOTALL)
    assert len(rows) == 14
    assert all(re.findall(r"<td>(\w+)</td>", row) == ["yes"] * 3 for row in rows), rows


def test_every_chapter_has_a_program_a_picture_something_to_touch_and_two_questions(site):
    for name in chapter_names():
        text = (site / f"{name}.html").read_text("utf-8")
        article = text[text.index("<article") : text.index("</article>")]
        assert "highlight-python" in article, name
        assert re.search(r"<img|<svg|<table", article), name
        assert 'class="widget"' in article, name
        assert article.count('<details class="question">') == 2, name
        assert "TODO" not in article


# Of pages that Sphinx makes of plain Markdown alike: to look at all of them takes a minute more.
SOME_DOCUMENTS = ("README", "docs/boxes", "docs/serve")


def test_every_page_is_whole_in_a_browser_on_a_desk_and_on_a_phone(host, browse):
    page = browse(f"{host}/index.html")
    for name in ["index", *chapter_names(), *SOME_DOCUMENTS]:
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(f"{host}/{name}.html")
        widgets = page.locator(".widget").count()
        page.wait_for_function("n => document.querySelectorAll('.widget.ready').length === n", arg=widgets)
        assert accessibility_faults(page) == [], name
        page.set_viewport_size({"width": 360, "height": 780})
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, name
    page.emulate_media(color_scheme="dark")
    page.goto(f"{host}/convolution.html")
    assert accessibility_faults(page) == []
    assert browse.problems == []
    assert browse.origins() == {host}


def test_a_word_is_found_in_chapters_and_documents(host, browse):
    page = browse(f"{host}/search.html?q=stride")
    results = page.locator("#search-results ul.search li")
    expect(results.filter(has_text="Stride").first).to_be_visible()
    page.goto(f"{host}/search.html?q=captioning")
    expect(results.locator("a[href*='docs/captioning.html']").first).to_be_visible()
    assert browse.problems == []
    assert browse.origins() == {host}


def test_a_convolution_can_be_touched_with_the_keyboard(host, browse):
    page = browse(f"{host}/convolution.html")
    widget = page.locator(".widget[data-widget=convolution]")
    told = widget.locator(".sum")
    assert told.text_content() == "0·0 + 1·1 + 3·2 + 4·3 = 19"
    widget.locator(".number-grid").last.locator("button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert told.text_content() == "4·0 + 5·1 + 7·2 + 8·3 = 43"
    widget.locator("select").select_option(label="the second example")
    assert told.text_content().endswith("= 5")
    field = widget.get_by_label("kernel, row 2, column 2")
    field.fill("-2")
    field.press("Enter")
    assert told.text_content().endswith("= 2")
    assert browse.problems == []


def test_notebooks_hold_the_chapters_programs_and_run(ran, tmp_path, monkeypatch):
    files = write_notebooks(tmp_path / "notebooks", ran=ran)
    assert [file.stem for file in files] == chapter_names()
    monkeypatch.chdir(tmp_path)
    for file in files:
        document = json.loads(file.read_text("utf-8"))
        assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
        programs = [cell["source"] for cell in document["cells"] if cell["cell_type"] == "code"]
        # Chapters were run as these very programs, one after another in an empty namespace.
        assert programs == [part.code for part in read_chapter(file.stem).parts if isinstance(part, Cell)]
        prose = "".join(cell["source"] for cell in document["cells"] if cell["cell_type"] == "markdown")
        assert not re.search(r"\{\w+\}`|:::|\]\(\w+\.md\)", prose), file.stem
    namespace = {}
    first = json.loads(files[0].read_text("utf-8"))
    for cell in first["cells"]:
        if cell["cell_type"] == "code":
            exec(cell["source"], namespace)  # noqa: S102 -- our own chapters


def test_a_folder_of_other_things_is_left_alone(ran, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"expected a new or empty folder, found other files \(thesis.txt"):
        write_site(tmp_path / "site", ran=ran)
    assert [path.name for path in Path(tmp_path / "site").iterdir()] == ["thesis.txt"]


def test_a_network_learns_in_the_page(host, browse):
    page = browse(f"{host}/training.html")
    widget = page.locator(".widget[data-widget=learn]")
    told = widget.locator(".told")
    expect(told).to_contain_text("2,026 numbers to learn; 0 steps")
    widget.get_by_role("button", name="Learn").click()
    share = r"/([\d.]+) % of unseen/.exec(document.querySelector('.told').textContent)?.[1]"
    page.wait_for_function(f"() => parseFloat({share}) >= 90", timeout=170_000)  # alone it takes seconds
    widget.get_by_role("button", name="Pause").click()
    widget.get_by_role("button", name="A digit it has never seen").click()
    expect(widget.locator(".shares li").first).to_contain_text("%")
    assert widget.locator("figure polyline").count() == 2
    assert browse.problems == []


needs_engine = pytest.mark.skipif(_engine(download=False, say=None) is None, reason="needs `npm ci`")


@needs_engine
def test_a_network_names_what_is_in_a_picture_and_shows_where(host, browse):
    page = browse(f"{host}/features.html")
    widget = page.locator(".widget[data-widget=recognise]")
    widget.get_by_role("button", name="Fetch the network").click()
    told = widget.locator(".told")
    expect(told).to_contain_text(re.compile(r"brown bear: (9\d|100) % \(looking closely, 224 by 224"))
    widget.get_by_label("picture", exact=True).select_option("sign")
    expect(told).to_contain_text(re.compile(r"street sign: .* \(looking closely"))
    second = widget.locator(".bars button").nth(1)
    second.click()
    expect(widget.locator(".bars button[aria-pressed=true]")).to_have_text(second.text_content())
    widget.get_by_label("depth of the maps").fill("4")
    expect(widget).to_contain_text("1280 maps of 7 by 7 numbers")
    assert accessibility_faults(page) == []
    assert browse.problems == []
    assert browse.origins() == {host}


@needs_engine
def test_networks_of_a_page_answer_for_a_digit(host, browse):
    page = browse(f"{host}/overfitting.html")
    widget = page.locator(".widget[data-widget=drawn]")
    widget.get_by_role("button", name="Fetch the networks").click()
    widget.get_by_role("button", name="A digit it has never seen").click()
    expect(widget.locator(".shares li")).to_have_count(9)  # three networks, the three likeliest of each
    assert browse.problems == []


def test_without_the_engine_a_page_says_what_is_missing(site, browse, tmp_path):
    shutil.copytree(site, tmp_path / "site", ignore=shutil.ignore_patterns("ort.*"))
    with serving(tmp_path / "site") as address:
        page = browse(f"{address}/overfitting.html")
        page.get_by_role("button", name="Fetch the networks").click()
        told = page.locator(".widget[data-widget=drawn] .told")
        expect(told).to_contain_text("`foveate guide --download` makes one")


def test_the_command_serves_the_pages_that_are_kept(site, tmp_path, monkeypatch):
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path))
    kept = tmp_path / "guide" / _key(has_engine=_engine(download=False, say=None) is not None)
    shutil.copytree(site, kept)
    assert kept_site() == kept
    command = [sys.executable, "-m", "foveate", "guide", "--port", "0", "--json", "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        url = json.loads(b"".join(iter(process.stdout.readline, b"}\n")) + b"}")["url"]
        with urllib.request.urlopen(f"{url}images.html", timeout=30) as answer:
            assert b"Images are numbers" in answer.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) in (0, 130)
    finally:
        process.kill()
        process.communicate()

"""The page in a real browser: pictures chosen, answers read, nothing asked of another host, no errors."""

from playwright.sync_api import expect

from browser import accessibility_faults

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

"""The page in a real browser: pictures chosen, answers read, nothing asked of another host, no errors."""

ANSWERED = "[...document.querySelectorAll('.verdict')].filter(v => v.textContent !== '…').length"


def test_pictures_are_answered_on_the_page(launch, browse, colours, pictures, tmp_path):
    running = launch()
    good, bad = tmp_path / "<b>good.png", tmp_path / "bad.png"
    good.write_bytes(colours.png(pictures[0]))
    bad.write_bytes(b"no picture")

    page = browse(f"http://{running.name}/", width=390, height=800, phone=True)
    page.choose("#files", good)
    page.until(ANSWERED, 1)
    wanted = colours.expected(pictures[0])
    label = colours.classes[wanted.argmax()]
    assert page.text(".verdict").startswith(f"{label}  {wanted.max():.1%}")
    assert page.count(".bars li") == 3
    assert page.text(".card h2") == "<b>good.png"
    assert not page.problems
    page.choose("#files", bad)
    page.until(ANSWERED, 2)
    assert "it is not a picture" in page.text(".verdict")
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    assert page.faults() == []

    asked = set(page.addresses)
    assert len(asked) > 4
    assert all(url.removeprefix("blob:").startswith(f"http://{running.name}/") for url in asked)
    assert not [event for event in page.events if event[0] == "Runtime.exceptionThrown"]
    page.call("Page.navigate", url=f"http://{running.name}/docs")
    page.until("document.readyState", "complete")
    assert page.faults() == []
    assert running.stop()[0] == 0

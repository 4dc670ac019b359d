"""Whether a page is well-formed and closed to the world."""

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects elements and text, and checks that every element is closed in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def assert_closed_to_the_world(text):
    """No script, no event attribute, nothing that loads or links elsewhere, nothing invisible."""
    text.encode("utf-8")
    page = Page(text)
    kinds = {tag for tag, _ in page.elements}
    assert not kinds & {"script", "iframe", "object", "embed", "link", "form", "base", "foreignobject", "use"}
    assert len(page.all("style")) == 1
    for _, attributes in page.elements:
        for key, value in attributes.items():
            assert not key.startswith("on")
            assert key not in {"srcset", "action", "formaction", "xlink:href", "background"}
            if key == "href":
                assert value.startswith("#")
            if key == "src":
                assert re.fullmatch(r"data:image/png;base64,[A-Za-z0-9+/=]+", value)
            if key == "style":
                assert re.fullmatch(r"(min|max)-width:\d+px;(min|max)-width:\d+px", value)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    return page

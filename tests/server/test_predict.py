"""`POST /predict`: the numbers by hand, and a sentence for everything that is wrong."""

import json
import struct
import zlib

import numpy as np
import pytest


def multipart(*parts, boundary="frontier"):
    """(name, content) pairs as a body and its Content-Type."""
    body = b""
    for name, content in parts:
        body += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'.encode()
        )
        body += b"Content-Type: image/png\r\n\r\n" + content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def png_claiming(width, height):
    """A PNG whose header promises that many pixels, and has none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_one_picture_is_answered_with_the_numbers_computed_by_hand(server, colours, pictures):
    status, answer = server.json("POST", "/predict", colours.png(pictures[0]))
    assert status == 200
    assert answer["model"] == "colours"
    (found,) = answer["predictions"]
    wanted = colours.expected(pictures[0])
    assert {one["label"]: one["probability"] for one in found["top"]} == pytest.approx(
        dict(zip(colours.classes, wanted, strict=True)), abs=1e-6
    )
    assert found["label"] == colours.classes[wanted.argmax()] == found["top"][0]["label"]
    assert found["probability"] == found["top"][0]["probability"]


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "text/plain", ""])
def test_the_content_decides_whatever_its_type_is_called(server, colours, pictures, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    assert server.json("POST", "/predict", colours.png(pictures[0]), headers)[0] == 200


def test_pictures_of_another_size_pass_through_the_model_folders_preprocessing(server, colours):
    wide = np.random.default_rng(1).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    predictor = colours.predictor()
    (wanted,) = predictor.predictions([wide], top_k=3)
    _, answer = server.json("POST", "/predict", colours.png(wide))
    assert [(t["label"], t["probability"]) for t in answer["predictions"][0]["top"]] == list(wanted.top)


def test_several_pictures_are_answered_in_order_and_by_name(server, colours, pictures):
    body, headers = multipart(*((f"{i} é.png", colours.png(p)) for i, p in enumerate(pictures[:4])))
    status, answer = server.json("POST", "/predict?top_k=1", body, headers)
    assert status == 200
    assert [found["file"] for found in answer["predictions"]] == [f"{i} é.png" for i in range(4)]
    for found, picture in zip(answer["predictions"], pictures[:4], strict=True):
        assert len(found["top"]) == 1
        assert found["probability"] == pytest.approx(colours.expected(picture).max(), abs=1e-6)


def form(*parts):
    """(headers of the part, content) pairs as a body and its Content-Type."""
    body = b"".join(
        b"--x\r\nContent-Disposition: form-data; " + h + b"\r\n\r\n" + c + b"\r\n" for h, c in parts
    )
    return body + b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}


FIELDS = {
    "a text field": (b'name="note"', b"from the garden"),
    "an empty file": (b'name="second"; filename=""\r\nContent-Type: application/octet-stream', b""),
    "an empty file with a name": (b'name="second"; filename="b.png"', b""),
}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_what_is_beside_a_picture_in_a_form_is_no_picture(server, colours, pictures, field):
    picture = (b'name="image"; filename="a.png"\r\nContent-Type: image/png', colours.png(pictures[0]))
    for parts in ([field, picture], [picture, field], [field] * 6 + [picture]):
        status, answer = server.json("POST", "/predict", *form(*parts))
        assert (status, [one["file"] for one in answer["predictions"]]) == (200, ["a.png"])


def test_a_form_without_files_has_its_pictures_in_its_fields(server, colours, pictures):
    parts = [(b'name="one"', colours.png(pictures[0])), (b'name="two"', colours.png(pictures[1]))]
    status, answer = server.json("POST", "/predict", *form(*parts))
    assert (status, [one["file"] for one in answer["predictions"]]) == (200, ["one", "two"])
    assert server.json("POST", "/predict", *form(FIELDS["an empty file"]))[0] == 400
    assert server.json("POST", "/predict", *form(*[FIELDS["a text field"]] * 100))[0] == 413


def test_top_k_beyond_the_classes_gives_all_of_them(server, colours, pictures):
    _, answer = server.json("POST", "/predict?top_k=99", colours.png(pictures[0]))
    assert len(answer["predictions"][0]["top"]) == 3


GOOD = {"Content-Type": "multipart/form-data; boundary=x"}
WRONG = {
    "no body": (b"", {}, "", 400, "Expected a picture in the body"),
    "no picture": (b"hello", {}, "", 422, "it is not a picture"),
    "html": (b"<html>hi</html>", {}, "", 422, "a web page"),
    "a huge picture": (
        png_claiming(20_000, 20_000),
        {},
        "",
        422,
        "20,000 x 20,000 pixels; at most 1,000,000",
    ),
    "an empty picture": (png_claiming(8, 8), {}, "", 422, "Cannot read picture 'the body'"),
    "too large": (bytes((1 << 20) + 1), {}, "", 413, "larger than 1,048,576 bytes"),
    "compressed": (b"x", {"Content-Encoding": "gzip"}, "", 415, "uncompressed"),
    "top_k 0": (b"x", {}, "?top_k=0", 400, "top_k: expected a whole number"),
    "top_k word": (b"x", {}, "?top_k=many", 400, "top_k: expected a whole number"),
    "top_k digits that are none": (b"x", {}, "?top_k=%C2%B2", 400, "top_k: expected"),
    "no boundary": (b"x", {"Content-Type": "multipart/form-data"}, "", 400, "Expected a boundary"),
    "another boundary": (b"--y\r\n\r\n", GOOD, "", 400, "multipart body is malformed"),
    "ends early": (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nab',
        GOOD,
        "",
        400,
        "ends before",
    ),
    "no parts": (b"--x--\r\n", GOOD, "", 400, "Expected a picture in the body"),
    "a long header": (b"--x\r\n" + b"a" * 9000 + b": b\r\n\r\n\r\n--x--\r\n", GOOD, "", 400, "."),
    "five parts": (*multipart(*[("a", b"b")] * 5), "", 413, "at most 4 pictures"),
    "the second is none": (*multipart(("a.txt", b"b"), ("b", b"c")), "", 422, "Cannot read picture"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_a_wrong_request_is_answered_with_one_sentence(server, case):
    body, headers, query, status, message = case
    found, answer_headers, content = server.ask("POST", f"/predict{query}", body, headers)
    assert found == status
    assert answer_headers["content-type"] == "application/json"
    assert message in json.loads(content)["error"]


def test_other_methods_are_refused_with_those_that_are_not(server):
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "TRACE"):
        status, headers, _ = server.ask(method, "/predict")
        assert (status, headers["allow"]) == (405, "POST")
        assert not [name for name in headers if name.lower().startswith("access-control")]


def test_an_upload_is_never_echoed(server):
    body = b"<script>canary</script>"
    _, headers, content = server.ask("POST", "/predict", body, {"Content-Type": "text/html"})
    assert b"canary" not in content
    assert headers["content-type"] == "application/json"
    body, headers = multipart(("<script>canary</script>", b"x"))
    _, headers, content = server.ask("POST", "/predict", body, headers)
    assert headers["content-type"] == "application/json"  # with nosniff, no browser makes a page of it
    assert headers["x-content-type-options"] == "nosniff"

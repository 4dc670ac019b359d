"""Which format a file's first bytes say it has."""

from __future__ import annotations

import re

_MAGIC = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"BM"), "BMP"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "TIFF"),
    (re.compile(rb"P[1-6f]\s"), "PPM"),
    (re.compile(rb"....ftyp(?:avif|avis)", re.DOTALL), "AVIF"),
)
# What people put among their pictures that is none, or none we read: said by name, it is found faster.
# Compiled where a picture is refused: that takes a millisecond, which those that are read need not wait for.
_OTHER = (
    (
        rb"(?s)....ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)",
        "a HEIC photograph: save it as JPEG",
    ),
    (rb"(?s)....ftyp", "a video"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture: save it as JPEG or PNG"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture: save it as JPEG or PNG"),
    (rb"\0\0[\x01\x02]\0", "a Windows icon: save it as PNG"),
    (rb"8BPS", "a Photoshop document: save it as PNG"),
    (rb"%PDF", "a PDF document"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript document"),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!", "an archive: unpack it"),
    (rb"(?i)\s*<(\?xml[^>]*>\s*<)?svg", "an SVG drawing: save it as PNG"),
    (rb"(?i)\s*<(!doctype|html|\?xml)", "a web page, perhaps of a failed download"),
    (rb"\0+\Z", "a run of zero bytes, perhaps of a failed copy"),
)


_BRANDS = frozenset((b"avif", b"avis"))


def _brands(head: bytes) -> set[bytes]:
    """What a file with a general brand (``mif1``) is compatible with (ISO/IEC 14496-12, 4.3)."""
    if head[4:8] != b"ftyp":
        return set()
    length = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[at : at + 4] for at in range(16, length - 3, 4)}


TRUNCATED = "it is truncated: the file ends before its pixels do"


class RefusedError(Exception):
    """A reason, why a picture is not read, without its name."""


def sniff(data: bytes) -> str:
    """The name of the format (``"JPEG"``, ``"PNG"`` ...). Raises RefusedError for any that is not read."""
    for pattern, form in _MAGIC:
        if pattern.match(data):
            return form
    head = data[:1024]
    if _BRANDS & _brands(head):
        return "AVIF"
    if not head:
        raise RefusedError("the file is empty")
    for signature, what in _OTHER:
        if re.match(signature, head):
            raise RefusedError(f"it is {what}")
    raise RefusedError(f"it is not a picture ({', '.join(form for _, form in _MAGIC)} are read)")

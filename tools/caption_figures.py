"""Writes what pycocoevalcap says of sentences: the figures that the tests hold foveate's metrics to.

    pip install --no-deps --target ORACLE pycocoevalcap
    PYTHONPATH=ORACLE python tools/caption_figures.py CAPTIONS.json

Of 2,000 drawn sentences (`tests/helpers/drawn_sentences.py` draws the same ones), and of the sentences of
pictures in COCO's JSON: each is compared with the others of its picture. The words of the latter are
numbered, so that no sentence is passed on.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from drawn_sentences import drawn_sentences
from foveate.tasks.captioning.text import words_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "tasks" / "captioning" / "published"


def figures(said: list[list[str]], right: list[list[list[str]]]) -> dict[str, Any]:
    """The corpus figures, and those of each picture for which there are any."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    answers = {i: [" ".join(words)] for i, words in enumerate(said)}
    known = {i: [" ".join(words) for words in own] for i, own in enumerate(right)}
    with contextlib.redirect_stdout(io.StringIO()):
        bleu, _ = Bleu(4).compute_score(known, answers)
        rouge, rouges = Rouge().compute_score(known, answers)
        cider, ciders = Cider().compute_score(known, answers)
    return {
        "bleu": [float(value) for value in bleu],
        "rouge_l": float(rouge),
        "cider": float(cider),
        "rouges": [round(float(value), 12) for value in rouges],
        "ciders": [round(float(value), 12) for value in ciders],
    }


def tokenisers(sentences: list[list[str]]) -> dict[str, Any]:
    """How COCO's own tokeniser, which needs Java, cuts sentences, beside ours: by picture."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    given = {i: [{"caption": one} for one in own] for i, own in enumerate(sentences)}
    theirs = [[one.split() for one in own] for own in PTBTokenizer().tokenize(given).values()]
    ours = [[words_of(one) for one in own] for own in sentences]
    pairs = [pair for a, b in zip(ours, theirs, strict=True) for pair in zip(a, b, strict=True)]
    scores = {name: figures(*against_each_other(cut)) for name, cut in (("ours", ours), ("ptb", theirs))}
    return {
        "sentences": len(pairs),
        "same": sum(a == b for a, b in pairs),
        **{name: {key: found[key] for key in ("bleu", "rouge_l", "cider")} for name, found in scores.items()},
    }


def against_each_other(pictures: list[list[list[str]]]) -> tuple[list[list[str]], list[list[list[str]]]]:
    """Each sentence as an answer, with the other sentences of its picture as the right ones."""
    pairs = [(own[i], own[:i] + own[i + 1 :]) for own in pictures for i in range(len(own))]
    return [said for said, _ in pairs], [right for _, right in pairs]


def numbered(pictures: list[list[list[str]]]) -> list[list[list[int]]]:
    """The words by number, in the order in which they first stand there."""
    numbers: dict[str, int] = {}
    return [[[numbers.setdefault(word, len(numbers)) for word in one] for one in own] for own in pictures]


def main(path: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    drawn = figures(*drawn_sentences())
    (FOLDER / "drawn.json").write_text(json.dumps(drawn) + "\n", encoding="utf-8")
    document = json.loads(Path(path).read_text("utf-8"))
    pictures: dict[int, list[str]] = {image["id"]: [] for image in document["images"]}
    for one in document["annotations"]:
        pictures[one["image_id"]].append(one["caption"])
    sentences = list(pictures.values())
    words = numbered([[words_of(one) for one in own] for own in sentences])
    texts = [[[f"w{number}" for number in one] for one in own] for own in words]
    said, right = against_each_other(texts)
    real = {"pictures": words, **figures(said, right), "tokenisers": tokenisers(sentences)}
    (FOLDER / "people.json").write_text(json.dumps(real) + "\n", encoding="utf-8")
    print(f"{len(drawn['ciders'])} drawn and {len(said)} people's sentences -> {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1])

"""Words and their numbers, for any text that Unicode has."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.errors import InputError
from foveate.tasks.captioning.text import MOST_CHARACTERS, sentence_of, words_of
from foveate.tasks.captioning.vocabulary import END, LONGEST, PADDING, START, UNKNOWN, Vocabulary


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A dog's t-shirt, in the park.", ["a", "dog's", "t-shirt", "in", "the", "park"]),
        ("There are 3.5 miles -- 'or' 1,000...", ["there", "are", "3.5", "miles", "or", "1,000"]),
        ("It’s a MAN", ["it's", "a", "man"]),
        ("cafe\u0301 = caf\u00e9", ["caf\u00e9", "caf\u00e9"]),
        ("ＡＢＣ ﬁne", ["abc", "fine"]),
        ("一只黑色的狗。", ["一", "只", "黑", "色", "的", "狗"]),
        ("2匹の犬がいる", ["2", "匹", "の", "犬", "が", "い", "る"]),
        ("คน", ["ค", "น"]),
        ("한 남자가 걷는다", ["한", "남자가", "걷는다"]),
        ("كلب أسود يركض", ["كلب", "أسود", "يركض"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("a 🐕 and 👩\u200d👧", ["a", "🐕", "and", "👩\u200d👧"]),
        ("<script>alert(1)</script>", ["script", "alert", "1", "script"]),
        ("a\x00b\x1b[31mc\r\n\td", ["a", "b", "31mc", "d"]),
        ("a \u202egod\u202c", ["a", "god"]),
        ("co\u00adop\ufeff", ["coop"]),
        ("\ud800 dog", ["dog"]),
        ("", []),
        ("?!", []),
    ],
)
def test_the_words_of_a_sentence(sentence: str, expected: list[str]) -> None:
    assert words_of(sentence) == expected


def test_capitals_are_kept_on_request() -> None:
    assert words_of("A Dog", lower=False) == ["A", "Dog"]


def test_scripts_without_spaces_are_written_without() -> None:
    assert sentence_of(words_of("一只狗 and 2 cats, คน")) == "一只狗 and 2 cats คน"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.booleans())
def test_what_was_written_is_read_again(text: str, lower: bool) -> None:
    words = words_of(text, lower=lower)
    assert words_of(sentence_of(words), lower=lower) == words
    assert words_of(" ".join(words), lower=lower) == words
    assert all(word and len(word) <= MOST_CHARACTERS for word in words)
    assert not any(unicodedata.category(c)[0] in "ZP" for word in words for c in word if c not in "'-.,")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100))
def test_the_normal_form_of_a_sentence_does_not_matter(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert words_of(unicodedata.normalize(form, text), lower=False) == words_of(text, lower=False)


@pytest.mark.parametrize(
    "text",
    ["word " * 100_000, "x" * 1_000_000, "e" + "\u0301\u0323" * 200_000, "<b>" * 100_000, "一" * 300_000],
    ids=["words", "one-word", "marks", "markup", "characters"],
)
def test_endless_sentences_take_time_that_goes_with_their_length(text: str) -> None:
    vocabulary = Vocabulary.of([text, "a dog"], min_count=1)
    assert len(vocabulary.encode(text)) <= LONGEST + 2
    assert all(len(word) <= MOST_CHARACTERS for word in vocabulary.words)


def test_numbers_of_words_and_back() -> None:
    vocabulary = Vocabulary.of(["A dog runs.", "a cat", "a dog, a bird"], min_count=2)
    assert vocabulary.words == ("a", "dog") and len(vocabulary) == 6
    ids = vocabulary.encode("A dog and a cat")
    assert ids.dtype == np.int64
    assert ids.tolist() == [START, 4, 5, UNKNOWN, 4, UNKNOWN, END]
    assert vocabulary.decode([START, 4, 5, END, 5, PADDING]) == "a dog"
    assert vocabulary.decode(ids) == "a dog <unknown> a <unknown>"
    assert vocabulary.decode([]) == ""
    assert vocabulary.encode("").tolist() == [START, END]
    with pytest.raises(InputError, match="between 0 and 5, found 6"):
        vocabulary.decode([6])


@given(st.lists(st.text(max_size=30), min_size=1, max_size=8), st.booleans(), st.randoms())
@settings(max_examples=100, deadline=None)
def test_a_vocabulary_comes_back_and_does_not_go_by_the_order(texts, lower, random) -> None:
    sentences = [*texts, "a dog"]
    vocabulary = Vocabulary.of(sentences, min_count=1, lower=lower)
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
    shuffled = random.sample(sentences, len(sentences))
    assert Vocabulary.of(shuffled, min_count=1, lower=lower) == vocabulary
    for text in sentences:
        ids = vocabulary.encode(text)
        assert UNKNOWN not in ids
        assert words_of(vocabulary.decode(ids), lower=lower) == words_of(text, lower=lower)[:LONGEST]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "an object"),
        ({"words": ["a"]}, "the field 'lower'"),
        ({"words": "a b", "lower": True}, "a list"),
        ({"words": ["a"], "lower": 1}, "true or false"),
        ({"words": ["a", 1], "lower": True}, "one word each"),
        ({"words": ["a b"], "lower": True}, "one word each"),
        ({"words": ["<b>"], "lower": True}, "one word each"),
        ({"words": ["A"], "lower": True}, "one word each"),
        ({"words": ["a", "a"], "lower": True}, "'a' twice"),
        ({"words": ["a"] * 60_000, "lower": True}, "at most 50000 words"),
    ],
)
def test_a_vocabulary_of_strangers_is_looked_at(document: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Vocabulary.from_json(document)


@pytest.mark.parametrize("sentences", [[], ["?"], ["a", "b"]])
def test_without_a_common_word_there_is_no_vocabulary(sentences: list[str]) -> None:
    with pytest.raises(InputError, match=f"Of {len(sentences)} sentences no word stands there 2 times"):
        Vocabulary.of(sentences, min_count=2)

import pytest

from foveate.errors import InputError, UnknownNameError
from foveate.tasks.classification.task import Classification
from foveate.tasks.labels import label_meant


@pytest.mark.parametrize(
    ("text", "classes", "place"),
    [
        ("bee", ("ant", "bee"), 1),
        ("1", ("ant", "bee"), 1),
        ("1", "123", 0),
        ("3", "123", 2),
        ("2", ("0", "1", "10", "2"), 3),
        ("7", ("ant", "bee", "7"), 2),
    ],
)
def test_a_name_counts_before_a_number(text, classes, place):
    assert label_meant(Classification(tuple(classes)), text) == place


def test_what_means_no_label():
    with pytest.raises(UnknownNameError, match="Unknown class '0'"):
        label_meant(Classification(("1", "2", "3")), "0")  # all are named by numbers, and none is 0
    with pytest.raises(UnknownNameError, match="Unknown class 'be'; did you mean bee"):
        label_meant(Classification(("ant", "bee")), "be")
    with pytest.raises(InputError, match="classes have no names; give a number from 0 to 4"):
        label_meant(Classification.unnamed(5), "5")

"""Any number of labels a picture: their numbers, their answers, their measures."""

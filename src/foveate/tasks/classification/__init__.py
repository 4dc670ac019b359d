"""One class a picture: its numbers, its answers, its measures."""

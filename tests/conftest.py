"""What all tests have: a browser, and a word on what was left out."""

pytest_plugins = ("browser", "left_out")

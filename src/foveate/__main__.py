"""`python -m foveate`: the command line, where its script is not on the path."""

from foveate.cli.main import main

if __name__ == "__main__":
    main()

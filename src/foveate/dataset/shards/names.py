"""What the files of shards are called."""

INDEX = "foveate-shards.json"
TABLE = "shards.csv"
FORMAT = "foveate shards"
VERSION = 1
TAR, ROWS = ".tar", ".jsonl"

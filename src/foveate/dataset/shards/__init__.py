"""Pictures in shards: tar files in WebDataset's form with an index, in a folder or an object store.

photos-shards/
  foveate-shards.json    what the answers are, the splits, and the hash of shards.csv; written last
  shards.csv             a row a shard: name, split, pictures, bytes, hash, ETag
  train-000000.tar       000000000.jpg, 000000000.json, ...: of each picture its file and its answer
  train-000000.jsonl     a row a picture: where it lies in the tar, its name, its answer
"""

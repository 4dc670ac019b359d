"""Work on shards, one object written for each: by processes, by Ray, or by a cluster's own means."""

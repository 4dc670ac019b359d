"""Where objects lie: a local folder, or a place in an object store, by one set of verbs. No torch."""

from foveate.stores.base import Fact, Store
from foveate.stores.open import is_url, open_store

__all__ = ["Fact", "Store", "is_url", "open_store"]

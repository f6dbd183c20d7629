"""The truth, in Redis: atomic compare-and-set of documents, audit and due times."""

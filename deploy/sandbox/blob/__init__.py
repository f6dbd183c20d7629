"""Azure Blob Storage, as far as one container of block blobs with an immutability policy goes."""

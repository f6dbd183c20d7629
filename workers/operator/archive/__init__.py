"""The audit as it was copied into blobs: checked, and read where Redis is gone."""

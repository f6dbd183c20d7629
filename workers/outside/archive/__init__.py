"""Azure Blob Storage as the place where the audit is kept for good."""

"""The operator's pages, walked with the sandbox as the cloud."""

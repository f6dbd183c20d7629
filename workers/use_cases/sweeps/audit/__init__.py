"""What follows from the audit: calls to on-call, its copy for good, and the end of its retention."""

"""The parts of the step ``encrypt``: whether a VM can be encrypted at its host, and how that is written."""

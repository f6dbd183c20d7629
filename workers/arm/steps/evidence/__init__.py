"""The parts of the step ``snapshot``: what it takes snapshots of, how they are called, and what it says."""

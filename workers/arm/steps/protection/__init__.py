"""The parts of the backup step: what it reads of a protection, writes, undoes, and says."""

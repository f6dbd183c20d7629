"""An owner's answers: confirm, reject, for one start or many, and that it is somebody else's."""

"""Lists of what waits and of what is contained, and how one VM stands."""

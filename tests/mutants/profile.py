"""A pytest plugin for the mutation tool, which runs all tests several times in one process."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutants")

"""Fixtures that any test may ask for: real machines, started when the first test wants them."""

pytest_plugins = ["tests.cluster.machines"]

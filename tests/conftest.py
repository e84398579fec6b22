"""What holds for every test: real machines, started when the first test wants them, and examples without a time limit of their own."""

from hypothesis import settings

pytest_plugins = ["tests.cluster.machines"]

# A busy machine is no counterexample; speed is measured in bench/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

"""How hard hypothesis looks: HYPOTHESIS_PROFILE=thorough looks harder."""

from __future__ import annotations

import os

from hypothesis import settings

# no deadline: machines that run tests are slow at times, and no promise here is about time
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=5000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "default")
)

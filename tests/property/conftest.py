"""How hard hypothesis looks: `ci` harder than by default, `thorough` elsewhere each time."""

from __future__ import annotations

import os

from hypothesis import settings

# no deadline: machines that run tests are slow at times, and no promise here is about time; and the
# same examples each time, so that a failure is about the change at hand
for name in ("default", "ci"):
    settings.register_profile(name, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

"""Settings that every test shares."""

from hypothesis import settings

# no deadline: a busy machine is not a defect
settings.register_profile("here", deadline=None)
settings.load_profile("here")

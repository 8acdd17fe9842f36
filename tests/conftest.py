"""Settings that every test shares."""

from hypothesis import settings

# The package's own plugin is there already where the package is installed.
pytest_plugins = ("dify_java_compat.pytest_plugin", "pytester", "tests.support.secrecy")

# no deadline: a busy machine is not a defect
settings.register_profile("here", deadline=None)
settings.load_profile("here")

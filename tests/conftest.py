"""How hypothesis runs."""

from hypothesis import settings

settings.register_profile("karyon", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("karyon")

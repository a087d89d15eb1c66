"""How hypothesis runs under `make mutants`."""

import os

from hypothesis import Phase, settings

if "MUTANT_UNDER_TEST" in os.environ:  # a mutant is killed by any failure: no time is spent on a smaller one
    settings.register_profile("mutants", settings.get_profile("karyon"), phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutants")

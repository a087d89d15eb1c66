"""Pictures of runs: they read what was recorded, and decide nothing."""

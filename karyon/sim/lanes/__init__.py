"""Lane changes on a road of several lanes, simulated."""

"""Cars that cross each other's paths: the simulation of the kind `intersection`."""

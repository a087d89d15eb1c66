"""The simulator: scenario files, world, vehicles, sensors, radio, faults, engine, recorder."""

"""Detect and avoid: the geometry of encounters in the air, well clear and alerts. NumPy alone, arrays first."""

"""A run's trace in formats that other tools load."""

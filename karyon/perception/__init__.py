"""Perception: failure modes, failure detectors, validity, abstract sensors."""

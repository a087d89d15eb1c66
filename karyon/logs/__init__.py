"""Recorded logs of sensors and messages, read as a stream in constant memory."""

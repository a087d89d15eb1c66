"""The kind `flight`: unmanned aircraft that share airspace by levels of service."""

"""Roads as paths by arc length, and where two paths claim the same ground."""

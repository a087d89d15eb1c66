"""Controllers, one law per level of service, and the safe distances that bound them."""

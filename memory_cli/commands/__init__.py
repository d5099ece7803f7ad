"""The commands, one module per family; only the family that is asked for is imported."""

"""The terminal interface. Nothing is here yet; `memory` without a command prints its help."""

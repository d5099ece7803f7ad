"""``python -m memory_cli``."""

from memory_cli.app import main

main()

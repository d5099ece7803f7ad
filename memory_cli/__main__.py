"""``python -m memory_cli``."""

from memory_cli.entry import main

main()

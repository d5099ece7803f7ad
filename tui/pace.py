"""How long the app waits for a hand that may not have finished; in one place so that tests need not."""

PAUSE = 0.15
"""Seconds without a keystroke after which a search is completed."""
REST = 0.3
"""Seconds on one entry after which its neighbours are looked for."""
GLANCE = 0.06
"""Seconds on a line after which its entry is read: who runs through the list wants the list."""
TYPING = 0.2
"""The same while a query is being typed: who types wants the results."""
JUDGING = 0.4
"""Seconds without a keystroke after which a new text is judged."""

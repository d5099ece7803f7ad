"""Words too common to rank by, English and German.

They are dropped from the ranked OR of a query that has other words, never from its phrases nor from the
text that is embedded. Words that carry meaning in the other language (``die``, ``war``, ``hat``, ``man``,
``will``, ``bin``) are left out on purpose.
"""

STOP_WORDS = frozenset(
    """
    a about am an and any are as at be been but by can could did do does for from had has have he her hers him his
    how i if in into is it its me my of on or our she should so than that the their them then there these they this
    those to was we were what when where which who whom whose why with would you your

    aren couldn didn doesn don hadn hasn haven isn shouldn wasn weren won wouldn

    aber als auch auf aus bei beim bis da das dass dem den denn der des doch du ein eine einem einen einer
    eines er es für hab habe haben ich ihr im ist kann mein meine mit nach oder sich sie sind über um und
    uns unser unsere vom von vor wann warum was welche welcher welches wenn wer werden wie wir wird wo zu zum
    zur
    """.split()  # noqa: SIM905 (a paragraph is read and edited as words)
)
"""Lower case; compare with ``word.casefold()``."""

EMPTY_WORDS = STOP_WORDS | frozenset(
    """
    all anything done entries entry everything happen happened made make memories memory note noted notes something
    thing things write written wrote
    """.split()  # noqa: SIM905
)
"""Words that ask for nothing in particular when all that is left of a question is a time."""

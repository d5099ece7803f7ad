"""Figures of rankings that can be worked out by hand."""

import math

import pytest
from metrics import mean, score


def test_the_best_and_the_worst():
    """First of one: all ones; not found: all zeros."""
    best = score(["a", "b"], frozenset("a"))
    assert (best.first, best.recall, best.reciprocal, best.gain) == (1.0, (1.0,) * 4, 1.0, 1.0)
    worst = score(["b"], frozenset("a"))
    assert (worst.first, worst.recall, worst.reciprocal, worst.gain) == (0.0, (0.0,) * 4, 0.0, 0.0)


def test_two_relevant_documents():
    """Recall is a share, the reciprocal rank that of the first, the gain against the ideal order."""
    found = score(["x", "a", *"cdefghi", "b"], frozenset("ab"))
    assert found.first == 0.0
    assert found.recall == (0.0, 0.5, 1.0, 1.0)
    assert found.reciprocal == 0.5
    assert found.gain == pytest.approx((1 / math.log2(3) + 1 / math.log2(11)) / (1 + 1 / math.log2(3)))


def test_mean():
    """Every figure is averaged."""
    both = mean([score(["a"], frozenset("a")), score([], frozenset("a"))])
    assert (both.first, both.recall, both.reciprocal, both.gain) == (0.5, (0.5,) * 4, 0.5, 0.5)

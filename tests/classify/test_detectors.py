"""Detectors: each sees its thing, none sees what only looks like it, and none can be made slow."""

import tarfile
import time
from pathlib import Path

import classify_samples as samples
import detector_set
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.classification import Classification
from vault.classify.detectors import detect, restraint, scan, stems

DATA = Path(__file__).parents[3] / "shared" / "data"


def floor(text: str) -> Classification | None:
    """The highest floor in *text*."""
    return max((d.floor for d in detect(text)), key=lambda c: c.level, default=None)


@pytest.mark.parametrize("name", samples.ULTRASECRET)
def test_a_master_secret_sets_the_highest_floor(name):
    """Private keys, seeds, recovery keys and master passwords are recognised as ultrasecret."""
    assert floor(samples.ULTRASECRET[name]) is Classification.ULTRASECRET


@pytest.mark.parametrize("name", samples.SECRET)
def test_a_credential_sets_the_floor_secret(name):
    """Tokens, passwords, codes, cards and identity numbers are recognised as secret, and not as more."""
    assert floor(samples.SECRET[name]) is Classification.SECRET


@pytest.mark.parametrize("name", samples.HARMLESS)
def test_what_only_looks_like_a_secret_gives_no_detection(name):
    """Placeholders, documented examples, hashes, public keys and talk about secrets stay ordinary."""
    assert detect(samples.HARMLESS[name]) == []


@pytest.mark.parametrize("name", [*samples.ULTRASECRET, *samples.SECRET])
def test_a_secret_is_found_in_the_middle_of_a_note(name):
    """Ordinary lines before and after hide nothing."""
    text = {**samples.ULTRASECRET, **samples.SECRET}[name]
    assert floor(f"Bought bread and two lemons.\n\n{text}\n\nRain again, read for an hour.\n") is floor(text)


def test_reasons_never_repeat_the_text():
    """The kind and reason of a detection are fixed words: no five characters of what it covers."""
    for text in (*samples.ULTRASECRET.values(), *samples.SECRET.values()):
        for d in detect(text):
            assert text[d.start : d.end].strip()
            covered = text[d.start : d.end].casefold()
            assert not any(part in f"{d.kind} {d.reason}".casefold() for part in covered.split() if len(part) > 5 and not part.isalpha())


def test_restraint_is_what_keeps_examples_out(monkeypatch):
    """Positive control: with the placeholder check broken, harmless samples are detected."""
    for module in (scan.credentials, scan.tokens, scan.keys, scan.numbers, restraint):
        monkeypatch.setattr(module, "is_placeholder", lambda value: False)
    assert any(detect(text) for text in samples.HARMLESS.values())


def test_checksums_are_checked():
    """A changed digit in a lone card number or seed word makes it no detection."""
    assert detect("4716 9008 3312 7762")
    assert not detect("4716 9008 3312 7763")
    assert scan.keys._checks_out("5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ")
    assert not scan.keys._checks_out("5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTK")


@pytest.mark.parametrize(
    "piece",
    ["a", "1", " ", "-", "password ", "password: ", "key=", "1 2 3 4 ", "AAAA-", "4111 ", "x@", "zoo ", "eyJ", "\n", "DE00 ", "backup codes ",
     "-----BEGIN PRIVATE KEY-----", "safe ", "code for ", "https://a:", "BEARER ", "PIN ", "wifi ", "{[(", "é", "PuTTY-User-Key-File-3\n"],
)  # fmt: skip
def test_no_text_makes_detection_hang(piece):
    """128 KiB of any one piece repeated is scanned in moments: work is linear, no backtracking."""
    began = time.monotonic()
    detect((piece * (scan.LIMIT // len(piece) + 1))[: scan.LIMIT // 8])
    assert time.monotonic() - began < 20, "a hang, not a slow machine"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_scanned(text):
    """No text raises, and every detection lies inside it."""
    assert all(0 <= d.start < d.end <= len(text) for d in detect(text))


def test_detectors_find_nearly_every_credential_of_the_set():
    """At least 95 % of 170 credentials as people keep them, and every master secret among them as ultrasecret."""
    assert len(detector_set.POSITIVE) >= 120
    missed = [text for text in detector_set.POSITIVE if not detect(text)]
    assert len(missed) <= len(detector_set.POSITIVE) // 20, missed
    assert [text for text in detector_set.MASTER if floor(text) is Classification.SECRET] == []


def test_detectors_are_quiet_on_what_only_sounds_like_a_credential():
    """At most 1 % of 150 harmless texts that speak of credentials or look like one."""
    assert len(detector_set.NEGATIVE) >= 120
    taken = [text for text in detector_set.NEGATIVE if detect(text)]
    assert len(taken) <= len(detector_set.NEGATIVE) // 100, taken


def test_stems_leave_no_match_out(monkeypatch):
    """Patterns that run only where a stem is give what they give on every text."""
    texts = [*detector_set.POSITIVE, *detector_set.NEGATIVE, *samples.HARMLESS.values()]
    texts += ["\n".join(texts[i : i + 7]) for i in range(0, len(texts), 7)]
    quick = [detect(text) for text in texts]
    monkeypatch.setattr(stems.Stemmed, "finditer", lambda self, text, lower: self.pattern.finditer(text))
    assert [detect(text) for text in texts] == quick


def test_stems_are_what_every_match_contains():
    """Read off the pattern: alternatives each give one, what may be missing gives none."""
    assert stems.Stemmed(r"(?:pass-?word|kenn[wW]ort|PIN)\s\d+").stems == ("kenn", "pass", "pin")
    assert stems.Stemmed(r"\d{4}(?:code)?").stems == ()
    assert stems.Stemmed(r"\d(?:code|\w)").stems == ()
    assert stems.Stemmed(r"(?:code){1,2}\d").stems == ("code",)
    assert list(stems.Stemmed(r"code \d", inline=True).finditer("a\ncode 1 code 2\ncode x", "a\ncode 1 code 2\ncode x"))


@pytest.mark.parametrize(("archive", "every"), [("til.tar.gz", 4), ("tldr-en.tar.gz", 16)])
def test_real_notes_stay_ordinary(archive, every):
    """At most 1 % of real technical notes hold anything a detector speaks of."""
    if not (DATA / archive).exists():
        pytest.skip(f"needs {archive} in ../shared/data beside the repository")
    with tarfile.open(DATA / archive) as tar:
        members = [m for m in tar.getmembers() if m.name.endswith(".md")][::every]
        notes = [tar.extractfile(m).read().decode("utf-8", "replace") for m in members]
    assert len(notes) > 100
    assert sum(bool(detect(note)) for note in notes) <= len(notes) // 100

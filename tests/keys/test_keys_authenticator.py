"""Security keys as second factors, against a key in software that speaks CTAP 2."""

import pytest
from software_key import SoftwareKey

from vault.classification import Classification
from vault.errors import InvalidInput, NotFound, WrongPassphrase
from vault.keys import authenticator, keyslots
from vault.keys.authenticator import answer, attached, enrol
from vault.keys.keyslots import KdfParams, both, unwrap, wrap
from vault.keys.roots import Root
from vault.keys.stretching import KdfLimits, Stretched

CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)
KDF = KdfParams(bytes(16), 64, 1, 1)


class Person:
    """Types this PIN, and counts what they were asked."""

    def __init__(self, pin: str | None = None) -> None:
        """Know *pin*."""
        self.known = pin
        self.touches = 0
        self.pins = 0

    def touch(self) -> None:
        """Asked for a touch."""
        self.touches += 1

    def pin(self) -> str | None:
        """Asked for the PIN."""
        self.pins += 1
        return self.known


@pytest.mark.parametrize("pin", [None, "1234"])
def test_a_key_gives_the_same_secret_every_time(pin):
    """Enrolled once, the key gives the same 32 bytes for the same question; it is asked for its PIN if it has one."""
    key, person = SoftwareKey(pin), Person(pin)
    made = enrol(person, [key])
    assert (made.kind, len(made.value), made.label.uv) == ("fido2", 32, pin is not None)
    assert person.touches == key.touches == 2
    again = answer(made.label, person, [key])
    assert again == made
    assert bool(person.pins) is (pin is not None)


def test_another_key_another_salt_another_secret():
    """A key without the credential gives nothing; another salt or credential gives other bytes."""
    key, person = SoftwareKey(), Person()
    first, second = enrol(person, [key]), enrol(person, [key])
    assert first.value != second.value
    assert answer(first.label, person, [SoftwareKey()]) is None
    assert answer(first.label, person, [SoftwareKey(), key]) == first


def test_verification_is_part_of_the_question():
    """A key has one secret with its PIN and one without: an answer of the wrong sort is no answer."""
    key, person = SoftwareKey("1234"), Person("1234")
    made = enrol(person, [key])
    key.pin = None
    with pytest.raises((InvalidInput, WrongPassphrase)):
        answer(made.label, person, [key])


@pytest.mark.parametrize(
    ("key", "pin", "error", "words"),
    [
        (SoftwareKey("1234"), "9999", WrongPassphrase, "refused"),
        (SoftwareKey("1234"), None, WrongPassphrase, "refused"),
        (SoftwareKey("1234", retries=0), "1234", WrongPassphrase, "blocked"),
        (SoftwareKey(touched=False), None, InvalidInput, "not touched"),
        (SoftwareKey(extensions=()), None, InvalidInput, "cannot make secrets"),
    ],
)
def test_what_a_key_refuses_is_told_in_our_words(key, pin, error, words):
    """A wrong or missing PIN, a blocked key, no touch, a key without the extension: one line and a remedy."""
    with pytest.raises(error, match=words) as caught:
        enrol(Person(pin), [key])
    assert caught.value.remedy
    assert "9999" not in f"{caught.value}{caught.value.__cause__!r}"


def test_enrolment_wants_exactly_one_key():
    """With two keys plugged in nobody knows which was meant."""
    with pytest.raises(InvalidInput, match="2 security keys"):
        enrol(Person(), [SoftwareKey(), SoftwareKey()])


def test_no_key_is_told(monkeypatch):
    """Without a key, or without the right to look for one, there is a named error."""
    from fido2.hid import CtapHidDevice

    monkeypatch.setattr(CtapHidDevice, "list_devices", classmethod(lambda _cls: iter(())))
    with pytest.raises(NotFound, match="no security key"):
        attached()

    def refuses(_cls) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(CtapHidDevice, "list_devices", classmethod(refuses))
    with pytest.raises(NotFound, match="cannot look"):
        attached()


def test_without_the_extra_it_is_said_what_to_install(monkeypatch):
    """The library is optional: its absence is a named error with the command."""
    import sys

    monkeypatch.setitem(sys.modules, "fido2.hid", None)
    with pytest.raises(NotFound) as caught:
        attached()
    assert caught.value.remedy.startswith("pip install")


def test_a_slot_needs_the_passphrase_and_the_key():
    """Only both open it; each alone, another key or another passphrase gives nothing."""
    key, person = SoftwareKey(), Person()
    root = Root.new("ab" * 16, Classification.ULTRASECRET)
    touch, words = enrol(person, [key]), keyslots.passphrase(b"pw")
    slot = wrap(root, both(words, touch), "ultrasecret", KDF, Stretched(CHEAP))
    assert slot.fido2 == touch.label
    assert unwrap(slot, root, both(words, answer(slot.fido2, person, [key])), Stretched(CHEAP)) == root
    for wrong in (words, touch, both(keyslots.passphrase(b"PW"), touch), both(words, enrol(person, [SoftwareKey()]))):
        assert unwrap(slot, root, wrong, Stretched(CHEAP)) is None


def test_a_key_that_forgets_does_not_open():
    """Positive control for the software key: with a new secret every time the slot stays shut."""
    key, person = SoftwareKey(), Person()
    root = Root.new("ab" * 16, Classification.ULTRASECRET)
    slot = wrap(root, both(keyslots.passphrase(b"pw"), enrol(person, [key])), "vault", KDF, Stretched(CHEAP))
    key.forgetful = True
    given = authenticator.answer(slot.fido2, person, [key])
    assert given is not None
    assert unwrap(slot, root, both(keyslots.passphrase(b"pw"), given), Stretched(CHEAP)) is None

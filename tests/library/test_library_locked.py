"""Locked classes and passphrase groups: capture works, nothing shows, nothing leaks between the levels."""

from collections.abc import Callable
from pathlib import Path

import pytest

import vault
from vault.classification import Classification
from vault.errors import Conflict, Damaged, InvalidInput, Locked, NotFound, VaultError, WrongPassphrase
from vault.keys import keyslots
from vault.keys.stretching import KdfLimits
from vault.layout import lay_out

CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)
Maker = Callable[..., vault.Vault]
WORDS = {"vault": b"low words", "secret": b"middle words", "ultrasecret": b"high words"}


@pytest.fixture
def grouped(tmp_path: Path) -> Callable[..., vault.Vault]:
    """A vault with three passphrases; call it with the ones to open it with."""
    slots = {g: [keyslots.passphrase(w)] for g, w in WORDS.items()}
    lay_out(tmp_path / "g", slots, single=False, state=tmp_path / "gs", limits=CHEAP)

    def open_with(*words: bytes) -> vault.Vault:
        return vault.open(
            tmp_path / "g", passphrase=list(words), state=tmp_path / "gs", models=tmp_path / "no", limits=CHEAP
        )

    return open_with


def test_capture_into_a_locked_vault_is_indexed_at_the_next_unlock(new_vault: Maker) -> None:
    """All classes; while locked nothing can be read, not even what was just written."""
    new_vault().close()
    v = new_vault(reopen=True, secret=None)
    ids = {v.capture(f"locked {c}", c).id for c in Classification}
    assert (v.entries(), v.search("locked"), v.tags(), v.counts()) == ([], [], {}, {})
    with pytest.raises(NotFound) as error:
        v.get(next(iter(ids)))
    assert "locked" in error.value.remedy
    assert {e.id for e in new_vault(reopen=True).entries()} == ids


def test_each_passphrase_opens_its_group_only(grouped: Maker) -> None:
    """In any order and number; a wrong one beside a right one is no error, alone it is."""
    low = Classification.GENERAL, Classification.CHRONOLOGICAL, Classification.CONFIDENTIAL
    assert grouped(WORDS["vault"]).open_classes == low
    assert grouped(WORDS["secret"]).open_classes == (Classification.SECRET,)
    assert grouped(WORDS["ultrasecret"]).open_classes == (Classification.ULTRASECRET,)
    assert grouped(*reversed(WORDS.values())).open_classes == tuple(Classification)
    assert grouped(b"wrong", WORDS["secret"]).open_classes == (Classification.SECRET,)
    with pytest.raises(WrongPassphrase):
        grouped(b"wrong")


def test_a_locked_class_leaves_no_trace(grouped: Maker) -> None:
    """Not in hits, counts, tags, listings, errors of `get`, histories, exports; and scores do not depend on it."""
    v = grouped(*WORDS.values())
    shown = v.capture("kestrel on a fence", "general", tags=["bird"])
    before = v.search("kestrel fence")
    hidden = [
        v.capture(f"kestrel fence {n} " * 5, c, tags=["hush"]) for n in range(10) for c in ("secret", "ultrasecret")
    ]
    moved = v.capture("kestrel that moved", "general", tags=["gone"])
    v.move(moved.id, "secret")
    v.close()
    v = grouped(WORDS["vault"])
    after = v.search("kestrel fence")
    assert [h.entry.id for h in after] == [shown.id] == [h.entry.id for h in before]
    assert after[0].snippet == before[0].snippet
    assert (v.tags(), [e.id for e in v.entries()], v.entries(trash=True)) == ({"bird": 1}, [shown.id], [])
    assert v.counts() == {c: ((1 if c == "general" else 0), 0) for c in v.open_classes}
    messages = set()
    for entry_id in (hidden[0].id, moved.id, "0" * 16):
        with pytest.raises(NotFound) as error:
            v.get(entry_id)
        messages.add((error.value.message.replace(entry_id, "ID"), error.value.remedy))
    assert len(messages) == 1, "a locked entry is told from one that never was"
    assert v.search("tag:hush") == v.search("kestrel class:secret OR class:general tag:hush") == []


def test_naming_only_a_locked_class_says_so(grouped: Maker) -> None:
    """`Locked` and not an empty answer, for search, listing and export alike."""
    v = grouped(WORDS["vault"])
    for ask in (v.search, v.entries, lambda q: v.export_to("/nonexistent/x", query=q)):
        with pytest.raises(Locked):
            ask("x class:secret")


def test_capture_and_move_into_a_locked_class_work(grouped: Maker) -> None:
    """Sealing needs no secret; the entry is gone from here and there when its class opens."""
    v = grouped(WORDS["vault"])
    up = v.capture("for above", "ultrasecret")
    entry = v.capture("to be moved", "general")
    v.move(entry.id, "secret")
    with pytest.raises(NotFound):
        v.get(entry.id)
    v.close()
    v = grouped(*WORDS.values())
    assert v.get(up.id).classification == "ultrasecret"
    assert v.get(entry.id).classification == "secret"
    assert v.counts()["general"] == (0, 0)


def test_a_class_never_unlocked_on_this_device_takes_nothing(grouped: Maker, tmp_path: Path) -> None:
    """On a second device: Locked with a remedy, nothing sealed lower instead, nothing written."""
    grouped().close()

    def second(*words: bytes) -> vault.Vault:
        return vault.open(
            tmp_path / "g", passphrase=list(words), state=tmp_path / "s2", models=tmp_path / "no", limits=CHEAP
        )

    with second() as v, pytest.raises(Locked):
        v.capture("x", "general")
    with second(WORDS["vault"]) as v:
        v.capture("ok", "general")
        before = sorted(v.home.objects.names())
        for attempt in (
            lambda: v.capture("x", "secret"),
            lambda: v.move(v.entries()[0].id, "secret"),
            lambda: list(
                v.capture_many([{"text": "a", "classification": "general"}, {"text": "b", "classification": "secret"}])
            ),
        ):
            with pytest.raises(Locked) as error:
                attempt()
            assert "secret" in error.value.remedy
        assert sorted(v.home.objects.names()) == before
    with second(WORDS["secret"]) as v:
        assert v.capture("now", "secret").classification == "secret"


def test_lower_keys_open_nothing_higher(grouped: Maker) -> None:
    """No root or identity of a lower class opens a file of a higher one; its database key neither."""
    from vault.compartment.compartment import Compartment
    from vault.reconcile import open_all

    v = grouped(*WORDS.values())
    name = v.capture("high", "ultrasecret").revisions[0]
    for opened in v.opened:
        incoming, skipped = open_all(v.home.objects, opened.opener, [name])
        is_own = opened.compartment.classification == "ultrasecret"
        assert (len(incoming), [s.kind for s in skipped]) == ((1, []) if is_own else (0, ["foreign"]))
    key = v.opened.need(Classification.SECRET).keys.newest.subkey("sqlcipher")
    path = v.home.database(Classification.ULTRASECRET)
    v.close()
    with pytest.raises(Damaged):
        Compartment(Classification.ULTRASECRET, path, key, bytes.fromhex(v.home.vault_id))


def test_creating_and_opening_refuse_what_is_wrong(new_vault: Maker, tmp_path: Path) -> None:
    """No secret, a taken path, no vault, a copy of a known vault, a second creation of the same."""
    first = new_vault()
    second = new_vault("other")
    assert first.home.vault_id != second.home.vault_id
    state = tmp_path / "v-state"
    with pytest.raises(Conflict):
        vault.create(tmp_path / "v", passphrase=b"x", state=state, limits=CHEAP)
    with pytest.raises(InvalidInput):
        vault.create(tmp_path / "n", state=state, limits=CHEAP)
    with pytest.raises(VaultError):
        vault.open(tmp_path / "none", state=state)
    import shutil

    shutil.copytree(tmp_path / "v", tmp_path / "copy")
    with pytest.raises(Conflict):
        vault.open(tmp_path / "copy", state=state)
    first.close()
    shutil.rmtree(tmp_path / "v")
    with vault.open(tmp_path / "copy", passphrase=b"correct horse", state=state, limits=CHEAP) as v:
        assert v.home.vault_id == first.home.vault_id
    shutil.move(tmp_path / "other", tmp_path / "copy2")
    shutil.rmtree(tmp_path / "copy")
    shutil.move(tmp_path / "copy2", tmp_path / "copy")
    with pytest.raises(Damaged):
        vault.open(tmp_path / "copy", state=state)

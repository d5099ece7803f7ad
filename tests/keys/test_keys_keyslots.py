"""Keyslots: what a secret may be, what is refused before it costs anything, how often Argon2 runs."""

import tracemalloc

import pytest

from vault.classification import Classification
from vault.errors import Damaged, InvalidInput, WrongPassphrase
from vault.headers import new_headers
from vault.keys import keyslots, stretching
from vault.keys.device import load_or_create
from vault.keys.keyslots import unwrap, wrap
from vault.keys.roots import Root
from vault.keys.slots import KdfParams
from vault.keys.stretching import KdfLimits, Stretched
from vault.names import CROCKFORD

CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)
VAULT = "ab" * 16
KDF = KdfParams(bytes(16), 64, 1, 1)


@pytest.fixture
def root() -> Root:
    """A root to wrap."""
    return Root.new(VAULT, Classification.SECRET)


# -- limits -------------------------------------------------------------------------------------------

GREEDY = KdfParams(bytes(16), 2**32, 3, 1)
"""4 TiB."""


@pytest.mark.parametrize(
    "params",
    [
        GREEDY,
        KdfParams(bytes(16), 64 * 1024 - 1, 3, 1),
        KdfParams(bytes(16), 64 * 1024, 2, 1),
        KdfParams(bytes(16), 64 * 1024, 17, 1),
        KdfParams(bytes(16), 64 * 1024, 3, 0),
        KdfParams(bytes(16), 64 * 1024, 3, 17),
        KdfParams(bytes(15), 64 * 1024, 3, 1),
        KdfParams(bytes(16), -1, 3, 1),
    ],
)
def test_parameters_outside_the_limits_never_reach_argon2(params, monkeypatch):
    """A slot that asks for too much or too little is refused without a call, so without memory."""
    monkeypatch.setattr(stretching, "_argon2id", lambda *_: pytest.fail("Argon2 was called"))
    tracemalloc.start()
    with pytest.raises(Damaged, match="outside the limits"):
        keyslots.material(keyslots.passphrase(b"pw"), params, Stretched(KdfLimits()))
    assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    tracemalloc.stop()


def test_without_the_check_argon2_would_be_asked(monkeypatch):
    """Positive control: with `KdfLimits.check` taken out, the greedy parameters do reach Argon2."""
    asked: list[KdfParams] = []
    monkeypatch.setattr(KdfLimits, "check", lambda _self, _params: None)
    monkeypatch.setattr(stretching, "_argon2id", lambda _secret, params: asked.append(params) or bytes(32))
    keyslots.material(keyslots.passphrase(b"pw"), GREEDY, Stretched(KdfLimits()))
    assert asked == [GREEDY]


def test_production_limits_are_those_of_the_format():
    """64 MiB to 4 GiB, 3 to 16 iterations, at most 16 lanes: the borders themselves are allowed."""
    limits = KdfLimits()
    for memory in (64 * 1024, 4 * 1024 * 1024):
        for iterations in (3, 16):
            limits.check(KdfParams(bytes(16), memory, iterations, 16))


def test_calibration_stays_within_the_limits():
    """What `calibrate` chooses passes the same check, for any target."""
    for seconds in (0.0001, 0.005, 1e9):
        limits = KdfLimits(min_memory_kib=64, max_memory_kib=256, min_iterations=1, target_seconds=seconds)
        chosen = stretching.calibrate(limits)
        limits.check(chosen)
        assert chosen.iterations == 1


# -- secrets ------------------------------------------------------------------------------------------


def test_a_recovery_code_is_read_leniently(root):
    """Case, spaces, hyphens and the look-alikes o, i and l make no difference."""
    code = "0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV-WX10"
    wanted = keyslots.recovery_code(code)
    for typed in (
        code.lower(),
        code.replace("-", ""),
        code.replace("-", " "),
        f"  {code}\n",
        code.replace("0", "O").replace("1", "l"),
        code.replace("0", "o").replace("1", "I"),
    ):
        assert keyslots.recovery_code(typed) == wanted
    slot = wrap(root, wanted, "secret", None, Stretched(CHEAP))
    assert unwrap(slot, root, keyslots.recovery_code(code.lower()), Stretched(CHEAP)) == root


@pytest.mark.parametrize(
    "typed", ["", "0123", "U" * 32, "0" * 31, "0" * 33, "é" * 32, "0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV-WXYU"]
)
def test_what_is_no_recovery_code_is_told_at_once(typed):
    """Too short, too long or with letters outside the alphabet: refused before any slot is tried."""
    with pytest.raises(WrongPassphrase, match="no recovery code"):
        keyslots.recovery_code(typed)


def test_new_recovery_codes_are_random_and_readable():
    """160 bits as 8 groups of 4 characters of the alphabet, different every time, read back as themselves."""
    codes = {keyslots.new_recovery_code() for _ in range(50)}
    assert len(codes) == 50
    for code in codes:
        assert [len(group) for group in code.split("-")] == [4] * 8
        assert keyslots.recovery_code(code).value.decode() == code.replace("-", "")
    assert set("".join(codes)) - {"-"} == set(CROCKFORD.upper())


@pytest.mark.parametrize(("size", "fine"), [(0, False), (31, False), (32, True), (65536, True), (65537, False)])
def test_keyfile_bounds(size, fine):
    """32 bytes to 64 KiB."""
    if fine:
        assert keyslots.keyfile(bytes(size)).value == bytes(size)
    else:
        with pytest.raises(InvalidInput, match="keyfile"):
            keyslots.keyfile(bytes(size))


def test_passphrases_are_normalised_but_never_trimmed(root):
    """Composed and decomposed letters are one passphrase; spaces and case are not; bytes that are no text stay."""
    slot = wrap(root, keyslots.passphrase("zu Fuß é".encode()), "secret", KDF, Stretched(CHEAP))
    opens = [
        unwrap(slot, root, keyslots.passphrase(typed), Stretched(CHEAP)) is not None
        for typed in ("zu Fuß é".encode(), b"zu Fu\xc3\x9f e\xcc\x81", "zu Fuß é ".encode(), "zu fuß é".encode())
    ]
    assert opens == [True, True, False, False]
    assert keyslots.passphrase(b"\xff\xfe").value == b"\xff\xfe"


@pytest.mark.parametrize("value", [b"", b"x" * 1025])
def test_a_passphrase_has_1_to_1024_bytes(value):
    """Neither nothing nor a novel."""
    with pytest.raises(InvalidInput):
        keyslots.passphrase(value)


def test_secrets_never_show_in_a_repr(root):
    """Neither a passphrase nor a root nor a wrapped key is in what a traceback would print."""
    secret = keyslots.passphrase(b"hunter2")
    slot = wrap(root, secret, "secret", KDF, Stretched(CHEAP))
    shown = f"{secret!r} {root!r} {slot!r}"
    assert "hunter2" not in shown
    assert root.secret.hex() not in shown
    assert repr(root.secret) not in shown
    assert repr(slot.wrapped) not in shown


# -- wrapping -----------------------------------------------------------------------------------------


def test_every_wrap_has_its_own_salt_id_and_key(root):
    """Two slots for one secret share nothing: the fixed nonce never meets one key twice."""
    slots = [wrap(root, keyslots.passphrase(b"pw"), "secret", KDF, Stretched(CHEAP)) for _ in range(20)]
    for field in ("id", "salt", "commitment", "wrapped"):
        assert len({getattr(s, field) for s in slots}) == 20
    assert {unwrap(s, root, keyslots.passphrase(b"pw"), Stretched(CHEAP)) for s in slots} == {root}


def test_a_slot_opens_only_with_its_own_secret_and_kind(root):
    """Another secret or the same bytes as another kind: None, not an error."""
    slot = wrap(root, keyslots.keyfile(b"k" * 32), "secret", None, Stretched(CHEAP))
    assert unwrap(slot, root, keyslots.keyfile(b"l" * 32), Stretched(CHEAP)) is None
    assert unwrap(slot, root, keyslots.passphrase(b"k" * 32), Stretched(CHEAP)) is None
    assert unwrap(slot, root, keyslots.keyfile(b"k" * 32), Stretched(CHEAP)) == root


def test_without_the_commitment_a_wrong_secret_looks_like_tampering(root, monkeypatch):
    """Positive control: the commitment is what tells a wrong secret from an altered slot."""
    slot = wrap(root, keyslots.keyfile(b"k" * 32), "secret", None, Stretched(CHEAP))
    monkeypatch.setattr(keyslots.hmac, "compare_digest", lambda _a, _b: True)
    with pytest.raises(Damaged, match="altered"):
        unwrap(slot, root, keyslots.keyfile(b"l" * 32), Stretched(CHEAP))


# -- groups -------------------------------------------------------------------------------------------


@pytest.fixture
def argon2_runs(monkeypatch) -> list[KdfParams]:
    """Every run of Argon2, as its parameters."""
    runs: list[KdfParams] = []
    real = stretching._argon2id

    def counted(secret: bytes, params: KdfParams) -> bytes:
        runs.append(params)
        return real(secret, params)

    monkeypatch.setattr(stretching, "_argon2id", counted)
    return runs


def test_a_group_costs_one_argon2_run(new_vault, argon2_runs):
    """Five classes of one group are made and opened with one run each (making calibrates with one more)."""
    v = new_vault()
    v.close()
    assert len(argon2_runs) == 1 + 1 + 1  # calibration, making, and the opening after it
    argon2_runs.clear()
    v = new_vault(reopen=True)
    assert v.open_classes == tuple(Classification)
    assert len(argon2_runs) == 1


def test_groups_have_their_own_salts(tmp_path):
    """With three passphrases no two groups share an Argon2 salt, so no run of one says anything of another."""
    key = load_or_create(tmp_path / "device.key")
    secrets = {g: [keyslots.passphrase(g.encode())] for g in keyslots.GROUPS}
    made = new_headers(VAULT, key, secrets, single=False, limits=CHEAP)
    salts = {slot.group: slot.kdf.salt for _, header, _ in made.values() for slot in header.slots}
    assert len(set(salts.values())) == 3
    roots = {root.secret for root, _, _ in made.values()}
    assert len(roots) == 5


def test_a_wrong_passphrase_costs_one_run_per_group_at_most(new_vault, argon2_runs):
    """A wrong passphrase is refused after one run, with a message that says nothing about the slots."""
    new_vault().close()
    argon2_runs.clear()
    with pytest.raises(WrongPassphrase) as caught:
        new_vault(reopen=True, secret=b"wrong")
    assert caught.value.message == "no keyslot opened"
    assert len(argon2_runs) == 1

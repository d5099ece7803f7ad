"""Unlock once, lock for real, for this terminal or all; and what a locked class shows: nothing."""

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from desk import LOW, NO_KEY, QUICK, TEXTS, Desk, eventually, fill
from program import fast_directory, finish

import vault
from vault import config
from vault.agent import leases
from vault.agent.leases import Lease, Terms
from vault.classification import Classification
from vault.errors import Locked
from vault.keys import keyslots
from vault.layout import lay_out

LOW_TEXTS = sorted(t.split("\n")[0] for c in LOW for t in TEXTS[c])
PASSPHRASES = {"vault": b"low words", "secret": b"middle words", "ultrasecret": b"high words"}


def test_unlock_once_then_work_without_asking_then_lock(desk: Desk) -> None:
    """After one unlock commands open what it opened; after the lock they ask again, and no worker is left."""
    assert desk.keyless("list").code == 17
    desk.unlock()
    assert desk.texts() == LOW_TEXTS
    kept = desk.keyless("add", "--json", "-c", "general", stdin="a new one").ok().json["id"]
    assert desk.keyless("show", kept).ok().out.endswith("a new one\n")
    desk.keyless("edit", kept, "--stdin", stdin="changed words").ok()
    assert "changed" in desk.keyless("search", "changed").ok().out
    assert desk("lock", env=NO_KEY).ok().err == "memory: locked chronological, confidential, general\n"
    assert not desk.processes("class_worker")
    assert desk.keyless("list").code == 17
    assert desk.keyless("search", "harbour").code == 17
    assert "changed" in desk("search", "changed").ok().out


def test_lock_names_what_it_locks(desk: Desk) -> None:
    """One class goes, the others stay; a second time there is nothing to lock."""
    desk.unlock("general", "secret")
    assert desk("lock", "sec").ok().err == "memory: locked secret\n"
    assert set(desk.workers()) == {"general"}
    assert desk("lock", "secret").ok().err == "memory: nothing was open\n"


def test_status_says_what_is_open_and_how_long(desk: Desk) -> None:
    """The agent names its workers, their processes and times; `memory status` counts open classes only."""
    assert desk("agent", "status", "--json").ok().json["running"] is False
    desk.unlock("general", "--ttl", "90s", "--idle", "30s")
    (row,) = desk("agent", "status", "--json").ok().json["workers"]
    assert row["name"] == "general"
    assert row["pid"] in desk.processes("class_worker").values()
    assert 0 < row["seconds"] <= 30, "the idle limit is nearer than the time to live"
    classes = desk.keyless("status", "--json").ok().json["classes"]
    assert classes["general"] == {"open": True, "entries": 2, "trash": 0}
    assert classes["secret"] == {"open": False, "entries": None, "trash": None}


@pytest.mark.parametrize("limit", [("--ttl", "1s", "--idle", "off"), ("--ttl", "off", "--idle", "1s")], ids=["ttl", "idle"])
def test_a_limit_ends_it(desk: Desk, limit: tuple[str, ...]) -> None:
    """A second is counted from the opening, so the class does open; then its worker is gone, and it is locked."""
    desk.unlock("general", *limit)
    assert eventually(lambda: not desk.processes("class_worker"), 3)
    assert desk.keyless("list").code == 17


def test_the_limits_of_the_configuration_hold(desk: Desk) -> None:
    """Defaults per class: 8 h, secret 15 min, ultrasecret 5 min; the configuration changes them, an option wins."""
    defaults = [config.duration(config.Config()[f"agent.ttl.{c}"]) for c in Classification]
    assert defaults == [8 * 3600, 8 * 3600, 8 * 3600, 15 * 60, 5 * 60]
    desk("config", "set", "agent.ttl.secret", "2m").ok()
    desk("config", "set", "agent.idle.general", "40s").ok()
    desk.unlock("general", "secret", "ultrasecret", "chronological", "-y")
    rows = {r["name"]: r["seconds"] for r in desk("agent", "status", "--json").ok().json["workers"]}
    assert rows["general"] <= 40 < rows["secret"] <= 120 < rows["ultrasecret"] <= 300 < rows["chronological"] <= 8 * 3600
    assert "until it is locked" in desk.unlock("general", "--ttl", "off", "--idle", "off").out
    rows = {r["name"]: r["seconds"] for r in desk("agent", "status", "--json").ok().json["workers"]}
    assert rows["general"] is None


def test_use_puts_off_the_idle_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease is over at the earlier of: time since it began, time since it was last used."""
    clock = [1000.0]
    monkeypatch.setattr(leases, "now", lambda: clock[0])
    lease = Lease.begun(Terms(100.0, 30.0))
    assert lease.ends == 1030.0
    for _ in range(4):
        clock[0] += 20
        assert not lease.is_over()
        lease = lease.touched()
    assert lease.ends == 1100.0, "used or not"
    clock[0] = 1100.0
    assert lease.is_over()
    assert Lease.begun(Terms(leases.FOREVER)).ends == float("inf")


def test_leases_do_not_read_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting the date back or forth by years changes no lease; sleep counts."""
    lease = Lease.begun(Terms(100.0))
    for wall in (0.0, 4e9):
        monkeypatch.setattr(time, "time", lambda wall=wall: wall)
        monkeypatch.setattr(time, "time_ns", lambda wall=wall: int(wall * 1e9))
        assert not lease.is_over()
        assert 99 < lease.ends - leases.now() <= 100
    real = time.clock_gettime

    def after_sleep(clock: int) -> float:
        return real(clock) + (101.0 if clock == time.CLOCK_BOOTTIME else 0.0)

    monkeypatch.setattr(time, "clock_gettime", after_sleep)
    assert lease.is_over(), "the clock that goes on during sleep is the one that counts"


def test_an_unlock_is_for_its_terminal_and_ends_with_it(desk: Desk) -> None:
    """Another session sees nothing of it, not even by naming the class; when the session ends, so does the worker."""
    here, there = desk.terminal(), desk.terminal()
    assert here("keyfile", "unlock", "general").ok().out == "general  open for 8 h, in this terminal\n"
    assert here("list").ok().raw.count(b"\n") == 2
    assert there("list").code == 17
    assert there("list", "-c", "general").code == 17
    assert there("search", "harbour").code == 17
    assert json.loads(there("agent", "status", "--json").out)["workers"][0]["here"] is False
    there.end()
    assert here("list").code == 0
    here.end()
    assert eventually(lambda: not desk.processes("class_worker"), 1.0)


def test_two_terminals_have_leases_of_their_own(desk: Desk) -> None:
    """Each unlocks for itself; the end of one does not take the class from the other; lock takes it from both."""
    one, two = desk.terminal(), desk.terminal()
    one("keyfile", "unlock", "general").ok()
    two("keyfile", "unlock", "general").ok()
    assert len(desk.processes("class_worker")) == 2
    one.end()
    assert eventually(lambda: len(desk.processes("class_worker")) == 1, 2)
    assert two("list").ok()
    assert desk("lock").ok()
    assert two("list").code == 17


def test_unlocking_twice_renews_the_terms(desk: Desk) -> None:
    """The second unlock's terms hold, in a fresh process; there is never more than one for the same terminals."""
    desk.unlock("general", "--ttl", "60s")
    first = desk.workers()["general"]
    desk.unlock("general", "--ttl", "2h")
    (row,) = desk("agent", "status", "--json").ok().json["workers"]
    assert row["seconds"] > 3600
    assert row["pid"] != first
    assert list(desk.processes("class_worker").values()) == [row["pid"]]


def test_a_wrong_secret_opens_nothing_and_leaves_no_worker(desk: Desk) -> None:
    """Exit 12 with the same words whatever was asked for, and no process that waits for a key."""
    wrong = desk.root / "work" / "wrong"
    wrong.write_bytes(os.urandom(48))
    said = set()
    for classes in ((), ("secret",), ("general", "secret", "ultrasecret")):
        done = desk("unlock", "--all-terminals", "-y", *classes, env={"MEMORY_KEYFILE": str(wrong)})
        assert (done.code, done.out) == (12, "")
        said.add(done.err)
    assert said == {"memory: no keyslot opened (check the passphrase, keyfile or recovery code)\n"}
    assert eventually(lambda: not desk.processes("class_worker"), 2)
    assert desk.workers() == {}


def test_a_wrong_secret_leaves_open_what_is_open(desk: Desk) -> None:
    """A slip of the keyboard does not lock anybody out."""
    desk.unlock("general")
    wrong = desk.root / "work" / "wrong"
    wrong.write_bytes(os.urandom(48))
    assert desk("unlock", "--all-terminals", env={"MEMORY_KEYFILE": str(wrong)}).code == 12
    assert list(desk.workers()) == ["general"]
    assert desk.keyless("list").code == 0


def test_ultrasecret_is_asked_for_at_the_terminal(desk: Desk) -> None:
    """It opens only after a yes; without a terminal only with -y; a no opens nothing."""
    assert desk("unlock", "ultrasecret", "--all-terminals").code == 2
    for answer, code in (("n", 3), ("y", 0)):
        child = desk.on_terminal("unlock", "ultrasecret", "--all-terminals")
        child.expect_exact("keep ultrasecret open for 5 min? [y/N] ")
        child.sendline(answer)
        assert finish(child)[0] == code
        assert ("ultrasecret" in desk.workers()) is (code == 0)


@pytest.fixture
def grouped(tmp_path: Path) -> Desk:
    """A vault with three passphrases, one a group, and no keyfile."""
    with fast_directory() as place:
        desk = Desk(place / "d")
        slots = {g: [keyslots.passphrase(p)] for g, p in PASSPHRASES.items()}
        lay_out(desk.vault, slots, single=False, state=desk.root / "state" / "memory", limits=QUICK)
        with vault.open(desk.vault, list(PASSPHRASES.values()), desk.root / "state" / "memory", models=place) as v:
            fill(v, TEXTS)
        with desk.at_work():
            yield desk


def typed(desk: Desk, *args: str, words: bytes, prompt: str) -> tuple[int, bytes]:
    """Run a command on a pty and type *words* at the prompt."""
    child = desk.on_terminal(*args, env=NO_KEY)
    child.expect_exact(prompt)
    child.sendline(words)
    return finish(child)


def test_each_group_has_its_passphrase_and_a_named_class_is_stepped_up_to(grouped: Desk) -> None:
    """The vault's passphrase opens three classes; naming secret asks for its own, and only then."""
    code, _ = typed(grouped, "unlock", "--all-terminals", words=b"low words", prompt="vault passphrase: ")
    assert code == 0
    assert set(grouped.workers()) == {c.value for c in LOW}
    code, said = grouped.seen_on_terminal("list", env=NO_KEY)
    assert (code, b"zanzibar" in said, b"Kowalski" in said) == (0, False, True), "nothing is asked where nothing is named"
    code, said = typed(grouped, "list", "-c", "secret", words=b"middle words", prompt="secret passphrase: ")
    assert (code, b"zanzibar" in said) == (0, True)
    code, said = typed(grouped, "list", "-c", "secret", words=b"low words", prompt="secret passphrase: ")
    assert (code, b"zanzibar" in said) == (12, False)
    assert set(grouped.workers()) == {c.value for c in LOW}, "a step-up is for one command"
    code, _ = typed(grouped, "unlock", "secret", "--all-terminals", words=b"middle words", prompt="secret passphrase: ")
    assert code == 0
    assert "zanzibar" in grouped.keyless("list", "-c", "secret").ok().out
    wrong, _ = typed(grouped, "unlock", "--all-terminals", words=b"Low words", prompt="vault passphrase: ")
    assert wrong == 12
    assert len(grouped.workers()) == 4


def test_one_agent_keeps_two_vaults_apart(desk: Desk, template: Path) -> None:
    """Both are open at once, each answers for itself, and locking names the vault it is asked about."""
    other = Desk.copied(template, desk.root / "other")
    shutil.rmtree(other.vault)
    shutil.rmtree(other.root / "state")
    with vault.create(
        other.vault, keyfile=other.keyfile, state=desk.root / "state" / "memory", models=desk.root / "none"
    ) as v:
        v.capture("of the other vault", "general")
    desk.unlock("general")
    desk.unlock("--vault", str(other.vault), "general")
    assert len(desk.processes("class_worker")) == 2
    assert "of the other" not in desk.keyless("list").ok().out
    assert desk.keyless("--vault", other.vault, "list").ok().out.count("\n") == 1
    desk("--vault", other.vault, "lock").ok()
    assert len(desk.processes("class_worker")) == 1
    assert desk.keyless("list").ok()
    assert desk.keyless("--vault", other.vault, "list").code == 17


TRACELESS: tuple[tuple[str, ...], ...] = (
    ("list", "--json"), ("trash",), ("list", "-t", "tag-secret"), ("search", "heron", "--json"), ("search", "zanzibar"),
    ("search", "heron", "--explain"), ("search", "zanz*", "zanzibra"), ("tag",), ("stats", "--json"),
    ("search", "tag:all", "heron"), ("search", "-m", "keyword", "heron", "OR", "key"), ("search", "-m", "semantic", "heron"),
    ("status", "--json"), ("agent", "status"), ("show", "SECRET"), ("show", "SECR"), ("history", "SECRET"),
    ("edit", "SECRET", "--title", "x"), ("move", "SECRET", "-c", "general"), ("restore", "SECRET"),
    ("list", "-c", "secret"), ("search", "class:secret,general", "heron"), ("export", "OUT", "--format", "jsonl", "-y"),
)  # fmt: skip


def test_a_locked_class_leaves_no_trace(template: Path) -> None:
    """Every output, note, code and exported byte is as in a vault where its entries do not exist.

    Positive control: with the class unlocked too, most of these commands do tell.
    """
    with fast_directory() as place:
        full = Desk.copied(template, place / "a" / "desk")
        with vault.open(
            full.vault, keyfile=full.keyfile, state=full.root / "state" / "memory", models=full.root / "none"
        ) as v:
            v.capture("a heron again", "general")
        bare = Desk.copied(full.root, place / "b" / "desk")
        with bare.alone() as v:
            high = [e for c in ("secret", "ultrasecret") for e in v.entries(f"class:{c}")]
            for entry in high:
                v.delete(entry.id, purge=True)
        secret = high[0].id
        with full.at_work(), bare.at_work():
            with ThreadPoolExecutor(2) as both:
                answers = list(both.map(lambda desk: all_shown(desk, secret), (full, bare)))
            for line, one, other in zip(("completion", *TRACELESS), *answers, strict=True):
                assert one == other, line
            full.unlock("general", "chronological", "confidential", "secret")
            telling = [shown(full, line, secret) != other for line, other in zip(TRACELESS[:12], answers[1][1:], strict=False)]
            assert sum(telling) >= 6


def all_shown(desk: Desk, secret: str) -> list[tuple[int, str, str, bytes]]:
    """`shown` of every line, with the three low classes open."""
    desk.unlock()
    asking = {"_MEMORY_COMPLETE": "complete_bash", "COMP_WORDS": f"memory show {secret[:4]}", "COMP_CWORD": "2"}
    completed = desk.keyless(env=asking)
    return [(completed.code, completed.out, completed.err, b""), *(shown(desk, line, secret) for line in TRACELESS)]


def shown(desk: Desk, line: tuple[str, ...], secret: str) -> tuple[int, str, str, bytes]:
    """What a command shows and writes, with the desk's own name and numbers taken out."""
    out = desk.root / "work" / "out.jsonl"
    names = {"SECRET": secret, "SECR": secret[:6], "OUT": str(out)}
    done = desk.keyless(*(names.get(part, part) for part in line))
    text = done.out.replace(str(desk.root), "~")
    if line[0] == "agent":
        text = "\n".join(row.split("pid")[0] for row in text.splitlines())
    written = out.read_bytes() if out.exists() else b""
    out.unlink(missing_ok=True)
    return done.code, text, done.err.replace(str(desk.root), "~"), written


def test_what_needs_the_keys_does_not_get_them_from_the_agent(within: Desk) -> None:
    """An open class in the agent gives no key away: commands on keys ask for the secret itself."""
    within.unlock("general")
    assert within.keyless("key", "list").code in {0, 17}
    assert within.keyless("key", "export", "general", "--identity", str(within.root / "work" / "id"), "-y").code == 17
    assert not (within.root / "work" / "id").exists()
    with within.connect() as v, pytest.raises(Locked):
        _ = v.opened.need(Classification.GENERAL).keys


def test_stop_ends_everything_and_the_next_unlock_starts_anew(desk: Desk) -> None:
    """Stopping leaves no process and no socket; unlocking at once afterwards works, again and again."""
    for _ in range(3):
        desk.unlock("general")
        assert desk("agent", "stop").ok().err == "memory: the agent has ended\n"
        assert not desk.socket.exists()
    desk.unlock("general")
    assert desk.texts() == sorted(t.split("\n")[0] for t in TEXTS[Classification.GENERAL])

"""Import and export through the facade: idempotent, resumable, updating, and a round trip that loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import vault
from vault.errors import InvalidInput, Locked, NotFound, StorageFailed

Maker = Callable[..., vault.Vault]
ROOT = Path(__file__).parent.parent.parent


def notes(folder: Path, count: int) -> Path:
    """A folder of Markdown notes with front matter, tags and sub-folders."""
    for n in range(count):
        path = folder / f"sub{n % 3}" / f"note{n}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\ntags: [t{n % 5}]\nmood: fine\n---\n# Note {n}\n\nThe kingfisher number {n}.\n")
    return folder


def test_an_import_done_twice_changes_nothing(new_vault: Maker, tmp_path: Path) -> None:
    """Everything once, with its tags; the second time, from another place, all is known."""
    v = new_vault()
    folder = notes(tmp_path / "x" / "notes", 150)
    report = v.import_from(folder, classification="general", tags=["imported"])
    assert (report.added, report.updated, report.unchanged, report.skipped) == (150, 0, 0, 0)
    assert v.tags()["imported"] == 150
    objects = sorted(v.home.objects.names())
    moved = tmp_path / "y"
    (tmp_path / "x").rename(moved)
    again = v.import_from(moved / "notes", classification="general", tags=["imported"])
    assert (again.added, again.updated, again.unchanged) == (0, 0, 150)
    assert sorted(v.home.objects.names()) == objects


def test_what_changed_at_the_source_is_updated(new_vault: Maker, tmp_path: Path) -> None:
    """One new revision of the same entry; trashed entries stay in the trash, own tags and classes stay."""
    v = new_vault()
    folder = notes(tmp_path / "notes", 4)
    v.import_from(folder, classification="general")
    by_title = {e.title: e for e in v.entries()}
    v.delete(by_title["Note 3"].id)
    v.move(by_title["Note 2"].id, "secret")
    for n in (0, 2, 3):
        path = folder / f"sub{n % 3}" / f"note{n}.md"
        path.write_text(path.read_text() + "More.\n")
    report = v.import_from(folder)
    assert (report.added, report.updated, report.unchanged) == (0, 2, 2)
    assert v.get(by_title["Note 0"].id).text.endswith("More.\n")
    assert v.get(by_title["Note 2"].id).classification == "secret"
    assert v.get(by_title["Note 2"].id).text.endswith("More.\n")
    assert v.get(by_title["Note 3"].id).deleted
    assert len(v.history(by_title["Note 0"].id)) == 2
    assert v.import_from(folder).updated == 0


def test_a_dry_run_writes_nothing(new_vault: Maker, tmp_path: Path) -> None:
    """It counts what a run would do."""
    v = new_vault()
    report = v.import_from(notes(tmp_path / "n", 70), dry_run=True)
    assert report.added == 70
    assert list(v.home.objects.names()) == []


def test_bad_lines_are_reported_and_the_rest_is_taken(new_vault: Maker, tmp_path: Path) -> None:
    """With the number of each line and the reason; the same line twice is one entry."""
    v = new_vault()
    path = tmp_path / "a.jsonl"
    lines = [
        '{"text": "good one"}',
        "not json",
        '{"no": "text"}',
        '"a string"',
        '{"text": "good one"}',
        '{"text": " "}',
    ]
    path.write_text("\n".join(lines))
    report = v.import_from(path)
    assert (report.added, report.unchanged, report.skipped) == (2, 1, 3)
    assert [n.where for n in report.notes] == ["line 2", "line 3", "line 6"]
    with pytest.raises(NotFound):
        v.import_from(tmp_path / "nothing")
    with pytest.raises(InvalidInput):
        v.import_from(path, format_name="nonsense")


def test_an_import_that_was_killed_goes_on(tmp_path: Path) -> None:
    """SIGKILL in the midst of it: what was stored is sound, and the next run completes it without doubles."""
    notes(tmp_path / "notes", 600)
    (tmp_path / "key").write_bytes(b"k" * 64)
    code = (
        "import vault, sys; from pathlib import Path; h = Path(sys.argv[1])\n"
        "a = dict(keyfile=h/'key', state=h/'s', models=h/'none')\n"
        "v = vault.open(h/'v', **a) if (h/'v').exists() else vault.create(h/'v', **a)\n"
        "print('go', flush=True); r = v.import_from(h/'notes', classification='general')\n"
        "print(r.added + r.unchanged, len(v.entries(limit=9999)), [f.message for f in v.examine() if f.severity == 'error'])"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    for wait in (0.1, 0.25, 0.5):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as running:
            assert running.stdout is not None
            running.stdout.readline()
            time.sleep(wait)
            running.send_signal(signal.SIGKILL)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "600 600 []"


@pytest.mark.parametrize("format_name", ["markdown", "jsonl"])
def test_a_round_trip_loses_nothing(new_vault: Maker, tmp_path: Path, format_name: str) -> None:
    """Export, import into a new vault: text, title, tags, class, times, source, context, metadata."""
    v = new_vault("one")
    texts = [
        "plain",
        "# Heading\n\nbody  \n",
        "---\nfront: 1\n---\nx",
        "ünï \u2028 码 \r\n end\n\n",
        "\0nul",
        "\n\n  lead",
    ]
    for n, text in enumerate(texts):
        v.capture(
            text, tuple(vault.Classification)[n % 5], title=f"T {n}" if n % 2 else None, tags=[f"t{n}", "a/b"],
            created=f"20{10 + n}-05-0{n + 1}T10:00:00.123456+02:00", source="shell", context=f"c {n}",
            metadata={"n": n, "deep": {"list": [1, 2.5, None, "ü"]}},
        )  # fmt: skip
    trashed = v.capture("in the trash", "general")
    v.delete(trashed.id)
    target = tmp_path / ("out.jsonl" if format_name == "jsonl" else "out")
    assert v.export_to(target, format_name=format_name) == len(texts)
    files = [target] if target.is_file() else [p for p in target.rglob("*") if p.is_file()]
    assert all(p.stat().st_mode & 0o077 == 0 for p in files)
    w = new_vault("two")
    assert w.import_from(target).added == len(texts)

    def kept(e: vault.Entry) -> tuple[object, ...]:
        return (e.text, e.title, e.tags, e.classification, e.created, e.source, e.context, json.dumps(e.metadata))

    assert sorted(map(kept, w.entries())) == sorted(map(kept, v.entries()))
    assert w.import_from(target).unchanged == len(texts)


def test_an_export_takes_filters_and_touches_nothing_foreign(new_vault: Maker, tmp_path: Path) -> None:
    """Only what the query admits; a locked vault exports nothing; a failing disk is a typed error."""
    v = new_vault()
    v.capture("a", "general", tags=["x"])
    v.capture("b", "secret", tags=["x"])
    v.capture("c", "general")
    assert v.export_to(tmp_path / "o1", query="tag:x class:general") == 1
    assert v.export_to(tmp_path / "o2", query="tag:x", dry_run=True) == 2
    assert not (tmp_path / "o2").exists()
    (tmp_path / "o3").write_text("mine")
    with pytest.raises(vault.VaultError):
        v.export_to(tmp_path / "o3")
    assert (tmp_path / "o3").read_text() == "mine"
    with pytest.raises(StorageFailed):
        v.export_to("/proc/nowhere/x.jsonl", format_name="jsonl")
    v.close()
    locked = new_vault(reopen=True, secret=None)
    for act in (lambda: locked.export_to(tmp_path / "o4"), lambda: locked.import_from(tmp_path)):
        with pytest.raises(Locked):
            act()


def test_items_for_a_locked_class_wait_for_the_next_run(tmp_path: Path) -> None:
    """They are counted, not taken; with the class open the next run takes each once."""
    (tmp_path / "k").write_bytes(b"k" * 64)
    where = {"state": tmp_path / "s", "models": tmp_path / "none"}
    vault.create(tmp_path / "v", keyfile=tmp_path / "k", **where).close()  # type: ignore[arg-type]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"text": "n {c}", "classification": "{c}"}}\n' for c in ("general", "secret")))
    from vault.keys import keyslots

    with vault.open(tmp_path / "v", **where) as v:  # type: ignore[arg-type]
        v.unlock([keyslots.keyfile(b"k" * 64)], [vault.Classification.GENERAL])
        report = v.import_from(path)
        assert (report.added, report.waiting) == (1, 1)
        v.unlock([keyslots.keyfile(b"k" * 64)])
        report = v.import_from(path)
        assert (report.added, report.unchanged, report.waiting) == (1, 1, 0)
        assert len(v.entries()) == 2


def test_leftovers_of_killed_writers_are_swept(new_vault: Maker) -> None:
    """A rebuild deletes temporary files that are a day old, and no younger one, which may have its writer still."""
    import os
    import time

    v = new_vault()
    v.capture("kept", "general")
    directory = v.home.objects.path_of(next(iter(v.home.objects.names()))).parent
    old, young = directory / ".tmp-old", directory / ".tmp-young"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    v.rebuild()
    assert not old.exists()
    assert young.exists()
    assert [e.text for e in v.entries()] == ["kept"]

"""Open an SQLCipher database so that nothing of it reaches the disk unencrypted.

SQLite writes plaintext without a word when it gets no key or the wrong library, so every opening proves
that the cipher is on and that the file does not start like a plain database.
"""

import importlib.util
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vault.compartment import schema
from vault.errors import Damaged, StorageFailed, VaultBusy

BUSY_SECONDS = 60.0
_ODD = ("corrupt", "constructor", "no such", "has no column", "mismatch", "constraint")
"""Words of errors that mean that the index is not as we made it."""
_PLAIN = b"SQLite format 3"
_SETTINGS = (
    ("temp_store", "MEMORY", 2),
    ("trusted_schema", "OFF", 0),
    ("secure_delete", "ON", 1),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "OFF", 0),
    ("cache_size", "-65536", -65536),
)


class Database:
    """One open connection; all statements of a compartment go through it."""

    def __init__(self, path: Path, key: bytes, salt: bytes) -> None:
        """Open (or create) *path* under the raw 32-byte *key* and 16-byte *salt*.

        Raises:
            Damaged: wrong key, not a database, or one of a newer version; the caller rebuilds it.
            StorageFailed: the file system refuses.
        """
        if len(key) != 32 or len(salt) != 16:  # noqa: PLR2004 (SQLCipher's raw key and salt)
            raise ValueError("raw key of 32 bytes and salt of 16 wanted")
        self.path = path
        self._vectors_loaded = False
        self._commits = 0
        self._connection = _connect(path)
        try:
            self._unlock(key, salt)
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection; the write-ahead log is folded in."""
        self._connection.close()

    def rekey(self, key: bytes, salt: bytes) -> None:
        """Put the database under another raw key; killed half-way, one of the two keys opens it."""
        raw = key.hex() + salt.hex()
        assert len(raw) == 96  # noqa: S101, PLR2004 (a short key would silently become a passphrase)
        self.execute(f"PRAGMA rekey = \"x'{raw}'\"")
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        """Run one statement and return its cursor.

        Raises:
            VaultBusy, StorageFailed, Damaged: by what SQLite reports.
        """
        try:
            return self._connection.execute(sql, parameters)
        except self._errors() as error:
            raise translate(error, self.path) from None

    def executemany(self, sql: str, rows: Any) -> None:
        """Run one statement for every row."""
        try:
            self._connection.executemany(sql, rows)
        except self._errors() as error:
            raise translate(error, self.path) from None

    def rows(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        try:
            found: list[tuple[Any, ...]] = self._connection.execute(sql, parameters).fetchall()
        except self._errors() as error:
            raise translate(error, self.path) from None
        return found

    def value(self, sql: str, parameters: Any = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(sql, parameters)
        return found[0][0] if found else None

    @contextmanager
    def transaction(self, *, only_books: bool = False) -> Iterator[None]:
        """All or nothing; takes the write lock at once so that it cannot fail half-way on it.

        Args:
            only_books: what is written changes no entry and no passage, and `state` stays as it is.
        """
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self.execute("COMMIT")
        self._commits += not only_books

    def state(self) -> tuple[int, int]:
        """Stays the same while entries and passages do: what was worked out from them holds as long.

        Own transactions are counted; of other connections SQLite tells (``data_version``).
        """
        return self._commits, int(self.value("PRAGMA data_version"))

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Interrupt a query that runs longer than *seconds*."""
        until = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: int(time.monotonic() > until), 50_000)
        try:
            yield
        finally:
            self._connection.set_progress_handler(None, 0)

    def limit_cache(self, mebibytes: int) -> None:
        """Hold no more pages in memory than this; what is held beyond it is given back."""
        self.execute(f"PRAGMA cache_size = {-1024 * int(mebibytes)}")
        self.execute("PRAGMA shrink_memory")

    def integrity(self) -> list[str]:
        """What SQLCipher and SQLite find wrong with the file; empty when sound."""
        found = [str(r[0]) for r in self.rows("PRAGMA cipher_integrity_check")]
        return found + [str(r[0]) for r in self.rows("PRAGMA quick_check(10)") if r[0] != "ok"]

    def use_vectors(self) -> None:
        """Load sqlite-vec, once, then forbid extensions again."""
        if self._vectors_loaded:
            return
        # Importing the package would import numpy; its library is all we need.
        spec = importlib.util.find_spec("sqlite_vec")
        if spec is None or spec.origin is None:
            raise StorageFailed("sqlite-vec is not installed", remedy="pip install sqlite-vec")
        self._connection.enable_load_extension(True)
        try:
            self._connection.load_extension(str(Path(spec.origin).with_name("vec0")))
        finally:
            self._connection.enable_load_extension(False)
        self._vectors_loaded = True

    def _unlock(self, key: bytes, salt: bytes) -> None:
        raw = key.hex() + salt.hex()
        assert len(raw) == 96  # noqa: S101, PLR2004 (a short key would silently become a passphrase)
        self.execute(f"PRAGMA key = \"x'{raw}'\"")
        self.execute("PRAGMA cipher_log_level = NONE")
        if not self.value("PRAGMA cipher_version"):
            raise StorageFailed(
                "this SQLite has no encryption", remedy="reinstall sqlcipher3: pip install --force-reinstall sqlcipher3"
            )

    def _prepare(self) -> None:
        self.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        for name, value, expected in _SETTINGS:
            self.execute(f"PRAGMA {name} = {value}")
            if self.value(f"PRAGMA {name}") != expected:
                raise StorageFailed(f"the database refuses {name} = {value}", remedy="reinstall sqlcipher3")
        version = self.value("PRAGMA user_version")  # the first read: a wrong key shows here
        if version > schema.VERSION:
            raise Damaged("the index was written by a newer version", remedy="run: memory doctor --rebuild")
        if version < schema.VERSION:
            self.execute("PRAGMA journal_mode = WAL")
            try:
                schema.migrate(self._connection)
            except self._errors() as error:
                raise translate(error, self.path) from None
        with self.path.open("rb") as file:
            if file.read(len(_PLAIN)) == _PLAIN:
                raise StorageFailed("the index is not encrypted", remedy="delete it and reinstall sqlcipher3")

    @staticmethod
    def _errors() -> type[Exception]:
        import sqlcipher3.dbapi2 as sqlcipher

        error: type[Exception] = sqlcipher.Error
        return error


def _connect(path: Path) -> Any:
    import sqlcipher3.dbapi2 as sqlcipher

    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        # isolation_level None: transactions are ours; one thread at a time uses a compartment.
        return sqlcipher.connect(str(path), isolation_level=None, check_same_thread=False)
    except OSError as error:
        raise StorageFailed(f"cannot open the index {path}", remedy="check owner, space and permissions") from error
    except sqlcipher.Error as error:
        raise translate(error, path) from None


def translate(error: Exception, path: Path) -> Exception:
    """The typed error for what SQLite reported; its words hold SQL at most, never text of an entry."""
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return VaultBusy("another process is writing to the vault", remedy="try again in a moment")
    if "full" in text or "readonly" in text or "i/o" in text or "unable to open" in text:
        return StorageFailed(f"cannot write the index {path}: {text}", remedy="check space and permissions")
    if "malformed" in text or "not a database" in text or any(word in text for word in _ODD):
        return Damaged("the index is damaged", remedy="run: memory doctor --rebuild")
    if "interrupted" in text:
        return StorageFailed("the query took too long", remedy="ask for fewer or rarer words")
    return error

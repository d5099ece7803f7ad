"""The person at the terminal device: passphrases, confirmations, an editor that leaves nothing on disk.

Passphrases are read from the terminal itself, byte by byte into a bytearray, so that no string object keeps
a copy of every prefix and a redirected stdin stays free for data.
"""

import os
import shlex
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vault.errors import Aborted, InvalidInput, WrongPassphrase

_LIMIT = 1024
_VIM = ("-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noundofile noswapfile")
_FLAGS = {
    "vim": _VIM,
    "vi": _VIM,
    "gvim": ("-f", *_VIM),
    "nvim": ("-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noundofile noswapfile"),
    "emacs": ("--eval", "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)"),
    "nano": ("--ignorercfiles",),
    "micro": ("-backup", "false", "-savehistory", "false", "-saveundo", "false"),
}


def has_terminal() -> bool:
    """Whether there is somebody to ask."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def read_passphrase(prompt: str) -> bytearray:
    """A passphrase typed without echo.

    Raises:
        Aborted: end of input; InvalidInput: longer than 1,024 bytes or no terminal.
    """
    import termios

    with _terminal() as fd:
        before = termios.tcgetattr(fd)
        quiet = termios.tcgetattr(fd)
        quiet[3] &= ~termios.ECHO
        typed = bytearray()
        try:
            termios.tcsetattr(fd, termios.TCSAFLUSH, quiet)
            os.write(fd, prompt.encode())  # only now: what is typed at the prompt is neither echoed nor flushed
            while (byte := os.read(fd, 1)) not in {b"\n", b"\r", b""}:
                typed += byte
                if len(typed) > _LIMIT:
                    raise InvalidInput("a passphrase has at most 1,024 bytes", remedy="choose a shorter one")
        finally:
            termios.tcsetattr(fd, termios.TCSAFLUSH, before)
            os.write(fd, b"\n")
        if byte == b"" and not typed:
            raise Aborted("no passphrase was typed")
        return typed


def read_line(prompt: str) -> str:
    """A line typed at the terminal, echoed."""
    with _terminal() as fd:
        os.write(fd, prompt.encode())
        line = bytearray()
        while (byte := os.read(fd, 1)) not in {b"\n", b"\r", b""} and len(line) < 4 * _LIMIT:
            line += byte
        if byte == b"" and not line:
            raise Aborted("nothing was typed")
        return line.decode(errors="replace").strip()


def confirm(question: str, *, yes: bool) -> None:
    """Go on if *yes* was given or the person says so.

    Raises:
        Aborted: they do not; InvalidInput: there is nobody to ask.
    """
    if yes:
        return
    if not has_terminal():
        raise InvalidInput("this needs a confirmation and there is no terminal", remedy="add -y")
    if read_line(f"{question} [y/N] ").lower() not in {"y", "yes"}:
        raise Aborted("nothing was changed")


def type_back(group: str, fits: Callable[[str], bool]) -> None:
    """Have the recovery code of *group* typed once, so that a kit that was not noted down is noticed now.

    Raises:
        Aborted: it was not typed right three times.
    """
    for _ in range(3):
        typed = read_line(f"type the {group} code once, so that we know you have it: ")
        with suppress(WrongPassphrase):
            if fits(typed):
                return
    raise Aborted("the recovery code was not typed back, nothing was made")


@contextmanager
def _terminal() -> Iterator[int]:
    try:
        fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        raise InvalidInput(
            "there is no terminal to ask at",
            remedy="use --passphrase-file, MEMORY_PASSPHRASE_FILE, MEMORY_PASSPHRASE_COMMAND or MEMORY_KEYFILE",
        ) from error
    try:
        yield fd
    finally:
        os.close(fd)


class Buffer:
    """A text in the editor, in memory-backed storage, kept if it could not be saved."""

    def __init__(self, text: str = "") -> None:
        """Write *text* to a fresh private file.

        Raises:
            InvalidInput: there is no storage here that is not a disk.
        """
        base = _memory_directory()
        self.directory = Path(tempfile.mkdtemp(prefix="memory-", dir=base))  # 0700
        self.path = self.directory / "entry.md"
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def edit(self, editor: str) -> str:
        """What the person made of it.

        Raises:
            InvalidInput: the editor failed (the buffer stays), or the text is not UTF-8.
        """
        try:
            command = shlex.split(editor or os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi") or ["vi"]
        except ValueError as error:
            self.discard()
            raise InvalidInput("the editor's command cannot be read", remedy="mend EDITOR") from error
        flags = _FLAGS.get(Path(command[0]).name, ())
        try:
            code = subprocess.run([*command, *flags, str(self.path)], check=False).returncode
        except OSError as error:
            self.discard()
            raise InvalidInput(f"cannot start the editor {command[0]}", remedy="set EDITOR") from error
        if code:
            raise InvalidInput(f"the editor ended with {code}", remedy=f"your text is kept in {self.path}")
        try:
            return self.path.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise InvalidInput("the text is not valid UTF-8", remedy=f"it is kept in {self.path}") from error

    def discard(self) -> None:
        """Remove the buffer and whatever the editor left beside it."""
        for path in self.directory.glob("*"):
            path.unlink(missing_ok=True)
        for path in self.directory.glob(".*"):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            self.directory.rmdir()


def _memory_directory() -> str:
    """A directory for buffers that is no disk: the runtime directory or ``/dev/shm``.

    Where the kernel does not tell what a directory is on, a runtime directory that was set is believed.
    """
    for candidate in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):  # noqa: S108 (that is the point)
        told = sys.platform.startswith("linux")
        if candidate and (_is_tmpfs(candidate) if told else Path(candidate).is_dir()) and os.access(candidate, os.W_OK):
            return candidate
    raise InvalidInput(
        "there is no memory-backed directory here for the editor's buffer",
        remedy="pipe the text in, or set XDG_RUNTIME_DIR to a directory on a RAM disk",
    )


def _is_tmpfs(path: str) -> bool:
    try:
        if not stat.S_ISDIR(Path(path).stat().st_mode):
            return False
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    points = {fields[1]: fields[2] for line in mounts if len(fields := line.split()) > 2}  # noqa: PLR2004
    place = Path(path).resolve()
    while str(place) not in points and place != place.parent:
        place = place.parent
    return points.get(str(place)) in {"tmpfs", "ramfs"}

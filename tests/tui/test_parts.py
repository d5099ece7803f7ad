"""Parts on their own: the vault's thread, the undo stack, lines, rendering, charts, the last gate."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.message import Message

import vault
from tui import rendering, undo
from tui.gate import Gate
from tui.line import day
from tui.listing import Listing, as_you_type
from tui.messages import Faceted
from tui.rendering import Look, links, render
from tui.spread import KINDS
from tui.thread import AT_ONCE, LATER, VaultThread
from tui.widgets import charts
from vault.browsing import Facets
from vault.classification import Classification
from vault.errors import Aborted, NotFound
from vault.search.query import Query
from vault.text import safe_text

LOOK = Look("#8ab4f8", "#8b94a5", "#e3b04b", "#5fc0cf", "bold", dark=True)


def until_idle(thread: VaultThread) -> None:
    """Wait for *thread*, then end it."""
    while not thread.idle:
        time.sleep(0.001)
    thread.stop()


def test_the_thread_does_urgent_things_first_and_only_the_newest_of_a_group() -> None:
    """While it is busy, jobs wait by urgency; an older one of a group is dropped; errors come with their remedy."""
    thread = VaultThread("the vault")  # type: ignore[arg-type]
    gate, done, failed = threading.Event(), [], []
    fail = lambda *said: failed.append(said)  # noqa: E731
    thread.ask(lambda _v: gate.wait(5), lambda _r: None, fail)
    for urgency, name, group in ((LATER, "late", ""), (AT_ONCE, "old", "g"), (AT_ONCE, "new", "g")):
        thread.ask(lambda v, name=name: f"{name} of {v}", done.append, fail, urgency=urgency, group=group)

    def missing(_vault: Any) -> None:
        raise NotFound("no entry", remedy="look again")

    thread.ask(missing, done.append, fail, urgency=LATER)
    thread.ask(lambda _v: 1 / 0, done.append, fail, urgency=LATER)
    gate.set()
    until_idle(thread)
    assert done == ["new of the vault", "late of the vault"]
    assert failed[0] == ("no entry", "look again")
    assert failed[1][0] == "unexpected ZeroDivisionError"


def test_long_work_lets_reading_in_between() -> None:
    """`breathe` answers what only reads, on the same thread, and leaves changes for later."""
    thread = VaultThread("v")  # type: ignore[arg-type]
    begun, seen = threading.Event(), []

    def long(_vault: Any) -> str:
        begun.set()
        while "read" not in seen:
            thread.breathe()
        assert "change" not in seen
        return "long"

    fail = lambda *said: seen.append(said)  # noqa: E731
    thread.ask(long, seen.append, fail, reads=False)
    begun.wait(5)
    thread.ask(lambda _v: "change", seen.append, fail, urgency=AT_ONCE, reads=False)
    thread.ask(lambda _v: "read", seen.append, fail)
    until_idle(thread)
    assert seen == ["read", "long", "change"]


class Spreading:
    """A vault of which only facets are asked: each answer is noted, and `during` happens in the middle of one."""

    def __init__(self, v: vault.Vault) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.during: dict[int, Callable[[], object]] = {}
        self._vault = v

    @property
    def browsing(self) -> "Spreading":
        """Itself."""
        return self

    def facets(self, query: Query, kinds: Sequence[str]) -> Facets:
        """What the vault says."""
        self.asked.append((*kinds, *(query.classes or ())))
        self.during.pop(len(self.asked), lambda: None)()
        return self._vault.browsing.facets(query, kinds)


def spreading(v: vault.Vault) -> tuple[Spreading, Listing, list[Message]]:
    """A listing over *v* with its own thread, and what it posts."""
    asked = Spreading(v)
    posted: list[Message] = []
    return asked, Listing(VaultThread(asked), posted.append), posted  # type: ignore[arg-type]


def test_facets_come_in_pieces_and_are_whole_in_the_end(new_vault: Callable[..., vault.Vault]) -> None:
    """Each question is about one kind in one class; together they say what one question about all would."""
    v = new_vault()
    for i, name in enumerate(("general", "general", "secret", "chronological")):
        v.capture(f"note {i}", name, tags=["home", f"t{i}"], source="shell", created=f"2026-0{i + 1}-02T10:00")
    asked, listing, posted = spreading(v)
    listing.facets(v.open_classes, posted.append)
    until_idle(listing.thread)
    assert len(asked.asked) == len(set(asked.asked)) == len(KINDS) * len(v.open_classes)
    assert [m.facets for m in posted if isinstance(m, Faceted)] == [v.browsing.facets()]


def test_a_keystroke_ends_the_questions_about_facets(new_vault: Callable[..., vault.Vault]) -> None:
    """What is asked while a facet is counted is answered right after that piece, and no further piece is asked."""
    v = new_vault()
    v.capture("boiler", "general")
    asked, listing, posted = spreading(v)
    order: list[object] = []

    def keystroke() -> None:
        listing.number += 1
        listing.thread.ask(
            lambda _v: order.append(len(asked.asked)), lambda _r: None, lambda *_s: None, urgency=AT_ONCE
        )

    asked.during[2] = keystroke
    listing.facets(v.open_classes, posted.append)
    until_idle(listing.thread)
    assert order == [2]
    assert len(asked.asked) == 2
    assert not posted


def test_undo_and_redo() -> None:
    """Steps go back and forth; a new change forgets what could be redone."""
    stack = undo.Undo()
    one, two = undo.Step("one", (), ()), undo.Step("two", (), ())
    stack.did(one)
    stack.did(two)
    assert stack.undo() is two
    assert stack.redo() is two
    assert stack.undo() is two
    stack.did(one)
    assert stack.redo() is None
    assert (stack.undo(), stack.undo(), stack.undo()) == (one, one, None)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("<b>raw</b> html", "<b>raw</b> html"),
        ("[click](http://x.example/a)", "http://x.example/a"),
        ("<https://x.example>", "https://x.example"),
        ("[bold red]no markup[/]", "[bold red]no markup[/]"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),
        ("a\x1b[31mred\x1b]0;t\x07b", "aredb"),
        ("```py\nx = '[/]'\n```", "x = '[/]'"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "1"),
        ("\t- tab", "- tab"),
    ],
)
def test_rendering_hides_and_obeys_nothing(text: str, drawn: str) -> None:
    """HTML is shown as text, addresses are seen, markup and escapes do nothing, no segment is a link."""
    strips = render(text, 60, LOOK)
    assert drawn in "\n".join(s.text for s in strips)
    assert not [s for strip in strips for s in strip if s.style and (s.style.link or s.style.meta)]


def test_an_address_is_drawn_once() -> None:
    """A bare address is not repeated in brackets."""
    said = "".join(s.text for s in render("see <https://x.example/y>", 80, LOOK))
    assert said.count("x.example") == 1


def test_matches_are_marked() -> None:
    """Words that begin like a term are drawn in the match style, also with another ending."""
    strips = render("the *boilers* were fixed", 60, LOOK, ("boiler",))
    marked = "".join(s.text for strip in strips for s in strip if s.style and s.style.bold)
    assert marked == "boilers"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_rendering_never_fails_and_never_acts(text: str) -> None:
    """Any text gives lines that a terminal only draws, none wider than asked."""
    for strip in render(text, 40, LOOK, ("a",)):
        assert safe_text(strip.text) == strip.text
        assert strip.cell_length <= 40


def test_deep_and_long_texts() -> None:
    """A thousand nested quotes and a megabyte are drawn, cut where nobody reads on, in reasonable time."""
    assert render("> " * 1000 + "x", 40, LOOK)
    lines = render("word " * 200_000, 80, LOOK)
    assert "the text goes on" in lines[-1].text


def test_links_are_plain_web_addresses() -> None:
    """Only http and https are offered, each once, without what trails them."""
    text = "https://a.example/x. (http://b.example) javascript:alert(1) file:///etc/passwd https://a.example/x"
    assert links(text) == ["https://a.example/x", "http://b.example"]


def test_the_last_gate_lets_nothing_through() -> None:
    """What a forgotten widget would draw raw loses its controls and links here; what is harmless stays as it is."""
    raw = [Segment("a\x1b[31m\u202eb\x07", Style(bold=True)), Segment("x", Style(link="http://evil.example"))]
    clean = Gate().apply(raw, Color(0, 0, 0))
    assert [s.text for s in clean] == ["ab", "x"]
    assert clean[1].style is not None
    assert clean[1].style.link is None
    harmless = [Segment("▌ Grüße · 東京", Style(bold=True))]
    assert Gate().apply(harmless, Color(0, 0, 0))[0] is harmless[0]


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_the_gate_agrees_with_safe_text(text: str) -> None:
    """Its quick look misses nothing that `safe_text` would take out."""
    clean = Gate().apply([Segment(text)], Color(0, 0, 0))[0].text
    assert clean == safe_text(clean).replace("\n", " ").replace("\t", " ")


def test_what_is_being_typed_may_be_a_beginning() -> None:
    """The last word counts as a prefix too, once it has two letters and no blank follows."""
    assert as_you_type("boi").prefixes == ("boi",)
    assert as_you_type("b").prefixes == ()
    assert as_you_type("boiler ").prefixes == ()
    assert as_you_type("tag:ops").prefixes == ()
    assert as_you_type('"exact"').required == ("exact",)


def test_dates_are_short() -> None:
    """A time today, a day this year, a month before that: never more than six cells."""
    now = datetime(2026, 6, 15, 12, tzinfo=UTC)
    shown = [day(datetime(*when, tzinfo=UTC), now) for when in ((2026, 6, 15, 11), (2026, 3, 1), (2019, 12, 24))]
    assert all(len(text) <= 6 for text in shown)
    assert shown[1:] == ["01 Mar", "Dec 19"]


def test_charts_of_nothing_and_of_much() -> None:
    """Charts hold for no numbers, one, and a century; names in them are cleaned."""
    assert "none" in charts.bars([], 40).plain
    assert charts.bars([("a\x1b[31m", 0), ("b", 3)], 40).plain.split("\n")[1].startswith("b ")
    assert "\x1b" not in charts.bars([("a\x1b[31m", 1)], 40).plain
    months = {"1926-01": {Classification.SECRET: 1}, "2026-03": {Classification.GENERAL: 5}}
    lines = charts.months(months, 60, 5).plain.split("\n")
    assert len(lines) == 6
    assert max(map(len, lines)) <= 60
    assert "2026" in lines[-1]
    heat = charts.heat({"2026-03-04": 3, "2026-03-05": 1}, date(2026, 3, 8), 60).plain
    assert "█" in heat or "▓" in heat
    assert heat.count("\n") == 7


def test_a_stopped_work_raises_in_the_library() -> None:
    """Stopping shows at the next word about progress, as an error that the library lets through."""
    from tui.working import Work

    thread = VaultThread("v")  # type: ignore[arg-type]
    work = Work(thread, lambda _message: None)
    work.progress("importing", 1, 10)
    work.stop()
    with pytest.raises(Aborted):
        work.progress("importing", 2, 10)
    thread.stop()


def test_a_page_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendering falls back to the plain text where Markdown nests too deeply for it."""

    def deep(*_args: Any, **_named: Any) -> Any:
        raise RecursionError

    monkeypatch.setattr(rendering, "_Markdown", deep)
    assert "plain" in "".join(s.text for s in render("plain *text*", 40, LOOK))

"""The vault in charts: classes, months, a year of days, tags, sources. ``memory stats`` is its plain twin."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui import clock
from tui.line import SHORT
from tui.messages import LocksChanged, Told
from tui.widgets import charts
from tui.widgets.bars import KeyBar
from tui.widgets.moving import Sheet
from vault.classification import Classification

if TYPE_CHECKING:
    from tui.app import MemoryApp
    from vault.browsing import Figures

_TOP = 12


@dataclass
class _Counted(Told):
    figures: "Figures"


class StatsScreen(Screen[None]):
    """Charts of what is open."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        Binding("escape,q,S", "dismiss", show=False),
    ]
    app: "MemoryApp"

    def __init__(self) -> None:
        super().__init__(id="stats")
        self._figures: Figures | None = None

    def compose(self) -> ComposeResult:
        """Wide charts over narrow ones."""
        yield Static(" counting…", id="heading")
        with Sheet(id="charts"):
            yield Static("", id="chart-months", classes="chart")
            yield Static("", id="chart-days", classes="chart")
            with Horizontal(classes="chart-row"):
                for name in ("classes", "tags", "sources"):
                    with Vertical(classes="chart-column"):
                        yield Static("", id=f"chart-{name}", classes="chart")
        yield KeyBar("stats", leave="back")

    def on_mount(self) -> None:
        """Count."""
        self._count()

    @on(LocksChanged)
    def _count(self) -> None:
        self.app.ask(lambda v: _Counted(v.browsing.figures()), self)

    @on(_Counted)
    def _counted(self, message: _Counted) -> None:
        self._figures = message.figures
        self._draw()

    def on_resize(self) -> None:
        """As wide as there is room."""
        self._draw()

    def _draw(self) -> None:
        figures = self._figures
        if figures is None:
            return
        facets = figures.facets
        width = max(40, self.size.width - 6)
        third = width // 3 - 2 if width > 100 else width  # noqa: PLR2004
        self.set_class(width <= 100, "-narrow")  # noqa: PLR2004
        today = clock.now().astimezone().date()
        open_classes = len(facets.classes)
        self.query_one("#heading", Static).update(
            Content(f" {facets.total:,} entries in {open_classes} open class{'es' if open_classes != 1 else ''}")
        )
        names = {c: c.value if width > 80 else SHORT[c] for c in Classification}  # noqa: PLR2004
        legend = [(f"■ {names[c]}  ", f"$class-{c.value}") for c in Classification if c in dict(facets.classes)]
        self._put("months", "PER MONTH", charts.months(figures.by_month, width, 8), Content.assemble(*legend))
        self._put("days", "A YEAR OF DAYS", charts.heat(dict(facets.days), today, width))
        self._put("classes", "CLASSES", charts.bars([(c.value, n) for c, n in facets.classes], third))
        self._put("tags", "TAGS", charts.bars(facets.tags[:_TOP], third, "$accent"))
        sources = [(name or "(none)", n) for name, n in facets.sources[:_TOP]]
        self._put("sources", "SOURCES", charts.bars(sources, third, "$secondary"))

    def _put(self, name: str, heading: str, chart: Content, legend: Content | None = None) -> None:
        parts: list[Content | tuple[str, str]] = [(f"{heading}  ", "bold $faint")]
        parts += [legend] if legend is not None else []
        self.query_one(f"#chart-{name}", Static).update(Content.assemble(*parts, "\n", chart))

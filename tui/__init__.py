"""The terminal interface: a browser to live in. `tui.app.build_app` makes it; `docs/tui.md` is for its users."""

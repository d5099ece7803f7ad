"""Keep typer from importing pydantic for words that need no conversion.

Typer 0.29 builds a pydantic adapter for every parameter of a command, given or not, and importing pydantic
takes longer than a search. Here a parameter gets its adapter only when a value comes that needs one; plain
text passes as it is. Where typer is built otherwise, nothing is changed.
"""

from pathlib import Path
from typing import Any


def apply() -> None:
    """Make typer convert lazily, if it is the typer we know."""
    from typer import core

    typer_core: Any = core  # the name we replace is not part of its public face

    try:
        from typer._coercion import RuntimeParam, build_runtime_param
    except ImportError:  # pragma: no cover (another typer)
        return
    if typer_core.build_runtime_param is not build_runtime_param:
        return

    class Late(RuntimeParam):
        """A parameter whose adapter is built when it is needed."""

        _descriptor: Any

        def __init__(self, descriptor: Any) -> None:
            super().__init__(descriptor.parameter_info, descriptor.annotation)
            object.__setattr__(self, "_descriptor", descriptor)

        def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
            if self.parameter_info.parser is None:
                if self.annotation is str and isinstance(value, str):
                    return value
                if self.annotation is Path and isinstance(value, str):
                    return Path(value)
                if self.annotation == list[str] and all(isinstance(each, str) for each in value):
                    return list(value)
            return build_runtime_param(self._descriptor)._coerce_value(value, param, ctx)  # noqa: SLF001

    typer_core.build_runtime_param = Late

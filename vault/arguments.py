"""What callers of the facade may pass, turned into what the library works with."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from vault.classification import Classification, named
from vault.entry import Entry
from vault.errors import InvalidInput
from vault.preparing import Draft, check, tidy_title


def as_class(value: Classification | str | None) -> Classification | None:
    """A classification by name, case or unique prefix.

    Raises:
        InvalidInput: there is no such class.
    """
    return value if value is None or isinstance(value, Classification) else named(value)


def as_moment(value: datetime | str | None) -> datetime | None:
    """An aware moment; naive means local time.

    Raises:
        InvalidInput: not ISO 8601, or outside the years 1 to 9999 in UTC.
    """
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInput(
            f"{str(value)[:40]!r} is no date", remedy="use e.g. 2026-03-02 or 2026-03-02T09:30"
        ) from error


def draft_of(item: Mapping[str, Any] | str) -> Draft:
    """What `capture_many` takes, as a draft.

    Raises:
        InvalidInput: no text, or a key that `capture` does not take.
    """
    if isinstance(item, str):
        return Draft(item)
    known = {"text", "classification", "title", "tags", "created", "source", "source_id", "context", "metadata"}
    if not isinstance(item.get("text"), str) or set(item) - known:
        raise InvalidInput("an item needs a text and takes the arguments of capture", remedy=", ".join(sorted(known)))
    return Draft(
        text=item["text"],
        classification=as_class(item.get("classification")),
        title=item.get("title"),
        tags=tuple(item.get("tags") or ()),
        created=as_moment(item.get("created")),
        source=item.get("source") or "",
        source_id=item.get("source_id") or "",
        context=item.get("context") or "",
        metadata=dict(item.get("metadata") or {}),
    )


def edited(
    old: Entry,
    *,
    text: str | None,
    title: str | None,
    tags: Iterable[str] | None,
    created: datetime | str | None,
    metadata: Mapping[str, Any] | None,
) -> Entry:
    """*old* as `edit` is to leave it; what is None stays.

    Raises:
        InvalidInput: too many tags, or no date.
    """
    return replace(
        old,
        text=old.text if text is None else text,
        title=old.title if title is None else tidy_title(Draft("", title=title)),
        tags=old.tags if tags is None else check(Draft("-", tags=tuple(tags))).tags or (),
        created=as_moment(created) or old.created,
        metadata=old.metadata if metadata is None else dict(metadata),
    )

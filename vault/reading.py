"""What is done with the local model: texts are prepared for capture, waiting ones embedded, queries answered.

`Reader` loads the model on first use. It holds no key: the compartments it works on are handed to it, call by
call, so that it can live in a process of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vault import preparing
from vault.errors import Damaged, Locked, ModelMissing

if TYPE_CHECKING:
    from vault.classification import Classification
    from vault.classify.classifier import Classifier
    from vault.classify.reasons import Reasons
    from vault.classify.verdict import Verdict
    from vault.compartment.compartment import Compartment
    from vault.config import Config
    from vault.entry import Entry
    from vault.models.embedder import Embedder
    from vault.models.instruct import Instruct
    from vault.models.reranker import Reranker
    from vault.models.store import ModelStore
    from vault.preparing import Draft, Prepared
    from vault.reconcile import Progress
    from vault.search.hit import Hit
    from vault.search.query import Query
    from vault.search.request import Request
    from vault.search.rerank import Again


class Reader:
    """The local model at work."""

    def __init__(self, models: "ModelStore", config: "Config") -> None:
        """Use the active models of *models* under the policy in *config*."""
        self.models = models
        self.config = config
        self.notes: list[str] = []
        """What a person should know about how things were done; whoever prints them clears them."""
        self.standing: list[str] = []
        """The same, of what stays so: that texts are read by their words alone."""

    def close(self) -> None:
        """Free the model's memory."""
        for name in ("_embedder", "_reranker"):
            loaded = self.__dict__.pop(name, None)
            if loaded is not None:
                loaded.close()

    def model(self) -> tuple[str, int] | None:
        """(id, dimensions) of the embedder in use; None where texts are only read by their words."""
        embedder = self._embedder
        return None if embedder is None else (embedder.model_id, embedder.dims)

    def prepare(
        self, compartments: "Sequence[Compartment]", drafts: "Sequence[Draft]", vocabulary: Sequence[str]
    ) -> "list[Prepared]":
        """Classify and embed *drafts* by what the person filed in *compartments* and tags so. Writes nothing.

        Raises:
            InvalidInput: a text that cannot be an entry.
        """
        return preparing.prepare(compartments, drafts, self._classifier, self._embedder, vocabulary)

    def why(self, compartments: "Sequence[Compartment]", draft: "Draft", vocabulary: Sequence[str]) -> "Reasons":
        """The verdict on *draft* with all that went into it.

        Raises:
            InvalidInput: as `prepare`.
        """
        return preparing.weigh(compartments, [draft], self._classifier, self._embedder, vocabulary)[0][1]

    def recheck(
        self, compartments: "Sequence[Compartment]", place: int, after: int, vocabulary: Sequence[str]
    ) -> "tuple[int | None, int, list[tuple[Entry, Verdict]]]":
        """The next entries of ``compartments[place]`` judged anew, see `preparing.rejudge`."""
        return preparing.rejudge(compartments, place, after, self._classifier, self._embedder, vocabulary)

    def judged_by(self) -> str:
        """A word that changes with everything that verdicts rest on, but for what the person files."""
        from hashlib import sha256

        found = self._classifier
        head = found.head.corpus if found.head else ""
        rules = (sorted(found.policy.thresholds.items()), found.policy.fallback, found.rules)
        return sha256(repr((found.embedder_id, head, rules)).encode()).hexdigest()[:16]

    def embed_waiting(self, compartments: "Sequence[Compartment]", progress: "Progress | None" = None) -> int:
        """Give entries that wait for their vectors theirs; how many.

        Raises:
            ModelMissing: there is no model to do it with.
        """
        return preparing.embed_waiting(compartments, self._need_embedder(), progress)

    def search(
        self, compartments: "Sequence[Compartment]", query: "str | Query | Request", limit: int, mode: str
    ) -> "list[Hit]":
        """The best entries of *compartments* for *query*, as `vault.vault.Vault.search` promises.

        Raises:
            InvalidInput: unknown mode; ModelMissing: semantic without a model; Locked: the query names
            only classes that are not among *compartments*.
        """
        from vault.search.request import as_query
        from vault.search.search import search

        parsed = as_query(query)
        self.notes += parsed.notes
        need_named(parsed, [c.classification for c in compartments])
        if mode == "semantic":
            self._need_embedder()
        embedder = None
        if mode in {"hybrid", "semantic"} and parsed.has_text and self._embedder is not None:
            embedder = self._embedder
            self._catch_up(compartments, embedder)
        again = self._again if mode != "keyword" and parsed.text.strip() else None
        return search(compartments, parsed, embedder, mode=mode, limit=limit, again=again)

    @property
    def _again(self) -> "Again | None":
        """What reads the first hits again, where a reranker is in use."""
        first = int(self.config["search.rerank"])
        if not first or self._reranker is None:
            return None
        from vault.search.rerank import Again

        return Again(self._reranker, first, self.notes.append)

    def _catch_up(self, compartments: "Sequence[Compartment]", embedder: "Embedder") -> None:
        """Embed the few entries that wait; many would make a search slow, so they are only mentioned."""
        waiting = sum(c.waiting_for(embedder.model_id, embedder.dims) for c in compartments)
        if 0 < waiting <= preparing.BATCH:
            preparing.embed_waiting(compartments, embedder)
        elif waiting:
            self.notes.append(f"{waiting} entries wait for their vectors; run: memory doctor --embed")

    # -- what is loaded when it is needed -------------------------------------------------------------

    def _need_embedder(self) -> "Embedder":
        """The embedder; where there is none, the reason is raised.

        Raises:
            ModelMissing, Damaged.
        """
        if self.__dict__.get("_embedder") is None:
            self.__dict__["_embedder"] = self.models.load_embedder()
        return self.__dict__["_embedder"]  # type: ignore[no-any-return]

    @cached_property
    def _embedder(self) -> "Embedder | None":
        try:
            return self.models.load_embedder()
        except (ModelMissing, Damaged) as error:  # capturing and words must work all the same
            self._stays(f"{error.message}: words only ({error.remedy})")
            return None

    def _stays(self, note: str) -> None:
        self.standing.append(note)
        self.notes.append(note)

    @cached_property
    def _reranker(self) -> "Reranker | None":
        try:
            return self.models.load_reranker() if self.models.active("reranker") else None
        except (ModelMissing, Damaged) as error:  # the order of the search does without
            self._stays(f"{error.message}: hits are in the order of the search ({error.remedy})")
            return None

    @cached_property
    def _classifier(self) -> "Classifier":
        from vault.classify.classifier import Classifier
        from vault.classify.decide import Policy
        from vault.classify.head import shipped

        embedder = self._embedder
        return Classifier(
            head=shipped() if embedder is not None else None,
            embedder_id=None if embedder is None else embedder.model_id,
            policy=Policy(self.config.thresholds(), self.config.fallback()),
            rules=self.config.rules(),
            instruct=self._instruct,
        )

    @property
    def _instruct(self) -> "Callable[[str, dict[str, Any]], Mapping[str, Any]] | None":
        """The configured instruct model's grammar-constrained answer; loaded when first asked."""
        if self.models.active("instruct") is None:
            return None

        def ask(prompt: str, schema: dict[str, Any]) -> Mapping[str, Any]:
            return self._loaded_instruct.generate_json(prompt, schema)

        return ask

    @cached_property
    def _loaded_instruct(self) -> "Instruct":
        return self.models.load_instruct()


def need_named(query: "Query", open_classes: "Sequence[Classification]") -> None:
    """See that a class that *query* names is open.

    Raises:
        Locked: it names classes, and all of them are locked.
    """
    if query.named and not query.named & set(open_classes):
        name = min(query.named, key=lambda c: c.level)
        raise Locked(f"{name} is locked", remedy="unlock it, or give its passphrase or keyfile")

"""Searching a person's turns.

The index names the newest turns that match; only these are read and ranked. So a search costs the
same in a database of a week and in one of years. Who may find a turn is decided twice: by a token
in the index, which makes it fast, and by the turn's row, which makes it certain.
"""

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.messages import Chat
from ..core.word_search import Term, choose_passage, order_by_relevance, terms_of
from .database import Database

# So many of the newest matches are ranked.
MAX_CANDIDATES = 200
QUOTED_WORDS = 16


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A turn that contains the words searched for; `quote` is the passage around them."""

    turn_id: int
    chat: Chat
    message_id: int
    at: float
    quote: str
    local_only: bool
    question: str = ""
    answer: str = ""
    from_outside: bool = False


@dataclass(frozen=True, slots=True)
class SearchScope:
    """Whose turns may be found: all of a user, or of a chat, or those outside private mode."""

    user_id: int
    chat_id: int | None
    local_only: bool

    @property
    def token(self) -> str:
        """The word that the index has for it, see `turns.scope` in the schema."""
        kind = "u" if self.local_only else "o"
        chat = "" if self.chat_id is None else f"c{self.chat_id}".replace("-", "n")
        return f"{kind}{self.user_id}{chat}"


class TurnSearch:
    """Finds turns by their words."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self,
        words: str,
        *,
        user_id: int,
        chat_id: int | None = None,
        limit: int = 5,
        any_word: bool = False,
        local_only: bool = True,
        quoted_words: int = QUOTED_WORDS,
    ) -> list[SearchHit]:
        """Find a user's turns that contain all the words, or their beginnings.

        Whole words come before beginnings; of the newest turns, the best comes first. With
        `any_word`, one of the words is enough; without `local_only`, nothing that was said in
        private mode is found.
        """
        terms = terms_of(words)
        if not terms:
            return []
        scope = SearchScope(user_id, chat_id, local_only)
        if any_word:
            ordered = self._with_any(terms, scope, limit)
        else:
            ordered = self._with_all(terms, scope, limit)
        return [_hit(row, terms, quoted_words) for row in ordered[:limit]]

    def _with_all(self, terms: Sequence[Term], scope: SearchScope, limit: int) -> list[sqlite3.Row]:
        found = list[sqlite3.Row]()
        for ids in self._tiers(terms, scope, limit):
            known = {row["id"] for row in found}
            rows = self._rows([turn_id for turn_id in ids if turn_id not in known], scope)
            found += _ranked(rows, terms)
        return found

    def _with_any(self, terms: Sequence[Term], scope: SearchScope, limit: int) -> list[sqlite3.Row]:
        """Rank by the rare words, however long ago they were said."""
        scores, weights = defaultdict[int, float](float), list[float]()
        for term in terms:
            ids = set().union(*self._tiers([term], scope, limit))
            weights.append(math.log(1 + MAX_CANDIDATES / (len(ids) + 1)))
            for turn_id in ids:
                scores[turn_id] += weights[-1]
        newest_first = sorted(scores, reverse=True)
        best = sorted(newest_first, key=lambda turn_id: -scores[turn_id])[:MAX_CANDIDATES]
        return _ranked(self._rows(best, scope), terms, weights)

    def _tiers(self, terms: Sequence[Term], scope: SearchScope, limit: int) -> list[list[int]]:
        """Return the newest turns with all the words, and if these are few, those with beginnings.

        The index has a list of turns for each word, which is read from its end. For a beginning it
        has to merge the lists of all words first.
        """
        whole = self._newest(terms, scope, mark="")
        if len(whole) >= limit or all(term.whole for term in terms):
            return [whole]
        return [whole, self._newest(terms, scope, mark="*")]

    def _newest(self, terms: Sequence[Term], scope: SearchScope, *, mark: str) -> list[int]:
        phrases = " ".join(
            '"{}"{}'.format(term.word.replace('"', '""'), "" if term.whole else mark)
            for term in terms
        )
        rows = self._database.read(
            "SELECT rowid FROM turn_words WHERE turn_words MATCH ? ORDER BY rowid DESC LIMIT ?",
            f'scope : "{scope.token}" AND {{question answer}} : ({phrases})',
            MAX_CANDIDATES,
        )
        return [row["rowid"] for row in rows]

    def _rows(self, turn_ids: Sequence[int], scope: SearchScope) -> list[sqlite3.Row]:
        rows = self._database.read(
            "SELECT id, chat_id, topic_id, message_id, at, question, answer, local_only,"
            " read_outside FROM turns WHERE id IN (SELECT value FROM json_each(?))"
            " AND user_id = ? AND coalesce(chat_id = ?, 1) AND local_only <= ?",
            json.dumps(turn_ids),
            scope.user_id,
            scope.chat_id,
            scope.local_only,
        )
        places = {turn_id: place for place, turn_id in enumerate(turn_ids)}
        return sorted(rows, key=lambda row: places[row["id"]])


def _ranked(
    rows: Sequence[sqlite3.Row], terms: Sequence[Term], weights: Sequence[float] = ()
) -> list[sqlite3.Row]:
    texts = [f"{row['question']}\n{row['answer'] or ''}" for row in rows]
    best = order_by_relevance(texts, terms, weights)
    # What the index takes for the same word and we do not comes last.
    return [rows[place] for place in dict.fromkeys((*best, *range(len(rows))))]


def _hit(row: sqlite3.Row, terms: Sequence[Term], quoted_words: int) -> SearchHit:
    question, answer = row["question"], row["answer"] or ""
    return SearchHit(
        turn_id=row["id"],
        chat=Chat(row["chat_id"], row["topic_id"]),
        message_id=row["message_id"],
        at=row["at"],
        quote=choose_passage((question, answer), terms, quoted_words),
        local_only=bool(row["local_only"]),
        question=question,
        answer=answer,
        from_outside=bool(row["read_outside"]),
    )

"""Forgetting at once, as the bot does in a thread."""

from ambrosio.core.messages import Chat


def finish(store):
    """Erase what is noted; return the number of turns."""
    erased = [store.erase(erasure) for erasure in store.erasing.pending()]
    for erasure in erased:
        store.close_erasure(erasure, ())
    return sum(erasure.turns for erasure in erased)


def forget_chat(store, chat):
    store.erasing.begin_chat(chat)
    return finish(store)


def forget_person(store, user_id, **options):
    store.erasing.begin_person(user_id, Chat(user_id), **options)
    return finish(store)


def expire(store, before):
    store.erasing.begin_expiry(before)
    return finish(store)

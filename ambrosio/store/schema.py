"""The tables, as scripts that run once each and in order: a file's `user_version` counts them."""

MIGRATIONS = (
    """
    -- The next update to ask Telegram for.
    CREATE TABLE offsets (bot_id INTEGER PRIMARY KEY, next_update_id INTEGER NOT NULL);

    -- Updates as received; `draft_message_id` is what an earlier attempt left in the chat. `work`
    -- says whether one is being worked on, alone or not; a process that dies leaves it as it is.
    -- A `suspect` was worked on when a process died. `failures` counts the attempts that failed by
    -- its own fault: it raised, or the process died while nothing else was worked on. What the bot
    -- has sent for it has greater ids than `after_message_id`.
    CREATE TABLE inbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, bot_id INTEGER NOT NULL, update_id INTEGER NOT NULL,
        chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL, urgent INTEGER NOT NULL,
        message_id INTEGER NOT NULL, user_id INTEGER NOT NULL, body TEXT NOT NULL,
        received_at REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
        work TEXT NOT NULL DEFAULT '' CHECK (work IN ('', 'shared', 'alone')),
        suspect INTEGER NOT NULL DEFAULT 0,
        state TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done', 'dead')),
        error TEXT NOT NULL DEFAULT '', draft_message_id INTEGER, after_message_id INTEGER,
        UNIQUE (bot_id, update_id));
    CREATE INDEX inbox_lanes ON inbox (state, chat_id, topic_id, urgent, id);

    -- What is being erased: a chat, a person's turns in all chats, or what is older than `before`,
    -- each up to a turn. The chat and the message are where it was asked for. `pictures` are those
    -- of the turns that are gone. It holds nobody's words, and goes when all the rest is gone.
    CREATE TABLE erasures (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('chat', 'person', 'expiry')),
        chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL, message_id INTEGER NOT NULL,
        user_id INTEGER NOT NULL, before REAL NOT NULL, begun_at REAL NOT NULL,
        last_turn_id INTEGER NOT NULL, turns INTEGER NOT NULL DEFAULT 0,
        pictures TEXT NOT NULL DEFAULT '', blanked_pages INTEGER NOT NULL DEFAULT 0);

    -- What each message said when it was last received, as a digest: Telegram reports an edit for a
    -- reaction or a link preview, too. It is empty once the message is forgotten.
    CREATE TABLE message_digests (
        chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL, message_id INTEGER NOT NULL,
        user_id INTEGER NOT NULL, digest TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (chat_id, message_id)) WITHOUT ROWID;

    -- The messages of a question that came in several, as received: an edit changes one of them.
    -- Also one whose files could not be read, until it is asked again.
    CREATE TABLE question_parts (
        chat_id INTEGER NOT NULL, message_id INTEGER NOT NULL, main_message_id INTEGER NOT NULL,
        body TEXT NOT NULL, PRIMARY KEY (chat_id, message_id)) WITHOUT ROWID;

    -- Groups that became supergroups and have another id since. Messages from before the change
    -- have negative ids everywhere, since Telegram counts anew in a supergroup.
    CREATE TABLE moved_chats (old_chat_id INTEGER PRIMARY KEY, new_chat_id INTEGER NOT NULL);

    -- Messages that Telegram does not have yet, as JSON, and the files in them. If one was tried
    -- and has arrived, its id is greater than `after_message_id`.
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL,
        body TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, queued_at REAL NOT NULL,
        after_message_id INTEGER);
    CREATE TABLE files (
        outbox_id INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE, name TEXT NOT NULL,
        is_photo INTEGER NOT NULL, is_voice INTEGER NOT NULL, content BLOB NOT NULL,
        turn_id INTEGER, image_number INTEGER);

    -- The highest message id that is known: of a supergroup, or, as chat 0, of all other chats,
    -- which Telegram numbers together. And the ids of the bot's own latest messages.
    CREATE TABLE newest_messages (chat_id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL);
    CREATE TABLE own_messages (
        chat_id INTEGER NOT NULL, message_id INTEGER NOT NULL,
        PRIMARY KEY (chat_id, message_id)) WITHOUT ROWID;

    -- People who paired. Owners named in the settings are not here.
    CREATE TABLE people (
        user_id INTEGER PRIMARY KEY, name TEXT NOT NULL, is_owner INTEGER NOT NULL);
    CREATE TABLE groups (chat_id INTEGER PRIMARY KEY, title TEXT NOT NULL);

    -- What each chat or topic is set to; NULL leaves it to the settings.
    CREATE TABLE chats (
        chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL, latest_turn_id INTEGER,
        vv INTEGER NOT NULL DEFAULT 0, model TEXT NOT NULL DEFAULT '', local_only INTEGER,
        provider_line TEXT NOT NULL DEFAULT 'auto', rich INTEGER,
        voice INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (chat_id, topic_id)) WITHOUT ROWID;

    -- A tree: each turn knows the one it continues. A turn that failed has no answer.
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY AUTOINCREMENT, chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL, user_id INTEGER NOT NULL, question TEXT NOT NULL,
        concise INTEGER NOT NULL, parent_id INTEGER, first_turn_id INTEGER, answer TEXT,
        provider TEXT NOT NULL DEFAULT '', model TEXT NOT NULL DEFAULT '', at REAL NOT NULL,
        local_only INTEGER NOT NULL DEFAULT 0,
        -- What stood before the question, and which facts behind the system prompt.
        note TEXT NOT NULL DEFAULT '', fact_ids TEXT NOT NULL DEFAULT '',
        -- What stood before the question, and which part of a file that was, as JSON.
        preface TEXT NOT NULL DEFAULT '', file TEXT NOT NULL DEFAULT '',
        -- What was shown with the question, as JSON; the bytes are files, see `pictures`.
        pictures TEXT NOT NULL DEFAULT '[]',
        -- The tools that its prompt named, what was called, as JSON, and whether anything was read
        -- that neither the person nor the bot wrote.
        tool_names TEXT NOT NULL DEFAULT '', tool_rounds TEXT NOT NULL DEFAULT '[]',
        -- Whether the question holds what others wrote, and whether the conversation has, so far.
        from_outside INTEGER NOT NULL DEFAULT 0, read_outside INTEGER NOT NULL DEFAULT 0,
        -- Who may find it: a word for all turns of its user, one for those of its chat, and the
        -- same two again if it was not said in private mode.
        scope TEXT AS (
            'u' || user_id || ' u' || user_id || 'c' || replace(chat_id, '-', 'n') || iif(
                local_only, '',
                ' o' || user_id || ' o' || user_id || 'c' || replace(chat_id, '-', 'n'))));
    CREATE INDEX turns_messages ON turns (chat_id, message_id);
    CREATE INDEX turns_users ON turns (user_id);

    -- The bot's messages that show a turn's answer.
    CREATE TABLE answer_messages (
        chat_id INTEGER NOT NULL, message_id INTEGER NOT NULL, turn_id INTEGER NOT NULL,
        -- Whether a reply to it is to be searched for in the turn's file.
        searches INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (chat_id, message_id)) WITHOUT ROWID;
    CREATE INDEX answer_messages_turns ON answer_messages (turn_id);

    -- Messages whose text must never leave the machine. It holds their ids only, so it outlives
    -- the turns.
    CREATE TABLE local_only_messages (
        chat_id INTEGER NOT NULL, message_id INTEGER NOT NULL,
        PRIMARY KEY (chat_id, message_id)) WITHOUT ROWID;

    -- Calls of tools that wait for a person's tap, exactly as they would be made; the turn is known
    -- at the end of the transaction that adds one.
    CREATE TABLE proposed_calls (
        id INTEGER PRIMARY KEY AUTOINCREMENT, turn_id INTEGER, chat_id INTEGER NOT NULL,
        topic_id INTEGER NOT NULL, message_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
        tool TEXT NOT NULL, arguments TEXT NOT NULL, question TEXT NOT NULL, shown TEXT NOT NULL,
        label TEXT NOT NULL, local_only INTEGER NOT NULL, begun INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX proposed_calls_turns ON proposed_calls (turn_id);

    -- How often each provider was sent something from a chat, whatever came of it.
    CREATE TABLE requests (
        chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL, provider TEXT NOT NULL,
        count INTEGER NOT NULL, last_at REAL NOT NULL,
        PRIMARY KEY (chat_id, topic_id, provider)) WITHOUT ROWID;

    -- Messages for which something may be changed elsewhere, until their turns are stored.
    CREATE TABLE begun_changes (
        chat_id INTEGER NOT NULL, message_id INTEGER NOT NULL,
        PRIMARY KEY (chat_id, message_id)) WITHOUT ROWID;

    -- How often each tool was used in a chat; `destination` got its arguments, '' if they stayed.
    CREATE TABLE tool_uses (
        chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL, tool TEXT NOT NULL,
        destination TEXT NOT NULL, count INTEGER NOT NULL, last_at REAL NOT NULL,
        PRIMARY KEY (chat_id, topic_id, tool, destination)) WITHOUT ROWID;

    -- An answer to /imagine. `document_id` is Telegram's id of an original that it has.
    CREATE TABLE image_sets (
        turn_id INTEGER PRIMARY KEY, prompt TEXT NOT NULL, seeds TEXT NOT NULL,
        provider TEXT NOT NULL, model TEXT NOT NULL);
    CREATE TABLE images (
        turn_id INTEGER NOT NULL, number INTEGER NOT NULL, seed INTEGER, format TEXT NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL, content BLOB,
        document_id TEXT NOT NULL DEFAULT '', PRIMARY KEY (turn_id, number));

    -- One row a call of a provider. `usd` is NULL when the price is not known; `charged_usd` is
    -- what counts against the budget. Amounts are decimal text.
    CREATE TABLE ledger (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, user_id INTEGER NOT NULL, provider TEXT NOT NULL,
        model TEXT NOT NULL, kind TEXT NOT NULL, outcome TEXT NOT NULL, prompt_tokens INTEGER,
        cached_tokens INTEGER, completion_tokens INTEGER, images INTEGER NOT NULL, usd TEXT,
        charged_usd TEXT NOT NULL, estimated INTEGER NOT NULL);
    CREATE INDEX ledger_days ON ledger (at);

    -- Notices that are sent once only, by name.
    CREATE TABLE notices (name TEXT PRIMARY KEY) WITHOUT ROWID;

    -- What people asked to be reminded of. `first_local` and `zone` are the rule, `due_at` its next
    -- moment, NULL once it was sent. A message makes at most one of each `number`, also
    -- if it is handled twice.
    CREATE TABLE reminders (
        id INTEGER PRIMARY KEY AUTOINCREMENT, chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL, user_id INTEGER NOT NULL, text TEXT NOT NULL,
        first_local TEXT NOT NULL, zone TEXT NOT NULL, repeat TEXT NOT NULL, due_at REAL,
        done_at REAL, local_only INTEGER NOT NULL, number INTEGER NOT NULL DEFAULT 0,
        UNIQUE (chat_id, message_id, number));
    CREATE INDEX reminders_due ON reminders (due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX reminders_sent ON reminders (done_at) WHERE due_at IS NULL;
    CREATE INDEX reminders_users ON reminders (user_id);

    -- What a person asked to be remembered. A fact never changes: an edit is another row, in its
    -- `place`.
    CREATE TABLE facts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, place INTEGER NOT NULL,
        message_id INTEGER NOT NULL, text TEXT NOT NULL, local_only INTEGER NOT NULL,
        -- Whether a model has suggested it and the person has not agreed yet.
        suggested INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX facts_users ON facts (user_id, place);

    -- The time zones that people confirmed or chose.
    CREATE TABLE zones (user_id INTEGER PRIMARY KEY, zone TEXT NOT NULL);

    -- What was heard in recordings. Number -1 is the whole; the others are pieces of one that is
    -- still being listened to, as one provider has heard them.
    CREATE TABLE transcripts (
        chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL, message_id INTEGER NOT NULL,
        user_id INTEGER NOT NULL, file_id TEXT NOT NULL, number INTEGER NOT NULL,
        provider TEXT NOT NULL, model TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (chat_id, message_id, file_id, number, provider, model)) WITHOUT ROWID;

    -- The bot's messages that show what was heard in a recording, or ask for the right text.
    CREATE TABLE transcript_messages (
        chat_id INTEGER NOT NULL, topic_id INTEGER NOT NULL, message_id INTEGER NOT NULL,
        recording_message_id INTEGER NOT NULL, is_prompt INTEGER NOT NULL,
        PRIMARY KEY (chat_id, message_id)) WITHOUT ROWID;

    -- What MCP servers offered when an owner allowed it, and whether it has changed since; nobody's
    -- words.
    CREATE TABLE mcp_tools (
        server TEXT NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL,
        description TEXT NOT NULL, schema TEXT NOT NULL, fingerprint TEXT NOT NULL,
        is_off INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (server, name)) WITHOUT ROWID;

    -- The files that people sent with a message, and their text in chunks. `file_id` is Telegram's.
    CREATE TABLE documents (
        chat_id INTEGER NOT NULL, message_id INTEGER NOT NULL, number INTEGER NOT NULL,
        topic_id INTEGER NOT NULL, user_id INTEGER NOT NULL, at REAL NOT NULL,
        file_id TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, part_name TEXT NOT NULL,
        part_count INTEGER NOT NULL, is_cut INTEGER NOT NULL,
        PRIMARY KEY (chat_id, message_id, number)) WITHOUT ROWID;
    CREATE TABLE document_chunks (
        id INTEGER PRIMARY KEY, chat_id INTEGER NOT NULL, message_id INTEGER NOT NULL,
        number INTEGER NOT NULL, position INTEGER NOT NULL, first_part INTEGER NOT NULL,
        last_part INTEGER NOT NULL, text TEXT NOT NULL,
        UNIQUE (chat_id, message_id, number, position));

    -- The full-text index of `turns`.
    CREATE VIRTUAL TABLE turn_words USING fts5 (
        question, answer, scope, content = 'turns', content_rowid = 'id',
        tokenize = 'unicode61 remove_diacritics 2');
    CREATE TRIGGER turn_words_insert AFTER INSERT ON turns BEGIN
        INSERT INTO turn_words (rowid, question, answer, scope)
        VALUES (new.id, new.question, new.answer, new.scope);
    END;
    CREATE TRIGGER turn_words_delete AFTER DELETE ON turns BEGIN
        INSERT INTO turn_words (turn_words, rowid, question, answer, scope)
        VALUES ('delete', old.id, old.question, old.answer, old.scope);
    END;
    CREATE TRIGGER turn_words_update
    AFTER UPDATE OF question, answer, user_id, chat_id, local_only ON turns BEGIN
        INSERT INTO turn_words (turn_words, rowid, question, answer, scope)
        VALUES ('delete', old.id, old.question, old.answer, old.scope);
        INSERT INTO turn_words (rowid, question, answer, scope)
        VALUES (new.id, new.question, new.answer, new.scope);
    END;
    """,
)

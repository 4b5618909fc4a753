"""Replies to requests that cannot be served: unsupported input, empty commands, expired buttons.

Each has two sentences: what the problem is, and what to do. They fit the 200 characters that
Telegram shows when a button is pressed (`answerCallbackQuery`). Failures word their own messages,
see `errors`; `docs/errors.md` lists both.
"""

from collections.abc import Mapping

# --- messages -------------------------------------------------------------------------------------

GAVE_UP = (
    "I tried three times to answer this message and failed every time. "
    "Send it again, or rephrase it."
)
NOT_SENT = (
    "Telegram refused one of my messages, so part of this answer is missing. Ask me to rephrase it."
)
DATABASE_DAMAGED = (
    "Part of my database is damaged, so some of what was said here may be lost. "
    "Stop me and restore the last copy that `ambrosio backup` made; the log has the details."
)
TOO_MANY_WAITING = (
    "Too many of your messages are waiting, so I skipped this one. "
    "Send it again when I have answered the others."
)
UNREADABLE = "Telegram sent this message in a form I cannot read. Try sending it another way."
MAYBE_SENT = (
    "I could not find out whether my last message reached you. "
    "If part of the answer is missing, ask me again."
)
UNSUPPORTED = "I cannot read this kind of message. Type your question instead."
UNSUPPORTED_KINDS: Mapping[str, str] = {
    kind: f"I cannot {action} yet. Send a photo, or type your question."
    for kind, action in {
        "video": "watch videos",
        "animation": "watch animations",
        "story": "see stories",
        "paid_media": "see paid photos and videos",
    }.items()
}
NOTHING_TO_READ_ALOUD = (
    "There is nothing in this answer to read aloud. Ask me to put it into words."
)
VOICE_ON_OR_OFF = "/voice only takes on or off. Send /voice on or /voice off."
NO_WORDS = "I could not hear any words in this recording. Try another one, or text."
LISTENING_STOPPED = "I stopped transcribing this recording. Send it again to get an answer."
WHAT_WAS_SAID = "I misheard you. Reply to this message with what you said."
MORE_FILES = "I read only the first {limit} files. Send the others in another message."
SOME_UNREADABLE = "I read only the pictures and files here. If the rest matters, describe it."
WHAT_TO_FIND = "I can search all of {name}. Reply to this message with the words to look for."
STORY_UNSEEN = "I cannot see the story you replied to. Tell me what it shows."
QUOTE_UNSEEN = (
    "You replied to a message from another chat, which I cannot see. Paste its text here."
)
ANONYMOUS_ADMIN = (
    "I cannot tell which admin is writing anonymously, so I cannot answer. Turn off "
    "*Remain Anonymous* in your admin rights for this group, then send it again."
)

# --- commands -------------------------------------------------------------------------------------

UNKNOWN_COMMAND = "There is no command /{name}. /help lists all commands."
COMMAND_OF_ANOTHER = "/{name} is addressed to @{username}, another bot. Send it without that name."
EMPTY_VV_QUESTION = 'There is no question after "vv". Write it like this: *vv capital of Peru?*'
ON_OR_OFF = "/vv only takes on or off. Send /vv on or /vv off."
UNKNOWN_MODEL = (
    "There is no model `{model}`. Choose from {names}, or name one of their models: `name/model`."
)
NO_MODEL = "No model is set up. Run `ambrosio doctor` on the machine to see how to set one up."
NOTHING_TO_STOP = "There is nothing to stop. Just send your next question."
NOTHING_TO_REPEAT = "There is no question to answer again. Just send a new one."
NOTHING_TO_COMPARE = (
    "There is no question to compare. Write it like this: */compare why is the sky blue?*"
)
EMPTY_SEARCH = "There is nothing to search for. Write it like this: */search basmati rice*"
NO_MATCHES = "No matches in this chat. Try fewer or different words."
NOTHING_TO_EXPORT = (
    "This conversation is empty, so there is nothing to export. "
    "Use /search to find an older one and continue it."
)
NOTHING_SENT_YET = "No provider has seen this chat yet. Just send a question."
NO_LOCAL_MODEL = (
    "This chat is now private, but no local model is set up, so I cannot answer here. "
    "Start a llama.cpp server, or turn private mode off with /private off."
)
PRIVATE_MODE_OFF = "This chat is not private. Use /private on to change that."

# --- reminders, memory, time zone -----------------------------------------------------------------

REMINDER_WITHOUT_TIME = (
    "The time is missing. Put it first: */remind fri 18:00 call Mum*, */remind 20m tea* or "
    "*/remind daily 9:00 pills*."
)
REMINDER_WITHOUT_TEXT = "The text is missing. Write it like this: */remind 9:30 call Mum*"
REMINDER_IN_THE_PAST = "That time has passed. Choose a later one: */remind tomorrow 9:30 call Mum*"
REMINDER_TOO_FAR = (
    "That is more than two years from now. Choose an earlier time: */remind 24.12. 18:00 dinner*"
)
REMINDER_NO_SUCH_DAY = "There is no such day. Write it like this: */remind 24.12. 18:00 dinner*"
REMINDER_NO_SUCH_TIME = "There is no such time of day. Write it like this: */remind 9:30 tea*"
REMINDER_TOO_LONG = "A reminder can have up to {limit} characters. Shorten it and send it again."
NO_REMINDERS = "There are no reminders here. Set one: */remind fri 18:00 call Mum*"
REMINDER_OF_ANOTHER = "Someone else set this reminder. Only they can change it."
CALL_OF_ANOTHER = "This question was for someone else. Only they can answer it."
CALL_INTERRUPTED = (
    "I was interrupted after you agreed: this may have been sent, or not. Look there first; "
    "tap to send it again."
)
CALL_NOT_POSSIBLE = (
    "Nothing was sent: the chat is private now, or this tool is switched off. "
    "Ask again where it is available."
)
REMINDER_COMES_ANYWAY = "This reminder already repeats tomorrow. /reminders lists all of yours."
REMINDER_GONE = "This reminder no longer exists. /reminders lists the others."
MEMORY_EMPTY = "I remember nothing about you yet. Tell me something: */remember I am vegetarian*"
MEMORY_FULL = (
    "That would come to {size:,} characters, and I can keep {limit:,}. "
    "Delete something with /memory first."
)
MEMORY_NOT_HERE = (
    "I keep memories for one person, not for a group. Send it to me in a private chat."
)
EMPTY_REMEMBER = "There is nothing to remember. Write it like this: */remember I am vegetarian*"
FACT_GONE = "I no longer remember this. /memory lists what I remember."
MEMORY_NO_SUCH_FACT = "There is no number {number}. /memory lists what I remember."
CHOOSE_ZONE = (
    "I need your time zone. Name it, or a large city in it: */settings zone Europe/Berlin*"
)
UNKNOWN_ZONE = (
    "I do not know the time zone `{zone}`. "
    "Name a large city in it, or the zone itself: */settings zone Europe/Berlin*"
)

# --- buttons --------------------------------------------------------------------------------------

MCP_CHANGED = (
    "The MCP server **{server}** has changed since you allowed it, so I have switched {tools} off. "
    "Allow it only if you want models to be told this:"
)
MCP_SILENT = "The MCP server does not answer, so nothing was changed. Try again later."
BUTTON_EXPIRED = "This button no longer works. Send the command again."
MODEL_UNAVAILABLE = "This model is no longer available. /model lists the available ones."
OWNER_ONLY = "Only the owner can do this. Ask them."
DELETING = 'Deleting your data. It is gone for good once this message says "Deleted".'
OWNER_ONLY_HERE = "In a group, only the owner can do this. Ask them."
ALREADY_ANSWERED = "This question is already answered. /retry answers the last question again."
ALREADY_LENGTHENED = "The longer answer is already there. Scroll down to it."
ALREADY_CONTINUED = "The rest of this answer is already there. Scroll down to it."
NO_OLD_CONVERSATION = "The old conversation no longer exists. Ask your question again."
IMAGE_ALREADY_MADE = "This image is already there. Press Again for another one."
FILE_GONE = "I no longer have this file. Send it again."
TURN_DELETED = "I no longer have this message. Ask your question again."
IMAGE_DELETED = "I no longer have this image. Send its prompt with /imagine again."
NO_ORIGINAL = (
    "I no longer have the original, and this model cannot make the same image again. "
    "Press Again for another one."
)
TRANSCRIPT_GONE = "I no longer have this recording. Send it again, or type it instead."
NOT_YOUR_RECORDING = "Someone else recorded this. Only they can correct it."
LOCAL_ONLY_TURN = "This answer is private. Reply to it to continue in private."
ANSWER_IN_PROGRESS = "An answer is still being written. Press again when it is finished."

NO_MCP_SERVERS = (
    "No MCP server is set up. Add a table `[mcp.NAME]` to ambrosio.toml, as in docs/ambrosio.toml."
)

# --- on the machine -------------------------------------------------------------------------------

NO_SUCH_PROVIDER = "There is no provider `{name}`. Choose from: {known}."
NO_QUESTION = "There is no question. Pass one to `ambrosio chat`, or pipe it in."
FILE_NOT_READ = "The file {path} cannot be read. Check its permissions."
NOTHING_TO_CONTINUE = "There is no answer to continue. Just ask a question."
NO_FILE_SHOWN = (
    "There is no file in this conversation. Attach one: `ambrosio chat --file report.pdf`."
)
NO_NEXT_PART = "That was the last part of the file. `/find words` searches all of it."
NOTHING_TO_FIND = "There are no words to look for. Write it like this: `/find delivery date`."
NO_PROMPT = 'There is no prompt. Write it like this: `ambrosio imagine "a red fox" -o fox.png`'
ONE_IMAGE_PER_PIPE = "Only one image can be written to a pipe. Leave out --n."
NOT_READABLE = "Cannot read {path}: {reason}. Check the name of the file."
OUTPUT_NOT_WRITABLE = "Cannot write to {path}. Choose another file with -o."
IMAGE_NOT_WRITTEN = (
    "The image could not be written to the disk. Free some space, or choose another file with -o."
)
DATABASE_UNUSABLE = "The database cannot be opened. Run `ambrosio doctor` to check the disk."
NO_DATABASE = "There is no database at {path} yet. Check `AMBROSIO_DATA_DIR`."
BACKUP_NOT_WRITTEN = "Cannot write the backup to {path}. Choose a new file on a disk with space."

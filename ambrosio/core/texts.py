"""What is said where something that a person asks for is not to be had.

Each is a sentence of what is so and one of what to do, and short enough for the line that Telegram
shows for a moment when a button is pressed. Failures say the same of themselves, in `errors`; all
of them stand in `docs/errors.md`.
"""

from collections.abc import Mapping

# --- messages -------------------------------------------------------------------------------------

GAVE_UP = (
    "I tried three times to answer this message and failed, so I have put it aside. "
    "Send it again, perhaps in other words."
)
UNREADABLE = "Telegram sent me this in a form that I cannot read. Send it in another way."
UNCLEAR = "I cannot make anything of this: so far I read only text. Tell me in words."
UNSEEN: Mapping[str, str] = {
    kind: f"{regret}: so far I read only text. Tell me in words."
    for kind, regret in {
        "photo": "I cannot look at pictures",
        "sticker": "A nice sticker, but I cannot see it",
        "voice": "I cannot listen",
        "audio": "I cannot listen",
        "video": "I cannot watch videos",
        "video_note": "I cannot watch videos",
        "document": "I cannot open files",
        "location": "I cannot read maps",
        "venue": "I cannot read maps",
        "contact": "I do not keep contacts",
        "poll": "I do not vote",
        "dice": "You win, but I cannot see it",
        "animation": "I cannot watch videos",
        "story": "I cannot see stories",
    }.items()
}

# --- commands -------------------------------------------------------------------------------------

UNKNOWN_COMMAND = "I do not know /{name}. /help lists what I do know."
COMMAND_OF_ANOTHER = "/{name} is meant for @{username}, not for me. Send it without that name."
NOTHING_BEHIND_VV = 'There is no question behind "vv". Write it like this: *vv capital of Peru?*'
ON_OR_OFF = "/vv is either on or off. Write /vv on or /vv off."
UNKNOWN_MODEL = (
    "I do not know `{model}`. Choose from {names}, or one of their models: `name/model`."
)
NO_MODEL = "No model is set up. Run `ambrosio doctor` on the machine, which says how."
NOTHING_TO_STOP = "There is nothing to stop. Just write your next question."
NOTHING_TO_REPEAT = "There is no question here to answer again. Just write one."
NOTHING_TO_COMPARE = (
    "There is nothing to compare yet. Write it like this: */compare why is the sky blue?*"
)
NOTHING_TO_FIND = "There is nothing to look for yet. Write it like this: */search basmati rice*"
NOT_FOUND = "You have not said that here, nor have I. Try fewer words, or other ones."
NOTHING_TO_EXPORT = (
    "There is nothing to export: this conversation is empty. /search finds an older one to go on "
    "from."
)
NOTHING_SENT_YET = "Nobody has been asked anything from this chat yet. Just write."
NO_LOCAL_MODEL = (
    "This chat is private now, and no model runs at home, so nobody can answer here. "
    "Start a llama.cpp server, or leave private mode with /private off."
)
NOT_PRIVATE = "This chat is not private. /private on makes it so."

# --- buttons --------------------------------------------------------------------------------------

BUTTON_GONE = "That button no longer works. Give its command once more."
MODEL_GONE = "That model is no longer there. /model shows which are."
OWNER_ONLY = "Only the owner can do that. Ask them."
OWNER_ONLY_HERE = "In a group only the owner can do that. Ask them."
ANSWERED = "That has been answered already. /retry answers the last question again."
LENGTHENED = "That has been answered in full already. Scroll down to it."
IMAGE_DONE = "That is painted already. Press Again for another one."
TURN_FORGOTTEN = "I no longer know that one. Ask once more."
IMAGE_FORGOTTEN = "I no longer know that picture. Send its words behind /imagine once more."
NO_ORIGINAL = (
    "I no longer keep the original, and this model cannot paint it once more. "
    "Press Again for another one."
)
LOCAL_ONLY_TURN = "That was said in private. Reply to it to go on there."
BUSY = "An answer is being written. Press again when it is there."

# --- on the machine -------------------------------------------------------------------------------

NO_SUCH_PROVIDER = "No provider is called `{name}`. Choose from: {known}."
NO_QUESTION = "There is no question. Write it behind `ambrosio chat`, or pipe it in."
NO_PROMPT = 'There is no prompt. Write it like this: ambrosio imagine "a red fox" -o fox.png'
ONE_TO_A_PIPE = "A pipe takes one picture. Leave --n out."
NOT_WRITABLE = "No file can be written as {path}. Choose another place with -o."
NOT_WRITTEN = "The disk does not take the picture. Make room, or choose another place with -o."
DATABASE_UNUSABLE = "The database cannot be used. Run `ambrosio doctor`, which looks at the disk."
NOTHING_TO_COPY = "There is no database to copy at {path} yet. Check `AMBROSIO_DATA_DIR`."
NOT_COPIED = "{path} cannot be written. Name a file that does not exist, where there is room."

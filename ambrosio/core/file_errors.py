"""Why a file that someone sent cannot be used, with the sentences they read.

    FileError                  a file that someone sent cannot be used
    ├── MediaNotInstalled      … since the extra that decodes it is missing
    ├── UnsupportedFile        … it is of a kind that is not read
    ├── EmptyFile              … there is nothing in it
    ├── DamagedFile            … it is damaged or incomplete
    ├── EncryptedFile          … it needs a password
    ├── NoSound                … it has no sound to listen to
    ├── AudioTooLong           … it is longer than the limit
    ├── PictureTooLarge        … it has more pixels than the limit
    ├── ScannedFile            … it has pictures of pages and no text
    ├── NotInFile              … a search finds nothing in it
    ├── FileTooLarge           … it has more bytes than the limit
    ├── FileNotFetched         … Telegram does not hand it over
    ├── FileTooDemanding       … it takes too much memory, time or space
    ├── MachineBusy            … the machine has too little memory or time for it now
    └── DecoderCrashed         … the process that decodes it crashed

Part of the tree in `errors`.
"""

from .errors import AmbrosioError


class FileError(AmbrosioError):
    """A file that someone sent cannot be used; mostly, sending the same one does not help."""

    problem = "I could not read this file."
    remedy = "Try another format."
    retryable = False


class MediaNotInstalled(FileError):
    """A decoder is missing; `what` is what they are needed for, such as "PDF files"."""

    problem = "I cannot read {what} here: the decoder is not installed."
    owner_task = "run `pip install '.[media]'` and start Ambrosio again"

    def __init__(self, what: str = "this file") -> None:
        super().__init__(what)
        self.what = what


class UnsupportedFile(FileError):
    """A kind of file that is not read; `readable` lists those that are."""

    problem = "I cannot read this kind of file."
    remedy = "I can read {readable}."

    def __init__(self, readable: str = "text") -> None:
        super().__init__(f"not {readable}")
        self.readable = readable


class EmptyFile(FileError):
    """There is nothing in the file, or no text."""

    problem = "There is nothing to read in this file."
    remedy = "Check that it is the right one, then try again."


class DamagedFile(FileError):
    """The file is damaged or incomplete."""

    problem = "This file is damaged or incomplete."
    remedy = "Get a new copy of it and try again."


class EncryptedFile(FileError):
    """The file needs a password."""

    problem = "This file is protected by a password."
    remedy = "Try a copy without one."


class NoSound(FileError):
    """A file without a sound track."""

    problem = "There is no sound in this file."
    remedy = "Try a recording, or text."


class AudioTooLong(FileError):
    """A recording that is longer than the limit; both in minutes."""

    problem = "This recording is longer than {limit} minutes, the most I can listen to."
    remedy = "Split it into parts."

    def __init__(self, limit: int = 120) -> None:
        super().__init__(f"longer than {limit} minutes")
        self.limit = limit


class PictureTooLarge(FileError):
    """A picture with too many pixels; `limit` in megapixels."""

    problem = "This picture is larger than {limit} megapixels, the most I can look at."
    remedy = "Try a smaller copy."

    def __init__(self, limit: int = 50) -> None:
        super().__init__(f"larger than {limit} megapixels")
        self.limit = limit


class ScannedFile(FileError):
    """A PDF of pictures, without text: looking at its `count` pages takes long, so ask first."""

    problem = "There is no text in {name}: its {pages} are scans."
    remedy = "Press the button and I will look at them, a few at a time."

    def __init__(self, name: str = "scan.pdf", count: int = 4) -> None:
        super().__init__(f"{count} scanned pages")
        self.name = name
        self.pages = "pages" if count == 1 else f"{count:,} pages"


class NotInFile(FileError):
    """A search for words found nothing in the file."""

    problem = "These words are not in {name}."
    remedy = "Search for other words, or only for the beginnings of these."

    def __init__(self, name: str = "report.pdf") -> None:
        super().__init__("nothing found in a file")
        self.name = name


class FileTooLarge(FileError):
    """A file that Telegram does not let a bot download; `limit` in megabytes."""

    problem = "This file is larger than {limit} MB, the most that Telegram lets me download."
    remedy = "Send a smaller file, or a part of this one."

    def __init__(self, limit: int = 20) -> None:
        super().__init__(f"larger than {limit} MB")
        self.limit = limit


class FileNotFetched(FileError):
    """Telegram did not hand the file over, also when asked again."""

    problem = "I could not get this file from Telegram."
    remedy = "Try again in a moment."
    # Telegram says so of files that are gone as well as of files that it cannot find for a moment.
    retryable = True


class FileTooDemanding(FileError):
    """The file takes more memory, time or space than a file may, as one made to do harm does."""

    problem = "This file takes too much memory or time to read, so I stopped."
    remedy = "Try a smaller part of it, or another format."


class MachineBusy(FileError):
    """The decoding process could not start, was killed by the system, or made no progress."""

    problem = "This machine is too busy, or too low on memory, to read the file now."
    remedy = "Try again in a moment, or with a smaller part of it."
    retryable = True


class DecoderCrashed(FileError):
    """The process that decodes files crashed on this one; nothing else was affected."""

    problem = "The program that reads files crashed on this one."
    remedy = "Try another format."

"""Files on their way to Telegram: one as a photo or a document, several as an album."""

from dataclasses import dataclass, replace

import telegram
from telegram.error import BadRequest

from ..core.messages import File, Outgoing
from . import ptb


@dataclass(frozen=True, slots=True)
class Sent:
    """What Telegram calls the messages that it has now, and the files in them."""

    messages: tuple[int, ...] = ()
    files: tuple[str, ...] = ()


async def send(bot: telegram.Bot, outgoing: Outgoing) -> Sent:
    """Send a message's files, in a plainer way if Telegram refuses the first, or raise."""
    try:
        sent = await _sent(bot, outgoing)
    except BadRequest:
        plainer = replace(outgoing, files=tuple(_plainer(file) for file in outgoing.files))
        if plainer == outgoing:
            raise
        sent = await _sent(bot, plainer)
    files = (message.photo[-1] if message.photo else message.document for message in sent)
    return Sent(
        tuple(message.message_id for message in sent),
        tuple(file.file_id if file else "" for file in files),
    )


def _plainer(file: File) -> File:
    """Give what is a photo as a document, and what Telegram had once with its bytes."""
    return replace(file, photo=False, id="" if file.content else file.id)


async def _sent(bot: telegram.Bot, outgoing: Outgoing) -> tuple[telegram.Message, ...]:
    if len(outgoing.files) > 1:
        return await _album(bot, outgoing)
    [file] = outgoing.files
    return (await (_photo if file.photo else _document)(bot, outgoing, file),)


async def _photo(bot: telegram.Bot, outgoing: Outgoing, file: File) -> telegram.Message:
    return await bot.send_photo(
        outgoing.place.chat,
        file.id or file.content,
        filename=file.name,
        caption=outgoing.chunk.text or None,
        caption_entities=ptb.entities(outgoing.chunk),
        message_thread_id=outgoing.place.topic or None,
        reply_markup=ptb.keyboard(outgoing.buttons),
        reply_parameters=ptb.reply(outgoing),
        disable_notification=outgoing.silent or None,
    )


async def _document(bot: telegram.Bot, outgoing: Outgoing, file: File) -> telegram.Message:
    return await bot.send_document(
        outgoing.place.chat,
        file.id or file.content,
        filename=file.name,
        caption=outgoing.chunk.text or None,
        caption_entities=ptb.entities(outgoing.chunk),
        # Otherwise a WebP becomes a sticker.
        disable_content_type_detection=True,
        message_thread_id=outgoing.place.topic or None,
        reply_markup=ptb.keyboard(outgoing.buttons),
        reply_parameters=ptb.reply(outgoing),
        disable_notification=outgoing.silent or None,
    )


async def _album(bot: telegram.Bot, outgoing: Outgoing) -> tuple[telegram.Message, ...]:
    media = [
        telegram.InputMediaPhoto(file.id or file.content, filename=file.name)
        if file.photo
        else telegram.InputMediaDocument(
            file.id or file.content, filename=file.name, disable_content_type_detection=True
        )
        for file in outgoing.files
    ]
    return await bot.send_media_group(
        outgoing.place.chat,
        media,
        caption=outgoing.chunk.text or None,
        caption_entities=ptb.entities(outgoing.chunk),
        message_thread_id=outgoing.place.topic or None,
        reply_parameters=ptb.reply(outgoing),
        disable_notification=outgoing.silent or None,
    )

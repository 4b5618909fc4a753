"""Sending files to Telegram: one as a photo, a voice note or a document, several as an album."""

from dataclasses import dataclass, replace
from typing import Any

import telegram
from telegram.error import BadRequest

from ..core.messages import File, OutgoingMessage
from . import ptb


@dataclass(frozen=True, slots=True)
class SentFiles:
    """Telegram's ids of the messages that were sent, and of the files in them."""

    message_ids: tuple[int, ...] = ()
    file_ids: tuple[str, ...] = ()


async def send(bot: telegram.Bot, outgoing: OutgoingMessage) -> SentFiles:
    """Send a message's files; if Telegram refuses them, send them as documents, or raise."""
    if outgoing.files[0].is_voice:
        return await _voice(bot, outgoing)
    try:
        sent = await _send(bot, outgoing)
    except BadRequest:
        plainer = replace(outgoing, files=tuple(_as_document(file) for file in outgoing.files))
        if plainer == outgoing:
            raise
        sent = await _send(bot, plainer)
    files = (message.photo[-1] if message.photo else message.document for message in sent)
    return SentFiles(
        tuple(message.message_id for message in sent),
        tuple(file.file_id if file else "" for file in files),
    )


def _as_document(file: File) -> File:
    """Turn a photo into a document, and a file id into the bytes."""
    return replace(file, is_photo=False, file_id="" if file.content else file.file_id)


async def _send(bot: telegram.Bot, outgoing: OutgoingMessage) -> tuple[telegram.Message, ...]:
    if len(outgoing.files) > 1:
        return await _album(bot, outgoing)
    [file] = outgoing.files
    return (await (_photo if file.is_photo else _document)(bot, outgoing, file),)


async def _voice(bot: telegram.Bot, outgoing: OutgoingMessage) -> SentFiles:
    """Send a voice note; who takes none, as some with Premium do, gets it as a sound file."""
    [file] = outgoing.files
    placed: dict[str, Any] = {
        "filename": file.name,
        "caption": outgoing.content.text or None,
        "caption_entities": ptb.to_entities(outgoing.content),
        "message_thread_id": outgoing.chat.topic_id or None,
        "reply_parameters": ptb.to_reply_parameters(outgoing),
        "disable_notification": outgoing.silent or None,
    }
    try:
        sent = await bot.send_voice(outgoing.chat.chat_id, file.content, **placed)
    except BadRequest:
        sent = await bot.send_audio(outgoing.chat.chat_id, file.content, **placed)
    return SentFiles((sent.message_id,), ("",))


async def _photo(bot: telegram.Bot, outgoing: OutgoingMessage, file: File) -> telegram.Message:
    return await bot.send_photo(
        outgoing.chat.chat_id,
        file.file_id or file.content,
        filename=file.name,
        caption=outgoing.content.text or None,
        caption_entities=ptb.to_entities(outgoing.content),
        message_thread_id=outgoing.chat.topic_id or None,
        reply_markup=ptb.to_keyboard(outgoing.buttons, outgoing.turn_id),
        reply_parameters=ptb.to_reply_parameters(outgoing),
        disable_notification=outgoing.silent or None,
    )


async def _document(bot: telegram.Bot, outgoing: OutgoingMessage, file: File) -> telegram.Message:
    return await bot.send_document(
        outgoing.chat.chat_id,
        file.file_id or file.content,
        filename=file.name,
        caption=outgoing.content.text or None,
        caption_entities=ptb.to_entities(outgoing.content),
        # Otherwise a WebP becomes a sticker.
        disable_content_type_detection=True,
        message_thread_id=outgoing.chat.topic_id or None,
        reply_markup=ptb.to_keyboard(outgoing.buttons, outgoing.turn_id),
        reply_parameters=ptb.to_reply_parameters(outgoing),
        disable_notification=outgoing.silent or None,
    )


async def _album(bot: telegram.Bot, outgoing: OutgoingMessage) -> tuple[telegram.Message, ...]:
    media = [
        telegram.InputMediaPhoto(file.file_id or file.content, filename=file.name)
        if file.is_photo
        else telegram.InputMediaDocument(
            file.file_id or file.content, filename=file.name, disable_content_type_detection=True
        )
        for file in outgoing.files
    ]
    return await bot.send_media_group(
        outgoing.chat.chat_id,
        media,
        caption=outgoing.content.text or None,
        caption_entities=ptb.to_entities(outgoing.content),
        message_thread_id=outgoing.chat.topic_id or None,
        reply_parameters=ptb.to_reply_parameters(outgoing),
        disable_notification=outgoing.silent or None,
    )

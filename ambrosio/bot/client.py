"""The HTTP client for the Bot API."""

import os

import telegram
from telegram.request import HTTPXRequest

from ..config.network import client_options, trusted_certificates
from ..config.settings import Settings

# A read timeout leaves open whether a message was sent, so it is long.
TELEGRAM_SECONDS = 30.0
# An album of large images, on a slow connection.
UPLOAD_SECONDS = 180.0


def telegram_bot(settings: Settings) -> telegram.Bot:
    """Make the client for the Bot API, without any request, or raise `InvalidSettings`."""
    # PTB gives Retry-After as a timedelta only with this, and warns without it.
    os.environ.setdefault("PTB_TIMEDELTA", "1")
    certificates = trusted_certificates()
    return telegram.Bot(
        settings.telegram_bot_token.get_secret_value(),
        base_url=f"{settings.telegram_base_url}/bot",
        base_file_url=f"{settings.telegram_base_url}/file/bot",
        request=HTTPXRequest(
            read_timeout=TELEGRAM_SECONDS,
            write_timeout=TELEGRAM_SECONDS,
            media_write_timeout=UPLOAD_SECONDS,
            httpx_kwargs=client_options(certificates),
        ),
        get_updates_request=HTTPXRequest(
            connection_pool_size=1, httpx_kwargs=client_options(certificates)
        ),
    )

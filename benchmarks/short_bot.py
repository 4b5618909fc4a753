"""The shortest bot of python-telegram-bot and openai that answers, to compare with.

It keeps no history, loses what is in work when it is killed, shows nothing while it waits, and
obeys no limit of Telegram.
"""

import os
from typing import Any

from openai import AsyncOpenAI
from telegram import Update
from telegram.ext import ApplicationBuilder, MessageHandler, filters

model = AsyncOpenAI(base_url=os.environ["LLAMA_BASE_URL"], api_key="none")


async def answer(update: Update, _context: Any) -> None:
    """Ask the model and reply with what it says."""
    if update.message:
        question = update.message.text or ""
        reply = await model.chat.completions.create(
            model="any", messages=[{"role": "user", "content": question}]
        )
        await update.message.reply_text(reply.choices[0].message.content or "")


telegram = os.environ["TELEGRAM_BASE_URL"]
builder = ApplicationBuilder().token(os.environ["TELEGRAM_BOT_TOKEN"]).base_url(f"{telegram}/bot")
bot = builder.concurrent_updates(True).build()
bot.add_handler(MessageHandler(filters.TEXT, answer))
bot.run_polling(allowed_updates=["message"])

"""Ambrosio: a personal assistant in Telegram that runs on its owner's own machine."""

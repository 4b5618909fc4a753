"""llama.cpp on this machine: a server that somebody runs, or one that we run ourselves.

`find` looks for a server. `engine` keeps one of our own alive in a child process; the child
(`python -m ambrosio.llama`) gets the model (`fetch`), reads what it is (`gguf`), works out what
fits the machine (`sizing`), and is the only process that loads llama.cpp. Nothing is imported
here, so that the child carries nothing of the bot and the bot nothing of the child.
"""

"""llama.cpp on this machine: finds a running server, or runs one in a child process.

Start with `supervisor`, which keeps the child (`python -m ambrosio.llama`) alive. The child
downloads the model (`download`), reads its header (`gguf`), chooses parameters that fit the machine
(`sizing`), and is the only process that loads llama.cpp. `discovery` looks for a server that runs
already. Imports `config` and `core` only. Does not talk to the server: that is `providers`.

Nothing is imported here, so that neither process loads the modules of the other.
"""

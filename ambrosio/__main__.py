"""Make `python -m ambrosio` the same as `ambrosio`."""

from .cli import main

main()

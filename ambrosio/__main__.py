"""Make `python -m ambrosio` the same as `ambrosio`."""

from .cli.main import main

main()

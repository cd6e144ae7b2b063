"""One module per command of `supersync`, each with a click command named `command`.

`cli.py` imports a module when its command is used, so what one command needs costs the others nothing.
"""

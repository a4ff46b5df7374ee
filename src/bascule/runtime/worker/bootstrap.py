"""The file that ``python3`` is given to run a function as a program; ``/var/runtime/bootstrap.py`` on AWS.

A file, not an option: wrappers put options before the last argument. Its directory is the import path it starts with.
"""

import importlib

importlib.import_module("bascule_environment.program").main()

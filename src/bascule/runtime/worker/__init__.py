"""Code that runs inside function processes. This directory alone is on the zygote's import path when it starts.

The rules about time, ids and the environment end here: a function process is a program of its own.
"""

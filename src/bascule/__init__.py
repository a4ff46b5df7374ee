"""Bascule: an event-driven serverless platform anyone can own.

EventBridge routing, Lambda execution and the queues around them, wire-compatible with AWS, in one process with one
durable file. ARCHITECTURE.md at the root of the repository says how the packages fit together.
"""

__version__ = "0.1.0"

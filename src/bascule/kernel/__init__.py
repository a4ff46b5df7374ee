"""Row 0: what everything stands on, without input or output of its own.

Time, ids, scope, limits, errors, signals, loops, and the *ports* of the store: documents, queues, logs and blobs. An
engine in ``bascule.engines`` implements the ports; services, delivery and pollers know only the ports. Nothing in this
package reads a clock, the environment or entropy: those enter through ``Clock`` and ``Ids``, made by ``bascule.app``.
"""

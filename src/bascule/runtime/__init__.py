"""Row 4: everything that executes a function.

``runtime`` is the way in; read it first, then ``environment``, then ``python_worker``. ``worker`` is the code
that runs inside function processes. Nothing of the rest of Bascule but the kernel's contracts is imported here.
"""

from bascule.runtime.ports import CodeSource, LogSink
from bascule.runtime.runtime import FunctionRuntime

__all__ = ["CodeSource", "FunctionRuntime", "LogSink"]

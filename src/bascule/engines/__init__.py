"""Row 1: engines implement the kernel's ports. Only the composition root and tests import one."""

"""Numbers of the runtime, with unit and source."""

from __future__ import annotations

#: Time the init phase may take before it is repeated inside the invocation. seconds; Lambda guide, init phase
INIT_S_MAX = 10.0
#: The same for environments that are initialised ahead, or the function's timeout when that is longer. seconds; same page
PROVISIONED_INIT_S_MIN = 130.0
PROVISIONED_INIT_S_MAX = 900.0
#: Environments that are initialised ahead at the same time; more would take the processors from invocations. count; ours
PROVISIONED_STARTS_AT_ONCE = 4
#: How often kept environments are counted; one that died is replaced. seconds; ours
PROVISIONED_LOOK_S = 0.5
#: After an initialisation that failed: until the next try, doubled each time up to the second. seconds; ours
PROVISIONED_RETRY_S = 10.0
PROVISIONED_RETRY_S_MAX = 600.0
#: The part of this machine's environments that is never kept: one in so many, at least one. ours
PROVISIONED_LEAVES_PART = 10
#: No invocation begins in an environment whose credentials end sooner: a function's longest run and a minute. milliseconds
CREDENTIALS_LEFT_MS_MIN = 960_000
#: Kept environments whose credentials end sooner are replaced, one after the other. milliseconds; ours
KEPT_CREDENTIALS_LEFT_MS_MIN = 3_600_000
#: Largest response of a synchronous invocation: 6 MiB and 100. bytes; recorded
RESPONSE_BYTES_MAX = 6_291_556
#: Largest streamed response. bytes; Lambda quotas, 200 MB
STREAM_BYTES_MAX = 209_715_200
#: What may wait for the reader of a streamed response before the function has to. bytes; ours
STREAM_BUFFER_BYTES = 262_144
#: A package and its layers, unpacked. bytes; Lambda quotas
PACKAGE_BYTES_MAX = 262_144_000
#: Files in a package. count; ours, so that a small archive cannot fill the disk with names
PACKAGE_FILES_MAX = 100_000
#: Unpacked packages kept although no environment uses them. count; ours
PACKAGES_IDLE_MAX = 64
#: The tail of the log that comes back with a result. bytes; Invoke, LogType
LOG_TAIL_BYTES = 4_096
#: Largest log event; longer lines are cut into several. bytes; PutLogEvents, 256 KB less 26 of overhead
LOG_EVENT_BYTES_MAX = 262_118
#: What CloudWatch adds to the size of each event. bytes; PutLogEvents
LOG_EVENT_OVERHEAD_BYTES = 26
#: Output kept of one invocation; the rest is dropped with a notice. bytes; ours
LOG_BYTES_MAX = 4 * 1024 * 1024
#: Read from an output pipe at once. bytes; the capacity of a pipe
PIPE_BYTES = 65_536
#: Pause before reading on from a function whose output is being dropped. seconds; ours
FLOOD_PAUSE_S = 0.002
#: How often busy environments are looked at (memory, processes, log lines to pass on). seconds; ours
WATCH_S = 0.025
#: Looks between two counts of a busy environment's descendants. count; ours
LOOKS_PER_CENSUS = 4
#: Idle for this long, an environment is frozen: its threads and children stop until its next invocation. seconds; ours
FREEZE_AFTER_S = 0.1
#: Processes an environment may have. count; recorded ulimit of a Lambda environment is 742
PROCESSES_MAX = 742
#: Open files of an environment. count; recorded
FILES_MAX = 1_024
#: RLIMIT_NPROC counts every process of the user, so it only stops a runaway; root is not bound by it. count; ours
USER_PROCESSES_MAX = 8_192
#: Address space beyond twice the memory size, for threads' stacks and allocator arenas. bytes; ours
DATA_HEADROOM_BYTES = 512 * 1024 * 1024
#: Charged for the interpreter and the libraries that forks share with their zygote. kilobytes; near a bare handler on AWS
SHARED_MEMORY_KB = 24 * 1024
#: Scheduling niceness of functions: the server goes first. ours
NICENESS = 5
#: Memory size that buys one processor. megabytes; Lambda guide, "configure memory"
MB_PER_PROCESSOR = 1_769
#: Processor time that an environment may use at once, beyond its share. seconds; ours
CPU_BURST_S = 0.2
#: Processor time that an environment in the background has to earn before it comes back: the first time, at most. seconds; ours
CPU_DEBT_S, CPU_DEBT_S_MAX = 0.2, 5.0
#: Charged for each process or thread that an environment makes: what ended before it was seen is measured nowhere. seconds; ours
FORK_CPU_S = 0.005
#: An invocation that has been running for this long is charged for the processor. seconds; ours
LONG_INVOCATION_S = 0.1
#: Surveys of the processors between two that look at environments with short invocations. count; ours
PASSES_PER_SHORT_LOOK = 5
#: Looks between two in which a held environment runs. count; ours: it has 1/40 of the time
LOOKS_PER_PULSE = 40
#: Other environments count as busy for this long after they were. seconds; ours
QUIET_S = 0.1
#: Forks asked of one zygote at once. count; ours
FORKS_AT_ONCE = 4
#: Pause before a zygote with too many unread messages is told more. seconds; ours
FULL_PAUSE_S = 0.005
#: A zygote that is not ready by then is given up. seconds; ours
ZYGOTE_START_S_MAX = 30.0
#: A process that closed its channel but lives is killed after this. seconds; ours
HANG_UP_S_MAX = 0.2
#: Connections to the Runtime API of one environment. count; ours
API_CONNECTIONS_MAX = 64
#: Open files looked at for the one that a connection came from; the rest of a larger environment's do not count. count; ours
API_PEER_FILES_MAX = 2_048
#: A connection that was closed before the server saw it is held this long: its program may be ending. seconds; ours
LAST_WORDS_S_MAX = 0.5
#: Such connections held at once for one environment. count; ours
LAST_WORDS_MAX = 16
#: Requests that may wait behind another on one connection. count; ours
API_PIPELINED_MAX = 16
#: Size of a request's head. bytes; ours
API_HEAD_BYTES_MAX = 1024 * 1024
#: Request bodies kept at once for one environment; what comes on top counts as too large. bytes; ours
API_BODIES_BYTES_MAX = 16 * 1024 * 1024
#: Extensions of an environment. count; recorded
EXTENSIONS_MAX = 10
#: Time external extensions have between SHUTDOWN and their end. milliseconds; Extensions API
SHUTDOWN_MS = 2_000
#: ... of which the runtime has this much between SIGTERM and SIGKILL. seconds; Lambda guide, shutdown phase
RUNTIME_SHUTDOWN_S_MAX = 0.5
#: What a process sent before it ended is awaited this long. seconds; ours
EXIT_GRACE_S = 0.005
#: Counts of descendants between two measurements of a busy environment's temporary directory. count; ours
CENSUSES_PER_TMP_LOOK = 5

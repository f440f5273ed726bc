"""Runs one Python program under protections of the Linux kernel, and reports how it ended.

Three processes. The launcher (started by the host) collects output and keeps the time. The keeper is its child,
process 1 of a namespace of its own where there is one: it prepares the file system, starts the program, and ends with
it, whereupon the kernel ends everything else in there. The program has no privileges, its own session and four
descriptors: 0 to 2, and 3 for a report.

Standard input: one line of JSON with the request. Its end, later, means that the host is gone or has lost interest:
everything is killed. Standard output: one line of JSON. A protection that was asked for and cannot be had ends the run
before the program starts.
"""
import base64
import ctypes
import errno
import json
import os
import pwd
import resource
import select
import signal
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
NAMESPACES = {
    "mounts": 0x00020000,
    "names": 0x04000000,
    "ipc": 0x08000000,
    "processes": 0x20000000,
    "network": 0x40000000,
}
NEW_USER = 0x10000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MS_PRIVATE, MNT_DETACH = 1 << 18, 2
KEPT_FLAGS = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
NOBODY = 65534
KEPT = 4  # a descriptor that is closed when the program starts
TAIL = 16384  # what is kept of standard error
REPORT = 65536  # what is kept of descriptor 3


class Lacking(Exception):
    """A protection that cannot be had: its name and why."""

    def __init__(self, protection, reason):
        super().__init__(protection, str(reason))

    def answer(self):
        return {"ended": "lacking", "protection": self.args[0], "reason": self.args[1]}


def system(name, *args):
    """Calls a function of the C library that returns 0 on success."""
    if getattr(LIBC, name)(*args) != 0:
        code = ctypes.get_errno()
        raise OSError(code, "%s: %s" % (name, os.strerror(code)))


def prctl(option, value):
    system("prctl", option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def mount(source, target, kind=None, flags=0, data=None):
    encode = lambda text: None if text is None else os.fsencode(text)
    system("mount", encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(data))


# --- Identity


def unused_user():
    """A user that does not exist, without processes: one for each run, so that limits count its processes alone."""
    for step in range(100):
        uid = 20000 + (os.getpid() + 401 * step) % 40000
        try:
            pwd.getpwuid(uid)
        except KeyError:
            if tasks_of(uid) == 0:
                return uid
    raise Lacking("user", "no unused user was found between 20000 and 60000")


def drop_to(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def enter_user_namespace():
    """Own user namespace: no privilege outside, every privilege inside until the program is executed."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0 and real_root():
        raise OSError(errno.EPERM, "files of root remain root's in a user namespace, and processes are not limited")
    prctl(PR_SET_DUMPABLE, 1)  # cleared by a change of user, and /proc/self/uid_map cannot be written then
    system("unshare", NEW_USER)
    maps = {"setgroups": "deny", "uid_map": "%d %d 1" % (NOBODY, uid), "gid_map": "%d %d 1" % (NOBODY, gid)}
    for name, text in maps.items():
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def real_root():
    """Whether root here is root outside of all namespaces, as far as can be seen: not in a rootless container."""
    with open("/proc/self/uid_map") as file:
        return file.readline().split()[:2] == ["0", "0"]


def change_user(mode, uid):
    """Modes: drop (root becomes an unused user for the program), namespace, both (drop now, then namespace), none."""
    try:
        if mode == "drop":
            check_drop(uid)
        if mode == "both":
            drop_to(uid)
        if mode in ("both", "namespace"):
            enter_user_namespace()
    except OSError as error:
        raise Lacking("user", error)


def check_drop(uid):
    pid = os.fork()
    if pid == 0:
        try:
            drop_to(uid)
            os._exit(0)
        except OSError as error:
            os._exit(error.errno & 127)
    status = os.waitpid(pid, 0)[1]
    if status != 0:
        raise OSError(status >> 8, os.strerror(status >> 8))


def unshare(wanted):
    for name, flag in NAMESPACES.items():
        if name in wanted:
            try:
                system("unshare", flag)
            except OSError as error:
                raise Lacking(name, error)


# --- File system

SYSTEM = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store"]
CONFIGURATION = ["alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "passwd", "group"]
DEVICES = ["null", "zero", "full", "random", "urandom"]
SHOWN = SYSTEM + ["etc/" + name for name in CONFIGURATION] + ["dev/" + name for name in DEVICES]


def bind(path):
    """Shows a path of the old root at the same place in the new one."""
    source, target = "/old/" + path, "/" + path
    if os.path.islink(source) and not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        link = os.readlink(source)
        if not link.startswith("/"):
            os.symlink(link, target)
            return
        source = "/old" + link
    if not os.path.exists(source) or os.path.lexists(target):
        return
    if os.path.isdir(source):
        os.makedirs(target)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, None, MS_BIND | MS_REC)


def own_mounts(limits, with_processes):
    """A root of its own: the system and the interpreter read-only, an empty /tmp of limited size, nothing else."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID, "mode=755,size=1m")
    os.mkdir("/tmp/old")
    system("pivot_root", b"/tmp", b"/tmp/old")
    os.chdir("/")
    for path in ("/tmp", "/proc", "/dev/shm"):
        os.makedirs(path)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,nr_inodes=20000,size=%d" % limits["disk"])
    mount("/tmp", "/dev/shm", None, MS_BIND)  # named semaphores; the same files, so that the same limit holds
    installed = os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))
    for path in SHOWN + sorted({sys.prefix, sys.base_prefix, sys.exec_prefix, installed}):
        bind(path.strip("/"))
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink("/proc/self/fd" + target, "/dev/" + name)
    if with_processes:
        try:
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        except OSError:
            pass  # refused in some containers; an empty /proc protects as well
    protect()
    system("umount2", b"/old", MNT_DETACH)
    os.rmdir("/old")
    mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID)


def protect():
    """Makes every mount but the work directory's read-only. Flags that are set stay: a namespace may not clear them."""
    with open("/old/proc/self/mountinfo") as file:
        mounts = [line.split(" ") for line in file]
    for fields in mounts:
        path = fields[4].encode().decode("unicode_escape")
        if path in ("/", "/tmp", "/dev/shm", "/proc", "/old") or path.startswith("/old/"):
            continue
        kept = sum(flag for name, flag in KEPT_FLAGS.items() if name in fields[5].split(","))
        mount(None, path, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | kept)


# --- Processes


def descendants(root):
    """Ids of all processes below one."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as file:
                    parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                pass
    found, added = {root}, True
    while added:
        added = {pid for pid, parent in parents.items() if parent in found} - found
        found |= added
    return found - {root}


def resident(pids):
    """Memory that is theirs alone, in bytes, as far as the kernel counts it cheaply."""
    pages = 0
    for pid in pids:
        try:
            with open("/proc/%d/statm" % pid) as file:
                fields = file.read().split()
            pages += int(fields[1]) - int(fields[2])
        except OSError:
            pass
    return pages * resource.getpagesize()


def tasks_of(uid):
    """Threads of all processes of a user."""
    count = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat("/proc/" + name).st_uid == uid:
                count += len(os.listdir("/proc/%s/task" % name))
        except OSError:
            pass
    return count


def process_limit(request):
    """The kernel counts by user: alone where the user or (since Linux 5.14) the namespace is the program's own."""
    version = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    alone = request["user"] == "drop" or (request["user"] != "none" and version >= (5, 14))
    return request["limits"]["processes"] + (0 if alone else tasks_of(os.geteuid()))


def limit_resources(limits, processes):
    def limit(what, value):
        hard = resource.getrlimit(what)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))

    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_AS, limits["memory"])
    limit(resource.RLIMIT_CPU, limits["cpu"])
    limit(resource.RLIMIT_FSIZE, limits["file"])
    limit(resource.RLIMIT_NOFILE, limits["files"])
    # Deep recursion is welcome, but every thread reserves as much of the address space.
    limit(resource.RLIMIT_STACK, min(limits["memory"] // 8, 64 << 20))
    limit(resource.RLIMIT_NPROC, processes)


def start_program(request, uid, work, descriptors, processes, result):
    """Becomes the program; says why on the pipe for results, and ends, if that fails."""
    try:
        os.dup2(result, KEPT, inheritable=False)
        become_program(request, uid, work, descriptors, processes)
    except BaseException as error:
        reason = "cannot start the program: %s" % error
        os.write(KEPT, json.dumps({"ended": "setup", "reason": reason}).encode())
    finally:
        os._exit(127)


def become_program(request, uid, work, descriptors, processes):
    os.setsid()
    for signum in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)  # all are above those of the program: see main
    os.closerange(KEPT + 1, 4096)
    limit_resources(request["limits"], processes)
    if request["user"] == "drop":
        drop_to(uid)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    os.chdir(work)
    environment = {"PATH": "/usr/bin:/bin", "HOME": work, "TMPDIR": work, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
    environment.update({name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")})
    os.execve(sys.executable, [sys.executable, "-s", "-B", "-X", "utf8", os.path.join(work, "program.py")], environment)


def keep(request, uid, work, descriptors, result):
    """The keeper: prepares, starts, waits, reports. Returns normally; the caller ends the process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    processes = process_limit(request)
    if "mounts" in request["protections"]:
        try:
            own_mounts(request["limits"], "processes" in request["protections"])
        except OSError as error:
            raise Lacking("mounts", error)
    prctl(PR_SET_DUMPABLE, 0)  # out of reach of the program, which has the same user in a user namespace
    path = os.path.join(work, "program.py")
    with open(path, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(request["program"])
    os.chmod(path, 0o644)
    child = os.fork()
    if child == 0:
        start_program(request, uid, work, descriptors, processes, result)
    for descriptor in descriptors:
        os.close(descriptor)
    answer = wait_for(child, request["limits"]["memory"], "processes" in request["protections"])
    os.write(result, json.dumps(answer).encode())


def wait_for(child, memory, in_namespace):
    pause = 0.05 if in_namespace else 0.2
    while True:
        signal.sigtimedwait([signal.SIGCHLD], pause)
        while True:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == child:
                return describe(status, usage)
            if pid == 0:
                break
        if resident(descendants(os.getpid())) > memory:
            return {"ended": "memory"}


def describe(status, usage):
    cpu = usage.ru_utime + usage.ru_stime
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return {"ended": "time" if number == signal.SIGXCPU else "signal", "code": 128 + number, "cpu": cpu}
    return {"ended": "exit", "code": os.WEXITSTATUS(status), "cpu": cpu}


def kill_all(uid):
    """Without a namespace: ends what is left, until nothing is. A user of its own can be killed in one stroke."""
    for _ in range(1000):
        if uid is not None and os.fork() == 0:
            drop_to(uid)
            os.kill(-1, signal.SIGKILL)
            os._exit(0)
        for pid in descendants(os.getpid()) if uid is None else ():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG if uid is None else 0)[0] != 0:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


# --- Launcher


def read_request():
    data = bytearray()
    while not data.endswith(b"\n"):
        if not read_some(0, data):
            sys.exit(2)
    return json.loads(data.decode())


def input_file(text):
    descriptor = os.memfd_create("input")
    with open(descriptor, "wb", closefd=False) as file:
        file.write((text or "").encode("utf-8", "surrogatepass"))
    os.fchmod(descriptor, 0o444)  # may be opened again by its name in /proc
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def collect(pipes, result, limits):
    """Reads until the keeper is gone or a limit is reached. Returns the texts, and why the run ended early."""
    texts = {name: bytearray() for name in list(pipes) + ["result"]}
    names = {descriptor: name for name, descriptor in pipes.items()}
    names[result] = "result"
    deadline, reason, draining, poll = time.monotonic() + limits["wall"], None, False, select.poll()
    for descriptor in [0] + list(names):
        poll.register(descriptor, select.POLLIN)
    while names and reason is None:
        left = deadline - time.monotonic()
        events = poll.poll(20 if draining else max(left, 0) * 1000 + 1)
        if left <= 0:
            reason = "time"
        elif any(descriptor == 0 for descriptor, _ in events):
            reason = "canceled"
        elif draining and not events:
            break  # what still holds a pipe has outlived the program
        for descriptor, _ in events:
            if descriptor != 0 and not read_some(descriptor, texts[names[descriptor]]):
                poll.unregister(descriptor)
                draining = names.pop(descriptor) == "result" or draining
        if len(texts["output"]) > limits["output"]:
            reason = reason or "output"
        del texts["error"][:-TAIL], texts["report"][REPORT:]
    return texts, reason


def read_some(descriptor, text):
    piece = os.read(descriptor, 65536)
    text += piece
    return len(piece) > 0


def end(keeper, in_namespace, uid):
    """Ends the keeper. As process 1 it ends everything with it; without a namespace the rest has become ours."""
    os.kill(keeper, signal.SIGKILL)
    os.waitpid(keeper, 0)
    if not in_namespace:
        kill_all(uid)


def run(request, work, uid):
    pipes = {name: os.pipe() for name in ("output", "error", "report", "result")}
    stdin = input_file(request.get("input"))
    owner = uid if request["user"] == "drop" else -1
    os.fchown(stdin, owner, -1)
    for name in ("output", "error", "report"):
        os.fchown(pipes[name][1], owner, -1)
    change_user(request["user"], uid)
    unshare(request["protections"])
    if "processes" not in request["protections"]:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    keeper = os.fork()
    if keeper == 0:
        try:
            streams = [stdin] + [pipes[name][1] for name in ("output", "error", "report")]
            keep(request, uid, work, streams, pipes["result"][1])
        except Lacking as lacking:
            os.write(pipes["result"][1], json.dumps(lacking.answer()).encode())
        except BaseException as error:
            reason = "%s: %s" % (type(error).__name__, error)
            os.write(pipes["result"][1], json.dumps({"ended": "setup", "reason": reason}).encode())
        os._exit(0)
    for _, descriptor in pipes.values():
        os.close(descriptor)
    ends = {name: descriptor for name, (descriptor, _) in pipes.items() if name != "result"}
    started = time.monotonic()
    texts, reason = collect(ends, pipes["result"][0], request["limits"])
    end(keeper, "processes" in request["protections"], uid if request["user"] == "drop" else None)
    result = texts.pop("result").decode()
    answer = {}
    if result and reason in (None, "time"):
        answer = json.JSONDecoder().raw_decode(result)[0]  # the first: a failed start comes before the keeper's word
    if "ended" not in answer:
        answer["ended"] = reason or "setup"
    answer["wall"] = time.monotonic() - started
    answer.update({name: base64.b64encode(text).decode() for name, text in texts.items()})
    return answer


def main():
    request = read_request()
    while os.open("/dev/null", os.O_RDWR) < KEPT:
        pass  # the descriptors that follow are above those of the program
    work = request["work"]  # the host's to delete, unless it is the /tmp of mounts of its own
    try:
        uid = unused_user() if request["user"] in ("drop", "both") else None
        if "mounts" not in request["protections"] and request["user"] in ("drop", "both"):
            os.chown(work, uid, uid)
        answer = run(request, work, uid)
    except Lacking as lacking:
        answer = lacking.answer()
    os.write(1, json.dumps(answer).encode() + b"\n")


main()

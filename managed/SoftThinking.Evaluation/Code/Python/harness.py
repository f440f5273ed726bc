"""Runs an answer together with the tests of its problem, and reports on descriptor 3 what came out.

The task stands as JSON on standard input. Its token is on no command line, in no file and no environment; the report
counts as passed only if it holds the token, and that is sent when the last test has passed. An answer that prints,
exits early or closes descriptors does not pass. It runs in a thread of its own, whose frames do not lead to the token;
an answer that searches the interpreter for it on purpose is not held off.
"""
import ast
import io
import json
import os
import sys
import textwrap
import threading
import traceback
import types

STAR = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"
    " builtins typing"
).split()
MODULES = STAR + "os time cmath decimal fractions hashlib".split()


class Failure(Exception):
    """An answer that does not pass: the stage and the reason."""


def imports(code, space):
    """What answers assume: common modules, their names, numpy where it is installed and named."""
    for name in STAR:
        exec("from %s import *" % name, space)
    for name in MODULES:
        exec("import %s" % name, space)
    if "np" in code or "numpy" in code:
        try:
            exec("import numpy, numpy as np", space)
        except ImportError:
            pass


def execute(source, name, space):
    exec(compile(source, name, "exec"), space)


def complete(header, code, name):
    """The program for an answer that continues a header: the whole function, or only its body, indented or not."""
    try:
        compile(code, "answer", "exec")
    except (SyntaxError, ValueError) as error:
        problem = "the code does not compile: %s" % error
    else:
        return code
    for body in (code, "    " + code.lstrip(), textwrap.indent(code, "    ")):
        joined = header.rstrip("\n") + "\n" + body
        if ends_with(joined, name):
            return joined
    raise Failure(problem)


def ends_with(source, name):
    """Whether the last statement is the definition of a function. The docstring of a header is a body already, so that
    code outside the function would compile, too."""
    try:
        compile(source, "answer", "exec")
    except (SyntaxError, ValueError):
        return False
    return getattr(ast.parse(source).body[-1], "name", None) == name


def run_humaneval(task, space):
    name = task["entry_point"]
    code = complete(task["header"], task["code"], name)
    execute(task["header"], "header", space)  # helpers and imports of the header
    space.pop(name, None)
    stage("answer", execute, code, "answer", space)
    if name not in space:
        raise Failure("the code does not define %s" % name)
    execute(task["test"], "tests", space)
    stage("tests", space["check"], space[name])


def run_asserts(task, space):
    imports(task["code"], space)
    for line in task["imports"]:
        execute(line, "imports", space)
    stage("answer", execute, task["code"], "answer", space)
    for number, test in enumerate(task["tests"], 1):
        stage("test %d of %d: %s" % (number, len(task["tests"]), test), execute, test, "tests", space)


def run_call(task, space):
    imports(task["code"], space)
    stage("answer", execute, task["code"], "answer", space)
    name = task["entry_point"]
    if isinstance(space.get("Solution"), type) and hasattr(space["Solution"], name):
        function = getattr(space["Solution"](), name)
    elif callable(space.get(name)):
        function = space[name]
    else:
        raise Failure("the code does not define %s" % name)
    got = plain(stage("call", function, *task["arguments"]))
    if got != task["expected"]:
        raise Failure("returned %s, expected %s" % (short(got), short(task["expected"])))


def plain(value):
    """Tuples as lists, at every depth, as JSON has only those."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def short(value):
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


def stage(name, function, *args):
    """Calls a function; whatever it raises is the answer's failure at this stage."""
    try:
        return function(*args)
    except SystemExit as error:
        raise Failure("%s: the program ended itself with exit code %s" % (name, error.code))
    except BaseException as error:
        raise Failure("%s: %s" % (name, "".join(traceback.format_exception_only(type(error), error)).strip()[:500]))


def attempt(task, outcome):
    try:
        module = types.ModuleType("answer")
        sys.modules["answer"] = sys.modules["__main__"] = module
        space = module.__dict__
        {"humaneval": run_humaneval, "asserts": run_asserts, "call": run_call}[task["kind"]](task, space)
        outcome.append(None)
    except Failure as failure:
        outcome.append(str(failure))
    except BaseException as error:
        outcome.append("%s: %s" % (type(error).__name__, error))


def main():
    task = json.loads(sys.stdin.buffer.read().decode("utf-8", "surrogatepass"))
    token, outcome, write, leave = task.pop("token"), [], os.write, os._exit
    report = os.dup(3)
    os.close(3)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    threading.stack_size(128 << 20)
    sys.setrecursionlimit(20000)
    thread = threading.Thread(target=attempt, args=(task, outcome))
    thread.start()
    thread.join()
    passed = len(outcome) == 1 and outcome[0] is None
    text = json.dumps({"token": token if passed else "", "failure": None if passed else "".join(outcome[:1])})
    write(report, text.encode("utf-8", "replace"))
    leave(0)


main()

"""The command `archdsl`: runs a command and turns every way it can end into an exit code."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from archdsl import __version__

OK, FINDINGS, USAGE, OUR_BUG, INTERRUPTED = 0, 1, 2, 70, 130


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 the program has findings, 2 usage or files, 70 our bug, 130 interrupted."""
    arguments = sys.argv[1:]
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # it was closed (`archdsl ops >&-`): nobody wants to read it, or has anything to say
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what a terminal's encoding lacks is written as an escape, not a crash
            stream.reconfigure(errors="backslashreplace")
    code = guarded(lambda: run(arguments), arguments)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = code or USAGE
        _forget_streams()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as fault:
        code = code or _cannot(fault)
        _forget_streams()
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End. Where nothing is left to do at the end, memory is not given back object by object: that was a seventh of the time of
    checking the zoo (mypy does the same)."""
    threading = sys.modules.get("threading")
    if not atexit._ncallbacks() and (threading is None or threading.active_count() == 1):
        os._exit(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Find the command and call it; its exit code."""
    if list(arguments) == ["--version"]:  # not worth the 20 ms of importing click
        print(f"archdsl {__version__}")
        return OK
    if len(arguments) > 1 and arguments[0] == "check" and not any(one.startswith("-") for one in arguments):
        from archdsl.cli.checking import check  # files alone: nothing that click would have to read

        try:
            return check(tuple(arguments[1:]), {}, (), "text", False)
        except Exception as fault:
            if not type(fault).__module__.startswith("click"):
                raise  # what click would say of a name that is not there, it says below
    import click

    from archdsl.cli.group import archdsl

    if "_ARCHDSL_COMPLETE" in os.environ:
        from archdsl.cli.shells import answer_completion

        return answer_completion(archdsl, os.environ["_ARCHDSL_COMPLETE"])
    try:
        with archdsl.make_context("archdsl", list(arguments)) as context:
            result = archdsl.invoke(context)
            return int(result or OK)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as fault:
        fault.show(sys.stderr)
        return USAGE
    except click.ClickException as fault:
        fault.show(sys.stderr)
        return USAGE
    except click.Abort:
        raise KeyboardInterrupt from None


def guarded(job: Callable[[], int], arguments: Sequence[str]) -> int:
    """The exit code of `job`, whatever it raises; what it raises that nobody foresaw is reported as our bug."""
    try:
        return job()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away: `archdsl ops | head`
        _forget_streams()
        return USAGE
    except OSError as fault:
        if _is_ours(fault):
            return _our_bug(fault, arguments)
        return _cannot(fault)
    except Exception as fault:
        return _expected(fault) or _our_bug(fault, arguments)


def _is_ours(fault: OSError) -> bool:
    """Did no system call fail, or one on a file of the package itself? Then the user can do nothing about it."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return fault.errno is None or str(fault.filename).startswith(package + os.sep)


def _expected(fault: Exception) -> int | None:
    """The exit code for a program with errors, one too large for this machine and sizes that do not fit it, which are shown;
    None for any other exception."""
    from archdsl.analyses.sizes import NoBinding
    from archdsl.problems.problem import ArchError

    if isinstance(fault, NoBinding) or (isinstance(fault, MemoryError) and str(fault)):
        print(f"archdsl: {fault}", file=sys.stderr)
        return USAGE
    if not isinstance(fault, ArchError):
        return None
    from archdsl.cli.showing import show_problems

    show_problems(fault.problems, sys.stderr)
    unreadable = {"unreadable-file", "source-too-large", "not-utf8", "bad-weights-file"}
    return USAGE if any(problem.code in unreadable for problem in fault.problems) else FINDINGS


def _our_bug(fault: BaseException, arguments: Sequence[str]) -> int:
    from archdsl.cli.failures import report

    report(fault, arguments, sys.stderr)
    return OUR_BUG


def _cannot(fault: OSError) -> int:
    """Say what the system refused; for files this is no bug of ours."""
    from archdsl.files.reading import reason
    from archdsl.problems.render.cells import visible

    where = f"{fault.filename}: " if fault.filename is not None else ""
    try:
        print(f"archdsl: {visible(where + reason(fault))}", file=sys.stderr)
    except OSError:  # the stream that fails is the one we complain on
        _forget_streams()
    return USAGE


def _forget_streams() -> None:
    """Send what is still in the buffers nowhere, so that the interpreter does not complain when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)

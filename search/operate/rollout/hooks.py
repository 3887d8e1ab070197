"""The user's hooks: shell lines that are given a fact; whatever they do, the pipeline goes on."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from typing import Any

from objectives.machine.process_tree import kill_below
from search.operate.context import OperateContext
from search.operate.journal.facts import Fact
from spaces.errors import first_line

HOOKS = ("labels_asked", "rollout_begun", "promoted", "rolled_back", "alert")
SAID_MOST = 200  # of what a hook printed, in the line that says why it failed


def call_hook(context: OperateContext, name: str, fact: Fact) -> str:
    """Run the user's line for what has happened, and wait for its end.

    It is given the fact as one line of JSON on standard input, and AUTOML_PIPELINE, AUTOML_HOOK, AUTOML_ROUND and
    AUTOML_VERSION in its environment (empty where there is none); what it prints goes to `hooks.txt` of the pipeline.
    A line that takes longer than `hooks.timeout_s` is killed, with all that it has started.

    Returns:
        empty, or in one line why it failed. A hook that is not set is no failure.
    """
    line = getattr(context.settings.hooks, name)
    if line is None:
        return ""
    try:
        return _run(context, name, line, fact)
    except Exception as error:  # a user's line must never end a look, whatever the system says to it
        return f"hooks.{name}: {first_line(error)}"


def fact_json(context: OperateContext, name: str, fact: Fact) -> dict[str, Any]:
    """Return what a hook reads."""
    return {
        "hook": name,
        "pipeline": context.settings.name,
        "kind": fact.kind.value,
        "number": fact.number,
        "round": fact.round,
        "at": fact.at.isoformat(),
        "words": dict(fact.words),
        "folder": str(context.paths.folder),
        "deployments": str(context.paths.deployed),
    }


def _run(context: OperateContext, name: str, line: str, fact: Fact) -> str:
    log = context.paths.hooks_log
    log.parent.mkdir(parents=True, exist_ok=True)
    given = json.dumps(fact_json(context, name, fact), ensure_ascii=False, default=str) + "\n"
    with log.open("ab+") as out:
        out.write(f"--- {context.now.isoformat()} {name}: {line}\n".encode())
        out.flush()
        begun = out.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            line,
            shell=True,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **_environment(context, name, fact)},
            start_new_session=True,
        )
        timeout_s = context.settings.hooks.timeout_s
        try:
            process.communicate(given.encode(), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"hooks.{name}: took longer than {timeout_s:g} s and was ended (hooks.timeout_s)"
        except BaseException:  # Ctrl-C: the hook ends as well
            _end(process)
            raise
        out.seek(begun)
        said = out.read().decode("utf-8", "replace").strip()[-SAID_MOST:]
    if process.returncode == 0:
        return ""
    last = said.splitlines()[-1] if said else "it printed nothing"
    return f"hooks.{name}: ended with {process.returncode} ({last}); see '{log}'"


def _environment(context: OperateContext, name: str, fact: Fact) -> dict[str, str]:
    return {
        "AUTOML_PIPELINE": context.settings.name,
        "AUTOML_HOOK": name,
        "AUTOML_ROUND": "" if fact.round is None else str(fact.round),
        "AUTOML_VERSION": str(fact.words.get("version") or ""),
    }


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a hook with its descendants, also those that have left its process group."""
    kill_below(process.pid)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""`make faults`: kills, cuts, floods and outages against real web processes, with a figure for each promise.

    python -m bench.faults [--short] [--processes 1|2] [A1 A8 ...]

It starts a PostgreSQL, a Redis and a stand-in Messages API of its own on free ports and stops them at the end. Without
names it runs every line, on one web process and then on two that share the servers. See docs/faults.md.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path

import django
import uvloop

from bench.faults.api import running_api
from bench.faults.servers import MAX_CONNECTIONS, MissingServerError, own_servers
from bench.faults.verdict import table
from bench.processes import RAISED as RAISED_ALWAYS
from bench.processes import settings_of_the_run

# The breaker would take the faults of one line out on the next; its own tests are in the unit suite.
RAISED = {"BREAKER_FAILURES": "1000000", "ERROR_BURST_COUNT": "1000000"}


def main() -> int:
    """Run the lines; 1 if any fails, 2 if a server is not installed here."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", type=str.upper, help="lines to run, such as A1 A8 (default all)")
    parser.add_argument("--short", action="store_true", help="fewer turns, shorter outages: at most 4 minutes")
    parser.add_argument("--processes", type=int, choices=(1, 2), help="only on so many web processes")
    options = parser.parse_args()
    # Whatever ends the run, what it started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rapport-faults-")))
            postgresql, redis = stack.enter_context(own_servers())
            api = stack.enter_context(running_api())
            environment = settings_of_the_run(folder, postgresql.url, redis.url) | {
                "ANTHROPIC_BASE_URL": api.url,
                # As behind a proxy that ends TLS, so that forms work over plain HTTP.
                "TRUST_PROXY": "true",
                **RAISED,
            }
            begin_django(environment)
            from bench.faults.suite import chosen, perform

            faults = chosen(options.names)
            print(heading(environment), flush=True)
            processes = [options.processes] if options.processes else [1, 2]
            servers = (postgresql, redis, api)
            reports = uvloop.run(perform(faults, processes, environment, folder, servers, short=options.short))
    except MissingServerError as missing:
        print(missing, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(table(reports))
    return 0 if reports and all(report.passed for report in reports) else 1


def begin_django(environment: dict[str, str]) -> None:
    """Make this process one of the portal's too: its models make the people of the run and read what is stored."""
    os.environ.clear()  # noqa: TID251
    os.environ.update(environment | {"DATABASE_POOL_MIN": "0", "DATABASE_POOL_MAX": "2"})  # noqa: TID251
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"  # noqa: TID251
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)


def heading(environment: dict[str, str]) -> str:
    """On what it runs, and under which limits."""
    raised = ", ".join(f"{name}={environment[name]}" for name in [*RAISED_ALWAYS, *RAISED])
    return (
        f"PostgreSQL with max_connections={MAX_CONNECTIONS}, Redis, production's settings; set for this run: {raised}, "
        f"all rate limits lifted except in A26"
    )


if __name__ == "__main__":
    sys.exit(main())

"""Doing what was put off: the workers of the queue of jobs, in every process that has workers.

Procrastinate fetches, repeats and keeps count of the jobs; a job whose process died is done by another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as ProcrastinateJob
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from kernel.clock import Clock
from node.job_kind import JobKind
from storage.database import Database
from storage.job_queue import JOBS_QUEUE
from storage.job_schema import JOBS_SCHEMA

log = structlog.get_logger(__name__)
for _name in ("procrastinate", "psycopg.pool"):  # what they have to tell is told here, as an event
    logging.getLogger(_name).addHandler(logging.NullHandler())

_TAKE_OVER: Final = "jobs.take_over"
_EVERY_MINUTE: Final = "* * * * *"
_BEAT: Final = timedelta(seconds=10)
_SILENT: Final = timedelta(seconds=30)
_POLL: Final = timedelta(seconds=1)
_PAUSE: Final = 1.0  # s; after the database went away
_PATIENCE: Final = 5.0  # s; for a connection, also of one who is told to stop


class JobDesk:
    """Does the jobs of some kinds, `places` at a time, from `start` to `stop`."""

    def __init__(
        self,
        kinds: Sequence[JobKind],
        *,
        database: Database,
        clock: Clock,
        places: int = 4,
        poll: timedelta = _POLL,
        beat: timedelta = _BEAT,
        silent: timedelta = _SILENT,
    ) -> None:
        """Use `database`; a process that gave no sign of life for `silent` loses its jobs to others.

        New jobs are heard of at once; what waits for its time is looked for every `poll`.
        """
        self._kinds = tuple(kinds)
        self._database = database
        self._clock = clock
        self._places = places
        self._poll = poll
        self._beat = beat
        self._silent = silent
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="jobs")

    async def stop(self) -> None:
        """Finish the jobs at hand and take no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def take_over(self) -> None:
        """Have the jobs of processes that gave no sign of life done by others; done each minute."""
        app = self._app()
        async with app.open_async():
            await self._take_over(app)

    async def do_all_due(self) -> None:
        """Do what is due now and return."""
        app = self._app()
        async with app.open_async():
            await app.run_worker_async(**self._options(), wait=False, listen_notify=False)

    async def _run(self) -> None:
        """Work until cancelled, also through an absence of the database."""
        while True:
            app = self._app()
            try:
                async with app.open_async():
                    await app.run_worker_async(**self._options())
                log.warning("jobs.interrupted")
            except Exception:
                log.exception("jobs.interrupted")
            await asyncio.sleep(_PAUSE)

    def _options(self) -> dict[str, Any]:
        return {
            "queues": [JOBS_QUEUE],
            "concurrency": self._places,
            "install_signal_handlers": False,
            "fetch_job_polling_interval": self._poll.total_seconds(),
            "update_heartbeat_interval": self._beat.total_seconds(),
            "stalled_worker_timeout": self._silent.total_seconds(),
            "delete_jobs": "successful",
        }

    def _app(self) -> App:
        url = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        app = App(
            connector=PsycopgConnector(
                conninfo=url,
                kwargs={"options": f"-c search_path={JOBS_SCHEMA}"},
                min_size=1,
                max_size=self._places + 1,
                timeout=_PATIENCE,
            )
        )
        for kind in self._kinds:
            self._register(app, kind)
        self._register_take_over(app)
        return app

    def _register(self, app: App, kind: JobKind) -> None:
        waits = _Waits(kind.retry_after)

        async def run(context: JobContext, /, timestamp: int | None = None, **arguments: str) -> None:
            try:
                await kind.run(arguments, self._clock.now())
            except Exception as error:
                if waits.is_over(context.job):
                    log.exception("job.given_up", kind=kind.name, arguments=arguments)
                    if kind.on_given_up is not None:
                        await kind.on_given_up(arguments, error, self._clock.now())
                raise

        task = app.task(name=kind.name, queue=JOBS_QUEUE, pass_context=True, retry=waits)(run)
        if kind.every is not None:
            app.periodic(cron=kind.every)(task)

    def _register_take_over(self, app: App) -> None:
        async def take_over(timestamp: int) -> None:
            await self._take_over(app)

        task = app.task(name=_TAKE_OVER, queue=JOBS_QUEUE, queueing_lock=_TAKE_OVER)(take_over)
        app.periodic(cron=_EVERY_MINUTE)(task)

    async def _take_over(self, app: App) -> None:
        silent = self._silent.total_seconds()
        for job in await app.job_manager.get_stalled_jobs(queue=JOBS_QUEUE, seconds_since_heartbeat=silent):
            log.warning("jobs.taken_over", kind=job.task_name, about=job.lock)
            with suppress(ConnectorException):  # another process was faster
                await app.job_manager.retry_job(job)


class _Waits(BaseRetryStrategy):
    """Tries again after each of some waits, and then no more."""

    def __init__(self, waits: Sequence[timedelta]) -> None:
        self._waits = tuple(waits)

    def is_over(self, job: ProcrastinateJob) -> bool:
        return job.attempts >= len(self._waits)

    def get_retry_decision(self, *, exception: BaseException, job: ProcrastinateJob) -> RetryDecision | None:
        """Return when to try again; None gives up."""
        if self.is_over(job):
            return None
        return RetryDecision(retry_in={"seconds": round(self._waits[job.attempts].total_seconds())})

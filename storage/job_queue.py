"""Work for later, put into the same transaction as what makes it necessary.

A job is named by its kind; what it is about stands in its arguments. It is done at least once, perhaps
twice after a crash, so whoever does it must find it done already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from storage.job_schema import JOBS_SCHEMA
from storage.unit_of_work import Transaction

JOBS_QUEUE: Final = "degnode"

_PUT: Final = f"""
    INSERT INTO {JOBS_SCHEMA}.procrastinate_jobs
        (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
    VALUES ($1, $2, $3, $4, $5::jsonb, $6)
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    RETURNING id
"""  # noqa: S608  nothing but constants


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do, not before `due`; None is at once.

    Of jobs with the same `about` no two run at the same time, and only one of a kind waits.
    """

    kind: str
    about: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    due: datetime | None = None


async def put_job(transaction: Transaction, job: Job) -> bool:
    """Have `job` done if the transaction commits; return False if one like it waits already.

    The one that waits keeps its time.
    """
    found = await transaction.driver.fetchval(
        _PUT,
        JOBS_QUEUE,
        job.kind,
        job.about,
        f"{job.kind} {job.about}",
        orjson.dumps(dict(job.arguments)).decode(),
        job.due,
    )
    return found is not None

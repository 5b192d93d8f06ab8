"""The table of periodic jobs, and nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apscheduler.schedulers.asyncio import AsyncIOScheduler


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done again and again; `seconds` apart, never twice at once."""

    name: str
    seconds: float
    run: Callable[[], object]


def scheduler(jobs: Sequence[Job]) -> AsyncIOScheduler:
    """Return a scheduler that runs the jobs in threads beside the caller's loop; missed runs are made up once."""
    made = AsyncIOScheduler(
        timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600}
    )
    for job in jobs:
        made.add_job(job.run, "interval", seconds=job.seconds, id=job.name)
    return made

"""What to ask about jobs that are due: what is known of each, so that only the rest is asked for."""

from datetime import datetime

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from jobs import manners, retention
from jobs.fetch import Errand
from jobs.models import Event, File, Job, Snapshot

KNOWN_EVENTS = 200


def errands_for(jobs: list[Job], now: datetime) -> dict[int, Errand]:
    """What to ask about each job."""
    refused = _refused(jobs, now)
    forgotten = retention.forgotten_events(jobs, now)
    fingerprints = dict(
        Snapshot.objects.filter(
            job__in=jobs, source=Snapshot.Source.RETRIEVE, is_newest=True
        ).values_list("job_id", "fingerprint")
    )
    files, known = _files_done(jobs), _known_events(jobs)
    return {
        job.pk: Errand(
            provider_id=job.provider_id,
            fingerprint=fingerprints.get(job.pk, ""),
            known_events=frozenset(known.get(job.pk, ())),
            done_files=frozenset(files.get(job.connection_id, ())),
            refused=refused[job.pk] | ({"events"} if job.pk in forgotten else frozenset()),
            events_cut=job.events_cut,
        )
        for job in jobs
    }


def _refused(jobs: list[Job], now: datetime) -> dict[int, frozenset[str]]:
    """What is not asked about each job. One job a connection tries what was refused a day ago."""
    first = {job.connection_id: job.pk for job in reversed(jobs)}
    return {
        job.pk: manners.refused_now(job.connection.refused, now)
        if first[job.connection_id] == job.pk
        else frozenset(job.connection.refused)
        for job in jobs
    }


def _known_events(jobs: list[Job]) -> dict[int, set[str]]:
    """The newest events of each job, with one query for all."""
    newest_first = [F("created_at").desc(), F("id").desc()]
    place = Window(RowNumber(), partition_by="job_id", order_by=newest_first)
    rows = Event.objects.filter(job_id__in=[job.pk for job in jobs]).annotate(place=place)
    known: dict[int, set[str]] = {}
    for job_id, name in rows.filter(place__lte=KNOWN_EVENTS).values_list("job_id", "provider_id"):
        known.setdefault(job_id, set()).add(name)
    return known


def _files_done(jobs: list[Job]) -> dict[int, set[str]]:
    """Per connection, the files that need not be asked for again."""
    rows = File.objects.filter(
        connection_id__in={job.connection_id for job in jobs},
        provider_id__in={name for job in jobs for name in _file_names(job)},
    ).exclude(fetch=File.Fetch.WANTED)
    done: dict[int, set[str]] = {}
    for connection_id, name in rows.values_list("connection_id", "provider_id"):
        done.setdefault(connection_id, set()).add(name)
    return done


def _file_names(job: Job) -> list[str]:
    return [name for name in (job.training_file, job.validation_file, *job.result_files) if name]

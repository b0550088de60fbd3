"""A file at the provider: what it said about it, and the result file's content kept here."""

import zlib

from django.db import models
from django.db.models.functions import Now

from jobs.models.connection import Connection
from jobs.models.facts import OfConnection


class File(models.Model):
    class Fetch(models.TextChoices):
        """What became of the content. Training files stay at METADATA."""

        METADATA = "metadata", "Not kept"
        WANTED = "wanted", "To be fetched"
        STORED = "stored", "Kept here"
        GONE = "gone", "No longer available"
        REFUSED = "refused", "Refused by the provider"
        TOO_LARGE = "too_large", "Too large to keep"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="files")
    provider_id = models.CharField(max_length=200)
    filename = models.CharField(max_length=300, blank=True)
    purpose = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=40, blank=True)
    size_bytes = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    raw = models.JSONField(default=dict)

    fetch = models.CharField(max_length=9, choices=Fetch, default=Fetch.METADATA)
    fetch_reason = models.TextField(blank=True)
    content = models.BinaryField(null=True)  # as received, zlib-compressed
    content_bytes = models.BigIntegerField(null=True)  # as received
    sha256 = models.CharField(max_length=64, blank=True)  # of the bytes as received
    kind = models.CharField(max_length=10, blank=True)  # csv, empty, error, html, unknown
    encoding = models.CharField(max_length=6, blank=True)  # plain or base64
    columns = models.JSONField(default=list)
    row_count = models.PositiveIntegerField(null=True)
    skipped_rows = models.PositiveIntegerField(default=0)
    first_seen_at = models.DateTimeField(db_default=Now())
    fetched_at = models.DateTimeField(null=True)

    objects = OfConnection.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "provider_id"], name="file_once")
        ]
        # To count what became of them without reading rows, each of which holds a content.
        indexes = [models.Index(fields=["connection", "fetch"], name="file_fate")]

    def __str__(self) -> str:
        return self.filename or self.provider_id

    def received(self) -> bytes | None:
        """The content as the provider sent it, or None when it is not kept."""
        return zlib.decompress(self.content) if self.content is not None else None

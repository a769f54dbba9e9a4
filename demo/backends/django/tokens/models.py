import uuid

from django.conf import settings
from django.db import models


class Session(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    expires_at = models.DateTimeField()
    ended = models.BooleanField(default=False)


class RefreshToken(models.Model):
    """Hashes only: a stolen copy of the database opens no session."""

    hash = models.CharField(primary_key=True, max_length=64)
    session = models.ForeignKey(Session, models.CASCADE)
    used_at = models.DateTimeField(null=True)

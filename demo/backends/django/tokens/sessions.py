"""Refresh tokens. Not those of Simple JWT: its blacklist refuses a used token, and leaves the thief's session alive."""

import hashlib
import logging
import secrets

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .models import RefreshToken, Session


def sha256(token):
    return hashlib.sha256(token.encode()).hexdigest()


def successor_of(token):
    """Only the server can compute it. So a lost answer can be repeated, although the database has no token."""
    return salted_hmac("tokens.successor", token, algorithm="sha256").hexdigest()


@transaction.atomic
def start_session(user):
    """Returns the first refresh token of the session."""
    now = timezone.now()
    session = Session.objects.create(user=user, expires_at=now + settings.TOKENS_SESSION)
    token = secrets.token_urlsafe(32)
    RefreshToken.objects.create(hash=sha256(token), session=session)
    # After the inserts: in SQLite a transaction that reads first may not get the write lock.
    Session.objects.filter(expires_at__lt=now).delete()
    return token


def end_session(token):
    """Of a used token too: after a lost answer the browser still has the one from before."""
    Session.objects.filter(refreshtoken__hash=sha256(token)).update(ended=True)


@transaction.atomic
def rotate(token):
    """Each refresh token is used once. A second use within the grace gets the same successor; a later one ends the
    session. Returns a text if the token is refused. It raises nothing: that would undo the end of the session."""
    now = timezone.now()
    # It writes before it reads: of two refreshes at once only one finds the token unused, on every database.
    is_first = RefreshToken.objects.filter(hash=sha256(token), used_at=None).update(used_at=now)
    row = RefreshToken.objects.select_related("session__user").filter(hash=sha256(token)).first()
    if row is None:
        return "invalid_refresh_token"
    session = row.session
    if session.ended or not session.user.is_active:
        return "session_revoked"
    if session.expires_at <= now:
        return "session_expired"
    successor = successor_of(token)
    if is_first:
        RefreshToken.objects.create(hash=sha256(successor), session=session)
        return session, successor
    is_late = now - row.used_at >= settings.TOKENS_GRACE
    if is_late or not RefreshToken.objects.filter(hash=sha256(successor), used_at=None).exists():
        Session.objects.filter(pk=session.pk).update(ended=True)
        logging.getLogger(__name__).warning("A used refresh token came again: session %s is ended", session.pk)
        return "reuse_detected"
    return session, successor

import logging
from http.client import responses

from django.db import InterfaceError, OperationalError
from django.http import JsonResponse
from rest_framework.exceptions import NotAuthenticated
from rest_framework.response import Response
from rest_framework.views import exception_handler

NAMES = {400: "invalid_request", 401: "invalid_token", 404: "not_found"}


def body(error):
    return {"error": error, "message": error.replace("_", " ")}


def as_json(error, context):
    """For EXCEPTION_HANDLER of Django REST framework."""
    if isinstance(error, (InterfaceError, OperationalError)):
        # The database is locked or away: a 503 signs nobody out.
        logging.getLogger(__name__).error("The database has failed", exc_info=error)
        return Response(body("temporarily_unavailable"), 503, headers={"Retry-After": "5"})
    response = exception_handler(error, context)
    if response is not None:
        response.data = {**body(name_of(error, response.status_code)), "detail": response.data}
    return response


def name_of(error, status):
    if isinstance(error, NotAuthenticated):
        return "unauthorized"
    code = getattr(getattr(error, "detail", None), "code", None)
    return NAMES.get(status) or code or responses[status].lower().replace(" ", "_")


def not_found(request, exception):
    return JsonResponse(body("not_found"), status=404, headers={"Cache-Control": "no-store"})


def server_error(request):
    return JsonResponse(body("server_error"), status=500, headers={"Cache-Control": "no-store"})

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from rest_framework import permissions, serializers
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import AccessToken

from .errors import body
from .sessions import end_session, rotate, start_session

HTTPS = settings.TOKENS_ORIGINS[0].startswith("https:")
# With __Host- no sibling subdomain can plant a cookie of this name. Browsers take such a name over https only.
COOKIE, PATH = ("__Host-refresh_token", "/") if HTTPS else ("refresh_token", "/auth")


class FromOwnPage(permissions.BasePermission):
    """The browser adds the cookie by itself. So the server asks which page has sent the request."""

    code = "forbidden_origin"

    def has_permission(self, request, view):
        origin = request.headers.get("Origin")
        if origin is None:
            return request.headers.get("Sec-Fetch-Site") == "same-origin"
        return origin in settings.TOKENS_ORIGINS


class Credentials(serializers.Serializer):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False)


def to_user(user):
    return {"sub": str(user.pk), "email": user.email, "name": user.get_full_name()}


def read_refresh_cookie(request):
    """By its exact name. `request.COOKIES` removes Unicode spaces, and a sibling subdomain can set a name with one."""
    pairs = (pair.partition("=") for pair in request.headers.get("Cookie", "").split("; "))
    return next((value for name, _, value in pairs if name == COOKIE), "")


def set_refresh_cookie(response, token, age):
    response.set_cookie(
        COOKIE, token, max_age=int(age.total_seconds()), path=PATH, httponly=True, samesite="Strict", secure=HTTPS
    )
    return response


def grant(user, token, age):
    access_token = AccessToken.for_user(user)
    access_token["sub"] = str(user.pk)
    answer = {
        "access_token": str(access_token),
        "token_type": "Bearer",
        "expires_in": int(access_token.lifetime.total_seconds()),
        "user": to_user(user),
    }
    return set_refresh_cookie(Response(answer), token, age)


def refused(error):
    return Response(body(error), status=401)


@method_decorator(never_cache, name="dispatch")
class AuthView(APIView):
    authentication_classes = []
    permission_classes = [FromOwnPage]


class Login(AuthView):
    def post(self, request):
        credentials = Credentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        email, password = credentials.validated_data["email"].lower(), credentials.validated_data["password"]
        # The user name is the email address. An unknown user takes as long as a wrong password.
        user = authenticate(request, username=email, password=password)
        if user is None:
            return refused("invalid_credentials")
        # The new cookie replaces the one of an older session. Nobody could end that session later.
        end_session(read_refresh_cookie(request))
        return grant(user, start_session(user), settings.TOKENS_SESSION)


class Refresh(AuthView):
    def post(self, request):
        token = read_refresh_cookie(request)
        if not token:
            return refused("missing_refresh_token")
        result = rotate(token)
        # No cookie is cleared here: the refusal may arrive after a new login.
        if isinstance(result, str):
            return refused(result)
        session, successor = result
        return grant(session.user, successor, session.expires_at - timezone.now())


class Logout(AuthView):
    def post(self, request):
        end_session(read_refresh_cookie(request))
        return set_refresh_cookie(Response(status=204), "", timedelta())


@method_decorator(never_cache, name="dispatch")
class WhoAmI(APIView):
    def get(self, request):
        return Response(to_user(request.user))

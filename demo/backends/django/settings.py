import os
from datetime import timedelta
from pathlib import Path

from django.core.management.utils import get_random_secret_key

# Set it in production, to the same value in every process: without it a restart makes all access tokens invalid.
SECRET_KEY = os.environ.get("SECRET", get_random_secret_key())
ALLOWED_HOSTS = os.environ.get("HOSTS", "127.0.0.1,localhost").split(",")
ROOT_URLCONF = "urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "tokens"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]

# Replace it by your own. The rotation works on every database that Django knows.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", Path(__file__).parent / "server.db"),
        "OPTIONS": {"timeout": 5},
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tokens.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    # A database that is away is a 503, and each error has a name.
    "EXCEPTION_HANDLER": "tokens.errors.as_json",
}

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=int(os.environ.get("ACCESS_TTL", "900"))),
    "ISSUER": "https://auth.example.com",
    "AUDIENCE": "https://api.example.com",
    "USER_ID_CLAIM": "sub",
}

# For tokens/

# Where your pages are. In production: ORIGINS=https://app.example.com
TOKENS_ORIGINS = os.environ.get("ORIGINS", "http://127.0.0.1:4000,http://localhost:5173").split(",")
TOKENS_GRACE = timedelta(seconds=float(os.environ.get("GRACE", "10")))
TOKENS_SESSION = timedelta(days=30)

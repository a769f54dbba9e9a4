"""An auth server for silent-refresh, with Django, Django REST framework and Simple JWT.

    apt install python3-djangorestframework-simplejwt    (or: pip install djangorestframework-simplejwt)
    python3 manage.py migrate
    DJANGO_SUPERUSER_PASSWORD='correct horse battery staple' python3 manage.py createsuperuser \
        --noinput --username ada@example.com --email ada@example.com
    python3 manage.py runserver 127.0.0.1:4000

In your own project: copy `tokens/`, add it to INSTALLED_APPS, and take over what settings.py and urls.py say of it.
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    execute_from_command_line(sys.argv)
